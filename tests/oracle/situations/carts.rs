//! Carts left behind, articles looked at, receipts.

use super::super::event::{Act, Event, Time};
use super::super::rules::Kinds;
use super::super::world::Person;
use super::{Basis, Item, Situation, item, listed, situation};

/// Activities after which nothing happened for `idle`.
fn idle_since(activities: &[(Time, String)], idle: Time) -> Vec<&(Time, String)> {
    let broken = |a: Time| activities.iter().any(|(later, _)| *later > a && *later <= a + idle);
    activities.iter().filter(|(a, _)| !broken(*a)).collect()
}

pub(super) fn lines_abandoned(person: &Person<'_>, idle: Time, first_add: bool) -> Vec<Situation> {
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

pub(super) fn cart_abandoned(person: &Person<'_>, idle: Time, first_add: bool) -> Vec<Situation> {
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

/// What was done with an item, as far as browsing goes.
#[derive(Clone, Copy, PartialEq)]
enum Browsing {
    Viewed,
    Added,
    Bought,
}

pub(super) fn browse_abandoned(
    person: &Person<'_>,
    idle: Time,
    min_views: usize,
    within: Time,
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
        // All that was done with the item, views in the cart left out.
        let mut done: Vec<(&Event, Browsing)> = Vec::new();
        for event in &person.lately {
            let Some(what) = lists(event, &life.item) else { continue };
            let in_cart = person.interests.in_cart(&life.item, event.order());
            if what != Browsing::Viewed || !in_cart {
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

pub(super) fn purchased(person: &Person<'_>, within: Time) -> Vec<Situation> {
    let mut found = Vec::new();
    for event in &person.lately {
        let Act::Purchase { transaction, items, location, .. } = &event.act else { continue };
        let episode = format!("purchase|{}|{transaction}|{}", event.handle, event.time);
        let mut purchased = situation(episode, &event.handle, event.time, listed(items, event), Basis::Done);
        purchased.until = Some(event.time + within);
        purchased.place = location.clone();
        found.push(purchased);
    }
    found
}
