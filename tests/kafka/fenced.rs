//! Two jobs with one transactional id: the later one goes on, the earlier one ends.

use super::records::{check_in, small, values};
use super::*;
use std::collections::BTreeSet;

/// What became of two jobs.
struct Verdict {
    /// Of the first one: whether it ended by that name.
    first_was_fenced: bool,
    messages: usize,
    distinct: usize,
    logs: String,
}

impl std::fmt::Debug for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Verdict { first_was_fenced, messages, distinct, logs } = self;
        write!(
            formatter,
            "first was fenced: {first_was_fenced}; {messages} messages, {distinct} of them different\n{logs}"
        )
    }
}

impl Verdict {
    fn is_good(&self) -> bool {
        self.first_was_fenced && (self.messages, self.distinct) == (40, 40)
    }
}

/// Lets one job say half, starts another one, and lets both know of the other half. With a fault in both.
fn two_jobs(fault: &str) -> Verdict {
    let broker = Broker::shared();
    let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 2, &[]));
    let write = |seconds: std::ops::Range<usize>| {
        let events: Vec<String> =
            seconds.map(|second| check_in(second, &format!("phone:{second}"))).collect();
        broker.produce_lines(&topic, 0, events.iter().map(String::as_str));
    };
    let said = |count: usize| broker.read(&offers, true).len() >= count;
    let (first, second) = (small(&topic, &offers, ""), small(&topic, &offers, ""));
    let mut one = first.start(1, fault);
    write(0..20);
    // By the clock of events the last one waits for the next.
    wait_for("offers", || said(19).then_some(()));
    let mut other = second.start(1, fault);
    wait_for("the second", || second.log().contains("runs:").then_some(()));
    write(20..40);
    // The first one ends, or both of them go on to say the other half.
    let ended_first = wait_for("an end, or too much", || match one.try_wait().unwrap() {
        Some(status) => Some(Some(status)),
        None => said(19 + 2 * 20).then_some(None),
    });
    let first_was_fenced = ended_first.is_some_and(|status| status.code() == Some(3))
        && first.log().contains("error[kafka-fenced]");
    if ended_first.is_none() {
        signal(&one, "-KILL");
        one.wait().unwrap();
    }
    wait_for("the rest", || said(39).then_some(()));
    signal(&other, "-TERM");
    let status = ended(&mut other, &|| second.log());
    let messages = values(&broker.read(&offers, true));
    let distinct: BTreeSet<String> = messages.iter().map(|offer| offer["id"].to_string()).collect();
    let logs = format!("first:\n{}\nsecond ({status}):\n{}", first.log(), second.log());
    Verdict { first_was_fenced, messages: messages.len(), distinct: distinct.len(), logs }
}

#[test]
fn a_second_job_ends_the_first_and_nothing_is_said_twice() {
    if is_left_out() {
        return;
    }
    let verdict = two_jobs("");
    assert!(verdict.is_good(), "{verdict:?}");
}

/// The control: without either half of fencing both jobs go on, and that is seen.
#[test]
fn two_jobs_without_fencing_say_everything_twice_and_that_is_seen() {
    if is_left_out() {
        return;
    }
    for fault in ["lose:fencing", "lose:other-life"] {
        let verdict = two_jobs(fault);
        assert!(!verdict.is_good(), "{fault}: nobody would notice: {verdict:?}");
        assert!(!verdict.first_was_fenced && verdict.messages > verdict.distinct, "{fault}: {verdict:?}");
        assert_eq!(verdict.distinct, 40, "{fault}: {verdict:?}");
    }
}
