//! Chance that can be repeated: the same words give the same world, on every machine and for ever.

/// A small generator (SplitMix64), seeded by words and not by a clock.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one purpose: the world's seed, and words that say what for.
    pub fn new(seed: u64, words: &[&str]) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for word in words {
            // FNV-1a, with a byte that no word has between the words.
            for byte in word.bytes().chain([0xff]) {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        let mut dice = Self(state);
        dice.next();
        dice
    }

    /// 64 random bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "dice never end: they are no iterator"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly from `[from, to)`.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        from + unit * (to - from)
    }

    /// A whole number from `[from, to)`; `from` if there is none.
    pub fn whole(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % to.saturating_sub(from).max(1)
    }

    /// True in `share` of all throws.
    pub fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// Around `mean`, as sums of many small things are: never further than six `deviation`s.
    pub fn around(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.between(-0.5, 0.5)).sum();
        mean + deviation * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_throws_and_others_give_others() {
        let throws = |words: &[&str]| {
            let mut dice = Dice::new(7, words);
            [dice.next(), dice.next()]
        };
        assert_eq!(throws(&["a", "b"]), throws(&["a", "b"]));
        assert_ne!(throws(&["a", "b"]), throws(&["ab"]));
        assert_ne!(throws(&["a"]), throws(&["b"]));
    }

    #[test]
    fn throws_are_spread_as_they_should_be() {
        let mut dice = Dice::new(1, &["spread"]);
        let n = 20_000;
        let mean = (0..n).map(|_| dice.around(5.0, 2.0)).sum::<f64>() / f64::from(n);
        assert!((mean - 5.0).abs() < 0.1, "{mean}");
        let hits = (0..n).filter(|_| dice.chance(0.25)).count();
        assert!((4500..5500).contains(&hits), "{hits}");
        assert!((0..n).all(|_| (3..6).contains(&dice.whole(3, 6))));
    }
}
