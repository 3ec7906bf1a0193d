//! Our own path for a connection's media: str0m agrees on keys and sections, `visavis-egress` seals and sends. What comes in is
//! in `incoming`.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{MediaKind, Mid};
use str0m::net::Transmit;
use str0m::rtp::Extension;
use str0m::stats::MediaEgressStats;
use visavis_egress::{
    Batch, EstimatorConfig, ExtensionIds, Outgoing, Path, Probing, Received, Sender, StreamConfig, Told,
};
use visavis_rtp::{Clock, Format, RtcpOpener};

use crate::connection::{path_of, protocol_of};
use crate::dependency_descriptor;
use crate::dtls::KeySlot;
use crate::incoming::Incoming;
use crate::quality;
use crate::shard::{Key, Shard};
use crate::stun;
use crate::timers::Timer;

/// The sections of one connection and what sends their media.
pub(crate) struct Media {
    pub keys: KeySlot,
    pub clock: Clock,
    initial_bitrate: u64,
    /// Opens what the peer says of media in either direction; from its first word on.
    opener: Option<RtcpOpener>,
    pub incoming: Incoming,
    /// From when there are keys and something to send.
    sender: Option<Sender>,
    indices: HashMap<Mid, usize>,
    sections: Vec<Section>,
    desired: Option<u64>,
    path: Option<Path>,
    /// The timer that is set.
    timer: Option<Instant>,
}

struct Section {
    mid: Mid,
    is_open: bool,
    /// What the reports said since quality was told last.
    losses: Losses,
}

#[derive(Default)]
struct Losses {
    since: Option<Instant>,
    sum: f32,
    reports: u32,
}

/// How a section's stream is received.
pub(crate) struct Reception {
    pub mid: Mid,
    /// Highest sequence number and jitter, in ticks.
    pub highest: u64,
    pub jitter: u32,
    pub rtt: Option<Duration>,
    /// Of an interval of [`quality::INTERVAL`].
    pub loss: Option<f32>,
}

impl Media {
    pub(crate) fn new(keys: KeySlot, clock: Clock, initial_bitrate: u64) -> Self {
        Self {
            keys,
            clock,
            initial_bitrate,
            opener: None,
            incoming: Incoming::default(),
            sender: None,
            indices: HashMap::new(),
            sections: Vec::new(),
            desired: None,
            path: None,
            timer: None,
        }
    }

    /// Begins to send once there are keys.
    pub(crate) fn start(&mut self, rtc: &mut Rtc, now: Instant) {
        if self.sender.is_some() || self.sections.is_empty() {
            return;
        }
        let Some(keys) = self.keys.get() else { return };
        let estimation = EstimatorConfig { initial: self.initial_bitrate, ..EstimatorConfig::default() };
        let cname = rtc.media(self.sections.first().map_or(Mid::from("0"), |section| section.mid));
        let cname = cname.map_or_else(|| "visavis".to_owned(), |media| media.cname().to_owned());
        let Some(mut sender) = Sender::new(&keys, formats(rtc), estimation, self.clock, cname, now) else {
            tracing::warn!("the connection's keys are unusable: it gets no media");
            return;
        };
        self.path.into_iter().for_each(|path| sender.set_path(path));
        self.desired.into_iter().for_each(|desired| sender.set_desired(desired));
        self.sender = Some(sender);
        for index in 0..self.sections.len() {
            if self.sections[index].is_open {
                self.describe(rtc, index);
            }
        }
    }

    /// A section begins to carry a track. Returns its index.
    pub(crate) fn open(&mut self, rtc: &mut Rtc, mid: Mid) -> usize {
        let index = *self.indices.entry(mid).or_insert_with(|| {
            self.sections.push(Section { mid, is_open: false, losses: Losses::default() });
            self.sections.len() - 1
        });
        self.sections[index].is_open = true;
        if let Some(sender) = &mut self.sender {
            sender.set_formats(formats(rtc));
        }
        self.describe(rtc, index);
        index
    }

    fn describe(&mut self, rtc: &mut Rtc, index: usize) {
        let Some(sender) = &mut self.sender else { return };
        let mid = self.sections[index].mid;
        let Some(media) = rtc.media(mid) else { return };
        let (kind, map) = (media.kind(), media.remote_extmap());
        let extensions = ExtensionIds {
            mid: map.id_of(Extension::RtpMid),
            transport_wide: map.id_of(Extension::TransportSequenceNumber),
            send_time: map.id_of(Extension::AbsoluteSendTime),
            capture_time: map.id_of(Extension::AbsoluteCaptureTime),
            playout_delay: map.id_of(Extension::PlayoutDelay),
            descriptor: map.id_of(dependency_descriptor::extension()),
        };
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return };
        let config = StreamConfig {
            mid: mid.to_string(),
            ssrc: *stream.ssrc(),
            retransmission_ssrc: stream.rtx().map(|ssrc| *ssrc),
            extensions,
            is_video: kind == MediaKind::Video,
        };
        sender.open(index, config);
    }

    pub(crate) fn send(&mut self, index: usize, packet: Outgoing, now: Instant, batch: &mut Batch) -> bool {
        self.sender.as_mut().is_some_and(|sender| sender.send(index, packet, now, batch))
    }

    /// What sends, to look at.
    pub(crate) fn sender(&self) -> Option<&Sender> {
        self.sender.as_ref()
    }

    pub(crate) fn set_desired(&mut self, desired: u64) {
        self.desired = Some(desired);
        if let Some(sender) = &mut self.sender {
            sender.set_desired(desired);
        }
    }

    /// Little of what is sent arrives, or in time.
    pub(crate) fn is_overwhelmed(&self) -> bool {
        self.sender.as_ref().is_some_and(Sender::is_overwhelmed)
    }

    /// Whether it is found out that the connection carries more than what is sent.
    pub(crate) fn probing(&self) -> Probing {
        self.sender.as_ref().map_or(Probing::Never, Sender::probing)
    }

    /// Packets and bytes that were sent.
    pub(crate) fn sent(&self) -> (u64, u64) {
        self.sender.as_ref().map_or((0, 0), Sender::sent)
    }

    /// Where the peer wants its media to be sent.
    pub(crate) fn set_path(&mut self, path: Path) {
        self.path = Some(path);
        if let Some(sender) = &mut self.sender {
            sender.set_path(path);
        }
    }

    /// The same, once that is known.
    pub(crate) fn path(&self) -> Option<Path> {
        self.path
    }

    /// Sets the timer for what is due next, unless an earlier one is set.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let of_sender = self.sender.as_ref().and_then(Sender::poll_timeout);
        // Nothing is told before it is known where to.
        let of_receiver = self.path.and_then(|_| self.incoming.poll_timeout());
        let at = [of_sender, of_receiver].into_iter().flatten().min()?;
        if self.timer.is_some_and(|set| set <= at) {
            return None;
        }
        self.timer = Some(at);
        Some(at)
    }

    /// The same after something was sent.
    pub(crate) fn due_after_sending(&mut self) -> Option<Instant> {
        if self.sender.as_mut()?.has_moved() {
            return self.due();
        }
        debug_assert!(self.due().is_none(), "nothing else brings it forward without setting the timer");
        None
    }

    /// Adds up the reports of an interval; returns what they say together at its end.
    fn received(&mut self, index: usize, received: &Received, now: Instant) -> Option<Reception> {
        let section = self.sections.get_mut(index)?;
        let losses = &mut section.losses;
        let since = *losses.since.get_or_insert(now);
        (losses.sum, losses.reports) = (losses.sum + received.loss, losses.reports + 1);
        let is_over = now.saturating_duration_since(since) >= quality::INTERVAL;
        let loss = is_over.then(|| losses.sum / losses.reports as f32);
        if is_over {
            *losses = Losses { since: Some(now), ..Losses::default() };
        }
        let highest = u64::from(received.highest);
        Some(Reception { mid: section.mid, highest, jitter: received.jitter, rtt: received.round_trip, loss })
    }
}

impl From<&MediaEgressStats> for Reception {
    fn from(stats: &MediaEgressStats) -> Self {
        let (highest, jitter) =
            stats.remote.as_ref().map_or((0, 0), |remote| (*remote.maximum_sequence_number, remote.jitter));
        Self { mid: stats.mid, highest, jitter, rtt: stats.rtt, loss: stats.loss }
    }
}

/// Payload types that were negotiated.
pub(crate) fn formats(rtc: &Rtc) -> Arc<[Format]> {
    let mut formats = Vec::new();
    for params in rtc.codec_config().params() {
        let clock_rate = params.spec().clock_rate.get();
        formats.push(Format { pt: *params.pt(), retransmission: params.resend().map(|pt| *pt), clock_rate });
        if let Some(red) = params.red() {
            formats.push(Format { pt: *red, retransmission: None, clock_rate });
        }
    }
    formats.into()
}

/// Whether a packet is RTCP, by its first two bytes (RFC 5761).
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [128..=191, 192..=223, ..])
}

/// The same of RTP.
pub(crate) fn is_rtp(packet: &[u8]) -> bool {
    matches!(packet, [128..=191, ..]) && !is_rtcp(packet)
}

impl Media {
    /// Reads what [`Shard::on_rtcp`] will, to have it in the processor's cache, …
    pub(crate) fn look(&self) {
        black_box(self.opener.is_some());
        black_box(self.sender.is_some());
        black_box(self.timer);
    }

    /// … and what these lead to.
    pub(crate) fn look_further(&self) {
        if let Some(opener) = &self.opener {
            opener.look();
        }
        if let Some(sender) = &self.sender {
            sender.look_back();
        }
    }
}

impl Shard {
    /// What a peer says of media; false: str0m opens it.
    pub(crate) fn on_rtcp(&mut self, key: Key, packet: &[u8], now: Instant) -> bool {
        let Some(connection) = self.participants.get_mut(key.0).and_then(|participant| participant.connection(key.1))
        else {
            return true;
        };
        let Some(media) = &mut connection.media else { return false };
        if media.opener.is_none() {
            media.opener = media.keys.get().and_then(|keys| RtcpOpener::new(&keys));
        }
        let Media { opener, incoming, sender, .. } = &mut **media;
        let Some(opened) = opener.as_mut().and_then(|opener| opener.open(packet)) else {
            self.stats.packets_dropped += 1;
            return true;
        };
        incoming.handle_rtcp(opened, now);
        let mut told = Vec::new();
        if let Some(sender) = sender {
            sender.handle_rtcp(opened, now, &mut self.batch, |one| told.push(one));
        }
        self.react(key, told, now);
        self.arm_media(key);
        true
    }

    pub(crate) fn on_media_timer(&mut self, key: Key, at: Instant, now: Instant) {
        let Some(participant) = self.participants.get_mut(key.0) else { return };
        let Some(media) = participant.connection(key.1).and_then(|connection| connection.media.as_mut()) else {
            return;
        };
        if media.timer != Some(at) {
            return;
        }
        media.timer = None;
        let mut told = Vec::new();
        if let Some(sender) = &mut media.sender {
            sender.handle_timeout(now, &mut self.batch, |one| told.push(one));
        }
        self.react(key, told, now);
        self.tell_publisher(key, now);
        self.arm_media(key);
    }

    pub(crate) fn arm_media(&mut self, key: Key) {
        let Some(media) = self.connection(key).and_then(|connection| connection.media.as_mut()) else { return };
        if let Some(at) = media.due() {
            self.timers.set(at, Timer::Media(key));
        }
    }

    /// The same for one that has sent or will send media; our own path sets timers instead.
    pub(crate) fn touch_media(&mut self, key: Key) {
        if self.connection(key).is_some_and(|connection| connection.media.is_some()) {
            self.arm_media(key);
        } else {
            self.touch(key);
        }
    }

    /// What str0m sends.
    pub(crate) fn transmit(&mut self, key: Key, transmit: Transmit) {
        let is_reference = self.factory.config.reference;
        let Some(connection) = self.participants[key.0].connection(key.1) else { return };
        let tells_path = !stun::is_success(&transmit.contents);
        if let Some(media) = connection.media.as_mut().filter(|media| media.path.is_none() && tells_path) {
            media.set_path(path_of(&transmit));
        }
        // A check is answered where it came from. All else str0m would go on sending where the peer was, until nothing has
        // come from there for 15 s.
        let path = match connection.checks.nominated() {
            Some(nominated) if !is_reference && !stun::is_stun(&transmit.contents) => nominated,
            _ => path_of(&transmit),
        };
        let (protocol, payload) = (protocol_of(path), transmit.contents.into());
        self.put_out(key, crate::Transmit { protocol, source: path.source, destination: path.destination, payload });
    }

    /// What is ready to be sent to a participant.
    pub(crate) fn put_out(&mut self, key: Key, transmit: crate::Transmit) {
        let bytes = transmit.payload.len() as u64;
        let traffic = &mut self.participants[key.0].traffic;
        (traffic.packets_out, traffic.bytes_out) = (traffic.packets_out + 1, traffic.bytes_out + bytes);
        (self.stats.packets_out, self.stats.bytes_out) = (self.stats.packets_out + 1, self.stats.bytes_out + bytes);
        self.transmits.push_back(transmit);
    }

    fn react(&mut self, key: Key, told: Vec<Told>, now: Instant) {
        for told in told {
            let Some(connection) = self.connection(key) else { return };
            let Some(media) = &mut connection.media else { return };
            match told {
                Told::Estimate => {
                    let Some(estimate) = media.sender.as_ref().and_then(Sender::estimate) else { continue };
                    connection.estimate = Some(estimate);
                    let participant = &mut self.participants[key.0];
                    participant.allocate |= participant.enough.is_none_or(|enough| estimate < enough);
                }
                Told::Keyframe(index) => {
                    if let Some(mid) = media.sections.get(index).map(|section| section.mid) {
                        self.on_keyframe_request(key, mid, now);
                    }
                }
                Told::Received(index, received) => {
                    if let Some(reception) = media.received(index, &received, now) {
                        self.on_reception(key.0, &reception);
                    }
                }
            }
        }
    }

    /// What was sealed since it was taken last. To be given back once it is sent.
    pub fn take_media(&mut self) -> Batch {
        self.stats.packets_out += self.batch.len() as u64;
        self.stats.bytes_out += self.batch.size() as u64;
        std::mem::take(&mut self.batch)
    }

    /// Takes a sent batch back: its memory serves what comes next.
    pub fn give_back_media(&mut self, mut batch: Batch) {
        batch.clear();
        self.batch = batch;
    }
}
