//! What is told of persons and offers is what the engine did, on the same random scripts.
//!
//! Nothing of the oracle's own answer is needed here: the engine's output says which offers stand and which policy
//! kept a candidate back; its answers to questions must say the same. Each is counted, so that a test that never
//! met a case is red.

use super::compare::job;
use super::engine::Job;
use super::random::scripts;
use super::replay::Replay;
use serde_json::Value;
use shopbell::explain::{offer, person};
use shopbell::replay::{InMemory, in_memory_and_ask};
use shopbell_dataflows::explain::{OfferState, OfferView, PersonView, Verdict};
use shopbell_model::key::{Brand, Handle};
use std::collections::{BTreeMap, BTreeSet};

/// How often what was met.
#[derive(Debug, Default)]
struct Met {
    made: usize,
    withdrawn: usize,
    redeemed: usize,
    kept_back: usize,
    quiet: usize,
    not_due: usize,
    failed: usize,
    lacking: usize,
    nothing: usize,
    links: usize,
    forgotten: usize,
}

/// What the engine said of one offer.
#[derive(Debug, Default)]
struct Said {
    made: Option<Value>,
    reason: Option<String>,
    policies: Vec<String>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Everything that was said, by offer.
fn said(lines: &[String]) -> BTreeMap<String, Said> {
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    for line in lines {
        let message: Value = serde_json::from_str(line).unwrap();
        let of = said.entry(text(&message["data"]["offer_id"]).to_owned()).or_default();
        match text(&message["type"]) {
            "offer.made" => of.made = Some(message),
            "offer.withdrawn" => of.reason = Some(text(&message["data"]["reason"]).to_owned()),
            _ => of.policies.push(text(&message["data"]["policy"]).to_owned()),
        }
    }
    said
}

/// The engine's lines, every person that a handle of the script belongs to, and every offer that was made.
fn asked(replay: &Replay, workers: usize) -> (Vec<String>, Vec<PersonView>, BTreeMap<String, OfferView>) {
    let Job { events, rules, config, tick_ms, until, .. } = job(replay, workers);
    let config = format!("{config}\n[output]\nsuppressed = true\n");
    let mut handles: BTreeSet<(String, String)> = BTreeSet::new();
    for event in &events {
        let event: Value = serde_json::from_str(event).unwrap();
        if let Some(subject) = event["subject"].as_str() {
            handles.insert((text(&event["brand"]).to_owned(), subject.to_owned()));
        }
    }
    let in_memory = InMemory { events, rules, config, workers, tick_ms, until };
    let (lines, (persons, offers)) = in_memory_and_ask(&in_memory, |asker| {
        let mut persons: Vec<PersonView> = Vec::new();
        for (brand, handle) in handles {
            let view = person(asker, &Handle::new(&Brand::new(&brand), &handle), None).unwrap();
            persons.extend(view.filter(|view| !persons.contains(view)));
        }
        let ids = persons.iter().flat_map(|person| &person.offers).map(|made| made.offer_id.to_string());
        let offers: Vec<_> = ids.map(|id| (offer(asker, &id, None).unwrap(), id)).collect();
        (persons, offers)
    })
    .unwrap();
    let known = |(view, id): (Option<OfferView>, String)| {
        let view = view.unwrap_or_else(|| panic!("{id} is not known"));
        (id, view)
    };
    (lines, persons, offers.into_iter().map(known).collect())
}

/// The subject of each event of the script, by source and id: the first copy counts.
fn subjects(replay: &Replay) -> BTreeMap<(String, String), String> {
    let mut subjects = BTreeMap::new();
    for event in &replay.events {
        let event: Value = serde_json::from_str(event).unwrap();
        let reference = (text(&event["source"]).to_owned(), text(&event["id"]).to_owned());
        subjects.entry(reference).or_insert_with(|| text(&event["subject"]).to_owned());
    }
    subjects
}

#[test]
fn what_is_told_is_what_was_done() {
    let (mut met, mut which) = (Met::default(), 0);
    scripts(|name, replay| {
        which += 1;
        let (lines, persons, offers) = asked(replay, [1, 2, 4][which % 3]);
        let (said, subjects) = (said(&lines), subjects(replay));
        let forgets = replay.events.iter().any(|event| event.contains("crm.forget"));
        let made = said.iter().filter(|(_, of)| of.made.is_some());
        for (id, _) in made.filter(|(id, _)| !offers.contains_key(*id)) {
            assert!(forgets, "{name}: {id} is not known");
            met.forgotten += 1;
        }
        for (id, view) in &offers {
            let of = &said[id];
            same_offer(name, view, of, &subjects, forgets);
            let holders: Vec<&PersonView> = persons
                .iter()
                .filter(|person| person.offers.iter().any(|made| made.offer_id == *id))
                .collect();
            let [holder] = holders[..] else { panic!("{name}: {id} is with {} persons", holders.len()) };
            assert_eq!((&holder.person, &holder.handles), (&view.person, &view.handles), "{name}");
            met.withdrawn += usize::from(view.state == OfferState::Withdrawn);
            met.redeemed += usize::from(view.state == OfferState::Redeemed);
        }
        for person in &persons {
            same_person(name, person, &said, &mut met);
        }
    });
    println!("{met:?}");
    let Met {
        made, withdrawn, redeemed, kept_back, not_due, failed, lacking, nothing, links, forgotten, ..
    } = met;
    if which >= 60 {
        for met in [made, withdrawn, redeemed, kept_back, not_due, failed, lacking, nothing, links, forgotten]
        {
            assert!(met > 0, "{met:?}");
        }
    }
}

/// The offer is told as it went out, with events whose subjects are those of the script.
fn same_offer(
    name: &str,
    view: &OfferView,
    of: &Said,
    subjects: &BTreeMap<(String, String), String>,
    forgets: bool,
) {
    let made = of.made.as_ref().unwrap();
    let (data, because) = (&made["data"], &made["data"]["because"]);
    assert_eq!(
        (view.rule.as_str(), view.rule_version.as_str(), view.channel.as_str(), view.episode.as_str()),
        (text(&data["rule"]), text(&data["rule_version"]), text(&data["channel"]), text(&data["episode"])),
        "{name}"
    );
    assert_eq!(serde_json::to_value(view.made_at).unwrap(), made["time"], "{name}");
    assert_eq!(Some(u64::from(view.score)), data["score"].as_u64(), "{name}");
    assert_eq!(serde_json::to_value(&view.because.score).unwrap(), because["score"], "{name}");
    let over: Vec<Value> = because["over"].as_array().unwrap().iter().take(8).cloned().collect();
    assert_eq!(serde_json::to_value(&view.because.over).unwrap(), Value::from(over), "{name}");
    let events: Vec<(String, String)> =
        view.because.events.iter().map(|event| (event.source.to_string(), event.id.to_string())).collect();
    let told: Vec<(String, String)> = because["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (text(&event["source"]).to_owned(), text(&event["id"]).to_owned()))
        .collect();
    if forgets {
        assert!(events.iter().all(|event| told.contains(event)), "{name}: {events:?} of {told:?}");
    } else {
        assert_eq!(events, told, "{name}");
    }
    for event in &view.because.events {
        let subject = &subjects[&(event.source.to_string(), event.id.to_string())];
        assert_eq!(*subject, event.handle, "{name}: whose event {} is", event.id);
    }
    assert_eq!(view.withdrawn.map(|gone| gone.reason.as_str().to_owned()), of.reason, "{name}");
    let valid_until = shopbell_model::time::parse_rfc3339(text(&data["valid_until"])).unwrap() as u64;
    match view.state {
        OfferState::Standing => assert!(view.as_of.0 <= valid_until && of.reason.is_none(), "{name}"),
        OfferState::Withdrawn => assert!(of.reason.is_some(), "{name}"),
        OfferState::Redeemed => assert!(view.outcomes.contains(&"redeemed".to_owned()), "{name}"),
        OfferState::Ended => assert!(view.as_of > view.ends_at && view.ends_at.0 <= valid_until, "{name}"),
    }
}

fn same_person(name: &str, person: &PersonView, said: &BTreeMap<String, Said>, met: &mut Met) {
    // Links make one person of all handles, and of no other.
    let mut reached: BTreeSet<&str> = person.handles.first().map(String::as_str).into_iter().collect();
    for _ in &person.handles {
        for link in &person.links {
            let pair = [link.one.as_str(), link.other.as_str()];
            assert!(
                pair.iter().all(|end| person.handles.iter().any(|handle| handle == end)),
                "{name}: {link:?}"
            );
            if pair.iter().any(|end| reached.contains(end)) {
                reached.extend(pair);
            }
        }
    }
    assert_eq!(reached.len(), person.handles.len(), "{name}: {person:?}");
    met.links += person.links.len();

    for rule in &person.rules {
        let standing = |made: &&shopbell_dataflows::explain::MadeView| {
            made.rule == rule.rule && made.state == OfferState::Standing
        };
        let stands = person.offers.iter().find(standing);
        let told = rule.cases.iter().any(|case| case.verdict == Verdict::Made);
        assert_eq!(told, stands.is_some(), "{name}: {} of {}: {:?}", rule.rule, person.person, rule.cases);
        assert_eq!(told, rule.verdict == Verdict::Made, "{name}");
        if let Some(stands) = stands {
            let of = &said[stands.offer_id.as_str()];
            assert!(of.made.is_some() && of.reason.is_none(), "{name}: {of:?}");
        }
        for case in &rule.cases {
            let of = case.offer_id.as_ref().and_then(|id| said.get(id.as_str()));
            match case.verdict {
                Verdict::Made => met.made += 1,
                Verdict::WouldBeMade => panic!("{name}: it was not made: {case:?}"),
                Verdict::KeptBack => {
                    let policy = case.policy.clone().unwrap();
                    let policies = of.map_or(&[][..], |of| &of.policies);
                    // Quiet hours may have begun since something else objected: nothing had to be decided then.
                    if policies.last() == Some(&policy) {
                        met.kept_back += 1;
                    } else if policy == "quiet_hours" || policies.contains(&policy) {
                        met.quiet += 1;
                    } else {
                        panic!("{name}: told {case:?}, said {of:?}");
                    }
                    assert!(of.is_some_and(|of| of.made.is_none()), "{name}: {case:?}");
                }
                Verdict::NotDue => {
                    met.not_due += 1;
                    assert!(
                        case.due.unwrap() > person.as_of && of.is_none_or(|of| of.made.is_none()),
                        "{name}"
                    );
                }
                Verdict::MadeBefore => assert!(of.is_some_and(|of| of.made.is_some()), "{name}: {case:?}"),
                Verdict::Over => {}
                Verdict::Condition => {
                    met.failed += 1;
                    assert!(case.condition.is_some(), "{name}: {case:?}");
                }
                Verdict::Lacks => met.lacking += 1,
                Verdict::NoSituation => met.nothing += 1,
            }
        }
        assert!(!rule.cases.is_empty(), "{name}: nothing is told of {}", rule.rule);
    }
}

/// An offer to whoever left something in the cart for a minute, scored by how often that was taken up.
const LEARNING: &str = r#"
    [rule.cart]
    when = "cart_abandoned"
    idle = "1m"
    score = 'history.accept_rate / 100'
    [rule.cart.offer]
    title = "Your cart waits"
    valid = "5m"
    channels = ["card"]
"#;

#[test]
fn an_offer_that_is_not_due_yet_has_the_score_that_it_would_be_made_with() {
    let add = |number: u32, time: &str| {
        serde_json::json!({
            "specversion": "1.0", "id": number.to_string(), "source": "test", "type": "web.add_to_cart",
            "subject": format!("card:{number}"), "time": format!("2025-06-14T{time}Z"),
            "data": { "items": [{ "item_id": "mask" }] },
        })
        .to_string()
    };
    let until = |time: &str| {
        let time = shopbell_model::time::parse_rfc3339(&format!("2025-06-14T{time}Z")).unwrap();
        Some(u64::try_from(time).unwrap())
    };
    for workers in [1, 2, 4] {
        // The first offer is refused at 10:06, counted at 10:10, and seen from 10:20 on: 0 of 1.
        let job = |end| InMemory {
            events: vec![add(1, "10:00:00"), add(2, "10:25:00")],
            rules: vec![("test.toml".to_owned(), LEARNING.to_owned())],
            config: "[learning]\nevery = \"10m\"\nstart_rate = 5000\nweight = 2\n".to_owned(),
            workers,
            tick_ms: 1,
            until: end,
        };
        let ask = |end| {
            let handle = Handle::new(&Brand::default(), "card:2");
            in_memory_and_ask(&job(end), |asker| person(asker, &handle, None).unwrap().unwrap()).unwrap()
        };
        let (_, before) = ask(until("10:25:30"));
        let case = &before.rules[0].cases[0];
        assert_eq!((case.verdict, case.score), (Verdict::NotDue, Some(33)), "{case:?}");
        let (lines, after) = ask(until("10:26:00"));
        let made: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        assert_eq!((text(&made["subject"]), made["data"]["score"].as_u64()), ("card:2", Some(33)), "{made}");
        assert_eq!(after.rules[0].cases[0].score, case.score);
    }
}
