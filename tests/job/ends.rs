//! The ends of the job: refusals over HTTP, files, dead letters, webhooks.

use super::*;

#[test]
fn what_is_wrong_too_large_or_too_much_is_refused() {
    // Ticks are so rare that the queue of ten stays full between two of them.
    let job = Job::start(CHECKED_IN, "max_body = \"4KiB\"\n[engine]\ntick = \"3s\"\nqueue_events = 10\n");
    let wrong = job.post(&[check_in("1", "phone:1"), json!({ "specversion": "1.0" })]);
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.body.contains("\"index\":1") && !wrong.body.contains("\"index\":0"), "{wrong:?}");
    let large = request(job.address, "POST /v1/events", &" ".repeat(5000)).unwrap();
    assert_eq!(large.status, 413, "{large:?}");

    let mut accepted = Vec::new();
    let refused = wait_for("a refusal", || {
        let id = format!("e{}", accepted.len());
        let answer = job.post(&[check_in(&id, &format!("phone:{id}"))]);
        if answer.status == 202 {
            accepted.push(id);
            return None;
        }
        Some(answer)
    });
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.head.contains("retry-after: ") && refused.body.contains("engine-behind"), "{refused:?}");
    assert!(accepted.len() >= 10);
    // The next tick makes room again, and nothing that was accepted is lost.
    wait_for("room", || (job.get("/readyz").status == 200).then_some(()));
    job.accept(&[check_in("last", "phone:last")]);
    let process = job.stop();
    for id in accepted.iter().map(String::as_str).chain(["last"]) {
        assert_eq!(process.count("offer.made", &format!("phone:{id}")), 1, "{id}");
    }
    // What was refused with a wrong one beside it was not taken.
    assert_eq!(process.count("offer.made", "phone:1"), 0);
}

#[test]
fn files_are_read_to_their_end_with_dead_letters_and_then_the_job_is_done() {
    let lines = |range: std::ops::Range<u32>| -> String {
        range.map(|n| format!("{}\n", check_in(&format!("{n}"), &format!("phone:{n}")))).collect()
    };
    let first = format!("{}not an event\n{}", lines(0..400), lines(400..500));
    let second = format!("{}{}\n", lines(499..600), event("x", "", "web.unheard_of", json!({})));
    let config = "
        http.listen = \"off\"
        output.file = \"offers.jsonl\"
        [engine]
        queue_events = 100
        [source]
        files = [\"first.jsonl\", \"second.jsonl\"]
        dead_letters = \"dead.jsonl\"
    ";
    let files = [("first.jsonl", first.as_str()), ("second.jsonl", second.as_str())];
    let mut process = Process::start(CHECKED_IN, config, &files, &[]);
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    let subjects: std::collections::BTreeSet<String> =
        process.offers().iter().map(|offer| offer["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!((subjects.len(), process.offers().len()), (600, 600));
    let dead = std::fs::read_to_string(process.path("dead.jsonl")).unwrap();
    let dead: Value = serde_json::from_str(dead.trim_end()).unwrap();
    assert_eq!((&dead["position"], &dead["raw"]), (&json!(401), &json!("not an event")));
    assert!(process.log().contains("http off"), "{}", process.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_webhook_is_told_and_what_waits_is_sent_before_the_end() {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let receiver = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_millis(100));
    Mock::given(method("POST")).and(path("/hook")).respond_with(slow).mount(&receiver).await;
    let config = format!(
        "[[webhook]]\nurl = \"{}/hook\"\nsecret = \"env:SHOPBELL_TEST_SECRET\"\nallow_private = true\n",
        receiver.uri()
    );
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let process = tokio::task::spawn_blocking(move || {
        let job = Job::with(CHECKED_IN, &config, &[("SHOPBELL_TEST_SECRET", secret)]);
        job.accept(&(0..12).map(|n| check_in(&format!("{n}"), &format!("phone:{n}"))).collect::<Vec<_>>());
        job.stop()
    });
    let process = process.await.unwrap();
    let requests = receiver.received_requests().await.unwrap();
    let told: std::collections::BTreeSet<String> =
        requests.iter().map(|r| r.headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    let made: std::collections::BTreeSet<String> =
        process.offers().iter().map(|offer| offer["data"]["offer_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((made.len(), &told), (12, &made));
}
