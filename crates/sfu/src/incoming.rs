//! What a publisher sends: from the packets of its connection to those of its tracks.
//!
//! Our own path opens them and tells the publisher what came of them (`visavis-ingress`); str0m's is the reference that tests
//! compare it with, and knows which stream a description means by which SSRC.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use str0m::Rtc;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::rtp::{AbsCaptureTime, Extension, RtpPacket, Ssrc};
use visavis_ingress::{Arrival, ExtensionIds, Header, MOST_STREAMS, Receiver, Source};
use visavis_rtp::{CaptureTime, to_ntp};

use crate::command::Target;
use crate::connection::{Connection, protocol_of};
use crate::dependency_descriptor::{self, Raw};
use crate::downtrack::Packet;
use crate::media::{Media, formats};
use crate::participant::{Participant, Published};
use crate::shard::{Key, Shard};

/// A packet of one encoding.
pub(crate) struct Came {
    pub ssrc: Ssrc,
    /// The encoding begins, or begins anew with this stream.
    pub begins: bool,
    /// Which encoding that is; `None`: str0m knows.
    pub encoding: Option<Encoding>,
    pub pt: Pt,
    /// In −dBov.
    pub level: Option<u8>,
    pub packet: Packet,
}

/// An encoding as descriptions name it.
pub(crate) type Encoding = (Mid, Option<Rid>);

/// What one connection receives.
#[derive(Default)]
pub(crate) struct Incoming {
    /// From the first packet on.
    receiver: Option<Box<Receiver>>,
    /// By the receiver's names for their streams.
    encodings: Vec<Encoding>,
}

impl Incoming {
    pub(crate) fn handle_rtcp(&mut self, opened: &[u8], now: Instant) {
        if let Some(receiver) = &mut self.receiver {
            receiver.handle_rtcp(opened, now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.receiver.as_ref()?.poll_timeout()
    }

    /// What the peer is to be told now.
    fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let receiver = self.receiver.as_mut()?;
        if receiver.due().is_none_or(|due| due > now) { None } else { receiver.poll_transmit(now) }
    }
}

impl Media {
    fn receive(
        &mut self,
        packet: &[u8],
        rtc: &mut Rtc,
        published: &BTreeMap<Mid, Published>,
        now: Instant,
    ) -> Option<Came> {
        if self.incoming.receiver.is_none() {
            let own = rtc.direct_api().new_ssrc();
            let mut receiver = Receiver::new(&self.keys.get()?, self.clock, *own, now)?;
            receiver.set_negotiated(extensions(rtc, published), formats(rtc));
            self.incoming.receiver = Some(Box::new(receiver));
        }
        let Incoming { receiver, encodings } = &mut self.incoming;
        let resolve = |header: &Header<'_>| source(header, rtc, published, encodings);
        let arrival = receiver.as_mut()?.receive(packet, now, resolve)?;
        let encoding = encodings.get(arrival.stream).copied();
        Some(Came { encoding, ..Came::from(arrival) })
    }
}

impl Participant {
    /// What it may send is described anew.
    pub(crate) fn renegotiate_incoming(&mut self) {
        let Self { publisher, published, .. } = self;
        let Some(Connection { rtc, media: Some(media), .. }) = publisher.as_deref_mut() else { return };
        if let Some(receiver) = &mut media.incoming.receiver {
            receiver.set_negotiated(extensions(rtc, published), formats(rtc));
        }
    }
}

/// The extensions that what it publishes may carry: in one connection they have the same ids everywhere.
fn extensions(rtc: &Rtc, published: &BTreeMap<Mid, Published>) -> ExtensionIds {
    let id = |extension: Extension| {
        published.keys().find_map(|mid| rtc.media(*mid)?.remote_extmap().id_of(extension.clone()))
    };
    ExtensionIds {
        mid: id(Extension::RtpMid),
        rid: id(Extension::RtpStreamId),
        repaired_rid: id(Extension::RepairedRtpStreamId),
        level: id(Extension::AudioLevel),
        transport_wide: id(Extension::TransportSequenceNumber),
        capture_time: id(Extension::AbsoluteCaptureTime),
        descriptor: id(dependency_descriptor::extension()),
    }
}

/// Which encoding an SSRC carries: as its packet says, or else as the description does. Encodings get their names here.
fn source(
    header: &Header<'_>,
    rtc: &mut Rtc,
    published: &BTreeMap<Mid, Published>,
    encodings: &mut Vec<Encoding>,
) -> Option<Source> {
    // Probes of libwebrtc have no SSRC; and what has a format that was not negotiated is of no encoding, whatever else it says.
    let is_repair_format = is_repair_format(rtc, header.pt).filter(|_| header.ssrc != 0)?;
    let by_description = described(header.ssrc.into(), rtc, published);
    let is_repair = is_repair_format || by_description.is_some_and(|(_, is_repair)| is_repair);
    let named = header.mid.map(Mid::from).and_then(|mid| Some((mid, published.get(&mid)?)));
    let (encoding, is_repair) = match named {
        Some((mid, section)) if section.rids.is_empty() => ((mid, None), is_repair),
        Some((mid, section)) => {
            let rid = header.rid.or(header.repaired_rid).filter(|rid| section.rids.iter().any(|known| known == rid))?;
            // pion leaves the headers of what it sends again as they were.
            ((mid, Some(Rid::from(rid))), is_repair || header.rid.is_none())
        }
        None => by_description?,
    };
    let stream = match encodings.iter().position(|known| *known == encoding) {
        Some(stream) => stream,
        None if encodings.len() == MOST_STREAMS => return None,
        None => {
            encodings.push(encoding);
            encodings.len() - 1
        }
    };
    Some(Source { stream, is_repair })
}

/// Whether a payload type is for what is sent again; `None`: it was not negotiated.
fn is_repair_format(rtc: &Rtc, pt: u8) -> Option<bool> {
    let format = formats(rtc).iter().find(|format| format.pt == pt || format.retransmission == Some(pt)).copied()?;
    Some(format.pt != pt)
}

/// The encoding of an SSRC that a description names, and whether for what is sent again.
fn described(ssrc: Ssrc, rtc: &mut Rtc, published: &BTreeMap<Mid, Published>) -> Option<(Encoding, bool)> {
    let mut api = rtc.direct_api();
    if let Some(stream) = api.stream_rx(&ssrc) {
        let encoding = (stream.mid(), stream.rid());
        return published.contains_key(&encoding.0).then_some((encoding, false));
    }
    let only = |mid: &Mid| api.stream_rx_by_mid(*mid, None).is_some_and(|stream| stream.rtx() == Some(ssrc));
    published.keys().copied().find(only).map(|mid| ((mid, None), true))
}

impl From<Arrival<'_>> for Came {
    fn from(arrival: Arrival<'_>) -> Self {
        Self {
            ssrc: arrival.ssrc.into(),
            begins: arrival.begins,
            encoding: None,
            pt: arrival.pt.into(),
            level: arrival.level,
            packet: Packet {
                sequence: arrival.sequence,
                timestamp: arrival.timestamp,
                marker: arrival.marker,
                payload: arrival.payload,
                capture_time: arrival.capture_time,
                raw_descriptor: arrival.descriptor.map(|bytes| Arc::new(Raw(bytes.into()))),
                descriptor: None,
            },
        }
    }
}

impl From<RtpPacket> for Came {
    fn from(packet: RtpPacket) -> Self {
        let extensions = packet.header.ext_vals;
        let capture_time =
            |time: AbsCaptureTime| CaptureTime { ntp: to_ntp(time.capture_time), offset: time.clock_offset };
        Self {
            ssrc: packet.header.ssrc,
            begins: false,
            encoding: None,
            pt: packet.header.payload_type,
            level: extensions.audio_level.map(i8::unsigned_abs),
            packet: Packet {
                sequence: *packet.seq_no,
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                payload: packet.payload,
                capture_time: extensions.abs_capture_time.map(capture_time),
                raw_descriptor: extensions.user_values.get_arc(),
                descriptor: None,
            },
        }
    }
}

impl Shard {
    /// RTP of a peer; false: str0m opens it.
    pub(crate) fn on_packet(&mut self, key: Key, packet: &[u8], now: Instant) -> bool {
        let Some(Participant { publisher, published, .. }) = self.participants.get_mut(key.0) else { return true };
        let Some(Connection { rtc, media: Some(media), .. }) = publisher.as_deref_mut() else { return false };
        // Nobody was asked to send anything on the other connection.
        if key.1 != Target::Publisher {
            return true;
        }
        if let Some(came) = media.receive(packet, rtc, published, now) {
            self.on_rtp(key.0, came, now);
        }
        self.tell_publisher(key, now);
        self.arm_media(key);
        true
    }

    /// Tells a publisher what is due of what comes from it.
    pub(crate) fn tell_publisher(&mut self, key: Key, now: Instant) {
        while let Some(media) = self.connection(key).and_then(|connection| connection.media.as_mut()) {
            let Some(path) = media.path() else { return };
            let Some(told) = media.incoming.poll_transmit(now) else { return };
            let (protocol, payload) = (protocol_of(path), told.to_vec());
            self.put_out(
                key,
                crate::Transmit { protocol, source: path.source, destination: path.destination, payload },
            );
        }
    }

    /// Asks a publisher for keyframes of these streams.
    pub(crate) fn request_keyframes(&mut self, key: Key, streams: &[Ssrc], now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        if let Some(media) = &mut connection.media {
            if let Some(receiver) = &mut media.incoming.receiver {
                streams.iter().for_each(|ssrc| receiver.request_keyframe(**ssrc, now));
            }
            return self.tell_publisher(key, now);
        }
        let mut api = connection.rtc.direct_api();
        for ssrc in streams {
            if let Some(stream) = api.stream_rx(ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        self.touch(key);
    }
}
