//! One peer connection: str0m's `Rtc` on a socket of its own.

use std::io;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, MediaKind, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

use crate::source::{Content, RIDS, Source};
use visavis_bench::socket::{Buffers, Socket};

/// As Chromium asks while nothing has answered. livekit-server nominates when it is asked again, or after its own 200 ms.
const STUN_INTERVAL: Duration = Duration::from_millis(48);

pub struct Connection {
    pub rtc: Rtc,
    pub socket: Socket,
    pub is_connected: bool,
    /// When str0m wants time.
    pub deadline: Instant,
    /// For when a timer is set.
    pub armed: Option<Instant>,
    pub channels: Vec<(ChannelId, String)>,
    pub pending: Option<SdpPendingOffer>,
    /// What goes wrong in str0m ends the connection.
    pub error: Option<String>,
}

impl Connection {
    pub fn new(now: Instant) -> io::Result<Self> {
        let socket = Socket::bind()?;
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true);
        config.set_initial_stun_rto(STUN_INTERVAL);
        let mut rtc = config.build(now);
        let candidate = Candidate::host(socket.address, "udp").map_err(io::Error::other)?;
        rtc.add_local_candidate(candidate);
        Ok(Self {
            rtc,
            socket,
            is_connected: false,
            deadline: now,
            armed: None,
            channels: Vec::new(),
            pending: None,
            error: None,
        })
    }

    /// Hands it one datagram.
    pub fn receive(&mut self, now: Instant, buffers: &Buffers, index: usize) {
        let (source, _, contents) = buffers.datagram(index);
        let Ok(contents) = contents.try_into() else { return };
        let receive = Receive { proto: Protocol::Udp, source, destination: self.socket.address, contents };
        if let Err(error) = self.rtc.handle_input(Input::Receive(now, receive)) {
            self.error.get_or_insert(error.to_string());
        }
    }

    pub fn tick(&mut self, now: Instant) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            self.error.get_or_insert(error.to_string());
        }
    }

    /// Sends what there is to send; returns what happened.
    pub fn drain(&mut self, now: Instant, events: &mut Vec<Event>) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.socket.send(transmit.destination, &transmit.contents),
                Ok(Output::Event(Event::Connected)) => self.is_connected = true,
                Ok(Output::Event(Event::ChannelOpen(id, label))) => self.channels.push((id, label)),
                Ok(Output::Event(event)) => events.push(event),
                Err(error) => {
                    self.error.get_or_insert(error.to_string());
                    self.deadline = now + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    /// Sends at once what was just written, so that its stamp tells when it was sent.
    pub fn flush(rtc: &mut Rtc, socket: &Socket, now: Instant, events: &mut Vec<Event>) -> Result<Instant, RtcError> {
        rtc.handle_input(Input::Timeout(now))?;
        loop {
            match rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(transmit) => socket.send(transmit.destination, &transmit.contents),
                Output::Event(event) => events.push(event),
            }
        }
    }

    /// The offer of the data channels, as LiveKit's clients make them.
    pub fn offer_channels(&mut self) -> Option<String> {
        let mut changes = self.rtc.sdp_api();
        changes.add_channel_with_config(ChannelConfig { label: "_reliable".into(), ..ChannelConfig::default() });
        changes.add_channel_with_config(ChannelConfig {
            label: "_lossy".into(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
        let (offer, pending) = changes.apply()?;
        self.pending = Some(pending);
        Some(offer.to_sdp_string())
    }

    /// An offer of all tracks that have no section yet.
    pub fn offer_tracks(&mut self, sources: &mut [Source]) -> Option<String> {
        let mut changes = self.rtc.sdp_api();
        for source in sources.iter_mut().filter(|source| source.mid.is_none()) {
            let (kind, layers) = match &source.content {
                Content::Video(video) => (MediaKind::Video, video.layers.len()),
                Content::Voice(_) => (MediaKind::Audio, 1),
                Content::Data(_) => continue,
            };
            let simulcast = (layers > 1).then(|| {
                let mut simulcast = Simulcast::new();
                for rid in &RIDS[..layers] {
                    simulcast.add_send_layer(SimulcastLayer::new(rid));
                }
                simulcast
            });
            let stream = Some(format!("stream-{}", source.id));
            source.mid = Some(changes.add_media(kind, Direction::SendOnly, stream, Some(source.cid()), simulcast));
        }
        let (offer, pending) = changes.apply()?;
        self.pending = Some(pending);
        Some(offer.to_sdp_string())
    }

    pub fn accept_answer(&mut self, sdp: &str) -> Result<(), String> {
        let Some(pending) = self.pending.take() else { return Err("an answer came to no offer".into()) };
        let answer = SdpAnswer::from_sdp_string(&on_loopback(sdp)).map_err(|error| error.to_string())?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| error.to_string())
    }

    pub fn accept_offer(&mut self, sdp: &str) -> Result<String, String> {
        let offer = SdpOffer::from_sdp_string(&on_loopback(sdp)).map_err(|error| error.to_string())?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| error.to_string())?;
        Ok(answer.to_sdp_string())
    }

    /// Takes a trickled candidate, if it is one of UDP on loopback.
    pub fn add_candidate(&mut self, candidate: &str) {
        if is_on_loopback(candidate)
            && let Ok(candidate) = Candidate::from_sdp_string(candidate)
        {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    /// The channel's id, once it is open.
    pub fn channel(&self, label: &str) -> Option<ChannelId> {
        self.channels.iter().find(|(_, name)| name == label).map(|(id, _)| *id)
    }
}

/// Our sockets are on loopback, from where no other candidate can be reached.
fn on_loopback(sdp: &str) -> String {
    let lines = sdp.lines().filter(|line| line.strip_prefix("a=candidate:").is_none_or(is_on_loopback));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

fn is_on_loopback(candidate: &str) -> bool {
    candidate.contains(" 127.0.0.1 ") && candidate.to_ascii_lowercase().contains(" udp ")
}
