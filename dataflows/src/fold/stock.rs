//! Stock by article and location, and over all locations.
//!
//! Invariant: a quantity is the latest level by (time, arrival) plus the deltas after it; a return
//! is a change from "known to be none" to "some", dated by the event that did it.
//! Cost: an event in order touches its own location; a late one runs the article's last changes
//! again. At most [`MOST_CHANGES`] are kept an article: a change older than those comes too late for the
//! history of returns, and is added up where it still counts.

use super::{Changes, FoldCounts};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Moment, Stock, Subject, SubjectFact};
use shopbell_model::key::{ItemId, LocationId};
use shopbell_model::time::Time;
use std::collections::BTreeMap;

/// Changes kept of one article; then the older half is settled.
const MOST_CHANGES: usize = 256;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Change {
    Level(i64),
    Delta(i64),
}

/// How things stand somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    quantity: i64,
    returned: Option<Time>,
    /// The last level, so that a delta from before it is not counted again.
    level: Option<Moment>,
}

/// How things stand everywhere.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Standings {
    places: BTreeMap<LocationId, Standing>,
    total: i64,
    total_returned: Option<Time>,
}

/// What is known of one article.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Article {
    base: Standings,
    settled: Option<Moment>,
    changes: Vec<(Moment, LocationId, Change)>,
    now: Standings,
    /// Depends on what the rules ask for, so it is not kept.
    #[serde(skip)]
    told: BTreeMap<Option<LocationId>, Stock>,
}

/// Stock of all articles.
#[derive(Debug)]
pub(super) struct Stocks {
    articles: FxHashMap<ItemId, Article>,
    detail: i64,
}

impl Standings {
    fn apply(&mut self, at: Moment, location: &LocationId, change: Change) {
        let (known, anything_known) = (self.places.contains_key(location), !self.places.is_empty());
        let standing = self.places.entry(location.clone()).or_default();
        let before = standing.quantity;
        match change {
            Change::Level(quantity) => {
                standing.quantity = quantity;
                standing.level = Some(at);
            }
            Change::Delta(delta) => standing.quantity = standing.quantity.saturating_add(delta),
        }
        let total = self.total - before.max(0) + standing.quantity.max(0);
        turn(&mut standing.returned, known, before, standing.quantity, at.time);
        turn(&mut self.total_returned, anything_known, self.total, total, at.time);
        self.total = total;
    }
}

/// Dates a return, or forgets it where there is none any more.
fn turn(returned: &mut Option<Time>, known: bool, before: i64, after: i64, at: Time) {
    if after <= 0 {
        *returned = None;
    } else if before <= 0 && known {
        *returned = Some(at);
    }
}

impl Article {
    fn add(&mut self, at: Moment, location: LocationId, change: Change, counts: &mut FoldCounts) {
        if self.settled.is_some_and(|settled| at < settled) {
            counts.too_late += 1;
            // A level is dropped, and tells nothing of a place that nothing is known of.
            let Change::Delta(delta) = change else { return };
            let standing = self.base.places.entry(location).or_default();
            if standing.level.is_none_or(|level| level < at) {
                let before = standing.quantity.max(0);
                standing.quantity = standing.quantity.saturating_add(delta);
                self.base.total += standing.quantity.max(0) - before;
                self.again();
            }
            return;
        }
        let in_order = self.changes.last().is_none_or(|(last, _, _)| *last <= at);
        let place = self.changes.partition_point(|(known, _, _)| *known <= at);
        if in_order {
            self.now.apply(at, &location, change);
        }
        self.changes.insert(place, (at, location, change));
        if !in_order {
            self.again();
        }
        if self.changes.len() > MOST_CHANGES {
            for (at, location, change) in self.changes.drain(..MOST_CHANGES / 2) {
                self.base.apply(at, &location, change);
                self.settled = Some(at);
            }
        }
    }

    fn again(&mut self) {
        self.now = self.base.clone();
        for (at, location, change) in &self.changes {
            self.now.apply(*at, location, *change);
        }
    }

    fn tell(&mut self, item: &ItemId, detail: i64, out: &mut Changes) {
        let shown = |quantity: i64| if detail == i64::MAX { quantity } else { quantity.clamp(0, detail) };
        let everywhere = (None, shown(self.now.total), self.now.total_returned);
        let places = self.now.places.iter().map(|(location, standing)| {
            (Some(location.clone()), shown(standing.quantity), standing.returned)
        });
        for (location, quantity, returned) in places.chain([everywhere]) {
            let stock = Stock { location: location.clone(), quantity, returned };
            let told = self.told.get(&location);
            if told == Some(&stock) {
                continue;
            }
            let subject = || Subject::Item(item.clone());
            if let Some(told) = told {
                out.subject(subject(), SubjectFact::Stock(told.clone()), -1);
            }
            out.subject(subject(), SubjectFact::Stock(stock.clone()), 1);
            self.told.insert(location, stock);
        }
    }
}

impl Stocks {
    pub(super) fn new(detail: i64) -> Self {
        Stocks { articles: FxHashMap::default(), detail }
    }

    /// What is known of an article.
    pub(super) fn of(&self, item: &ItemId) -> Option<&Article> {
        self.articles.get(item)
    }

    /// Puts back what was known of an article.
    pub(super) fn restore(&mut self, item: &ItemId, mut article: Article, out: &mut Changes) {
        article.tell(item, self.detail, out);
        self.articles.insert(item.clone(), article);
    }

    pub(super) fn level(
        &mut self,
        item: ItemId,
        location: LocationId,
        at: Moment,
        quantity: i64,
        counts: &mut FoldCounts,
        out: &mut Changes,
    ) {
        self.change(item, location, at, Change::Level(quantity), counts, out);
    }

    pub(super) fn delta(
        &mut self,
        item: ItemId,
        location: LocationId,
        at: Moment,
        delta: i64,
        counts: &mut FoldCounts,
        out: &mut Changes,
    ) {
        self.change(item, location, at, Change::Delta(delta), counts, out);
    }

    fn change(
        &mut self,
        item: ItemId,
        location: LocationId,
        at: Moment,
        change: Change,
        counts: &mut FoldCounts,
        out: &mut Changes,
    ) {
        let article = self.articles.entry(item.clone()).or_default();
        article.add(at, location, change, counts);
        article.tell(&item, self.detail, out);
    }
}
