//! All that one subscriber's connection sends of media, and what its peer says of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis_bwe::{Config, Estimator, Feedback, Kind};
use visavis_rtp::{CaptureTime, Clock, Format, Keys, RtcpSealer, RtpSealer};

use crate::batch::{Batch, Path, Place};
use crate::header::{Header, PlayoutDelay};
use crate::history::{Descriptor, KEPT_FOR, Patch, Sent};
use crate::repair::{Repairs, can_pad, may_pad};
use crate::rtcp::{self, Message, Reception, Report};
use crate::stream::{Stream, StreamConfig};

/// IPv4, UDP, and what seals: what a packet is on the wire beside its header and payload.
pub(crate) const OVERHEAD: usize = 20 + 8 + 16;
/// A compound packet of reports ends before it is longer.
const LONGEST_COMPOUND: usize = 1100;
/// Who wants less wants nothing that is known yet: a probe for it would be no packets, and tell that none arrive.
const WORTH_PROBING: u64 = 20_000;
/// So long after a picture was sent, sound is part of what bandwidth is estimated from, in milliseconds.
const ESTIMATED_FOR: u32 = 10_000;
/// Streams of one connection; sections of a description are fewer.
const MOST_STREAMS: usize = 4096;

/// One RTP packet for this subscriber. The payload is shared by all of them.
#[derive(Debug)]
pub struct Outgoing {
    /// The payload type.
    pub pt: u8,
    /// Extended, without holes but those of the network.
    pub sequence: u64,
    /// By the stream's clock.
    pub timestamp: u32,
    /// The last of its frame.
    pub marker: bool,
    /// What it carries.
    pub payload: Arc<[u8]>,
    /// What of that is different for this subscriber.
    pub patch: Patch,
    /// Told if the receiver takes it.
    pub capture_time: Option<CaptureTime>,
    /// Of AV1 with several layers in one stream.
    pub descriptor: Option<Arc<Descriptor>>,
    /// Told if the receiver takes it.
    pub playout_delay: Option<PlayoutDelay>,
    /// Answer a request for retransmission.
    pub nackable: bool,
    /// When it came, for the reports' clock.
    pub arrival: Instant,
    /// What was sent of the stream before is not worth retransmitting any more.
    pub forget_older: bool,
}

/// What a peer's report told of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Received {
    /// Of the packets since the report before, the share that was lost.
    pub loss: f32,
    /// The highest sequence number that came, extended as the receiver counts it.
    pub highest: u32,
    /// In ticks of the stream's clock.
    pub jitter: u32,
    /// Since our last report to its answer, less what the peer took.
    pub round_trip: Option<Duration>,
}

/// What a peer's RTCP means for the rest of the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    /// How the stream of this index is received.
    Received(usize, Received),
    /// The picture of the stream of this index is wanted whole.
    Keyframe(usize),
    /// There is another estimate of what the connection carries.
    Estimate,
}

/// Whether a connection is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probing {
    /// Nothing was negotiated that padding could go with.
    Never,
    /// There was no packet yet that padding could follow.
    WaitsForPictures,
    /// It is, if more is desired.
    Works,
}

/// Sends one connection's media.
pub struct Sender {
    pub(crate) sealer: RtpSealer,
    rtcp: RtcpSealer,
    pub(crate) streams: Vec<Option<Stream>>,
    pub(crate) formats: Arc<[Format]>,
    pub(crate) estimator: Estimator,
    pub(crate) clock: Clock,
    cname: String,
    began: Instant,
    pub(crate) path: Option<Path>,
    pub(crate) place: Place,
    estimate: Option<u64>,
    pub(crate) repairs: Repairs,
    desired: u64,
    /// There is a stream to put padding on. Without one nothing is probed for, for a probe that is not sent is taken for lost.
    can_pad: bool,
    /// Until when sound is part of the estimate, in milliseconds since it began.
    estimated_until: u32,
    /// The soonest report.
    report_at: Option<Instant>,
    /// [`Self::poll_timeout`] may be sooner than it was.
    has_moved: bool,
    pub(crate) sent_packets: u64,
    pub(crate) sent_bytes: u64,
}

impl Sender {
    /// For a connection whose keys were agreed on; `None`: the keys are unusable.
    pub fn new(
        keys: &Keys,
        formats: Arc<[Format]>,
        estimation: Config,
        clock: Clock,
        cname: String,
        now: Instant,
    ) -> Option<Self> {
        Some(Self {
            sealer: RtpSealer::new(keys)?,
            rtcp: RtcpSealer::new(keys, 0)?,
            streams: Vec::new(),
            formats,
            estimator: Estimator::new(estimation, now),
            clock,
            cname,
            began: now,
            path: None,
            place: Place::default(),
            estimate: None,
            repairs: Repairs::default(),
            desired: 0,
            can_pad: false,
            estimated_until: 0,
            report_at: None,
            has_moved: false,
            sent_packets: 0,
            sent_bytes: 0,
        })
    }

    /// Everything goes there from now on.
    pub fn set_path(&mut self, path: Path) {
        self.path = Some(path);
    }

    /// Where everything goes, once that is known.
    pub fn path(&self) -> Option<Path> {
        self.path
    }

    /// The stream of this index is as described. Another one of the same SSRC goes on; the caller never comes back to an
    /// SSRC that it has left.
    pub fn open(&mut self, index: usize, config: StreamConfig) {
        if index >= MOST_STREAMS {
            return;
        }
        if self.streams.len() <= index {
            self.streams.resize_with(index + 1, || None);
        }
        match &mut self.streams[index] {
            Some(stream) if stream.config.ssrc == config.ssrc => stream.config = config,
            stream => *stream = Some(Stream::new(config)),
        }
    }

    /// Whether there is a stream of this index.
    pub fn has(&self, index: usize) -> bool {
        self.streams.get(index).is_some_and(Option::is_some)
    }

    /// How much would be sent were there no limit, in bit/s.
    pub fn set_desired(&mut self, bitrate: u64) {
        self.desired = if bitrate < WORTH_PROBING { 0 } else { bitrate };
        self.has_moved = true;
        if self.can_pad {
            self.estimator.set_desired(self.desired);
        }
    }

    /// What the connection carries, in bit/s; `None`: not known yet.
    pub fn estimate(&self) -> Option<u64> {
        self.estimator.estimate()
    }

    /// So much is lost or late that little of it is of use.
    pub fn is_overwhelmed(&self) -> bool {
        self.estimator.is_overwhelmed()
    }

    /// Whether it is found out that the connection carries more than what is sent.
    pub fn probing(&self) -> Probing {
        if self.can_pad {
            Probing::Works
        } else if self.streams.iter().flatten().any(may_pad) && self.formats.iter().any(|f| f.retransmission.is_some())
        {
            Probing::WaitsForPictures
        } else {
            Probing::Never
        }
    }

    /// Packets and bytes of datagrams that were written.
    pub fn sent(&self) -> (u64, u64) {
        (self.sent_packets, self.sent_bytes)
    }

    /// The payload types that were negotiated are these now.
    pub fn set_formats(&mut self, formats: Arc<[Format]>) {
        self.formats = formats;
    }

    /// Reads what [`Self::send`] will, to have it in the processor's cache: of the connection…
    pub fn look(&self) {
        black_box(self.path.is_some());
        black_box(self.streams.len());
        black_box(self.sent_bytes);
        black_box(self.estimate);
    }

    /// …and of the stream of this index.
    pub fn look_at(&self, index: usize) {
        if let Some(stream) = self.streams.get(index).and_then(Option::as_ref) {
            black_box(stream.config.ssrc);
            stream.window.look();
            stream.history.look();
            black_box(stream.packets);
            black_box(stream.report_at.is_some());
            if stream.config.is_video {
                self.estimator.look();
            }
        }
    }

    /// Reads what [`Self::handle_rtcp`] will.
    pub fn look_back(&self) {
        black_box(self.estimate);
        self.estimator.look_back();
    }

    /// Writes a packet; false: there is no such stream, or nothing can be sent yet.
    pub fn send(&mut self, index: usize, packet: Outgoing, now: Instant, batch: &mut Batch) -> bool {
        let at = self.milliseconds(now);
        let Some(path) = self.path else { return false };
        let Some(stream) = self.streams.get_mut(index).and_then(Option::as_mut) else { return false };
        if stream.format.is_none_or(|format| format.pt != packet.pt) {
            let format = self.formats.iter().find(|format| format.pt == packet.pt).copied();
            let Some(format) = format else { return false };
            stream.format = Some(format);
        }
        // What was sealed with one number before must never be again, whatever led to it: it would give the key away.
        if !stream.window.take(packet.sequence) {
            return false;
        }
        if packet.forget_older {
            stream.history.clear();
        }
        let extensions = stream.config.extensions;
        // Whoever gets a number tells of it 10 to 20 times a second, which costs more than to send a voice. Sound alone
        // is sent whatever the connection carries. Beside pictures, also those that wait for bandwidth, it is estimated.
        if stream.config.is_video {
            self.estimated_until = at + ESTIMATED_FOR;
        }
        let matters = at < self.estimated_until || self.can_pad && self.desired > self.estimate.unwrap_or(0);
        let is_estimated = (stream.config.is_video || matters) && stream.tells();
        let number = extensions.transport_wide.filter(|_| is_estimated).map(|_| self.estimator.next_sequence());
        let header = Header {
            pt: packet.pt,
            marker: packet.marker,
            padding: false,
            sequence: packet.sequence as u16,
            timestamp: packet.timestamp,
            ssrc: stream.config.ssrc,
            mid: (!stream.is_known).then_some(stream.config.mid.as_str()),
            transport_wide: number.map(|number| number as u16),
            send_time: self.clock.send_time(now),
            capture_time: packet.capture_time,
            playout_delay: packet.playout_delay,
            descriptor: packet.descriptor.as_ref().map(|descriptor| &*descriptor.0),
        };
        let bytes = batch.bytes();
        let start = bytes.len();
        bytes.reserve(packet.payload.len() + 96);
        let length = header.write(bytes, &extensions);
        bytes.extend_from_slice(&packet.payload);
        packet.patch.apply(&mut bytes[start + length..]);
        if self.sealer.seal(bytes, start, length, stream.config.ssrc, packet.sequence).is_none() {
            bytes.truncate(start);
            return false;
        }
        let written = batch.finish(start, path, &mut self.place);
        (self.sent_packets, self.sent_bytes) = (self.sent_packets + 1, self.sent_bytes + written as u64);
        if let Some(number) = number {
            self.estimator.sent(number, length + packet.payload.len() + OVERHEAD, Kind::Media, now);
            self.has_moved = true;
        }
        stream.count(packet.payload.len());
        if stream.last.is_none_or(|(newest, _)| packet.timestamp.wrapping_sub(newest) < 1 << 31) {
            stream.last = Some((packet.timestamp, packet.arrival));
        }
        if stream.report_at.is_none() {
            // Receivers play sound and pictures together once they have a report of both.
            stream.report_at = Some(now);
            self.report_at = Some(now);
            self.has_moved = true;
        }
        if !self.can_pad && can_pad(stream) {
            self.can_pad = true;
            self.estimator.set_desired(self.desired);
        }
        let can_repeat = stream.format.is_some_and(|format| format.retransmission.is_some());
        if packet.nackable && can_repeat && stream.config.retransmission_ssrc.is_some() {
            stream.history.insert(Sent {
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                pt: packet.pt,
                marker: packet.marker,
                payload: packet.payload,
                patch: packet.patch,
                capture_time: packet.capture_time,
                descriptor: packet.descriptor,
                at,
                again: None,
            });
        }
        true
    }

    /// Takes in the peer's RTCP, opened. What it means is handed to `tell`.
    pub fn handle_rtcp(&mut self, opened: &[u8], now: Instant, batch: &mut Batch, mut tell: impl FnMut(Told)) {
        for message in rtcp::messages(opened) {
            match message {
                Message::Reception(reception) => {
                    if let Some((index, received)) = self.received(&reception, now) {
                        tell(Told::Received(index, received));
                    }
                }
                Message::Keyframe { ssrc } => {
                    if let Some(index) = self.index_of(ssrc) {
                        tell(Told::Keyframe(index));
                    }
                }
                Message::Nack { ssrc, pairs } => {
                    if let Some(index) = self.index_of(ssrc) {
                        for sequence in rtcp::missing(pairs) {
                            self.send_again(index, sequence, now, batch);
                        }
                    }
                }
                Message::TransportWide(control) => {
                    if let Ok(feedback) = Feedback::parse(control) {
                        self.estimator.feedback(&feedback, now);
                    }
                }
            }
        }
        self.tell_estimate(&mut tell);
    }

    /// Whether [`Self::poll_timeout`] may be sooner than when this was asked last, by what was sent or is wanted: most of
    /// what is sent changes nothing, and to look at all that it depends on takes longer.
    pub fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.estimator.poll_timeout(), self.report_at].into_iter().flatten().min()
    }

    /// Time has come.
    pub fn handle_timeout(&mut self, now: Instant, batch: &mut Batch, mut tell: impl FnMut(Told)) {
        if self.can_pad && !self.streams.iter().flatten().any(can_pad) {
            self.can_pad = false;
            self.estimator.set_desired(0);
        }
        self.estimator.handle_timeout(now);
        while let Some(probe) = self.estimator.poll_probe(now) {
            let mut left = probe.bytes;
            while left > 0 {
                let Some(sent) =
                    self.send_padding(probe.packet_bytes.min(left), Kind::Padding(probe.cluster), now, batch)
                else {
                    break;
                };
                left = left.saturating_sub(sent);
            }
        }
        self.tell_estimate(&mut tell);
        if self.report_at.is_some_and(|at| at <= now) {
            self.report(now, batch);
        }
    }

    pub(crate) fn milliseconds(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.began).as_millis() as u32
    }

    fn index_of(&self, ssrc: u32) -> Option<usize> {
        self.streams.iter().position(|stream| stream.as_ref().is_some_and(|stream| stream.config.ssrc == ssrc))
    }

    fn tell_estimate(&mut self, tell: &mut impl FnMut(Told)) {
        let estimate = self.estimator.estimate();
        if std::mem::replace(&mut self.estimate, estimate) != estimate {
            tell(Told::Estimate);
        }
    }

    fn received(&mut self, reception: &Reception, now: Instant) -> Option<(usize, Received)> {
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let Some(stream) = stream else { continue };
            if stream.config.retransmission_ssrc == Some(reception.ssrc) {
                stream.is_retransmission_known = true;
                return None;
            }
            if stream.config.ssrc != reception.ssrc {
                continue;
            }
            // It may come from before anything was sent.
            stream.is_known |= reception.highest > 0;
            stream.note_reception(reception.highest);
            let round_trip = self.clock.round_trip(reception.last_report, reception.delay, now);
            let loss = f32::from(reception.fraction_lost) / 256.0;
            return Some((index, Received { loss, highest: reception.highest, jitter: reception.jitter, round_trip }));
        }
        None
    }

    /// Sends the reports that are due, as few packets as they fit in, and forgets what is too old to be sent again.
    fn report(&mut self, now: Instant, batch: &mut Batch) {
        self.report_at = None;
        let Some(path) = self.path else { return };
        let ntp = self.clock.ntp(now);
        let longest = rtcp::report_length(&self.cname);
        let mut start = batch.bytes().len();
        for stream in self.streams.iter_mut().flatten() {
            let Some(due) = stream.report_at else { continue };
            // What is due soon comes along, so that before long a connection's reports are one packet.
            if due <= now + stream.report_interval() / 2 {
                let is_over = stream.last.is_none_or(|(_, last)| now.saturating_duration_since(last) > 2 * KEPT_FOR);
                if is_over {
                    // It goes on with the next packet.
                    stream.report_at = None;
                    stream.history.clear();
                    continue;
                }
                stream.report_at = Some(now + stream.report_interval());
                if let Some(timestamp) = stream.timestamp(now) {
                    let (packets, bytes) = (stream.packets, stream.bytes);
                    let report = Report { ssrc: stream.config.ssrc, ntp, timestamp, packets, bytes };
                    rtcp::write_report(batch.bytes(), &report, &self.cname);
                }
                if batch.bytes().len() - start + longest > LONGEST_COMPOUND {
                    finish_rtcp(&mut self.rtcp, start, path, &mut self.place, batch, &mut self.sent_bytes);
                    self.sent_packets += 1;
                    start = batch.bytes().len();
                }
            }
            self.report_at = [self.report_at, stream.report_at].into_iter().flatten().min();
        }
        if batch.bytes().len() > start {
            finish_rtcp(&mut self.rtcp, start, path, &mut self.place, batch, &mut self.sent_bytes);
            self.sent_packets += 1;
        }
    }
}

fn finish_rtcp(
    sealer: &mut RtcpSealer,
    start: usize,
    path: Path,
    place: &mut Place,
    batch: &mut Batch,
    sent_bytes: &mut u64,
) {
    if sealer.seal(batch.bytes(), start).is_some() {
        *sent_bytes += batch.finish(start, path, place) as u64;
    } else {
        batch.bytes().truncate(start);
    }
}
