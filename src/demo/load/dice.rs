//! Chance for the load: `SplitMix64`, seeded by the session's number.

/// A source of numbers that need not be unpredictable, only spread.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Returns a source that gives the same numbers for the same seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number between `least` and `most`, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most.saturating_sub(least) + 1)
    }

    /// Returns a number between 1 and `most`, small ones much more often: best sellers, good customers.
    pub(super) fn favourite(&mut self, most: u64) -> u64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        1 + (share * share * share * most as f64) as u64 % most.max(1)
    }

    /// Returns true in `percent` of the cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_number_stays_between_its_bounds() {
        let mut dice = Dice::new(1);
        let all: Vec<u64> = (0..1000).map(|_| dice.between(3, 7)).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&3), Some(&7)));
        assert!((0..1000).all(|_| (1..=50).contains(&dice.favourite(50))));
    }
}
