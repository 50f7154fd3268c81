//! SIGKILL at random moments.
//!
//! `SHOPBELL_KILLS` sets how many kills there must be at least (20), `SHOPBELL_KILLS_SEED` the seed (1).

use super::Mall;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What a series of lives came to.
#[derive(Debug, Default)]
pub(super) struct Lives {
    pub(super) kills: u64,
    /// Kills that found a checkpoint on disk, and those that left a line half written or beyond the checkpoint.
    pub(super) with_checkpoint: u64,
    with_more_output: u64,
    finished: u64,
}

pub(crate) fn remove(mall: &Mall, name: &str) {
    let path = mall.path(name);
    let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
}

/// Kills lives at random moments until one comes to its end.
pub(super) fn lives(mall: &Mall, rules: &Path, random: &mut Random, lives: &mut Lives) {
    // Each life lives a little longer, so that one of them comes to the end whatever the machine is doing.
    let mut patience = 400;
    loop {
        let mut job = mall.start_with(1 + random.below(3), rules);
        let until = Duration::from_millis(20 + random.below(patience));
        patience += 60;
        match killed_after(&mut job, until) {
            None => {
                lives.finished += 1;
                return;
            }
            Some(()) => {
                lives.kills += 1;
                let checkpoints = std::fs::read_dir(mall.path("state/checkpoints"));
                let kept = checkpoints.into_iter().flatten().flatten();
                let mut kept = kept.filter(|file| file.path().extension().is_some_and(|kind| kind == "json"));
                lives.with_checkpoint += u64::from(kept.next().is_some());
                lives.with_more_output += u64::from(!mall.text("offers.jsonl").is_empty());
            }
        }
    }
}

/// Kills the job unless it ends by itself before.
pub(super) fn killed_after(job: &mut Child, span: Duration) -> Option<()> {
    let begun = Instant::now();
    while begun.elapsed() < span {
        if let Some(status) = job.try_wait().unwrap() {
            assert!(status.success(), "a life failed: {status}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    job.kill().unwrap();
    let status = job.wait().unwrap();
    if status.success() { None } else { Some(()) }
}

#[test]
fn a_job_that_is_killed_says_what_one_says_that_never_was() {
    let wanted = setting("SHOPBELL_KILLS", 20);
    let mut random = Random(setting("SHOPBELL_KILLS_SEED", 1));
    let mall = Mall::new(40_000, 7);
    let expected = mall.text("expected.jsonl");
    assert!(expected.lines().count() > 100, "there is something to say");
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let mut sum = Lives::default();
    while sum.kills < wanted {
        remove(&mall, "offers.jsonl");
        remove(&mall, "state");
        lives(&mall, &Mall::rules(), &mut random, &mut sum);
        let said = mall.text("offers.jsonl");
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{sum:?}: line {differs:?} differs; log: {}", mall.text("log"));
    }
    println!("{sum:?}");
    assert!(
        sum.with_checkpoint > 0 && sum.with_more_output > 0,
        "{sum:?}: no kill came at an interesting moment"
    );
}

/// The rules shipped, but for the reminders of carts, and with the one of prices under another name.
fn other_rules(mall: &Mall) -> std::path::PathBuf {
    let folder = mall.path("other-rules");
    std::fs::create_dir(&folder).unwrap();
    let (mut removed, mut changed) = (0, 0);
    for file in std::fs::read_dir(Mall::rules()).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        if text.contains("[rule.cart_reminder]") {
            removed += 1;
            continue;
        }
        // The rule and its tables, and in its tests.
        let other = text.replace("price_drop", "price_fell").replace("price_fellped", "price_dropped");
        changed += usize::from(other != text);
        std::fs::write(folder.join(file.file_name()), other).unwrap();
    }
    assert_eq!((removed, changed), (1, 1));
    folder
}

#[test]
fn rules_that_change_between_lives_change_what_is_said_once_whatever_is_killed() {
    let mall = Mall::new(30_000, 11);
    let all = mall.text("events.jsonl");
    let half: String = all.lines().take(15_000).flat_map(|line| [line, "\n"]).collect();
    std::fs::write(mall.path("events.jsonl"), half).unwrap();
    mall.configure("checkpoint_every = \"50ms\"");
    assert!(mall.start(2).wait().unwrap().success(), "{}", mall.text("log"));
    let (offers, rules) = (mall.text("offers.jsonl"), other_rules(&mall));
    let copied =
        std::process::Command::new("cp").arg("-r").arg(mall.path("state")).arg(mall.path("kept")).status();
    assert!(copied.unwrap().success());
    std::fs::write(mall.path("events.jsonl"), all).unwrap();

    assert!(mall.start_with(1, &rules).wait().unwrap().success(), "{}", mall.text("log"));
    let expected = mall.text("offers.jsonl");
    let added = expected.strip_prefix(&offers).expect("what was said stays");
    let count = |text: &str| added.lines().filter(|line| line.contains(text)).count();
    assert!(count("\"reason\":\"rule\"") > 0 && count("\"rule\":\"price_fell\"") > 0, "{added}");
    assert_eq!((count("\"rule\":\"price_drop\""), count("\"rule\":\"cart_reminder\"")), (0, 0));

    let (mut random, mut sum) = (Random(5), Lives::default());
    while sum.kills < 6 {
        remove(&mall, "state");
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(mall.path("kept"))
            .arg(mall.path("state"))
            .status();
        assert!(copied.unwrap().success());
        std::fs::write(mall.path("offers.jsonl"), &offers).unwrap();
        lives(&mall, &rules, &mut random, &mut sum);
        let said = mall.text("offers.jsonl");
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{sum:?}: line {differs:?} differs; log: {}", mall.text("log"));
    }
}

/// The rules shipped, with so many units each and a budget for all of them.
fn limited_rules(mall: &Mall) -> std::path::PathBuf {
    let folder = mall.path("limited-rules");
    std::fs::create_dir(&folder).unwrap();
    let mut limited = 0;
    for file in std::fs::read_dir(Mall::rules()).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        limited += text.matches(".offer]\n").count();
        let few = format!(".offer]\nunits = {UNITS}\nbudget = \"all\"\ncost = 1.5\n");
        std::fs::write(folder.join(file.file_name()), text.replace(".offer]\n", &few)).unwrap();
    }
    assert!(limited > 4, "{limited} rules with units");
    std::fs::write(folder.join("all.toml"), "[budget.all]\namount = 60\n").unwrap();
    folder
}

const UNITS: usize = 15;

#[test]
fn units_and_budgets_are_never_overdrawn_whatever_is_killed() {
    let mall = Mall::new(30_000, 13);
    let rules = limited_rules(&mall);
    mall.replay_with(&rules);
    let expected = mall.text("expected.jsonl");
    // Offers by id, each with its rule and last moment; all that end by themselves or are withdrawn give back.
    let mut held: std::collections::BTreeMap<String, (String, jiff::Timestamp)> = Default::default();
    let (mut made, mut most) = (0, 0);
    for line in expected.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let data = &json["data"];
        let now: jiff::Timestamp = text(&json["time"]).parse().unwrap();
        held.retain(|_, (_, until)| *until >= now);
        if json["type"] == "offer.made" {
            made += 1;
            let until = text(&data["valid_until"]).parse().unwrap();
            held.insert(text(&data["offer_id"]), (text(&data["rule"]), until));
            let of_rule = held.values().filter(|(rule, _)| data["rule"] == rule.as_str()).count();
            assert!(
                of_rule <= UNITS && held.len() <= 40,
                "{of_rule} of a rule, {} in all: {line}",
                held.len()
            );
            most = most.max(held.len());
        } else {
            held.remove(data["offer_id"].as_str().unwrap());
        }
    }
    assert!(made > 40 && most == 40, "{made} offers, at most {most} at once: they had to wait");
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let (mut random, mut sum) = (Random(setting("SHOPBELL_KILLS_SEED", 3)), Lives::default());
    while sum.kills < setting("SHOPBELL_KILLS", 10) {
        remove(&mall, "offers.jsonl");
        remove(&mall, "state");
        lives(&mall, &rules, &mut random, &mut sum);
        let said = mall.text("offers.jsonl");
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{sum:?}: line {differs:?} differs; log: {}", mall.text("log"));
    }
    println!("{sum:?}");
}
