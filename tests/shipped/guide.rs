//! The rule guide: every key, every word a key may say and every field has an example, and all examples are loaded.
//!
//! What there is to give examples of comes from the loader's own tables: the schema and the fields.

use super::files::{root, text_of};
use super::proofs::tests_hold;
use serde_json::Value;
use shopbell_model::rules::fields::{FIELDS, Type};
use shopbell_model::rules::{customer, load, schema::schema};
use std::collections::BTreeSet;

fn guide() -> String {
    text_of(&root().join("docs/rules.md")).1
}

/// The ```toml blocks of the guide.
fn examples(guide: &str) -> Vec<String> {
    let mut examples = Vec::new();
    for (index, part) in guide.split("```toml\n").enumerate().skip(1) {
        let (example, _) = part.split_once("```").unwrap_or_else(|| panic!("block {index} is open"));
        examples.push(example.to_owned());
    }
    examples
}

/// Every block is a rule file, and its tests hold.
#[test]
fn the_examples_of_the_guide_are_rules() {
    for (index, example) in examples(&guide()).into_iter().enumerate() {
        let set = load(&[(format!("docs/rules.md, example {index}"), example)])
            .unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert!(!set.rules.is_empty(), "example {index} has no rule");
        tests_hold(&set);
    }
}

/// What is written at a place of a rule file, and what could be: `cart_abandoned.per`, `cart_abandoned.per = "item"`.
fn said(place: &str, value: &Value, said: &mut BTreeSet<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let place = format!("{place}.{key}");
                said.insert(place.clone());
                self::said(&place, value, said);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| self::said(place, value, said)),
        // An event in a line has the keys of one in a table.
        Value::String(_) if place == "test.given" => {
            said.extend(["at", "who", "type"].map(|key| format!("{place}.{key}")));
        }
        word => drop(said.insert(format!("{place} = {word}"))),
    }
}

/// Every key that a schema has, and every word that one of them may be.
fn sayable(place: &str, schema: &Value, sayable: &mut BTreeSet<String>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        sayable.insert(place.clone());
        self::sayable(&place, value, sayable);
    }
    // Of tests the keys are enough: words for them stand in tables of their own.
    let words = schema["enum"].as_array().filter(|_| !place.starts_with("test"));
    for word in words.into_iter().flatten() {
        sayable.insert(format!("{place} = {word}"));
    }
    if schema["items"].is_object() {
        self::sayable(place, &schema["items"], sayable);
    }
    for schema in schema["anyOf"].as_array().into_iter().flatten() {
        self::sayable(place, schema, sayable);
    }
}

/// What the guide's examples say: of a rule by its situation, of the rest by table.
fn said_in(examples: &[String]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for example in examples {
        let file: toml::Table = toml::from_str(example).unwrap();
        let file: Value = serde_json::to_value(file).unwrap();
        for rule in file["rule"].as_object().into_iter().flat_map(|rules| rules.values()) {
            said("rule", rule, &mut all);
            said(rule["when"].as_str().unwrap(), rule, &mut all);
        }
        file["budget"].as_object().into_iter().flatten().for_each(|(_, one)| said("budget", one, &mut all));
        file["test"].as_array().into_iter().flatten().for_each(|one| said("test", one, &mut all));
    }
    all
}

#[test]
fn every_key_and_every_word_of_one_has_an_example() {
    let schema = schema();
    let mut all = BTreeSet::new();
    let rule = &schema["properties"]["rule"]["additionalProperties"];
    sayable("rule", rule, &mut all);
    for situation in rule["allOf"].as_array().unwrap() {
        let name = situation["if"]["properties"]["when"]["const"].as_str().unwrap();
        sayable(name, &situation["then"], &mut all);
    }
    sayable("budget", &schema["properties"]["budget"]["additionalProperties"], &mut all);
    sayable("test", &schema["properties"]["test"]["items"], &mut all);
    assert!(all.len() > 120, "{all:#?}");
    let said = said_in(&examples(&guide()));
    let missing: Vec<_> = all.difference(&said).collect();
    assert!(missing.is_empty(), "no example in docs/rules.md says {missing:#?}");
}

/// The example in a field's row: a condition that a rule can have wherever the field is.
fn example_of(guide: &str, row: &str, asks: impl Fn(&shopbell_model::rules::Rule) -> bool) {
    let line = guide.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no row {row}"));
    let cell = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
    let example = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    let example = example.unwrap_or_else(|| panic!("no example in {line}"));
    // In a shop's zone with an article everything is there; `history` is in scores alone.
    let rule = format!(
        "[rule.r]\nwhen = 'zone_entered'\nscore = '''({example}) ? 60 : 40'''\noffer = {{ title = 't' }}"
    );
    let set = load(&[(line.to_owned(), rule)]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert!(asks(&set.rules[0]), "the example asks for something else: {line}");
}

#[test]
fn the_guide_lists_every_field_with_an_example() {
    let guide = guide();
    for info in FIELDS {
        let row = format!("| `{}` | {} | {} |", info.path(), info.of, info.doc);
        example_of(&guide, &row, |rule| rule.asks_for(info.field));
        assert!(info.of != Type::Dyn);
    }
    for name in customer::NAMES {
        example_of(&guide, &format!("| `customer.{name}` |"), |rule| rule.asks_for_attribute(name));
    }
}
