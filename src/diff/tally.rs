//! Counts and samples of what two sides say differently.
//!
//! Invariant: every offer of either side is counted once, as the same, changed, dropped or added. An offer that both
//! sides make in a tick with the same content is done with at once; what is left is remembered until its other half
//! comes, or the end. Samples are the first of their kind by time; of a rule with very many differences, the first of
//! those whose texts were kept.

use super::record::{Brief, Offer, Said, read};
use super::{Both, Side};
use crate::sink::Message;
use rustc_hash::FxHashMap;
use serde::de::Error as _;
use shopbell_model::time::Time;
use std::collections::BTreeMap;

const HOUR: u64 = 3_600_000;
/// Texts kept for each sample that is asked for, of a rule and side: some turn out to be another kind of difference.
const TEXTS: usize = 16;

/// What is different about an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the old rules make it.
    Dropped,
    /// Only the new ones do.
    Added,
    /// Both do, with another score, text or channel, or at another time.
    Changed,
    /// Both do, and take it back for another reason, at another time, or only one of them does.
    Withdrawn,
}

impl Change {
    /// All kinds, in the order in which they are told.
    pub const ALL: [Change; 4] = [Change::Dropped, Change::Added, Change::Changed, Change::Withdrawn];

    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Dropped => "dropped",
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Withdrawn => "withdrawn_differently",
        }
    }
}

/// What is counted of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Offers made.
    pub offers: Both<u64>,
    /// Offers taken back.
    pub withdrawals: Both<u64>,
    /// Offers that both make, in the same words at the same time.
    pub same: u64,
    /// Offers that only the old rules make.
    pub dropped: u64,
    /// Offers that only the new ones make.
    pub added: u64,
    /// Offers that both make, but not the same.
    pub changed: u64,
    /// Of those: with another score.
    pub rescored: u64,
    /// With another text, article, coupon, or span for which it holds.
    pub reworded: u64,
    /// On another channel, or to another address.
    pub rerouted: u64,
    /// At another time.
    pub moved: u64,
    /// Offers that both make, taken back differently.
    pub withdrawn: u64,
}

impl Counts {
    /// Whether anything differs.
    pub fn differ(&self) -> bool {
        self.dropped + self.added + self.changed + self.withdrawn > 0
    }

    fn add(&mut self, other: &Counts) {
        self.offers.old += other.offers.old;
        self.offers.new += other.offers.new;
        self.withdrawals.old += other.withdrawals.old;
        self.withdrawals.new += other.withdrawals.new;
        self.same += other.same;
        self.dropped += other.dropped;
        self.added += other.added;
        self.changed += other.changed;
        self.rescored += other.rescored;
        self.reworded += other.reworded;
        self.rerouted += other.rerouted;
        self.moved += other.moved;
        self.withdrawn += other.withdrawn;
    }
}

/// An offer that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// In what.
    pub change: Change,
    /// The offer's id.
    pub offer_id: String,
    /// For whom.
    pub person: String,
    /// The offer on each side, with its time; absent where a side does not make it, or where both make the same.
    pub offers: Both<Option<(Time, Offer)>>,
    /// When and why each side takes it back, for one that is taken back differently.
    pub withdrawals: Both<Option<(Time, String)>>,
}

/// An offer whose other half has not come, or that differs from it.
#[derive(Default)]
struct Open {
    briefs: Both<Option<Brief>>,
    texts: Both<Option<Box<Offer>>>,
}

/// A withdrawal that the other side has not made in the same tick.
struct Taken {
    person: String,
    sides: Both<Option<(Time, String)>>,
}

/// What two sides say.
#[derive(Default)]
pub struct Tally {
    /// By rule.
    pub rules: BTreeMap<String, Counts>,
    /// Offers made by the hour that begins then.
    pub hours: BTreeMap<Time, Both<u64>>,
    /// Offers made by score, 0 to 100.
    pub scores: BTreeMap<u8, Both<u64>>,
    /// Offers taken back by reason.
    pub reasons: BTreeMap<String, Both<u64>>,
    /// Some offers that differ, by rule: of each kind the first.
    pub samples: BTreeMap<String, Vec<Sample>>,
    wanted: usize,
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
    rule_of: FxHashMap<u128, u32>,
    open: FxHashMap<u128, Open>,
    taken: FxHashMap<u128, Taken>,
    /// Texts that are kept, by rule and side.
    texts: BTreeMap<(u32, Side), usize>,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally")
            .field("rules", &self.rules)
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}

fn key(offer_id: &str) -> Result<u128, serde_json::Error> {
    u128::from_str_radix(offer_id, 16).map_err(|_| serde_json::Error::custom("not an offer id"))
}

impl Tally {
    /// Nothing yet; that many samples of each kind are wanted of a rule.
    pub fn new(samples: usize) -> Self {
        Tally { wanted: samples, ..Tally::default() }
    }

    /// All rules together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.rules.values().for_each(|counts| total.add(counts));
        total
    }

    /// Takes in the messages of a tick.
    pub(super) fn tick(&mut self, tick: Time, both: &Both<Vec<Message>>) -> Result<(), serde_json::Error> {
        let mut made: BTreeMap<u128, Both<Option<Offer>>> = BTreeMap::new();
        let mut withdrawn: BTreeMap<u128, (String, Both<Option<String>>)> = BTreeMap::new();
        for (side, messages) in [(Side::Old, &both.old), (Side::New, &both.new)] {
            for message in messages {
                let id = key(&message.offer_id)?;
                match read(message)? {
                    Said::Made(offer) => *made.entry(id).or_default().side(side) = Some(*offer),
                    Said::Withdrawn(reason) => {
                        let entry =
                            withdrawn.entry(id).or_insert_with(|| (message.key.clone(), Both::default()));
                        *entry.1.side(side) = Some(reason);
                    }
                    Said::Nothing => {}
                }
            }
        }
        made.into_iter().for_each(|(id, offers)| self.made(tick, id, offers));
        withdrawn.into_iter().for_each(|(id, (person, reasons))| self.withdrawn(tick, id, person, reasons));
        Ok(())
    }

    fn made(&mut self, tick: Time, id: u128, offers: Both<Option<Offer>>) {
        let Some(rule) = offers.old.as_ref().or(offers.new.as_ref()).map(|offer| offer.rule.clone()) else {
            return;
        };
        let number = self.number(&rule);
        self.rule_of.insert(id, number);
        for (side, offer) in [(Side::Old, &offers.old), (Side::New, &offers.new)] {
            let Some(offer) = offer else { continue };
            *self.rules.entry(rule.clone()).or_default().offers.side(side) += 1;
            *self.hours.entry(tick / HOUR * HOUR).or_default().side(side) += 1;
            *self.scores.entry(offer.score).or_default().side(side) += 1;
        }
        let briefs = Both {
            old: offers.old.as_ref().map(|offer| Brief::of(tick, offer)),
            new: offers.new.as_ref().map(|offer| Brief::of(tick, offer)),
        };
        // Only an offer to somebody who was forgotten is made twice: then it is another one.
        let again = self.open.get(&id).is_some_and(|open| {
            open.briefs.old.is_some() && briefs.old.is_some()
                || open.briefs.new.is_some() && briefs.new.is_some()
        });
        if again {
            self.close(id);
        }
        if briefs.old == briefs.new && !self.open.contains_key(&id) {
            self.rules.entry(rule).or_default().same += 1;
            return;
        }
        let mut open = self.open.remove(&id).unwrap_or_default();
        let parts = [(Side::Old, briefs.old, offers.old), (Side::New, briefs.new, offers.new)];
        for (side, brief, offer) in parts {
            let (Some(brief), Some(offer)) = (brief, offer) else { continue };
            *open.briefs.side(side) = Some(brief);
            let kept = self.texts.entry((number, side)).or_default();
            if *kept < self.wanted.saturating_mul(TEXTS) {
                *kept += 1;
                *open.texts.side(side) = Some(Box::new(offer));
            }
        }
        let whole = open.briefs.old.is_some() && open.briefs.new.is_some();
        self.open.insert(id, open);
        if whole {
            self.close(id);
        }
    }

    fn withdrawn(&mut self, tick: Time, id: u128, person: String, mut reasons: Both<Option<String>>) {
        let rule = self.rule_of.get(&id).and_then(|number| self.names.get(*number as usize)).cloned();
        for side in [Side::Old, Side::New] {
            let Some(reason) = reasons.side(side).clone() else { continue };
            if let Some(rule) = &rule {
                *self.rules.entry(rule.clone()).or_default().withdrawals.side(side) += 1;
            }
            *self.reasons.entry(reason).or_default().side(side) += 1;
        }
        if reasons.old == reasons.new {
            return;
        }
        let taken = self.taken.entry(id).or_insert_with(|| Taken { person, sides: Both::default() });
        for side in [Side::Old, Side::New] {
            if let Some(reason) = reasons.side(side).take() {
                *taken.sides.side(side) = Some((tick, reason));
            }
        }
    }

    fn number(&mut self, rule: &str) -> u32 {
        if let Some(number) = self.numbers.get(rule) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(rule.to_owned());
        self.numbers.insert(rule.to_owned(), number);
        number
    }

    /// Says what became of an offer that differs.
    fn close(&mut self, id: u128) {
        let Some(open) = self.open.remove(&id) else { return };
        let Some(number) = self.rule_of.get(&id).copied() else { return };
        let Some(rule) = self.names.get(number as usize).cloned() else { return };
        let counts = self.rules.entry(rule.clone()).or_default();
        let change = match (&open.briefs.old, &open.briefs.new) {
            (Some(old), Some(new)) => {
                counts.changed += 1;
                counts.rescored += u64::from(old.score != new.score);
                counts.reworded += u64::from(old.text != new.text);
                counts.rerouted += u64::from(old.contact != new.contact);
                counts.moved += u64::from(old.at != new.at);
                Change::Changed
            }
            (Some(_), None) => {
                counts.dropped += 1;
                Change::Dropped
            }
            _ => {
                counts.added += 1;
                Change::Added
            }
        };
        let mut texts = open.texts;
        for side in [Side::Old, Side::New] {
            if texts.side(side).is_some()
                && let Some(kept) = self.texts.get_mut(&(number, side))
            {
                *kept = kept.saturating_sub(1);
            }
        }
        let shown = |brief: Option<Brief>, text: Option<Box<Offer>>| Some((brief?.at, *text?));
        let (had_old, had_new) = (open.briefs.old.is_some(), open.briefs.new.is_some());
        let offers = Both { old: shown(open.briefs.old, texts.old), new: shown(open.briefs.new, texts.new) };
        // Half of a change says little.
        if offers.old.is_some() == had_old && offers.new.is_some() == had_new {
            let person = offers.old.as_ref().or(offers.new.as_ref()).map(|(_, offer)| offer.person.clone());
            let person = person.unwrap_or_default();
            let offer_id = format!("{id:032x}");
            self.sample(rule, Sample { change, offer_id, person, offers, withdrawals: Both::default() });
        }
    }

    fn sample(&mut self, rule: String, sample: Sample) {
        let samples = self.samples.entry(rule).or_default();
        if samples.iter().filter(|other| other.change == sample.change).count() < self.wanted {
            samples.push(sample);
        }
    }

    /// No more comes: what has no other half is dropped or added.
    pub(super) fn finish(&mut self) {
        let mut withdrawals: Vec<(u128, Taken)> = self.taken.drain().collect();
        // What follows from an offer that only one side makes is no difference of its own.
        withdrawals.retain(|(id, _)| !self.open.contains_key(id));
        let first = |sides: &Both<Option<(Time, String)>>| {
            sides.old.iter().chain(&sides.new).map(|(at, _)| *at).min()
        };
        withdrawals.sort_by_key(|(id, taken)| (first(&taken.sides), *id));
        let mut rest: Vec<(Option<Time>, u128)> = self
            .open
            .iter()
            .map(|(id, open)| {
                (open.briefs.old.iter().chain(&open.briefs.new).map(|brief| brief.at).min(), *id)
            })
            .collect();
        rest.sort_unstable();
        rest.into_iter().for_each(|(_, id)| self.close(id));
        for (id, taken) in withdrawals {
            let rule = self.rule_of.get(&id).and_then(|number| self.names.get(*number as usize)).cloned();
            let Some(rule) = rule else { continue };
            self.rules.entry(rule.clone()).or_default().withdrawn += 1;
            let sample = Sample {
                change: Change::Withdrawn,
                offer_id: format!("{id:032x}"),
                person: taken.person,
                offers: Both::default(),
                withdrawals: taken.sides,
            };
            self.sample(rule, sample);
        }
        for samples in self.samples.values_mut() {
            samples.sort_by_key(|sample| sample.change);
        }
    }
}
