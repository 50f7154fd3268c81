//! Health, readiness, metrics, and what every answer has.

use super::*;

#[tokio::test]
async fn readiness_follows_the_engine() {
    let mut server = Server::with(config::Http::default(), 1).await;
    assert_eq!(server.ask("GET /readyz", b"").await.status, 200);
    for (phase, code) in [
        (Phase::Starting, "engine-starting"),
        (Phase::Stopping, "engine-stopping"),
        (Phase::Failed, "engine-failed"),
    ] {
        server.edge.readiness.set(phase);
        assert_eq!(server.ask("GET /readyz", b"").await.error(), (503, code.into()));
        assert_eq!(server.ask("GET /healthz", b"").await.status, 200);
    }
    server.edge.readiness.set(Phase::Running);
    assert_eq!(server.post("application/json", "{\"id\":\"a\"}").await.status, 202);
    assert_eq!(server.ask("GET /readyz", b"").await.error(), (503, "engine-behind".into()));
    server.taken();
    assert_eq!(server.ask("GET /readyz", b"").await.status, 200);
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let server = Server::start().await;
    server.post("application/json", "[{\"id\":\"a\"},{\"id\":\"b\"}]").await;
    let answer = server.ask("GET /metrics", b"").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(answer.body.contains("shopbell_events_total{source=\"http\"} 2\n"));
    assert!(answer.body.contains("shopbell_queued_events 2\n"));
    assert!(answer.body.contains("process_resident_memory_bytes "));
    assert!(answer.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_errors_in_json() {
    let server = Server::start().await;
    assert_eq!(server.ask("GET /v2/events", b"").await.error(), (404, "not-found".into()));
    let wrong = server.ask("GET /v1/events", b"").await;
    assert_eq!(wrong.error(), (405, "wrong-method".into()));
    assert_eq!(wrong.header("allow"), Some("post"));
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_or_the_clients() {
    let server = Server::start().await;
    let id = async |headers: &str| {
        let answer = server.ask(&format!("GET /healthz{headers}"), b"").await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("\nx-request-id: till-7.42").await, "till-7.42");
    let (first, second) = (id("").await, id("").await);
    assert_ne!(first, second);
    assert_ne!(id(&format!("\nx-request-id: {}", "x".repeat(129))).await, "x".repeat(129));
    assert_ne!(id("\nx-request-id: a b").await, "a b");
}
