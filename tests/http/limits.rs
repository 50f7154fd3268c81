//! Clients that send too much, too slowly or nothing, and the end of the server.

use super::*;
use shopbell_model::time;

fn settings() -> config::Http {
    config::Http { max_body: 4096, read_timeout: time::Duration(300), ..config::Http::default() }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_announced_or_not() {
    let mut server = Server::with(settings(), 1000).await;
    let fits = format!("{{\"id\":\"a\"}}{}", " ".repeat(4096 - 10));
    assert_eq!(fits.len(), 4096);
    assert_eq!(server.post("application/json", &fits).await.status, 202);
    let announced = server.post("application/json", &format!("{fits} ")).await;
    assert_eq!(announced.error(), (413, "body-too-large".into()));
    // Refused by its announcement: nobody waits for the rest of it.
    let head = "POST /v1/events\ncontent-type: application/json\ncontent-length: 4097";
    assert_eq!(server.ask(head, b"{").await.error(), (413, "body-too-large".into()));
    let head =
        "POST /v1/events\ncontent-type: application/json\ntransfer-encoding: chunked\nx: content-length";
    let chunk = format!("{:x}\r\n{}\r\n", 3000, "x".repeat(3000));
    let chunked = server.ask(head, format!("{chunk}{chunk}0\r\n\r\n").as_bytes()).await;
    assert_eq!(chunked.error(), (413, "body-too-large".into()));
    assert_eq!(server.taken(), ["a"]);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut server = Server::with(settings(), 1000).await;
    let head = "POST /v1/events\ncontent-type: application/json\ncontent-length: 100";
    let answer = server.ask(head, b"{\"id\":").await;
    assert_eq!(answer.error(), (408, "body-timeout".into()));
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let server = Server::with(settings(), 1000).await;
    for sent in ["", "GET /heal", "GET /healthz HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("left open").ok();
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Server::with(config::Http { connections: 2, ..config::Http::default() }, 1000).await;
    let (first, _second) = (server.connect().await, server.connect().await);
    let asking = server.ask("GET /healthz", b"");
    let mut asking = std::pin::pin!(asking);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut asking).await.is_err());
    drop(first);
    assert_eq!(tokio::time::timeout(PATIENCE, asking).await.unwrap().status, 200);
}

#[tokio::test]
async fn bodies_on_their_way_are_bounded_over_all_connections() {
    let slow = config::Http { max_body: 4096, ..config::Http::default() };
    let server = Server::with(slow, 1000).await;
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 4096\r\n\r\n{";
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let refused = async {
        loop {
            let answer = server.post("application/json", "{\"id\":\"a\"}").await;
            if answer.status != 202 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(answer.error(), (429, "too-many-bodies".into()));
    drop(held);
    let taken = async {
        while server.post("application/json", "{\"id\":\"a\"}").await.status != 202 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("room did not come back");
}

#[tokio::test]
async fn shutdown_answers_what_is_under_way_and_takes_nothing_new() {
    let mut server = Server::start().await;
    let mut stream = server.connect().await;
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 10\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to read the body: the request is under way.
    let mut goes_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut goes_on).await.unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    let closed = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("still accepting");
    stream.write_all(b"{\"id\":\"a\"}").await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 202);
    tokio::time::timeout(PATIENCE, &mut server.served).await.expect("still serving").unwrap();
    assert_eq!(server.taken(), ["a"]);
}
