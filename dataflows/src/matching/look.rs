//! What one rule finds in one situation.
//!
//! Invariant: a function of the rule, its rates and the situation. Cost: one evaluation of `where` and, where that holds, of
//! `score` for each article of the situation; a candidate is put together only when somebody takes it.

use super::lack::{Lack, Listener};
use crate::courses::Stay;
use crate::in_force::InForce;
use crate::rows::{Candidate, Life, Scene, Situation, Wanted};
use crate::seen::see;
use shopbell_model::facts::Place;
use shopbell_model::key::{EventRef, Handle, ItemId, LocationId, Person, Text};
use shopbell_model::learning::Learning;
use shopbell_model::offer::{About, Episode, Evidence, Idle, offer_id};
use shopbell_model::rules::{Interests, Rule, Scored, When};
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use shopbell_model::value::Money;
use shopbell_model::view::{HistoryView, View};
use std::borrow::Cow;

/// Looks for candidates of `rule` in `situation`.
pub(crate) fn look(
    person: &Person,
    situation: &Shared<Situation>,
    in_force: &InForce,
    learning: &Learning,
    tell: &mut impl Listener,
) {
    let rule = &in_force.rule;
    if let Some(brand) = rule.brand.as_ref().filter(|brand| **brand != person.brand()) {
        return tell.lacks(|| Lack::OtherBrand(brand.clone()));
    }
    let history = in_force.history(&situation.customer, learning);
    let place = in_force.place_in(situation);
    let mut builder = Builder { situation, place, in_force, rule, also: None, history, tell };
    match (&rule.when, &situation.scene) {
        (When::CartAbandoned { idle, from_first_add, .. }, Scene::Line(line)) => {
            let (anchor, item) = (&line.life.anchor, &line.item);
            let about = |idle| About::Line(line.life.start, idle);
            let name = || format!("line|{anchor}|{item}|{}", line.life.start);
            builder.idle(&line.life, &line.activity, *idle, *from_first_add, name, about);
        }
        (When::CartAbandoned { idle, from_first_add, .. }, Scene::Cart(cart)) => {
            let about = |idle| About::Cart(cart.life.start, idle);
            let name = || format!("cart|{}|{}", cart.life.anchor, cart.life.start);
            builder.idle(&cart.life, &cart.activity, *idle, *from_first_add, name, about);
        }
        (When::BrowseAbandoned { idle, min_views, within }, Scene::Browse(browse)) => {
            let mut steps = browse.abandoned(*idle, *min_views, *within).peekable();
            if steps.peek().is_none() {
                builder.tell.lacks(|| Lack::NotLeftAlone);
            }
            for (step, event) in steps {
                let (since, anchor) = (step.time, &step.handle);
                let (idle, min_views, within) = (*idle, *min_views, *within);
                let about = About::Browse { since, idle, min_views, within };
                let text = || format!("browse|{anchor}|{}|{since}", browse.item);
                let due = since.saturating_add(idle.0);
                let found = Found { due, until: None, text: &text, anchor, about, more: None };
                builder.per_item(found, situation.items.iter(), Some(VIEWED), Some(event));
            }
        }
        (When::ZoneEntered { dwell, interest, in_stock, zones }, Scene::Zone(handle, visit)) => {
            let zone = &visit.zone;
            let listed = |name: &Text| *name == zone.zone || name.as_str() == zone.to_string();
            if !zones.is_empty() && !zones.iter().any(listed) {
                return builder.tell.lacks(|| Lack::OtherZone(zone.clone()));
            }
            let start = visit.start.time;
            let due = start.saturating_add(dwell.0);
            let text = || format!("zone|{handle}|{}|{}|{start}", zone.location, zone.zone);
            let about = About::Zone { zone: zone.clone(), start, interest: *interest, in_stock: *in_stock };
            let stocked = |wanted: &Wanted| !in_stock || has_stock(wanted, Some(&zone.location));
            let counts = (stocked, Lack::NotInStock);
            let span = (due, None);
            builder.of_interest(*interest, span, &text, handle, about, Some(&visit.event), counts);
        }
        (When::StoreLeft { min_dwell, after, interest }, Scene::Visit(visit, end, first_purchase)) => {
            let due = end.saturating_add(after.0);
            if visit.dwell < *min_dwell {
                return builder.tell.lacks(|| Lack::ShortVisit(visit.dwell, *min_dwell));
            }
            if let Some(bought) = first_purchase.filter(|time| *time <= due) {
                return builder.tell.lacks(|| Lack::Bought(bought));
            }
            let text = || format!("left|{}|{}|{}", visit.anchor, visit.location, visit.start);
            let about = About::Visit {
                location: visit.location.clone(),
                start: visit.start,
                until: due,
                after: *after,
                min_dwell: *min_dwell,
                interest: *interest,
            };
            let in_time = |wanted: &Wanted| wanted.life(*interest).is_some_and(|life| life.start <= due);
            let counts = (in_time, Lack::BeganLater);
            let span = (due, Some(visit.until));
            builder.of_interest(*interest, span, &text, &visit.anchor, about, Some(&visit.event), counts);
        }
        (When::CheckedIn, Scene::CheckIn(handle, sign, until)) => {
            let text = || format!("check_in|{handle}|{}|{}", sign.location, sign.at.time);
            let found = Found {
                due: sign.at.time,
                until: Some(*until),
                text: &text,
                anchor: handle,
                about: About::CheckIn,
                more: None,
            };
            builder.whole(found, &[], Some(&sign.event));
        }
        (When::Purchased { within }, Scene::Purchase(handle, bought)) => {
            let due = bought.at.time;
            let until = Some(due.saturating_add(within.0).saturating_add(1));
            let text = || format!("purchase|{handle}|{}|{due}", bought.transaction);
            let found = Found { due, until, text: &text, anchor: handle, about: About::Purchase, more: None };
            builder.per_item(found, situation.items.iter(), None, Some(&bought.event));
        }
        (When::Nearby { within, location }, Scene::Near(anchor, near)) if near.within == *within => {
            let there = location.as_ref().map(|name| LocationId::new(&person.brand(), name));
            if there.is_some_and(|there| there != near.location) {
                return builder.tell.lacks(|| Lack::OtherPlace(near.location.clone()));
            }
            let start = near.start.time;
            let about = About::Near { location: near.location.clone(), start, within: *within };
            let text = || format!("nearby|{anchor}|{}|{start}", near.location);
            let found = Found { due: start, until: None, text: &text, anchor, about, more: None };
            builder.whole(found, &[], Some(&near.event));
        }
        (When::Requested { approval }, Scene::Request(asked)) if asked.request.rule == rule.id => {
            let (anchor, request) = (&asked.handle, &asked.request);
            let approved = asked.approval().filter(|_| *approval);
            if *approval && approved.is_none() {
                return builder.tell.lacks(|| match &asked.decision {
                    Some((_, decision)) => {
                        Lack::Refused(request.request.clone(), decision.at.time, request.until)
                    }
                    None => Lack::Waits(request.request.clone(), request.until),
                });
            }
            let at = request.at.time;
            let due = approved.map_or(at, |(_, decision)| decision.at.time.max(at));
            let about = About::Request { request: request.request.clone(), at, approval: *approval };
            let text = || format!("request|{anchor}|{}|{at}", request.request);
            let more = approved.map(|(handle, _)| handle);
            builder.also = approved.map(|(handle, decision)| (&decision.event, handle));
            let found = Found { due, until: Some(request.until), text: &text, anchor, about, more };
            if situation.items.is_empty() {
                builder.whole(found, &[], Some(&request.event));
            } else {
                builder.per_item(found, situation.items.iter(), None, Some(&request.event));
            }
        }
        (When::Lapsed { idle }, Scene::Lapse(lapse)) if lapse.lasts(*idle) => {
            let (since, anchor) = (lapse.since.time, &lapse.anchor);
            let due = since.saturating_add(idle.0);
            let about = About::Lapse(Idle { since, idle: *idle });
            let text = || format!("lapsed|{anchor}|{since}");
            let until = Some(due.saturating_add(STANDS.0).saturating_add(1));
            let found = Found { due, until, text: &text, anchor, about, more: None };
            builder.whole(found, &[], Some(&lapse.event));
        }
        (When::SegmentEntered { segment }, Scene::Segment(course)) => {
            match course.stays(segment).last().filter(|stay| stay.left.is_none()) {
                Some(Stay { entry: Some(step), .. }) => {
                    let (due, anchor) = (step.time, &step.handle);
                    let until = Some(due.saturating_add(STANDS.0).saturating_add(1));
                    let text = || format!("segment|{anchor}|{due}");
                    let about = About::Segment(due);
                    let found = Found { due, until, text: &text, anchor, about, more: None };
                    builder.whole(found, &[], Some(&step.event));
                }
                Some(_) => builder.tell.lacks(|| Lack::EnteredLongAgo),
                None => {
                    let unmet = || Some(segment.unmet_of(&situation.customer));
                    builder.tell.lacks(|| Lack::Condition(None, unmet()));
                }
            }
        }
        (When::Nearby { within, .. }, Scene::Near(_, near)) => {
            builder.tell.lacks(|| Lack::OtherDistance(near.location.clone(), near.within, *within));
        }
        (When::Requested { .. }, Scene::Request(asked)) => {
            builder.tell.lacks(|| Lack::OtherRequest(asked.request.rule.clone()));
        }
        (When::Lapsed { idle }, Scene::Lapse(_)) => builder.tell.lacks(|| Lack::ShortPause(*idle)),
        (when, Scene::Interest) => builder.article(when),
        _ => {}
    }
}

fn has_stock(wanted: &Wanted, location: Option<&LocationId>) -> bool {
    let article = wanted.article.as_ref();
    article.and_then(|article| article.stock_at(location)).is_some_and(|stock| stock.quantity > 0)
}

/// An episode that a rule found.
struct Found<'a> {
    due: Time,
    until: Option<Time>,
    /// Names it. Called only where there is a candidate: most situations have none.
    text: &'a dyn Fn() -> String,
    anchor: &'a Handle,
    about: About,
    /// A handle that evidence came from besides the anchor and those of the articles.
    more: Option<&'a Handle>,
}

/// Makes candidates of one rule in one situation.
struct Builder<'a, L> {
    situation: &'a Shared<Situation>,
    place: Option<Cow<'a, Shared<Place>>>,
    in_force: &'a InForce,
    rule: &'a Rule,
    /// An event that is evidence of whatever is found, with its handle.
    also: Option<(&'a EventRef, &'a Handle)>,
    history: HistoryView,
    tell: &'a mut L,
}

impl<'a, L: Listener> Builder<'a, L> {
    /// Every idle period that came to its end, or will if nothing happens.
    fn idle(
        &mut self,
        life: &Life,
        activity: &[(Time, Handle)],
        idle: Duration,
        from_first_add: bool,
        name: impl Fn() -> String,
        about: impl Fn(Option<Idle>) -> About,
    ) {
        let anchor = &life.anchor;
        if from_first_add {
            let due = life.start.saturating_add(idle.0);
            let found = Found { due, until: None, text: &name, anchor, about: about(None), more: None };
            return self.per_item(found, self.situation.items.iter(), Some(CART), None);
        }
        for (index, (since, handle)) in activity.iter().enumerate() {
            let due = since.saturating_add(idle.0);
            if activity.get(index + 1).is_none_or(|(next, _)| *next > due) {
                let about = about(Some(Idle { since: *since, idle }));
                let text = || format!("{}|{since}", name());
                let found = Found { due, until: None, text: &text, anchor, about, more: Some(handle) };
                self.per_item(found, self.situation.items.iter(), Some(CART), None);
            }
        }
    }

    /// A visit with articles of interest, or without where the rule needs none.
    #[expect(clippy::too_many_arguments, reason = "the columns of the table of situations")]
    fn of_interest(
        &mut self,
        interest: Interests,
        (due, until): (Time, Option<Time>),
        text: &dyn Fn() -> String,
        anchor: &Handle,
        about: About,
        event: Option<&EventRef>,
        (counts, lack): (impl Fn(&Wanted) -> bool, Lack),
    ) {
        let items = self.situation.items.iter().filter(|wanted| wanted.life(interest).is_some());
        let (items, others): (Vec<_>, Vec<_>) = items.partition(|wanted| counts(wanted));
        let found = Found { due, until, text, anchor, about, more: None };
        if interest.none {
            self.whole(found, &items, event);
        } else if items.is_empty() && !others.is_empty() {
            self.tell.lacks(|| lack);
        } else {
            self.per_item(found, items.into_iter(), Some(interest), event);
        }
    }

    /// A change of stock or price of an article of interest.
    fn article(&mut self, when: &When) {
        let situation = self.situation;
        let Some(wanted) = situation.items.first() else { return };
        let (When::BackInStock { interest, .. }
        | When::RunningLow { interest, .. }
        | When::PriceDropped { interest, .. }) = when
        else {
            return;
        };
        let interest = *interest;
        let Some(life) = wanted.life(interest) else { return self.tell.lacks(|| Lack::NoInterest) };
        let Some(article) = &wanted.article else { return self.tell.lacks(|| Lack::Unknown) };
        let there = self.place().map(|place| place.location.clone());
        let (due, word, rest, about) = match when {
            When::BackInStock { location, .. } => {
                let stock = article.stock_at(there.as_ref()).filter(|stock| stock.quantity > 0);
                let Some(stock) = stock else { return self.tell.lacks(|| Lack::NotInStock) };
                let Some(returned) = stock.returned.filter(|r| *r >= life.start) else {
                    return self.tell.lacks(|| Lack::NoReturn);
                };
                let rest = format!("{}|{returned}", location.as_deref().unwrap_or("*"));
                let (start, due, returned) = (life.start, returned, Some(returned));
                let about = About::Stock { start, interest, location: there, returned, at_most: None };
                (due, "back", rest, about)
            }
            When::RunningLow { at_most, location, .. } => {
                let Some(stock) = article.stock_at(there.as_ref()).filter(|stock| stock.quantity >= 1) else {
                    return self.tell.lacks(|| Lack::NotInStock);
                };
                if stock.quantity > i64::from(*at_most) {
                    return self.tell.lacks(|| Lack::Enough(*at_most));
                }
                let rest = format!("{}|{}", location.as_deref().unwrap_or("*"), stock.returned.unwrap_or(0));
                let (start, returned, at_most) = (life.start, stock.returned, Some(*at_most));
                let about = About::Stock { start, interest, location: there, returned, at_most };
                (start, "low", rest, about)
            }
            When::PriceDropped { by_basis_points, .. } => {
                let Some(catalogue) = &article.catalogue else { return self.tell.lacks(|| Lack::Unknown) };
                let runs = price_drops(&catalogue.prices, life.start, *by_basis_points);
                let (Some(since), true) = runs else { return self.tell.lacks(|| Lack::PriceNotLow) };
                let (start, by_basis_points) = (life.start, *by_basis_points);
                let about = About::Price { start, interest, since, by_basis_points };
                (since, "price", since.to_string(), about)
            }
            _ => return,
        };
        let text = || format!("{word}|{}|{}|{}|{rest}", life.anchor, wanted.item, life.start);
        let found = Found { due, until: None, text: &text, anchor: &life.anchor, about, more: None };
        self.per_item(found, std::iter::once(wanted), Some(interest), None);
    }

    fn place(&self) -> Option<&Place> {
        self.place.as_ref().map(|place| &***place)
    }

    fn scored(&self, view: &View<'_>) -> Scored {
        self.rule.score(&View { history: self.history, ..*view })
    }

    /// A candidate about the articles that pass, if any does.
    fn per_item(
        &mut self,
        found: Found<'_>,
        items: impl Iterator<Item = &'a Shared<Wanted>>,
        interest: Option<Interests>,
        event: Option<&EventRef>,
    ) {
        let mut passed = Vec::new();
        let mut items = items.peekable();
        if items.peek().is_none() {
            self.tell.lacks(|| Lack::NoInterest);
        }
        for wanted in items {
            let scored = see(self.situation, self.place(), Some(wanted), found.due, |view| {
                self.rule.passes(view).then(|| self.scored(view))
            });
            if scored.is_none() {
                self.fails(Some(wanted), found.due);
            }
            passed.extend(scored.map(|scored| (scored, wanted)));
        }
        passed.sort_by(|(a, x), (b, y)| b.score.cmp(&a.score).then_with(|| x.item.cmp(&y.item)));
        let Some((best, _)) = passed.first() else { return };
        let (score, terms) = (best.score, best.terms.clone());
        let lives = passed.iter().filter_map(|(_, wanted)| wanted.life(interest?));
        let lives: Vec<&Life> = lives.collect();
        let items = passed.iter().map(|(_, wanted)| wanted.item.clone()).collect();
        self.finish(found, score, terms, items, &lives, event);
    }

    /// A candidate about the situation as a whole.
    fn whole(&mut self, found: Found<'_>, items: &[&Shared<Wanted>], event: Option<&EventRef>) {
        let scored = see(self.situation, self.place(), None, found.due, |view| {
            self.rule.passes(view).then(|| self.scored(view))
        });
        let Some(scored) = scored else { return self.fails(None, found.due) };
        let items = items.iter().map(|wanted| wanted.item.clone()).collect();
        self.finish(found, scored.score, scored.terms, items, &[], event);
    }

    /// Tells what of the condition does not hold.
    fn fails(&mut self, wanted: Option<&Wanted>, due: Time) {
        let (situation, rule) = (self.situation, self.rule);
        let place = self.place.as_ref().map(|place| &***place);
        self.tell.lacks(|| {
            let unmet = see(situation, place, wanted, due, |view| rule.unmet(view));
            Lack::Condition(wanted.map(|wanted| wanted.item.clone()), unmet)
        });
    }

    fn finish(
        &mut self,
        found: Found<'_>,
        score: u8,
        terms: Vec<(Text, i64)>,
        items: Vec<ItemId>,
        lives: &[&Life],
        event: Option<&EventRef>,
    ) {
        let due = found.due;
        let until = found.until;
        if until.is_some_and(|until| until <= due) {
            return self.tell.lacks(|| Lack::NoTime);
        }
        let Builder { situation, in_force, also, .. } = *self;
        let place = self.place.as_deref();
        self.tell.found(Draft { score, terms, items, found, lives, event, also, situation, place, in_force });
    }
}

/// A candidate that is not put together yet.
pub(crate) struct Draft<'a> {
    score: u8,
    terms: Vec<(Text, i64)>,
    items: Vec<ItemId>,
    found: Found<'a>,
    /// The lives of the articles that passed.
    lives: &'a [&'a Life],
    event: Option<&'a EventRef>,
    also: Option<(&'a EventRef, &'a Handle)>,
    situation: &'a Shared<Situation>,
    place: Option<&'a Shared<Place>>,
    in_force: &'a InForce,
}

impl Draft<'_> {
    /// What may come out otherwise in the same situation under a rule with the same proposal.
    pub(crate) fn outline(self) -> (Time, u8, Vec<(Text, i64)>, Vec<ItemId>) {
        (self.found.due, self.score, self.terms, self.items)
    }

    /// The candidate.
    pub(crate) fn candidate(self) -> Candidate {
        let Draft { score, terms, items, found, lives, event, also, situation, place, in_force } = self;
        let mut handles: Vec<Handle> = lives.iter().map(|life| life.anchor.clone()).collect();
        handles.push(found.anchor.clone());
        handles.extend(found.more.cloned());
        handles.sort_unstable();
        handles.dedup();
        let evidence =
            |event: &EventRef, handle: &Handle| Evidence { event: event.clone(), handle: handle.clone() };
        let began = lives.iter().map(|life| evidence(&life.event, &life.anchor));
        let mut events: Vec<Evidence> = began
            .chain(event.map(|event| evidence(event, found.anchor)))
            .chain(also.map(|(event, handle)| evidence(event, handle)))
            .collect();
        events.sort_unstable();
        events.dedup();
        let text = Text::from((found.text)());
        let brand = situation.customer.person.brand();
        Candidate {
            offer_id: offer_id(&brand, &in_force.proposal.id, &text),
            score,
            rule: in_force.proposal.clone(),
            episode: Episode { anchor: found.anchor.clone(), text, handles, about: found.about },
            due: found.due,
            until: found.until,
            terms,
            items,
            events,
            situation: situation.clone(),
            place: place.cloned(),
        }
    }
}

/// How long after it came true somebody's silence, or being in a segment, is a reason: then it is old news.
const STANDS: Duration = Duration::from_secs(30 * 86_400);

/// Cart lines are of interest because they are in the cart.
const CART: Interests = Interests { cart: true, wishlist: false, viewed: false, none: false };

/// Articles that were browsed are of interest because they were viewed.
const VIEWED: Interests = Interests { cart: false, wishlist: false, viewed: true, none: false };

/// When the last run of prices began that are lower by that much than the one in force at `start` (or
/// the first known after), and whether it goes on.
pub(crate) fn price_drops(
    prices: &[(Time, Money)],
    start: Time,
    by_basis_points: u32,
) -> (Option<Time>, bool) {
    let in_force = prices.partition_point(|(since, _)| *since <= start).saturating_sub(1);
    let Some((_, base)) = prices.get(in_force) else { return (None, false) };
    let keep = 10_000i128 - i128::from(by_basis_points.min(10_000));
    let (mut began, mut low) = (None, false);
    for (time, price) in prices.iter().skip(in_force) {
        let was_low = std::mem::replace(&mut low, i128::from(price.0) * 10_000 <= i128::from(base.0) * keep);
        if low && !was_low {
            began = Some(*time);
        }
    }
    (began, low)
}
