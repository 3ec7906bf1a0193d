//! When a link drowns: it carries less than the least of what is sent, so that nothing comes through whole, the sound no
//! more than the pictures. Then pictures are held back, though nobody allowed it: they are of no use. And for how long what is held
//! back, for whatever reason, stays so.

use std::time::{Duration, Instant};

/// So long before that: a link that has just become narrow is full of what was sent before, and its estimate falls below
/// what it carries.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of one subscriber.
#[derive(Debug, Default)]
pub(crate) enum Strain {
    #[default]
    None,
    Since(Instant),
    /// Pictures are held back.
    Relieved,
}

impl Strain {
    /// Whether pictures that do not fit are held back. To be asked again and again with whether the link drowns.
    pub(crate) fn holds_back(&mut self, drowns: bool, now: Instant) -> bool {
        *self = match *self {
            Self::Relieved => return true,
            _ if !drowns => Self::None,
            Self::None => Self::Since(now),
            Self::Since(since) if now.saturating_duration_since(since) >= PATIENCE => Self::Relieved,
            Self::Since(since) => Self::Since(since),
        };
        matches!(self, Self::Relieved)
    }

    /// None are held back any more, and none slowed down: all fits again.
    pub(crate) fn end(&mut self) {
        *self = Self::None;
    }
}

/// What is held back stays so for a while, the longer the oftener it was let go in vain: probes let an estimate rise above what
/// a link carries.
const HOLD: Duration = Duration::from_secs(2);
const LONGEST_HOLD: Duration = Duration::from_secs(8);
/// It was in vain if it is held back again so soon.
const IN_VAIN: Duration = Duration::from_secs(10);

/// Of one track to one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    until: Option<Instant>,
    length: Duration,
}

impl Hold {
    /// It is held back from now on.
    pub(crate) fn begin(&mut self, now: Instant) {
        let in_vain = self.until.is_some_and(|until| now.saturating_duration_since(until) < IN_VAIN);
        self.length = if in_vain { (self.length * 2).min(LONGEST_HOLD) } else { HOLD };
        self.until = Some(now + self.length);
    }

    /// Whether it is too soon to let it go.
    pub(crate) fn lasts(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_in_vain_is_held_back_for_longer() {
        let (mut hold, mut now) = (Hold::default(), Instant::now());
        for seconds in [2, 4, 8, 8] {
            hold.begin(now);
            now += Duration::from_secs(seconds);
            assert!(hold.lasts(now - Duration::from_millis(1)) && !hold.lasts(now), "{seconds}");
            now += Duration::from_secs(3);
        }
        hold.begin(now + IN_VAIN);
        assert!(!hold.lasts(now + IN_VAIN + HOLD));
    }

    #[test]
    fn pictures_are_held_back_after_a_while_and_until_they_fit() {
        let (mut strain, start) = (Strain::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(!strain.holds_back(true, at(0)) && !strain.holds_back(true, at(1900)));
        assert!(!strain.holds_back(false, at(1950)), "it was the estimate");
        assert!(!strain.holds_back(true, at(2000)) && !strain.holds_back(true, at(3900)));
        assert!(strain.holds_back(true, at(4000)));
        assert!(strain.holds_back(false, at(4100)), "nothing drowns because they are held back");
        strain.end();
        assert!(!strain.holds_back(true, at(4200)));
    }
}
