//! One peer connection: str0m's `Rtc`, its addresses, its channels and whether the peer is still there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::crypto::CryptoProvider;
use str0m::net::Transmit;
use str0m::rtp::Extension;
use str0m::{Candidate, IceCreds, Reason, Rtc};
use visavis_egress::Path;
use visavis_rtp::Clock;

use crate::bitstream::Codec;
use crate::checks::Checks;
use crate::dtls::{KeySlot, with_slot};
use crate::event::Protocol;
use crate::media::Media;
use crate::participant::Participant;
use crate::prober::Prober;
use crate::{ShardConfig, dependency_descriptor, ufrag_prefix};

/// Without a packet for so long the peer is disconnected…
pub(crate) const DISCONNECTED_AFTER: Duration = Duration::from_secs(10);
/// …and for so long it has failed.
pub(crate) const FAILED_AFTER: Duration = Duration::from_secs(15);
/// A first connection that takes longer will not come.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// A connection is quiet when so long nothing but STUN has passed: longer than SCTP waits to send something again.
const QUIET_AFTER: Duration = Duration::from_secs(3);
/// Pacing and estimation want time 40 times a second; a quiet connection gets it so often.
const QUIET_INTERVAL: Duration = Duration::from_secs(1);
/// ICE wants time every 3 s, and has no use for it: it sends no checks. What it finds without any, that the peer is gone, we
/// see ourselves. But it hides what else is due later: what SCTP is to send again, while something is not acknowledged. It may
/// have waited for that all the while that it was quiet, so it gets time when it has been quiet for as long again, and at
/// the latest after this, which is SCTP's longest wait.
const QUIET_ICE_INTERVAL: Duration = Duration::from_secs(60);
/// Longer than any call.
const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);
/// Addresses a peer may be reached at; more are a peer that plays games, and the oldest is forgotten.
const MAX_ADDRESSES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not connected yet.
    Connecting,
    Connected,
    Disconnected,
    Failed,
}

/// The data channels by LiveKit's labels.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Channels {
    pub reliable: Option<ChannelId>,
    pub lossy: Option<ChannelId>,
    pub data_track: Option<ChannelId>,
    /// Both are open.
    pub told: bool,
}

impl Channels {
    pub(crate) fn lossy(&self) -> Option<ChannelId> {
        self.lossy
    }

    pub(crate) fn data_track(&self) -> Option<ChannelId> {
        self.data_track
    }
}

pub(crate) struct Connection {
    /// By itself: of 10 kB as it is, it would take 12 together with the rest, as allocators round.
    pub rtc: Box<Rtc>,
    pub state: State,
    /// Credentials by which STUN requests find this connection: the current ones, and those of a restart under way.
    pub ufrags: Vec<String>,
    pub checks: Checks,
    /// Authenticated addresses, latest last.
    pub addresses: Vec<(Protocol, SocketAddr)>,
    pub channels: Channels,
    /// The last packet that was certainly the peer's.
    pub heard: Instant,
    /// The last packet in either direction that was not STUN.
    pub busy: Instant,
    /// When the description was exchanged, so that a connection is due.
    pub due_since: Option<Instant>,
    /// Something was written; drain at the next flush.
    pub dirty: bool,
    /// The timer that is set.
    pub timer: Option<Instant>,
    /// When str0m wants time, which may be later than the timer.
    pub deadline: Instant,
    /// When it is looked at for silence next.
    pub watch: Option<Instant>,
    /// Bit/s, from TWCC.
    pub estimate: Option<u64>,
    pub prober: Prober,
    /// What carries its media; `None`: str0m does.
    pub media: Option<Box<Media>>,
}

/// What all connections of a shard have in common.
pub(crate) struct Factory {
    pub config: ShardConfig,
    pub crypto: Arc<CryptoProvider>,
    pub certificate: DtlsCert,
    pub clock: Clock,
}

impl Factory {
    /// Fresh ICE credentials that name this shard. The rest of the ufrag is long enough never to come twice.
    pub(crate) fn credentials(&self) -> IceCreds {
        let (first, second) = (IceCreds::new(), IceCreds::new());
        let prefix = ufrag_prefix(self.config.index).map(char::from);
        IceCreds { ufrag: format!("{}{}{}{}", prefix[0], prefix[1], first.ufrag, second.ufrag), pass: first.pass }
    }

    /// A connection that can negotiate the participant's codecs; `sends` media and so estimates bandwidth, or receives it.
    pub(crate) fn connection(&self, participant: &Participant, sends: bool, now: Instant) -> Connection {
        let codecs = &participant.codecs;
        let credentials = self.credentials();
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_local_ice_credentials(credentials.clone())
            .set_crypto_provider(self.crypto.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_sctp_max_message_size(crate::data::MAX_MESSAGE as u32)
            .set_sctp_max_buffered_amount(crate::messages::MAX_BUFFERED)
            .clear_codecs();
        config = config.set_extension(9, Extension::AbsoluteCaptureTime);
        config = config.set_extension(12, dependency_descriptor::extension());
        for codec in codecs {
            config = match codec {
                Codec::Opus => config.enable_opus(true, codecs.contains(&Codec::Red)),
                Codec::Red => config, // Opus brings it
                Codec::Pcmu => config.enable_pcmu(true, false),
                Codec::Pcma => config.enable_pcma(true, false),
                Codec::Vp8 => config.enable_vp8(true),
                Codec::H264 => config.enable_h264(true),
                Codec::Vp9 => config.enable_vp9(true),
                Codec::Av1 => config.enable_av1(true),
                Codec::H265 => config.enable_h265(true),
            };
        }
        if sends && participant.playout_delay.is_some() {
            config = config.set_extension(5, str0m::rtp::Extension::PlayoutDelay);
        }
        let keys = (!self.config.reference).then(KeySlot::default);
        if keys.is_some() {
            // Reports of media are not str0m's.
            config = config.set_rtcp_report_interval_audio(NEVER).set_rtcp_report_interval_video(NEVER);
        }
        if sends && keys.is_none() {
            config = config
                .enable_bwe(Some(Bitrate::bps(self.config.initial_bitrate)))
                .set_stats_interval(Some(crate::quality::INTERVAL));
        }
        let mut rtc = with_slot(keys.as_ref(), || Box::new(config.build(now)));
        for address in &self.config.udp {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in &self.config.tcp {
            let candidate = Candidate::builder().tcp().host(*address).tcptype(str0m::net::TcpType::Passive).build();
            if let Ok(candidate) = candidate {
                rtc.add_local_candidate(candidate);
            }
        }
        Connection {
            rtc,
            state: State::Connecting,
            ufrags: vec![credentials.ufrag],
            checks: Checks::default(),
            addresses: Vec::new(),
            channels: Channels::default(),
            heard: now,
            busy: now,
            due_since: None,
            dirty: false,
            timer: None,
            deadline: now,
            watch: None,
            estimate: None,
            prober: Prober::default(),
            media: keys.map(|keys| Box::new(Media::new(keys, self.clock, self.config.initial_bitrate))),
        }
    }
}

impl Connection {
    /// When it gets the time that str0m wants at `at`: a quiet one waits, if it is only to pace and estimate media, or to
    /// look for checks that do not come.
    pub(crate) fn due(&mut self, at: Instant, now: Instant) -> Instant {
        if !self.connected() || now <= self.busy + QUIET_AFTER {
            return at;
        }
        match self.rtc.last_timeout_reason() {
            Reason::Pacer(_) | Reason::BweDelayControl => at.max(now + QUIET_INTERVAL),
            // Sooner than that it has something to do.
            Reason::Ice if at > now + QUIET_INTERVAL => {
                let is_done = self.channels.told && self.has_nothing_buffered();
                at.max(now + if is_done { QUIET_ICE_INTERVAL } else { (now - self.busy).min(QUIET_ICE_INTERVAL) })
            }
            _ => at,
        }
    }

    /// Whether all that was sent over the data channels was acknowledged, or given up. What SCTP repeats beside that (that it
    /// gave something up, that a channel is closed) can wait.
    fn has_nothing_buffered(&mut self) -> bool {
        let Channels { reliable, lossy, data_track, .. } = self.channels;
        let mut channels = [reliable, lossy, data_track].into_iter().flatten();
        channels.all(|id| self.rtc.channel(id).is_none_or(|mut channel| channel.buffered_amount() == 0))
    }

    pub(crate) fn connected(&self) -> bool {
        matches!(self.state, State::Connected | State::Disconnected)
    }

    /// What carries the peer's packets, by its latest address.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.addresses.last().map(|(protocol, _)| *protocol)
    }

    /// Remembers an authenticated address. Returns what became known, and what had to be forgotten for it.
    pub(crate) fn learn(&mut self, protocol: Protocol, source: SocketAddr) -> (bool, Option<(Protocol, SocketAddr)>) {
        let entry = (protocol, source);
        if let Some(index) = self.addresses.iter().position(|known| *known == entry) {
            self.addresses[index..].rotate_left(1);
            return (false, None);
        }
        self.addresses.push(entry);
        (true, (self.addresses.len() > MAX_ADDRESSES).then(|| self.addresses.remove(0)))
    }

    /// Until when time alone does not change the state, if nothing else happens; `None`: it may at any time.
    pub(crate) fn steady_until(&self) -> Option<Instant> {
        (self.state == State::Connected).then(|| self.heard + DISCONNECTED_AFTER)
    }

    /// The state as time alone makes it; `None` if it stays.
    pub(crate) fn aged(&self, now: Instant) -> Option<State> {
        let silent = now.saturating_duration_since(self.heard);
        match self.state {
            State::Connected if silent >= DISCONNECTED_AFTER => Some(State::Disconnected),
            State::Disconnected if silent >= FAILED_AFTER => Some(State::Failed),
            State::Disconnected if silent < DISCONNECTED_AFTER => Some(State::Connected),
            State::Connecting if self.due_since.is_some_and(|since| now - since >= CONNECT_WITHIN) => {
                Some(State::Failed)
            }
            _ => None,
        }
    }
}

/// str0m's protocol to ours; what we do not listen on is told as UDP.
pub(crate) fn protocol_from(protocol: str0m::net::Protocol) -> Protocol {
    if protocol == str0m::net::Protocol::Tcp { Protocol::Tcp } else { Protocol::Udp }
}

pub(crate) fn protocol_to(protocol: Protocol) -> str0m::net::Protocol {
    match protocol {
        Protocol::Udp => str0m::net::Protocol::Udp,
        Protocol::Tcp => str0m::net::Protocol::Tcp,
    }
}

/// What our path calls a protocol.
pub(crate) fn protocol_of(path: Path) -> Protocol {
    if path.is_tcp { Protocol::Tcp } else { Protocol::Udp }
}

/// Where str0m sends something.
pub(crate) fn path_of(transmit: &Transmit) -> Path {
    let is_tcp = protocol_from(transmit.proto) == Protocol::Tcp;
    Path { is_tcp, source: transmit.source, destination: transmit.destination }
}
