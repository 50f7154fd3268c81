//! The result, for people and for scripts.

use crate::Arguments;
use crate::offers::Heard;
use crate::send::Sent;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// A finished measurement.
pub(crate) struct Report {
    pub(crate) rate: f64,
    pub(crate) sent: Sent,
    pub(crate) heard: Heard,
}

impl Report {
    pub(crate) fn new(arguments: &Arguments, sent: Sent, heard: Heard) -> Self {
        Report { rate: arguments.rate, sent, heard }
    }

    /// Events a second that were really sent.
    fn achieved(&self) -> f64 {
        self.sent.events as f64 / self.sent.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn refused(&self, status: u16) -> u64 {
        self.sent.answers.get(&status).map_or(0, |(requests, _)| *requests)
    }

    pub(crate) fn json(&self) -> Value {
        let answers: Map<String, Value> = self
            .sent
            .answers
            .iter()
            .map(|(status, (requests, events))| {
                (status_name(*status), json!({"requests": requests, "events": events}))
            })
            .collect();
        json!({
            "rate": self.rate,
            "achieved_rate": self.achieved(),
            "seconds": self.sent.elapsed.as_secs_f64(),
            "events": self.sent.events,
            "answers": answers,
            "answers_429": self.refused(429),
            "answers_400": self.refused(400),
            "offers": {
                "made": self.heard.made,
                "withdrawn": self.heard.withdrawn,
                "without_cause_here": self.heard.foreign,
                "unreadable": self.heard.unreadable,
                "cut_off": self.heard.cut_off,
            },
            "event_to_offer_us": quantiles(&self.heard.made_after),
            "event_to_withdrawal_us": quantiles(&self.heard.withdrawn_after),
            "send_lateness_us": quantiles(&self.sent.lateness),
            "answer_us": quantiles(&self.sent.answer_time),
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} events in {:.1} s: {:.0}/s of {:.0}/s asked for",
            self.sent.events,
            self.sent.elapsed.as_secs_f64(),
            self.achieved(),
            self.rate
        );
        for (status, (requests, events)) in &self.sent.answers {
            let name = status_name(*status);
            let _ = writeln!(text, "  answered {name}: {requests} requests, {events} events");
        }
        let heard = &self.heard;
        let _ = writeln!(
            text,
            "  offers: {} made, {} withdrawn, {} without a cause sent here, {} unreadable{}",
            heard.made,
            heard.withdrawn,
            heard.foreign,
            heard.unreadable,
            if heard.cut_off { "; THE STREAM OF OFFERS ENDED EARLY" } else { "" }
        );
        let _ = writeln!(
            text,
            "  {:<16}{:>9}{:>10}{:>10}{:>10}{:>10}",
            "ms", "count", "p50", "p99", "p99.9", "max"
        );
        for (name, histogram) in [
            ("event to offer", &heard.made_after),
            ("to withdrawal", &heard.withdrawn_after),
            ("sent too late by", &self.sent.lateness),
            ("answered after", &self.sent.answer_time),
        ] {
            let _ = write!(text, "  {name:<16}{:>9}", histogram.len());
            for value in [
                histogram.value_at_quantile(0.5),
                histogram.value_at_quantile(0.99),
                histogram.value_at_quantile(0.999),
                histogram.max(),
            ] {
                let _ = write!(text, "{:>10.2}", value as f64 / 1000.0);
            }
            text.push('\n');
        }
        text
    }
}

fn status_name(status: u16) -> String {
    if status == 0 { "none".to_owned() } else { status.to_string() }
}

fn quantiles(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return json!({"count": 0});
    }
    json!({
        "count": histogram.len(),
        "p50": histogram.value_at_quantile(0.5),
        "p99": histogram.value_at_quantile(0.99),
        "p99.9": histogram.value_at_quantile(0.999),
        "max": histogram.max(),
    })
}
