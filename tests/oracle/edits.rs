//! Rules that change in the middle of a script: random edits over whatever lives at the time.
//!
//! Two things must hold, with 1, 2 and 4 workers. Where no policy couples offers, what is said in the tick of the edit
//! is the difference of two runs from scratch, one under each set. And with policies, primed or sent, engine and
//! oracle say the same to the end of the script.

use super::compare::{job, rows};
use super::config::{Config, DAY};
use super::decide::{Row, What};
use super::engine::Job;
use super::event::Time;
use super::generate::{Random, Shape, script};
use super::replay::{Edit, Replay, Ticks, answer_with};
use super::restart::ticks;
use super::rule_sets::{RuleSet, SEGMENTS, rule_sets};
use super::rules::{Budget, Rule, When};
use super::script::json_lines;
use crate::recovery::setting;
use shopbell::output::render;
use shopbell::runtime::{Engine, Tick, settings_for};
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::shadow::{OfRule, Tally};
use shopbell_model::offer::Message;
use shopbell_model::rules::{Role, Rule as Compiled};
use shopbell_model::shared::Shared;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// A set like another one: rules left out, and others with another threshold, score or condition.
fn variant(random: &mut Random, rules: &[Rule]) -> Vec<Rule> {
    let mut varied = Vec::new();
    for rule in rules {
        let mut rule = rule.clone();
        match random.below(6) {
            0 => continue,
            1 | 2 => {}
            3 => rule.condition = None,
            4 => rule.priority += random.of(&[-3, 3]),
            _ => threshold(random, &mut rule.when),
        }
        varied.push(rule);
    }
    varied
}

fn threshold(random: &mut Random, when: &mut When) {
    let scale = |random: &mut Random, span: &mut Time| *span = *span * random.of(&[1, 4]) / 2;
    match when {
        When::CartAbandoned { idle, .. } => scale(random, idle),
        When::ZoneEntered { dwell, in_stock, .. } => {
            scale(random, dwell);
            *in_stock = random.below(2) == 0;
        }
        When::StoreLeft { min_dwell, after, .. } => {
            scale(random, min_dwell);
            scale(random, after);
        }
        When::RunningLow { at_most, .. } => *at_most += random.of(&[-1, 1, 2]),
        When::PriceDropped { by_percent, .. } => *by_percent += random.of(&[-5, 5, 20]),
        When::Purchased { within } => scale(random, within),
        When::SegmentEntered { segment } => *segment = random.of(&SEGMENTS),
        _ => {}
    }
    if let When::RunningLow { at_most, .. } = when {
        *at_most = (*at_most).max(1);
    }
}

fn compiled(rules: &[Rule], backfill: &str) -> Vec<Shared<Compiled>> {
    let text = |rule: &Rule| {
        let header = format!("[rule.{}]\n", rule.id);
        let text = rule.toml();
        assert!(text.starts_with(&header), "{text}");
        text.replacen(&header, &format!("{header}backfill = \"{backfill}\"\n"), 1)
    };
    let texts: Vec<String> = rules.iter().map(text).chain([Budget::toml(rules)]).collect();
    let set = shopbell_model::rules::load(&[("edit.toml".to_owned(), texts.join("\n"))]).unwrap();
    shopbell::replay::shared_rules(&set)
}

/// What is done with the other set of rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// They come into force.
    Edit,
    /// They are looked at.
    Look,
}

/// A script under one set of rules, and from `tick` on under another, in an engine that is never stopped. With what the
/// looks say in that tick.
fn edited(
    job: &Job,
    before: &[Shared<Compiled>],
    after: &[Shared<Compiled>],
    (tick, how): (Time, How),
    workers: usize,
) -> (Vec<Row>, Tally) {
    let config = shopbell::config::Config::parse(&job.config, std::path::Path::new("test.toml")).unwrap();
    let (all, end) = ticks(job);
    let heard: Arc<Mutex<Vec<Message>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let demand = Demand::of(before.iter().chain(after).map(|rule| &**rule));
    let start = shopbell::runtime::Job {
        workers,
        grid: job.tick_ms,
        unfinished: 4,
        settings: settings_for(&config, demand),
        rules: before.to_vec(),
        keep: None,
        restored: Vec::new(),
    };
    let mut engine = Engine::start(start, move |_, messages| hears.lock().unwrap().extend(messages)).unwrap();
    let (first, mut rest): (Vec<Tick>, Vec<Tick>) = all.into_iter().partition(|one| one.time < tick);
    engine.submit(first, tick).unwrap();
    let gone = before.iter().filter(|rule| !after.contains(rule)).cloned();
    let come = after.iter().filter(|rule| !before.contains(rule)).cloned();
    let mut tally = Tally::new();
    match how {
        How::Edit => {
            let changes = gone.map(|rule| (rule, -1)).chain(come.map(|rule| (rule, 1)));
            engine.change_rules(tick, changes.collect()).unwrap();
        }
        How::Look => {
            let of =
                |role| move |rule: Shared<Compiled>| (Shared::new(Compiled { role, ..(*rule).clone() }), 1);
            let changes = gone.map(of(Role::Going)).chain(come.map(of(Role::Coming)));
            engine.change_looks(changes.collect()).unwrap();
            engine.submit(Vec::new(), tick + 1).unwrap();
            engine.wait_for(tick + 1).unwrap();
            tally = engine.board().shadowed();
        }
    }
    let last = rest.pop();
    let until = last.as_ref().map_or(tick + 1, |last| last.time);
    engine.submit(rest, until).unwrap();
    engine.wait_for(until).unwrap();
    let clock = engine.clock().clone();
    clock.stop_at(end);
    let after = clock.tick_of(end).max(until) + 1;
    engine.submit(last.into_iter().collect(), after).unwrap();
    engine.wait_for(after).unwrap();
    engine.stop().unwrap();
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    let lines: Vec<String> = heard.iter().map(|message| render(message).unwrap().json.to_string()).collect();
    (rows(&lines).unwrap(), tally)
}

/// A script of a set, and a grid point between its ticks.
fn replay_and_tick(random: &mut Random, set: &RuleSet) -> Option<(Replay, Time)> {
    let length = random.of(&[30, 60, 120]);
    let shorthand = script(random, &set.shape, length);
    let events = json_lines(&shorthand.join("\n"));
    let grid = random.of(&[1, 100, 1000]);
    let (rules, config) = (variant(random, &set.rules), set.config.clone());
    let replay = Replay { events, rules, config, grid, until: None };
    let end = replay.last_moment() + random.of(&[0, 60_000, 3_600_000]);
    let replay = Replay { until: Some(end), ..replay };
    let (all, _) = ticks(&job(&replay, 1));
    let times: BTreeSet<Time> = all.iter().map(|tick| tick.time).collect();
    let free: Vec<Time> = times
        .iter()
        .skip(times.len() / 3)
        .flat_map(|time| [time + grid, time + 60_000 / grid * grid])
        .filter(|time| !times.contains(time) && *time <= end)
        .collect();
    (!free.is_empty()).then(|| (replay, free[random.below(free.len() as u64) as usize]))
}

#[test]
fn oracle_agrees_where_rules_change() {
    let (sets, seed) = (rule_sets(), setting("SHOPBELL_ORACLE_SEED", 1));
    let (mut told, mut primed) = (0, 0);
    for number in seed..seed + setting("SHOPBELL_EDITS", 60) {
        let (random, set) = (&mut Random(number), &sets[number as usize % sets.len()]);
        let Some((replay, tick)) = replay_and_tick(random, set) else { continue };
        let (mut replay, mut next) = (replay, variant(random, &set.rules));
        // Rules that are over, and such that go on all the same.
        for rule in replay.rules.iter_mut().chain(&mut next) {
            if random.below(4) == 0 {
                let minute = 60_000;
                rule.until = random.of(&[None, Some(tick), Some(tick - minute), Some(tick + minute)]);
            }
        }
        let edit = |primes| [Edit { tick, rules: next.clone(), primes }];
        let said = [true, false].map(|primes| answer_with(&replay, Ticks::Due, &edit(primes)));
        told += said[1].iter().filter(|row| row.tick == tick).count();
        primed += said[1].len().saturating_sub(said[0].len());
        for (primes, expected) in [true, false].into_iter().zip(&said) {
            let backfill = if primes { "prime" } else { "send" };
            let rules = [compiled(&replay.rules, backfill), compiled(&next, backfill)];
            let workers = [1, 2, 4][number as usize % 3];
            let at = (tick, How::Edit);
            let (found, _) = edited(&job(&replay, workers), &rules[0], &rules[1], at, workers);
            let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
            assert!(
                *expected == found,
                "seed {number}, {}, {backfill} at {tick} with {workers} workers: row {differs:?}\noracle {:#?}\nengine {:#?}",
                set.name,
                differs.map_or(expected.last(), |row| expected.get(row)),
                differs.map_or(found.last(), |row| found.get(row)),
            );
        }
    }
    println!("{told} rows in ticks of edits, {primed} fewer where they primed");
    assert!(told > 0 && primed > 0, "{told} {primed}");
}

/// Offers made and not taken back, of what was said before `until`.
fn standing(rows: &[Row], until: Time) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut made, mut stands) = (BTreeSet::new(), BTreeSet::new());
    for row in rows.iter().filter(|row| row.tick < until) {
        match row.what {
            What::Made { .. } => {
                made.insert(row.offer_id.clone());
                stands.insert(row.offer_id.clone());
            }
            What::Withdrawn { .. } => {
                stands.remove(&row.offer_id);
            }
        }
    }
    (made, stands)
}

/// Sets without policy, in which nothing but its own reason decides about an offer, and offers end with it alone.
fn plain_sets() -> Vec<RuleSet> {
    let ends =
        |when: &When| matches!(when, When::Purchased { .. } | When::Lapsed { .. } | When::Requested { .. });
    let lasting = |rule: &Rule| !ends(&rule.when);
    let plain = |set: &RuleSet| {
        let rules = set.rules.iter().filter(|rule| lasting(rule)).cloned();
        let rules = rules.map(|rule| Rule {
            valid: 30 * DAY,
            cooldown: None,
            cap: None,
            category: None,
            from: None,
            until: None,
            channels: vec!["associate"],
            units: None,
            budget: None,
            replaceable: false,
            ..rule
        });
        let config = Config { policy: Default::default(), learning: None, ..set.config.clone() };
        let shape = Shape { weeks: false, months: false, ..set.shape };
        RuleSet { rules: rules.collect(), config, shape, ..set.clone() }
    };
    rule_sets().iter().map(plain).collect()
}

/// A script in which every offer that is made stands or was taken back, and an edit in it.
struct PlainEdit {
    replay: Replay,
    tick: Time,
    old: Vec<Shared<Compiled>>,
    new: Vec<Shared<Compiled>>,
}

fn plain_edit(seed: u64, set: &RuleSet) -> Option<PlainEdit> {
    let random = &mut Random(seed);
    let (mut replay, tick) = replay_and_tick(random, set)?;
    replay.events.retain(|event| !event.contains("crm.forget") && !event.contains("push.redeemed"));
    let next = variant(random, &set.rules);
    let [old, new] = [&replay.rules, &next].map(|rules| compiled(rules, "send"));
    Some(PlainEdit { replay, tick, old, new })
}

#[test]
fn an_edit_says_the_difference_of_two_runs_from_scratch() {
    let sets = plain_sets();
    let seed = setting("SHOPBELL_ORACLE_SEED", 1);
    let (mut made, mut withdrawn) = (0, 0);
    for number in seed..seed + setting("SHOPBELL_EDITS", 60) {
        let set = &sets[number as usize % sets.len()];
        let Some(PlainEdit { replay, tick, old, new }) = plain_edit(number, set) else { continue };
        let of = |before, after, workers| {
            edited(&job(&replay, workers), before, after, (tick, How::Edit), workers).0
        };
        let (told, old_stand) = standing(&of(&old, &old, 1), tick);
        let (new_told, new_stand) = standing(&of(&new, &new, 1), tick + 1);
        // An offer is made once: where one was taken back before, the run does not say whether its reason stands again.
        let unsure: BTreeSet<&String> = new_told.difference(&new_stand).collect();
        let sure = |offers: BTreeSet<&String>| -> BTreeSet<String> {
            offers.into_iter().filter(|offer| !unsure.contains(offer)).cloned().collect()
        };
        let expected_made = sure(new_stand.difference(&told).collect());
        let expected_gone = sure(old_stand.difference(&new_stand).collect());
        for workers in [1, 2, 4] {
            let said = of(&old, &new, workers);
            let said: Vec<&Row> = said.iter().filter(|row| row.tick == tick).collect();
            let (came, gone): (Vec<&&Row>, Vec<&&Row>) =
                said.iter().partition(|row| matches!(row.what, What::Made { .. }));
            let name = format!("seed {number}, {} at {tick}, {workers} workers", set.name);
            let ids = |rows: &[&&Row]| -> BTreeSet<String> {
                let ids: BTreeSet<&String> = rows.iter().map(|row| &row.offer_id).collect();
                assert_eq!(ids.len(), rows.len(), "{name}: once each");
                sure(ids)
            };
            assert_eq!(ids(&came), expected_made, "{name}");
            assert_eq!(ids(&gone), expected_gone, "{name}");
        }
        (made, withdrawn) = (made + expected_made.len(), withdrawn + expected_gone.len());
    }
    println!("{made} made and {withdrawn} taken back by edits");
    assert!(made > 20 && withdrawn > 20, "{made} {withdrawn}");
}

#[test]
fn a_shadow_set_says_what_would_be_otherwise_and_changes_nothing() {
    let (sets, seed) = (plain_sets(), setting("SHOPBELL_ORACLE_SEED", 1));
    let (mut adds, mut drops) = (0, 0);
    for number in seed..seed + setting("SHOPBELL_EDITS", 60) {
        let set = &sets[number as usize % sets.len()];
        let Some(PlainEdit { replay, tick, old, new }) = plain_edit(number, set) else { continue };
        let under = |rules| edited(&job(&replay, 1), rules, rules, (tick, How::Edit), 1).0;
        let (undisturbed, [of_old, of_new]) =
            (under(&old), [&old, &new].map(|rules| standing(&under(rules), tick + 1)));
        // Where an offer was taken back, the run does not say whether its reason stands again.
        let is_sure = [&of_old, &of_new].iter().all(|(made, stands)| made == stands);
        let expected = (of_new.1.difference(&of_old.1).count(), of_old.1.difference(&of_new.1).count());
        for workers in [1, 2, 4] {
            let (said, tally) = edited(&job(&replay, workers), &old, &new, (tick, How::Look), workers);
            let name = format!("seed {number}, {} at {tick}, {workers} workers", set.name);
            assert_eq!(said, undisturbed, "{name}: nothing is said because of it");
            let sum = |of: fn(&OfRule) -> i64| tally.values().map(of).sum::<i64>() as usize;
            let found = (sum(|rule| rule.add), sum(|rule| rule.drop));
            assert!(!is_sure || found == expected, "{name}: {found:?}, not {expected:?}");
        }
        if is_sure {
            (adds, drops) = (adds + expected.0, drops + expected.1);
        }
    }
    println!("{adds} would come and {drops} would go");
    assert!(adds > 5 && drops > 5, "{adds} {drops}");
}
