//! Random draws that are functions: of the script's seed, of what is drawn, and of the call. No generator holds
//! state, so no draw depends on how many others were made.

/// What a number is drawn for; different purposes never share a number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Fault,
    DelayFirst,
    DelaySecond,
    Identifier,
    Garbage,
    /// The chance of the rule at this index.
    Rule(usize),
}

impl Purpose {
    fn number(self) -> u64 {
        match self {
            Self::Fault => 1,
            Self::DelayFirst => 2,
            Self::DelaySecond => 3,
            Self::Identifier => 4,
            Self::Garbage => 5,
            Self::Rule(index) => 1_000 + index as u64,
        }
    }
}

/// All draws of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    seed: u64,
    key: u64,
}

impl Draws {
    /// `key` tells calls apart: the number of the call, or a digest of the request and its arrival.
    pub(crate) fn new(seed: u64, key: u64) -> Self {
        Self { seed, key }
    }

    /// Uniform on [0, 1), with 53 bits.
    pub(crate) fn uniform(self, purpose: Purpose) -> f64 {
        (self.bits(purpose, 0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 64 uniform bits; `index` tells apart several numbers for one purpose.
    pub(crate) fn bits(self, purpose: Purpose, index: u64) -> u64 {
        let stream = mix(self.seed ^ mix(purpose.number()));
        mix(mix(stream ^ self.key.wrapping_mul(GOLDEN_GAMMA)) ^ index.wrapping_mul(GOLDEN_GAMMA))
    }
}

/// 2^64 divided by the golden ratio, odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// 2014) on the next state after `state`.
pub(crate) fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A digest of byte strings (FNV-1a, 64 bits, with the length of each part): equal requests are equal, and no secret
/// depends on it.
pub(crate) fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for part in parts {
        part.len().to_le_bytes().into_iter().for_each(&mut eat);
        part.iter().copied().for_each(&mut eat);
    }
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_splitmix64() {
        // First outputs for seed 0 of the reference generator.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(GOLDEN_GAMMA), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn draws_are_uniform_and_repeatable() {
        let draw = |call: u64| Draws::new(7, call).uniform(Purpose::Fault);
        let calls = 20_000_u64;
        let below = (1..=calls).filter(|&call| draw(call) < 0.2).count();
        assert!((3_800..4_200).contains(&below), "{below} of {calls} below 0.2");
        assert_eq!(draw(5).to_bits(), draw(5).to_bits());
        assert_ne!(draw(5).to_bits(), draw(6).to_bits());
    }

    #[test]
    fn purposes_and_seeds_do_not_share_numbers() {
        let bits = |seed, purpose| Draws::new(seed, 1).bits(purpose, 0);
        assert_ne!(bits(1, Purpose::Fault), bits(2, Purpose::Fault));
        assert_ne!(bits(1, Purpose::Rule(0)), bits(1, Purpose::Rule(1)));
        assert_ne!(bits(1, Purpose::DelayFirst), bits(1, Purpose::DelaySecond));
    }

    #[test]
    fn a_digest_knows_where_parts_end() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
    }
}
