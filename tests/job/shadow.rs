//! A second set of rules that is only looked at, put into force, and taken back.

use super::*;

fn cart_rule(idle: &str, score: u8) -> String {
    format!(
        "[rule.cart]\nwhen = \"cart_abandoned\"\nidle = \"{idle}\"\nscore = {score}\nbackfill = \"send\"\n\
         [rule.cart.offer]\ntitle = \"Your cart waits\"\nvalid = \"1h\"\nchannels = [\"sms\"]\n"
    )
}

const STATE: &str = "[state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";

fn shadow(job: &Job) -> Value {
    serde_json::from_str(&job.get("/v1/rules/shadow").body).unwrap()
}

fn ask(job: &Job, head: &str, body: &str) -> (u16, Value) {
    let answer = request(job.address, head, body).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// Waits until the report over all rules is this: would add, drop, rescore, and the same.
fn wait_for_numbers(job: &Job, expected: [i64; 4]) {
    let keys = ["would_add", "would_drop", "would_rescore", "same"];
    wait_for(&format!("{expected:?}"), || {
        let all = &shadow(job)["all"];
        (keys.map(|key| all[key].as_i64().unwrap_or(-1)) == expected).then_some(())
    });
}

#[test]
fn it_is_looked_at_promoted_and_rolled_back() {
    let job = Job::start(&cart_rule("1h", 50), STATE);
    job.accept(&[cart("1", "phone:1"), cart("2", "phone:2")]);
    assert_eq!(ask(&job, "POST /v1/rules/shadow/promote", "").1["code"], "no-shadow");
    assert_eq!(ask(&job, "POST /v1/rules/rollback", "").1["code"], "no-rules-before");
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", "[rule.cart]\nwhen = 3\n").0, 422);
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", "{").1["code"], "rules-body");

    let (status, change) = ask(&job, "PUT /v1/rules/shadow", &cart_rule("100ms", 50));
    assert_eq!((status, &change["changed"]), (200, &json!(["cart"])), "{change}");
    wait_for_numbers(&job, [2, 0, 0, 0]);
    let report = shadow(&job);
    let samples = report["rules"][0]["samples"].as_array().unwrap();
    assert_eq!(
        (samples.len(), &samples[0]["would"], &samples[0]["would_score"]),
        (2, &json!("add"), &json!(50))
    );
    // It goes on with what happens.
    job.accept(&[cart("3", "phone:3")]);
    wait_for_numbers(&job, [3, 0, 0, 0]);
    assert_eq!(job.process.offers().len(), 0, "nothing is sent because of it");

    // It comes into force as it was looked at, though the folder says otherwise.
    assert_eq!(ask(&job, "POST /v1/rules/shadow/promote", "").0, 200);
    for subject in ["phone:1", "phone:2", "phone:3"] {
        job.process.wait_for_offer("offer.made", subject);
    }
    assert_eq!(ask(&job, "GET /v1/rules/shadow", "").0, 404, "it is no shadow any more");
    let status = ask(&job, "GET /v1/rules", "").1;
    assert_eq!(
        (&status["beside_folder"], &status["can_roll_back"]),
        (&json!(true), &json!(true)),
        "{status}"
    );

    // Against what is in force now: one goes, one has another score; files in one body.
    let files = json!({ "files": { "a.toml": cart_rule("1h", 50) } }).to_string();
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &files).0, 200);
    wait_for_numbers(&job, [0, 3, 0, 0]);
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &cart_rule("100ms", 60)).0, 200);
    wait_for_numbers(&job, [0, 0, 3, 0]);
    assert_eq!(ask(&job, "DELETE /v1/rules/shadow", "").0, 200);

    // A restart keeps what was promoted, as long as nobody edits the folder.
    let job = job.restart(&[]);
    let status = ask(&job, "GET /v1/rules", "").1;
    assert_eq!(
        (&status["beside_folder"], &status["can_roll_back"]),
        (&json!(true), &json!(true)),
        "{status}"
    );
    assert_eq!(job.process.count("offer.withdrawn", "phone:1"), 0);
    assert_eq!(ask(&job, "POST /v1/rules/rollback", "").0, 200);
    assert_eq!(job.process.wait_for_offer("offer.withdrawn", "phone:1")["data"]["reason"], "rule");
    // Back and forth, to what was promoted.
    let (status, change) = ask(&job, "POST /v1/rules/rollback", "");
    assert_eq!((status, &change["changed"]), (200, &json!(["cart"])));
    std::fs::write(job.process.path("rules/test.toml"), cart_rule("2h", 50)).unwrap();
    wait_for("the folder's rules", || {
        (ask(&job, "GET /v1/rules", "").1["beside_folder"] == json!(false)).then_some(())
    });
    job.stop();
}

/// How long the watch over a folder takes to see that it changed, and some more.
const WATCHED: std::time::Duration = std::time::Duration::from_millis(2500);

fn in_force(job: &Job) -> (Vec<String>, bool) {
    let status = ask(job, "GET /v1/rules", "").1;
    let rules = status["rules"].as_array().unwrap().iter();
    let ids = rules.map(|rule| rule["id"].as_str().unwrap().to_owned()).collect();
    (ids, status["beside_folder"].as_bool().unwrap())
}

#[test]
fn what_was_promoted_stays_until_the_folder_says_something_else() {
    let both = CHECKED_IN.to_owned() + &cart_rule("1h", 50);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let job = Job::start(CHECKED_IN, STATE);
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &both).0, 200);
    assert_eq!(ask(&job, "POST /v1/rules/shadow/promote", "").0, 200);
    let promoted = (names(&["cart", "welcome"]), true);
    // The first look of the watch, a file that is only touched, and a word to read a folder that nobody edited.
    std::thread::sleep(WATCHED);
    assert_eq!(in_force(&job), promoted);
    let file = job.process.path("rules/test.toml");
    std::fs::write(&file, format!("{CHECKED_IN}\n# Nothing else.\n")).unwrap();
    std::thread::sleep(WATCHED);
    assert_eq!(in_force(&job), promoted);
    assert_eq!(ask(&job, "POST /v1/rules/reload", "").1["unchanged"], 2);
    assert_eq!(in_force(&job), promoted);
    let job = job.restart(&[]);
    std::thread::sleep(WATCHED);
    assert_eq!(in_force(&job), promoted);

    // It is written into the folder: what that said before counts no longer.
    let file = job.process.path("rules/test.toml");
    std::fs::write(&file, &both).unwrap();
    wait_for("the folder", || (in_force(&job) == (names(&["cart", "welcome"]), false)).then_some(()));
    assert_eq!(ask(&job, "GET /v1/rules", "").1["can_roll_back"], true);
    let job = job.restart(&[]);
    assert_eq!(in_force(&job), (names(&["cart", "welcome"]), false));
    std::fs::write(job.process.path("rules/test.toml"), CHECKED_IN).unwrap();
    wait_for("the edit", || (in_force(&job) == (names(&["welcome"]), false)).then_some(()));

    // Written there while the job was down, and edited while it was down once more.
    assert_eq!(ask(&job, "POST /v1/rules/rollback", "").0, 200);
    assert_eq!(in_force(&job), promoted);
    std::fs::write(job.process.path("rules/test.toml"), &both).unwrap();
    let job = job.kill();
    assert_eq!(in_force(&job), (names(&["cart", "welcome"]), false));
    std::fs::write(job.process.path("rules/test.toml"), CHECKED_IN).unwrap();
    let job = job.kill();
    assert_eq!(in_force(&job), (names(&["welcome"]), false));
    // Back to what the folder says is not beside it.
    assert_eq!(ask(&job, "POST /v1/rules/rollback", "").0, 200);
    assert_eq!(in_force(&job), promoted);
    assert_eq!(ask(&job, "POST /v1/rules/rollback", "").0, 200);
    assert_eq!(in_force(&job), (names(&["welcome"]), false));
    job.stop();
}

#[test]
fn a_campaign_that_goes_on_rings_at_nobodys_door() {
    let until = |year: u32| CHECKED_IN.replacen("when", &format!("until = {year}-01-01T00:00:00Z\nwhen"), 1);
    let job = Job::start(&until(2020), STATE);
    job.accept(&[check_in("1", "phone:1"), check_in("2", "phone:2")]);
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &until(2090)).0, 200);
    wait_for_numbers(&job, [2, 0, 0, 0]);
    std::fs::write(job.process.path("rules/test.toml"), until(2090)).unwrap();
    assert_eq!(ask(&job, "POST /v1/rules/reload", "").1["changed"], json!(["welcome"]));
    job.accept(&[check_in("3", "phone:3")]);
    job.process.wait_for_offer("offer.made", "phone:3");
    assert_eq!(job.process.offers().len(), 1, "{:#?}", job.process.offers());
    job.stop();
}

#[test]
fn a_folder_that_is_gone_or_wrong_is_told_of() {
    let shadow = tempfile::tempdir().unwrap();
    std::fs::write(shadow.path().join("a.toml"), "x = [").unwrap();
    let arguments = ["--shadow", shadow.path().to_str().unwrap()];
    let job = Job::start(CHECKED_IN, STATE).restart(&arguments);
    let status = |job: &Job| ask(job, "GET /v1/rules", "").1;
    wait_for("what is wrong with the shadow set", || {
        (status(&job)["shadow_error"]["code"] == "rules-wrong").then_some(())
    });
    std::fs::write(shadow.path().join("a.toml"), CHECKED_IN).unwrap();
    wait_for("the shadow set", || status(&job).get("shadow_error").is_none().then_some(()));

    let (rules, aside) = (job.process.path("rules"), job.process.path("aside"));
    std::fs::rename(&rules, &aside).unwrap();
    wait_for("the loss", || (status(&job)["error"]["code"] == "rules-folder").then_some(()));
    assert_eq!(in_force(&job).0, ["welcome"]);
    std::fs::rename(&aside, &rules).unwrap();
    wait_for("the folder", || status(&job).get("error").is_none().then_some(()));
    job.stop();
}

#[test]
fn one_that_asks_for_more_is_told_of_what_was_before() {
    let job = Job::start(CHECKED_IN, STATE);
    job.accept(&[cart("1", "phone:1"), check_in("2", "phone:2")]);
    job.process.wait_for_offer("offer.made", "phone:2");
    let both = CHECKED_IN.to_owned() + &cart_rule("100ms", 50);
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &both).0, 200);
    wait_for_numbers(&job, [1, 0, 0, 0]);
    job.accept(&[cart("3", "phone:3"), check_in("2", "phone:2"), check_in("4", "phone:4")]);
    job.process.wait_for_offer("offer.made", "phone:4");
    wait_for_numbers(&job, [2, 0, 0, 0]);
    let process = job.stop();
    assert_eq!(process.offers().len(), 2, "{:#?}", process.offers());

    let job = Job::start(CHECKED_IN, "");
    assert_eq!(ask(&job, "PUT /v1/rules/shadow", &both).1["code"], "rules-need-state");
    job.stop();
}

#[test]
fn a_folder_given_at_the_start_is_looked_at_and_watched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, cart_rule("100ms", 50)).unwrap();
    let arguments = ["--shadow", folder.path().to_str().unwrap()];
    let job = Job::start(CHECKED_IN, STATE).restart(&arguments);
    job.accept(&[cart("1", "phone:1")]);
    wait_for("the shadow set", || (job.get("/v1/rules/shadow").status == 200).then_some(()));
    wait_for_numbers(&job, [1, 0, 0, 0]);
    std::fs::write(&path, "").unwrap();
    wait_for("the change", || {
        shadow(&job)["change"]["added"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    wait_for_numbers(&job, [0, 0, 0, 0]);
    job.stop();
}

#[test]
fn one_that_was_put_outlives_restarts_and_kills_until_it_is_dropped_or_promoted() {
    for checkpoints in ["50ms", "1h"] {
        let state = format!("[state]\nfolder = \"state\"\ncheckpoint_every = \"{checkpoints}\"\n");
        let job = Job::start(CHECKED_IN, &state);
        job.accept(&[cart("1", "phone:1")]);
        // It asks for more than the rules in force do: carts are only known because of it.
        let both = CHECKED_IN.to_owned() + &cart_rule("100ms", 50);
        assert_eq!(ask(&job, "PUT /v1/rules/shadow", &both).0, 200);
        let job = job.kill();
        wait_for_numbers(&job, [1, 0, 0, 0]);
        let since = shadow(&job)["since"].clone();
        job.accept(&[cart("2", "phone:2")]);
        wait_for_numbers(&job, [2, 0, 0, 0]);
        // Killed once more, and stopped in good order: it is the same set, looked at since the same moment.
        let job = job.kill().restart(&[]);
        wait_for_numbers(&job, [2, 0, 0, 0]);
        assert_eq!(shadow(&job)["since"], since);
        assert_eq!(job.process.offers().len(), 0, "nothing is sent because of it");

        // Another one takes its place; what was dropped stays dropped.
        assert_eq!(ask(&job, "PUT /v1/rules/shadow", &cart_rule("100ms", 60)).0, 200);
        let job = job.kill();
        assert_eq!(shadow(&job)["change"]["removed"], json!(["welcome"]));
        assert_eq!(ask(&job, "DELETE /v1/rules/shadow", "").0, 200);
        let job = job.kill();
        assert_eq!(ask(&job, "GET /v1/rules/shadow", "").0, 404);

        // One that is promoted is in force, and no shadow any more.
        assert_eq!(ask(&job, "PUT /v1/rules/shadow", &both).0, 200);
        let job = job.kill();
        assert_eq!(ask(&job, "POST /v1/rules/shadow/promote", "").0, 200);
        let job = job.kill();
        assert_eq!(ask(&job, "GET /v1/rules/shadow", "").0, 404);
        assert_eq!(ask(&job, "GET /v1/rules", "").1["beside_folder"], json!(true));

        // A folder given at a start is looked at instead, and what was put before does not come back.
        assert_eq!(ask(&job, "PUT /v1/rules/shadow", &cart_rule("100ms", 70)).0, 200);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("rules.toml"),
            both.clone() + &cart_rule("1h", 1).replace("rule.cart", "rule.more"),
        )
        .unwrap();
        let job = job.restart(&["--shadow", folder.path().to_str().unwrap()]);
        wait_for("the folder", || {
            let report = job.get("/v1/rules/shadow");
            (report.status == 200 && shadow(&job)["change"]["added"] == json!(["more"])).then_some(())
        });
        let job = job.kill();
        assert_eq!(ask(&job, "GET /v1/rules/shadow", "").0, 404);
        job.stop();
    }
}
