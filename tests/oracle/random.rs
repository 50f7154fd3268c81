//! Random scripts: the engine must say what the oracle says.
//!
//! `SHOPBELL_ORACLE_SCRIPTS` sets how many scripts (60), `SHOPBELL_ORACLE_SECONDS` when to stop (120),
//! `SHOPBELL_ORACLE_SEED` the first seed (1): a seed that failed can be run alone.

use super::compare::{assert_agrees, job};
use super::config::{HOUR, MINUTE};
use super::engine::{Engine, Shopbell};
use super::generate::{Random, script};
use super::replay::{Replay, Ticks, answer};
use super::rule_sets::{RuleSet, rule_sets};
use super::script::json_lines;
use crate::recovery::setting;
use std::time::{Duration, Instant};

/// The script of that seed for a set. Its clock ends anywhere, often within a tick in which something
/// would have happened.
pub(crate) fn replay_of(seed: u64, set: &RuleSet) -> Replay {
    let mut random = Random(seed);
    let length = 30 + random.of(&[10, 20, 40, 40, 60, 60, 90, 90, 170, 270]);
    let shorthand = script(&mut random, &set.shape, length);
    let events = json_lines(&shorthand.join("\n"));
    let grid = random.of(&[1, 1, 100, 1000, 10_000]);
    let replay = Replay { events, rules: set.rules.clone(), config: set.config.clone(), grid, until: None };
    let more = random.of(&[0, MINUTE, 20 * MINUTE, HOUR]);
    let end = replay.last_moment() + more + random.of(&[0, 0, 1, grid / 2]);
    let mut replay = Replay { until: Some(end), ..replay };
    for round in 0..3 {
        replay = hear_of_some(&mut random, replay, round);
    }
    end_within_a_tick(&mut random, replay)
}

/// Hears what became of one of the offers that the script leads to, now and then.
fn hear_of_some(random: &mut Random, mut replay: Replay, round: usize) -> Replay {
    let rows = answer(&replay, Ticks::Due);
    if rows.is_empty() || random.below(2) == 0 {
        return replay;
    }
    let row = &rows[random.below(rows.len() as u64) as usize];
    let time = super::script::clock_text(row.tick);
    let verb = match replay.config.learning {
        Some(_) => random.of(&["redeem", "clicked", "clicked", "failed"]),
        None => random.of(&["redeem", "redeem", "delivered", "opened"]),
    };
    let handle = random.of(&["card:1", "cookie:1"]);
    let event = json_lines(&format!("{time} {handle} {verb} {} #heard-{round}", row.offer_id));
    let after = replay.place_after(row.tick);
    replay.events.splice(after..after, event);
    replay
}

/// Ends the clock within the tick of something that happens after the last event, now and then.
fn end_within_a_tick(random: &mut Random, replay: Replay) -> Replay {
    let last = Replay { until: None, ..replay.clone() }.last_moment();
    let late: Vec<_> = answer(&replay, Ticks::Due).into_iter().filter(|row| row.tick > last).collect();
    if late.is_empty() || random.below(3) == 0 {
        return replay;
    }
    let row = &late[random.below(late.len() as u64) as usize];
    let unit = random.of(&[1, 1000]);
    let left_out = random.below(replay.grid) / unit * unit;
    Replay { until: Some(last.max(row.tick - left_out)), ..replay }
}

/// Scripts by seed, over all sets in turn, until there were enough or time is up.
pub(super) fn scripts(mut check: impl FnMut(&str, &Replay)) {
    let (count, seconds) = (setting("SHOPBELL_ORACLE_SCRIPTS", 60), setting("SHOPBELL_ORACLE_SECONDS", 120));
    let (first, begun, mut sets) = (setting("SHOPBELL_ORACLE_SEED", 1), Instant::now(), rule_sets());
    if let Ok(name) = std::env::var("SHOPBELL_ORACLE_RULES") {
        sets.retain(|set| set.name == name);
    }
    for seed in first..first + count {
        if begun.elapsed() > Duration::from_secs(seconds) {
            println!("time is up after {} of {count} scripts", seed - first);
            return;
        }
        let set = &sets[(seed % sets.len() as u64) as usize];
        check(&format!("seed {seed}, rules {}", set.name), &replay_of(seed, set));
    }
}

#[test]
fn oracle_agrees_on_random_scripts() {
    let mut which = 0;
    scripts(|name, replay| {
        which += 1;
        assert_agrees(name, replay, &Shopbell, [1, 2, 4][which % 3]);
    });
}

/// A rule says what it says whatever else is asked for: facts that nobody asks for are not kept.
#[test]
fn oracle_agrees_on_each_rule_alone() {
    let mut which = 0;
    scripts(|name, replay| {
        which += 1;
        let rule = replay.rules[which * 7 % replay.rules.len()].clone();
        let name = format!("{name}, {} alone", rule.id);
        assert_agrees(
            &name,
            &Replay { rules: vec![rule], ..replay.clone() },
            &Shopbell,
            [2, 4, 1][which % 3],
        );
    });
}

#[test]
fn same_bytes_on_any_number_of_workers() {
    scripts(|name, replay| {
        let of = |workers| Shopbell.replay(&job(replay, workers)).expect("the engine answers");
        let one = of(1);
        assert_eq!(one, of(2), "{name}: 2 workers");
        assert_eq!(one, of(4), "{name}: 4 workers");
    });
}
