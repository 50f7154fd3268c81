//! What is derived of a person alone: interests, the cart, visits, attributes.
//!
//! Invariant: a function of the person's facts in order of (time, arrival), over all handles; see
//! docs/semantics.md. Cost: the facts of a person are read again whenever one of them changes; the
//! fold keeps them few.

mod said;

use self::said::Said;
use crate::by_key::by_key;
use crate::courses::course;
use crate::demand::Demand;
use crate::fold::end_of;
use crate::lapses::lapses;
use crate::presence::shop_visits;
use crate::rows::{
    Asked, Browse, BrowseStep, CartLife, Derived, End, Interest, Kind, Life, SceneKind, Taste,
};
use differential_dataflow::VecCollection;
use shopbell_model::facts::{
    Attribute, Bought, CartChange, CartMove, Decision, Detail, Moment, Nearest, Noticed, PersonFact,
    SignKind, Subject, Viewed, Wish,
};
use shopbell_model::key::{EventRef, Handle, ItemId, Person, Text};
use shopbell_model::policy::Policy;
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use shopbell_model::view::{CustomerView, Whereabouts};
use std::collections::{BTreeMap, BTreeSet};

/// What besides facts decides what follows from them.
#[derive(Clone, Debug)]
pub struct Ways {
    /// A shop visit ends after so long without a sign.
    pub leave_after: Duration,
    /// How long signs are kept.
    pub visits: Duration,
    /// What is asked for.
    pub demand: Demand,
    /// Who is in the hold-out group.
    pub policy: Policy,
}

/// Derives what follows from each person's own facts.
pub fn interests<'scope>(
    facts: VecCollection<'scope, Time, (Person, (Handle, PersonFact))>,
    ways: Ways,
) -> VecCollection<'scope, Time, (Person, Derived)> {
    let facts = facts.filter(|(_, (_, fact))| concerns_situations(fact));
    by_key(facts, "Interests", move |person, facts, derived| {
        let facts: Vec<(&Handle, &PersonFact)> =
            facts.iter().map(|((handle, fact), _)| (handle, fact)).collect();
        derive(person, &facts, &ways, &mut |row| derived.push(row));
    })
}

/// Facts that situations follow from; the rest is for decisions.
fn concerns_situations(fact: &PersonFact) -> bool {
    match fact {
        PersonFact::Cart(_)
        | PersonFact::Wish(_)
        | PersonFact::View(_)
        | PersonFact::Bought(_)
        | PersonFact::Sign(_)
        | PersonFact::Zone(_)
        | PersonFact::Totals(_)
        | PersonFact::Noticed(_)
        | PersonFact::Near(_)
        | PersonFact::Nearest(_)
        | PersonFact::Request(_)
        | PersonFact::Decision(_)
        | PersonFact::Active(_)
        | PersonFact::Past(_)
        | PersonFact::Attribute(_) => true,
        PersonFact::Consent(_)
        | PersonFact::Outcome(..)
        | PersonFact::Sent(_)
        | PersonFact::Withdrawn(..)
        | PersonFact::Suppressed(..)
        | PersonFact::Primed(_)
        | PersonFact::MadeBefore(_)
        | PersonFact::Holds(_)
        | PersonFact::TakenBack(_)
        | PersonFact::LetGo(..)
        | PersonFact::Forgotten(_) => false,
    }
}

/// Everything that follows from one person's facts, with what has to be known of the world for it.
pub fn derive(
    person: &Person,
    facts: &[(&Handle, &PersonFact)],
    ways: &Ways,
    give: &mut impl FnMut(Derived),
) {
    let mut about = BTreeSet::new();
    derive_own(person, facts, ways, &mut |derived| {
        ask(&derived, &ways.demand, &mut about);
        give(derived);
    });
    about.into_iter().for_each(|subject| give(Derived::About(subject)));
}

/// Notes which articles and places a row is about.
fn ask(derived: &Derived, demand: &Demand, about: &mut BTreeSet<Subject>) {
    match derived {
        Derived::Interest(interest) if interest.end.is_none() => {
            about.insert(Subject::Item(interest.item.clone()));
        }
        Derived::Tastes(tastes) => about.extend(tastes.iter().map(|taste| Subject::Item(taste.item.clone()))),
        Derived::Zone(_, visit) if visit.last.is_none() && demand.scene(SceneKind::Zone) => {
            about.insert(Subject::Location(visit.zone.location.clone()));
        }
        Derived::Shop(visit) if demand.scene(SceneKind::Visit) => {
            about.insert(Subject::Location(visit.location.clone()));
        }
        Derived::CheckIn(_, sign, _) if demand.scene(SceneKind::CheckIn) => {
            about.insert(Subject::Location(sign.location.clone()));
        }
        Derived::Near(_, near) if near.last.is_none() => {
            about.insert(Subject::Location(near.location.clone()));
        }
        Derived::Request(asked) => {
            about.extend(asked.request.items.iter().map(|(item, _, _)| Subject::Item(item.clone())));
            about.insert(Subject::Location(asked.request.location.clone()));
        }
        Derived::Bought(_, bought) if demand.scene(SceneKind::Purchase) => {
            about.extend(bought.items.iter().map(|(item, _, _)| Subject::Item(item.clone())));
            about.extend(bought.location.iter().cloned().map(Subject::Location));
        }
        _ => {}
    }
}

fn derive_own(
    person: &Person,
    facts: &[(&Handle, &PersonFact)],
    ways: &Ways,
    give: &mut impl FnMut(Derived),
) {
    let Ways { leave_after, visits, demand, policy } = ways;
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut signs = Vec::new();
    let mut zones = Vec::new();
    let mut active = Vec::new();
    let mut customer = CustomerView::of(person.clone());
    let of_nobody = customer.clone();
    customer.hold_out = demand.hold_out() && policy.holds_out(person);
    let mut noticed = BTreeSet::new();
    let mut nearest: Option<&Nearest> = None;
    let mut requests = Vec::new();
    let mut decisions: BTreeMap<&Text, (&Handle, &Shared<Decision>)> = BTreeMap::new();
    let mut attributes: BTreeMap<&Text, &Attribute> = BTreeMap::new();
    for &(handle, fact) in facts {
        match fact {
            PersonFact::Cart(fact) => steps.push(Step { at: fact.at, handle, act: Act::Cart(fact) }),
            PersonFact::Wish(fact) => steps.push(Step { at: fact.at, handle, act: Act::Wish(fact) }),
            PersonFact::View(fact) => steps.push(Step { at: fact.at, handle, act: Act::View(fact) }),
            PersonFact::Bought(fact) => {
                steps.push(Step { at: fact.at, handle, act: Act::Bought(fact) });
                give(Derived::Bought(handle.clone(), fact.clone()));
            }
            PersonFact::Sign(fact) => {
                if fact.kind == SignKind::CheckIn {
                    let until = end_of(fact.at.time, *visits);
                    give(Derived::CheckIn(handle.clone(), fact.clone(), until));
                }
                signs.push((handle, &**fact));
            }
            PersonFact::Zone(fact) => {
                if demand.scene(SceneKind::Zone) {
                    give(Derived::Zone(handle.clone(), fact.clone()));
                }
                zones.push((handle, &**fact));
            }
            PersonFact::Totals(fact) => customer.totals.add(fact),
            PersonFact::Noticed(Noticed { day, location }) => {
                let place = match location {
                    Some(location) => Whereabouts::Shop(location.clone()),
                    None => Whereabouts::Channel(Text::from(handle.kind())),
                };
                noticed.insert((place, *day));
            }
            PersonFact::Nearest(fact) => {
                let latest = nearest.filter(|known: &&Nearest| known.since > fact.since);
                nearest = latest.or(Some(fact));
            }
            PersonFact::Near(fact) => give(Derived::Near(handle.clone(), fact.clone())),
            PersonFact::Request(fact) => requests.push((handle, fact)),
            PersonFact::Decision(fact) => {
                let known = decisions.entry(&fact.request).or_insert((handle, fact));
                if known.1.at < fact.at {
                    *known = (handle, fact);
                }
            }
            PersonFact::Active(fact) => active.push((handle, &**fact)),
            PersonFact::Attribute(fact) => {
                let known = attributes.entry(&fact.name).or_insert(fact);
                if known.at < fact.at {
                    *known = fact;
                }
            }
            _ => {}
        }
    }
    customer.nearest_location = nearest.map(|nearest| nearest.location.clone());
    customer.noticed = noticed.into_iter().collect();
    customer.attributes = attributes
        .into_iter()
        .filter_map(|(name, fact)| fact.value.clone().map(|value| (name.clone(), value)))
        .collect();
    if customer != of_nobody {
        give(Derived::Customer(Shared::new(customer)));
    }
    for visit in shop_visits(&signs, &zones, (*leave_after, *visits)) {
        give(Derived::Shop(Shared::new(visit)));
    }
    for (handle, request) in requests {
        let decision = decisions.get(&request.request);
        let decision = decision.map(|(handle, decision)| ((*handle).clone(), (*decision).clone()));
        let asked = Asked { handle: handle.clone(), request: request.clone(), decision };
        give(Derived::Request(Shared::new(asked)));
    }
    lapses(&active).into_iter().for_each(|lapse| give(Derived::Lapse(Shared::new(lapse))));
    let course = if demand.scene(SceneKind::Segment) { course(person, facts) } else { None };
    course.into_iter().for_each(|course| give(Derived::Course(Shared::new(course))));
    steps.sort_by_key(|step| step.at);
    let (browsing, tasting) = (demand.scene(SceneKind::Browse), demand.favourite());
    Wants { browsing, tasting, ..Wants::default() }.run(&steps, give);
}

struct Step<'a> {
    at: Moment,
    handle: &'a Handle,
    act: Act<'a>,
}

enum Act<'a> {
    Cart(&'a CartMove),
    Wish(&'a Wish),
    View(&'a Viewed),
    Bought(&'a Bought),
}

const KINDS: [Kind; 3] = [Kind::Cart, Kind::Wishlist, Kind::Viewed];

/// Interests as they stand while a person's facts are gone through in order.
#[derive(Default)]
struct Wants {
    open: BTreeMap<(ItemId, Kind), Interest>,
    /// What the events of those said of their articles, where they said anything.
    details: BTreeMap<(ItemId, Kind), Said>,
    ended: Vec<Interest>,
    cart: Option<CartLife>,
    lines: usize,
    ended_carts: Vec<CartLife>,
    /// Whether anybody asks how articles were looked at.
    browsing: bool,
    browsed: BTreeMap<ItemId, Vec<BrowseStep>>,
    /// Whether anybody asks for categories of articles.
    tasting: bool,
    bought: BTreeSet<ItemId>,
    /// What any event said of an article.
    said: BTreeMap<ItemId, Said>,
}

impl Wants {
    fn run(mut self, steps: &[Step<'_>], give: &mut impl FnMut(Derived)) {
        for step in steps {
            let Step { at, handle, act } = step;
            if self.tasting {
                self.taste(*at, act);
            }
            match act {
                Act::Cart(moved) => {
                    self.cart(at.time, handle, moved);
                    moved.item.iter().for_each(|item| self.note(Kind::Cart, *at, item, &moved.detail));
                }
                Act::Wish(wish) if wish.wanted => {
                    self.begin(Kind::Wishlist, at.time, handle, &wish.item, &wish.event);
                    self.note(Kind::Wishlist, *at, &wish.item, &wish.detail);
                }
                Act::Wish(wish) => self.end(Kind::Wishlist, at.time, handle, &wish.item, End::Removed),
                Act::View(view) => {
                    self.browse(at.time, handle, &view.item, Some(&view.event));
                    self.begin(Kind::Viewed, at.time, handle, &view.item, &view.event);
                    self.note(Kind::Viewed, *at, &view.item, &view.detail);
                }
                Act::Bought(bought) => {
                    for (item, _, _) in &bought.items {
                        self.browsed.remove(item);
                        for kind in KINDS {
                            self.end(kind, at.time, handle, item, End::Bought);
                        }
                    }
                }
            }
        }
        for (item, steps) in self.browsed {
            if steps.iter().any(|step| step.viewed.is_some()) {
                give(Derived::Browse(Shared::new(Browse { item, steps })));
            }
        }
        if self.tasting {
            let items = self.open.keys().map(|(item, _)| item.clone());
            let items: BTreeSet<ItemId> = items.chain(self.bought).collect();
            let said = |item: &ItemId| self.said.get(item).and_then(Said::category).cloned();
            let tastes: Vec<_> = items.into_iter().map(|item| Taste { said: said(&item), item }).collect();
            if !tastes.is_empty() {
                give(Derived::Tastes(Shared::new(tastes)));
            }
        }
        for (key, said) in self.details {
            if let Some(interest) = self.open.get_mut(&key) {
                interest.detail = said.detail();
            }
        }
        let interests = self.open.into_values().chain(self.ended);
        interests.for_each(|interest| give(Derived::Interest(Shared::new(interest))));
        let carts = self.cart.into_iter().chain(self.ended_carts);
        carts.for_each(|cart| give(Derived::Cart(Shared::new(cart))));
    }

    /// Notes what was bought, and of which category an event says that articles are.
    fn taste(&mut self, at: Moment, act: &Act<'_>) {
        let mut say = |item: &ItemId, detail: &Detail| {
            if detail.category.is_some() {
                self.said.entry(item.clone()).or_default().note(at, detail);
            }
        };
        match act {
            Act::Cart(moved) => moved.item.iter().for_each(|item| say(item, &moved.detail)),
            Act::Wish(wish) => say(&wish.item, &wish.detail),
            Act::View(view) => say(&view.item, &view.detail),
            Act::Bought(bought) => {
                for (item, _, detail) in &bought.items {
                    say(item, detail);
                    self.bought.insert(item.clone());
                }
            }
        }
    }

    fn cart(&mut self, now: Time, handle: &Handle, moved: &CartMove) {
        let Some(item) = &moved.item else {
            let lines = self.open.iter_mut().filter(|((_, kind), _)| *kind == Kind::Cart);
            lines.for_each(|(_, line)| note(&mut line.activity, now, handle));
            return self.cart_activity(now, handle);
        };
        match moved.change {
            CartChange::Add(quantity) => {
                self.browse(now, handle, item, None);
                let key = (item.clone(), Kind::Cart);
                if let Some(line) = self.open.get_mut(&key) {
                    line.quantity = line.quantity.saturating_add(quantity);
                    note(&mut line.activity, now, handle);
                } else {
                    self.begin(Kind::Cart, now, handle, item, &moved.event);
                    if let Some(line) = self.open.get_mut(&key) {
                        line.quantity = quantity;
                        line.activity.push((now, handle.clone()));
                        let life = line.life.clone();
                        self.lines += 1;
                        if self.lines == 1 {
                            self.cart = Some(CartLife { life, end: None, activity: vec![] });
                        }
                    }
                }
                self.cart_activity(now, handle);
            }
            CartChange::Take(quantity) => {
                let Some(line) = self.open.get_mut(&(item.clone(), Kind::Cart)) else { return };
                if line.quantity <= quantity {
                    return self.end(Kind::Cart, now, handle, item, End::Removed);
                }
                line.quantity -= quantity;
                note(&mut line.activity, now, handle);
                self.cart_activity(now, handle);
            }
            CartChange::Remove => self.end(Kind::Cart, now, handle, item, End::Removed),
            CartChange::Checkout => {
                let Some(line) = self.open.get_mut(&(item.clone(), Kind::Cart)) else { return };
                note(&mut line.activity, now, handle);
                self.cart_activity(now, handle);
            }
        }
    }

    /// Notes a view of what is not in the cart, or that it was put there.
    fn browse(&mut self, now: Time, handle: &Handle, item: &ItemId, viewed: Option<&EventRef>) {
        let in_cart = || self.open.contains_key(&(item.clone(), Kind::Cart));
        if !self.browsing || (viewed.is_some() && in_cart()) {
            return;
        }
        let steps = self.browsed.entry(item.clone()).or_default();
        // An event views an article once, whatever else it says of it.
        let known = |step: &BrowseStep| step.viewed.is_some() && step.viewed.as_ref() == viewed;
        if !steps.iter().rev().take_while(|step| step.time == now).any(known) {
            steps.push(BrowseStep { time: now, handle: handle.clone(), viewed: viewed.cloned() });
        }
    }

    fn cart_activity(&mut self, now: Time, handle: &Handle) {
        if let Some(cart) = &mut self.cart {
            note(&mut cart.activity, now, handle);
        }
    }

    /// Notes what an event of an open interest said of the article.
    fn note(&mut self, kind: Kind, at: Moment, item: &ItemId, detail: &Detail) {
        let key = (item.clone(), kind);
        if *detail != Detail::default() && self.open.contains_key(&key) {
            self.details.entry(key).or_default().note(at, detail);
        }
    }

    fn begin(&mut self, kind: Kind, now: Time, handle: &Handle, item: &ItemId, event: &EventRef) {
        self.open.entry((item.clone(), kind)).or_insert_with(|| Interest {
            item: item.clone(),
            life: Life { start: now, anchor: handle.clone(), kind, event: event.clone() },
            end: None,
            quantity: 1,
            detail: Detail::default(),
            activity: Vec::new(),
        });
    }

    fn end(&mut self, kind: Kind, now: Time, handle: &Handle, item: &ItemId, end: End) {
        let key = (item.clone(), kind);
        let Some(mut interest) = self.open.remove(&key) else { return };
        self.details.remove(&key);
        interest.end = Some((now, end));
        interest.activity = Vec::new();
        if kind == Kind::Cart {
            self.lines -= 1;
            if self.lines > 0 {
                self.cart_activity(now, handle);
            } else if let Some(cart) = self.cart.take() {
                self.ended_carts.push(CartLife { end: Some(end), activity: Vec::new(), ..cart });
            }
        }
        self.ended.push(interest);
    }
}

/// Notes an activity once a moment.
fn note(activity: &mut Vec<(Time, Handle)>, now: Time, handle: &Handle) {
    if activity.last().is_none_or(|(last, _)| *last != now) {
        activity.push((now, handle.clone()));
    }
}

#[cfg(test)]
mod tests;
