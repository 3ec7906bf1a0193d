//! How one stream is received, as its sender is told (RFC 3550 section 6.4.1 and appendix A).

use std::time::Instant;

/// What a report block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// In 256ths, since the block before.
    pub fraction_lost: u8,
    /// Since the stream began: 24 bits, signed.
    pub lost: i32,
    /// The highest number, with its cycles above.
    pub highest: u32,
    /// In ticks of the stream's clock.
    pub jitter: u32,
}

/// Counts what comes of one SSRC.
#[derive(Debug)]
pub(crate) struct Reception {
    first: u64,
    highest: u64,
    received: u64,
    /// Expected and received, at the last block.
    before: (u64, u64),
    /// The latest packet that began a frame: when it came, and its timestamp.
    last: Option<(Instant, u32)>,
    /// In 16ths of a tick.
    jitter: u64,
}

impl Reception {
    /// Of a stream whose first packet is this.
    pub fn new(number: u64) -> Self {
        Self { first: number, highest: number, received: 0, before: (0, 0), last: None, jitter: 0 }
    }

    /// The highest number that came.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// One came that had not come before.
    pub fn count(&mut self, number: u64) {
        (self.first, self.highest) = (self.first.min(number), self.highest.max(number));
        self.received += 1;
    }

    /// One came in time, not when it was asked for; the packets of a frame are one to its clock.
    pub fn clock(&mut self, timestamp: u32, clock_rate: u32, now: Instant) {
        let before = self.last.filter(|(_, before)| *before != timestamp);
        if let Some((at, before)) = before {
            let passed = now.saturating_duration_since(at).as_micros() as i64 * i64::from(clock_rate) / 1_000_000;
            let meant = i64::from(timestamp.wrapping_sub(before) as i32);
            // Beyond a few seconds it is another clock.
            let difference = (passed - meant).unsigned_abs().min(10 * u64::from(clock_rate));
            self.jitter = (self.jitter + difference).saturating_sub((self.jitter + 8) >> 4);
        }
        if self.last.is_none() || before.is_some() {
            self.last = Some((now, timestamp));
        }
    }

    /// Something came since the last block.
    pub fn has_news(&self) -> bool {
        self.received > self.before.1
    }

    /// What is to be told now.
    pub fn block(&mut self) -> Block {
        let expected = self.highest - self.first + 1;
        let (expected_before, received_before) = self.before;
        self.before = (expected, self.received);
        let recent = expected.saturating_sub(expected_before);
        let lost = recent.saturating_sub(self.received - received_before);
        Block {
            fraction_lost: (lost * 256).checked_div(recent).unwrap_or(0).min(255) as u8,
            lost: (expected as i64 - self.received as i64).clamp(-(1 << 23), (1 << 23) - 1) as i32,
            highest: self.highest as u32,
            jitter: (self.jitter >> 4) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn losses_are_told_of_the_time_since_the_block_before() {
        let mut reception = Reception::new(65_530);
        for number in (65_530..65_550).filter(|number| number % 4 != 0) {
            reception.count(number);
        }
        assert!(reception.has_news());
        let block = reception.block();
        assert_eq!((block.lost, block.fraction_lost, block.highest), (5, 64, 65_549));
        assert!(!reception.has_news());
        for number in 65_550..65_560 {
            reception.count(number);
        }
        let block = reception.block();
        assert_eq!((block.lost, block.fraction_lost, block.highest), (5, 0, 65_559));
        reception.count(65_548);
        assert_eq!(reception.block().lost, 4, "what was lost came late");
    }

    #[test]
    fn jitter_is_what_rfc_3550_says() {
        // As libwebrtc's own test has it: three packets of 160 ticks at 8 kHz, 50 ms apart, are 240 ticks late each.
        let (mut now, mut reception) = (Instant::now(), Reception::new(1));
        for (number, timestamp) in [(1, 1), (2, 161), (3, 321)] {
            reception.count(number);
            reception.clock(timestamp, 8000, now);
            reception.clock(timestamp, 8000, now + Duration::from_millis(9));
            now += Duration::from_millis(50);
        }
        assert_eq!(reception.block().jitter, 465 / 16);
    }
}
