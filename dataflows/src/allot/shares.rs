//! Pools, what is held of them, and who asks: without a dataflow.
//!
//! Invariant: the sums of a pool are those over all offers that the ledger knows, each as it is at the time of the
//! last answer. Cost of an answer: what is granted, what asked since, offers that ended since, and the rules that
//! anybody asks for; not those who wait.

use super::held::{Held, Said};
use super::{Ask, Row};
use crate::counted::Rows;
use crate::decide::Ground;
use crate::wheel::Wheel;
use rustc_hash::{FxHashMap, FxHashSet};
use shopbell_model::key::{Brand, Person, Text};
use shopbell_model::local_time::next_day;
use shopbell_model::pool::{Holding, Pool, Share};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// How much there is of a pool, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Which.
    pub pool: Pool,
    /// How much there is.
    pub capacity: i128,
    /// Held by offers that may still be redeemed.
    pub held: i128,
    /// Used up.
    pub used: i128,
    /// Offers that ask for a part of it.
    pub asking: usize,
}

/// Sums of a pool.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    held: i128,
    used: i128,
}

/// An offer that holds something.
#[derive(Debug, Default)]
struct Offer {
    said: Rows<Said>,
    /// What it is counted as.
    counted: Option<(Shared<Holding>, bool)>,
    /// When it ends by itself, where it waits for that.
    waits: Option<Time>,
}

impl Offer {
    /// What it holds now, and whether that is used up.
    fn holds(&self, now: Time) -> Option<(&Shared<Holding>, bool)> {
        let said = |what: &Said| self.said.contains(what);
        let holding = self.said.present().find_map(|said| match said {
            Said::Sent(holding) => Some(holding),
            _ => None,
        })?;
        match holding.share(said(&Said::Withdrawn), said(&Said::Redeemed), now) {
            Share::Held => Some((holding, false)),
            Share::Used => Some((holding, true)),
            Share::Free => None,
        }
    }
}

/// An offer, by the brand it belongs to, and when it was made.
type OfferKey = (Brand, Text, Time);
/// Whom an answer is for, and about which offer.
type AskKey = (Person, Text);
/// Whose asks for which rule.
type Queue = (Brand, Text);

/// Pools and asks.
#[derive(Debug, Default)]
pub struct Shares {
    /// Rules in force by id, each with its number.
    rules: BTreeMap<Text, Rows<Shared<Rule>>>,
    sums: BTreeMap<Pool, Sums>,
    offers: FxHashMap<OfferKey, Offer>,
    /// Offers that changed since the last answer.
    touched: FxHashSet<OfferKey>,
    /// When offers end.
    ends: Wheel<OfferKey>,
    queues: BTreeMap<Queue, BTreeSet<Ask>>,
    /// Asks that are new or gone since the last answer.
    turned: BTreeSet<AskKey>,
    /// How many asks there are of an offer for a person: one, but for within a tick.
    asked: FxHashMap<AskKey, isize>,
    denied: FxHashSet<AskKey>,
    /// The next moment at which a pool begins anew that somebody waits for.
    midnight: Option<Time>,
    /// The moment of the last answer.
    now: Time,
}

impl Shares {
    /// Takes the changes of one time.
    pub(super) fn change(&mut self, changes: Vec<(Row, isize)>) {
        let mut sum: BTreeMap<Row, isize> = BTreeMap::new();
        changes.into_iter().for_each(|(row, diff)| *sum.entry(row).or_default() += diff);
        for (row, diff) in sum.into_iter().filter(|(_, diff)| *diff != 0) {
            match row {
                Row::Rule(rule) => {
                    let versions = self.rules.entry(rule.id.clone()).or_default();
                    versions.add(rule, diff);
                }
                Row::Held(Held { offer, said }) => {
                    self.offers.entry(offer.clone()).or_default().said.add(said, diff);
                    self.touched.insert(offer);
                }
                Row::Ask(ask) => {
                    let key = (ask.person.clone(), ask.offer.clone());
                    *self.asked.entry(key.clone()).or_default() += diff;
                    self.turned.insert(key);
                    let queue = (ask.person.brand(), ask.rule.clone());
                    if diff > 0 {
                        self.queues.entry(queue).or_default().insert(ask);
                    } else if let Some(asks) = self.queues.get_mut(&queue) {
                        asks.remove(&ask);
                        if asks.is_empty() {
                            self.queues.remove(&queue);
                        }
                    }
                }
            }
        }
    }

    /// When a pool has room again by itself: an offer ends, or a day.
    pub(super) fn next_due(&mut self) -> Option<Time> {
        self.ends.next_due().into_iter().chain(self.midnight).min()
    }

    /// Counts an offer as it is now.
    fn count(&mut self, key: OfferKey, now: Time) {
        let Some(offer) = self.offers.get_mut(&key) else { return };
        let counted = offer.holds(now).map(|(holding, used)| (holding.clone(), used));
        let waits =
            counted.as_ref().filter(|(_, used)| !used).map(|(holding, _)| holding.ends.saturating_add(1));
        if waits != offer.waits {
            offer.waits.into_iter().for_each(|due| self.ends.update(due, key.clone(), -1));
            waits.into_iter().for_each(|due| self.ends.update(due, key.clone(), 1));
            offer.waits = waits;
        }
        let before = std::mem::replace(&mut offer.counted, counted.clone());
        if offer.said.is_empty() {
            self.offers.remove(&key);
        }
        for (counted, sign) in [(before, -1), (counted, 1)] {
            let Some((holding, used)) = counted else { continue };
            for (pool, amount) in &holding.parts {
                let sums = self.sums.entry(pool.clone()).or_default();
                let sum = if used { &mut sums.used } else { &mut sums.held };
                *sum += sign * i128::from(*amount);
                if (sums.held, sums.used) == (0, 0) {
                    self.sums.remove(pool);
                }
            }
        }
    }

    /// The rule of that id that is in force.
    fn rule(&self, id: &Text) -> Option<&Shared<Rule>> {
        self.rules.get(id)?.present().next()
    }

    /// Who gets what there is now, the best first. Who does not fit is passed over, and with it all that ask for
    /// the same.
    fn granted(&self, now: Time) -> BTreeSet<AskKey> {
        let mut taken: BTreeMap<Pool, i128> = BTreeMap::new();
        let mut granted = BTreeSet::new();
        let mut heads = BTreeMap::new();
        for ((brand, rule), asks) in &self.queues {
            let Some(rule) = self.rule(rule) else { continue };
            let needs = rule.offer.needs(brand, &rule.id, now);
            let mut rest = asks.iter();
            if let Some(first) = rest.next() {
                heads.insert(first, (needs, rest));
            }
        }
        while let Some((ask, (needs, mut rest))) = heads.pop_first() {
            let spent = |pool: &Pool| {
                let sums = self.sums.get(pool).copied().unwrap_or_default();
                sums.held + sums.used + taken.get(pool).copied().unwrap_or(0)
            };
            if needs.iter().any(|(pool, amount, capacity)| spent(pool) + i128::from(*amount) > *capacity) {
                continue;
            }
            for (pool, amount, _) in &needs {
                *taken.entry(pool.clone()).or_default() += i128::from(*amount);
            }
            granted.insert((ask.person.clone(), ask.offer.clone()));
            if let Some(next) = rest.next() {
                heads.insert(next, (needs, rest));
            }
        }
        granted
    }

    /// Answers at a moment. `give` takes each change of answers, and whether it is for after the tick.
    pub(super) fn answer(&mut self, now: Time, mut give: impl FnMut(Person, Ground, isize, bool)) {
        self.now = now;
        let mut ended = Vec::new();
        while self.ends.pop(now, usize::MAX, &mut ended).is_some() {}
        for (key, _) in ended {
            if let Some(offer) = self.offers.get_mut(&key) {
                offer.waits = None;
            }
            self.touched.insert(key);
        }
        for key in std::mem::take(&mut self.touched) {
            self.count(key, now);
        }
        let granted = self.granted(now);
        for (person, offer) in &granted {
            let key = (person.clone(), offer.clone());
            if self.denied.remove(&key) {
                give(person.clone(), Ground::Denied(offer.clone()), -1, false);
            }
            give(person.clone(), Ground::Granted(offer.clone()), 1, false);
            give(person.clone(), Ground::Granted(offer.clone()), -1, true);
        }
        for key in std::mem::take(&mut self.turned) {
            let asks = self.asked.get(&key).is_some_and(|count| *count > 0);
            if !asks {
                self.asked.remove(&key);
            }
            let denied = asks && !granted.contains(&key);
            let (person, offer) = key.clone();
            if denied && self.denied.insert(key) {
                give(person, Ground::Denied(offer), 1, false);
            } else if !asks && self.denied.remove(&(person.clone(), offer.clone())) {
                give(person, Ground::Denied(offer), -1, false);
            }
        }
        // What is not made of a grant is asked for no more; were it otherwise, it would be answered again.
        self.turned.extend(granted);
        self.midnight = self.next_midnight(now);
    }

    fn next_midnight(&self, now: Time) -> Option<Time> {
        let rules = self.queues.keys().filter_map(|(_, rule)| self.rule(rule));
        rules.filter_map(|rule| Some(next_day(rule.offer.spends()?.0.day_in.as_ref()?, now))).min()
    }

    /// How all pools are that somebody asks for or holds a part of, as of the last answer: of days only that one.
    pub(super) fn numbers(&self) -> Vec<PoolNumbers> {
        let mut pools: BTreeMap<Pool, PoolNumbers> = BTreeMap::new();
        let mut note = |pool: Pool, capacity: i128, asking: usize| {
            let Sums { held, used } = self.sums.get(&pool).copied().unwrap_or_default();
            let new = || PoolNumbers { pool: pool.clone(), capacity, held, used, asking: 0 };
            pools.entry(pool.clone()).or_insert_with(new).asking += asking;
        };
        for ((brand, rule), asks) in &self.queues {
            let Some(rule) = self.rule(rule) else { continue };
            for (pool, _, capacity) in rule.offer.needs(brand, &rule.id, self.now) {
                note(pool, capacity, asks.len());
            }
        }
        let brands: BTreeSet<&Brand> = self.sums.keys().map(Pool::brand).collect();
        for rule in self.rules.keys().filter_map(|id| self.rule(id)).filter(|rule| rule.offer.is_pooled()) {
            for brand in &brands {
                let needs = rule.offer.needs(brand, &rule.id, self.now).into_iter();
                needs
                    .filter(|(pool, ..)| self.sums.contains_key(pool))
                    .for_each(|(pool, _, capacity)| note(pool, capacity, 0));
            }
        }
        pools.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
