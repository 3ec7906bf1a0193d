//! When a link drowns: it carries less than the least of what is sent, so that nothing comes through whole, the sound no
//! more than the pictures. Then pictures are held back, though nobody allowed it: they are of no use.

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

#[cfg(test)]
mod tests {
    use super::*;

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
