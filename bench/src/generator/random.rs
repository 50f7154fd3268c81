//! Random numbers that are the same everywhere: xoshiro256++, seeded by splitmix64.

/// The generator's state.
pub(super) struct Random {
    state: [u64; 4],
}

/// One step of splitmix64: also a good hash of a small number.
pub(super) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let seeded = |n: u64| mix(seed.wrapping_add(step.wrapping_mul(n)));
        Random { state: [seeded(0), seeded(1), seeded(2), seeded(3)] }
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `bound`; 0 where `bound` is 0. Uneven by at most `bound` in 2³².
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number below `bound`, small ones more often: the square of an even one.
    pub(super) fn skewed(&mut self, bound: u32) -> u32 {
        let even = u64::from(self.next_u32());
        let skewed = (even * even) >> 32;
        ((skewed * u64::from(bound)) >> 32) as u32
    }

    /// True in `share` of 2³² cases.
    pub(super) fn chance(&mut self, share: u32) -> bool {
        self.next_u32() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_steps_as_published() {
        // The reference implementation's first outputs for the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        let outputs: Vec<u64> = (0..4).map(|_| random.next_u64()).collect();
        assert_eq!(outputs, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    #[test]
    fn splitmix_steps_as_published() {
        // The reference implementation's first output for the state 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut random = Random::new(7);
        let drawn: Vec<u32> = (0..10_000).map(|_| random.below(10)).collect();
        assert!((0..10).all(|n| drawn.iter().filter(|d| **d == n).count() > 800));
        let skewed = (0..10_000).filter(|_| random.skewed(100) < 25).count();
        assert!((4_800..5_200).contains(&skewed), "half of them in the first quarter: {skewed}");
    }
}
