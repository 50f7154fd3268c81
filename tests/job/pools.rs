//! Units of a rule in a job that runs: nobody's event is needed for an answer, and rules that change change them.

use super::*;

fn with_units(units: u64, valid: &str) -> String {
    format!("{CHECKED_IN}    units = {units}\n    valid = \"{valid}\"\n")
}

fn gauge(job: &Job, what: &str) -> Option<f64> {
    let label = format!("shopbell_pool{{kind=\"units\",name=\"welcome\",brand=\"\",what=\"{what}\"}} ");
    let text = job.get("/metrics").body;
    text.lines().find_map(|line| line.strip_prefix(&label)?.parse().ok())
}

fn reload(job: &Job, rules: &str) {
    std::fs::write(job.process.path("rules/test.toml"), rules).unwrap();
    let answer = request(job.address, "POST /v1/rules/reload", "").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn units_go_round_live_and_a_reload_that_adds_some_gives_them_to_those_who_wait() {
    let job = Job::start(&with_units(1, "1h"), "");
    job.accept(&[check_in("1", "phone:1")]);
    job.process.wait_for_offer("offer.made", "phone:1");
    job.accept(&[check_in("2", "phone:2"), check_in("3", "phone:3")]);
    wait_for("two who wait", || (gauge(&job, "asking") == Some(2.0)).then_some(()));
    assert_eq!(["capacity", "held", "used"].map(|what| gauge(&job, what)), [Some(1.0), Some(1.0), Some(0.0)]);
    // Less than is held takes nothing back; one more than that is for the better of two equals, by id.
    reload(&job, &with_units(0, "1h"));
    wait_for("no units", || (gauge(&job, "capacity") == Some(0.0)).then_some(()));
    assert_eq!(job.process.offers().len(), 1);
    reload(&job, &with_units(3, "300ms"));
    for subject in ["phone:2", "phone:3"] {
        job.process.wait_for_offer("offer.made", subject);
    }
    // What is over comes back by time alone.
    job.accept(&[check_in("4", "phone:4")]);
    job.process.wait_for_offer("offer.made", "phone:4");
    let process = job.stop();
    assert_eq!(process.offers().len(), 4, "{:#?}", process.offers());
}

#[test]
fn the_first_units_of_a_job_without_state_are_refused_by_name() {
    let job = Job::start(CHECKED_IN, "");
    std::fs::write(job.process.path("rules/test.toml"), with_units(1, "1h")).unwrap();
    let answer = request(job.address, "POST /v1/rules/reload", "").unwrap();
    let error: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(error["code"], "rules-need-state", "{answer:?}");
    job.stop();
}
