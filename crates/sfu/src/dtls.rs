//! DTLS as str0m's own provider gives it, with one configuration for all connections.
//!
//! dimpl proves its cryptography each time that a configuration is built (key exchanges and signatures on several curves,
//! 1.5 ms), and str0m's provider builds one for each connection: a third of what a join cost.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider};

/// str0m's cryptography, with DTLS from here.
pub(crate) fn crypto_provider() -> CryptoProvider {
    CryptoProvider { dtls_provider: &DTLS, ..str0m::crypto::from_feature_flags() }
}

static DTLS: Provider = Provider { config: OnceLock::new() };

#[derive(Debug)]
struct Provider {
    /// With the MTU that it is for, which is the same for all of our connections.
    config: OnceLock<(Option<usize>, Arc<dimpl::Config>)>,
}

impl Provider {
    fn config(&self, mtu: Option<usize>) -> Result<Arc<dimpl::Config>, CryptoError> {
        if let Some((_, config)) = self.config.get().filter(|(known, _)| *known == mtu) {
            return Ok(config.clone());
        }
        // ICE has proven that the client is where it says: a cookie would only cost a round trip.
        let builder = dimpl::Config::builder().use_server_cookie(false);
        let builder = if let Some(mtu) = mtu { builder.mtu(mtu) } else { builder };
        let config = builder.build().map_err(|error| CryptoError::Other(format!("DTLS cannot be set up: {error}")))?;
        let config = Arc::new(config);
        // Another thread may have been first: theirs is as good.
        let _ = self.config.set((mtu, config.clone()));
        Ok(config)
    }
}

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let (config, certificate) = (self.config(mtu)?, cert.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, certificate, now),
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, certificate, now),
            _ => return Err(CryptoError::Other(format!("no DTLS {version} here"))),
        };
        Ok(Box::new(Instance(dtls)))
    }
}

struct Instance(dimpl::Dtls);

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
