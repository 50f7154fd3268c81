//! The oracle itself: events in, rows out, everything computed again at every tick.
//!
//! Cost: the square of the number of events and more; meant for scripts of up to some hundred.

use super::config::Config;
use super::decide::{Memory, Row, decide};
use super::event::{Act, Event, Time};
use super::forget::Forgotten;
use super::kept::end_of_move;
use super::learning::Learned;
use super::rules::Rule;
use super::world::{World, ends_of_days, world};
use std::collections::{BTreeMap, BTreeSet};

/// What is replayed.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// JSON lines in the order of the log.
    pub(crate) events: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) config: Config,
    /// Milliseconds between grid points of ticks.
    pub(crate) grid: Time,
    pub(crate) until: Option<Time>,
}

/// Which ticks to look at besides those with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticks {
    /// Those at which something may come due.
    Due,
    /// Every grid point: the same answer, slower.
    Every,
}

/// Other rules from a tick on, which is a grid point without events.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) tick: Time,
    pub(crate) rules: Vec<Rule>,
    /// What stands already counts as told.
    pub(crate) primes: bool,
}

/// The answer to a replay, in order of (tick, offer id).
pub(crate) fn answer(replay: &Replay, ticks: Ticks) -> Vec<Row> {
    answer_with(replay, ticks, &[])
}

/// The answer to a replay in which rules change.
pub(crate) fn answer_with(replay: &Replay, ticks: Ticks, edits: &[Edit]) -> Vec<Row> {
    let (by_tick, end) = by_tick(replay);
    let Some(first) = by_tick.keys().next().copied() else { return Vec::new() };
    let grid_point = |moment: Time| moment.div_ceil(replay.grid) * replay.grid;
    let last_with_events = by_tick.keys().last().copied().unwrap_or(first);

    let (mut rows, mut memory, mut taken) = (Vec::new(), Memory::default(), Vec::<&Event>::new());
    let mut moments: BTreeSet<Time> = edits.iter().map(|edit| edit.tick).collect();
    memory.learned = Learned::new(replay.config.learning.clone(), replay.grid);
    let (mut tick, mut rules) = (first, &replay.rules);
    loop {
        memory.primed.before = tick - replay.grid;
        memory.primed.arriving.clear();
        if let Some(edit) = edits.iter().find(|edit| edit.tick == tick) {
            let was: Vec<String> = rules.iter().map(Rule::toml).collect();
            let come = edit.rules.iter().map(Rule::toml).filter(|rule| edit.primes && !was.contains(rule));
            memory.primed.arriving = come.collect();
            rules = &edit.rules;
        }
        let events = by_tick.get(&tick).map(Vec::as_slice).unwrap_or_default();
        taken.extend(events);
        let forgotten = Forgotten::of(events, &taken, &replay.config);
        taken.retain(|event| {
            replay.config.report_kept(&event.act).is_none_or(|kept| tick.min(end) <= event.time + kept)
        });
        let seen = forgotten.in_the_tick(&taken);
        // The clock may end within the last tick.
        let world = world(&seen, &replay.config, tick.min(end));
        moments.extend(silences(&world, &seen, &replay.config));
        let config = &replay.config;
        rows.extend(decide(tick, &world, &forgotten, rules, config, &mut memory, &mut moments));
        forgotten.clear(&mut taken, &mut memory.ledger);
        forgotten.clear(&mut taken, &mut memory.holders);
        let all = memory.ledger.iter().chain(&memory.holders);
        moments.extend(all.filter(|sent| !sent.holds.is_empty()).map(|sent| sent.ends() + 1));

        moments = moments.split_off(&(tick + 1));
        if ticks == Ticks::Every {
            moments.insert(tick + 1);
        }
        let limit = if tick < last_with_events { Time::MAX } else { end };
        let due = moments.first().filter(|moment| **moment <= limit).map(|moment| grid_point(*moment));
        let with_events = by_tick.range(tick + 1..).next().map(|(tick, _)| *tick);
        match due.into_iter().chain(with_events).min() {
            Some(next) => tick = next,
            None => return rows,
        }
    }
}

/// Events by the tick that takes them in, copies left out, and the last moment of the clock.
fn by_tick(replay: &Replay) -> (BTreeMap<Time, Vec<Event>>, Time) {
    let (mut seen, mut clock) = (BTreeSet::new(), 0);
    let mut by_tick: BTreeMap<Time, Vec<Event>> = BTreeMap::new();
    for (seq, line) in replay.events.iter().enumerate() {
        let event = Event::read(seq, line);
        if seen.insert(event.reference.clone()) {
            clock = clock.max(event.time);
            let tick = clock.div_ceil(replay.grid) * replay.grid;
            let event = Event { before: tick - replay.grid, ..event };
            by_tick.entry(tick).or_default().push(event);
        }
    }
    (by_tick, clock.max(replay.until.unwrap_or(0)))
}

/// Moments at which silence ends something, or something grows too old to count.
fn silences(world: &World<'_>, taken: &[&Event], config: &Config) -> Vec<Time> {
    let mut moments = ends_of_days(world, config);
    for brand in &world.brands {
        moments.extend(brand.zone_visits.iter().map(|visit| visit.last + config.presence.exit_after));
        let of_shops = brand.persons.iter().flat_map(|person| &person.shop_visits);
        moments.extend(of_shops.map(|visit| visit.end_at_the_latest(&config.presence)));
    }
    for event in taken {
        if event.own {
            moments.push(event.time + config.activity_kept + 1);
        }
        moments.extend(config.report_kept(&event.act).map(|kept| event.time + kept + 1));
        moments.extend(end_of_move(event, config));
        match &event.act {
            Act::Profile(_) | Act::Refund { .. } => moments.push(event.time + config.segments_kept + 1),
            Act::Geo { .. } => {
                moments.push(event.time + config.presence.leave_after);
                moments.push(event.time + config.presence.visits_kept + 1);
            }
            Act::Purchase { .. } => {
                moments.push(event.time + config.presence.visits_kept + 1);
                moments.push(event.time + config.purchases_kept + 1);
            }
            Act::Enter(_)
            | Act::CheckIn(_)
            | Act::Sign(_)
            | Act::Leave(_)
            | Act::Request { .. }
            | Act::Decision { .. }
            | Act::Reading { .. } => {
                moments.push(event.time + config.presence.visits_kept + 1);
            }
            _ => {}
        }
    }
    moments
}

impl Replay {
    /// The greatest event time: where the clock ends without `until`.
    pub(crate) fn last_moment(&self) -> Time {
        by_tick(self).1
    }

    /// Place in the log behind all events of the tick at `tick`.
    pub(crate) fn place_after(&self, tick: Time) -> usize {
        let before = by_tick(self).0;
        before.range(..=tick).flat_map(|(_, events)| events).map(|event| event.seq + 1).max().unwrap_or(0)
    }
}
