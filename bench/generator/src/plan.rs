//! What the generator is told to do, as JSON: who joins, what each publishes, and for how long it is measured.

use serde::Deserialize;

/// One load.
#[derive(Debug, Clone, Deserialize)]
pub struct Plan {
    /// `ws://host:port` of the server.
    pub url: String,
    pub participants: Vec<ParticipantPlan>,
    /// Joins a second; without it one joins when the one before has.
    pub rate: Option<f64>,
    /// Share of received media packets that are thrown away before the client sees them.
    #[serde(default)]
    pub loss: f64,
    /// Of everything that is drawn by lot.
    #[serde(default)]
    pub seed: u64,
    /// Seconds between the first media of all and the measured time.
    pub warmup: f64,
    /// Seconds that are measured.
    pub duration: f64,
    /// Worker threads.
    pub threads: usize,
    pub meeting: Option<Meeting>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ParticipantPlan {
    pub token: String,
    #[serde(default)]
    pub videos: Vec<Video>,
    #[serde(default)]
    pub voices: Vec<Voice>,
    pub data: Option<Data>,
    /// Takes part in the meeting: adaptive stream, dynacast, speakers.
    #[serde(default)]
    pub adaptive: bool,
    /// Is subscribed to what others publish without asking.
    #[serde(default)]
    pub subscribe: bool,
    /// The highest quality it takes of videos (0 to 2).
    pub quality: Option<i32>,
    /// Tracks that must send it something before the load is steady.
    #[serde(default)]
    pub expects: usize,
}

/// A video track; with several layers it is simulcast.
#[derive(Debug, Clone, Deserialize)]
pub struct Video {
    pub codec: VideoCodec,
    pub fps: f64,
    /// Lowest first.
    pub layers: Vec<Layer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    Vp8,
    H264,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Layer {
    pub width: u32,
    pub height: u32,
    /// Bit/s.
    pub bitrate: u32,
}

/// A voice in Opus.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Voice {
    /// Between packets: 20 of who speaks, 400 of who is silent (DTX).
    pub interval_ms: u64,
    pub bytes: usize,
}

/// Messages on a data channel.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Data {
    /// Messages a second.
    pub rate: f64,
    pub bytes: usize,
    pub reliable: bool,
}

/// How people look at each other: a large tile with who speaks, small tiles, and the rest not seen.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Meeting {
    /// Tiles that each sees, the large one included.
    pub tiles: usize,
    /// Who speak at the same time.
    pub speakers: usize,
    /// Seconds after which others speak.
    pub period: f64,
}
