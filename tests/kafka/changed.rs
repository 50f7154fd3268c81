//! Topics that are not what they were: found out and named, never passed over.

use super::records::{check_in, small};
use super::*;

/// A job that has read twenty records of a topic of one partition.
struct Read {
    broker: &'static Broker,
    topic: String,
    offers: String,
    job: Job,
}

impl Read {
    fn new(more: &str) -> Read {
        let broker = Broker::shared();
        let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 1, &[]));
        let read =
            Read { broker, job: small(&topic, &offers, &format!("until = \"end\"\n{more}")), topic, offers };
        read.write(0, 0..20);
        read.job.succeeds();
        read
    }

    fn write(&self, partition: i32, seconds: std::ops::Range<usize>) {
        let events: Vec<String> =
            seconds.map(|second| check_in(second, &format!("phone:{second}"))).collect();
        self.broker.produce_lines(&self.topic, partition, events.iter().map(String::as_str));
    }

    fn offers(&self) -> usize {
        self.broker.read(&self.offers, true).len()
    }

    /// Another topic of the same name.
    fn made_anew(&self) {
        self.broker.remove(&self.topic);
        std::thread::sleep(Duration::from_millis(500));
        self.broker.make(&self.topic, 1, &[]);
    }
}

#[test]
fn a_topic_that_was_truncated_is_read_on_only_where_nothing_is_lost() {
    if is_left_out() {
        return;
    }
    let read = Read::new("");
    read.write(0, 20..40);
    read.broker.truncate(&read.topic, 0, 20);
    read.job.succeeds();
    assert_eq!(read.offers(), 40);
    read.write(0, 40..60);
    read.broker.truncate(&read.topic, 0, 45);
    read.job.fails("kafka-truncated");
    assert_eq!(read.offers(), 40);
}

#[test]
fn a_topic_that_was_made_anew_is_found_out_by_its_length_or_by_a_record() {
    if is_left_out() {
        return;
    }
    let read = Read::new("");
    read.made_anew();
    read.write(0, 30..35);
    read.job.fails("kafka-recreated");
    read.write(0, 35..70);
    read.job.fails("kafka-recreated");
    assert!(read.job.log().contains("is another one"), "{}", read.job.log());
    assert_eq!(read.offers(), 20);
}

#[test]
fn a_topic_that_is_compacted_or_not_there_is_refused() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let offers = broker.topic("offers", 1, &[]);
    let compacted = broker.topic("events", 1, &[("cleanup.policy", "compact,delete")]);
    small(&compacted, &offers, "until = \"end\"").fails("kafka-compacted");
    small("never-made", &offers, "until = \"end\"").fails("kafka-unknown-topic");
    let events = broker.topic("events", 1, &[]);
    small(&events, "never-made", "until = \"end\"").fails("kafka-unknown-topic");
    small(&events, &offers, "until = \"end\"\ndead_letters = \"never-made\"").fails("kafka-unknown-topic");
}

#[test]
fn partitions_that_came_meanwhile_are_read_from_their_beginning() {
    if is_left_out() {
        return;
    }
    let read = Read::new("from = \"end\"");
    // What was there before the first start was left out, and nothing was kept.
    assert_eq!(read.offers(), 0);
    let broker = read.broker;
    let config = std::fs::read_to_string(read.job.path("job.toml")).unwrap().replace("until = \"end\"", "");
    // Its first two lines are those that a job begins with.
    let config: String = config.split_inclusive('\n').skip(2).collect();
    let never = Job::new(&broker.address(), &config, Some(records::WELCOME));
    let mut life = never.start(1, "");
    wait_for("the start", || never.log().contains("runs:").then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    read.write(0, 20..30);
    wait_for("nine offers", || (read.offers() == 9).then_some(()));
    signal(&life, "-TERM");
    assert!(ended(&mut life, &|| never.log()).success(), "{}", never.log());
    assert_eq!(read.offers(), 10);
    broker.grow(&read.topic, 2);
    read.write(1, 40..45);
    let config = std::fs::read_to_string(never.path("job.toml")).unwrap();
    std::fs::write(never.path("job.toml"), format!("{config}until = \"end\"\n")).unwrap();
    never.succeeds();
    assert_eq!(read.offers(), 15, "{}", never.log());
}

#[test]
fn an_output_that_is_not_what_was_written_ends_the_job() {
    if is_left_out() {
        return;
    }
    let read = Read::new("");
    let config = std::fs::read_to_string(read.job.path("job.toml")).unwrap();
    let with = |text: &str| std::fs::write(read.job.path("job.toml"), text).unwrap();
    // Nothing is known of an output of another name.
    let other = read.broker.topic("offers", 1, &[]);
    with(&config.replace(&read.offers, &other));
    read.job.fails("kafka-output-shorter");
    // A state that begins anew, with other events, does not lead to what is there.
    let events = read.broker.topic("events", 1, &[]);
    let lines: Vec<String> = (100..130).map(|second| check_in(second, "phone:other")).collect();
    read.broker.produce_lines(&events, 0, lines.iter().map(String::as_str));
    with(&config.replace(&read.topic, &events).replace("folder = \"state\"", "folder = \"other\""));
    read.job.fails("kafka-diverged");
    assert_eq!(read.offers(), 20);
    // With the same events it does, and nothing is written twice.
    with(&config.replace("folder = \"state\"", "folder = \"third\""));
    read.job.succeeds();
    assert_eq!(read.offers(), 20);
}
