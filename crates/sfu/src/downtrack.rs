//! One subscription: which packets of a track go to a subscriber, and as what.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use str0m::media::{Mid, Pt};
use visavis_rtp::CaptureTime;

use crate::bitstream::{Codec, PacketInfo};
use crate::blank::Blanking;
use crate::command::TrackSettings;
use crate::dependency_descriptor::{Descriptor, Raw};
use crate::egress::Outgoing;
use crate::fanout::bit;
use crate::playout_delay::PlayoutDelay;
use crate::rewriter::{Input, Rewriter};
use crate::strain::Hold;
use crate::svc::{Limit, Selected, Selector};
use crate::temporal::Gate;

/// Where in the subscriber's description the track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not offered yet.
    Waiting,
    /// In the offer whose answer is outstanding.
    Offered(Mid),
    /// Answered: packets may flow with this payload type, and the connection's media knows the section by this index.
    Ready(Mid, Pt, usize),
}

/// Packets held while a keyframe is awaited. One whose first packet was lost or overtaken is complete with them.
const HELD: usize = 128;

pub(crate) struct Downtrack {
    /// Slab keys of the subscriber and the track.
    pub subscriber: usize,
    pub track: usize,
    pub place: Place,
    /// When the client is sure to take what comes in its section.
    pub listens_from: Instant,
    /// The payload type of redundant audio; `None`: the subscriber gets the Opus in it.
    pub red: Option<Pt>,
    pub settings: TrackSettings,
    /// The layer to get; `None`: none (disabled, or nothing is sent).
    pub target: Option<usize>,
    /// The layer that flows; `None`: waits for a keyframe.
    pub current: Option<usize>,
    /// Highest temporal layer to get.
    pub temporal_limit: u8,
    gate: Gate,
    /// No more than the lowest temporal layer fits.
    pub is_thin: bool,
    /// Of video, in rooms that have one.
    pub playout_delay: Option<PlayoutDelay>,
    /// Taken from the media section while this track has it.
    pub rewriter: Rewriter,
    /// The subscriber was told that media can flow.
    pub told: bool,
    /// The subscriber was told that its bandwidth does not hold this, and that was not taken back yet.
    pub paused: bool,
    pub hold: Hold,
    /// What came of the awaited layer before its keyframe's first packet; and which layer that is.
    held: VecDeque<(Packet, PacketInfo)>,
    held_layer: usize,
    /// Of a track with all layers in one stream.
    pub selector: Option<Selector>,
    /// Silence or black is being sent in place of the track.
    pub blanking: Option<Blanking>,
    /// What was sent of the track, payload alone.
    pub packets: u64,
    pub bytes: u64,
    /// What the subscriber said last that it missed of it, as a share.
    pub loss: Option<f32>,
}

/// What forwarding takes of an RTP packet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    /// Extended sequence number.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    pub capture_time: Option<CaptureTime>,
    pub raw_descriptor: Option<Arc<Raw>>,
    /// The same, read.
    pub descriptor: Option<Descriptor>,
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
    /// Of a track that is `scalable`: its layers are in one stream.
    pub(crate) fn new(subscriber: usize, track: usize, scalable: bool, settings: TrackSettings, now: Instant) -> Self {
        Self {
            subscriber,
            track,
            place: Place::Waiting,
            listens_from: now,
            red: None,
            settings,
            target: None,
            current: None,
            temporal_limit: u8::MAX,
            gate: Gate::default(),
            is_thin: false,
            playout_delay: None,
            rewriter: Rewriter::default(),
            told: false,
            paused: false,
            hold: Hold::default(),
            held: VecDeque::new(),
            held_layer: 0,
            selector: scalable.then(Selector::default),
            blanking: None,
            packets: 0,
            bytes: 0,
            loss: None,
        }
    }

    pub(crate) fn mid(&self) -> Option<Mid> {
        match self.place {
            Place::Waiting => None,
            Place::Offered(mid) | Place::Ready(mid, ..) => Some(mid),
        }
    }

    /// The layer whose keyframe it waits for.
    pub(crate) fn awaits(&self) -> Option<usize> {
        let there = |target| match self.current {
            Some(current) if self.selector.is_some() => current >= target,
            current => current == Some(target),
        };
        self.target.filter(|target| matches!(self.place, Place::Ready(..)) && !there(*target))
    }

    /// A bit for each layer whose packets can cause anything to be sent or held.
    pub(crate) fn concerned_by(&self) -> u64 {
        let (Place::Ready(..), Some(target)) = (self.place, self.target) else { return 0 };
        match self.current {
            _ if self.selector.is_some() => u64::MAX,
            Some(current) => bit(current) | bit(target),
            None => 2 * bit(target) - 1,
        }
    }

    /// Reads what [`Self::forward`] will, to have it in the processor's cache.
    pub(crate) fn look(&self) {
        black_box(self.target);
        black_box(self.selector.is_some());
        black_box(self.packets);
        self.rewriter.look();
    }

    /// Hands what is to be sent because of this packet to `send`.
    pub(crate) fn forward(&mut self, incoming: &Incoming<'_>, mut send: impl FnMut(Outgoing)) {
        let (Place::Ready(mid, pt, index), Some(target)) = (self.place, self.target) else { return };
        let place = (mid, pt, index);
        // All layers of a scalable stream flow, or none: which of them are sent on is decided at each packet.
        let flows = if self.selector.is_some() { self.current.is_some() } else { self.current == Some(incoming.layer) };
        if flows && !self.rewriter.is_before(incoming.packet.sequence) {
            return self.pass(incoming, place, &mut send);
        }
        if flows {
            // Its encoding began anew.
            self.pause();
        }
        // Layers change at keyframes only. Until the target's comes, any lower one is better than nothing.
        let awaited = incoming.layer == target || self.selector.is_some();
        let better = awaited || self.current.is_none() && incoming.layer < target;
        if !better {
            return;
        }
        if !incoming.info.keyframe {
            if awaited {
                self.hold(incoming);
            }
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        let lower = self.current.is_some_and(|current| incoming.layer < current);
        self.current = Some(if self.selector.is_some() { target } else { incoming.layer });
        if let Some(selector) = &mut self.selector {
            selector.restart();
        }
        self.rewriter.restart(&incoming.input(), incoming.clock_rate);
        self.pass(incoming, place, &mut |packet| send(Outgoing { forget_older: lower, ..packet }));
        if incoming.layer == self.held_layer {
            held.make_contiguous().sort_by_key(|(packet, _)| packet.sequence);
            for (packet, info) in held.iter().filter(|(packet, _)| packet.sequence > incoming.packet.sequence) {
                self.pass(&Incoming { packet, info: *info, ..*incoming }, place, &mut send);
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
    fn pass(&mut self, incoming: &Incoming<'_>, (mid, pt, index): (Mid, Pt, usize), send: &mut impl FnMut(Outgoing)) {
        let input = incoming.input();
        // Padding carries nothing, and would be a hole if it were merely skipped.
        let selected = self.select(incoming);
        let wanted = match selected {
            Some(selected) => selected.forward,
            None => self.gate.takes(self.temporal_limit, incoming.codec, &incoming.info),
        };
        let kept = wanted && !input.payload.is_empty();
        let rewritten = if kept { self.rewriter.rewrite(&input) } else { self.rewriter.leave_out(&input) };
        let Some(rewritten) = rewritten else { return };
        if kept {
            self.packets += 1;
            self.bytes += input.payload.len() as u64;
        }
        let descriptor = incoming.packet.descriptor.as_ref().filter(|_| kept);
        let playout_delay = self.playout_delay.as_mut().and_then(|delay| delay.of_packet(rewritten.sequence));
        send(Outgoing {
            mid,
            index,
            pt: self.red.filter(|_| incoming.codec == Codec::Red).unwrap_or(pt),
            sequence: rewritten.sequence,
            timestamp: rewritten.timestamp,
            marker: kept && (incoming.packet.marker || selected.is_some_and(|selected| selected.ends_picture)),
            payload: if kept { incoming.packet.payload.clone() } else { Arc::default() },
            patch: rewritten.patch,
            capture_time: incoming.packet.capture_time,
            descriptor: descriptor.zip(selected).map(|(descriptor, selected)| descriptor.limited(selected.limit)),
            playout_delay,
            nackable: !incoming.codec.is_audio(),
            arrival: incoming.arrival,
            forget_older: false,
        });
    }

    /// Which layers of a scalable stream are sent on, and whether this packet is of one.
    fn select(&mut self, incoming: &Incoming<'_>) -> Option<Selected> {
        let (selector, frame) = self.selector.as_mut().zip(incoming.info.frame)?;
        let target = Limit { spatial: self.target.unwrap_or(0) as u8, temporal: self.temporal_limit };
        let selected = selector.select(incoming.packet.timestamp, &frame, target);
        self.current = selector.spatial().map(usize::from);
        Some(selected)
    }

    /// From now on it is of that track, or of that track with other layers.
    pub(crate) fn follow(&mut self, track: usize, scalable: bool) {
        (self.track, self.target) = (track, None);
        self.selector = scalable.then(Selector::default);
        self.pause();
    }

    /// Nothing flows until the next keyframe; the stream goes on without a hole then.
    pub(crate) fn pause(&mut self) {
        self.current = None;
        self.held.clear();
    }
}
