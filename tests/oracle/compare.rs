//! Oracle against engine: read the engine's lines, find the first difference, make the script small.

use super::decide::{Row, What};
use super::engine::{Engine, Job};
use super::event::Time;
use super::replay::{Replay, Ticks, answer};
use super::rules::Budget;
use super::script::clock_text;
use serde_json::Value;
use std::fmt::Write;

/// The job for an engine that is to answer `replay`.
pub(crate) fn job(replay: &Replay, workers: usize) -> Job {
    let rules = replay.rules.iter().map(|rule| rule.toml()).chain([Budget::toml(&replay.rules)]);
    let rules: Vec<String> = rules.collect();
    Job {
        events: replay.events.clone(),
        rules: vec![("oracle.toml".to_owned(), rules.join("\n"))],
        config: replay.config.toml(),
        workers,
        tick_ms: replay.grid,
        until: replay.until,
    }
}

/// Rows out of an engine's CloudEvents lines; types other than the two are passed over.
pub(crate) fn rows(lines: &[String]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for line in lines {
        let json: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let data = &json["data"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| -> Vec<String> {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().map(|v| v.as_str().or(v["item_id"].as_str()).unwrap_or_default().to_owned()).collect()
        };
        let what = match json["type"].as_str() {
            Some("offer.made") => {
                let mut handles = texts(&data["handles"]);
                handles.sort();
                What::Made {
                    rule: text(&data["rule"]),
                    episode: text(&data["episode"]),
                    person: text(&data["person"]),
                    handles,
                    channel: text(&data["channel"]),
                    address: text(&data["address"]),
                    score: data["score"].as_i64().ok_or_else(|| format!("no score: {line}"))?,
                    items: texts(&data["items"]),
                }
            }
            Some("offer.withdrawn") => What::Withdrawn { reason: text(&data["reason"]) },
            _ => continue,
        };
        let time: jiff::Timestamp =
            text(&json["time"]).parse().map_err(|error| format!("{error}: {line}"))?;
        rows.push(Row { tick: time.as_millisecond() as Time, offer_id: text(&data["offer_id"]), what });
    }
    Ok(rows)
}

/// CloudEvents lines out of rows, as an engine would print them.
pub(crate) fn lines(rows: &[Row]) -> Vec<String> {
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> String {
    let time = jiff::Timestamp::from_millisecond(row.tick as i64).expect("a moment of our age").to_string();
    let id = &row.offer_id;
    let (kind, data) = match &row.what {
        What::Made { rule, episode, person, handles, channel, address, score, items } => (
            "offer.made",
            serde_json::json!({ "offer_id": id, "rule": rule, "episode": episode, "person": person,
                "handles": handles, "channel": channel, "address": address, "score": score, "items": items }),
        ),
        What::Withdrawn { reason } => {
            ("offer.withdrawn", serde_json::json!({ "offer_id": id, "reason": reason }))
        }
    };
    serde_json::json!({ "specversion": "1.0", "type": kind, "time": time, "data": data }).to_string()
}

/// What an engine says otherwise than the oracle, or `None` where they agree.
pub(crate) fn difference(replay: &Replay, engine: &dyn Engine, workers: usize) -> Option<String> {
    let expected = answer(replay, Ticks::Due);
    let found = match engine.replay(&job(replay, workers)).and_then(|lines| rows(&lines)) {
        Ok(found) => found,
        Err(error) => return Some(format!("the engine failed with {workers} workers: {error}")),
    };
    let place =
        (0..expected.len().max(found.len())).find(|place| expected.get(*place) != found.get(*place))?;
    let mut text = format!("row {place} differs with {workers} workers\n");
    for (who, rows) in [("oracle", &expected), ("engine", &found)] {
        let _ = match rows.get(place) {
            Some(row) => writeln!(text, "  {who}: {} {} {:?}", clock_text(row.tick), row.offer_id, row.what),
            None => writeln!(text, "  {who}: nothing more"),
        };
    }
    for (who, rows) in [("oracle", &expected), ("engine", &found)] {
        let _ = writeln!(text, "all of the {who}:\n{}", describe(rows).join("\n"));
    }
    Some(text)
}

/// Rows a person can read: `TIME made RULE PERSON CHANNEL SCORE ITEMS EPISODE`, and
/// `TIME withdrawn RULE REASON`.
pub(crate) fn describe(rows: &[Row]) -> Vec<String> {
    let rule_of = |id: &str| {
        rows.iter().find_map(|row| match &row.what {
            What::Made { rule, .. } if row.offer_id == id => Some(rule.clone()),
            _ => None,
        })
    };
    let describe = |row: &Row| {
        let time = clock_text(row.tick);
        match &row.what {
            What::Made { rule, episode, person, channel, score, items, .. } => {
                let items = if items.is_empty() { "-".to_owned() } else { items.join(",") };
                format!("{time} made {rule} {person} {channel} {score} {items} {episode}")
            }
            What::Withdrawn { reason } => {
                format!(
                    "{time} withdrawn {} {reason}",
                    rule_of(&row.offer_id).unwrap_or_else(|| row.offer_id.clone())
                )
            }
        }
    };
    rows.iter().map(describe).collect()
}

/// The smallest list found, by leaving out ever shorter stretches, for which `fails` still holds.
pub(crate) fn smallest(events: &[String], fails: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut kept = events.to_vec();
    let mut stretch = kept.len().div_ceil(2).max(1);
    loop {
        let before = kept.len();
        let mut from = 0;
        while from < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(from..(from + stretch).min(kept.len()));
            if !fewer.is_empty() && fails(&fewer) {
                kept = fewer;
            } else {
                from += stretch;
            }
        }
        if stretch > 1 {
            stretch = stretch.div_ceil(2);
        } else if kept.len() == before {
            return kept;
        }
    }
}

/// Fails with everything needed to look into it, if the engine does not agree with the oracle.
pub(crate) fn assert_agrees(name: &str, replay: &Replay, engine: &dyn Engine, workers: usize) {
    let Some(first) = difference(replay, engine, workers) else { return };
    let with = |events: &[String]| Replay { events: events.to_vec(), ..replay.clone() };
    let small =
        with(&smallest(&replay.events, |events| difference(&with(events), engine, workers).is_some()));
    let rest = difference(&small, engine, workers).unwrap_or_default();
    let Job { rules, config, tick_ms, until, .. } = job(replay, workers);
    let rules = rules.into_iter().map(|(_, text)| text).collect::<String>();
    panic!(
        "{name}: {first}\nscript ({} events):\n{}\n\nrules:\n{rules}\nconfiguration:\n{config}\ntick {tick_ms} ms, \
         until {until:?}\n\nsmallest script ({} events):\n{}\n\n{rest}",
        replay.events.len(),
        replay.events.join("\n"),
        small.events.len(),
        small.events.join("\n"),
    );
}
