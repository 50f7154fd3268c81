//! The schema against the loader.

use super::*;
use crate::rules::load;
use crate::rules::testing::{self, expected, given, settings};

/// Whether a value fits a schema, as far as ours go.
fn fits(schema: &Value, value: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return true };
    schema.iter().all(|(word, means)| match word.as_str() {
        "type" => match means.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            other => panic!("type {other}"),
        },
        "enum" => means.as_array().unwrap().contains(value),
        "const" => means == value,
        "anyOf" => means.as_array().unwrap().iter().any(|schema| fits(schema, value)),
        "allOf" => means.as_array().unwrap().iter().all(|schema| fits(schema, value)),
        "if" => !fits(means, value) || fits(&schema["then"], value),
        "minimum" => value.as_f64().is_none_or(|number| number >= means.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= means.as_f64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.len() >= means.as_u64().unwrap() as usize),
        "maxLength" => value.as_str().is_none_or(|text| text.len() <= means.as_u64().unwrap() as usize),
        "minItems" => value.as_array().is_none_or(|list| list.len() >= means.as_u64().unwrap() as usize),
        "maxItems" => value.as_array().is_none_or(|list| list.len() <= means.as_u64().unwrap() as usize),
        "uniqueItems" => {
            value.as_array().is_none_or(|list| (0..list.len()).all(|at| !list[..at].contains(&list[at])))
        }
        "items" => value.as_array().is_none_or(|list| list.iter().all(|one| fits(means, one))),
        "required" => {
            let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
            !value.is_object() || means.as_array().unwrap().iter().all(has)
        }
        "dependentRequired" => means.as_object().unwrap().iter().all(|(key, needs)| {
            let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
            value.get(key).is_none() || needs.as_array().unwrap().iter().all(has)
        }),
        "properties" => {
            means.as_object().unwrap().iter().all(|(key, of)| value.get(key).is_none_or(|one| fits(of, one)))
        }
        "propertyNames" => value
            .as_object()
            .is_none_or(|table| table.keys().all(|key| fits(means, &Value::from(key.as_str())))),
        "additionalProperties" => value.as_object().is_none_or(|table| {
            let known = |key: &String| schema.get("properties").is_some_and(|known| known.get(key).is_some());
            table
                .iter()
                .filter(|(key, _)| !known(key))
                .all(|(_, one)| *means != Value::Bool(false) && fits(means, one))
        }),
        "pattern" => value.as_str().is_none_or(|text| matches_pattern(means.as_str().unwrap(), text)),
        "$schema" | "title" | "description" | "then" => true,
        other => panic!("the test does not know {other}"),
    })
}

/// The two patterns there are.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let is_span = |text: &str| {
        let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < text.len() && ["ms", "s", "m", "h", "d"].contains(&digits)
    };
    if pattern.contains("per") {
        let parts = text.trim().split_once(" per ");
        return parts.is_some_and(|(count, span)| {
            !count.trim().is_empty()
                && count.trim().chars().all(|c| c.is_ascii_digit())
                && is_span(span.trim())
        });
    }
    is_span(text)
}

/// TOML as JSON; dates as text.
fn json_of(text: &str) -> Value {
    fn value(toml: toml::Value) -> Value {
        match toml {
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => json!(number),
            toml::Value::Boolean(yes) => yes.into(),
            toml::Value::Datetime(moment) => moment.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(value).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, one)| (key, value(one))).collect::<Map<_, _>>().into()
            }
        }
    }
    value(toml::Value::Table(toml::from_str(text).unwrap()))
}

fn loads(text: &str) -> bool {
    load(&[("t.toml".to_owned(), text.to_owned())]).is_ok()
}

#[test]
fn every_key_of_the_loader_is_described() {
    let tables = [
        ("rule", &RULE_KEYS[..]),
        ("offer", &OFFER_KEYS),
        ("policy", &POLICY_KEYS),
        ("test", &testing::KEYS),
        ("given", &given::KEYS),
        ("expect", &expected::OFFER),
        ("expect", &expected::WITHDRAWN),
        ("expect", &expected::KEPT_BACK),
        ("test.policy", &settings::POLICY),
        ("test.presence", &settings::PRESENCE),
        ("test.learning", &settings::LEARNING),
    ];
    let situations = SITUATIONS.iter().map(|one| (one.name, one.parameters));
    for (of, keys) in tables.into_iter().chain(situations) {
        for key in keys {
            let described = property(of, key).unwrap_or_else(|| panic!("{of}.{key} is not described"));
            assert!(described["description"].as_str().is_some_and(|text| !text.is_empty()), "{of}.{key}");
        }
    }
}

/// Values to try: those that mean something somewhere, and some that never do.
const VALUES: [&str; 22] = [
    "\"10m\"",
    "\"10 minutes\"",
    "\"cart\"",
    "\"item\"",
    "\"first_add\"",
    "\"prime\"",
    "\"send\"",
    "\"3 per 7d\"",
    "\"\"",
    "[\"cart\"]",
    "[\"none\"]",
    "[]",
    "[\"a\", \"a\"]",
    "0",
    "1",
    "101",
    "-1",
    "0.5",
    "true",
    "{ count = 1, within = \"1h\" }",
    "{ count = 0 }",
    "[1]",
];

#[test]
fn what_the_schema_lets_pass_the_loader_lets_pass_and_the_other_way_round() {
    let schema = schema();
    let (mut good, mut bad) = (0, 0);
    let mut check = |text: &str| {
        let (fits, loads) = (fits(&schema, &json_of(text)), loads(text));
        assert_eq!(
            fits,
            loads,
            "schema {fits}, loader {loads}: {text}\n{:?}",
            load(&[("t".into(), text.into())]).err()
        );
        *(if loads { &mut good } else { &mut bad }) += 1;
    };
    for situation in SITUATIONS.iter() {
        let needed = |but: &str| -> String {
            let needs =
                situation.parameters.iter().filter(|key| is_required(situation.name, key) && **key != but);
            needs
                .map(|key| {
                    let value = match *key {
                        "idle" => "\"10m\"",
                        "segment" => "\"customer.vip\"",
                        _ => "1",
                    };
                    format!("{key} = {value}\n")
                })
                .collect()
        };
        let rule = |more: &str, but: &str| {
            format!(
                "[rule.r]\nwhen = \"{}\"\noffer = {{ title = \"t\" }}\n{}{more}\n",
                situation.name,
                needed(but)
            )
        };
        check(&rule("", ""));
        check(&rule("unheard_of = 1", ""));
        for key in SITUATIONS.iter().flat_map(|one| one.parameters) {
            check(&rule("", key));
            // What a text says as an expression only the loader knows.
            for value in VALUES.iter().filter(|value| *key != "segment" || !value.starts_with('"')) {
                check(&rule(&format!("{key} = {value}"), key));
            }
        }
    }
    let of = |table: &str, key: &str, value: &str| {
        let offer = if key == "title" { "" } else { "title = \"t\"\n" };
        match table {
            "rule" => {
                format!("[rule.r]\nwhen = \"checked_in\"\n{key} = {value}\n[rule.r.offer]\ntitle = \"t\"\n")
            }
            "offer" => format!("[rule.r]\nwhen = \"checked_in\"\n[rule.r.offer]\n{offer}{key} = {value}\n"),
            _ => format!(
                "[rule.r]\nwhen = \"checked_in\"\noffer.title = \"t\"\n[rule.r.policy]\n{key} = {value}\n"
            ),
        }
    };
    // Expressions and moments are for the loader alone; `when` and `offer` are in every example.
    let only_loader = ["when", "offer", "policy", "where", "score", "from", "until"];
    for (table, keys) in [("rule", &RULE_KEYS[..]), ("offer", &OFFER_KEYS), ("policy", &POLICY_KEYS)] {
        for key in keys.iter().filter(|key| !only_loader.contains(key)) {
            for value in VALUES {
                check(&of(table, key, value));
            }
        }
    }
    check("[rule.r]\nwhen = \"checked_in\"\n");
    check("[rule.r]\nwhen = \"checked_out\"\noffer.title = \"t\"\n");
    for budget in
        ["amount = 5.00", "amount = -1", "per = \"day\"", "amount = 5\nper = \"day\"\ntz = \"Asia/Tokyo\""]
    {
        check(&format!("[budget.b]\n{budget}\n"));
        check(&format!("[budget.b]\n{budget}\n{}", of("offer", "cost", "2.5\nbudget = \"b\"")));
    }
    check("[budget.b]\namount = 5\ntz = \"Asia/Tokyo\"\n");
    check("[rules.r]\nwhen = \"checked_in\"\noffer.title = \"t\"\n");
    for (table, keys) in SETTINGS {
        for key in keys {
            // Hours and time zones are for the loader alone.
            for value in
                VALUES.iter().filter(|value| !matches!(*key, "tz" | "quiet_hours") || !value.starts_with('"'))
            {
                // An exit above the entry only the loader sees.
                let besides = if *key == "exit_rssi" { "enter_rssi = 50\n" } else { "" };
                check(&of_test("", &format!("[test.{table}]\n{besides}{key} = {value}\n")));
            }
        }
        check(&of_test("", &format!("[test.{table}]\nunheard_of = 1\n")));
    }
    // Moments, handles, and rules that must exist are for the loader alone.
    for key in
        ["channel", "title", "body", "coupon", "items", "location", "zone", "score", "reason", "policy"]
    {
        for value in VALUES.iter().chain(&["\"bought\"", "\"cooldown\""]) {
            for kind in ["offer", "withdrawn", "kept_back"] {
                check(&of_test(&format!("{{ {kind} = \"r\", {key} = {value} }}"), ""));
            }
        }
    }
    for expected in ["{}", "{ offer = \"r\", withdrawn = \"r\" }", "{ at = \"10:00\" }", "1"] {
        check(&of_test(expected, ""));
    }
    for kind in ["web.search", "web.serch"] {
        check(&of_test("", "").replace(
            "given = []",
            &format!("given = [{{ at = \"10:00\", who = \"a:b\", type = \"{kind}\" }}]"),
        ));
    }
    assert!(good > 200 && bad > 1500, "{good} {bad}");
}

const SETTINGS: [(&str, &[&str]); 3] =
    [("policy", &settings::POLICY), ("presence", &settings::PRESENCE), ("learning", &settings::LEARNING)];

/// A test with that expectation and those settings.
fn of_test(expected: &str, settings: &str) -> String {
    format!(
        "[rule.r]\nwhen = \"checked_in\"\noffer.title = \"t\"\n[[test]]\nname = \"t\"\ngiven = []\nexpect = [{expected}]\n{settings}"
    )
}
