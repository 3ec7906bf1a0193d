//! DTLS as str0m's own provider gives it, with one configuration for all connections, and media's keys for whoever carries media.
//!
//! dimpl proves its cryptography each time that a configuration is built (key exchanges and signatures on several curves,
//! 1.5 ms), and str0m's provider builds one for each connection: a third of what a join cost.
//!
//! str0m gets no keys where media is our own: not even a bug over there can seal under them what we have sealed with the same
//! number. And what has no keys makes no ciphers, of which most connections of most people need none: they send nothing on the
//! one, and receive nothing on the other.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use str0m::config::KeyingMaterial;
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider};
use visavis_rtp::{Keys, Profile};

/// Where the keys of a connection will be whose media is our own.
#[derive(Clone, Default)]
pub(crate) struct KeySlot(Arc<Mutex<Option<Keys>>>);

impl KeySlot {
    /// What the connection agreed on, once it has.
    pub(crate) fn get(&self) -> Option<Keys> {
        self.lock().clone()
    }

    fn put(&self, material: &KeyingMaterial, profile: SrtpProfile, is_client: bool) {
        *self.lock() = profile_of(profile).and_then(|profile| Keys::new(profile, material, is_client));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Keys>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn profile_of(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        _ => None,
    }
}

thread_local! {
    /// Of the connection that is being built.
    static BUILT: RefCell<Option<KeySlot>> = const { RefCell::new(None) };
}

/// Builds a connection whose keys go into `slot`, or to str0m if there is none.
pub(crate) fn with_slot<T>(slot: Option<&KeySlot>, build: impl FnOnce() -> T) -> T {
    BUILT.with_borrow_mut(|built| *built = slot.cloned());
    let result = build();
    BUILT.with_borrow_mut(|built| *built = None);
    result
}

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
        let slot = BUILT.with_borrow_mut(Option::take);
        Ok(Box::new(Instance { dtls, slot, began: now }))
    }
}

struct Instance {
    dtls: dimpl::Dtls,
    slot: Option<KeySlot>,
    began: Instant,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_client = self.dtls.is_active();
        match (self.dtls.poll_output(buffer), &self.slot) {
            (DtlsOutput::KeyingMaterial(material, profile), Some(slot)) => {
                slot.put(&material, profile, is_client);
                // Long past: it looks at once for what else there is.
                DtlsOutput::Timeout(self.began)
            }
            (output, _) => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
