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
/// Reports of a stream that is read are not so many packets behind: a second of a voice, which is on its way for half of that.
const BEHIND: u64 = 50;
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
    /// As far as its receiver told, it takes what comes.
    pub is_read: bool,
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
            is_read: false,
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

    /// The receiver's report names this number as the highest. Who does not read the stream names none, or the first ones,
    /// which pion reads by itself, for ever.
    pub fn note_reception(&mut self, highest: u32) {
        let behind = self.window.highest().map_or(0, |newest| newest.abs_diff(self.window.extend(highest as u16)));
        self.is_read = u64::from(self.packets) > BEHIND && behind < BEHIND;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of which so many packets were sent, numbered from 1 on.
    fn sent(packets: u64) -> Stream {
        let config = StreamConfig {
            mid: "0".into(),
            ssrc: 1,
            retransmission_ssrc: None,
            extensions: ExtensionIds::default(),
            is_video: false,
        };
        let mut stream = Stream::new(config);
        for number in 1..=packets {
            assert!(stream.window.take(number));
            stream.count(100);
        }
        stream
    }

    #[test]
    fn who_takes_what_comes_is_told_from_who_reads_nothing_by_reports() {
        for (packets, highest, is_read) in [
            (40, 40, false), // too soon to tell
            (100, 95, true),
            (70_000, (1 << 16) | 4460, true),
            (100, 0, false),
            (51, 1, false), // on pion: the first packet, and no more
            (100, 40, false),
            (70_000, 1, false),
        ] {
            let mut stream = sent(packets);
            stream.note_reception(highest);
            assert_eq!(stream.is_read, is_read, "{packets} sent, {highest} told");
        }
        let mut stream = sent(100);
        stream.note_reception(95);
        for number in 101..=200 {
            stream.window.take(number);
        }
        stream.note_reception(95);
        assert!(!stream.is_read, "it is no longer");
    }
}
