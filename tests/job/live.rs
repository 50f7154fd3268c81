//! What happens while the job runs: offers in time, deadlines by themselves, withdrawals, copies.

use super::*;

/// Server-sent events of the offer stream, as they come.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn connect(job: &Job, query: &str) -> Listener {
        let mut stream = TcpStream::connect(job.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /v1/offers{query} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let mut listener = Listener(BufReader::new(stream));
        while !listener.line().is_empty() {}
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> Value {
        loop {
            if let Some(json) = self.line().strip_prefix("data: ") {
                return serde_json::from_str(json).unwrap();
            }
        }
    }
}

#[test]
fn an_offer_for_a_zone_is_there_at_once_in_stream_and_file() {
    let job = Job::start(NEAR, "");
    let mut listener = Listener::connect(&job, "?channel=sms");
    job.accept(&[
        event("1", "", "catalog.zone", json!({ "location": "s1", "zone": "z1", "beacons": ["b1"] })),
        event("2", "", "catalog.shelf", json!({ "location": "s1", "zone": "z1", "items": ["mask"] })),
        event("3", "", "stock.level", json!({ "location": "s1", "item_id": "mask", "quantity": 3 })),
        cart("4", "phone:1"),
    ]);
    // Idle for a while: the ticker sleeps.
    std::thread::sleep(Duration::from_millis(50));
    let began = Instant::now();
    let beacon = event("5", "phone:1", "sensor.beacon", json!({ "beacon": "b1", "rssi": -60 }));
    job.accept(std::slice::from_ref(&beacon));
    let offer = listener.next();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((&offer["type"], &offer["data"]["rule"]), (&json!("offer.made"), &json!("near")));
    assert_eq!(offer["data"]["items"], json!([{ "item_id": "mask" }]));
    assert!((0..2000).contains(&after(&beacon, &offer)), "{offer}");
    assert_eq!(job.process.wait_for_offer("offer.made", "phone:1"), offer);

    wait_for("the offer in the metrics", || {
        (job.metric("shopbell_event_to_offer_seconds_count") == 1.0).then_some(())
    });
    assert!(job.metric("shopbell_event_to_offer_seconds_sum") < 2.0);
    // A tick is counted when its offers are out.
    wait_for("two ticks in the metrics", || (job.metric("shopbell_tick_seconds_count") >= 2.0).then_some(()));
    assert_eq!(job.metric("shopbell_offers_total{kind=\"made\"}"), 1.0);
    assert_eq!(job.metric("shopbell_events_total{source=\"http\"}"), 5.0);
    assert_eq!(job.get("/readyz").status, 200);
    job.stop();
}

#[test]
fn a_cart_is_abandoned_by_time_alone_and_a_bought_one_never() {
    let job = Job::start(ABANDONED, "");
    let bought = cart("1", "phone:1");
    // A moment later: in any case the bought cart would have been due first.
    let mut left = cart("3", "phone:2");
    left["time"] = format_rfc3339(shopbell::wall_clock() + 20).into();
    job.accept(&[bought, left.clone()]);
    job.accept(&[purchase("2", "phone:1")]);
    let offer = job.process.wait_for_offer("offer.made", "phone:2");
    // At the due time, not before, and soon after, though nothing came in.
    assert!((300..2500).contains(&after(&left, &offer)), "{offer}");
    assert_eq!(job.process.count("offer.made", "phone:1"), 0);
    // No event of its tick caused it.
    assert_eq!(job.metric("shopbell_event_to_offer_seconds_count"), 0.0);

    job.accept(&[purchase("4", "phone:2")]);
    let withdrawn = job.process.wait_for_offer("offer.withdrawn", "phone:2");
    assert_eq!(withdrawn["data"]["offer_id"], offer["data"]["offer_id"]);
    assert_eq!(withdrawn["data"]["reason"], "bought");
    wait_for("the withdrawal in the metrics", || {
        let text = job.get("/metrics").body;
        text.contains("shopbell_withdrawals_total{reason=\"bought\"} 1").then_some(())
    });
    let process = job.stop();
    assert_eq!(process.offers().len(), 2);
}

#[test]
fn a_deadline_is_kept_by_the_wall_clock() {
    let job = Job::start(ABANDONED, "");
    // The best of some: the machine may be busy with something else, but a ticker that sleeps past a
    // due time (half a second, where nothing wakes it) is late each time.
    let best = (0..5).map(|n| {
        let subject = format!("phone:{n}");
        let began = Instant::now();
        job.accept(&[cart(&subject, &subject)]);
        job.process.wait_for_offer("offer.made", &subject);
        began.elapsed()
    });
    let best = best.min().unwrap();
    assert!((Duration::from_millis(290)..Duration::from_millis(450)).contains(&best), "{best:?}");
    job.stop();
}

#[test]
fn deadlines_follow_one_another() {
    let job = Job::start(ABANDONED, "");
    let events: Vec<Value> = (0..20).map(|n| cart(&format!("{n}"), &format!("phone:{n}"))).collect();
    for event in &events {
        job.accept(std::slice::from_ref(event));
    }
    for (n, event) in events.iter().enumerate() {
        let offer = job.process.wait_for_offer("offer.made", &format!("phone:{n}"));
        assert!((300..5000).contains(&after(event, &offer)), "{offer}");
    }
    job.stop();
}

#[test]
fn what_waits_for_its_time_is_counted() {
    let job = Job::start(&ABANDONED.replace("300ms", "1h"), "");
    assert_eq!(job.metric("shopbell_waiting_deadlines"), 0.0);
    job.accept(&[cart("1", "phone:1")]);
    wait_for("a deadline", || (job.metric("shopbell_waiting_deadlines") > 0.0).then_some(()));
    job.stop();
}

#[test]
fn a_second_copy_changes_nothing() {
    let job = Job::start(CHECKED_IN, "");
    job.accept(&[check_in("1", "phone:1")]);
    let offer = job.process.wait_for_offer("offer.made", "phone:1");
    // A copy is told by source and id, whatever else it says.
    job.accept(&[check_in("1", "phone:1"), check_in("1", "phone:2"), check_in("3", "phone:3")]);
    job.process.wait_for_offer("offer.made", "phone:3");
    assert_eq!(job.metric("shopbell_duplicates_total"), 2.0);
    let process = job.stop();
    assert_eq!((process.count("offer.made", "phone:1"), process.count("offer.made", "phone:2")), (1, 0));
    assert_eq!(process.offers()[0], offer);
}

#[test]
fn an_idle_job_makes_no_ticks_and_an_offer_becomes_a_fact_without_one() {
    let job = Job::start(CHECKED_IN, "");
    let ticks = || job.metric("shopbell_tick_seconds_count");
    assert_eq!(ticks(), 0.0);
    job.accept(&[check_in("1", "phone:1")]);
    job.process.wait_for_offer("offer.made", "phone:1");
    // One of the event, one in which the ledger learns of the offer.
    wait_for("the ledger's tick", || (ticks() == 2.0).then_some(()));
    // More than the longest sleep of the ticker.
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!((ticks(), job.metric("shopbell_unfinished_ticks")), (2.0, 0.0));
    // The offer is kept for thirty days, and the check-in is a reason for one.
    assert_eq!(job.metric("shopbell_waiting_deadlines"), 2.0);
    job.stop();
}

#[test]
fn ticks_lie_on_the_configured_grid() {
    let job = Job::start(CHECKED_IN, "[engine]\ntick = \"100ms\"\n");
    for n in 0..5 {
        job.accept(&[check_in(&format!("{n}"), &format!("phone:{n}"))]);
        let offer = job.process.wait_for_offer("offer.made", &format!("phone:{n}"));
        let tick: jiff::Timestamp = offer["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(tick.as_millisecond() % 100, 0, "{offer}");
        // Not ahead of the clock: what was delivered had come true.
        assert!(tick.as_millisecond() as u64 <= shopbell::wall_clock());
    }
    job.stop();
}
