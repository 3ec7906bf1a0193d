//! All media that comes from one peer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis_rtp::{CaptureTime, Clock, Format, Keys, RtcpSealer, RtpOpener, Window};

use crate::arrivals::Arrivals;
use crate::header::{ExtensionIds, Header};
use crate::missing::Holes;
use crate::reception::Reception;
use crate::rtcp::{self, Message};

/// SSRCs whose numbers are known. One that comes back goes on with them, so they are kept as long as there is room.
const MOST_SOURCES: usize = 256;
/// Streams of one peer.
pub const MOST_STREAMS: usize = MOST_SOURCES;
/// A stream that has another SSRC goes back to the one before if nothing came of the new one for so long.
const STRAY_FOR: Duration = Duration::from_secs(1);
/// How often reports are due, beside pictures and if there is only sound.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
const REPORT_INTERVAL_OF_SOUND: Duration = Duration::from_secs(5);
/// What seals for the peer beside this begins with 0 and never gets here.
const FIRST_INDEX: u32 = 1 << 30;

/// Which stream an SSRC belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its caller's name for the stream: small numbers.
    pub stream: usize,
    /// The SSRC carries what is sent again.
    pub is_repair: bool,
}

/// One packet of a stream, as it was before it was sealed, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// As [`Source`] named it.
    pub stream: usize,
    /// The stream begins, or begins anew with another SSRC, whose numbers have nothing to do with those before.
    pub begins: bool,
    /// The stream's, also if this was sent again.
    pub ssrc: u32,
    /// The payload type; of what was sent again, the original's.
    pub pt: u8,
    /// Extended.
    pub sequence: u64,
    /// By the stream's clock.
    pub timestamp: u32,
    /// The last of its frame.
    pub marker: bool,
    /// Without padding; empty if there was nothing else.
    pub payload: Arc<[u8]>,
    /// In −dBov: 0 is loudest, 127 silence.
    pub level: Option<u8>,
    /// When it was captured, as the publisher says.
    pub capture_time: Option<CaptureTime>,
    /// AV1's dependency descriptor.
    pub descriptor: Option<&'a [u8]>,
}

/// What came with one SSRC.
struct Known {
    ssrc: u32,
    /// Of the pictures of half a second at 4000 packets a second.
    window: Window<32>,
    /// `None`: it could not be told yet.
    source: Option<Source>,
    heard: Instant,
}

pub(crate) struct Stream {
    /// Its SSRC, by index among those that are known.
    known: usize,
    pub ssrc: u32,
    format: Option<Format>,
    pub reception: Reception,
    pub holes: Holes,
    /// The middle of the NTP time of its sender's last report, and when that came.
    pub report: Option<(u32, Instant)>,
    pub wants_keyframe: bool,
}

/// Receives one peer's media.
pub struct Receiver {
    opener: RtpOpener,
    pub(crate) rtcp: RtcpSealer,
    pub(crate) clock: Clock,
    /// Of our reports.
    pub(crate) own: u32,
    ids: ExtensionIds,
    formats: Arc<[Format]>,
    known: Vec<Known>,
    pub(crate) streams: Vec<Option<Stream>>,
    pub(crate) arrivals: Arrivals,
    pub(crate) round_trip: Option<Duration>,
    /// When reports are due, and when they were made last.
    pub(crate) report_at: Option<Instant>,
    pub(crate) reported: Option<Instant>,
    /// When keyframes are to be asked for.
    pub(crate) keyframe_at: Option<Instant>,
    pub(crate) written: Vec<u8>,
}

impl Receiver {
    /// For a peer whose keys were agreed on; `None`: the keys are unusable. `own` names whoever reports: an SSRC that nothing
    /// else on the connection has.
    pub fn new(keys: &Keys, clock: Clock, own: u32, now: Instant) -> Option<Self> {
        Some(Self {
            opener: RtpOpener::new(keys)?,
            rtcp: RtcpSealer::new(keys, FIRST_INDEX)?,
            clock,
            own,
            ids: ExtensionIds::default(),
            formats: Arc::default(),
            known: Vec::new(),
            streams: Vec::new(),
            arrivals: Arrivals::new(now),
            round_trip: None,
            report_at: None,
            reported: None,
            keyframe_at: None,
            written: Vec::new(),
        })
    }

    /// What was negotiated is this now.
    pub fn set_negotiated(&mut self, ids: ExtensionIds, formats: Arc<[Format]>) {
        (self.ids, self.formats) = (ids, formats);
        for stream in self.streams.iter_mut().flatten() {
            stream.format = None;
        }
    }

    /// Takes in an RTP packet. An SSRC that is not known asks `resolve`, once its packet has proven to be the peer's; if it cannot
    /// tell, it is asked again with the next. `None`: the packet is not the peer's, came before, or carries nothing of a stream.
    pub fn receive<'a>(
        &mut self,
        packet: &'a [u8],
        now: Instant,
        resolve: impl FnOnce(&Header<'a>) -> Option<Source>,
    ) -> Option<Arrival<'a>> {
        let header = Header::read(packet, &self.ids)?;
        let (index, number, mut payload) = self.open(packet, &header, now)?;
        if header.has_padding {
            let kept = payload.len().checked_sub(usize::from(*payload.last()?))?;
            payload = payload[..kept].into();
        }
        if let Some(number) = header.transport_wide {
            self.arrivals.note(number, header.ssrc, now);
        }
        let known = &mut self.known[index];
        let is_new = known.source.is_none();
        if is_new {
            known.source = resolve(&header).filter(|source| source.stream < MOST_STREAMS);
        }
        let Source { stream, is_repair } = known.source?;
        let (begins, pt, sequence, payload) = if is_repair {
            let (pt, sequence, payload) = self.repaired(stream, &header, &payload, now)?;
            (false, pt, sequence, payload)
        } else {
            let begins = self.follow(stream, index, is_new, number, now)?;
            self.arrived(stream, &header, number, now);
            (begins, header.pt, number, payload)
        };
        let Header { timestamp, marker, level, capture_time, descriptor, .. } = header;
        let ssrc = self.streams[stream].as_ref()?.ssrc;
        Some(Arrival {
            stream,
            begins,
            ssrc,
            pt,
            sequence,
            timestamp,
            marker,
            payload,
            level,
            capture_time,
            descriptor,
        })
    }

    /// Opens a packet that did not come before, and notes that it came. Returns the index of its SSRC, and its number.
    fn open(&mut self, packet: &[u8], header: &Header<'_>, now: Instant) -> Option<(usize, u64, Arc<[u8]>)> {
        let Header { ssrc, sequence, length, .. } = *header;
        let Some(index) = self.known.iter().position(|known| known.ssrc == ssrc) else {
            // Of one that began shortly before the end of its first cycle, the second may be heard first.
            let numbers = [u64::from(sequence), u64::from(sequence) + (1 << 16)];
            let open = |number| Some((number, self.opener.open(packet, length, ssrc, number)?));
            let (number, payload) = numbers.into_iter().find_map(open)?;
            let index = self.know(ssrc, now);
            self.known[index].window.note(number);
            return Some((index, number, payload));
        };
        let known = &mut self.known[index];
        let number = known.window.extend(sequence);
        if !known.window.is_new(number) {
            return None;
        }
        let payload = self.opener.open(packet, length, ssrc, number)?;
        known.window.note(number);
        known.heard = now;
        Some((index, number, payload))
    }

    /// An SSRC is heard of for the first time. Where there is no room, the one that was heard of longest ago is forgotten.
    fn know(&mut self, ssrc: u32, now: Instant) -> usize {
        let known = Known { ssrc, window: Window::default(), source: None, heard: now };
        if self.known.len() < MOST_SOURCES {
            self.known.push(known);
            return self.known.len() - 1;
        }
        let heard = |index: &usize| self.known[*index].heard;
        let oldest = (0..self.known.len()).min_by_key(heard).unwrap_or(0);
        self.known[oldest] = known;
        for stream in &mut self.streams {
            stream.take_if(|stream| stream.known == oldest);
        }
        oldest
    }

    /// A stream has the SSRC of this index; true: from this packet on. `None`: the packet strayed from one that the stream has left.
    fn follow(&mut self, stream: usize, index: usize, is_new: bool, number: u64, now: Instant) -> Option<bool> {
        if self.streams.len() <= stream {
            self.streams.resize_with(stream + 1, || None);
        }
        let place = &mut self.streams[stream];
        match place {
            Some(stream) if stream.known == index => return Some(false),
            Some(other) if !is_new && now < self.known[other.known].heard + STRAY_FOR => return None,
            _ => {}
        }
        *place = Some(Stream {
            known: index,
            ssrc: self.known[index].ssrc,
            format: None,
            reception: Reception::new(number),
            holes: Holes::default(),
            report: None,
            wants_keyframe: false,
        });
        // Who has a report of a stream need not go on to say which it is.
        self.report_at = Some(now);
        Some(true)
    }

    /// A packet of a stream came.
    fn arrived(&mut self, stream: usize, header: &Header<'_>, number: u64, now: Instant) {
        let Some(stream) = &mut self.streams[stream] else { return };
        if stream.format.is_none_or(|format| format.pt != header.pt) {
            stream.format = self.formats.iter().find(|format| format.pt == header.pt).copied();
        }
        // What is sent again as it was says nothing of the way's delay.
        if let Some(format) = stream.format.filter(|_| number >= stream.reception.highest()) {
            stream.reception.clock(header.timestamp, format.clock_rate, now);
        }
        // Sound is not asked for again.
        let is_video = stream.format.is_some_and(|format| format.retransmission.is_some());
        stream.take(number, is_video, now);
        let interval = if is_video { REPORT_INTERVAL } else { REPORT_INTERVAL_OF_SOUND };
        let next = self.reported.map_or(now, |at| now.max(at + interval));
        self.report_at = Some(self.report_at.map_or(next, |at| at.min(next)));
    }

    /// What was sent again, as it was at first (RFC 4588): payload type, number, payload.
    fn repaired(
        &mut self,
        stream: usize,
        header: &Header<'_>,
        payload: &[u8],
        now: Instant,
    ) -> Option<(u8, u64, Arc<[u8]>)> {
        let (original, payload) = payload.split_first_chunk()?;
        let format = self.formats.iter().find(|format| format.retransmission == Some(header.pt))?;
        let stream = self.streams.get_mut(stream)?.as_mut()?;
        let window = &mut self.known[stream.known].window;
        let number = window.extend(u16::from_be_bytes(*original));
        if !window.take(number) {
            return None;
        }
        stream.take(number, true, now);
        Some((format.pt, number, payload.into()))
    }

    /// Takes in the peer's RTCP, opened.
    pub fn handle_rtcp(&mut self, opened: &[u8], now: Instant) {
        for message in rtcp::messages(opened) {
            match message {
                Message::Sent { ssrc, time } => {
                    if let Some(stream) = self.stream_of(ssrc) {
                        stream.report = Some((time, now));
                    }
                }
                Message::Heard { ssrc, time, delay } if ssrc == self.own => {
                    self.round_trip = self.clock.round_trip(time, delay, now).or(self.round_trip);
                }
                Message::Heard { .. } => {}
            }
        }
    }

    fn stream_of(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().flatten().find(|stream| stream.ssrc == ssrc)
    }

    /// Asks for a keyframe of the stream with this SSRC, if there is one.
    pub fn request_keyframe(&mut self, ssrc: u32, now: Instant) {
        if let Some(stream) = self.stream_of(ssrc) {
            stream.wants_keyframe = true;
            self.keyframe_at.get_or_insert(now);
        }
    }
}

impl Stream {
    /// Counts a packet that came, and looks for those before it that did not.
    fn take(&mut self, number: u64, can_repair: bool, now: Instant) {
        let before = self.reception.highest();
        self.reception.count(number);
        if number < before {
            self.holes.fill(number);
        } else if can_repair {
            self.holes.advance(before, number, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;
    use visavis_bwe::Feedback;
    use visavis_rtp::rtcp::{
        EXTENDED_REPORT, NACK, PAYLOAD_FEEDBACK, PLI, Part, RECEIVER_REPORT, SENDER_REPORT, TRANSPORT_FEEDBACK,
        TRANSPORT_WIDE, parts, word, write_part,
    };
    use visavis_rtp::{Profile, RtcpOpener, RtpSealer};

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const OWN: u32 = 99;
    const VIDEO: Format = Format { pt: 96, retransmission: Some(97), clock_rate: 90_000 };
    const AUDIO: Format = Format { pt: 111, retransmission: None, clock_rate: 48_000 };
    const IDS: ExtensionIds = ExtensionIds {
        mid: Some(4),
        rid: None,
        repaired_rid: None,
        level: Some(1),
        transport_wide: Some(3),
        capture_time: None,
        descriptor: None,
    };

    /// A publisher and what receives from it.
    struct Pair {
        sealer: RtpSealer,
        opener: RtcpOpener,
        receiver: Receiver,
        start: Instant,
        now: Instant,
        transport_wide: u16,
    }

    fn pair() -> Pair {
        let material: Vec<u8> = (0..56).collect();
        let keys = |is_client| Keys::new(Profile::AeadAes128Gcm, &material, is_client).expect("long enough");
        let now = Instant::now();
        let clock = Clock::new(now, std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
        let mut receiver = Receiver::new(&keys(false), clock, OWN, now).expect("a receiver");
        receiver.set_negotiated(IDS, [VIDEO, AUDIO].into());
        Pair {
            sealer: RtpSealer::new(&keys(true)).expect("a sealer"),
            opener: RtcpOpener::new(&keys(true)).expect("an opener"),
            receiver,
            start: now,
            now,
            transport_wide: 0,
        }
    }

    impl Pair {
        fn packet(&mut self, pt: u8, ssrc: u32, number: u64, payload: &[u8]) -> Vec<u8> {
            self.transport_wide = self.transport_wide.wrapping_add(1);
            let mut bytes = vec![0x90, pt];
            bytes.extend((number as u16).to_be_bytes());
            bytes.extend((number as u32 * 3000).to_be_bytes());
            bytes.extend(ssrc.to_be_bytes());
            bytes.extend([0xbe, 0xde, 0, 2, 0x40, b'0' + (ssrc % 10) as u8, 0x31]);
            bytes.extend(self.transport_wide.to_be_bytes());
            bytes.extend([0; 3]);
            let header = bytes.len();
            bytes.extend(payload);
            self.sealer.seal(&mut bytes, 0, header, ssrc, number).expect("sealed");
            bytes
        }

        /// SSRCs below 10 are main ones, by their mids; 10 above each is what repairs it.
        fn receive(&mut self, packet: &[u8]) -> Option<(u32, u8, u64, Vec<u8>)> {
            let resolve = |header: &Header<'_>| {
                let stream = header.mid?.parse().ok()?;
                Some(Source { stream, is_repair: header.ssrc >= 10 })
            };
            let arrival = self.receiver.receive(packet, self.now, resolve)?;
            Some((arrival.ssrc, arrival.pt, arrival.sequence, arrival.payload.to_vec()))
        }

        fn send(&mut self, pt: u8, ssrc: u32, number: u64) -> Option<u64> {
            let packet = self.packet(pt, ssrc, number, &number.to_be_bytes());
            self.receive(&packet).map(|(.., sequence, _)| sequence)
        }

        fn send_again(&mut self, ssrc: u32, number: u64, original: u64) -> Option<u64> {
            let payload = [&(original as u16).to_be_bytes()[..], &original.to_be_bytes()].concat();
            let packet = self.packet(97, ssrc + 10, number, &payload);
            let (main, pt, sequence, payload) = self.receive(&packet)?;
            assert_eq!((main, pt, payload), (ssrc, 96, original.to_be_bytes().to_vec()));
            Some(sequence)
        }

        /// What is said now: kind, count and body of each part.
        fn said(&mut self) -> Vec<(u8, u8, Vec<u8>)> {
            let mut said = Vec::new();
            while self.receiver.due().is_some_and(|due| due <= self.now) {
                let Some(sealed) = self.receiver.poll_transmit(self.now) else { break };
                assert!(sealed.len() < 1200);
                let opened = self.opener.open(sealed).expect("sealed for the peer");
                said.extend(parts(opened).map(|Part { kind, count, body }| (kind, count, body.to_vec())));
            }
            said
        }

        fn said_of(&mut self, kind: u8, count: u8) -> Vec<Vec<u8>> {
            let said = self.said().into_iter();
            said.filter(|one| (one.0, one.1) == (kind, count)).map(|(.., body)| body).collect()
        }
    }

    #[test]
    fn packets_are_opened_once_and_strangers_change_nothing() {
        let mut pair = pair();
        let packet = pair.packet(96, 5, 65_535, b"picture");
        for at in 0..packet.len() {
            let mut forged = packet.clone();
            forged[at] ^= 1;
            assert_eq!(pair.receive(&forged), None, "byte {at}");
            assert_eq!(pair.receive(&packet[..at]), None, "{at} bytes");
        }
        assert!(pair.receiver.known.is_empty() && pair.receiver.due().is_none());
        assert_eq!(pair.receive(&packet), Some((5, 96, 65_535, b"picture".to_vec())));
        assert_eq!(pair.receive(&packet), None, "again");
        assert_eq!(pair.send(96, 5, 65_536), Some(65_536), "the next cycle");
        assert_eq!(pair.send(96, 6, 65_537), Some(65_537), "whose first packet is of the second");
        assert_eq!(pair.send(96, 6, 65_536), Some(65_536));
    }

    #[test]
    fn feedback_names_who_is_there() {
        let mut pair = pair();
        for ssrc in [5, 6, 6] {
            pair.send(96, ssrc, u64::from(pair.transport_wide));
            let [feedback] = &pair.said_of(TRANSPORT_FEEDBACK, TRANSPORT_WIDE)[..] else { panic!("one feedback") };
            assert_eq!((word(feedback, 0), word(feedback, 4)), (OWN, ssrc), "who stopped hears nothing any more");
            pair.now += Duration::from_millis(100);
        }
    }

    #[test]
    fn padding_is_taken_off() {
        let mut pair = pair();
        for (padded, left) in
            [(&b"ab\0\0\x03"[..], Some(&b"ab"[..])), (b"\x01", Some(b"")), (b"\x02", None), (b"", None)]
        {
            let mut pair = self::pair();
            let mut packet = vec![0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5];
            packet.extend(padded);
            pair.sealer.seal(&mut packet, 0, 12, 5, 1).expect("sealed");
            let resolve = |_: &Header<'_>| Some(Source { stream: 0, is_repair: false });
            let arrival = pair.receiver.receive(&packet, pair.now, resolve);
            assert_eq!(arrival.map(|arrival| arrival.payload.to_vec()).as_deref(), left);
        }
        assert_eq!(pair.send(96, 5, 1), Some(1));
    }

    #[test]
    fn what_is_missing_is_asked_for_and_taken_when_it_comes() {
        let mut pair = pair();
        pair.send(96, 5, 10);
        pair.said();
        pair.send(96, 5, 13);
        let asked = pair.said_of(TRANSPORT_FEEDBACK, NACK);
        assert_eq!(asked, [[&OWN.to_be_bytes()[..], &5u32.to_be_bytes(), &[0, 11, 0, 1]].concat()]);
        assert_eq!(pair.send_again(5, 500, 11), Some(11));
        assert_eq!(pair.send_again(5, 501, 11), None, "twice");
        assert_eq!(pair.send(96, 5, 11), None, "and the original comes late");
        assert_eq!(pair.send(96, 5, 12), Some(12), "it was only late");
        pair.now += Duration::from_secs(2);
        assert_eq!(pair.said_of(TRANSPORT_FEEDBACK, NACK), [[0u8; 0]; 0]);
        pair.send(96, 6, 10);
        assert_eq!(pair.send_again(6, 502, 12), Some(12), "before it was asked for");
        let asked = pair.said_of(TRANSPORT_FEEDBACK, NACK);
        assert_eq!(asked, [[&OWN.to_be_bytes()[..], &6u32.to_be_bytes(), &[0, 11, 0, 0]].concat()]);
        assert_eq!(pair.send_again(6, 503, 11), Some(11));
        pair.send(111, 7, 1);
        pair.send(111, 7, 9);
        assert_eq!(pair.said_of(TRANSPORT_FEEDBACK, NACK), [[0u8; 0]; 0], "sound is not asked for");
    }

    #[test]
    fn reports_tell_what_came_and_when_the_senders_report_did() {
        let mut pair = pair();
        for number in [1, 2, 4] {
            pair.send(96, 5, number);
        }
        let mut report = Vec::new();
        write_part(&mut report, SENDER_REPORT, 0, |bytes| {
            bytes.extend(5u32.to_be_bytes());
            bytes.extend([0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0]);
            bytes.extend([0; 12]);
        });
        pair.receiver.handle_rtcp(&report, pair.now);
        pair.now += Duration::from_millis(500);
        let said = pair.said();
        let (_, count, block) = said.iter().find(|(kind, ..)| *kind == RECEIVER_REPORT).expect("a report");
        assert_eq!((*count, word(block, 4), word(block, 8), word(block, 12)), (1, 5, 64 << 24 | 1, 4));
        assert_eq!((word(block, 20), word(block, 24)), (0x1122_3344, 32_768));
        let (.., time) = said.iter().find(|(kind, ..)| *kind == EXTENDED_REPORT).expect("a time");
        // It is answered 30 ms after, of which the peer took 10.
        let mut answer = Vec::new();
        write_part(&mut answer, EXTENDED_REPORT, 0, |bytes| {
            bytes.extend(5u32.to_be_bytes());
            bytes.extend([5, 0, 0, 3]);
            bytes.extend(OWN.to_be_bytes());
            bytes.extend(&time[10..14]);
            bytes.extend(655u32.to_be_bytes());
        });
        pair.receiver.handle_rtcp(&answer, pair.now + 30 * MILLISECOND);
        assert!(pair.receiver.round_trip.is_some_and(|time| (19..=20).contains(&time.as_millis())));
        assert_eq!(pair.said_of(RECEIVER_REPORT, 1).len(), 0);
        pair.send(96, 5, 5);
        pair.now += REPORT_INTERVAL;
        assert_eq!(pair.said_of(RECEIVER_REPORT, 1).len(), 1);
        pair.now += REPORT_INTERVAL * 10;
        assert!(pair.said().iter().all(|(kind, ..)| *kind != RECEIVER_REPORT), "nothing came");
        pair.send(111, 7, 1);
        pair.said();
        pair.send(111, 7, 2);
        let due = pair.receiver.report_at.expect("due");
        assert_eq!(due - pair.now, REPORT_INTERVAL_OF_SOUND);
    }

    #[test]
    fn all_of_many_streams_are_reported() {
        let mut pair = pair();
        let mut reported = Vec::new();
        for ssrc in 100..150 {
            let packet = pair.packet(111, ssrc, 1, b"x");
            let resolve = |header: &Header<'_>| Some(Source { stream: header.ssrc as usize - 100, is_repair: false });
            pair.receiver.receive(&packet, pair.now, resolve).expect("a packet");
        }
        for (_, count, body) in pair.said().into_iter().filter(|(kind, ..)| *kind == RECEIVER_REPORT) {
            reported.extend((0..usize::from(count)).map(|block| word(&body, 4 + 24 * block)));
        }
        assert_eq!(reported, (100..150).collect::<Vec<u32>>());
    }

    #[test]
    fn keyframes_are_asked_for_at_once() {
        let mut pair = pair();
        pair.send(96, 5, 1);
        pair.said();
        pair.receiver.request_keyframe(5, pair.now);
        pair.receiver.request_keyframe(6, pair.now);
        let asked = pair.said_of(PAYLOAD_FEEDBACK, PLI);
        assert_eq!(asked, [[OWN.to_be_bytes(), 5u32.to_be_bytes()].concat()]);
        assert!(pair.said().is_empty());
    }

    #[test]
    fn a_stream_follows_its_ssrc() {
        let mut pair = pair();
        let names = |ssrc: u32| move |_: &Header<'_>| Some(Source { stream: 3, is_repair: ssrc >= 10 });
        let receive = |pair: &mut Pair, ssrc, number| {
            let packet = pair.packet(96, ssrc, number, b"x");
            pair.receiver.receive(&packet, pair.now, names(ssrc)).map(|arrival| (arrival.ssrc, arrival.begins))
        };
        assert_eq!(receive(&mut pair, 1, 140_000), None, "nobody begins in the third cycle");
        assert_eq!(receive(&mut pair, 1, 65_000), Some((1, true)));
        assert_eq!(receive(&mut pair, 2, 7), Some((2, true)), "it begins anew");
        assert_eq!(receive(&mut pair, 1, 65_001), None, "a straggler");
        assert_eq!(receive(&mut pair, 2, 8), Some((2, false)));
        pair.now += STRAY_FOR;
        assert_eq!(receive(&mut pair, 1, 65_537), Some((1, true)), "it came back, and its numbers go on");
    }

    #[test]
    fn an_ssrc_that_cannot_be_told_counts_for_the_feedback_and_is_asked_for_again() {
        let mut pair = pair();
        let packet = pair.packet(96, 5, 1, b"x");
        assert_eq!(pair.receiver.receive(&packet, pair.now, |_| None), None);
        assert_eq!(pair.said_of(TRANSPORT_FEEDBACK, TRANSPORT_WIDE).len(), 1);
        assert_eq!(pair.send(96, 5, 2), Some(2));
        // Many others do not drive it out of memory as long as it is heard.
        for ssrc in 0..3000 {
            let packet = pair.packet(96, 1000 + ssrc, 1, b"x");
            pair.now += MILLISECOND;
            assert_eq!(pair.receiver.receive(&packet, pair.now, |_| None), None);
            if ssrc % 100 == 0 {
                assert!(pair.send(96, 5, 3 + u64::from(ssrc)).is_some());
            }
        }
        assert_eq!(pair.receiver.known.len(), MOST_SOURCES);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_the_network_does_each_packet_arrives_once_and_unharmed(
            seed in any::<u64>(), loss in 0u64..25, delay in 1u64..80, first in 0u64..65_536,
        ) {
            let mut pair = pair();
            let mut random = seed | 1;
            let mut chance = move |of: u64| { random ^= random << 13; random ^= random >> 7; random ^= random << 17; random % of };
            let mut sent: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
            let mut asked: VecDeque<(Instant, u16)> = VecDeque::new();
            let (mut next, mut again, mut got, mut told, mut began) = (first, 0u64, BTreeMap::new(), 0usize, None);
            let end = pair.start + Duration::from_secs(6);
            while pair.now < end {
                pair.now += MILLISECOND;
                let way = MILLISECOND * (delay + chance(1 + delay / 2)) as u32;
                if pair.now < pair.start + Duration::from_secs(2) && chance(4) == 0 {
                    let packet = pair.packet(96, 5, next, &next.to_be_bytes());
                    next += 1;
                    if chance(100) >= loss {
                        sent.push_back((pair.now + way, packet));
                    }
                }
                while let Some((_, number)) = asked.pop_front_if(|(at, _)| *at <= pair.now) {
                    let original = (first..next).rev().find(|known| *known as u16 == number);
                    prop_assert!(original.is_some(), "{number} was never sent");
                    let original = original.unwrap_or_default();
                    let payload = [&number.to_be_bytes()[..], &original.to_be_bytes()].concat();
                    let packet = pair.packet(97, 15, again, &payload);
                    again += 1;
                    if chance(100) >= loss {
                        sent.push_back((pair.now + way, packet));
                    }
                }
                let (due, rest) = sent.drain(..).partition::<Vec<_>, _>(|(at, _)| *at <= pair.now);
                sent = rest.into();
                for (_, packet) in due {
                    if let Some((ssrc, pt, sequence, payload)) = pair.receive(&packet) {
                        prop_assert_eq!((ssrc, pt, payload), (5, 96, sequence.to_be_bytes().to_vec()));
                        prop_assert!(got.insert(sequence, ()).is_none(), "{} came twice", sequence);
                        began.get_or_insert(sequence);
                    }
                }
                for (kind, count, body) in pair.said() {
                    if (kind, count) == (TRANSPORT_FEEDBACK, NACK) && chance(100) >= loss {
                        for pair_of in body[8..].chunks_exact(4) {
                            let first = u16::from_be_bytes([pair_of[0], pair_of[1]]);
                            let mask = u16::from_be_bytes([pair_of[2], pair_of[3]]);
                            asked.push_back((pair.now + way, first));
                            let others = (0..16).filter(|bit| mask >> bit & 1 == 1);
                            asked.extend(others.map(|bit| (pair.now + way, first.wrapping_add(bit + 1))));
                        }
                    } else if (kind, count) == (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) {
                        let feedback = Feedback::parse(&body[8..]).expect("feedback");
                        told += feedback.packets().filter(Option::is_some).count();
                    }
                }
            }
            let last = got.keys().next_back().copied().unwrap_or(first);
            // Nobody knows of what was lost before the first came.
            let missing = (began.unwrap_or(first)..=last).filter(|number| !got.contains_key(number)).count();
            prop_assert!(missing * 200 <= got.len(), "{} of {} are missing", missing, got.len());
            prop_assert!(told >= got.len());
        }
    }
}
