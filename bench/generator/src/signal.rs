//! The messages of LiveKit's signalling that the generator says and hears; prost passes over all others. From
//! `livekit_rtc.proto` and `livekit_models.proto`.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(oneof = "Say", tags = "1, 2, 3, 4, 7, 8, 14, 16")]
    pub say: Option<Say>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Say {
    #[prost(message, tag = "1")]
    Offer(Description),
    #[prost(message, tag = "2")]
    Answer(Description),
    #[prost(message, tag = "3")]
    Trickle(Trickle),
    #[prost(message, tag = "4")]
    AddTrack(AddTrack),
    #[prost(message, tag = "7")]
    Settings(TrackSettings),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(int64, tag = "14")]
    Ping(i64),
    #[prost(message, tag = "16")]
    PingRequest(Ping),
}

#[derive(Clone, PartialEq, Message)]
pub struct Response {
    #[prost(oneof = "Hear", tags = "1, 2, 3, 4, 5, 6, 8, 14")]
    pub hear: Option<Hear>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Hear {
    #[prost(message, tag = "1")]
    Join(Join),
    #[prost(message, tag = "2")]
    Answer(Description),
    #[prost(message, tag = "3")]
    Offer(Description),
    #[prost(message, tag = "4")]
    Trickle(Trickle),
    #[prost(message, tag = "5")]
    Update(Update),
    #[prost(message, tag = "6")]
    Published(Published),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(message, tag = "14")]
    Wanted(Wanted),
}

#[derive(Clone, PartialEq, Message)]
pub struct Description {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub sdp: String,
    #[prost(uint32, tag = "3")]
    pub id: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Trickle {
    /// JSON of an `RTCIceCandidateInit`.
    #[prost(string, tag = "1")]
    pub candidate: String,
    /// 0: publisher, 1: subscriber.
    #[prost(int32, tag = "2")]
    pub target: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddTrack {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(string, tag = "2")]
    pub name: String,
    /// 0: audio, 1: video.
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(uint32, tag = "4")]
    pub width: u32,
    #[prost(uint32, tag = "5")]
    pub height: u32,
    /// 1: camera, 2: microphone.
    #[prost(int32, tag = "8")]
    pub source: i32,
    #[prost(message, repeated, tag = "9")]
    pub layers: Vec<VideoLayer>,
    #[prost(message, repeated, tag = "10")]
    pub codecs: Vec<SimulcastCodec>,
    #[prost(bool, tag = "13")]
    pub disable_red: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct VideoLayer {
    #[prost(int32, tag = "1")]
    pub quality: i32,
    #[prost(uint32, tag = "2")]
    pub width: u32,
    #[prost(uint32, tag = "3")]
    pub height: u32,
    #[prost(uint32, tag = "4")]
    pub bitrate: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct SimulcastCodec {
    #[prost(string, tag = "1")]
    pub codec: String,
    #[prost(string, tag = "2")]
    pub cid: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackSettings {
    #[prost(string, repeated, tag = "1")]
    pub tracks: Vec<String>,
    #[prost(bool, tag = "3")]
    pub disabled: bool,
    #[prost(int32, tag = "4")]
    pub quality: i32,
    #[prost(uint32, tag = "5")]
    pub width: u32,
    #[prost(uint32, tag = "6")]
    pub height: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Leave {
    #[prost(int32, tag = "2")]
    pub reason: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Ping {
    #[prost(int64, tag = "1")]
    pub timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Join {
    #[prost(message, repeated, tag = "3")]
    pub others: Vec<Participant>,
    /// Seconds.
    #[prost(int32, tag = "11")]
    pub ping_interval: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Update {
    #[prost(message, repeated, tag = "1")]
    pub participants: Vec<Participant>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Participant {
    #[prost(message, repeated, tag = "4")]
    pub tracks: Vec<Track>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Track {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(int32, tag = "2")]
    pub kind: i32,
    /// The generator names a track by the number of its source.
    #[prost(string, tag = "3")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Published {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(message, optional, tag = "2")]
    pub track: Option<Track>,
}

/// Which layers of a track somebody wants (dynacast).
#[derive(Clone, PartialEq, Message)]
pub struct Wanted {
    #[prost(string, tag = "1")]
    pub track: String,
    #[prost(message, repeated, tag = "2")]
    pub qualities: Vec<WantedQuality>,
    #[prost(message, repeated, tag = "3")]
    pub codecs: Vec<WantedCodec>,
}

#[derive(Clone, PartialEq, Message)]
pub struct WantedQuality {
    #[prost(int32, tag = "1")]
    pub quality: i32,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct WantedCodec {
    #[prost(string, tag = "1")]
    pub codec: String,
    #[prost(message, repeated, tag = "2")]
    pub qualities: Vec<WantedQuality>,
}

/// What goes over the data channels.
#[derive(Clone, PartialEq, Message)]
pub struct DataPacket {
    /// 0: reliable, 1: lossy.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub user: Option<UserPacket>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserPacket {
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
}
