//! Two jobs with one transactional id: the later one goes on, the earlier one ends.

use super::records::{check_in, small, values};
use super::*;

#[test]
fn a_second_job_ends_the_first_and_nothing_is_said_twice() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 2, &[]));
    let write = |seconds: std::ops::Range<usize>| {
        let events: Vec<String> =
            seconds.map(|second| check_in(second, &format!("phone:{second}"))).collect();
        broker.produce_lines(&topic, 0, events.iter().map(String::as_str));
    };
    let said =
        |count: usize| wait_for("offers", || (broker.read(&offers, true).len() >= count).then_some(()));
    let (first, second) = (small(&topic, &offers, ""), small(&topic, &offers, ""));
    let mut one = first.start(1, "");
    write(0..20);
    // By the clock of events the last one waits for the next.
    said(19);
    let mut other = second.start(1, "");
    wait_for("the second", || second.log().contains("runs:").then_some(()));
    write(20..40);
    let status = ended(&mut one, &|| first.log());
    assert_eq!(status.code(), Some(3), "{}", first.log());
    assert!(first.log().contains("error[kafka-fenced]"), "{}", first.log());
    said(39);
    signal(&other, "-TERM");
    assert!(ended(&mut other, &|| second.log()).success(), "{}", second.log());
    let ids: Vec<String> =
        values(&broker.read(&offers, true)).iter().map(|offer| offer["id"].to_string()).collect();
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (40, 40));
}
