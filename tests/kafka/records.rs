//! What records may look like, and what becomes of those that are refused.

use super::*;
use serde_json::{Value, json};

/// Every check-in is answered.
pub(super) const WELCOME: &str = r#"
    [rule.welcome]
    when = "checked_in"
    [rule.welcome.offer]
    title = "Welcome"
    channels = ["sms"]
"#;

/// A check-in, so many seconds after noon.
pub(super) fn check_in(second: usize, subject: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    json!({
        "specversion": "1.0", "id": format!("{subject}-{minute}-{second}"), "source": "test", "subject": subject,
        "type": "store.check_in", "time": format!("2026-06-15T12:{minute:02}:{second:02}Z"),
        "data": {"location": "riverside"},
    })
    .to_string()
}

/// A job by the clock of events that reads topics to their end.
pub(super) fn small(topic: &str, offers: &str, more: &str) -> Job {
    let config = format!(
        "[engine]\nclock = \"events\"\n[http]\nlisten = \"off\"\n[output]\nfile = \"off\"\n[output.kafka]\n\
         topic = \"{offers}\"\ntransactional_id = \"{offers}\"\n[state]\nfolder = \"state\"\n[source]\n\
         dead_letters = \"refused.jsonl\"\n[source.kafka]\ntopics = [\"{topic}\"]\n{more}\n"
    );
    Job::new(&Broker::shared().address(), &config, Some(WELCOME))
}

pub(super) fn values(records: &[Record]) -> Vec<Value> {
    records.iter().map(|record| serde_json::from_str(record.value.as_deref().unwrap()).unwrap()).collect()
}

#[test]
fn binary_and_structured_records_give_the_same_offers_and_tombstones_none() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let events: Vec<String> = (0..40).map(|second| check_in(second, &format!("phone:{second}"))).collect();
    let (structured, binary) = (broker.topic("structured", 1, &[]), broker.topic("binary", 1, &[]));
    broker.produce_lines(&structured, 0, events.iter().map(String::as_str));
    let parsed: Vec<(Value, String)> = events
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| (event.clone(), event["data"].to_string()))
        .collect();
    let mut records = Vec::new();
    for (index, (event, data)) in parsed.iter().enumerate() {
        let text = |name: &str| event[name].as_str().unwrap().as_bytes();
        let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"application/json")];
        for (header, name) in [
            ("ce_specversion", "specversion"),
            ("ce_id", "id"),
            ("ce_source", "source"),
            ("ce_type", "type"),
            ("ce_subject", "subject"),
            ("ce_time", "time"),
        ] {
            headers.push((header, text(name)));
        }
        records.push((0, Some("k"), Some(data.as_bytes()), headers));
        if index % 4 == 0 {
            records.push((0, Some("k"), None, Vec::new()));
        }
    }
    broker.produce(&binary, records);
    let mut said = Vec::new();
    for topic in [&structured, &binary] {
        let offers = broker.topic("offers", 2, &[]);
        let job = small(topic, &offers, "until = \"end\"");
        job.succeeds();
        assert_eq!(std::fs::read_to_string(job.path("refused.jsonl")).unwrap(), "", "{topic}");
        let mut records = broker.read(&offers, true);
        assert!(
            records
                .iter()
                .all(|record| record.headers["content-type"].starts_with("application/cloudevents+json"))
        );
        records.iter_mut().for_each(|record| record.offset = 0);
        records.sort();
        said.push(records);
    }
    assert_eq!(said[0].len(), 40);
    assert!(said[0] == said[1], "{:#?}", said[1]);
}

#[test]
fn what_is_refused_goes_to_its_topic_as_it_came_with_where_it_came_from() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let (topic, refused) = (broker.topic("events", 2, &[]), broker.topic("refused", 1, &[]));
    let offers = broker.topic("offers", 1, &[]);
    let large = "x".repeat(1_000_000);
    let good: Vec<String> = (0..3).map(|second| check_in(second, "phone:1")).collect();
    broker.produce_lines(&topic, 0, good.iter().map(String::as_str));
    broker.produce(
        &topic,
        [
            (1, Some("a key"), Some(b"{\"no\": json".as_slice()), vec![("trace", b"7".as_slice())]),
            (1, None, Some(b"{}"), vec![("ce_id", b"1"), ("ce_id", b"2")]),
            (1, None, Some(b"{} {}"), vec![("ce_id", b"1")]),
            (1, None, Some(large.as_bytes()), vec![]),
        ],
    );
    let job = small(&topic, &offers, &format!("until = \"end\"\ndead_letters = \"{refused}\""));
    job.succeeds();
    assert_eq!(broker.read(&offers, true).len(), 3);
    let letters = broker.read(&refused, true);
    let of = |index: usize, header: &str| letters[index].headers[&format!("shopbell_{header}")].as_str();
    let codes: Vec<&str> = (0..letters.len()).map(|index| of(index, "code")).collect();
    assert_eq!(codes[1..3], ["kafka-header-twice", "kafka-data"]);
    assert_eq!(letters.len(), 4, "{codes:?}");
    assert_eq!(
        (letters[0].key.as_deref(), letters[0].value.as_deref()),
        (Some("a key"), Some("{\"no\": json"))
    );
    assert_eq!(letters[0].headers["trace"], "7");
    for index in 0..4 {
        let origin = (of(index, "topic"), of(index, "partition"), of(index, "offset"));
        assert_eq!(origin, (topic.as_str(), "1", index.to_string().as_str()));
        assert!(!of(index, "reason").is_empty() && !of(index, "hint").is_empty());
    }
    // One that no topic would take with its headers goes without its value.
    assert_eq!((of(3, "value_left_out"), letters[3].value.as_deref()), ("1000000", None));
    let rows = std::fs::read_to_string(job.path("refused.jsonl")).unwrap();
    let row: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!(
        (row["source"].as_str(), row["position"].as_u64()),
        (Some(format!("kafka:{topic}/1").as_str()), Some(0))
    );
    assert_eq!(rows.lines().count(), 4);
    // A second life reads none of it again: what comes after it was kept.
    broker.produce_lines(&topic, 0, [check_in(9, "phone:1").as_str()]);
    job.succeeds();
    broker.produce_lines(&topic, 0, [check_in(10, "phone:1").as_str()]);
    let before = broker.read(&refused, true).len();
    job.succeeds();
    assert_eq!((broker.read(&offers, true).len(), broker.read(&refused, true).len()), (5, before));
}

#[test]
fn at_least_once_says_everything_and_again_only_what_a_checkpoint_does_not_know() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 2, &[]));
    let events: Vec<String> = (0..50).map(|second| check_in(second, &format!("phone:{second}"))).collect();
    broker.produce_lines(&topic, 0, events.iter().map(String::as_str));
    let job = small(&topic, &offers, "until = \"end\"");
    let config = std::fs::read_to_string(job.path("job.toml")).unwrap();
    let config = config.replace("transactional_id", "delivery = \"at_least_once\"\ntransactional_id");
    std::fs::write(job.path("job.toml"), config).unwrap();
    let status = job.run("crash:delivered:30");
    assert!(!status.success(), "{}", job.log());
    job.succeeds();
    let ids =
        |records: &[Record]| values(records).iter().map(|offer| offer["id"].to_string()).collect::<Vec<_>>();
    let said = ids(&broker.read(&offers, false));
    let distinct: std::collections::BTreeSet<&String> = said.iter().collect();
    assert!(distinct.len() == 50 && said.len() > 50, "{} of {}", distinct.len(), said.len());
    job.succeeds();
    assert_eq!(broker.read(&offers, false).len(), said.len());
}
