//! The JSON Schema of rule files, so that editors complete and check them while they are written.
//!
//! Invariant: made from the loader's own tables of situations and keys; the tests hold that every key has a description
//! here, and that what the schema lets pass and what the loader lets pass is the same, but for what only the loader can
//! know (expressions, names that must exist). Source: JSON Schema draft 2020-12.

use super::limits;
use super::load::{OFFER_KEYS, POLICY_KEYS};
use super::parameters::{FARTHEST, RULE_KEYS, SITUATIONS, Situation};
use serde_json::{Map, Value, json};

mod proofs;

/// The schema of a rule file.
pub fn schema() -> Value {
    let situations: Vec<Value> = SITUATIONS.iter().map(branch).collect();
    let names: Vec<&str> = SITUATIONS.iter().map(|one| one.name).collect();
    let mut rule_properties = properties(&RULE_KEYS, "rule");
    rule_properties
        .insert("when".to_owned(), described("the situation the rule reacts to", json!({ "enum": names })));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shopbell rules",
        "description": "Made by `shopbell schema`. What each key means stands in docs/rules.md.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "rule": {
                "type": "object",
                "description": "rules by name",
                "propertyNames": { "maxLength": limits::NAME_BYTES },
                "additionalProperties": {
                    "type": "object",
                    "required": ["when", "offer"],
                    "properties": rule_properties,
                    "allOf": situations
                }
            },
            "budget": {
                "type": "object",
                "description": "money for offers, by name",
                "propertyNames": { "maxLength": limits::NAME_BYTES },
                "additionalProperties": budget()
            },
            "test": { "type": "array", "description": "what rules are for, tested by `shopbell test`", "items": proofs::test() }
        }
    })
}

/// What holds where `when` names this situation.
fn branch(situation: &Situation) -> Value {
    let keys: Vec<&str> = RULE_KEYS.iter().chain(situation.parameters).copied().collect();
    let required: Vec<&str> =
        situation.parameters.iter().copied().filter(|key| is_required(situation.name, key)).collect();
    json!({
        "if": { "properties": { "when": { "const": situation.name } } },
        "then": {
            "properties": properties(situation.parameters, situation.name),
            "required": required,
            "propertyNames": { "enum": keys }
        }
    })
}

fn is_required(situation: &str, key: &str) -> bool {
    matches!(
        (situation, key),
        ("running_low", "at_most")
            | ("price_dropped", "by_percent")
            | ("browse_abandoned" | "lapsed", "idle")
            | ("nearby", "within")
            | ("segment_entered", "segment")
    )
}

fn properties(keys: &[&str], of: &str) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), property(of, key).unwrap_or_else(|| json!({})))).collect()
}

fn described(description: &str, schema: Value) -> Value {
    with(schema, "description", json!(description))
}

/// The same with one more word.
fn with(mut schema: Value, word: &str, means: Value) -> Value {
    if let Some(words) = schema.as_object_mut() {
        words.insert(word.to_owned(), means);
    }
    schema
}

fn span() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
}

fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": limits::NAME_BYTES })
}

fn names() -> Value {
    json!({ "type": "array", "items": name(), "minItems": 1, "uniqueItems": true })
}

fn expression() -> Value {
    json!({ "type": "string", "maxLength": limits::EXPRESSION_BYTES })
}

fn template() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": limits::TEMPLATE_BYTES })
}

/// Words of `interest`; `none` only where no article is needed.
fn interest(situation: &str) -> Value {
    let mut words = vec!["cart", "wishlist", "viewed"];
    if matches!(situation, "zone_entered" | "store_left") {
        words.push("none");
    }
    json!({ "type": "array", "items": { "enum": words }, "minItems": 1 })
}

/// One key: of `rule`, `offer`, `policy`, of a situation, or of a test's tables.
fn property(of: &str, key: &str) -> Option<Value> {
    if proofs::TABLES.contains(&of) {
        return proofs::property(of, key);
    }
    let (description, schema) = match (of, key) {
        ("rule", "when") => ("the situation the rule reacts to", json!({ "type": "string" })),
        ("rule", "where") => ("a CEL expression that must hold", expression()),
        ("rule", "score") => {
            let either = json!({ "anyOf": [percent(), expression()] });
            ("0 to 100: a number, or a CEL expression, clamped", either)
        }
        ("rule", "priority") => ("between equal scores, higher first", json!({ "type": "integer" })),
        ("rule", "enabled") => ("false: checked, not used", json!({ "type": "boolean" })),
        ("rule", "from") => ("not before this moment, with an offset", json!({})),
        ("rule", "until") => ("not at or after this moment, with an offset", json!({})),
        ("rule", "brand") => ("only for this brand", name()),
        ("rule", "backfill") => {
            ("who matches already when the rule arrives: told, or sent", json!({ "enum": ["prime", "send"] }))
        }
        ("rule", "offer") => ("what is offered", {
            let offer = table(&OFFER_KEYS, "offer", &["title"]);
            // One is nothing without the other.
            with(offer, "dependentRequired", json!({ "budget": ["cost"], "cost": ["budget"] }))
        }),
        ("rule", "policy") => ("how often", table(&POLICY_KEYS, "policy", &[])),
        ("offer", "title") => ("one line, with {{ expressions }}", template()),
        ("offer", "body") => (
            "text below it, with {{ expressions }}",
            json!({ "type": "string", "maxLength": limits::TEMPLATE_BYTES }),
        ),
        ("offer", "coupon") => ("a coupon code", name()),
        ("offer", "valid") => ("how long it holds once sent, at most 30d", span()),
        ("offer", "channels") => ("channels it may use, best first", names()),
        ("offer", "units") => ("coupons there are", json!({ "type": "integer", "minimum": 0 })),
        ("offer", "units_back") => ("after what a unit or its money is back", {
            json!({ "type": "array", "items": { "enum": ["expired", "withdrawn", "redeemed"] } })
        }),
        ("offer", "budget") => ("the budget it is paid from, a `[budget.NAME]` of any file", name()),
        ("offer", "cost") => ("what one is reckoned to cost", money()),
        ("offer", "replaceable") => {
            ("a better one may take its place while it is not delivered", json!({ "type": "boolean" }))
        }
        ("policy", "category") => ("what a person can say no to", name()),
        ("policy", "cooldown") => ("pause between two of this rule to one person", span()),
        ("policy", "cap") => ("of this rule to one person, \"3 per 7d\"", cap()),
        (_, "idle") => ("how long nothing happened", span()),
        ("nearby", "within") => {
            let metres = json!({ "type": "integer", "minimum": 1, "maximum": FARTHEST });
            ("metres from the location", metres)
        }
        (_, "within") => ("how long it counts", span()),
        (_, "per") => ("the cart as one, or each line by itself", json!({ "enum": ["item", "cart"] })),
        (_, "idle_from") => ("what idle is counted from", json!({ "enum": ["first_add", "last_activity"] })),
        (_, "dwell") => ("how long in the zone", span()),
        (situation, "interest") => ("which interests in articles count", interest(situation)),
        (_, "in_stock") => ("only articles that are in stock there", json!({ "type": "boolean" })),
        (_, "zones") => ("only these: `zone` or `location/zone`", names()),
        (_, "min_dwell") => ("how long the visit was at least", span()),
        (_, "after") => ("how long after it nothing was bought", span()),
        (_, "location") => ("only there", name()),
        (_, "at_most") => ("at most so many in stock", json!({ "type": "integer", "minimum": 1 })),
        (_, "by_percent") => {
            ("how far the price fell", json!({ "type": "number", "minimum": 0.01, "maximum": 100 }))
        }
        (_, "min_views") => ("views at least", json!({ "type": "integer", "minimum": 1, "maximum": 1000 })),
        (_, "segment") => ("a CEL expression over `customer` that comes true", expression()),
        (_, "approval") => ("only once somebody approved", json!({ "type": "boolean" })),
        _ => return None,
    };
    Some(described(description, schema))
}

fn table(keys: &[&str], of: &str, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties(keys, of), "required": required, "additionalProperties": false })
}

fn percent() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 100 })
}

fn cap_text() -> Value {
    json!({ "type": "string", "pattern": "^ *[0-9]+ +per +[0-9]+(ms|s|m|h|d) *$" })
}

fn cap() -> Value {
    let count = json!({ "type": "integer", "minimum": 1 });
    let table = json!({
        "type": "object",
        "properties": { "count": count, "within": span() },
        "required": ["count", "within"],
        "additionalProperties": false
    });
    json!({ "anyOf": [cap_text(), table] })
}

fn money() -> Value {
    json!({ "type": "number", "minimum": 0, "maximum": 100_000_000_000_u64 })
}

fn budget() -> Value {
    json!({
        "type": "object",
        "properties": {
            "amount": described("money there is", money()),
            "per": { "enum": ["day"], "description": "anew each day; else once for all" },
            "tz": { "type": "string", "description": "whose day it is" }
        },
        "required": ["amount"],
        "dependentRequired": { "tz": ["per"] },
        "additionalProperties": false
    })
}

#[cfg(test)]
mod tests;
