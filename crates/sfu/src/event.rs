//! What the core tells the control plane. Plain values; the meaning of each is told in `src/visavis/_sfu.pyi`.

use crate::command::Target;
use crate::figures::{ParticipantFigures, PublishedFigures};

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Audio,
    Video,
}

/// State of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// ICE and DTLS are up.
    Connected,
    /// ICE lost contact; it may come back.
    Disconnected,
    /// It will not come back.
    Failed,
}

/// What carries a connection's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    Udp,
    Tcp,
}

/// Why a subscription could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SubscriptionError {
    CodecUnsupported,
    TrackNotFound,
}

/// LiveKit's `ConnectionQuality`, with its wire values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Quality {
    Poor = 0,
    Good = 1,
    Excellent = 2,
    Lost = 3,
}

/// One event. Events of one participant keep their order.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Event {
    Answer { participant: String, offer_id: u32, sdp: String, mid_to_track: Vec<(String, String)> },
    Offer { participant: String, offer_id: u32, sdp: String, mid_to_track: Vec<(String, String)> },
    SectionsWanted { participant: String, audios: u32, videos: u32 },
    NegotiationFailed { participant: String, target: Target, reason: String },
    MediaAdded { participant: String, mid: String, kind: Kind, cid: String, mime_type: String, rids: Vec<String> },
    MediaRemoved { participant: String, mid: String },
    ConnectionChanged { participant: String, target: Target, state: ConnectionState, protocol: Option<Protocol> },
    DataChannelsOpen { participant: String },
    TrackSubscribed { participant: String, track: String },
    SubscribedQuality { participant: String, track: String, codecs: Vec<(String, Option<u8>)> },
    StreamStateChanged { participant: String, track: String, paused: bool },
    SubscriptionFailed { participant: String, track: String, reason: SubscriptionError },
    Speakers { room: String, levels: Vec<(String, f32)> },
    Quality { room: String, qualities: Vec<(String, Quality, f32)> },
    RpcReply { participant: String, request: String, packet: Vec<u8> },
    ChatPacket { participant: String, packet: Vec<u8> },
    ParticipantFailed { participant: String, reason: String },
    Figures { request: u32, worker: u16, participants: Vec<ParticipantFigures> },
    TrackTotals { totals: PublishedFigures },
    ParticipantTotals { participant: String, bytes_in: u64, bytes_out: u64 },
}
