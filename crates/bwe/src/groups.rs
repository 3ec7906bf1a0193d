//! Packets that were sent together, and how much later than the group before they arrived (draft-ietf-rmcat-gcc-02,
//! sections 4.1 and 5.1).

use crate::time::{MILLISECOND, Micros, SECOND};

/// What is sent within this is one group.
const BURST: Micros = 5 * MILLISECOND;
/// What arrives on each other's heels is one group, too: it had waited somewhere for the same thing. Up to so long.
const LONGEST_BURST: i64 = 100 * MILLISECOND as i64;
/// So much later or earlier than the other clock can explain: the receiver's was set.
const LEAP: i64 = SECOND as i64;

/// How one group differs from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delta {
    /// Between what was sent last of both.
    pub sent: Micros,
    /// Between what arrived last of both.
    pub arrived: i64,
    /// When the later arrived, on the receiver's clock.
    pub at: i64,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Micros,
    last_sent: Micros,
    first_arrived: i64,
    last_arrived: i64,
}

impl Group {
    fn takes(&self, sent: Micros, arrived: i64) -> bool {
        if sent.saturating_sub(self.first_sent) <= BURST {
            return true;
        }
        let (sent, since) = (sent.saturating_sub(self.last_sent) as i64, arrived - self.last_arrived);
        let caught_up = since < sent;
        caught_up && since <= BURST as i64 && arrived - self.first_arrived < LONGEST_BURST
    }
}

/// Puts packets into groups, in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    previous: Option<Group>,
    current: Option<Group>,
}

/// What came of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Complete(Delta),
    /// Nothing from before compares with what comes.
    Leap,
}

impl Groups {
    pub(crate) fn add(&mut self, sent: Micros, arrived: i64) -> Step {
        let new = Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        let Some(current) = &mut self.current else {
            self.current = Some(new);
            return Step::Nothing;
        };
        if sent < current.first_sent {
            // Feedback that came late.
            return Step::Nothing;
        }
        let apart = (arrived - current.last_arrived) - (sent - current.first_sent) as i64;
        if apart.abs() > LEAP {
            *self = Self { previous: None, current: Some(new) };
            return Step::Leap;
        }
        if current.takes(sent, arrived) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrived = current.last_arrived.max(arrived);
            return Step::Nothing;
        }
        let complete = *current;
        self.current = Some(new);
        let Some(previous) = self.previous.replace(complete) else { return Step::Nothing };
        Step::Complete(Delta {
            sent: complete.last_sent.saturating_sub(previous.last_sent),
            arrived: complete.last_arrived - previous.last_arrived,
            at: complete.last_arrived,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deltas of packets (sent, arrived), in milliseconds.
    fn deltas(packets: &[(u64, i64)]) -> Vec<(u64, i64)> {
        let mut groups = Groups::default();
        let steps = packets.iter().map(|(sent, arrived)| groups.add(sent * MILLISECOND, arrived * MILLISECOND as i64));
        let told = |step| match step {
            Step::Complete(delta) => Some((delta.sent / MILLISECOND, delta.arrived / MILLISECOND as i64)),
            _ => None,
        };
        steps.filter_map(told).collect()
    }

    #[test]
    fn what_is_sent_together_is_one_group() {
        assert_eq!(deltas(&[(0, 10), (2, 12), (20, 30), (40, 55), (60, 75)]), [(18, 18), (20, 25)]);
    }

    #[test]
    fn what_was_held_up_and_comes_together_is_one_group() {
        let held = [(0, 10), (20, 30), (40, 130), (60, 130), (80, 131), (100, 131), (120, 132), (140, 150), (160, 170)];
        assert_eq!(deltas(&held), [(20, 20), (100, 102), (20, 18)]);
    }

    #[test]
    fn a_leap_of_the_other_clock_is_told() {
        let mut groups = Groups::default();
        groups.add(0, 0);
        assert_eq!(groups.add(10_000, 100 * LEAP), Step::Leap);
        assert_eq!(groups.add(20_000, 100 * LEAP + 10_000), Step::Nothing);
        assert_eq!(groups.add(30_000, 0), Step::Leap);
    }
}
