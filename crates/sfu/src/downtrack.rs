//! One subscription: which packets of a track go to a subscriber, and as what.

use std::time::Instant;

use str0m::media::{Mid, Pt};
use str0m::rtp::RtpPacket;

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
}

/// One packet as it came in.
pub(crate) struct Incoming<'a> {
    pub packet: &'a RtpPacket,
    pub layer: usize,
    pub codec: Codec,
    pub info: PacketInfo,
    pub clock_rate: u32,
    pub arrival: Instant,
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

    /// What to send of this packet, if anything.
    pub(crate) fn forward(&mut self, incoming: &Incoming<'_>) -> Option<Outgoing> {
        let Place::Ready(mid, pt) = self.place else { return None };
        let target = self.target?;
        let header = &incoming.packet.header;
        let input = Input {
            sequence: *incoming.packet.seq_no,
            timestamp: header.timestamp,
            payload: &incoming.packet.payload,
            vp8: incoming.codec == Codec::Vp8,
            arrival: incoming.arrival,
        };
        if self.current != Some(incoming.layer) {
            // Layers change at keyframes only. Until the target's comes, any lower one is better than nothing.
            let better = incoming.layer == target || self.current.is_none() && incoming.layer < target;
            if !incoming.info.keyframe || !better {
                return None;
            }
            self.current = Some(incoming.layer);
            self.rewriter.restart(&input, incoming.clock_rate);
        }
        if incoming.info.temporal_id.is_some_and(|id| id > self.temporal_limit) {
            self.rewriter.leave_out(&input);
            return None;
        }
        let rewritten = self.rewriter.rewrite(&input)?;
        Some(Outgoing {
            mid,
            pt,
            sequence: rewritten.sequence,
            timestamp: rewritten.timestamp,
            marker: header.marker,
            payload: incoming.packet.payload.clone(),
            patch: rewritten.patch,
            capture_time: header.ext_vals.abs_capture_time,
            nackable: incoming.codec != Codec::Opus,
            arrival: incoming.arrival,
        })
    }

    /// Nothing flows until the next keyframe; the stream goes on without a hole then.
    pub(crate) fn pause(&mut self) {
        self.current = None;
    }
}
