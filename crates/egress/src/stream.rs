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
/// Who is told of no later packet, while so many are sent, does not read the stream: a second of a voice.
const UNREAD: u64 = 50;
/// The same of pictures, of which more packets are lost in a row where a link becomes narrow.
const IGNORED: u64 = 200;
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
    is_read: bool,
    /// It never did, though much came.
    is_ignored: bool,
    was_read: bool,
    /// The highest number of its reports, and the newest that was sent when that was told first.
    told: Option<(u32, u64)>,
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
            is_ignored: false,
            was_read: false,
            told: None,
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

    /// The receiver's report names this number, with its cycles above, as the highest. Who does not read the stream names
    /// the same for ever: none, or on pion the first, which that reads by itself.
    pub fn note_reception(&mut self, highest: u32) {
        let Some(newest) = self.window.highest() else { return };
        match self.told {
            Some((told, at)) if highest.wrapping_sub(told) <= 1 => self.is_read &= newest.saturating_sub(at) < UNREAD,
            told => (self.is_read, self.told) = (told.is_some(), Some((highest, newest))),
        }
        self.was_read |= self.is_read;
        self.is_ignored = !self.was_read && self.told.is_some_and(|(_, at)| newest.saturating_sub(at) >= IGNORED);
    }

    /// Whether what becomes of its packets tells what the connection carries: who does not read a stream, on pion, reports
    /// all of it as lost. Of sound that is known to be read, of pictures not known to be never read, as they matter more.
    pub fn tells(&self) -> bool {
        if self.config.is_video { !self.is_ignored } else { self.is_read }
    }

    /// How many bytes may be sent again. At most half of all is: enough for heavy loss in bursts, and who asks for
    /// everything again and again does not get it.
    pub fn credit(&self) -> usize {
        self.credit.max(0) as usize
    }

    /// So much is sent again.
    pub fn spend(&mut self, bytes: usize) {
        self.credit -= bytes as i64;
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

    /// A voice that was reported so often, each time after 50 packets more, with these numbers as the highest.
    fn reported(highest: &[u32]) -> Stream {
        reported_of(false, highest)
    }

    fn reported_of(is_video: bool, highest: &[u32]) -> Stream {
        let config = StreamConfig {
            mid: "0".into(),
            ssrc: 1,
            retransmission_ssrc: None,
            extensions: ExtensionIds::default(),
            is_video,
        };
        let mut stream = Stream::new(config);
        for (report, highest) in highest.iter().enumerate() {
            for number in 0..50 {
                assert!(stream.window.take(50 * report as u64 + number));
            }
            stream.note_reception(*highest);
        }
        stream
    }

    #[test]
    fn who_takes_what_comes_is_told_from_who_reads_nothing() {
        assert!(!reported(&[40]).tells(), "too soon to tell");
        assert!(reported(&[40, 90]).tells());
        assert!(reported(&[u32::MAX - 20, 30, 80]).tells(), "it begins anew");
        assert!(!reported(&[0, 0, 0]).tells());
        assert!(!reported(&[0, 1, 1]).tells(), "on pion");
        assert!(!reported(&[40, 90, 90]).tells(), "it does no longer");
        assert!(reported(&[40, 90, 90, 190]).tells(), "it does again");
        assert!(!reported(&[1; 3000]).tells(), "the numbers came round");
    }

    #[test]
    fn pictures_tell_unless_nobody_ever_read_them() {
        assert!(reported_of(true, &[]).tells() && reported_of(true, &[1, 1, 1, 1]).tells(), "too soon to tell");
        assert!(!reported_of(true, &[1, 1, 1, 1, 1]).tells());
        assert!(reported_of(true, &[1, 1, 1, 1, 1, 290]).tells(), "now it is read");
        assert!(reported_of(true, &[40, 90, 90, 90, 90, 90, 90, 90]).tells(), "nothing comes through");
    }

    #[test]
    fn silence_is_not_taken_for_who_reads_nothing() {
        let mut stream = reported(&[40, 90]);
        for _ in 0..3 {
            stream.note_reception(99);
        }
        assert!(stream.tells());
    }
}
