//! What the control plane asks of the core. Plain values; the meaning of each is told in `src/visavis/_sfu.pyi`.

use crate::playout_delay::PlayoutLimits;

/// Which of a participant's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The client offers; media flows from it.
    Publisher,
    /// The server offers; media flows to it.
    Subscriber,
}

/// Where a track comes from (LiveKit's `TrackSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Source {
    Unknown,
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
}

/// One layer, of simulcast or of a scalable stream, as AddTrack declared it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerInfo {
    /// LiveKit's `VideoQuality`: 0 low, 1 medium, 2 high.
    pub quality: u8,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bit/s.
    pub bitrate: u32,
}

/// What a subscriber wants of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackSettings {
    /// Send nothing.
    pub disabled: bool,
    /// Highest quality wanted; `None`: not told.
    pub quality: Option<u8>,
    /// Pixels; > 0 wins over `quality`.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Highest frame rate; 0: all.
    pub fps: u32,
    /// 1 is served first; 0: not told.
    pub priority: u32,
}

/// One command. Ids are LiveKit's; naming an unknown one does nothing.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Command {
    AddParticipant {
        room: String,
        participant: String,
        identity: String,
        primary: Target,
        single: bool,
        can_publish_data: bool,
        hidden: bool,
        agent: bool,
        can_subscribe_metrics: bool,
        codec_change: bool,
        /// Pictures that do not fit its bandwidth at all are held back; `None`: only where nothing comes through otherwise.
        allow_pause: Option<bool>,
        mime_types: Vec<String>,
        /// `None`: receivers decide.
        playout_delay: Option<PlayoutLimits>,
        /// Tracks of one stream are told as such.
        sync_streams: bool,
    },
    UpdateParticipant {
        participant: String,
        can_publish_data: bool,
        hidden: bool,
        agent: bool,
        can_subscribe_metrics: bool,
    },
    RemoveParticipant {
        participant: String,
    },
    PublisherOffer {
        participant: String,
        offer_id: u32,
        sdp: String,
        codecs: Vec<(String, String)>,
        /// Audio that has two channels.
        stereo: Vec<String>,
        /// Audio whose silence is sent, too.
        no_dtx: Vec<String>,
    },
    SubscriberAnswer {
        participant: String,
        answer_id: u32,
        sdp: String,
    },
    RestartIce {
        participant: String,
    },
    Publish {
        participant: String,
        mid: String,
        track: String,
        source: Source,
        muted: bool,
        layers: Vec<LayerInfo>,
        stereo: bool,
        /// Its name, for subscribers with `sync_streams`.
        stream: String,
        /// Of an encrypted track: ends each frame that is not its publisher's.
        trailer: Vec<u8>,
        backups: Vec<String>,
    },
    PublishBackup {
        participant: String,
        mid: String,
        track: String,
        layers: Vec<LayerInfo>,
        regress: bool,
    },
    Unpublish {
        track: String,
    },
    SetMuted {
        track: String,
        muted: bool,
    },
    Subscribe {
        participant: String,
        track: String,
    },
    Unsubscribe {
        participant: String,
        track: String,
    },
    SetTrackSettings {
        participant: String,
        track: String,
        settings: TrackSettings,
    },
    SendData {
        room: String,
        packet: Vec<u8>,
        reliable: bool,
        destinations: Vec<String>,
    },
    PerformRpc {
        participant: String,
        request: String,
        packet: Vec<u8>,
    },
    EndRpc {
        participant: String,
        request: String,
    },
    PublishDataTrack {
        participant: String,
        handle: u16,
        track: String,
    },
    UnpublishDataTrack {
        participant: String,
        track: String,
    },
    SubscribeDataTrack {
        participant: String,
        track: String,
        handle: u16,
    },
    UnsubscribeDataTrack {
        participant: String,
        track: String,
    },
    /// For each shard that has a part of the room, when it gets one and when there are others: where the parts are.
    SpreadRoom {
        room: String,
        parts: Vec<u16>,
    },
    /// For every shard; each answers with one `Figures`.
    ReportFigures {
        request: u32,
    },
}

impl Command {
    /// The participant who must be there for the command to mean anything; `None`: it names another thing, or a new one.
    #[must_use]
    pub fn participant(&self) -> Option<&str> {
        match self {
            Self::UpdateParticipant { participant, .. }
            | Self::RemoveParticipant { participant }
            | Self::PublisherOffer { participant, .. }
            | Self::SubscriberAnswer { participant, .. }
            | Self::RestartIce { participant }
            | Self::Publish { participant, .. }
            | Self::PublishBackup { participant, .. }
            | Self::Subscribe { participant, .. }
            | Self::Unsubscribe { participant, .. }
            | Self::SetTrackSettings { participant, .. }
            | Self::PerformRpc { participant, .. }
            | Self::EndRpc { participant, .. }
            | Self::PublishDataTrack { participant, .. }
            | Self::UnpublishDataTrack { participant, .. }
            | Self::SubscribeDataTrack { participant, .. }
            | Self::UnsubscribeDataTrack { participant, .. } => Some(participant),
            Self::AddParticipant { .. }
            | Self::Unpublish { .. }
            | Self::SetMuted { .. }
            | Self::SendData { .. }
            | Self::SpreadRoom { .. }
            | Self::ReportFigures { .. } => None,
        }
    }
}
