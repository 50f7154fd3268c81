//! Who asks the head hears what a member knows.

use super::Cluster;
use crate::job::{request, request_with};
use crate::recovery::Mall;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PERSONS: usize = 24;
const TOKEN: &str = "a-token-of-operators";

fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let header = format!("authorization: Bearer {TOKEN}\r\n");
    let answer = request_with(address, &format!("GET {path}"), &header, "").unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[test]
fn a_question_is_answered_by_the_process_that_knows() {
    let mall = Mall::empty();
    // Only the head is asked, so only the head knows the token: members need none.
    let config =
        "[http]\nlisten = \"127.0.0.1:0\"\nadmin_token = \"file:token\"\n[output]\nfile = \"offers.jsonl\"\n";
    std::fs::write(mall.path("job.toml"), config).unwrap();
    std::fs::write(mall.path("token"), TOKEN).unwrap();
    let mut cluster = Cluster::new(mall, 2);
    cluster.start_all();
    let began = Instant::now();
    let address: SocketAddr = loop {
        if let Some((_, rest)) = cluster.log(0).split_once("runs: http://") {
            break rest.split(',').next().unwrap().parse().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{}", cluster.logs());
        std::thread::sleep(Duration::from_millis(5));
    };
    let time = shopbell_model::time::format_rfc3339(shopbell::wall_clock());
    let events: String = (0..PERSONS)
        .flat_map(|person| {
            let event = |kind: &str, data: Value| {
                json!({ "specversion": "1.0", "id": format!("{kind}-{person}"), "source": "test", "type": kind,
                    "subject": format!("device:{person}"), "time": time, "data": data })
            };
            let link = event("crm.link", json!({ "with": format!("card:{person}") }));
            [link, event("store.check_in", json!({ "location": "l" }))]
        })
        .map(|event| format!("{event}\n"))
        .collect();
    assert_eq!(request(address, "POST /v1/events", &events).unwrap().status, 202);
    let made = loop {
        let text = cluster.mall.text("offers.jsonl");
        let made: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if made.len() >= PERSONS {
            break made;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{} offers; {}", made.len(), cluster.logs());
        std::thread::sleep(Duration::from_millis(5));
    };
    for made in &made {
        let data = &made["data"];
        let (status, why) = get(address, &format!("/v1/offers/{}/why", data["offer_id"].as_str().unwrap()));
        assert_eq!(status, 200, "{why}");
        for same in ["offer_id", "rule", "rule_version", "person", "handles", "channel", "score", "episode"] {
            assert_eq!(why[same], data[same]);
        }
        assert_eq!(why["links"].as_array().unwrap().len(), 1, "{why}");
        let (status, person) = get(address, &format!("/v1/persons/{}", data["handles"][1].as_str().unwrap()));
        assert_eq!(
            (status, &person["person"], &person["offers"][0]["offer_id"]),
            (200, &data["person"], &data["offer_id"])
        );
    }
    assert_eq!(get(address, "/v1/persons/card:unknown").0, 404);
    assert_eq!(request(address, "GET /v1/persons/card:1", "").unwrap().status, 401);
    assert_eq!(get(address, "/v1/offers/0123456789abcdef0123456789abcdef/why").0, 404);
    // All ends in good order, whoever asked.
    cluster.signal(0, "-TERM");
    assert_eq!(cluster.ended_within(0, Duration::from_secs(20)), Some(0), "{}", cluster.logs());
    assert_eq!(cluster.ended_within(1, Duration::from_secs(20)), Some(0), "{}", cluster.logs());
}
