//! Who is where: zones, shops, check-ins, stays near a place.

use super::super::config::Config;
use super::super::event::{Act, Time};
use super::super::nearby::{Stay, stays};
use super::super::rules::Kinds;
use super::super::world::{Brand, Person};
use super::{Basis, Item, Situation, item, situation};

pub(super) fn zone_entered(
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

pub(super) fn store_left(
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
        let presence = &config.presence;
        left.until = Some(visit.since + presence.visits_kept.saturating_sub(presence.leave_after));
        left.place = Some(visit.location.clone());
        left.dwell = Some(dwell);
        left.about_items = !interest.none();
        found.push(left);
    }
    found
}

pub(super) fn checked_in(person: &Person<'_>, config: &Config, clock: Time) -> Vec<Situation> {
    let mut found = Vec::new();
    for event in &person.events {
        let Act::CheckIn(location) = &event.act else { continue };
        if event.time + config.presence.visits_kept < clock {
            continue;
        }
        let episode = format!("check_in|{}|{location}|{}", event.handle, event.time);
        let mut checked_in = situation(episode, &event.handle, event.time, Vec::new(), Basis::Done);
        checked_in.until = Some(event.time + config.presence.visits_kept);
        checked_in.place = Some(location.clone());
        checked_in.about_items = false;
        found.push(checked_in);
    }
    found
}

pub(super) fn nearby(
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
