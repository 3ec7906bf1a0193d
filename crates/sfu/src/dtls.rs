//! DTLS as str0m's own provider gives it, with one configuration for all connections, and media's keys when they are wanted.
//!
//! dimpl proves its cryptography each time that a configuration is built (key exchanges and signatures on several curves,
//! 1.5 ms), and str0m's provider builds one for each connection: a third of what a join cost.
//!
//! str0m sets SRTP up as soon as it has keys, and most connections of most people never carry media: they send nothing on
//! the one, or receive nothing on the other. The ciphers of both directions take some 17 kB of each such participant.

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
use visavis_egress::{Keys, Profile};

/// What a connection that seals its media itself agreed on.
pub(crate) struct MediaKeys {
    /// The connection's own.
    pub own: Keys,
    /// What str0m has instead: it opens what the peer sends with them, and nobody takes what it seals.
    pub foreign: Keys,
}

/// Where the keys of a connection that seals its media itself will be; and whether anybody wants them.
#[derive(Clone)]
pub(crate) struct KeySlot(Arc<Mutex<Slot>>);

struct Slot {
    /// The connection has media; until then, str0m does not get keys.
    is_wanted: bool,
    /// The connection seals its media itself.
    is_own: bool,
    keys: Option<MediaKeys>,
}

impl KeySlot {
    /// Of a connection whose media is its own, or str0m's.
    pub(crate) fn new(is_own: bool) -> Self {
        Self(Arc::new(Mutex::new(Slot { is_wanted: false, is_own, keys: None })))
    }

    /// The connection is about to have media: str0m gets its keys when it looks at DTLS next.
    pub(crate) fn want(&self) {
        self.lock().is_wanted = true;
    }

    pub(crate) fn take(&self) -> Option<MediaKeys> {
        self.lock().keys.take()
    }

    fn is_wanted(&self) -> bool {
        self.lock().is_wanted
    }

    /// What str0m gets of the keys. If they are the connection's own, they are kept here, and str0m's are worthless for
    /// sealing: not even a bug over there can seal under our keys what we have sealed with the same number.
    fn share(&self, material: KeyingMaterial, profile: SrtpProfile, is_client: bool) -> KeyingMaterial {
        let mut slot = self.lock();
        if !slot.is_own {
            return material;
        }
        // What cannot be split serves nobody.
        let worthless = KeyingMaterial::new(&vec![0; material.len()]);
        let Some(profile) = profile_of(profile) else { return worthless };
        let Some(own) = Keys::new(profile, &material, is_client) else { return worthless };
        let Some((decoy, foreign)) = own.decoy(is_client) else { return worthless };
        slot.keys = Some(MediaKeys { own, foreign });
        KeyingMaterial::new(&decoy)
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
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

/// Builds a connection whose keys go through `slot`.
pub(crate) fn with_slot<T>(slot: &KeySlot, build: impl FnOnce() -> T) -> T {
    BUILT.with_borrow_mut(|built| *built = Some(slot.clone()));
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
        Ok(Box::new(Instance { dtls, slot, withheld: None, began: now }))
    }
}

struct Instance {
    dtls: dimpl::Dtls,
    slot: Option<KeySlot>,
    /// Keys that nobody has wanted yet.
    withheld: Option<(KeyingMaterial, SrtpProfile)>,
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
        if let Some(slot) = &self.slot
            && let Some((material, profile)) = self.withheld.take_if(|_| slot.is_wanted())
        {
            return DtlsOutput::KeyingMaterial(slot.share(material, profile, is_client), profile);
        }
        match (self.dtls.poll_output(buffer), &self.slot) {
            (DtlsOutput::KeyingMaterial(material, profile), Some(slot)) if slot.is_wanted() => {
                DtlsOutput::KeyingMaterial(slot.share(material, profile, is_client), profile)
            }
            (DtlsOutput::KeyingMaterial(material, profile), Some(_)) => {
                self.withheld = Some((material, profile));
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
