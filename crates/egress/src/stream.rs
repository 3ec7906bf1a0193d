//! One stream to a subscriber: its SSRCs, its numbers, what was sent of it.

use std::time::{Duration, Instant};

use visavis_rtp::{Format, Window};

use crate::header::ExtensionIds;
use crate::history::History;

/// How a section of the description carries a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// The section's name.
    pub mid: String,
    /// Never used for anything else on this connection.
    pub ssrc: u32,
    /// The same, for retransmission; `None`: sound.
    pub retransmission_ssrc: Option<u32>,
    /// What the receiver takes.
    pub extensions: ExtensionIds,
    /// Pictures, not sound: reports are more frequent.
    pub is_video: bool,
}

/// Between sender reports (RFC 3550 section 6.2; pictures more often, for they wait for the sound).
const AUDIO_REPORTS: Duration = Duration::from_secs(5);
const VIDEO_REPORTS: Duration = Duration::from_secs(1);
/// So much may be sent again at once, in bytes, whatever was sent; otherwise as much as was sent.
const CREDIT: i64 = 64 * 1024;
const MOST_CREDIT: i64 = 1024 * 1024;

pub(crate) struct Stream {
    pub config: StreamConfig,
    /// The numbers that were used.
    pub window: Window<8>,
    pub history: History,
    /// Of the payload type that flows.
    pub format: Option<Format>,
    /// The next of the retransmission stream, extended.
    pub retransmission_sequence: u64,
    pub packets: u32,
    pub bytes: u32,
    /// The newest timestamp, and when its packet came.
    pub last: Option<(u32, Instant)>,
    /// The receiver knows which section the streams belong to.
    pub is_known: bool,
    pub is_retransmission_known: bool,
    pub report_at: Option<Instant>,
    credit: i64,
}

impl Stream {
    pub fn new(config: StreamConfig) -> Self {
        Self {
            config,
            window: Window::default(),
            history: History::default(),
            format: None,
            retransmission_sequence: 1,
            packets: 0,
            bytes: 0,
            last: None,
            is_known: false,
            is_retransmission_known: false,
            report_at: None,
            credit: CREDIT,
        }
    }

    /// A packet of the stream goes out, of so many bytes of payload.
    pub fn count(&mut self, bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes as u32);
        self.credit = (self.credit + bytes as i64).min(MOST_CREDIT);
    }

    /// Whether so much may be sent again. At most half of all is: enough for heavy loss in bursts, and who asks for
    /// everything again and again does not get it.
    pub fn spend(&mut self, bytes: usize) -> bool {
        let allowed = self.credit >= bytes as i64;
        if allowed {
            self.credit -= bytes as i64;
        }
        allowed
    }

    /// The timestamp of now, as if a frame came.
    pub fn timestamp(&self, now: Instant) -> Option<u32> {
        let ((timestamp, at), format) = self.last.zip(self.format)?;
        let since = now.saturating_duration_since(at).as_micros() as u64;
        Some(timestamp.wrapping_add((since * u64::from(format.clock_rate) / 1_000_000) as u32))
    }

    pub fn report_interval(&self) -> Duration {
        if self.config.is_video { VIDEO_REPORTS } else { AUDIO_REPORTS }
    }
}
