//! What is lost: told to who asks, and taken for congestion where it goes on and is not the link's own.
//!
//! Radio links lose a share of whatever is sent, however little that is; sending less does not help there. Loss is the
//! link's own where a probe at a higher rate loses no more, or where less was sent and the loss stayed.

use crate::time::{MILLISECOND, Micros, SECOND, rate};

/// Loss is judged over so long and so many packets, or over so long and what there is.
const WINDOW: Micros = 250 * MILLISECOND;
const PACKETS: u32 = 20;
const LONGEST_WINDOW: Micros = 2 * SECOND;
/// Above its own: what is too much, what is too much where a queue stands as well, and what is at least no reason to
/// send more.
const MUCH: f32 = 0.06;
const MUCH_WITH_QUEUE: f32 = 0.04;
const SOME: f32 = 0.02;
/// So many windows in a row.
const PERSISTENT: u8 = 2;
/// So many while a probe is to tell whether the loss is the link's own.
const PATIENT: u8 = 4;
/// Probes that must say so before loss is taken for the link's own: a queue or a bucket lets one pass now and then.
const WITNESSES: u8 = 2;
/// More than this is never the link's own.
const OWN_LIMIT: f32 = 0.3;
/// How fast a measured lower loss becomes the link's own.
const FORGETTING: f32 = 0.3;

/// What was lost of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loss {
    /// Packets that feedback told of as received, in all.
    pub received: u64,
    /// And as lost.
    pub lost: u64,
    /// The share lost lately, 0.0 to 1.0.
    pub share: f32,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// No more than now.
    Hold,
    /// A probe is to tell whether it is the link's own.
    Doubt,
    /// To this many bit/s.
    Lower(u64),
    /// It was not congestion: what was believed before, bit/s.
    Restore(u64),
}

#[derive(Debug, Default)]
pub(crate) struct Losses {
    pub total: Loss,
    received: u32,
    lost: u32,
    bytes: u64,
    /// When the window's first and last packet were sent.
    span: Option<(Micros, Micros)>,
    own: f32,
    windows: u8,
    witnesses: u8,
    holds: bool,
    trial: Option<Trial>,
}

/// Before a decrease.
#[derive(Debug, Clone, Copy)]
struct Trial {
    sent: u64,
    share: f32,
    estimate: u64,
}

impl Losses {
    pub(crate) fn add(&mut self, received: bool, sent: Micros, bytes: u16) {
        if received {
            self.received += 1;
            self.total.received += 1;
        } else {
            self.lost += 1;
            self.total.lost += 1;
        }
        self.bytes += u64::from(bytes);
        let (first, last) = self.span.unwrap_or((sent, sent));
        self.span = Some((first.min(sent), last.max(sent)));
    }

    /// What was told to be lost came.
    pub(crate) fn recovered(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.received += 1;
        self.total.lost = self.total.lost.saturating_sub(1);
        self.total.received += 1;
    }

    /// What was lost before says nothing of now, but for what the link loses by itself.
    pub(crate) fn close(&mut self) {
        *self = Self { total: self.total, own: self.own, ..Self::default() };
    }

    /// The share that the link loses of whatever is sent.
    pub(crate) fn own(&self) -> f32 {
        self.own
    }

    /// The share that is lost lately beside that.
    pub(crate) fn excess(&self) -> f32 {
        self.total.share - self.own
    }

    /// Too much is lost, and it is not known to be the link's own.
    pub(crate) fn is_open(&self) -> bool {
        self.windows > 0
    }

    /// What is lost lately is not more than a link may lose by itself.
    pub(crate) fn may_be_own(&self) -> bool {
        self.total.share <= OWN_LIMIT
    }

    /// To be asked after each feedback.
    pub(crate) fn judge(&mut self, estimate: u64, queue: bool) -> Verdict {
        let held = if self.holds { Verdict::Hold } else { Verdict::Fine };
        let Some((first, last)) = self.span else { return held };
        let (count, time) = (self.received + self.lost, last - first);
        if time < WINDOW || count < PACKETS && time < LONGEST_WINDOW {
            return held;
        }
        let share = self.lost as f32 / count.max(1) as f32;
        let sent = rate(self.bytes, time);
        (self.received, self.lost, self.bytes, self.span) = (0, 0, 0, None);
        self.total.share += if share > self.total.share { 0.5 } else { 0.3 } * (share - self.total.share);
        if share < self.own {
            self.own += FORGETTING * (share - self.own);
        }
        if let Some(trial) = self.trial
            && (sent as f64) < trial.sent as f64 * 0.8
        {
            self.trial = None;
            if !queue && share >= trial.share * 0.7 && share <= OWN_LIMIT {
                self.own = self.own.max(share);
                (self.windows, self.holds) = (0, false);
                return Verdict::Restore(trial.estimate);
            }
        }
        let excess = share - self.own;
        self.holds = excess > SOME;
        if excess <= if queue { MUCH_WITH_QUEUE } else { MUCH } {
            self.windows = 0;
            return if self.holds { Verdict::Hold } else { Verdict::Fine };
        }
        self.windows = self.windows.saturating_add(1);
        let doubt = !queue && share <= OWN_LIMIT;
        if self.windows < if doubt { PATIENT } else { PERSISTENT } {
            return if doubt { Verdict::Doubt } else { Verdict::Hold };
        }
        self.trial = self.trial.or(Some(Trial { sent, share, estimate }));
        Verdict::Lower(lowered(estimate, sent, (sent as f32 * (1.0 - share) / (1.0 - self.own)) as u64, excess))
    }

    /// A probe met its limit at this rate while more was lost than the link's own.
    pub(crate) fn convict(&mut self, estimate: u64, carried: u64) -> u64 {
        self.witnesses = 0;
        let excess = self.excess();
        if excess <= SOME { estimate } else { lowered(estimate, estimate, carried, excess) }
    }

    /// A probe at a higher rate lost this share and no more: it is the link's own. What was believed before it was taken
    /// for congestion, if it was.
    pub(crate) fn acquit(&mut self, share: f32) -> Option<u64> {
        self.witnesses += 1;
        if self.witnesses < WITNESSES {
            return None;
        }
        self.witnesses = 0;
        self.own = self.own.max(share.max(self.total.share).min(OWN_LIMIT));
        (self.windows, self.holds) = (0, false);
        self.trial.take().map(|trial| trial.estimate)
    }
}

/// By half of what is lost too much, from what was sent, but not below what arrives.
fn lowered(estimate: u64, sent: u64, arrived: u64, excess: f32) -> u64 {
    let kept = |rate: u64| (rate as f32 * (1.0 - 0.5 * excess)) as u64;
    kept(sent.min(estimate)).max(arrived).min(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges `windows` windows in which 100 packets of 1000 bytes are sent, of which so many are lost.
    fn judged(losses: &mut Losses, at: &mut Micros, windows: usize, lost: u32, queue: bool) -> Vec<Verdict> {
        (0..windows)
            .map(|_| {
                for index in 0..100 {
                    *at += WINDOW / 90;
                    losses.add(index >= lost, *at, 1000);
                }
                losses.judge(5_000_000, queue)
            })
            .collect()
    }

    #[test]
    fn loss_that_goes_on_is_congestion_and_one_burst_is_not() {
        let (mut losses, mut at) = (Losses::default(), 0);
        assert_eq!(judged(&mut losses, &mut at, 2, 0, false), [Verdict::Fine; 2]);
        assert_eq!(judged(&mut losses, &mut at, 1, 60, false), [Verdict::Hold]);
        assert_eq!(judged(&mut losses, &mut at, 1, 0, false), [Verdict::Fine]);
        let verdicts = judged(&mut losses, &mut at, 4, 60, false);
        assert!(matches!(verdicts[3], Verdict::Lower(rate) if rate < 2_200_000), "{verdicts:?}");
        let verdicts = judged(&mut Losses::default(), &mut at, 2, 8, true);
        assert!(matches!(verdicts[1], Verdict::Lower(_)), "{verdicts:?}");
    }

    #[test]
    fn what_a_probe_loses_as_well_is_the_links_own() {
        let (mut losses, mut at) = (Losses::default(), 0);
        assert_eq!(judged(&mut losses, &mut at, 2, 15, false), [Verdict::Doubt; 2]);
        losses.acquit(0.15);
        assert_eq!(judged(&mut losses, &mut at, 1, 15, false), [Verdict::Doubt], "one is none");
        losses.acquit(0.15);
        assert_eq!(judged(&mut losses, &mut at, 9, 15, false), [Verdict::Fine; 9]);
        assert_eq!(judged(&mut losses, &mut at, 1, 25, false), [Verdict::Doubt]);
    }

    #[test]
    fn figures_are_kept_and_corrected() {
        let (mut losses, mut at) = (Losses::default(), 0);
        judged(&mut losses, &mut at, 1, 10, false);
        losses.recovered();
        assert_eq!((losses.total.received, losses.total.lost), (91, 9));
        assert!((losses.total.share - 0.05).abs() < 0.001);
    }
}
