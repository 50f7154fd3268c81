//! Why an offer was made and what is known of a person, asked of a job that runs.

use super::*;

const RULES: &str = r#"
    [rule.welcome]
    when = "checked_in"
    score = '40 + (customer.tier == "gold" ? 20 : 0)'
    [rule.welcome.offer]
    title = "Welcome"
    valid = "1h"
    channels = ["sms"]
    [rule.welcome.policy]
    cap = "3 per 7d"

    [rule.also]
    when = "checked_in"
    score = "10 * customer.visits_30d"
    [rule.also.offer]
    title = "Also"
    channels = ["sms"]

    [rule.cart]
    when = "cart_abandoned"
    idle = "1h"
    where = 'cart.value > 100'
    [rule.cart.offer]
    title = "Your cart waits"
    channels = ["sms"]
"#;

const ONE_A_WEEK: &str = "[policy]\ncap = \"1 per 7d\"\n";

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

fn refused(answer: &Answer) -> (u16, String) {
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, json["code"].as_str().unwrap().to_owned())
}

/// Eva, who is three handles, checked in and has something in the cart.
fn eva(job: &Job) -> Value {
    job.accept(&[
        event("l1", "cookie:a/b", "crm.link", json!({ "with": "phone:1" })),
        event("l2", "card:1", "crm.link", json!({ "with": "phone:1" })),
        event("p", "card:1", "crm.profile", json!({ "attributes": { "tier": "gold", "visits": 3 } })),
        cart("c", "cookie:a/b"),
    ]);
    job.accept(&[check_in("in", "phone:1")]);
    job.process.wait_for_offer("offer.made", "card:1")
}

fn told_by(workers: usize) {
    let config = "output = { file = \"offers.jsonl\", suppressed = true }\nhttp.listen = \"127.0.0.1:0\"\n\
                  policy.cap = \"1 per 7d\"\n";
    let job = Job::on(workers, RULES, config);
    let made = eva(&job);
    job.process.wait_for_offer("offer.suppressed", "card:1");
    let data = &made["data"];
    let offer_id = data["offer_id"].as_str().unwrap();

    let why = json(&job.get(&format!("/v1/offers/{offer_id}/why")));
    for same in ["offer_id", "rule", "rule_version", "person", "channel", "score", "episode", "handles"] {
        assert_eq!(why[same], data[same], "{same} with {workers} workers");
    }
    assert_eq!(
        (&why["made_at"], &why["state"], &why["rule_in_force"]),
        (&made["time"], &json!("standing"), &json!(true))
    );
    assert_eq!(why["because"]["events"], json!([{ "source": "test", "id": "in", "handle": "phone:1" }]));
    assert_eq!(
        (&why["because"]["score"], &why["because"]["over"]),
        (&data["because"]["score"], &data["because"]["over"])
    );
    assert_eq!(why["because"]["over"], json!([{ "rule": "also", "score": 10 }]));
    let passed = json!([
        { "policy": "rule_cap", "counted": "0 of 3 in 7d before" },
        { "policy": "cap", "counted": "0 of 1 in 7d before" },
    ]);
    assert_eq!(why["because"]["policies"], passed);
    let links: Vec<(&str, &str)> = why["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (link["one"].as_str().unwrap(), link["other"].as_str().unwrap()))
        .collect();
    assert!(links.len() == 2 && links.contains(&("card:1", "phone:1")), "{links:?}");

    // By any handle, encoded as it must be.
    let person = json(&job.get("/v1/persons/cookie:a%2Fb"));
    assert_eq!(person["handles"], data["handles"]);
    assert_eq!(person["attributes"], json!({ "tier": "gold", "visits": 3 }));
    assert_eq!(person["fields"], json!({ "visits_30d": 1 }), "no rule asks for others");
    assert_eq!(
        (&person["cart"][0]["item_id"], &person["offers"][0]["offer_id"]),
        (&json!("mask"), &data["offer_id"])
    );
    let rules: Vec<(&str, &str)> = person["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (rule["rule"].as_str().unwrap(), rule["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [("also", "kept_back"), ("cart", "condition"), ("welcome", "made")]);
    let case = |rule: usize| &person["rules"][rule]["cases"][0];
    assert_eq!(case(0)["policy"], "cap");
    assert!(case(0)["until"].is_string());
    assert_eq!(
        (&case(1)["condition"], &case(1)["values"]),
        (&json!("cart.value > 100"), &json!([{ "field": "cart.value", "value": "20" }]))
    );
    let mut by_phone = json(&job.get("/v1/persons/phone:1"));
    by_phone["as_of"] = person["as_of"].clone();
    assert_eq!(by_phone, person);

    // What is redeemed or taken back is told.
    job.accept(&[event("r", "phone:9", "push.redeemed", json!({ "offer_id": offer_id }))]);
    let path = format!("/v1/offers/{offer_id}/why");
    let redeemed =
        wait_for("the outcome", || Some(json(&job.get(&path))).filter(|why| why["state"] == "redeemed"));
    assert_eq!(redeemed["outcomes"], json!(["redeemed"]));
    job.stop();
}

#[test]
fn one_worker_tells_why() {
    told_by(1);
}

#[test]
fn two_workers_tell_why() {
    told_by(2);
}

#[test]
fn four_workers_tell_why() {
    told_by(4);
}

#[test]
fn what_is_not_known_is_not_found() {
    let job = Job::start(RULES, ONE_A_WEEK);
    eva(&job);
    for path in [
        "/v1/offers/0123456789abcdef0123456789abcdef/why",
        "/v1/offers/no-such-offer/why",
        "/v1/offers/%F0%9F%90%9A/why",
    ] {
        assert_eq!(refused(&job.get(path)), (404, "offer-unknown".to_owned()), "{path}");
    }
    for (path, status, code) in [
        ("/v1/persons/card:2", 404, "person-unknown"),
        ("/v1/persons/card:1?brand=acme", 404, "person-unknown"),
        ("/v1/persons/card", 400, "handle-without-colon"),
        ("/v1/persons/card:", 400, "handle-value-empty"),
        ("/v1/persons/card:%01", 400, "handle-control-character"),
        ("/v1/persons/card:1?brand=a%1fb", 400, "wrong-query"),
        ("/v1/persons/card:1?colour=red", 400, "wrong-query"),
    ] {
        assert_eq!(refused(&job.get(path)), (status, code.to_owned()), "{path}");
    }
    job.stop();
}

#[test]
fn brands_are_asked_apart() {
    let job = Job::start(RULES, ONE_A_WEEK);
    let mut there = check_in("1", "phone:1");
    there["brand"] = "acme".into();
    job.accept(&[there, cart("2", "phone:1")]);
    let made = job.process.wait_for_offer("offer.made", "phone:1");
    let of_brand = json(&job.get("/v1/persons/phone:1?brand=acme"));
    assert_eq!((&of_brand["brand"], &of_brand["offers"][0]["rule"]), (&json!("acme"), &json!("welcome")));
    assert_eq!(of_brand["cart"], json!([]));
    let of_none = json(&job.get("/v1/persons/phone:1"));
    assert_eq!(
        (&of_none["brand"], &of_none["offers"], &of_none["cart"][0]["item_id"]),
        (&Value::Null, &json!([]), &json!("mask"))
    );
    let offer_id = made["data"]["offer_id"].as_str().unwrap();
    assert_eq!(json(&job.get(&format!("/v1/offers/{offer_id}/why")))["brand"], "acme");
    job.stop();
}

#[test]
fn the_command_asks_a_job_that_runs() {
    let job = Job::start(RULES, ONE_A_WEEK);
    let made = eva(&job);
    let offer_id = made["data"]["offer_id"].as_str().unwrap();
    let url = format!("http://{}", job.address);
    let explain = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .arg("explain")
            .args(arguments)
            .args(["--url", &url])
            .output()
            .unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), out, err)
    };
    let (code, told, err) = explain(&[offer_id]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(told.starts_with("welcome for card:1 on sms, score 60: standing\n"), "{told}");
    for line in [
        "because     event in of test (phone:1)",
        "passed      rule_cap: 0 of 3 in 7d before",
        "beats       also (10)",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    let (_, json_text, _) = explain(&["--person", "cookie:a/b", "--json"]);
    let json: Value = serde_json::from_str(&json_text).unwrap();
    assert_eq!(json["person"], "card:1");
    let (_, told, _) = explain(&["--person", "cookie:a/b"]);
    assert!(told.contains("\n  follows     visits_30d = 1\n"), "{told}");
    assert!(told.contains("also: kept back\n  kept back by cap until "), "{told}");
    assert!(
        told.contains("cart: condition\n  `cart.value > 100` does not hold: cart.value is 20 (mask)\n"),
        "{told}"
    );
    let (code, _, err) = explain(&["--person", "card:2"]);
    assert!(code == Some(1) && err.contains("error[person-unknown]"), "{err}");
    let (code, _, err) = explain(&["nothing"]);
    assert!(code == Some(1) && err.contains("error[offer-unknown]"), "{err}");
    assert_eq!(explain(&[]).0, Some(2));
    assert_eq!(explain(&["x", "--person", "card:1"]).0, Some(2));
    job.stop();
}

#[test]
fn many_who_ask_do_not_hold_up_the_offers() {
    let job = Job::start(RULES, ONE_A_WEEK);
    eva(&job);
    let address = job.address;
    let askers: Vec<_> = (0..40)
        .map(|_| {
            std::thread::spawn(move || {
                (0..10)
                    .map(|_| request(address, "GET /v1/persons/card:1", "").unwrap().status)
                    .collect::<Vec<u16>>()
            })
        })
        .collect();
    for number in 2..22 {
        let subject = format!("phone:{number}");
        job.accept(&[check_in(&subject, &subject)]);
        job.process.wait_for_offer("offer.made", &subject);
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for asker in askers {
        asker.join().unwrap().into_iter().for_each(|status| *answers.entry(status).or_default() += 1);
    }
    assert_eq!(answers.values().sum::<usize>(), 400);
    assert!(answers.keys().all(|status| [200, 429].contains(status)), "{answers:?}");
    assert!(answers[&200] > 0, "{answers:?}");
    println!("{answers:?}");
    job.stop();
}

const MANY: &str = r#"
    [rule.near]
    when = "nearby"
    within = 1000
    [rule.near.offer]
    title = "Near"
    channels = ["sms"]

    [rule.asked]
    when = "requested"
    [rule.asked.offer]
    title = "Asked for"
    channels = ["sms"]

    [rule.silent]
    when = "lapsed"
    idle = "5m"
    [rule.silent.offer]
    title = "Come back"
    channels = ["sms"]

    [rule.gold]
    when = "segment_entered"
    segment = 'customer.tier == "gold"'
    [rule.gold.offer]
    title = "Gold"
    channels = ["sms"]

    [rule.browse]
    when = "browse_abandoned"
    idle = "1h"
    min_views = 3
    [rule.browse.offer]
    title = "Still looking?"
    channels = ["sms"]

    [rule.left]
    when = "store_left"
    [rule.left.offer]
    title = "Until soon"
    channels = ["sms"]
"#;

#[test]
fn all_that_situations_follow_from_is_told() {
    let job = Job::start(MANY, "");
    let began = shopbell::wall_clock() - 30 * 60_000;
    let minute = |minute: u64| format_rfc3339(began + minute * 60_000);
    let mut id = 0;
    let mut then = |at: u64, subject: &str, kind: &str, data: Value| {
        id += 1;
        let mut event = event(&id.to_string(), subject, kind, data);
        event["time"] = minute(at).into();
        job.accept(&[event]);
    };
    let place =
        |lat: f64| json!({ "location": "s1", "name": "One", "kind": "store", "lat": lat, "lon": 8.0 });
    then(0, "", "catalog.location", place(50.0));
    let profile = |tier: &str| json!({ "attributes": { "tier": tier } });
    then(1, "phone:1", "crm.profile", profile("gold"));
    then(2, "phone:1", "store.enter", json!({ "location": "s1" }));
    then(5, "phone:1", "store.leave", json!({ "location": "s1" }));
    // Nothing for seven minutes.
    let items = |item: &str| json!({ "items": [{ "item_id": item }] });
    then(12, "phone:1", "web.view_item", items("mask"));
    then(13, "phone:1", "web.view_item", items("mask"));
    then(13, "phone:1", "web.add_to_cart", items("fins"));
    then(14, "phone:1", "web.remove_from_cart", items("fins"));
    then(15, "phone:1", "crm.profile", profile("blue"));
    let request = |id: &str, rule: &str| json!({ "request_id": id, "location": "s1", "staff": "7", "rule": rule, "items": [{ "item_id": "mask" }] });
    let decision = |id: &str, approved: bool| json!({ "request_id": id, "staff": "8", "approved": approved });
    then(16, "phone:1", "store.offer_request", request("q1", "asked"));
    then(17, "phone:1", "store.offer_decision", decision("q1", false));
    then(18, "phone:1", "store.offer_request", request("q2", "asked"));
    then(26, "phone:1", "sensor.geo", json!({ "lat": 50.001, "lon": 8.0 }));
    // The offers of near and of the pauses are made.
    job.process.wait_for_offer("offer.made", "phone:1");

    let all = |person: &Value| {
        ["near", "requests", "pauses", "segments", "viewed", "ended", "visits"]
            .map(|name| person[name].clone())
    };
    let person = wait_for("the stay", || {
        Some(json(&job.get("/v1/persons/phone:1"))).filter(|person| person["near"].is_array())
    });
    let expected = [
        json!([{ "location": "s1", "within": 1000, "since": minute(26) }]),
        json!([
            { "request_id": "q2", "rule": "asked", "location": "s1", "items": ["mask"], "at": minute(18),
              "until": format_rfc3339(began + 18 * 60_000 + 86_400_001) },
            { "request_id": "q1", "rule": "asked", "location": "s1", "items": ["mask"], "at": minute(16),
              "until": format_rfc3339(began + 16 * 60_000 + 86_400_001),
              "decision": { "approved": false, "at": minute(17) } },
        ]),
        json!([{ "since": minute(14), "until": minute(26) }, { "since": minute(5), "until": minute(12) }]),
        json!([{ "rule": "gold", "segment": "customer.tier == \"gold\"", "entered": minute(1), "left": minute(15) }]),
        json!([{ "item_id": "mask", "since": minute(12), "views": 2 }]),
        json!([{ "item_id": "fins", "interest": "cart", "since": minute(13), "until": minute(14), "how": "removed" }]),
        json!([{ "location": "s1", "start": minute(2), "end": minute(5), "dwell": "3m" }]),
    ];
    assert_eq!(all(&person), expected);

    let url = format!("http://{}", job.address);
    let output = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["explain", "--person", "phone:1", "--url", &url])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    for line in [
        format!("viewed      mask since {}, 2 times", minute(12)),
        format!("no longer   fins (cart) from {}, removed at {}", minute(13), minute(14)),
        format!("near        s1 (within 1000 metres) since {}", minute(26)),
        format!("visits      s1 from {} to {}, noticed for 3m", minute(2), minute(5)),
        format!("asked for mask in s1 at {} (q2): nobody decided, expires at ", minute(18)),
        format!("asked for mask in s1 at {} (q1): refused at {}", minute(16), minute(17)),
        format!("silent      from {} to {}", minute(14), minute(26)),
        format!(
            "segments    `customer.tier == \"gold\"` (gold) entered at {}, left at {}",
            minute(1),
            minute(15)
        ),
        "request q2 waits for approval, and expires at ".to_owned(),
        format!("request q1 was refused at {}", minute(17)),
    ] {
        assert!(told.contains(&line), "{line} is not in\n{told}");
    }
    job.stop();
}
