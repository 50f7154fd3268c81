//! The same story for many: enough offers to speak of a latency.
//!
//! Invariant: each copy is people of its own (handles, event ids and purchases carry its number), some
//! milliseconds after the one before; what is about things (prices, stock) happens once, for all.

use super::DemoError;
use super::stage::Answer;
use hdrhistogram::Histogram;
use serde_json::Value;
use shopbell_model::time::{Time, format_rfc3339, parse_rfc3339};
use std::time::Duration;

/// Milliseconds between one copy's event and the next copy's.
const APART: Time = 3;

/// The events of a story for so many copies of its people, one a line, in log order.
pub fn crowd(text: &str, copies: u64) -> Result<String, DemoError> {
    let mut lines: Vec<(Time, String)> = Vec::new();
    let mut clock = 0;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let event: Value = serde_json::from_str(line).map_err(|error| DemoError::Event {
            line: index + 1,
            reason: error.to_string(),
            hint: "one JSON object a line".to_owned(),
        })?;
        let time = event.get("time").and_then(Value::as_str).and_then(parse_rfc3339);
        let time = time.and_then(|time| Time::try_from(time).ok()).unwrap_or(clock);
        // A late event stays as late as it is.
        clock = time.max(clock);
        if event.get("subject").is_none() {
            lines.push((clock, line.to_owned()));
            continue;
        }
        for copy in 0..copies {
            let mut event = event.clone();
            rename(&mut event, copy);
            set(&mut event, "time", format_rfc3339(time + copy * APART));
            lines.push((clock + copy * APART, event.to_string()));
        }
    }
    lines.sort_by_key(|(clock, _)| *clock);
    Ok(lines.into_iter().map(|(_, line)| line + "\n").collect())
}

fn set(object: &mut Value, key: &str, text: String) {
    if let Some(value) = object.get_mut(key) {
        *value = Value::String(text);
    }
}

/// Adds the copy's number to what names a person, a purchase or an event.
fn rename(event: &mut Value, copy: u64) {
    let numbered = |object: &mut Value, key: &str| {
        if let Some(text) = object.get(key).and_then(Value::as_str).map(|text| format!("{text}-{copy}")) {
            set(object, key, text);
        }
    };
    numbered(event, "id");
    numbered(event, "subject");
    if let Some(data) = event.get_mut("data") {
        ["with", "transaction_id", "request_id"].into_iter().for_each(|key| numbered(data, key));
    }
}

/// Latencies in the words of a report.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Ticks in which an event made an offer.
    pub answers: usize,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
    /// The tick with most offers.
    pub largest: Answer,
}

impl Latency {
    /// Sums up; `None` where there was no offer.
    pub fn of(answers: &[Answer]) -> Result<Option<Self>, DemoError> {
        let Some(largest) = answers.iter().max_by_key(|answer| answer.offers) else { return Ok(None) };
        let failed = |error: &dyn std::fmt::Display| DemoError::Latency(error.to_string());
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).map_err(|e| failed(&e))?;
        for answer in answers {
            let micros = u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX);
            histogram.record(micros.max(1)).map_err(|error| failed(&error))?;
        }
        let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
        Ok(Some(Latency {
            answers: answers.len(),
            p50: at(0.5),
            p99: at(0.99),
            max: Duration::from_micros(histogram.max()),
            largest: *largest,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_people_of_their_own_and_things_happen_once() {
        let text = "{\"id\":\"1\",\"time\":\"2025-01-01T00:00:00Z\",\"type\":\"stock.level\"}\n\
                    {\"id\":\"2\",\"subject\":\"card:1\",\"time\":\"2025-01-01T00:00:01Z\",\
                    \"data\":{\"with\":\"cookie:1\"}}\n";
        let crowd = crowd(text, 3).unwrap();
        let events: Vec<Value> = crowd.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 4);
        let last = events.last().unwrap();
        assert_eq!((&last["id"], &last["subject"]), (&"2-2".into(), &"card:1-2".into()));
        assert_eq!(last["data"]["with"], "cookie:1-2");
        assert_eq!(last["time"], "2025-01-01T00:00:01.006Z");
    }

    #[test]
    fn a_late_event_stays_behind_what_it_arrived_after() {
        let text = "{\"id\":\"1\",\"subject\":\"a:1\",\"time\":\"2025-01-01T00:01:00Z\"}\n\
                    {\"id\":\"2\",\"subject\":\"a:1\",\"time\":\"2025-01-01T00:00:00Z\"}\n";
        let crowd = crowd(text, 2).unwrap();
        let ids: Vec<_> = crowd.lines().map(|line| line.contains("\"id\":\"1-")).collect();
        assert_eq!(ids, [true, false, true, false]);
    }

    #[test]
    fn quantiles_are_of_the_answers() {
        let answer = |offers, micros| Answer { offers, took: Duration::from_micros(micros) };
        let mut answers = vec![answer(1, 100); 98];
        answers.extend([answer(7, 500), answer(1, 900)]);
        let latency = Latency::of(&answers).unwrap().unwrap();
        assert_eq!((latency.answers, latency.largest.offers), (100, 7));
        assert_eq!(latency.p50, Duration::from_micros(100));
        assert!(latency.p99 >= Duration::from_micros(500) && latency.p99 < Duration::from_micros(510));
        assert!(latency.max >= Duration::from_micros(900));
        assert!(Latency::of(&[]).unwrap().is_none());
    }
}
