//! Who went quiet, who entered a segment, and whom an associate asks for.

use super::super::config::Config;
use super::super::event::{Act, Event, Time};
use super::super::rules::Condition;
use super::super::world::Person;
use super::{Basis, Situation, listed, situation};

pub(super) fn lapsed(person: &Person<'_>, config: &Config, idle: Time, clock: Time) -> Vec<Situation> {
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
        lapsed.until = Some(a + idle + 30 * super::super::config::DAY);
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
    let (before, changes) = person.changes(config.segments_kept, clock);
    let mut held = before.is_some_and(|view| holds(&view));
    for (event, after) in changes {
        let now = holds(&after);
        match (held, now) {
            (false, true) => found.push((event, false)),
            (true, false) => found.iter_mut().for_each(|(_, over)| *over = true),
            _ => {}
        }
        held = now;
    }
    found
}

pub(super) fn segment_entered(
    person: &Person<'_>,
    config: &Config,
    segment: Condition,
    clock: Time,
) -> Vec<Situation> {
    let Some((event, false)) = entries(person, config, segment, clock).pop() else { return Vec::new() };
    let (anchor, time) = (&event.handle, event.time);
    let basis = Basis::Segment { anchor: anchor.clone(), time, segment };
    let mut entered = situation(format!("segment|{anchor}|{time}"), anchor, time, Vec::new(), basis);
    entered.until = Some(time + 30 * super::super::config::DAY);
    entered.about_items = false;
    vec![entered]
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

pub(super) fn requested(
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
        let mut requested = situation(episode, &event.handle, due, listed(items, event), basis);
        requested.evidence = event.reference.clone();
        requested.until = Some(event.time + config.presence.visits_kept);
        requested.place = Some(location.clone());
        requested.about_items = !requested.items.is_empty();
        requested.handles.extend(decision.map(|(decision, _)| decision.handle.clone()));
        found.push(requested);
    }
    found
}
