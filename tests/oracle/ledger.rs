//! A ledger that forgets while reasons stand: one offer for one reason all the same.

use super::compare::{assert_agrees, job};
use super::config::{Config, DAY, HOUR, MINUTE};
use super::engine::{Engine, Shopbell};
use super::event::Event;
use super::random::replay_of;
use super::replay::{Replay, Ticks, answer};
use super::restart::{assert_same, with_restarts};
use super::rule_sets::rule_sets;
use crate::recovery::setting;

/// Sets in which no policy looks back further than the shortest such ledger.
const SETS: [&str; 5] = ["carts", "stock", "identity", "attention", "segments"];

#[test]
fn what_is_no_longer_remembered_is_not_said_again_while_it_stands() {
    let first = setting("SHOPBELL_ORACLE_SEED", 1);
    let (mut again, mut scripts) = (0, 0);
    for seed in first..first + setting("SHOPBELL_ORACLE_SCRIPTS", 60).div_ceil(3).min(300) {
        let set = rule_sets().into_iter().find(|set| set.name == SETS[seed as usize % 5]).unwrap();
        let long = replay_of(seed * 77, &set);
        // What stands is said again each time: some fifty times at most.
        let span = long.until.unwrap_or(0) - Event::read(0, &long.events[0]).time;
        let kept = [10_000, MINUTE, 20 * MINUTE, 3 * HOUR][seed as usize % 4].max(span / 50_000 * 1000);
        let short = Replay { config: Config { ledger_kept: kept, ..set.config.clone() }, ..long.clone() };
        assert_agrees(&format!("seed {seed}"), &short, &Shopbell, [1, 2, 4][seed as usize % 3]);
        if seed % 3 == 0 {
            let job = job(&short, 1);
            let undisturbed = Shopbell.replay(&job).unwrap();
            let (restarted, lives) = with_restarts(&job, 5, &[2, 1, 4]);
            assert_same(&format!("seed {seed}, {lives} lives"), &undisturbed, &restarted);
        }
        let (long, short) = (answer(&long, Ticks::Due), answer(&short, Ticks::Due));
        scripts += 1;
        again += usize::from(long != short);
    }
    // Where a reason goes and comes back after that, it counts anew.
    println!("{again} of {scripts} scripts say something else than with a ledger for ever");
    assert!(again > 0);
}

#[test]
fn what_offers_hold_outlives_the_ledger() {
    let first = setting("SHOPBELL_ORACLE_SEED", 1);
    let set = rule_sets().into_iter().find(|set| set.name == "pools").unwrap();
    let (mut longer, mut ever, mut scripts) = (0, 0, 0);
    for seed in first..first + setting("SHOPBELL_ORACLE_SCRIPTS", 60).div_ceil(3).min(300) {
        let long = replay_of(seed * 91, &set);
        let ledger_kept = [3 * MINUTE, 5 * MINUTE, 12 * MINUTE][seed as usize % 3];
        let with = |pools_kept| {
            let config = Config { ledger_kept, pools_kept, ..set.config.clone() };
            Replay { config, ..long.clone() }
        };
        let pools_kept = [ledger_kept, 20 * MINUTE, 3650 * DAY][seed as usize % 5 % 3];
        assert_agrees(&format!("seed {seed}"), &with(pools_kept), &Shopbell, [1, 2, 4][seed as usize % 3]);
        if seed % 3 == 0 {
            let job = job(&with(pools_kept), 1);
            let undisturbed = Shopbell.replay(&job).unwrap();
            let (restarted, lives) = with_restarts(&job, 5, &[2, 1, 4]);
            assert_same(&format!("seed {seed}, {lives} lives"), &undisturbed, &restarted);
        }
        let said = [ledger_kept, 20 * MINUTE, 3650 * DAY].map(|kept| answer(&with(kept), Ticks::Due));
        scripts += 1;
        longer += usize::from(said[0] != said[1]);
        ever += usize::from(said[1] != said[2]);
    }
    println!("of {scripts} scripts {longer} differ where pools are kept for longer, {ever} where for ever");
    assert!(longer > 0 && ever > 0);
}
