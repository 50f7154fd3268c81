//! HTTP over real sockets: what clients send, do not send, and get.

mod events;
mod limits;
mod offers;
mod status;

use shopbell::config;
use shopbell::http::{Edge, Phase, Readiness, router, serve};
use shopbell::metrics::Metrics;
use shopbell::sink::Broadcast;
use shopbell::source::{Decoded, Intake, IntakeReceiver, Refused};
use shopbell_model::event::{Body, Event};
use shopbell_model::key::{Brand, EventRef, ItemId, LocationId, Text};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Bound of every wait: far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in the process, with the engine's side in the test's hand.
struct Server {
    address: SocketAddr,
    edge: Edge,
    receiver: IntakeReceiver,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::with(config::Http::default(), 1000).await
    }

    async fn with(settings: config::Http, queue_events: usize) -> Self {
        let metrics = Metrics::new();
        let (intake, receiver) = Intake::bounded(queue_events);
        let edge = Edge {
            intake,
            acknowledged: shopbell::source::Acknowledged::at_once(),
            decoder: Arc::new(decode),
            offers: Broadcast::with_queue(settings.streams, 4, metrics.clone()),
            webhooks: shopbell::sink::Webhooks::default(),
            reloads: shopbell::reload::Reloads::new(
                "nowhere".into(),
                None,
                Default::default(),
                metrics.clone(),
            ),
            readiness: Readiness::default(),
            inquiries: shopbell::explain::Inquiries::default(),
            clock: config::ClockKind::Wall,
            metrics,
            settings,
            admin: None,
        };
        edge.readiness.set(Phase::Running);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = edge.clone();
        let served = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            serve(listener, router(&serving), &serving, shutdown).await;
        });
        Server { address, edge, receiver, stop: Some(stop), served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on a connection of its own.
    async fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let length = if head.starts_with("POST") && !head.contains("content-length") {
            format!("content-length: {}\r\n", body.len())
        } else {
            String::new()
        };
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let headers: String = headers.lines().map(|header| format!("{}\r\n", header.trim())).collect();
        let head = format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{length}{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may answer and close before it read everything.
        let _ = stream.write_all(body).await;
        Answer::read(&mut stream).await
    }

    async fn post(&self, content_type: &str, body: &str) -> Answer {
        self.ask(&format!("POST /v1/events\ncontent-type: {content_type}"), body.as_bytes()).await
    }

    /// Ids of the events that arrived at the engine.
    fn taken(&mut self) -> Vec<String> {
        self.receiver.drain(usize::MAX).iter().map(|event| event.reference.id.to_string()).collect()
    }
}

/// A whole answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // An answer that came before a reset counts.
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("no answer");
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str()))
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not json: {self:?}"))
    }

    /// Status and code of an error, whose form is checked.
    fn error(&self) -> (u16, String) {
        let json = self.json();
        for key in ["code", "message", "hint"] {
            assert!(!json[key].as_str().unwrap().is_empty(), "{key} in {json}");
        }
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        (self.status, json["code"].as_str().unwrap().to_owned())
    }
}

/// Stands for the decoder: `{"id":…}` is an event, with a `type` it is of an unknown one.
fn decode(raw: &[u8]) -> Result<Decoded, Refused> {
    let refused = |code| Refused { code, reason: "it is wrong".into(), hint: "right it".into() };
    let json: serde_json::Value = serde_json::from_slice(raw).map_err(|_| refused("not-json"))?;
    let id = json["id"].as_str().ok_or_else(|| refused("no-id"))?;
    if let Some(name) = json["type"].as_str() {
        return Ok(Decoded::UnknownType(Text::from(name)));
    }
    let brand = Brand::default();
    Ok(Decoded::Event(Event {
        reference: EventRef { source: Text::from("test"), id: Text::from(id) },
        brand: brand.clone(),
        time: 1_700_000_000_000,
        body: Body::StockDelta {
            location: LocationId::new(&brand, "l"),
            item: ItemId::new(&brand, "i"),
            delta: 1,
        },
    }))
}
