//! The core's events as Python sees them.

use std::collections::HashMap;

use pyo3::prelude::*;
use visavis_sfu::{ConnectionState, Event as CoreEvent, Kind, Protocol, PublishedFigures, SubscriptionError, Target};

use crate::figures::ParticipantFigures;

#[pyclass(frozen, module = "visavis._sfu")]
#[derive(Debug)]
pub(crate) enum Event {
    Answer { participant: String, offer_id: u32, sdp: String, mid_to_track: HashMap<String, String> },
    Offer { participant: String, offer_id: u32, sdp: String, mid_to_track: HashMap<String, String> },
    SectionsWanted { participant: String, audios: u32, videos: u32 },
    NegotiationFailed { participant: String, target: String, reason: String },
    MediaAdded { participant: String, mid: String, kind: String, cid: String, mime_type: String, rids: Vec<String> },
    MediaRemoved { participant: String, mid: String },
    ConnectionChanged { participant: String, target: String, state: String, protocol: String },
    DataChannelsOpen { participant: String },
    TrackSubscribed { participant: String, track: String },
    SubscribedQuality { participant: String, track: String, codecs: Vec<(String, Option<u8>)> },
    StreamStateChanged { participant: String, track: String, paused: bool },
    SubscriptionFailed { participant: String, track: String, reason: String },
    Speakers { room: String, levels: HashMap<String, f32> },
    Quality { room: String, qualities: HashMap<String, (u8, f32)> },
    RpcReply { participant: String, request: String, packet: Vec<u8> },
    ChatPacket { participant: String, packet: Vec<u8> },
    ParticipantFailed { participant: String, reason: String },
    Figures { request: u32, worker: u16, participants: Vec<ParticipantFigures> },
    TrackTotals { track: String, packets: u64, bytes: u64, lost: u64 },
    ParticipantTotals { participant: String, bytes_in: u64, bytes_out: u64 },
}

impl From<CoreEvent> for Event {
    fn from(event: CoreEvent) -> Self {
        match event {
            CoreEvent::Answer { participant, offer_id, sdp, mid_to_track } => {
                Self::Answer { participant, offer_id, sdp, mid_to_track: mid_to_track.into_iter().collect() }
            }
            CoreEvent::SectionsWanted { participant, audios, videos } => {
                Self::SectionsWanted { participant, audios, videos }
            }
            CoreEvent::Offer { participant, offer_id, sdp, mid_to_track } => {
                Self::Offer { participant, offer_id, sdp, mid_to_track: mid_to_track.into_iter().collect() }
            }
            CoreEvent::NegotiationFailed { participant, target, reason } => {
                Self::NegotiationFailed { participant, target: name_of_target(target), reason }
            }
            CoreEvent::MediaAdded { participant, mid, kind, cid, mime_type, rids } => {
                Self::MediaAdded { participant, mid, kind: name_of_kind(kind), cid, mime_type, rids }
            }
            CoreEvent::MediaRemoved { participant, mid } => Self::MediaRemoved { participant, mid },
            CoreEvent::ConnectionChanged { participant, target, state, protocol } => Self::ConnectionChanged {
                participant,
                target: name_of_target(target),
                state: name_of_state(state),
                protocol: name_of_protocol(protocol),
            },
            CoreEvent::DataChannelsOpen { participant } => Self::DataChannelsOpen { participant },
            CoreEvent::TrackSubscribed { participant, track } => Self::TrackSubscribed { participant, track },
            CoreEvent::SubscribedQuality { participant, track, codecs } => {
                Self::SubscribedQuality { participant, track, codecs }
            }
            CoreEvent::StreamStateChanged { participant, track, paused } => {
                Self::StreamStateChanged { participant, track, paused }
            }
            CoreEvent::SubscriptionFailed { participant, track, reason } => {
                Self::SubscriptionFailed { participant, track, reason: name_of_error(reason) }
            }
            CoreEvent::Speakers { room, levels } => Self::Speakers { room, levels: levels.into_iter().collect() },
            CoreEvent::Quality { room, qualities } => Self::Quality {
                room,
                qualities: qualities.into_iter().map(|(name, quality, score)| (name, (quality as u8, score))).collect(),
            },
            CoreEvent::RpcReply { participant, request, packet } => Self::RpcReply { participant, request, packet },
            CoreEvent::ChatPacket { participant, packet } => Self::ChatPacket { participant, packet },
            CoreEvent::ParticipantFailed { participant, reason } => Self::ParticipantFailed { participant, reason },
            CoreEvent::Figures { request, worker, participants } => {
                Self::Figures { request, worker, participants: participants.into_iter().map(Into::into).collect() }
            }
            CoreEvent::TrackTotals { totals: PublishedFigures { track, packets, bytes, lost } } => {
                Self::TrackTotals { track, packets, bytes, lost }
            }
            CoreEvent::ParticipantTotals { participant, bytes_in, bytes_out } => {
                Self::ParticipantTotals { participant, bytes_in, bytes_out }
            }
        }
    }
}

fn name_of_target(target: Target) -> String {
    match target {
        Target::Publisher => "publisher",
        Target::Subscriber => "subscriber",
    }
    .into()
}

fn name_of_kind(kind: Kind) -> String {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
    .into()
}

fn name_of_state(state: ConnectionState) -> String {
    match state {
        ConnectionState::Connected => "connected",
        ConnectionState::Disconnected => "disconnected",
        ConnectionState::Failed => "failed",
    }
    .into()
}

fn name_of_protocol(protocol: Option<Protocol>) -> String {
    match protocol {
        Some(Protocol::Udp) => "udp",
        Some(Protocol::Tcp) => "tcp",
        None => "",
    }
    .into()
}

fn name_of_error(error: SubscriptionError) -> String {
    match error {
        SubscriptionError::CodecUnsupported => "codec_unsupported",
        SubscriptionError::TrackNotFound => "track_not_found",
    }
    .into()
}
