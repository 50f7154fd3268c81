//! Tests of the webhook sink against a receiver that fails on demand.

use super::*;
use crate::config::SecretReference;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use shopbell_model::time;
use std::sync::atomic::AtomicU32;
use wiremock::matchers::{body_string, header, method};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATIENCE: Patience = Patience {
    first: Duration::from_millis(2),
    longest: Duration::from_millis(1500),
    retry_for: Duration::from_secs(20),
    unwanted: 3,
};

fn clock() -> u64 {
    1_700_000_000
}

fn settings(url: &str) -> Webhook {
    Webhook {
        name: "crm".into(),
        url: url.into(),
        secret: SecretReference::Environment("UNUSED".into()),
        timeout: time::Duration(1000),
        retry_for: time::Duration::from_secs(20),
        channels: None,
        allow_private: true,
        max_queue: 1000,
        max_failed: 1000,
    }
}

fn start(settings: &Webhook, metrics: &Metrics) -> Result<WebhookSink, SinkError> {
    start_among(settings, metrics, &Webhooks::default(), None)
}

fn start_among(
    settings: &Webhook,
    metrics: &Metrics,
    webhooks: &Webhooks,
    kept: Option<Vec<(u64, OutboxValue)>>,
) -> Result<WebhookSink, SinkError> {
    let secret = Secret::new(SECRET);
    WebhookSink::start_with(settings, &secret, around(metrics, webhooks, &Handle::current(), kept), PATIENCE)
}

fn around<'a>(
    metrics: &'a Metrics,
    webhooks: &'a Webhooks,
    runtime: &'a Handle,
    kept: Option<Vec<(u64, OutboxValue)>>,
) -> Surroundings<'a> {
    Surroundings { runtime, metrics, webhooks, clock, time: || 0, kept, answered: Arc::new(|| ()) }
}

fn message(key: &str, id: &str, kind: MessageKind) -> Message {
    let json = format!("{{\"id\":\"{id}\",\"type\":\"{}\"}}", kind.event_type());
    Message {
        key: key.into(),
        offer_id: id.into(),
        kind,
        channel: "sms".into(),
        valid_until: None,
        forgotten: false,
        json: json.into(),
    }
}

fn tick(messages: &[Message]) -> TickOutput {
    TickOutput { tick: 1, messages: messages.to_vec() }
}

/// Waits until something is so; the bound is far above what anything here takes.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("it did not come to that");
}

/// Waits until nothing waits.
async fn settle(sink: &WebhookSink) {
    until(async || sink.waiting() == 0).await;
}

async fn ids(server: &MockServer) -> Vec<String> {
    let id = |request: &Request| request.headers["webhook-id"].to_str().unwrap().to_owned();
    server.received_requests().await.unwrap().iter().map(id).collect()
}

/// Answers with each of these once, then with the last one.
struct Script(Vec<ResponseTemplate>, AtomicU32);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.1.fetch_add(1, Ordering::SeqCst) as usize;
        self.0[turn.min(self.0.len() - 1)].clone()
    }
}

async fn answering(answers: &[u16]) -> MockServer {
    let templates = answers.iter().map(|status| ResponseTemplate::new(*status)).collect();
    scripted(templates).await
}

async fn scripted(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(Script(answers, AtomicU32::new(0))).mount(&server).await;
    server
}

#[tokio::test]
async fn a_message_carries_its_headers_and_a_signature_that_verifies() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("webhook-id", "o1"))
        .and(header("webhook-timestamp", "1700000000"))
        .and(header("content-type", "application/cloudevents+json; charset=utf-8"))
        .and(body_string("{\"id\":\"o1\",\"type\":\"offer.made\"}"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let mut sink = start(&settings(&server.uri()), &Metrics::new()).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    let request = &server.received_requests().await.unwrap()[0];
    let signature = request.headers["webhook-signature"].to_str().unwrap().strip_prefix("v1,").unwrap();
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(b"o1.1700000000.");
    mac.update(&request.body);
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
}

#[tokio::test]
async fn failures_are_tried_again_under_the_same_id() {
    let server = answering(&[500, 302, 429, 200]).await;
    let metrics = Metrics::new();
    let mut sink = start(&settings(&server.uri()), &metrics).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    assert_eq!(ids(&server).await, ["o1", "o1", "o1", "o1"]);
    let counts = metrics.webhook("crm");
    assert_eq!((counts.delivered.get(), counts.failures.get(), counts.given_up.get()), (1, 3, 0));
    assert_eq!(counts.waiting.get(), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = answering(&[200]).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str());
    let server = scripted(vec![redirect]).await;
    let metrics = Metrics::new();
    let mut sink = start(&settings(&server.uri()), &metrics).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    assert!(ids(&elsewhere).await.is_empty());
    assert_eq!(ids(&server).await.len(), 3);
    assert_eq!(metrics.webhook("crm").given_up.get(), 1);
}

#[tokio::test]
async fn a_person_hears_in_order_whatever_fails() {
    let server = answering(&[503, 500, 200, 500, 200]).await;
    let mut sink = start(&settings(&server.uri()), &Metrics::new()).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Withdrawn)])).unwrap();
    sink.deliver(&tick(&[message("p", "o2", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    assert_eq!(ids(&server).await, ["o1", "o1", "o1", "o1.withdrawn", "o1.withdrawn", "o2"]);
}

#[tokio::test]
async fn gone_ends_the_subscription() {
    let server = answering(&[410]).await;
    let metrics = Metrics::new();
    let mut sink = start(&settings(&server.uri()), &metrics).unwrap();
    let two = [message("p", "o1", MessageKind::Made), message("p", "o2", MessageKind::Made)];
    sink.deliver(&tick(&two)).unwrap();
    settle(&sink).await;
    sink.deliver(&tick(&[message("p", "o3", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    assert_eq!(ids(&server).await, ["o1"]);
    assert_eq!(metrics.webhook("crm").given_up.get(), 3);
}

/// What a checkpoint would have.
fn kept(sink: &mut WebhookSink, up_to: u64) -> Vec<(u64, OutboxValue)> {
    sink.outbox_rows(up_to).into_iter().map(|(number, value)| (number, value.unwrap())).collect()
}

#[tokio::test]
async fn where_state_is_kept_a_receiver_that_is_gone_gets_everything_when_it_is_replayed() {
    let (gone, there) = (answering(&[410]).await, answering(&[200]).await);
    let (metrics, webhooks) = (Metrics::new(), Webhooks::default());
    let mut sink = start_among(&settings(&gone.uri()), &metrics, &webhooks, Some(vec![])).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    until(async || metrics.webhook("crm").disabled.get() == 1).await;
    sink.deliver(&tick(&[message("p", "o2", MessageKind::Made)])).unwrap();
    let rows = kept(&mut sink, 1);
    drop(sink);
    // Another life, another process: it stays disabled.
    let (metrics, webhooks) = (Metrics::new(), Webhooks::default());
    let _sink = start_among(&settings(&there.uri()), &metrics, &webhooks, Some(rows)).unwrap();
    let status = &webhooks.list()[0];
    assert_eq!((status.waiting, status.failed, status.disabled), (0, 2, true));
    assert_eq!(status.disabled_since.as_deref(), Some("2023-11-14T22:13:20.000Z"));
    assert_eq!(status.last_error.as_deref(), Some("answered with 410"));
    assert_eq!((ids(&gone).await, ids(&there).await), (vec!["o1".to_owned()], vec![]));
    assert_eq!((webhooks.replay("crm"), webhooks.replay("other")), (Some(2), None));
    until(async || ids(&there).await.len() == 2).await;
    assert_eq!(ids(&there).await, ["o1", "o2"]);
    assert!(!webhooks.list()[0].disabled);
}

#[tokio::test]
async fn what_waits_is_told_to_a_checkpoint_and_sent_by_the_next_life() {
    let (busy, there) = (answering(&[503]).await, answering(&[200]).await);
    let metrics = Metrics::new();
    let mut sink = start_among(&settings(&busy.uri()), &metrics, &Webhooks::default(), Some(vec![])).unwrap();
    for (tick, id) in [(1, "o1"), (2, "o2"), (3, "o3")] {
        sink.deliver(&TickOutput { tick, messages: vec![message("p", id, MessageKind::Made)] }).unwrap();
    }
    let rows = kept(&mut sink, 2);
    assert_eq!(rows.len(), 2);
    let _next = start_among(&settings(&there.uri()), &metrics, &Webhooks::default(), Some(rows)).unwrap();
    until(async || ids(&there).await.len() == 2).await;
    assert_eq!(ids(&there).await, ["o1", "o2"]);
}

#[tokio::test]
async fn an_answer_is_told_before_it_is_noted() {
    let server = answering(&[200]).await;
    let (metrics, webhooks, runtime) = (Metrics::new(), Webhooks::default(), Handle::current());
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let waited = webhooks.clone();
    let answered = Arc::new(move || {
        let waiting = waited.list()[0].waiting as u32;
        count.fetch_add(waiting, Ordering::SeqCst);
    });
    let around = Surroundings { answered, ..around(&metrics, &webhooks, &runtime, None) };
    let mut sink = WebhookSink::start(&settings(&server.uri()), &Secret::new(SECRET), around).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    settle(&sink).await;
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn retry_after_holds_all_lanes_back() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = scripted(vec![busy, ResponseTemplate::new(200)]).await;
    let mut sink = start(&settings(&server.uri()), &Metrics::new()).unwrap();
    let began = Instant::now();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    until(async || !ids(&server).await.is_empty()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let others: Vec<Message> =
        (0..20).map(|n| message(&format!("q{n}"), &format!("o{n}"), MessageKind::Made)).collect();
    sink.deliver(&tick(&others)).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(ids(&server).await.len(), 1);
    settle(&sink).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(ids(&server).await.len(), 22);
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_stall_delivery_nor_another_receiver() {
    let slow = scripted(vec![ResponseTemplate::new(200).set_delay(Duration::from_secs(60))]).await;
    let quick = answering(&[200]).await;
    let metrics = Metrics::new();
    let few = Webhook { max_queue: 10, name: "slow".into(), ..settings(&slow.uri()) };
    let mut sinks = [start(&few, &metrics).unwrap(), start(&settings(&quick.uri()), &metrics).unwrap()];
    let many: Vec<Message> =
        (0..100).map(|n| message(&format!("p{n}"), &format!("o{n}"), MessageKind::Made)).collect();
    let began = Instant::now();
    for sink in &mut sinks {
        sink.deliver(&tick(&many)).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    settle(&sinks[1]).await;
    assert_eq!(metrics.webhook("crm").delivered.get(), 100);
    let counts = metrics.webhook("slow");
    assert_eq!((counts.overflowed.get(), counts.waiting.get(), counts.delivered.get()), (90, 10, 0));
    assert_eq!(sinks[0].waiting(), 10);
}

#[tokio::test]
async fn only_the_wanted_channels_and_never_what_was_suppressed() {
    let server = answering(&[200]).await;
    let email = Webhook { channels: Some(vec!["email".into()]), ..settings(&server.uri()) };
    let mut sink = start(&email, &Metrics::new()).unwrap();
    let mut wanted = message("p", "wanted", MessageKind::Made);
    let mut suppressed = message("p", "suppressed", MessageKind::Suppressed);
    (wanted.channel, suppressed.channel) = ("email".into(), "email".into());
    sink.deliver(&tick(&[message("p", "sms", MessageKind::Made), suppressed, wanted])).unwrap();
    settle(&sink).await;
    assert_eq!(ids(&server).await, ["wanted"]);
}

#[tokio::test]
async fn private_addresses_are_refused_in_the_url_and_behind_a_name() {
    let server = answering(&[200]).await;
    let metrics = Metrics::new();
    let guarded = |url: String| Webhook { allow_private: false, ..settings(&url) };
    let port = server.address().port();
    for host in ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "10.0.0.1"] {
        let refused = start(&guarded(format!("http://{host}:{port}/")), &metrics).err().unwrap();
        assert_eq!(refused.code(), "webhook-private-address", "{host}");
    }
    let mut sink = start(&guarded(format!("http://localhost:{port}/")), &metrics).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    until(async || metrics.webhook("crm").refused.get() >= 2).await;
    assert!(ids(&server).await.is_empty());
    // The same name is reached where it is allowed: nothing but the guard kept it away.
    let mut open = start(&settings(&format!("http://localhost:{port}/")), &metrics).unwrap();
    open.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    settle(&open).await;
    assert_eq!(ids(&server).await, ["o1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_what_is_under_way() {
    let server = scripted(vec![ResponseTemplate::new(200).set_delay(Duration::from_millis(200))]).await;
    let mut sink = start(&settings(&server.uri()), &Metrics::new()).unwrap();
    sink.deliver(&tick(&[message("p", "o1", MessageKind::Made)])).unwrap();
    tokio::task::block_in_place(|| sink.flush()).unwrap();
    assert_eq!(ids(&server).await, ["o1"]);
}

#[tokio::test]
async fn a_secret_that_is_none_is_refused_at_the_start() {
    let (settings, secret) = (settings("https://example.com/"), Secret::new("hunter2"));
    let (metrics, webhooks, runtime) = (Metrics::new(), Webhooks::default(), Handle::current());
    let refused =
        WebhookSink::start(&settings, &secret, around(&metrics, &webhooks, &runtime, None)).err().unwrap();
    assert_eq!(refused.code(), "webhook-secret");
    assert!(!refused.to_string().contains("hunter2"));
}
