//! The scanner against serde_json: the same texts accepted, the same strings read.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn scan(text: &str, depth: usize) -> Result<&str, Fault> {
    let tape = Tape::scan(text, depth)?;
    let node = tape.nodes[0];
    Ok(&text[node.start as usize..node.end as usize])
}

/// The same value as serde_json has it; `None` where a number is too large for that.
fn tree(value: super::Value<'_>) -> Option<Value> {
    Some(match value.kind() {
        Kind::Plain | Kind::Escaped => Value::String(value.text().unwrap().into_owned()),
        Kind::Object => {
            let inside: Vec<_> = value.inside().collect();
            let member =
                |pair: &[super::Value<'_>]| Some((pair[0].text().unwrap().into_owned(), tree(pair[1])?));
            Value::Object(inside.chunks(2).map(member).collect::<Option<_>>()?)
        }
        Kind::Array => Value::Array(value.inside().map(tree).collect::<Option<_>>()?),
        _ => serde_json::from_str(value.raw()).ok()?,
    })
}

/// serde_json's verdict: its grammar from a pass that skips, its surrogates from one that reads.
/// Numbers beyond a double are JSON, so reading is not asked about them; where it stops at one, it says nothing of
/// surrogates behind it: `None`.
fn serde_accepts(text: &str) -> Option<bool> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Some(false);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Some(true),
        Err(error) if !error.to_string().starts_with("number out of range") => Some(false),
        Err(_) => (!text.contains("\\u")).then_some(true),
    }
}

/// Whether the scanner takes a text as serde_json does, as far as that says.
fn agree(text: &str) -> bool {
    serde_accepts(text).is_none_or(|accepts| scan(text, 100).is_ok() == accepts)
}

/// JSON with escapes, spaces and nesting, written in ways serde_json would not.
fn json() -> impl Strategy<Value = String> {
    let string = prop::collection::vec(
        prop_oneof![
            Just("\\n".to_owned()),
            Just("\\/".to_owned()),
            Just("\\u00E9".to_owned()),
            Just("\\ud83e\\udd3f".to_owned()),
            Just("\\uD800".to_owned()),
            Just("\\udc00".to_owned()),
            "[a-z ]{0,9}",
            "[é🤿\u{7f}]",
        ],
        0..5,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf = prop_oneof![
        string.clone(),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let array =
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(" ,")));
        let object = prop::collection::vec((string.clone(), inner), 0..4).prop_map(|all| {
            let all: Vec<_> = all.iter().map(|(key, value)| format!("{key}:\t{value}\n")).collect();
            format!("{{ {}}}", all.join(","))
        });
        prop_oneof![array, object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn json_is_what_serde_json_takes_for_it(text in json()) {
        prop_assert!(agree(&text), "{} {:?}", text, scan(&text, 100));
    }

    #[test]
    fn damaged_json_is_what_serde_json_takes_for_it(
        text in json(), at in any::<prop::sample::Index>(), with in "[\\x00-\\x7f\u{e9}]{0,2}", cut in 0..3_usize,
    ) {
        let characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let (before, after) = characters.split_at(at);
        let text: String = before.iter().copied().chain(with.chars()).chain(after.iter().skip(cut).copied()).collect();
        prop_assert!(agree(&text), "{} {:?}", text, scan(&text, 100));
    }

    #[test]
    fn values_are_those_of_serde_json(text in json()) {
        if let Ok(tape) = Tape::scan(&text, 100) {
            prop_assert_eq!(tree(tape.root().unwrap()), serde_json::from_str(&text).ok());
        }
    }

    #[test]
    fn any_string_reads_back(text in any::<String>()) {
        let written = serde_json::to_string(&text).unwrap();
        let tape = Tape::scan(&written, 0).unwrap();
        prop_assert_eq!(tape.root().unwrap().text().unwrap(), text);
    }

    #[test]
    fn plain_bytes_are_counted_as_one_by_one(bytes in prop::collection::vec(prop_oneof![9 => 0x20..=0xff_u8, 1 => any::<u8>()], 0..40)) {
        let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        prop_assert_eq!(plain(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
    }
}

#[test]
fn a_number_too_large_for_serde_json_hides_no_surrogate_from_the_scanner() {
    let text = "[1E000310, \"\\uD800\"]";
    assert_eq!((serde_accepts(text), scan(text, 9).is_ok()), (None, false));
    assert_eq!(serde_accepts("[1E000310]"), Some(true));
}

#[test]
fn nesting_is_counted() {
    assert_eq!(scan("[[{\"a\":[]}],[]]", 4), Ok("[[{\"a\":[]}],[]]"));
    assert_eq!(scan("[[{\"a\":[]}],[]]", 3), Err(Fault::Deep));
    assert_eq!(scan(" 5 ", 0), Ok("5"));
    assert_eq!(scan("{}", 0), Err(Fault::Deep));
    assert_eq!(scan(&"[".repeat(1_000_000), 128), Err(Fault::Deep));
}

#[test]
fn faults_are_located() {
    for (text, at, reason) in [
        ("", 0, "unexpected end"),
        ("{", 1, "unexpected end"),
        ("{\"a\"}", 4, "expected :"),
        ("{\"a\":1,}", 7, "expected a key"),
        ("[1,]", 3, "expected a value"),
        ("[1 2]", 3, "expected , or ]"),
        ("{\"a\":01}", 6, "expected , or }"),
        ("-", 1, "expected a digit"),
        ("1.e5", 2, "expected a digit"),
        ("nul", 0, "expected a value"),
        ("\"ab", 3, "text without end"),
        ("\"a\tb\"", 2, "control character in text"),
        ("\"\\x\"", 1, "invalid escape"),
        ("\"\\u12g4\"", 1, "invalid escape"),
        ("\"é\\ud800\\n\"", 3, "lone surrogate"),
        ("1 1", 2, "more behind the end"),
        ("\u{feff}1", 0, "expected a value"),
    ] {
        assert_eq!(scan(text, 9), Err(Fault::Syntax(at, reason)), "{text}");
    }
}
