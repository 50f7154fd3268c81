//! How well a ranking finds those who redeemed: the area under the ROC curve, and how sure that is.
//!
//! Invariant: an AUC is the share of pairs of one who did and one who did not in which the first has the
//! greater score, ties half: a fraction of whole numbers. Resamples come from a seed. Cost: a sort a
//! resample.

/// One household: its score, and whether it redeemed.
pub(crate) type Judged = (i64, bool);

/// Pairs in which who redeemed stands higher (a tie is half a pair), in halves, and all pairs, in halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) right: u64,
    pub(crate) all: u64,
}

impl Pairs {
    /// Of one list.
    pub(crate) fn of(judged: &[Judged]) -> Pairs {
        let mut sorted = judged.to_vec();
        sorted.sort_unstable();
        let (mut right, mut yes, mut no) = (0, 0, 0);
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let here = group.iter().filter(|(_, redeemed)| *redeemed).count() as u64;
            let others = group.len() as u64 - here;
            right += here * (2 * no + others);
            yes += here;
            no += others;
        }
        Pairs { right, all: 2 * yes * no }
    }

    /// Of two lists, each ranked for itself.
    pub(crate) fn and(self, other: Pairs) -> Pairs {
        Pairs { right: self.right + other.right, all: self.all + other.all }
    }

    /// The AUC; none where nobody redeemed, or everybody did.
    pub(crate) fn auc(self) -> Option<f64> {
        (self.all > 0).then(|| self.right as f64 / self.all as f64)
    }
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    /// As many of each list as there are, drawn with replacement: places in it.
    pub(crate) fn draw(&mut self, lengths: &[usize]) -> Vec<Vec<usize>> {
        lengths.iter().map(|length| (0..*length).map(|_| self.below(*length)).collect()).collect()
    }
}

/// The 2.5th and 97.5th percentile; none of nothing.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let at = |per_mille: usize| values.get((values.len().saturating_sub(1)) * per_mille / 1000).copied();
    Some((at(25)?, at(975)?))
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values.get(low)? + values.get(high)?) / 2.0)
}
