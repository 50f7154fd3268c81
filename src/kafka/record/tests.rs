//! What records are taken for.

use super::*;
use proptest::prelude::*;

fn text<'a>(content: &'a Content<'_>) -> Option<&'a str> {
    match content {
        Content::Tombstone => None,
        Content::Event(bytes) => Some(std::str::from_utf8(bytes).unwrap()),
    }
}

fn binary<'a>(more: &[(&'a str, &'a [u8])]) -> Vec<Header<'a>> {
    let mut headers: Vec<Header<'_>> = vec![
        ("ce_specversion", Some(b"1.0")),
        ("ce_id", Some(b"1")),
        ("ce_source", Some(b"web")),
        ("ce_type", Some(b"web.login")),
    ];
    headers.extend(more.iter().map(|(name, value)| (*name, Some(*value))));
    headers
}

#[test]
fn structured_records_are_passed_on_as_they_are() {
    let value = br#"{"id":"1"}"#.as_slice();
    let kinds: [&[Header<'_>]; 4] = [
        &[],
        &[("content-type", Some(b"application/cloudevents+json; charset=UTF-8"))],
        &[("content-type", Some(b"Application/CloudEvents+JSON")), ("ce_id", Some(b"9"))],
        &[("trace", Some(b"\xff"))],
    ];
    for headers in kinds {
        assert_eq!(
            content(headers, Some(value), 100).unwrap(),
            Content::Event(Cow::Borrowed(value)),
            "{headers:?}"
        );
    }
    assert_eq!(content(&[], None, 100).unwrap(), Content::Tombstone);
    assert_eq!(content(&binary(&[]), None, 100).unwrap(), Content::Tombstone);
}

#[test]
fn binary_records_become_the_same_event() {
    let headers =
        binary(&[("ce_subject", b"card:\"1\""), ("ce_brand", b"b"), ("ce_other", b"x"), ("ce_data", b"9")]);
    let found = content(&headers, Some(b" {\"with\":\"a:1\"}\n"), 100).unwrap();
    assert_eq!(
        text(&found),
        Some(
            r#"{"specversion":"1.0","id":"1","source":"web","type":"web.login","subject":"card:\"1\"","brand":"b","data":{"with":"a:1"}}"#
        )
    );
    let found = content(&binary(&[]), Some(b""), 100).unwrap();
    assert_eq!(text(&found), Some(r#"{"specversion":"1.0","id":"1","source":"web","type":"web.login"}"#));
}

#[test]
fn what_cannot_be_told_for_sure_is_refused() {
    let value = br#"{"location":"a"}"#.as_slice();
    let cases: [(Vec<Header<'_>>, &[u8], &str); 11] = [
        (binary(&[("ce_id", b"2")]), value, "kafka-header-twice"),
        (binary(&[("ce_subject", b"\xff")]), value, "kafka-header"),
        (binary(&[("ce_subject", b"card:\n1")]), value, "kafka-header"),
        (vec![("ce_id", None)], value, "kafka-header"),
        (binary(&[]), b"{} {}", "kafka-data"),
        (binary(&[]), b"{},\"id\":\"3\"", "kafka-data"),
        (binary(&[]), b"{\"a\":1", "kafka-data"),
        (binary(&[]), b"\xff", "kafka-data"),
        (binary(&[("content-type", b"application/avro")]), value, "kafka-content-type"),
        (vec![("content-type", Some(b"application/cloudevents-batch+json"))], value, "kafka-content-type"),
        (vec![("content-type", Some(b"a")), ("content-type", Some(b"b"))], value, "kafka-header-twice"),
    ];
    for (headers, value, code) in cases {
        let refused = content(&headers, Some(value), 1000).unwrap_err();
        assert_eq!(refused.code, code, "{headers:?} {refused:?}");
        assert!(!refused.hint.is_empty());
    }
    assert!(content(&binary(&[("content-type", b"application/json")]), Some(value), 1000).is_ok());
}

#[test]
fn a_value_beyond_the_limit_is_not_looked_at() {
    let value = [b'x'; 50];
    assert_eq!(content(&binary(&[]), Some(&value), 49).unwrap(), Content::Event(Cow::Borrowed(&value)));
}

#[test]
fn a_mark_tells_records_apart() {
    let marks = [
        mark(1, Some(2), Some(b"k"), Some(b"v")),
        mark(2, Some(2), Some(b"k"), Some(b"v")),
        mark(1, Some(3), Some(b"k"), Some(b"v")),
        mark(1, Some(2), None, Some(b"kv")),
        mark(1, Some(2), Some(b"kv"), None),
        mark(1, Some(2), Some(b"kv"), Some(b"")),
        mark(1, None, Some(b"k"), Some(b"v")),
    ];
    for (index, one) in marks.iter().enumerate() {
        assert!(*one != 0 && !marks[..index].contains(one), "{index}");
    }
    assert_eq!(marks[0], mark(1, Some(2), Some(b"k"), Some(b"v")));
}

proptest! {
    /// Whatever is in headers and value, an event has no other attributes than those of the headers.
    #[test]
    fn nothing_gets_into_an_event_by_its_parts(subject in "\\PC{0,20}", value in "[\\[\\]{}\",:a-c0-2 ]{0,12}") {
        let headers = binary(&[("ce_subject", subject.as_bytes())]);
        if let Ok(Content::Event(bytes)) = content(&headers, Some(value.as_bytes()), 1000) {
            let event: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let event = event.as_object().unwrap();
            prop_assert_eq!(event["subject"].as_str(), Some(subject.as_str()));
            let data = serde_json::from_str::<serde_json::Value>(&value).ok();
            prop_assert_eq!(event.get("data"), data.as_ref());
            prop_assert_eq!(event.len(), 5 + usize::from(data.is_some()));
        }
    }
}
