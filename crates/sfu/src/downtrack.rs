//! One subscription: which packets of a track go to a subscriber, and as what.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use str0m::media::{Mid, Pt};
use str0m::rtp::{AbsCaptureTime, RtpPacket};

use crate::bitstream::{Codec, PacketInfo};
use crate::command::TrackSettings;
use crate::egress::Outgoing;
use crate::rewriter::{Input, Rewriter};

/// Where in the subscriber's description the track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not offered yet.
    Waiting,
    /// In the offer whose answer is outstanding.
    Offered(Mid),
    /// Answered: packets may flow with this payload type.
    Ready(Mid, Pt),
}

/// Packets held while a keyframe is awaited. One whose first packet was lost or overtaken is complete with them.
const HELD: usize = 128;

pub(crate) struct Downtrack {
    /// Slab keys of the subscriber and the track.
    pub subscriber: usize,
    pub track: usize,
    pub place: Place,
    pub settings: TrackSettings,
    /// The layer to get; `None`: none (disabled, or nothing is sent).
    pub target: Option<usize>,
    /// The layer that flows; `None`: waits for a keyframe.
    pub current: Option<usize>,
    /// Highest temporal layer to get.
    pub temporal_limit: u8,
    /// Taken from the media section while this track has it.
    pub rewriter: Rewriter,
    /// The subscriber was told that media can flow.
    pub told: bool,
    /// What came of the awaited layer before its keyframe's first packet; and which layer that is.
    held: VecDeque<(Packet, PacketInfo)>,
    held_layer: usize,
}

/// What forwarding takes of an RTP packet.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// Extended sequence number.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    pub capture_time: Option<AbsCaptureTime>,
}

impl From<RtpPacket> for Packet {
    fn from(packet: RtpPacket) -> Self {
        Self {
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload,
            capture_time: packet.header.ext_vals.abs_capture_time,
        }
    }
}

/// One packet as it came in.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub packet: &'a Packet,
    pub layer: usize,
    pub codec: Codec,
    pub info: PacketInfo,
    pub clock_rate: u32,
    pub arrival: Instant,
}

impl Incoming<'_> {
    fn input(&self) -> Input<'_> {
        Input {
            sequence: self.packet.sequence,
            timestamp: self.packet.timestamp,
            payload: &self.packet.payload,
            vp8: self.codec == Codec::Vp8,
            arrival: self.arrival,
        }
    }
}

impl Downtrack {
    pub(crate) fn new(subscriber: usize, track: usize, settings: TrackSettings) -> Self {
        Self {
            subscriber,
            track,
            place: Place::Waiting,
            settings,
            target: None,
            current: None,
            temporal_limit: u8::MAX,
            rewriter: Rewriter::default(),
            told: false,
            held: VecDeque::new(),
            held_layer: 0,
        }
    }

    pub(crate) fn mid(&self) -> Option<Mid> {
        match self.place {
            Place::Waiting => None,
            Place::Offered(mid) | Place::Ready(mid, _) => Some(mid),
        }
    }

    /// The layer whose keyframe it waits for.
    pub(crate) fn awaits(&self) -> Option<usize> {
        self.target.filter(|target| matches!(self.place, Place::Ready(..)) && self.current != Some(*target))
    }

    /// Hands what is to be sent because of this packet to `send`.
    pub(crate) fn forward(&mut self, incoming: &Incoming<'_>, mut send: impl FnMut(Outgoing)) {
        let (Place::Ready(mid, pt), Some(target)) = (self.place, self.target) else { return };
        if self.current == Some(incoming.layer) {
            return self.pass(incoming, mid, pt, &mut send);
        }
        // Layers change at keyframes only. Until the target's comes, any lower one is better than nothing.
        let better = incoming.layer == target || self.current.is_none() && incoming.layer < target;
        if !better {
            return;
        }
        if !incoming.info.keyframe {
            if incoming.layer == target {
                self.hold(incoming);
            }
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        let lower = self.current.is_some_and(|current| incoming.layer < current);
        self.current = Some(incoming.layer);
        self.rewriter.restart(&incoming.input(), incoming.clock_rate);
        self.pass(incoming, mid, pt, &mut |packet| send(Outgoing { forget_older: lower, ..packet }));
        if incoming.layer == self.held_layer {
            held.make_contiguous().sort_by_key(|(packet, _)| packet.sequence);
            for (packet, info) in held.iter().filter(|(packet, _)| packet.sequence > incoming.packet.sequence) {
                self.pass(&Incoming { packet, info: *info, ..*incoming }, mid, pt, &mut send);
            }
        }
    }

    fn hold(&mut self, incoming: &Incoming<'_>) {
        if std::mem::replace(&mut self.held_layer, incoming.layer) != incoming.layer {
            self.held.clear();
        } else if self.held.len() == HELD {
            self.held.pop_front();
        }
        self.held.push_back((incoming.packet.clone(), incoming.info));
    }

    /// A packet of the layer that flows.
    fn pass(&mut self, incoming: &Incoming<'_>, mid: Mid, pt: Pt, send: &mut impl FnMut(Outgoing)) {
        let input = incoming.input();
        // Padding carries nothing, and would be a hole if it were merely skipped.
        let unwanted = incoming.info.temporal_id.is_some_and(|id| id > self.temporal_limit);
        if unwanted || input.payload.is_empty() {
            return self.rewriter.leave_out(&input);
        }
        let Some(rewritten) = self.rewriter.rewrite(&input) else { return };
        send(Outgoing {
            mid,
            pt,
            sequence: rewritten.sequence,
            timestamp: rewritten.timestamp,
            marker: incoming.packet.marker,
            payload: incoming.packet.payload.clone(),
            patch: rewritten.patch,
            capture_time: incoming.packet.capture_time,
            nackable: incoming.codec != Codec::Opus,
            arrival: incoming.arrival,
            forget_older: false,
        });
    }

    /// Nothing flows until the next keyframe; the stream goes on without a hole then.
    pub(crate) fn pause(&mut self) {
        self.current = None;
        self.held.clear();
    }
}
