//! Why an offer's reason is gone: the first of the reasons in `docs/semantics.md` that applies.

use super::config::Config;
use super::decide::Sent;
use super::event::{Act, Event, Time};
use super::interest::{End, Interest};
use super::rules::Kinds;
use super::situations::{Basis, decision, entries};
use super::stock::{current_return, dropped_now, drops};
use super::world::{Brand, Person};
use std::borrow::Cow;

/// The reason, for an offer to `person` whose candidate is gone. `stands`: its situation does not lack
/// anything but the rule's condition.
pub(crate) fn reason_gone(
    sent: &Sent,
    stands: bool,
    person: &Person<'_>,
    brand: &Brand<'_>,
    config: &Config,
    clock: Time,
) -> &'static str {
    if sent.evidence.iter().any(|handle| !person.handles.contains(handle)) {
        return "unlinked";
    }
    if let Some(end) = interest_ended(sent, person) {
        return match end {
            End::Bought => "bought",
            End::Removed => "removed",
        };
    }
    if let Basis::Request { id } = &sent.situation.basis
        && decision(person, config, id, clock).is_some_and(|(_, approved)| !approved)
    {
        return "removed";
    }
    if let Basis::Near { handle, location, start, within } = &sent.situation.basis {
        let stays = super::nearby::stays(&brand.arrived, *within, &config.presence, clock);
        let mut of =
            stays.iter().filter(|s| s.handle == *handle && s.location == *location && s.start == *start);
        if of.any(|stay| stay.ended.is_some()) {
            return "left";
        }
    }
    if let Basis::Segment { anchor, time, segment } = &sent.situation.basis {
        let entries = entries(person, config, *segment, clock);
        let mut of = entries.iter().filter(|(event, _)| event.handle == *anchor && event.time == *time);
        if of.next_back().is_some_and(|(_, over)| *over) {
            return "left";
        }
    }
    if left_zone(sent, brand) {
        return "left";
    }
    if out_of_stock(sent, person, brand) {
        return "out_of_stock";
    }
    if price_rose(sent, brand) {
        return "price";
    }
    if stands { "rule" } else { "late_event" }
}

/// How the interests ended that the offer rests on, where all did.
fn interest_ended(sent: &Sent, person: &Person<'_>) -> Option<End> {
    let all = &person.interests.all;
    let first_item = sent.items.first();
    match &sent.situation.basis {
        Basis::Line { anchor, start } => {
            let line =
                |i: &&Interest| Some(&i.item) == first_item && i.anchor == *anchor && i.start == *start;
            ended(all.iter().filter(|i| Kinds(&["cart"]).has(i.kind)).filter(line))
        }
        Basis::Cart { anchor, start } => {
            let carts = &person.interests.carts;
            let cart = carts.iter().find(|cart| cart.anchor == *anchor && cart.start == *start);
            cart.and_then(|cart| cart.ended).or_else(|| every_item(sent, person, &Kinds(&["cart"])))
        }
        Basis::Browse { a } => {
            let mut later = person.lately.iter().filter(|event| event.time >= *a);
            let of_item = |event: &Cow<'_, Event>| match &event.act {
                Act::Purchase { items, .. } => items.iter().any(|(item, _)| Some(item) == first_item),
                _ => false,
            };
            later.any(of_item).then_some(End::Bought)
        }
        Basis::Left { window, .. } if person.purchases().any(|time| window.0 <= time && time <= window.1) => {
            Some(End::Bought)
        }
        Basis::Zone { interest, .. } | Basis::Left { interest, .. } if interest.none() => None,
        Basis::Zone { interest, .. } | Basis::Left { interest, .. } => every_item(sent, person, interest),
        Basis::Stock { anchor, start, interest, .. } | Basis::Price { anchor, start, interest, .. } => {
            let life =
                |i: &&Interest| Some(&i.item) == first_item && i.anchor == *anchor && i.start == *start;
            ended(all.iter().filter(|i| interest.has(i.kind)).filter(life))
        }
        Basis::Near { .. } | Basis::Request { .. } | Basis::Segment { .. } | Basis::Done => None,
    }
}

/// How these interests ended: `None` while one is open, bought if any was bought.
fn ended<'a>(interests: impl Iterator<Item = &'a Interest>) -> Option<End> {
    let ends: Vec<Option<End>> = interests.map(|i| i.ended.map(|(end, _)| end)).collect();
    if ends.contains(&None) { None } else { ends.into_iter().flatten().min() }
}

/// How the interest in every offered item ended last: `None` while one of them is wanted.
fn every_item(sent: &Sent, person: &Person<'_>, kinds: &Kinds) -> Option<End> {
    let last_end = |item: &String| -> Option<End> {
        let of_item = person.interests.all.iter().filter(|i| i.item == *item && kinds.has(i.kind));
        of_item.filter_map(|i| i.ended).max_by_key(|(_, order)| *order).map(|(end, _)| end)
    };
    if sent.items.iter().any(|item| person.wants(item, kinds)) {
        return None;
    }
    let ends: Option<Vec<End>> = sent.items.iter().map(last_end).collect();
    ends?.into_iter().min()
}

fn left_zone(sent: &Sent, brand: &Brand<'_>) -> bool {
    let Basis::Zone { handle, location, zone, start, .. } = &sent.situation.basis else { return false };
    let mut visits =
        brand.zone_visits.iter().filter(|visit| visit.handle == *handle && visit.first.0 == *start);
    visits.any(|visit| visit.location == *location && visit.zone == *zone && visit.ended.is_some())
}

fn out_of_stock(sent: &Sent, person: &Person<'_>, brand: &Brand<'_>) -> bool {
    match &sent.situation.basis {
        Basis::Zone { location, interest, in_stock: true, .. } => {
            let lacking = |item: &String| brand.catalogue.pieces(Some(location), item) <= 0;
            sent.items.iter().any(|item| person.wants(item, interest) && lacking(item))
        }
        Basis::Stock { since, interest, .. } => {
            let Some(item) = sent.items.first().filter(|item| person.wants(item, interest)) else {
                return false;
            };
            let timeline = brand.catalogue.timeline(sent.rule.when.location(), item);
            let since = since.unwrap_or(sent.situation.due);
            timeline.last().is_some_and(|(_, pieces)| *pieces <= 0)
                || current_return(&timeline).is_some_and(|again| again > since)
        }
        _ => false,
    }
}

fn price_rose(sent: &Sent, brand: &Brand<'_>) -> bool {
    let Basis::Price { start, since, basis_points, .. } = &sent.situation.basis else { return false };
    let Some(prices) = sent.items.first().and_then(|item| brand.catalogue.prices.get(item)) else {
        return false;
    };
    let runs = drops(prices, *start, *basis_points);
    runs.contains(since) && (!dropped_now(prices, *start, *basis_points) || runs.last() != Some(since))
}
