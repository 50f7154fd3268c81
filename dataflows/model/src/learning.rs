//! Accept rates: how often offers of a rule were taken up, smoothed, as scores may ask for them.
//!
//! Purpose: `history.accept_rate` and `history.offers`; docs/semantics.md says what is counted, and when.
//! Invariant: whole numbers only, and total: equal counts give equal rates on every machine. What is
//! published moves in steps, so that a million scores are not computed again for one offer more.
//! Cost: some divisions a segment and channel, at one moment of the clock in many.

use crate::key::Text;
use crate::time::{Duration, Time};
use crate::value::Value;
use crate::view::{CustomerView, HistoryView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of it, in basis points.
pub const WHOLE: u32 = 10_000;
/// Rates move in steps of so many basis points.
pub const STEP: u32 = 25;
/// Segments of a rule that have a rate of their own, and channels of a segment: those with most offers.
pub const MOST: usize = 32;
/// Bytes of an attribute that names a segment; a longer one names none.
pub const SEGMENT_BYTES: usize = 64;

/// `[learning]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Learning {
    /// From one moment at which rates may change to the next.
    pub every: Duration,
    /// The attribute whose value is a person's segment; all persons are one where absent.
    pub segment: Option<Text>,
    /// The rate where nothing is known, in basis points: 0 to 10000.
    pub start_rate: u32,
    /// How many offers the rate next more general weighs as much as.
    pub weight: u32,
}

impl Default for Learning {
    fn default() -> Self {
        Learning { every: Duration::from_secs(15 * 60), segment: None, start_rate: 500, weight: 50 }
    }
}

impl Learning {
    /// From one moment to the next, in whole ticks of `grid` milliseconds.
    pub fn period(&self, grid: u64) -> u64 {
        let grid = grid.max(1);
        self.every.0.max(1).div_ceil(grid).saturating_mul(grid)
    }

    /// The segment of a customer; empty where there is none.
    pub fn segment_of(&self, customer: &CustomerView) -> Text {
        let Some(name) = &self.segment else { return Text::default() };
        let attributes = &customer.attributes;
        let found = attributes.binary_search_by(|(known, _)| known.cmp(name)).ok();
        let value = found.and_then(|at| attributes.get(at)).map(|(_, value)| value);
        let text = match value {
            None => Text::default(),
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Bool(value)) => Text::from(value.to_string()),
            Some(Value::Int(value)) => Text::from(value.to_string()),
            Some(Value::Number(number)) => Text::from(number.0.to_string()),
        };
        if text.len() > SEGMENT_BYTES { Text::default() } else { text }
    }

    /// What is known of a rule before any offer was answered.
    pub fn nothing(&self) -> HistoryView {
        HistoryView { accept_rate: stepped(self.start_rate.min(WHOLE)), offers: 0 }
    }
}

/// The first moment at or after `time`.
pub fn moment_from(time: Time, period: u64) -> Time {
    time.div_ceil(period.max(1)).saturating_mul(period.max(1))
}

/// Offers that were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Taken up.
    pub accepted: u64,
    /// Taken up or refused.
    pub answered: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Counts) -> Counts {
        Counts {
            accepted: self.accepted.saturating_add(other.accepted),
            answered: self.answered.saturating_add(other.answered),
        }
    }

    /// The rate in basis points, cut, where `prior` weighs as much as `weight` offers; `prior` itself where
    /// neither weighs anything.
    pub fn rate(self, prior: u32, weight: u32) -> u32 {
        let whole = u128::from(self.answered) + u128::from(weight);
        let accepted = u128::from(self.accepted.min(self.answered)) * u128::from(WHOLE);
        let sum = accepted + u128::from(weight) * u128::from(prior.min(WHOLE));
        sum.checked_div(whole).and_then(|rate| u32::try_from(rate).ok()).unwrap_or(prior)
    }
}

/// A rate as it is published: the nearest step.
pub fn stepped(rate: u32) -> u32 {
    rate.saturating_add(STEP / 2) / STEP * STEP
}

/// A number of offers as it is published: its first two digits.
pub fn first_digits(number: u64) -> u64 {
    let mut scale = 1;
    while number / scale >= 100 {
        scale *= 10;
    }
    number / scale * scale
}

/// Counts of one rule by segment and channel.
pub type Cells = BTreeMap<(Text, Text), Counts>;

/// What is published of one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rates {
    /// Over everybody.
    pub whole: HistoryView,
    /// By segment, sorted.
    segments: Vec<(Text, Segment)>,
}

/// What is published of one segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Segment {
    whole: HistoryView,
    /// By channel, sorted.
    channels: Vec<(Text, HistoryView)>,
}

impl Rates {
    /// The rates that follow from these counts: of the rule, from there of each segment (where segments are
    /// told apart), and from there of each channel.
    pub fn of(cells: &Cells, learning: &Learning) -> Rates {
        let sum = |counts: &mut dyn Iterator<Item = &Counts>| {
            counts.fold(Counts::default(), |sum, counts| sum.and(*counts))
        };
        let told = |counts: Counts, rate| HistoryView {
            accept_rate: stepped(rate),
            offers: first_digits(counts.answered),
        };
        let whole = sum(&mut cells.values());
        let of_rule = whole.rate(learning.start_rate, learning.weight);
        let mut by_segment: BTreeMap<&Text, Vec<(&Text, Counts)>> = BTreeMap::new();
        for ((segment, channel), counts) in cells {
            by_segment.entry(segment).or_default().push((channel, *counts));
        }
        let counted = by_segment.into_iter().map(|(segment, channels)| {
            (segment, sum(&mut channels.iter().map(|(_, counts)| counts)), channels)
        });
        let segments = foremost(counted.collect(), |(_, counts, _)| counts.answered);
        let segments = segments.into_iter().map(|(name, counts, channels)| {
            let rate = match learning.segment {
                Some(_) => counts.rate(of_rule, learning.weight),
                None => of_rule,
            };
            let channels = foremost(channels, |(_, counts)| counts.answered);
            let channels = channels
                .into_iter()
                .map(|(channel, counts)| (channel.clone(), told(counts, counts.rate(rate, learning.weight))));
            (name.clone(), Segment { whole: told(counts, rate), channels: channels.collect() })
        });
        Rates { whole: told(whole, of_rule), segments: segments.collect() }
    }

    /// What is known of a segment, on a channel where one is looked at. What has no rate of its own has that
    /// of what is next more general, and no offers.
    pub fn look(&self, segment: &Text, channel: Option<&Text>) -> HistoryView {
        let unknown = |next: &HistoryView| HistoryView { offers: 0, ..*next };
        let Some(segment) = by_name(&self.segments, segment) else { return unknown(&self.whole) };
        match channel {
            None => segment.whole,
            Some(channel) => {
                by_name(&segment.channels, channel).copied().unwrap_or_else(|| unknown(&segment.whole))
            }
        }
    }
}

fn by_name<'a, T>(sorted: &'a [(Text, T)], name: &Text) -> Option<&'a T> {
    let at = sorted.binary_search_by(|(known, _)| known.cmp(name)).ok()?;
    sorted.get(at).map(|(_, value)| value)
}

/// Those with most offers, of equal ones the first; in the order they had.
fn foremost<T>(mut sorted: Vec<T>, answered: impl Fn(&T) -> u64) -> Vec<T> {
    if sorted.len() > MOST {
        let mut order: Vec<usize> = (0..sorted.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(sorted.get(*at).map(&answered)), *at));
        let kept: std::collections::BTreeSet<usize> = order.into_iter().take(MOST).collect();
        let mut at = 0..;
        sorted.retain(|_| at.next().is_some_and(|at| kept.contains(&at)));
    }
    sorted
}

/// The channel whose rate a score sees, of those a rule lists: where there are several, the person's
/// `preferred_channel` if it is among them, else the first. `None`: all together.
pub fn channel_of<'a>(listed: &'a [Text], customer: &CustomerView) -> Option<&'a Text> {
    let first = listed.first().filter(|_| listed.len() > 1)?;
    let attributes = &customer.attributes;
    let preferred = attributes.binary_search_by(|(name, _)| name.as_str().cmp("preferred_channel")).ok();
    match preferred.and_then(|at| attributes.get(at)) {
        Some((_, Value::Text(preferred))) => listed.iter().find(|c| *c == preferred).or(Some(first)),
        _ => Some(first),
    }
}

#[cfg(test)]
mod tests;
