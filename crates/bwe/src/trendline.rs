//! Whether delay grows: a line through the last delays, against a threshold that adapts (draft-ietf-rmcat-gcc-02, sections
//! 5.3 and 5.4, with a least-squares line in the Kalman filter's place, as libwebrtc has it).

use crate::groups::Delta;
use crate::time::{MILLISECOND, Micros};

/// Points of the line.
const WINDOW: usize = 20;
/// How much of the smoothed delay stays with each group.
const SMOOTHING: f32 = 0.9;
/// The slope becomes a delay: by the number of groups, up to this, and the gain.
const GROUPS: u32 = 60;
const GAIN: f32 = 4.0;
/// Of the threshold, in milliseconds: where it begins, its limits, and how fast it follows, up and down.
const THRESHOLD: f32 = 12.5;
const LOWEST: f32 = 6.0;
const HIGHEST: f32 = 600.0;
const UP: f32 = 0.0087;
const DOWN: f32 = 0.039;
/// It follows no outlier.
const OUTLIER: f32 = 15.0;
/// So long above the threshold.
const OVERUSE_TIME: Micros = 10 * MILLISECOND;

/// What the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Usage {
    #[default]
    Normal,
    /// Delay grows.
    Overuse,
    /// Delay shrinks.
    Underuse,
}

#[derive(Debug)]
pub(crate) struct Trendline {
    /// When groups arrived and their smoothed delay, in milliseconds since the first.
    points: [(f32, f32); WINDOW],
    count: u32,
    at: f32,
    delay: f32,
    smoothed: f32,
    trend: f32,
    threshold: f32,
    over_for: Micros,
    over_count: u32,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            points: [(0.0, 0.0); WINDOW],
            count: 0,
            at: 0.0,
            delay: 0.0,
            smoothed: 0.0,
            trend: 0.0,
            threshold: THRESHOLD,
            over_for: 0,
            over_count: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    pub(crate) fn update(&mut self, delta: Delta) {
        let milliseconds = |micros: i64| micros as f32 / MILLISECOND as f32;
        let elapsed = milliseconds(delta.arrived);
        self.at += elapsed;
        self.delay += milliseconds(delta.arrived - delta.sent as i64);
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.points[self.count as usize % WINDOW] = (self.at, self.smoothed);
        self.count += 1;
        if self.count.is_multiple_of(1 << 12) {
            self.rebase();
        }
        let before = self.trend;
        if self.count as usize >= WINDOW {
            self.trend = self.slope().unwrap_or(self.trend);
        }
        self.detect(delta.sent, before);
        let excess = self.scaled().abs() - self.threshold;
        if excess <= OUTLIER {
            let gain = if excess < 0.0 { DOWN } else { UP };
            self.threshold = (self.threshold + gain * excess * elapsed.clamp(0.0, 100.0)).clamp(LOWEST, HIGHEST);
        }
    }

    /// What the threshold is compared with.
    fn scaled(&self) -> f32 {
        self.trend * self.count.min(GROUPS) as f32 * GAIN
    }

    fn detect(&mut self, sent: Micros, before: f32) {
        let scaled = self.scaled();
        if scaled > self.threshold {
            // The first may have begun at any time since the group before.
            self.over_for += if self.over_count == 0 { sent / 2 } else { sent };
            self.over_count += 1;
            if self.over_for > OVERUSE_TIME && self.over_count > 1 && self.trend >= before {
                (self.over_for, self.over_count) = (0, 0);
                self.usage = Usage::Overuse;
            }
            return;
        }
        (self.over_for, self.over_count) = (0, 0);
        self.usage = if scaled < -self.threshold { Usage::Underuse } else { Usage::Normal };
    }

    /// Of the line of least squares.
    fn slope(&self) -> Option<f32> {
        let count = WINDOW as f32;
        let (at, delay) = self.points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let (mean_at, mean_delay) = (at / count, delay / count);
        let (above, below) = self.points.iter().fold((0.0, 0.0), |(above, below), point| {
            let along = point.0 - mean_at;
            (above + along * (point.1 - mean_delay), below + along * along)
        });
        (below > 0.0).then(|| above / below)
    }

    /// Brings times and delays back near zero: they are differences, and single precision is exact only there.
    fn rebase(&mut self) {
        for (at, delay) in &mut self.points {
            *at -= self.at;
            *delay -= self.delay;
        }
        self.smoothed -= self.delay;
        (self.at, self.delay) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups 20 ms apart, each so much later than the one before than it should be, in microseconds.
    fn after(trendline: &mut Trendline, count: usize, later: i64) -> Usage {
        for _ in 0..count {
            trendline.update(Delta { sent: 20_000, arrived: 20_000 + later, at: 0 });
        }
        trendline.usage()
    }

    #[test]
    fn growing_delay_is_overuse_and_shrinking_underuse() {
        let mut trendline = Trendline::default();
        assert_eq!(after(&mut trendline, 100, 0), Usage::Normal);
        assert_eq!(after(&mut trendline, 15, 4000), Usage::Overuse);
        assert_eq!(after(&mut trendline, 30, -4000), Usage::Underuse);
        assert_eq!(after(&mut trendline, 60, 0), Usage::Normal);
    }

    #[test]
    fn hours_change_nothing() {
        let mut trendline = Trendline::default();
        assert_eq!(after(&mut trendline, 1_000_000, 3), Usage::Normal, "clocks that drift");
        assert_eq!(after(&mut trendline, 15, 4000), Usage::Overuse);
    }
}
