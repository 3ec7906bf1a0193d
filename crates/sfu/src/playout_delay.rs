//! Playout delay: how long receivers hold pictures back before they show them, so that they can wait for what is late.
//! Told in a header extension
//! (<https://webrtc.googlesource.com/src/+/refs/heads/main/docs/native-code/rtp-hdrext/playout-delay>), as LiveKit does:
//! until the receiver has it, and again when the network's jitter makes another delay better.

/// The delay wanted is so many times the jitter.
const JITTERS: u32 = 10;
/// It changes by so much at a time, or sound and pictures come apart.
const STEP_MS: u32 = 80;
/// The longest that can be told, and what receivers take for the longest if only the shortest is given.
const LONGEST_MS: u32 = 40_950;
const LONGEST_UNTOLD_MS: u32 = 10_000;

/// What a room allows, in milliseconds; `max` 0: not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayoutLimits {
    /// The shortest.
    pub min: u32,
    /// The longest.
    pub max: u32,
}

/// The delay of one subscription.
#[derive(Debug)]
pub(crate) struct PlayoutDelay {
    limits: PlayoutLimits,
    current: u32,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    No,
    /// Since this packet, and not acknowledged.
    Since(u64),
    Yes,
}

impl PlayoutDelay {
    pub(crate) fn new(limits: PlayoutLimits) -> Self {
        let max = if limits.max == 0 { LONGEST_UNTOLD_MS } else { limits.max.min(LONGEST_MS) };
        let min = limits.min.min(max);
        Self { limits: PlayoutLimits { min, max }, current: min, told: Told::No }
    }

    /// What the packet with this (outgoing) sequence number tells.
    pub(crate) fn of_packet(&mut self, sequence: u64) -> Option<PlayoutLimits> {
        match self.told {
            Told::Yes => return None,
            Told::No => self.told = Told::Since(sequence),
            Told::Since(_) => {}
        }
        Some(PlayoutLimits { min: self.current, max: self.limits.max })
    }

    /// The receiver reports the highest sequence number that it has, and the jitter in milliseconds.
    pub(crate) fn on_report(&mut self, highest: u64, jitter: u32) {
        if matches!(self.told, Told::Since(since) if highest >= since) {
            self.told = Told::Yes;
        }
        let wanted = jitter.saturating_mul(JITTERS).clamp(self.limits.min, self.limits.max);
        let next = wanted.clamp(self.current.saturating_sub(STEP_MS), self.current + STEP_MS);
        if std::mem::replace(&mut self.current, next) != next {
            self.told = Told::No;
        }
    }

    /// The stream begins anew: nobody has heard of it.
    pub(crate) fn restart(&mut self) {
        self.told = Told::No;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(min: u32, max: u32) -> PlayoutLimits {
        PlayoutLimits { min, max }
    }

    #[test]
    fn it_is_told_until_it_is_known() {
        let mut delay = PlayoutDelay::new(limits(100, 2000));
        assert_eq!(delay.of_packet(10), Some(limits(100, 2000)));
        delay.on_report(9, 0);
        assert_eq!(delay.of_packet(11), Some(limits(100, 2000)));
        delay.on_report(10, 0);
        assert_eq!(delay.of_packet(12), None);
        delay.restart();
        assert_eq!(delay.of_packet(1), Some(limits(100, 2000)));
    }

    #[test]
    fn it_follows_the_jitter_within_its_limits() {
        let mut delay = PlayoutDelay::new(limits(100, 300));
        let mut told = |sequence, jitter| {
            delay.on_report(sequence, jitter);
            delay.of_packet(sequence + 1).map(|limits| limits.min)
        };
        assert_eq!(told(0, 0), Some(100));
        assert_eq!([told(1, 40), told(2, 40), told(3, 40), told(4, 40)], [Some(180), Some(260), Some(300), None]);
        assert_eq!([told(5, 1), told(6, 1), told(7, 1), told(8, 1)], [Some(220), Some(140), Some(100), None]);
    }

    #[test]
    fn limits_that_cannot_be_told_are_bent() {
        assert_eq!(PlayoutDelay::new(limits(100, 0)).of_packet(1), Some(limits(100, 10_000)));
        assert_eq!(PlayoutDelay::new(limits(0, 99_999)).of_packet(1), Some(limits(0, 40_950)));
        assert_eq!(PlayoutDelay::new(limits(500, 200)).of_packet(1), Some(limits(200, 200)));
    }
}
