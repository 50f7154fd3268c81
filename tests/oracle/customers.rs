//! What follows of a customer: on scripts over weeks, engine and oracle agree, every field takes several values, and
//! every one of them decides something. Each is counted, so that scripts that never come to it are a red test.

use super::compare::assert_agrees;
use super::event::Event;
use super::policies::held_out;
use super::random::replay_of;
use super::replay::{Replay, Ticks, answer};
use super::rule_sets::{RuleSet, rule_sets};
use super::rules::Rule;
use super::script::json_lines;
use super::world::world;
use crate::recovery::setting;
use serde_json::Value;
use shopbell::replay::{InMemory, in_memory};
use std::collections::{BTreeMap, BTreeSet};

/// Fields, with the number of values that must have been seen of each.
const FIELDS: [(&str, usize); 5] = [
    ("hold_out", 2),
    ("visits_30d", 6),
    ("channels_30d", 5),
    ("favourite_category", 4),
    ("nearest_location", 3),
];

fn customers() -> RuleSet {
    rule_sets().into_iter().find(|set| set.name == "customers").expect("a set of that name")
}

/// What is known of every customer at the end of a script.
fn values(replay: &Replay, seen: &mut BTreeMap<&str, BTreeSet<String>>) {
    let mut ids = BTreeSet::new();
    let events = replay.events.iter().enumerate().map(|(seq, line)| Event::read(seq, line));
    let events: Vec<Event> = events.filter(|event| ids.insert(event.reference.clone())).collect();
    let end = replay.last_moment();
    let world = world(&events.iter().collect::<Vec<_>>(), &replay.config, end);
    for brand in &world.brands {
        for person in &brand.persons {
            let known = person.view(&brand.catalogue, None, end).customer;
            for (name, _) in FIELDS.iter().filter(|(name, _)| !person.attributes.contains_key(*name)) {
                let value = known.get(*name).map_or_else(|| "-".to_owned(), Value::to_string);
                seen.entry(name).or_default().insert(value);
            }
        }
    }
}

/// Whether rules that ask for the field would say something else without it.
fn decides(name: &str, replay: &Replay) -> bool {
    let mut without = replay.clone();
    let asks = |text: &str| text.contains(&format!("customer.{name}"));
    for rule in &mut without.rules {
        rule.condition = rule.condition.filter(|(text, _)| !asks(text));
        if asks(rule.score.0) {
            rule.score = Rule::new("", rule.when.clone()).score;
        }
    }
    answer(replay, Ticks::Due) != answer(&without, Ticks::Due)
}

#[test]
fn fields_of_customers_agree_vary_and_decide() {
    let (set, first) = (customers(), setting("SHOPBELL_ORACLE_SEED", 1));
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in first..first + setting("SHOPBELL_ORACLE_SCRIPTS", 60).min(200) {
        let replay = replay_of(seed * 1000, &set);
        assert_agrees(
            &format!("seed {seed}"),
            &replay,
            &super::engine::Shopbell,
            [1, 2, 4][seed as usize % 3],
        );
        values(&replay, &mut seen);
        for (name, _) in FIELDS {
            let scripts = decided.entry(name).or_default();
            *scripts += usize::from(*scripts < 3 && decides(name, &replay));
        }
    }
    println!("{decided:?}");
    for (name, values) in FIELDS {
        println!("{name}: {:?}", seen[name]);
        assert!(seen[name].len() >= values, "{name} was never anything but {:?}", seen[name]);
        assert_eq!(decided[name], 3, "{name} decided in {decided:?} scripts");
    }
}

/// Who is in the hold-out group gets no offer: that the field says the same as the policy shows in what is kept back.
#[test]
fn rules_know_whom_the_policy_holds_out() {
    let rules = "[rule.in]\nwhen = \"checked_in\"\nwhere = \"customer.hold_out\"\n[rule.in.offer]\ntitle = \"t\"\n\
                 [rule.out]\nwhen = \"checked_in\"\nwhere = \"!customer.hold_out\"\n[rule.out.offer]\ntitle = \"t\"\n";
    let lines = (0..100).map(|one| format!("10:00:00 brand/device:{one} checkin s1"));
    let events = json_lines(&lines.collect::<Vec<_>>().join("\n"));
    for (workers, percent) in [(1, 30), (2, 70), (4, 0), (1, 100)] {
        let in_memory_job = InMemory {
            events: events.clone(),
            rules: vec![("r.toml".to_owned(), rules.to_owned())],
            config: format!("[policy]\nhold_out_percent = {percent}\n[output]\nsuppressed = true\n"),
            workers,
            tick_ms: 1,
            until: None,
        };
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in in_memory(&in_memory_job).unwrap() {
            let message: Value = serde_json::from_str(&line).unwrap();
            let data = &message["data"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let key = format!("{} {} {}", text(&message["type"]), text(&data["rule"]), text(&data["policy"]));
            assert!(said.entry(key).or_default().insert(text(&data["person"])), "{line}");
        }
        let (held, free): (BTreeSet<String>, BTreeSet<String>) = (0..100)
            .map(|one| format!("device:{one}"))
            .partition(|person| held_out("brand", person, percent));
        assert!(held.len().abs_diff(percent as usize) < 15, "{} of 100 at {percent} percent", held.len());
        let both = [("offer.made out ", free), ("offer.suppressed in hold_out", held)];
        let expected = both.into_iter().filter(|(_, persons)| !persons.is_empty());
        assert_eq!(said, expected.map(|(key, persons)| (key.to_owned(), persons)).collect());
    }
}
