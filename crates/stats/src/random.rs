//! The random numbers of the simulations: PCG64, with the seed as an argument, so that a report can be
//! repeated for ever.
//!
//! No library promises that its generator gives the same numbers after an update; this one is frozen by its
//! test.

/// PCG XSL RR 128/64. Source: O'Neill, "PCG: a family of simple fast space-efficient statistically good
/// algorithms" (2014).
#[derive(Debug, Clone)]
pub(crate) struct Pcg64 {
    state: u128,
}

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
/// The stream of the published example, 54; always odd.
const INCREMENT: u128 = (54 << 1) | 1;

impl Pcg64 {
    /// A generator that every equal seed starts at the same place.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut generator = Self { state: 0 };
        generator.step();
        generator.state = generator.state.wrapping_add(u128::from(seed));
        generator.step();
        generator
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
    }

    /// The next 64 random bits.
    #[expect(clippy::cast_possible_truncation, reason = "the generator is defined by folding 128 bits to 64")]
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = ((self.state >> 64) as u64) ^ (self.state as u64);
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// The next number in [0, 1), a multiple of 2⁻⁵³.
    pub(crate) fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5_f64).powi(53)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_example() {
        let mut generator = Pcg64::seeded(42);
        let first = [0x86b1_da1d_7206_2b68, 0x1304_aa46_c985_3d39, 0xa367_0e9e_0dd5_0358_u64];
        assert_eq!([generator.next_u64(), generator.next_u64(), generator.next_u64()], first);
    }
}
