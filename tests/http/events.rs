//! `POST /v1/events`.

use super::*;

#[tokio::test]
async fn objects_arrays_and_lines_are_taken_in_order() {
    let mut server = Server::start().await;
    for (content_type, body, ids) in [
        ("application/cloudevents+json; charset=UTF-8", "{\n\"id\":\"a\"\n}\n", vec!["a"]),
        ("application/json", " [{\"id\":\"b\"}, {\"id\":\"c\"}]", vec!["b", "c"]),
        ("application/cloudevents-batch+json", "[]", vec![]),
        ("application/x-ndjson", "{\"id\":\"d\"}\r\n\n{\"id\":\"e\"}", vec!["d", "e"]),
    ] {
        let answer = server.post(content_type, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json(), serde_json::json!({ "accepted": ids.len(), "unknown": 0 }));
        assert_eq!(server.taken(), ids);
    }
    assert!(server.edge.metrics.text().unwrap().contains("shopbell_events_total{source=\"http\"} 5"));
}

#[tokio::test]
async fn unknown_types_are_counted_and_skipped() {
    let mut server = Server::start().await;
    let answer = server.post("application/json", r#"[{"id":"a","type":"x"},{"id":"b"}]"#).await;
    assert_eq!(answer.json(), serde_json::json!({ "accepted": 1, "unknown": 1 }));
    assert_eq!(server.taken(), ["b"]);
    assert_eq!(server.edge.metrics.unknown_types.get(), 1);
}

#[tokio::test]
async fn one_bad_event_keeps_the_whole_body_out_and_is_named() {
    let mut server = Server::start().await;
    let body = "{\"id\":\"a\"}\n\n{\"x\":1}\n{\"id\":\"b\"}\n{torn\n";
    let answer = server.post("application/x-ndjson", body).await;
    assert_eq!(answer.error(), (400, "events-refused".into()));
    let json = answer.json();
    assert_eq!(json["message"], "2 of 4 events are refused; none was taken");
    let named: Vec<_> = json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["index"].as_u64().unwrap(), event["line"].as_u64().unwrap(), &event["code"]))
        .collect();
    assert_eq!(named, [(1, 3, &"no-id".into()), (3, 5, &"not-json".into())]);
    assert!(json["events"][0]["hint"].is_string() && json["events"][0]["reason"].is_string());
    assert!(server.taken().is_empty());
    let array = server.post("application/json", "[{\"id\":\"a\"},7]").await.json();
    assert_eq!(array["events"][0]["index"], 1);
    assert!(array["events"][0].get("line").is_none());
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_body_of_refusals_only_gets_a_bounded_answer() {
    let server = Server::start().await;
    let answer = server.post("application/x-ndjson", &"x\n".repeat(100_000)).await;
    assert_eq!(answer.error(), (400, "events-refused".into()));
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 1000);
    assert_eq!(answer.json()["left_out"], 99_000);
}

#[tokio::test]
async fn a_large_body_is_decoded_like_a_small_one() {
    let mut server = Server::with(config::Http::default(), 10_000).await;
    let ids: Vec<String> = (0..5000).map(|n| format!("event-number-{n}")).collect();
    let body: String = ids.iter().map(|id| format!("{{\"id\":\"{id}\"}}\n")).collect();
    assert!(body.len() > 100_000);
    assert_eq!(server.post("application/x-ndjson", &body).await.json()["accepted"], 5000);
    assert_eq!(server.taken(), ids);
}

#[tokio::test]
async fn what_is_no_batch_of_events_is_refused_by_name() {
    let mut server = Server::start().await;
    for (content_type, body, status, code) in [
        ("text/plain", "{\"id\":\"a\"}", 415, "wrong-content-type"),
        ("application/x-www-form-urlencoded", "{\"id\":\"a\"}", 415, "wrong-content-type"),
        ("application/json; charset=latin1", "{\"id\":\"a\"}", 415, "wrong-content-type"),
        ("application/json\ncontent-encoding: gzip", "{\"id\":\"a\"}", 415, "wrong-content-type"),
        ("application/json", "", 400, "no-events"),
        ("application/x-ndjson", "\n \n", 400, "no-events"),
        ("application/json", "[{\"id\":\"a\"},", 400, "not-json"),
        ("application/json", "[{\"id\":\"a\"}]]", 400, "not-json"),
    ] {
        assert_eq!(
            server.post(content_type, body).await.error(),
            (status, code.into()),
            "{content_type} {body}"
        );
    }
    assert!(server.taken().is_empty());
    let metrics = server.edge.metrics.text().unwrap();
    assert!(metrics.contains("shopbell_http_refusals_total{code=\"wrong-content-type\"} 4"), "{metrics}");
}

#[tokio::test]
async fn a_client_without_a_content_type_is_read_as_json() {
    let mut server = Server::start().await;
    assert_eq!(server.ask("POST /v1/events", b"[{\"id\":\"a\"}]").await.status, 202);
    assert_eq!(server.taken(), ["a"]);
}

#[tokio::test]
async fn an_engine_that_is_behind_takes_nothing_and_says_when_to_come_again() {
    let mut server = Server::with(config::Http::default(), 3).await;
    let two = r#"[{"id":"a"},{"id":"b"}]"#;
    assert_eq!(server.post("application/json", two).await.status, 202);
    let answer = server.post("application/json", two).await;
    assert_eq!(answer.error(), (429, "engine-behind".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(server.post("application/json", r#"{"id":"c"}"#).await.status, 202);
    // Full now: refused before the body is read.
    assert_eq!(server.post("application/json", "[").await.error(), (429, "engine-behind".into()));
    assert_eq!(server.taken(), ["a", "b", "c"]);
    assert_eq!(server.post("application/json", two).await.status, 202);
    server.receiver.close();
    assert_eq!(server.post("application/json", two).await.error(), (503, "engine-stopping".into()));
}
