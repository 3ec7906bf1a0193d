//! Sequence numbers of one SSRC: extended beyond their 16 bits (RFC 3711 section 3.3.1), each taken once (section 3.3.2).

use std::hint::black_box;

/// The numbers that came lately. As many as it has bits are told apart; what is further behind the highest is too late for anybody.
#[derive(Debug)]
pub struct Window<const WORDS: usize> {
    highest: Option<u64>,
    /// A bit for each number, at the number modulo their count.
    seen: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { highest: None, seen: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    /// Numbers that are told apart.
    pub const LENGTH: u64 = 64 * WORDS as u64;

    /// The highest number that came.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Reads what the number after the highest will need, to have it in the processor's cache.
    pub fn look(&self) {
        if let Some(highest) = self.highest {
            black_box(self.has(highest + 1));
        }
    }

    /// The number with these last 16 bits that is nearest to the highest one; of the first packet, in the first cycle.
    pub fn extend(&self, number: u16) -> u64 {
        let Some(highest) = self.highest else { return u64::from(number) };
        let ahead = number.wrapping_sub(highest as u16);
        if ahead < 1 << 15 {
            highest + u64::from(ahead)
        } else {
            // Before the first cycle there is none.
            highest.checked_sub(u64::from(ahead.wrapping_neg())).unwrap_or(u64::from(number))
        }
    }

    /// It did not come before, as far as can be told.
    pub fn is_new(&self, number: u64) -> bool {
        match self.highest {
            Some(highest) if number <= highest => highest - number < Self::LENGTH && !self.has(number),
            _ => true,
        }
    }

    /// It came.
    pub fn note(&mut self, number: u64) {
        let highest = self.highest.unwrap_or(number);
        // What lay here belongs to numbers that left the window.
        for skipped in (highest + 1..=number).take(Self::LENGTH as usize) {
            self.set(skipped, false);
        }
        if number > highest && number - highest > Self::LENGTH {
            self.seen = [0; WORDS];
        }
        self.highest = Some(highest.max(number));
        self.set(number, true);
    }

    /// It came; false: it did before, or is too old to tell.
    pub fn take(&mut self, number: u64) -> bool {
        let is_new = self.is_new(number);
        if is_new {
            self.note(number);
        }
        is_new
    }

    fn has(&self, number: u64) -> bool {
        self.seen[(number / 64) as usize % WORDS] >> (number % 64) & 1 == 1
    }

    fn set(&mut self, number: u64, seen: bool) {
        let (word, bit) = (&mut self.seen[(number / 64) as usize % WORDS], 1 << (number % 64));
        *word = if seen { *word | bit } else { *word & !bit };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_go_on_beyond_16_bits_and_not_before_the_first() {
        let mut window = Window::<8>::default();
        assert_eq!(window.extend(65_535), 65_535);
        window.note(3);
        assert_eq!(window.extend(65_535), 65_535, "not four before the first cycle");
        window.note(65_535);
        assert_eq!((window.extend(0), window.extend(65_530)), (65_536, 65_530));
        window.note(65_536);
        assert_eq!(window.extend(65_535), 65_535);
    }

    proptest! {
        #[test]
        fn each_counts_once_and_none_in_the_window_is_missed(
            steps in proptest::collection::vec(prop_oneof![9 => -20i64..20, 1 => -700i64..1500], 1..400)
        ) {
            let (mut window, mut seen, mut highest) = (Window::<8>::default(), HashSet::new(), 70_000u64);
            window.note(70_000);
            seen.insert(70_000);
            for step in steps {
                let number = highest.saturating_add_signed(step).max(1);
                let expected = number > highest || highest - number < Window::<8>::LENGTH && !seen.contains(&number);
                prop_assert_eq!(window.is_new(number), expected);
                if number.abs_diff(highest) < 1 << 15 {
                    prop_assert_eq!(window.extend(number as u16), number);
                }
                prop_assert_eq!(window.take(number), expected);
                if expected {
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }
}
