//! Which situations stand for a person: one function each, read off the table in `docs/semantics.md`.
//!
//! A situation is listed whether or not it is due yet; conditions of rules come later.

use super::config::Config;
use super::event::{Act, Event, Line, Time};
use super::interest::Interest;
use super::nearby::{Stay, stays};
use super::rules::{Condition, Kinds, When};
use super::stock::{current_return, drops};
use super::world::{Brand, Person};
use std::collections::{BTreeMap, BTreeSet};

/// A situation that stands, before any rule's condition.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) episode: String,
    /// Source and id of the event that tells it from others of the same episode.
    pub(crate) evidence: (String, String),
    pub(crate) anchor: String,
    pub(crate) due: Time,
    /// Last moment at which it stands, where time alone ends it.
    pub(crate) until: Option<Time>,
    pub(crate) items: Vec<Item>,
    /// Handles that the evidence came from, those of the items apart.
    pub(crate) handles: BTreeSet<String>,
    pub(crate) basis: Basis,
    pub(crate) place: Option<String>,
    /// `visit.dwell`.
    pub(crate) dwell: Option<Time>,
    /// Whether at least one item must pass, and expressions may use `item`.
    pub(crate) about_items: bool,
}

/// An article of a situation.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// Pieces bought or asked for, where an event lists it.
    pub(crate) quantity: Option<i64>,
    /// The handle its interest came from.
    pub(crate) handle: String,
}

/// What a situation rests on: enough to say later why it is gone.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    Line {
        anchor: String,
        start: Time,
    },
    Cart {
        anchor: String,
        start: Time,
    },
    Browse {
        a: Time,
    },
    Zone {
        handle: String,
        location: String,
        zone: String,
        start: Time,
        interest: Kinds,
        in_stock: bool,
    },
    Left {
        window: (Time, Time),
        interest: Kinds,
    },
    Stock {
        anchor: String,
        start: Time,
        interest: Kinds,
        since: Option<Time>,
    },
    Price {
        anchor: String,
        start: Time,
        interest: Kinds,
        since: Time,
        basis_points: i64,
    },
    Near {
        handle: String,
        location: String,
        start: Time,
        within: u64,
    },
    /// A request that needs approval, by its id.
    Request {
        id: String,
    },
    /// A condition over the person that came true.
    Segment {
        anchor: String,
        time: Time,
        segment: Condition,
    },
    /// A check-in or a purchase: it has happened.
    Done,
}

/// All situations of that kind that stand for the person.
pub(crate) fn situations(
    rule: &str,
    when: &When,
    person: &Person<'_>,
    brand: &Brand<'_>,
    config: &Config,
    clock: Time,
) -> Vec<Situation> {
    match when {
        When::CartAbandoned { idle, per_item: true, first_add } => lines_abandoned(person, *idle, *first_add),
        When::CartAbandoned { idle, per_item: false, first_add } => cart_abandoned(person, *idle, *first_add),
        When::BrowseAbandoned { idle, min_views, within } => {
            browse_abandoned(person, config, *idle, *min_views, *within, clock)
        }
        When::ZoneEntered { dwell, interest, in_stock, zones } => {
            zone_entered(person, brand, *dwell, interest, *in_stock, zones)
        }
        When::StoreLeft { min_dwell, after, interest } => {
            store_left(person, config, *min_dwell, *after, interest)
        }
        When::CheckedIn => checked_in(person, config, clock),
        When::BackInStock { interest, location } => back_in_stock(person, brand, interest, *location),
        When::RunningLow { interest, at_most, location } => {
            running_low(person, brand, interest, *at_most, *location)
        }
        When::PriceDropped { interest, by_percent } => {
            price_dropped(person, brand, interest, *by_percent * 100)
        }
        When::Purchased { within } => purchased(person, *within),
        When::Nearby { within, location } => nearby(person, brand, config, *within, *location, clock),
        When::Requested { approval } => requested(person, config, *approval, rule, clock),
        When::SegmentEntered { segment } => segment_entered(person, config, *segment, clock),
        When::Lapsed { idle } => lapsed(person, config, *idle, clock),
    }
}

fn situation(episode: String, anchor: &str, due: Time, items: Vec<Item>, basis: Basis) -> Situation {
    let handles = BTreeSet::from([anchor.to_owned()]);
    let anchor = anchor.to_owned();
    Situation {
        episode,
        evidence: Default::default(),
        anchor,
        due,
        until: None,
        items,
        handles,
        basis,
        place: None,
        dwell: None,
        about_items: true,
    }
}

fn item(life: &Interest) -> Item {
    Item { id: life.item.clone(), quantity: None, handle: life.anchor.clone() }
}

/// The articles that an event lists, each once with all its pieces.
fn listed(lines: &[Line], handle: &str) -> Vec<Item> {
    let mut pieces: BTreeMap<&String, i64> = BTreeMap::new();
    lines.iter().for_each(|(item, quantity)| *pieces.entry(item).or_default() += quantity.unwrap_or(1));
    let item = |(id, pieces): (&String, i64)| Item {
        id: id.clone(),
        quantity: Some(pieces),
        handle: handle.to_owned(),
    };
    pieces.into_iter().map(item).collect()
}

/// Activities after which nothing happened for `idle`.
fn idle_since(activities: &[(Time, String)], idle: Time) -> Vec<&(Time, String)> {
    let broken = |a: Time| activities.iter().any(|(later, _)| *later > a && *later <= a + idle);
    activities.iter().filter(|(a, _)| !broken(*a)).collect()
}

fn lines_abandoned(person: &Person<'_>, idle: Time, first_add: bool) -> Vec<Situation> {
    let mut found = Vec::new();
    for line in person.interests.lines() {
        let (anchor, start) = (&line.anchor, line.start);
        let episode = format!("line|{anchor}|{}|{start}", line.item);
        let basis = || Basis::Line { anchor: anchor.clone(), start };
        if first_add {
            found.push(situation(episode, anchor, start + idle, vec![item(line)], basis()));
            continue;
        }
        for (a, by) in idle_since(&line.activities, idle) {
            let mut idle = situation(format!("{episode}|{a}"), anchor, a + idle, vec![item(line)], basis());
            idle.handles.insert(by.clone());
            found.push(idle);
        }
    }
    found
}

fn cart_abandoned(person: &Person<'_>, idle: Time, first_add: bool) -> Vec<Situation> {
    let mut found = Vec::new();
    for cart in person.interests.carts.iter().filter(|cart| cart.ended.is_none()) {
        let (anchor, start) = (&cart.anchor, cart.start);
        let items: Vec<Item> = person.interests.lines().into_iter().map(item).collect();
        let episode = format!("cart|{anchor}|{start}");
        let basis = || Basis::Cart { anchor: anchor.clone(), start };
        if first_add {
            found.push(situation(episode, anchor, start + idle, items, basis()));
            continue;
        }
        for (a, by) in idle_since(&cart.activities, idle) {
            let mut idle = situation(format!("{episode}|{a}"), anchor, a + idle, items.clone(), basis());
            idle.handles.insert(by.clone());
            found.push(idle);
        }
    }
    found
}

fn zone_entered(
    person: &Person<'_>,
    brand: &Brand<'_>,
    dwell: Time,
    interest: &Kinds,
    in_stock: bool,
    zones: &[&str],
) -> Vec<Situation> {
    let mut found = Vec::new();
    let of_person = |handle: &String| person.handles.contains(handle);
    for visit in brand.zone_visits.iter().filter(|visit| visit.ended.is_none() && of_person(&visit.handle)) {
        let (location, zone, start) = (&visit.location, &visit.zone, visit.first.0);
        if !zones.is_empty() && !zones.iter().any(|z| z == zone || *z == format!("{location}/{zone}")) {
            continue;
        }
        let shelf =
            brand.catalogue.shelves.get(&(location.clone(), zone.clone())).cloned().unwrap_or_default();
        let there = |id: &String| !in_stock || brand.catalogue.pieces(Some(location), id) > 0;
        let lives = person.interests.lives(interest);
        let items: Vec<Item> = lives
            .into_iter()
            .filter(|life| shelf.contains(&life.item) && there(&life.item))
            .map(item)
            .collect();
        if items.is_empty() && !interest.none() {
            continue;
        }
        let basis = Basis::Zone {
            handle: visit.handle.clone(),
            location: location.clone(),
            zone: zone.clone(),
            start,
            interest: interest.clone(),
            in_stock,
        };
        let episode = format!("zone|{}|{location}|{zone}|{start}", visit.handle);
        let mut entered = situation(episode, &visit.handle, start + dwell, items, basis);
        entered.place = Some(location.clone());
        entered.dwell = Some(dwell);
        entered.about_items = !interest.none();
        found.push(entered);
    }
    found
}

fn store_left(
    person: &Person<'_>,
    config: &Config,
    min_dwell: Time,
    after: Time,
    interest: &Kinds,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for visit in &person.shop_visits {
        let Some((_, dwell)) = visit.ended else { continue };
        let end = visit.end_at_the_latest(&config.presence);
        let window = (visit.start, end + after);
        let bought = person.purchases().any(|time| window.0 <= time && time <= window.1);
        let lives = person.interests.lives(interest);
        let items: Vec<Item> = lives.into_iter().filter(|life| life.start <= window.1).map(item).collect();
        if dwell < min_dwell || bought || (items.is_empty() && !interest.none()) {
            continue;
        }
        let episode = format!("left|{}|{}|{}", visit.anchor, visit.location, visit.start);
        let basis = Basis::Left { window, interest: interest.clone() };
        let mut left = situation(episode, &visit.anchor, window.1, items, basis);
        left.place = Some(visit.location.clone());
        left.dwell = Some(dwell);
        left.about_items = !interest.none();
        found.push(left);
    }
    found
}

fn checked_in(person: &Person<'_>, config: &Config, clock: Time) -> Vec<Situation> {
    let mut found = Vec::new();
    for event in &person.events {
        let Act::CheckIn(location) = &event.act else { continue };
        if event.time + config.presence.visits_kept < clock {
            continue;
        }
        let episode = format!("check_in|{}|{location}|{}", event.handle, event.time);
        let mut checked_in = situation(episode, &event.handle, event.time, Vec::new(), Basis::Done);
        checked_in.place = Some(location.clone());
        checked_in.about_items = false;
        found.push(checked_in);
    }
    found
}

fn back_in_stock(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    location: Option<&'static str>,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        let timeline = brand.catalogue.timeline(location, &life.item);
        let Some(since) = current_return(&timeline).filter(|since| *since >= start) else { continue };
        let episode = format!("back|{anchor}|{}|{start}|{}|{since}", life.item, location.unwrap_or("*"));
        let basis =
            Basis::Stock { anchor: anchor.clone(), start, interest: interest.clone(), since: Some(since) };
        let mut back = situation(episode, anchor, since, vec![item(life)], basis);
        back.place = location.map(str::to_owned);
        found.push(back);
    }
    found
}

fn running_low(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    at_most: i64,
    location: Option<&'static str>,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        if !(1..=at_most).contains(&brand.catalogue.pieces(location, &life.item)) {
            continue;
        }
        let since = current_return(&brand.catalogue.timeline(location, &life.item));
        let (place, number) = (location.unwrap_or("*"), since.unwrap_or(0));
        let episode = format!("low|{anchor}|{}|{start}|{place}|{number}", life.item);
        let basis = Basis::Stock { anchor: anchor.clone(), start, interest: interest.clone(), since };
        let mut low = situation(episode, anchor, start, vec![item(life)], basis);
        low.place = location.map(str::to_owned);
        found.push(low);
    }
    found
}

fn price_dropped(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    basis_points: i64,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        let Some(prices) = brand.catalogue.prices.get(&life.item) else { continue };
        if !super::stock::dropped_now(prices, start, basis_points) {
            continue;
        }
        let Some(since) = drops(prices, start, basis_points).pop() else { continue };
        let episode = format!("price|{anchor}|{}|{start}|{since}", life.item);
        let basis =
            Basis::Price { anchor: anchor.clone(), start, interest: interest.clone(), since, basis_points };
        found.push(situation(episode, anchor, since, vec![item(life)], basis));
    }
    found
}

fn purchased(person: &Person<'_>, within: Time) -> Vec<Situation> {
    let mut found = Vec::new();
    for event in &person.events {
        let Act::Purchase { transaction, items, location, .. } = &event.act else { continue };
        let episode = format!("purchase|{}|{transaction}|{}", event.handle, event.time);
        let mut purchased =
            situation(episode, &event.handle, event.time, listed(items, &event.handle), Basis::Done);
        purchased.until = Some(event.time + within);
        purchased.place = location.clone();
        found.push(purchased);
    }
    found
}

fn lapsed(person: &Person<'_>, config: &Config, idle: Time, clock: Time) -> Vec<Situation> {
    let counts = |event: &&&Event| event.own && event.time + config.activity_kept >= clock;
    let mut activities: Vec<&Event> = person.events.iter().filter(counts).copied().collect();
    activities.dedup_by_key(|event| event.time);
    let mut found = Vec::new();
    for (place, event) in activities.iter().enumerate() {
        let (anchor, a) = (&event.handle, event.time);
        if activities.get(place + 1).is_some_and(|later| later.time <= a + idle) {
            continue;
        }
        let episode = format!("lapsed|{anchor}|{a}");
        let mut lapsed = situation(episode, anchor, a + idle, Vec::new(), Basis::Done);
        lapsed.until = Some(a + idle + 30 * super::config::DAY);
        lapsed.about_items = false;
        found.push(lapsed);
    }
    found
}

/// Entries into a segment that are known, oldest first: the event, and whether the condition ceased to hold after it.
pub(crate) fn entries<'a>(
    person: &Person<'a>,
    config: &Config,
    (_, holds): Condition,
    clock: Time,
) -> Vec<(&'a Event, bool)> {
    let mut found: Vec<(&Event, bool)> = Vec::new();
    let mut held = false;
    for (event, after) in person.changes() {
        let now = holds(&after);
        let is_kept = event.time + config.segments_kept >= clock;
        match (held, now) {
            (false, true) if is_kept => found.push((event, false)),
            (true, false) => found.iter_mut().for_each(|(_, over)| *over = true),
            _ => {}
        }
        held = now;
    }
    found
}

fn segment_entered(person: &Person<'_>, config: &Config, segment: Condition, clock: Time) -> Vec<Situation> {
    let Some((event, false)) = entries(person, config, segment, clock).pop() else { return Vec::new() };
    let (anchor, time) = (&event.handle, event.time);
    let basis = Basis::Segment { anchor: anchor.clone(), time, segment };
    let mut entered = situation(format!("segment|{anchor}|{time}"), anchor, time, Vec::new(), basis);
    entered.until = Some(time + 30 * super::config::DAY);
    entered.about_items = false;
    vec![entered]
}

/// What was done with an item, as far as browsing goes.
#[derive(Clone, Copy, PartialEq)]
enum Browsing {
    Viewed,
    Added,
    Bought,
}

fn browse_abandoned(
    person: &Person<'_>,
    config: &Config,
    idle: Time,
    min_views: usize,
    within: Time,
    clock: Time,
) -> Vec<Situation> {
    let lists = |event: &Event, id: &str| -> Option<Browsing> {
        let (what, items) = match &event.act {
            Act::View(items) => (Browsing::Viewed, items),
            Act::Add(items) => (Browsing::Added, items),
            Act::Purchase { items, .. } => (Browsing::Bought, items),
            _ => return None,
        };
        items.iter().any(|(item, _)| item == id).then_some(what)
    };
    let mut found = Vec::new();
    for life in person.interests.lives(&Kinds(&["viewed"])) {
        // All that was done with the item, views in the cart and those too old left out.
        let mut done: Vec<(&Event, Browsing)> = Vec::new();
        for event in &person.events {
            let Some(what) = lists(event, &life.item) else { continue };
            let in_cart = person.interests.in_cart(&life.item, event.order());
            let counts = !in_cart && event.time + config.views_kept >= clock;
            if what != Browsing::Viewed || counts {
                done.push((event, what));
            }
        }
        for (place, (event, what)) in done.iter().enumerate() {
            let (anchor, a) = (&event.handle, event.time);
            let broken = done[place + 1..].iter().any(|(later, _)| later.time <= a + idle);
            let bought = done[place..].iter().any(|(_, what)| *what == Browsing::Bought);
            let last_break = done[..place].iter().rposition(|(_, what)| *what != Browsing::Viewed);
            let since = &done[last_break.map_or(0, |last| last + 1)..=place];
            let views = since.iter().filter(|(view, _)| view.time + within >= a).count();
            if *what != Browsing::Viewed || broken || bought || views < min_views {
                continue;
            }
            let episode = format!("browse|{anchor}|{}|{a}", life.item);
            found.push(situation(episode, anchor, a + idle, vec![item(life)], Basis::Browse { a }));
        }
    }
    found
}

/// The latest decision on that request that still counts.
pub(crate) fn decision<'a>(
    person: &Person<'a>,
    config: &Config,
    request: &str,
    clock: Time,
) -> Option<(&'a Event, bool)> {
    let counts = |event: &&Event| event.time + config.presence.visits_kept >= clock;
    let mut decisions = person.events.iter().copied().filter(counts).filter_map(|event| match &event.act {
        Act::Decision { id, approved } if id == request => Some((event, *approved)),
        _ => None,
    });
    decisions.next_back()
}

fn requested(
    person: &Person<'_>,
    config: &Config,
    approval: bool,
    rule: &str,
    clock: Time,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for event in &person.events {
        let Act::Request { id, location, rule: named, items } = &event.act else { continue };
        let decision = decision(person, config, id, clock).filter(|_| approval);
        if named != rule || (approval && !decision.is_some_and(|(_, approved)| approved)) {
            continue;
        }
        let due = decision.map_or(event.time, |(decision, _)| decision.time.max(event.time));
        let episode = format!("request|{}|{id}|{}", event.handle, event.time);
        let basis = if approval { Basis::Request { id: id.clone() } } else { Basis::Done };
        let mut requested = situation(episode, &event.handle, due, listed(items, &event.handle), basis);
        requested.evidence = event.reference.clone();
        requested.until = Some(event.time + config.presence.visits_kept);
        requested.place = Some(location.clone());
        requested.about_items = !requested.items.is_empty();
        requested.handles.extend(decision.map(|(decision, _)| decision.handle.clone()));
        found.push(requested);
    }
    found
}

fn nearby(
    person: &Person<'_>,
    brand: &Brand<'_>,
    config: &Config,
    within: u64,
    only: Option<&str>,
    clock: Time,
) -> Vec<Situation> {
    let mut found = Vec::new();
    if !brand.arrived.iter().any(|event| person.handles.contains(&event.handle)) {
        return found;
    }
    for stay in stays(&brand.arrived, within, &config.presence, clock) {
        let Stay { handle, location, start, .. } = stay.clone();
        let elsewhere = only.is_some_and(|only| only != location);
        if stay.ended.is_some() || elsewhere || !person.handles.contains(&handle) {
            continue;
        }
        let episode = format!("nearby|{handle}|{location}|{start}");
        let basis = Basis::Near { handle: handle.clone(), location: location.clone(), start, within };
        let mut near = situation(episode, &handle, start, Vec::new(), basis);
        near.place = Some(location);
        near.about_items = false;
        found.push(near);
    }
    found
}
