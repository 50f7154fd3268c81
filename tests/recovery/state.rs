//! What a start says of a folder it cannot go on with.

use super::Mall;

/// A folder with a state that was ended in good order.
fn ended() -> Mall {
    let mall = Mall::new(2_000, 3);
    mall.configure("checkpoint_every = \"50ms\"");
    assert!(mall.start(2).wait().unwrap().success());
    assert_eq!(mall.text("offers.jsonl"), mall.text("expected.jsonl"));
    mall
}

/// Starts it; gives the exit code and the log.
fn outcome(mall: &Mall) -> (Option<i32>, String) {
    let status = mall.start(2).wait().unwrap();
    (status.code(), mall.text("log"))
}

#[test]
fn a_job_that_ended_in_good_order_has_nothing_to_say_again() {
    let mall = ended();
    let (code, log) = outcome(&mall);
    assert_eq!((code, mall.text("offers.jsonl")), (Some(0), mall.text("expected.jsonl")), "{log}");
    assert!(log.contains("caught up with") && log.contains("events=0"), "{log}");
}

#[test]
fn what_does_not_fit_the_state_is_refused_by_name() {
    let mall = ended();
    let config = mall.text("job.toml");
    let refused = |config: &str, code: i32, name: &str| {
        std::fs::write(mall.path("job.toml"), config).unwrap();
        let (exit, log) = outcome(&mall);
        assert_eq!(exit, Some(code), "{log}");
        assert!(log.contains(&format!("error[{name}]")) && log.contains("hint:"), "{log}");
    };
    refused(&config.replace("clock = \"events\"", "clock = \"events\"\ntick = \"5ms\""), 2, "state-settings");
    refused(&config.replace("clock = \"events\"", "clock = \"wall\""), 2, "state-settings");

    let offers = mall.text("offers.jsonl");
    std::fs::write(mall.path("offers.jsonl"), &offers[..offers.len() / 2]).unwrap();
    refused(&config, 3, "output-shorter");
    std::fs::write(mall.path("offers.jsonl"), &offers).unwrap();

    let events = mall.text("events.jsonl");
    std::fs::write(mall.path("events.jsonl"), &events[..events.len() / 2]).unwrap();
    refused(&config, 3, "source-shorter");
    std::fs::write(mall.path("events.jsonl"), &events).unwrap();

    std::fs::remove_file(mall.path("state/journal/durable")).unwrap();
    refused(&config, 3, "journal-mark-missing");
}

#[test]
fn only_one_job_has_a_state() {
    let mall = Mall::new(20_000, 3);
    mall.configure("checkpoint_every = \"50ms\"");
    let mut first = mall.start(1);
    while mall.text("offers.jsonl").is_empty() {
        assert!(first.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let (code, log) = outcome(&mall);
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("error[journal-locked]"), "{log}");
    first.kill().unwrap();
    first.wait().unwrap();
}
