//! The part of the schema that is about `[[test]]` tables.
//!
//! Invariant: keys and words are the loader's own lists. What a line of `given` says, which rules there are and where the
//! clock stands only the loader can know.

use super::{cap_text as cap, described, name, names, percent, span, table};
use crate::event::Kind;
use crate::rules::limits;
use crate::rules::testing::{self, expected, given, settings};
use serde_json::{Value, json};

/// What [`property`] knows the keys of.
pub(super) const TABLES: [&str; 6] =
    ["test", "given", "expect", "test.policy", "test.presence", "test.learning"];

/// A test.
pub(super) fn test() -> Value {
    table(&testing::KEYS, "test", &["name", "given", "expect"])
}

fn moment() -> Value {
    json!({ "type": "string" })
}

fn handle() -> Value {
    json!({ "type": "string", "minLength": 3 })
}

fn level() -> Value {
    json!({ "type": "number", "minimum": -200, "maximum": 50 })
}

/// One key: of a test, of one of its events or expectations, or of its settings.
pub(super) fn property(of: &str, key: &str) -> Option<Value> {
    match of {
        "test" => of_test(key),
        "given" => of_event(key),
        "expect" => of_expectation(key),
        "test.policy" => of_policy(key),
        "test.presence" => of_presence(key),
        "test.learning" => of_learning(key),
        _ => None,
    }
}

fn of_test(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "name" => ("what is tested", name()),
        "rules" => (
            "the rules in force; those of this file where left out",
            json!({ "type": "array", "items": name() }),
        ),
        "day" => ("the day of its times, as 2025-03-03", json!({})),
        "tz" => ("the time zone of its times", json!({ "type": "string" })),
        "brand" => ("of all its events", name()),
        "given" => ("events, in the order in which they arrive", {
            let line = json!({ "type": "string", "maxLength": limits::TEST_LINE_BYTES });
            let event = table(&given::KEYS, "given", &["at", "type"]);
            json!({ "type": "array", "maxItems": limits::TEST_EVENTS, "items": { "anyOf": [line, event] } })
        }),
        "until" => ("where the clock stops", moment()),
        "policy" => ("contact policy, as in the configuration", table(&settings::POLICY, "test.policy", &[])),
        "channels" => {
            let kinds = json!({ "type": "object", "additionalProperties": { "type": "string" } });
            ("the kind of handle by which each channel reaches somebody", kinds)
        }
        "presence" => (
            "how signals become visits, as in the configuration",
            table(&settings::PRESENCE, "test.presence", &[]),
        ),
        "learning" => {
            ("accept rates, as in the configuration", table(&settings::LEARNING, "test.learning", &[]))
        }
        "expect" => ("what comes; [] is nothing", {
            let kinds = [
                table(&expected::OFFER, "expect", &["offer"]),
                table(&expected::WITHDRAWN, "expect", &["withdrawn"]),
                table(&expected::KEPT_BACK, "expect", &["kept_back"]),
            ];
            json!({ "type": "array", "maxItems": limits::TEST_EXPECTATIONS, "items": { "anyOf": kinds } })
        }),
        "others" => ("more offers and withdrawals may come", json!({ "type": "boolean" })),
        _ => return None,
    };
    Some(described(description, schema))
}

fn of_event(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "at" => ("when", moment()),
        "who" => ("a handle, kind:value", handle()),
        "type" => (
            "the event's type",
            json!({ "enum": Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() }),
        ),
        "data" => ("its data, as in the contract", json!({ "type": "object" })),
        _ => return None,
    };
    Some(described(description, schema))
}

fn of_expectation(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "offer" => ("the rule that makes an offer", name()),
        "withdrawn" => ("the rule whose offer is taken back", name()),
        "kept_back" => ("the rule whose candidate policy stops", name()),
        "at" => ("when", moment()),
        "who" => ("any handle of the person", handle()),
        "score" => ("its score", percent()),
        "channel" => ("the channel it goes to", name()),
        "title" => ("the title, whole", json!({ "type": "string" })),
        "body" => ("the body, whole", json!({ "type": "string" })),
        "coupon" => ("the coupon", name()),
        "items" => ("its articles, best first", json!({ "type": "array", "items": name() })),
        "location" => ("the shop", name()),
        "zone" => ("the zone", name()),
        "valid_until" => ("when it ends by itself", moment()),
        "reason" => {
            ("why it is taken back", json!({ "enum": expected::REASONS.map(|reason| reason.as_str()) }))
        }
        "policy" => ("the policy that stops it", json!({ "enum": expected::POLICIES })),
        _ => return None,
    };
    Some(described(description, schema))
}

fn of_policy(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "cap" => ("offers to one person, \"3 per 7d\"", cap()),
        "channel_caps" => {
            let caps = json!({ "type": "object", "additionalProperties": cap() });
            ("offers to one person on each channel", caps)
        }
        "quiet_hours" => ("when nothing is sent, \"21:00-08:00\"", json!({ "type": "string" })),
        "tz" => ("the time zone of persons whose own is not known", json!({ "type": "string" })),
        "hold_out_percent" => ("how many of a hundred persons never get an offer", percent()),
        "min_score" => ("what scores less is not sent", percent()),
        "cooldown" => ("pause between two offers of one rule to one person", span()),
        "hold" => ("how long one offer to a person keeps others waiting", span()),
        "consent" => (
            "who gets offers: all who did not refuse, or who agreed",
            json!({ "enum": ["opt_out", "opt_in"] }),
        ),
        "channels" => ("channels to use, best first", names()),
        _ => return None,
    };
    Some(described(description, schema))
}

fn of_presence(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "enter_rssi" => ("dBm at which a visit of a zone starts", level()),
        "exit_rssi" => ("dBm below which nothing keeps it going", level()),
        "exit_after" => ("how long without such a reading ends it", span()),
        "window" => {
            ("readings that are averaged", json!({ "type": "integer", "minimum": 1, "maximum": 1000 }))
        }
        "mode" => ("one zone at a time, or all", json!({ "enum": ["strongest", "all"] })),
        "leave_after" => ("how long without a sign ends the visit of a shop", span()),
        "lateness" => ("how long after its time a reading still counts", span()),
        _ => return None,
    };
    Some(described(description, schema))
}

fn of_learning(key: &str) -> Option<Value> {
    let (description, schema) = match key {
        "every" => ("how often rates change", span()),
        "segment" => ("the attribute that parts customers", name()),
        "start_rate" => (
            "where rates begin, in basis points",
            json!({ "type": "integer", "minimum": 0, "maximum": 10_000 }),
        ),
        "weight" => (
            "how many offers the start counts as",
            json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 }),
        ),
        _ => return None,
    };
    Some(described(description, schema))
}
