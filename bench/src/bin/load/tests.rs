//! Against a small server that behaves as told: what is measured is what was done.

use super::*;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// How the server behaves.
#[derive(Clone, Copy)]
struct Manner {
    /// It refuses every so-manieth request with 429.
    refuses: u64,
    /// It answers its first request only after this long.
    stalls: Duration,
    /// An offer follows an event of `store.check_in` after this long.
    thinks: Duration,
}

const PROMPT: Manner =
    Manner { refuses: u64::MAX, stalls: Duration::ZERO, thinks: Duration::from_millis(40) };

struct Server {
    manner: Manner,
    requests: AtomicU64,
    offers: broadcast::Sender<String>,
    received: Mutex<Vec<Value>>,
}

async fn serve(manner: Manner) -> (String, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (offers, _) = broadcast::channel(10_000);
    let server = Arc::new(Server { manner, requests: AtomicU64::new(0), offers, received: Mutex::default() });
    let shared = Arc::clone(&server);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, Arc::clone(&shared)));
        }
    });
    (url, server)
}

async fn answer(stream: TcpStream, server: Arc<Server>) {
    let (read, mut write) = stream.into_split();
    let mut read = AsyncBufReader::new(read);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        if head.starts_with("GET /v1/offers ") {
            let mut offers = server.offers.subscribe();
            write
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hi\n\n")
                .await
                .unwrap();
            while let Ok(offer) = offers.recv().await {
                if write.write_all(format!("data: {offer}\n\n").as_bytes()).await.is_err() {
                    return;
                }
            }
            return;
        }
        assert!(head.starts_with("POST /v1/events "), "{head}");
        let mut body = vec![0; length];
        read.read_exact(&mut body).await.unwrap();
        let number = server.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if number == 1 {
            tokio::time::sleep(server.manner.stalls).await;
        }
        let refused = number.is_multiple_of(server.manner.refuses);
        if !refused {
            take(&server, &body);
        }
        let status = if refused { "429 Too Many Requests" } else { "202 Accepted" };
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        if write.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn take(server: &Arc<Server>, body: &[u8]) {
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Value = serde_json::from_slice(line).unwrap();
        if event["type"] == "store.check_in" {
            let offer = serde_json::json!({
                "type": "offer.made",
                "data": {"because": {"events": [
                    {"source": "elsewhere", "id": "1"},
                    {"source": event["source"], "id": event["id"]},
                ]}},
            });
            let server = Arc::clone(server);
            tokio::spawn(async move {
                tokio::time::sleep(server.manner.thinks).await;
                server.offers.send(offer.to_string()).unwrap();
            });
        }
        server.received.lock().unwrap().push(event);
    }
}

async fn measured(manner: Manner, count: u64, rate: f64) -> (Value, Arc<Server>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let lines: String = (0..count)
        .map(|id| {
            let kind = if id % 10 == 0 { "store.check_in" } else { "store.enter" };
            format!(
                "{{\"source\":\"s\",\"id\":\"{id}\",\"type\":\"{kind}\",\"time\":\"2020-01-01T00:00:00Z\"}}\n"
            )
        })
        .collect();
    std::fs::write(&file, lines).unwrap();
    let (url, server) = serve(manner).await;
    let arguments =
        Arguments { url, events: file, rate, connections: 2, batch: 100, tick: 1, drain: 0.3, channel: None };
    let report = measure(&arguments).await.unwrap();
    assert!(!report.text().is_empty());
    (report.json(), server)
}

fn ms(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}")) / 1000.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_are_timed_from_when_their_event_was_due() {
    let (report, server) = measured(PROMPT, 500, 1000.0).await;
    assert_eq!(report["events"], 500);
    assert_eq!(report["answers"]["202"]["events"], 500);
    assert_eq!(report["offers"]["made"], 50);
    assert_eq!(report["offers"]["without_cause_here"], 0);
    assert_eq!(report["offers"]["cut_off"], false);
    assert_eq!(report["event_to_offer_us"]["count"], 50);
    let p50 = ms(&report["event_to_offer_us"]["p50"]);
    assert!((40.0..200.0).contains(&p50), "{report}");
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.49..1.5).contains(&seconds), "500 events at 1000/s: {report}");
    let received = server.received.lock().unwrap();
    let times: Vec<&str> = received.iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.iter().all(|time| *time > "2026" && time.len() == 24), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_counts_for_every_event_that_had_to_wait() {
    let manner = Manner { stalls: Duration::from_millis(400), ..PROMPT };
    let (report, _) = measured(manner, 500, 1000.0).await;
    // One of two connections stalls: half of what falls due meanwhile waits for it.
    assert!(ms(&report["send_lateness_us"]["max"]) > 300.0, "{report}");
    assert!(ms(&report["event_to_offer_us"]["p99"]) > 300.0, "{report}");
    assert!(ms(&report["send_lateness_us"]["p50"]) < 300.0, "the other goes on: {report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_counted_and_not_repeated() {
    let (report, server) = measured(Manner { refuses: 3, ..PROMPT }, 300, 1000.0).await;
    let refused = report["answers"]["429"]["events"].as_u64().unwrap();
    assert!(refused > 0 && report["answers_429"] == report["answers"]["429"]["requests"], "{report}");
    assert_eq!(server.received.lock().unwrap().len() as u64, 300 - refused);
}

#[tokio::test]
async fn nobody_there_and_wrong_addresses_are_told_apart() {
    for (url, code) in [
        ("http://127.0.0.1:1", "load-connect"),
        ("https://127.0.0.1:1", "load-address"),
        ("http://127.0.0.1:1/v1", "load-address"),
        ("engine", "load-address"),
    ] {
        let arguments = Arguments {
            channel: None,
            url: url.to_owned(),
            events: PathBuf::from("absent.jsonl"),
            rate: 1.0,
            connections: 1,
            batch: 1,
            tick: 1,
            drain: 0.0,
        };
        assert_eq!(measure(&arguments).await.err().unwrap().code(), code, "{url}");
    }
}
