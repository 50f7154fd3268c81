//! Rules that change while the job runs.

use super::*;
use crate::recovery::setting;

fn cart_rule(idle: &str) -> String {
    format!(
        "[rule.cart]\nwhen = \"cart_abandoned\"\nidle = \"{idle}\"\nbackfill = \"send\"\n\
         [rule.cart.offer]\ntitle = \"Your cart waits\"\nvalid = \"1h\"\nchannels = [\"sms\"]\n"
    )
}

fn write(job: &Job, text: &str) {
    std::fs::write(job.process.path("rules/test.toml"), text).unwrap();
}

fn reload(job: &Job) -> Answer {
    request(job.address, "POST /v1/rules/reload", "").unwrap()
}

fn rules(job: &Job) -> Value {
    serde_json::from_str(&job.get("/v1/rules").body).unwrap()
}

const STATE: &str = "[state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";

#[test]
fn an_edit_moves_what_lives_by_the_difference_and_nothing_else() {
    let job = Job::start(&cart_rule("1h"), STATE);
    job.accept(&[cart("1", "phone:1"), cart("2", "phone:2")]);
    assert_eq!(rules(&job)["changes"], 0);

    // A file is all that is needed.
    write(&job, &cart_rule("300ms"));
    job.process.wait_for_offer("offer.made", "phone:1");
    job.process.wait_for_offer("offer.made", "phone:2");
    let status = rules(&job);
    assert_eq!((&status["changes"], status["rules"].as_array().unwrap().len()), (&json!(1), 1));

    // What is sent stays sent where the new rule wants it as well.
    write(&job, &cart_rule("200ms"));
    let answer = reload(&job);
    assert_eq!(answer.status, 200, "{answer:?}");
    let change: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(change, json!({ "added": [], "changed": ["cart"], "removed": [], "unchanged": 0 }));
    job.accept(&[check_in("3", "phone:3")]);
    assert_eq!(job.process.count("offer.withdrawn", "phone:1"), 0);

    // Without its rule an offer is taken back, at once.
    write(&job, "");
    job.process.signal("-HUP");
    for subject in ["phone:1", "phone:2"] {
        assert_eq!(job.process.wait_for_offer("offer.withdrawn", subject)["data"]["reason"], "rule");
    }
    // A comment is no change.
    write(&job, "# nothing\n");
    assert_eq!(serde_json::from_str::<Value>(&reload(&job).body).unwrap()["unchanged"], 0);
    assert_eq!(rules(&job)["changes"], 3);
    let process = job.stop();
    assert_eq!(process.offers().len(), 4, "{:#?}", process.offers());
}

#[test]
fn what_is_wrong_is_told_and_leaves_the_rules_in_force_alone() {
    let job = Job::start(CHECKED_IN, "");
    write(&job, "[rule.welcome]\nwhen = \"checked_inn\"\n[rule.other]\nwhen = \"checked_in\"\nsmore = 3\n");
    let answer = reload(&job);
    assert_eq!(answer.status, 422, "{answer:?}");
    let error: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(error["code"], "rules-wrong");
    assert!(error["errors"].as_array().unwrap().len() >= 2, "all at once: {error}");
    let status = rules(&job);
    assert_eq!(
        (&status["rules"][0]["id"], &status["error"]["code"]),
        (&json!("welcome"), &json!("rules-wrong"))
    );
    assert!(job.get("/metrics").body.contains("shopbell_rule_reloads_total{outcome=\"refused\"}"));
    job.accept(&[check_in("1", "phone:1")]);
    job.process.wait_for_offer("offer.made", "phone:1");
    job.process.wait_for_log("the rules in force stay");

    // A link that leads nowhere, as one to a volume that is not mounted, is no rule that was taken away.
    std::fs::rename(job.process.path("rules/test.toml"), job.process.path("moved.toml")).unwrap();
    std::os::unix::fs::symlink("../gone.toml", job.process.path("rules/test.toml")).unwrap();
    let answer = reload(&job);
    assert!(answer.status == 422 && answer.body.contains("file-read"), "{answer:?}");
    assert_eq!(rules(&job)["rules"][0]["id"], "welcome");
    // It does not hide what is wrong with others.
    std::fs::write(job.process.path("rules/wrong.toml"), "[rule.x]\nwhen = \"never\"\n").unwrap();
    let error: Value = serde_json::from_str(&reload(&job).body).unwrap();
    let told = error["errors"].to_string();
    assert!(told.contains("test.toml cannot be read") && told.contains("wrong.toml:2:"), "{error}");
    std::fs::remove_file(job.process.path("rules/wrong.toml")).unwrap();
    std::fs::remove_file(job.process.path("rules/test.toml")).unwrap();
    write(&job, CHECKED_IN);

    // A folder that is gone for a moment is no set without rules.
    std::fs::remove_file(job.process.path("rules/test.toml")).unwrap();
    std::fs::remove_dir(job.process.path("rules")).unwrap();
    assert_eq!(reload(&job).status, 422);
    std::fs::create_dir(job.process.path("rules")).unwrap();
    write(&job, CHECKED_IN);
    assert_eq!(reload(&job).status, 200);
    assert!(rules(&job).get("error").is_none());
    job.stop();
}

#[test]
fn a_file_that_is_being_written_does_not_count() {
    let job = Job::start(CHECKED_IN, "");
    let parts: String = (0..12)
        .map(|n| format!("[rule.r{n:02}]\nwhen = \"checked_in\"\n[rule.r{n:02}.offer]\ntitle = \"t\"\n"))
        .collect();
    // Each part makes a file that could be meant; together they take longer than the watch is patient.
    let mut written = String::new();
    for part in parts.split_inclusive("title = \"t\"\n") {
        written.push_str(part);
        write(&job, &written);
        std::thread::sleep(Duration::from_millis(250));
    }
    wait_for("the new rules", || (rules(&job)["rules"].as_array()?.len() == 12).then_some(()));
    assert_eq!(rules(&job)["changes"], 1, "all at once");
    job.stop();
}

#[test]
fn rules_that_ask_for_more_get_another_dataflow_that_knows_what_was_before() {
    let job = Job::start(CHECKED_IN, STATE);
    // Nobody asks for carts yet.
    job.accept(&[cart("1", "phone:1"), check_in("2", "phone:2")]);
    job.process.wait_for_offer("offer.made", "phone:2");
    write(&job, &(CHECKED_IN.to_owned() + &cart_rule("300ms")));
    let answer = reload(&job);
    assert_eq!(answer.status, 200, "{answer:?}");
    job.process.wait_for_offer("offer.made", "phone:1");
    // It takes events as before, and knows whom it spoke to.
    job.accept(&[check_in("2", "phone:2"), check_in("3", "phone:3")]);
    job.process.wait_for_offer("offer.made", "phone:3");
    assert_eq!(job.process.count("offer.made", "phone:2"), 1);
    job.stop();

    let job = Job::start(CHECKED_IN, "");
    write(&job, &(CHECKED_IN.to_owned() + &cart_rule("300ms")));
    let answer = reload(&job);
    assert!(answer.status == 422 && answer.body.contains("rules-need-state"), "{answer:?}");
    job.stop();
}

/// Two rules that ring together, in a version of their own.
fn pair(version: usize) -> String {
    let rule = |id: &str| {
        format!(
            "[rule.{id}]\nwhen = \"checked_in\"\n[rule.{id}.offer]\ntitle = \"{version}\"\nchannels = [\"sms\"]\n"
        )
    };
    rule("one") + &rule("other")
}

/// `SHOPBELL_RELOADS` sets how many changes there are (40).
#[test]
fn changes_under_load_are_never_half_in_force_and_lose_no_event() {
    let changes = setting("SHOPBELL_RELOADS", 40) as usize;
    let job = Job::start(&pair(0), STATE);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (sent, applied) = std::thread::scope(|threads| {
        let load = threads.spawn(|| {
            let mut sent = 0;
            while !stop.load(std::sync::atomic::Ordering::Acquire) {
                let events: Vec<Value> = (0..10)
                    .map(|n| check_in(&format!("{}", sent + n), &format!("phone:{}", sent + n)))
                    .collect();
                job.accept(&events);
                sent += events.len();
            }
            sent
        });
        let mut applied = 0;
        for version in 1..=changes {
            // Some of them are broken, some torn off in the middle.
            let text = pair(version);
            write(
                &job,
                match version % 5 {
                    0 => "[rule.one]\nwhen = 3\n",
                    1 => &text[..text.len() - 7],
                    _ => &text,
                },
            );
            let answer = reload(&job);
            assert_eq!(answer.status, if version % 5 < 2 { 422 } else { 200 }, "{answer:?}");
            applied += u64::from(answer.status == 200);
        }
        stop.store(true, std::sync::atomic::Ordering::Release);
        (load.join().unwrap(), applied)
    });
    let status = rules(&job);
    assert_eq!(status["changes"], applied);
    let process = job.stop();
    let mut heard: std::collections::BTreeMap<String, Vec<(Value, Value)>> = Default::default();
    for offer in process.offers() {
        assert_eq!(offer["type"], "offer.made", "{offer}");
        let key = offer["subject"].as_str().unwrap().to_owned();
        heard.entry(key).or_default().push((offer["time"].clone(), offer["data"]["title"].clone()));
    }
    println!("{sent} events, {applied} changes of {changes}");
    assert_eq!(heard.len(), sent, "every event has its offers");
    for (subject, offers) in heard {
        assert_eq!(offers.len(), 2, "{subject}: {offers:?}");
        assert_eq!(offers[0], offers[1], "{subject}: of one tick and one version");
    }
}
