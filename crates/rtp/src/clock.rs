//! The time of day that reports and headers tell: one reading of the system's clock, moved on by [`Instant`]s.

use std::time::{Duration, Instant, SystemTime};

/// From 1900, where NTP begins, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// Tells the time of day for any [`Instant`].
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    unix: Duration,
}

impl Clock {
    /// At `start` it was `time`.
    pub fn new(start: Instant, time: SystemTime) -> Self {
        Self { start, unix: time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() }
    }

    fn unix(&self, at: Instant) -> Duration {
        self.unix + at.saturating_duration_since(self.start)
    }

    /// NTP time, 32.32.
    pub fn ntp(&self, at: Instant) -> u64 {
        ntp(self.unix(at))
    }

    /// How long it took since the middle of an NTP time that was told, less what its answer says that it waited, in 65536ths of a second.
    pub fn round_trip(&self, told: u32, waited: u32, now: Instant) -> Option<Duration> {
        let passed = ((self.ntp(now) >> 16) as u32).wrapping_sub(told).wrapping_sub(waited);
        // What would be more than half a minute are clocks that went back.
        (told != 0 && passed < 30 << 16).then(|| Duration::from_micros((u64::from(passed) * 1_000_000) >> 16))
    }

    /// Seconds, 6.18.
    pub fn send_time(&self, at: Instant) -> u32 {
        (self.ntp(at) >> 14) as u32 & 0x00ff_ffff
    }
}

/// NTP time, 32.32, of a time since 1970.
fn ntp(unix: Duration) -> u64 {
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    unix.as_secs().wrapping_add(NTP_EPOCH) << 32 | fraction
}

/// NTP time, 32.32; of a time before 1970, that of then.
pub fn to_ntp(time: SystemTime) -> u64 {
    ntp(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// The time that NTP time, 32.32, tells; not before 1970.
pub fn from_ntp(ntp: u64) -> SystemTime {
    let seconds = Duration::from_secs((ntp >> 32).saturating_sub(NTP_EPOCH));
    let fraction = Duration::from_nanos(((ntp & 0xffff_ffff) * 1_000_000_000) >> 32);
    SystemTime::UNIX_EPOCH + seconds + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_formats_of_the_protocols() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_250));
        assert_eq!(clock.ntp(start), (NTP_EPOCH + 1000) << 32 | 1 << 30);
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_250);
        assert_eq!((to_ntp(time), from_ntp(to_ntp(time))), (clock.ntp(start), time));
        let told = (clock.ntp(start) >> 16) as u32;
        let later = start + Duration::from_millis(750);
        assert_eq!(clock.round_trip(told, 1 << 14, later), Some(Duration::from_millis(500)));
        assert_eq!(clock.round_trip(told, 1 << 16, later), None, "it did not wait so long");
        let later = clock.send_time(start + Duration::from_millis(500)).wrapping_sub(clock.send_time(start));
        assert_eq!(later, 1 << 17);
    }
}
