//! `GET /v1/offers`.

use super::*;
use shopbell::sink::{Message, MessageKind, Sink, TickOutput};

fn tick(rows: &[(&str, &str, &str, MessageKind)]) -> TickOutput {
    let message = |(key, channel, id, kind): &(&str, &str, &str, MessageKind)| Message {
        key: (*key).into(),
        offer_id: (*id).into(),
        kind: *kind,
        channel: (*channel).into(),
        valid_until: None,
        forgotten: false,
        json: format!("{{\"id\":\"{id}\"}}").into(),
    };
    TickOutput { tick: 1, messages: rows.iter().map(message).collect() }
}

/// Connects and reads the head: from then on the client hears.
async fn listen(server: &Server, query: &str) -> TcpStream {
    let mut stream = server.connect().await;
    let head = format!("GET /v1/offers{query} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    stream
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("nothing came");
        match byte {
            Ok(byte) => text.push(char::from(byte)),
            Err(_) => break,
        }
    }
    text
}

#[tokio::test]
async fn offers_come_as_they_are_made_through_the_filter() {
    let mut server = Server::start().await;
    let mut all = listen(&server, "").await;
    let mut some = listen(&server, "?person=card%3A1&channel=web").await;
    let (made, withdrawn) = (MessageKind::Made, MessageKind::Withdrawn);
    let output = tick(&[
        ("card:1", "sms", "a", made),
        ("card:2", "web", "b", made),
        ("card:1", "web", "c", withdrawn),
    ]);
    server.edge.offers.deliver(&output).unwrap();
    let first = read_until(&mut all, "\n\n").await;
    assert!(first.contains("event: offer.made\ndata: {\"id\":\"a\"}\nid: a\n\n"), "{first}");
    let only = read_until(&mut some, "\n\n").await;
    assert!(only.contains("event: offer.withdrawn\ndata: {\"id\":\"c\"}\nid: c\n\n"), "{only}");
    let stopped = tokio::time::Instant::now();
    server.stop.take().unwrap().send(()).unwrap();
    let rest = Answer { status: 0, head: String::new(), body: read_until(&mut some, "never").await };
    assert!(!rest.body.contains("event:"), "{rest:?}");
    tokio::time::timeout(PATIENCE, &mut server.served).await.expect("still serving").unwrap();
    // Half the time after which connections are cut off: the streams ended by themselves.
    assert!(stopped.elapsed() < Duration::from_secs(5), "streams hold the shutdown up");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_and_told() {
    let server = Server::start().await;
    let mut hub = server.edge.offers.clone();
    let mut slow = listen(&server, "").await;
    // Nobody yields to the connection in between: its queue of four overflows.
    for id in ["1", "2", "3", "4", "5", "6"] {
        hub.deliver(&tick(&[("p", "sms", id, MessageKind::Made)])).unwrap();
    }
    // The last chunk: the answer ends, not only what waited.
    let text = read_until(&mut slow, "\r\n0\r\n\r\n").await;
    assert!(text.contains("id: 4\n") && !text.contains("id: 5\n"), "{text}");
    assert!(text.contains("event: error\ndata: {\"code\":\"too-slow\""), "{text}");
    assert_eq!(server.edge.metrics.streams_dropped.get(), 1);
}

#[tokio::test]
async fn clients_leave_and_are_not_counted_any_more() {
    let server = Server::with(config::Http { streams: 1, ..config::Http::default() }, 10).await;
    let only = listen(&server, "").await;
    assert_eq!(server.ask("GET /v1/offers", b"").await.error(), (503, "too-many-streams".into()));
    assert_eq!(server.edge.metrics.streams.get(), 1);
    drop(only);
    let gone = async {
        while server.edge.metrics.streams.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("still counted");
    listen(&server, "?channel=sms").await;
}

#[tokio::test]
async fn a_wrong_query_is_named() {
    let server = Server::start().await;
    let answer = server.ask("GET /v1/offers?persn=card:1", b"").await;
    assert_eq!(answer.error(), (400, "wrong-query".into()));
}
