//! What somebody did: carts, wish lists, views, purchases, signs of presence, outcomes of offers.
//!
//! Invariant: each is one fact for as long as its retention lasts; moves of one cart line (or wish), and views of one article,
//! are kept or dropped together, so that what lives for long does not lose its beginning.
//! Cost: a scan of the handle's own facts where something is added to a group or expires; a handle
//! keeps at most [`MOST_FACTS`].

use super::{Changes, FoldCounts, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::event::{Act, Line, PushOutcome};
use shopbell_model::facts::{
    Bought, CartChange, CartMove, Decision, Detail, Moment, PersonFact, Request, Sign, SignKind, Viewed,
    Wish, ZoneVisit,
};
use shopbell_model::key::{EventRef, Handle, ItemId, LocationId, Text};
use shopbell_model::settings::Retention;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};

/// Facts one handle keeps; beyond that, of the kind of which there are most what was touched least lately goes first, so that a
/// flood of views does not wash purchases away. A bot is not a customer.
pub(super) const MOST_FACTS: usize = 1000;

/// What is kept together goes as a whole up to so many; of more than that it is the second that goes, so that it keeps its
/// beginning.
const MOST_AS_ONE: usize = 16;

/// What is kept together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Group {
    Cart(Option<ItemId>),
    Wish(ItemId),
    Alone,
    View(ItemId),
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    at: Moment,
    expires: Time,
    group: Group,
    fact: PersonFact,
}

/// What is kept of one handle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct History {
    entries: Vec<Entry>,
    /// When the timer is set to; 0 for not at all.
    wakes: Time,
}

/// Histories by handle.
#[derive(Debug)]
pub(super) struct Histories {
    histories: FxHashMap<Handle, History>,
    retention: Retention,
}

impl Histories {
    pub(super) fn new(retention: Retention) -> Self {
        Histories { histories: FxHashMap::default(), retention }
    }

    /// Keeps what an event says somebody did.
    #[expect(clippy::too_many_arguments, reason = "parts of the fold that a person's acts touch")]
    pub(super) fn act(
        &mut self,
        handle: &Handle,
        at: Moment,
        act: Act,
        event: EventRef,
        timers: &mut Wheel<Timer>,
        counts: &mut FoldCounts,
        out: &mut Changes,
    ) {
        let mut keep = Keep { histories: self, handle, at, timers, counts, out };
        match act {
            Act::View(lines) => keep.views(lines, &event),
            Act::AddToCart(lines) => {
                keep.cart(lines, &event, |quantity| CartChange::Add(quantity.unwrap_or(1)));
            }
            Act::RemoveFromCart(lines) => {
                keep.cart(lines, &event, |quantity| quantity.map_or(CartChange::Remove, CartChange::Take));
            }
            Act::BeginCheckout(lines) if lines.is_empty() => keep.checkout_all(event),
            Act::BeginCheckout(lines) => keep.cart(lines, &event, |_| CartChange::Checkout),
            Act::AddToWishlist(lines) => keep.wishes(lines, &event, true),
            Act::RemoveFromWishlist(lines) => keep.wishes(lines, &event, false),
            Act::Purchase(purchase) => {
                if let Some(location) = &purchase.location
                    && purchase.at_till
                {
                    keep.sign(location.clone(), SignKind::Seen, event.clone());
                }
                let items = by_item(purchase.items);
                let (transaction, location) = (purchase.transaction, purchase.location);
                let bought = Bought { at, transaction, items, location, event };
                let span = keep.histories.retention.purchases;
                keep.fact(span, Group::Alone, PersonFact::Bought(Shared::new(bought)));
            }
            Act::Enter(location) => keep.sign(location, SignKind::Enter, event),
            Act::Leave(location) => keep.sign(location, SignKind::Leave, event),
            Act::CheckIn(location) => keep.sign(location, SignKind::CheckIn, event),
            Act::TryItem(location, _) | Act::Assist(location, _, _) => {
                keep.sign(location, SignKind::Seen, event);
            }
            Act::OfferRequest { request, location, rule, items, staff: _ } => {
                let span = keep.histories.retention.visits;
                let (items, until) = (by_item(items), end_of(at.time, span));
                let asked = Request { at, request, location, rule, items, event, until };
                keep.fact(span, Group::Alone, PersonFact::Request(Shared::new(asked)));
            }
            Act::OfferDecision { request, approved, staff: _ } => {
                let decision = Decision { at, request, approved, event };
                let span = keep.histories.retention.visits;
                keep.fact(span, Group::Alone, PersonFact::Decision(Shared::new(decision)));
            }
            Act::Push(outcome, offer) => keep.outcome(outcome, offer),
            // Known, and without effect on what is kept here: searches, refunds, positions.
            // Links, sensors, profiles and consent have been dealt with before.
            Act::Refund(_)
            | Act::Search(_)
            | Act::Login(_)
            | Act::Reading(..)
            | Act::Rfid { .. }
            | Act::Geo(..)
            | Act::Profile(_)
            | Act::Link(_)
            | Act::Unlink(_)
            | Act::Consent { .. }
            | Act::Forget => {}
        }
    }

    /// Remembers a zone visit that is over until its retention ends.
    pub(super) fn zone_visit(
        &mut self,
        handle: &Handle,
        visit: Shared<ZoneVisit>,
        timers: &mut Wheel<Timer>,
    ) {
        let at = Moment { time: visit.last.unwrap_or(visit.start.time), arrival: visit.start.arrival };
        let expires = end_of(at.time, self.retention.visits);
        let entry = Entry { at, expires, group: Group::Alone, fact: PersonFact::Zone(visit) };
        self.histories.entry(handle.clone()).or_default().push(handle, entry, timers);
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&History> {
        self.histories.get(handle)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        history: History,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        history.entries.iter().for_each(|entry| out.person(handle, entry.fact.clone(), 1));
        if history.wakes != 0 {
            timers.update(history.wakes, Timer::History(handle.clone()), 1);
        }
        self.histories.insert(handle.clone(), history);
    }

    /// Drops all that is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(history) = self.histories.remove(handle) else { return };
        if history.wakes != 0 {
            timers.update(history.wakes, Timer::History(handle.clone()), -1);
        }
        history.entries.into_iter().for_each(|entry| out.person(handle, entry.fact, -1));
    }

    /// Drops what came to the end of its time.
    pub(super) fn expire(&mut self, handle: Handle, now: Time, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let Some(history) = self.histories.get_mut(&handle) else { return };
        history.entries.retain(|entry| {
            let kept = entry.expires > now;
            if !kept {
                out.person(&handle, entry.fact.clone(), -1);
            }
            kept
        });
        match history.entries.iter().map(|entry| entry.expires).min() {
            Some(next) => {
                history.wakes = next;
                timers.update(next, Timer::History(handle), 1);
            }
            None => {
                self.histories.remove(&handle);
            }
        }
    }
}

impl History {
    fn push(&mut self, handle: &Handle, entry: Entry, timers: &mut Wheel<Timer>) {
        if self.wakes == 0 || entry.expires < self.wakes {
            if self.wakes != 0 {
                timers.update(self.wakes, Timer::History(handle.clone()), -1);
            }
            self.wakes = entry.expires;
            timers.update(entry.expires, Timer::History(handle.clone()), 1);
        }
        self.entries.push(entry);
    }

    /// Takes out what there is too much of.
    fn excess(&mut self) -> Vec<Entry> {
        let mut counts = [0usize; 6];
        for entry in &self.entries {
            counts.get_mut(kind(&entry.fact)).into_iter().for_each(|count| *count += 1);
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count).map(|(kind, _)| kind);
        let of_kind = |entry: &&Entry| Some(kind(&entry.fact)) == most;
        let least = self.entries.iter().filter(of_kind).min_by_key(|entry| (entry.expires, entry.at));
        let Some((group, at)) = least.map(|entry| (entry.group.clone(), entry.at)) else { return Vec::new() };
        let is_one = |entry: &Entry| match group {
            Group::Alone => entry.at == at && Some(kind(&entry.fact)) == most,
            _ => entry.group == group,
        };
        if self.entries.iter().filter(|entry| is_one(entry)).count() <= MOST_AS_ONE {
            return self.entries.extract_if(.., |entry| is_one(entry)).collect();
        }
        let mut members: Vec<(Moment, usize)> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| is_one(e))
            .map(|(place, e)| (e.at, place))
            .collect();
        members.sort_unstable();
        members.get(1).map(|(_, place)| self.entries.swap_remove(*place)).into_iter().collect()
    }
}

/// What kind of fact it is, as far as room for it goes.
fn kind(fact: &PersonFact) -> usize {
    match fact {
        PersonFact::Cart(_) => 0,
        PersonFact::Wish(_) => 1,
        PersonFact::View(_) => 2,
        PersonFact::Bought(_) => 3,
        PersonFact::Sign(_) | PersonFact::Zone(_) => 4,
        _ => 5,
    }
}

/// One event's worth of keeping.
struct Keep<'a> {
    histories: &'a mut Histories,
    handle: &'a Handle,
    at: Moment,
    timers: &'a mut Wheel<Timer>,
    counts: &'a mut FoldCounts,
    out: &'a mut Changes,
}

impl Keep<'_> {
    fn fact(&mut self, span: Duration, group: Group, fact: PersonFact) {
        let mut expires = end_of(self.at.time, span);
        let history = self.histories.histories.entry(self.handle.clone()).or_default();
        if group != Group::Alone {
            for entry in history.entries.iter_mut().filter(|entry| entry.group == group) {
                entry.expires = entry.expires.max(expires);
                expires = entry.expires;
            }
        }
        self.out.person(self.handle, fact.clone(), 1);
        history.push(self.handle, Entry { at: self.at, expires, group, fact }, self.timers);
        if history.entries.len() > MOST_FACTS {
            for entry in history.excess() {
                self.out.person(self.handle, entry.fact, -1);
                self.counts.dropped_facts += 1;
            }
        }
    }

    fn views(&mut self, lines: Vec<Line>, event: &EventRef) {
        let span = self.histories.retention.views;
        for (item, detail) in without_repeats(lines) {
            let viewed = Viewed { at: self.at, item: item.clone(), detail, event: event.clone() };
            self.fact(span, Group::View(item), PersonFact::View(Shared::new(viewed)));
        }
    }

    fn cart(&mut self, lines: Vec<Line>, event: &EventRef, change: impl Fn(Option<u32>) -> CartChange) {
        let span = self.histories.retention.carts;
        // A fact is there once: lines that differ in nothing but their number are one move.
        let mut moves: Vec<(ItemId, Detail, CartChange)> = Vec::with_capacity(lines.len());
        for line in lines {
            let (item, change, detail) = (line.item.clone(), change(line.quantity), detail(line));
            let same = |(known, about, sum): &mut (ItemId, Detail, CartChange)| {
                *known == item && *about == detail && join(sum, change)
            };
            if !moves.iter_mut().any(same) {
                moves.push((item, detail, change));
            }
        }
        for (item, detail, change) in moves {
            let moved =
                CartMove { at: self.at, item: Some(item.clone()), change, detail, event: event.clone() };
            self.fact(span, Group::Cart(Some(item)), PersonFact::Cart(Shared::new(moved)));
        }
    }

    fn checkout_all(&mut self, event: EventRef) {
        let span = self.histories.retention.carts;
        let moved = CartMove {
            at: self.at,
            item: None,
            change: CartChange::Checkout,
            detail: Detail::default(),
            event,
        };
        self.fact(span, Group::Cart(None), PersonFact::Cart(Shared::new(moved)));
    }

    fn wishes(&mut self, lines: Vec<Line>, event: &EventRef, wanted: bool) {
        let span = self.histories.retention.wishlists;
        for (item, detail) in without_repeats(lines) {
            let wish = Wish { at: self.at, item: item.clone(), wanted, detail, event: event.clone() };
            self.fact(span, Group::Wish(item), PersonFact::Wish(Shared::new(wish)));
        }
    }

    fn sign(&mut self, location: LocationId, kind: SignKind, event: EventRef) {
        let span = self.histories.retention.visits;
        let sign = Sign { at: self.at, location, kind, event };
        self.fact(span, Group::Alone, PersonFact::Sign(Shared::new(sign)));
    }

    fn outcome(&mut self, outcome: PushOutcome, offer: Text) {
        let fact = PersonFact::Outcome(offer, outcome);
        let known = self.histories.histories.get(self.handle);
        if known.is_none_or(|known| known.entries.iter().all(|entry| entry.fact != fact)) {
            let retention = &self.histories.retention;
            let span = if outcome == PushOutcome::Redeemed { retention.pools } else { retention.ledger };
            self.fact(span, Group::Alone, fact);
        }
    }
}

/// The first moment at which a fact is older than its retention.
pub(crate) fn end_of(time: Time, span: Duration) -> Time {
    time.saturating_add(span.0).saturating_add(1)
}

/// What was bought, one entry an article: of what several lines say of it the greatest.
fn by_item(lines: Vec<Line>) -> Vec<(ItemId, u32, Detail)> {
    let mut items: Vec<(ItemId, u32, Detail)> = Vec::with_capacity(lines.len());
    for line in lines {
        let quantity = line.quantity.unwrap_or(1);
        match items.iter_mut().find(|(item, _, _)| *item == line.item) {
            Some((_, sum, known)) => {
                *sum = sum.saturating_add(quantity);
                let detail = detail(line);
                known.price = known.price.max(detail.price);
                known.category = known.category.take().max(detail.category);
                known.variant = known.variant.take().max(detail.variant);
            }
            None => items.push((line.item.clone(), quantity, detail(line))),
        }
    }
    items
}

/// Adds a change to another of the same line, where both together are one.
fn join(sum: &mut CartChange, change: CartChange) -> bool {
    match (&mut *sum, change) {
        (CartChange::Add(sum), CartChange::Add(more)) | (CartChange::Take(sum), CartChange::Take(more)) => {
            *sum = sum.saturating_add(more);
            true
        }
        (sum, change) => *sum == change,
    }
}

/// Articles with what was said of them, each once.
fn without_repeats(lines: Vec<Line>) -> Vec<(ItemId, Detail)> {
    let mut articles = Vec::with_capacity(lines.len());
    for line in lines {
        let article = (line.item.clone(), detail(line));
        if !articles.contains(&article) {
            articles.push(article);
        }
    }
    articles
}

fn detail(line: Line) -> Detail {
    Detail { price: line.price, category: line.category, variant: line.variant }
}
