//! A job with a real broker at both ends: nothing lost, nothing twice, whatever dies.
//!
//! Kinds of test held here:
//! - `kills`: SIGKILL at random moments and at named ones; what is committed is compared with an undisturbed replay;
//! - `fenced`: two jobs with one transactional id;
//! - `away`: brokers that die or cannot be reached, and an answer to a commit that gets lost;
//! - `changed`: topics that are not what they were;
//! - `records`: what records may look like, and what becomes of those that are refused;
//! - `offers`: under which key offers go out;
//! - `secure` (with the feature `kafka-tls`): TLS and SCRAM.
//!
//! They need Java 17 and Maven (`scripts/kafka`); `SHOPBELL_NO_KAFKA=1` leaves them out. One broker is shared, topics
//! are not.

mod away;
pub(crate) mod broker;
mod changed;
mod fenced;
mod kills;
mod offers;
mod records;
#[cfg(feature = "kafka-tls")]
mod secure;
pub(crate) mod topics;

use crate::recovery::kills::Random;
use crate::recovery::{Mall, SHOPBELL};
use broker::{Broker, is_left_out};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use topics::Record;

const PATIENCE: Duration = Duration::from_secs(60);

/// A job in a folder of its own.
struct Job {
    folder: tempfile::TempDir,
    rules: PathBuf,
}

impl Job {
    /// `config` is everything but `[kafka]`.
    fn new(brokers: &str, config: &str, rules: Option<&str>) -> Job {
        let folder = tempfile::tempdir().unwrap();
        let kafka = format!("[kafka]\nbrokers = [\"{brokers}\"]\n{config}");
        std::fs::write(folder.path().join("job.toml"), kafka).unwrap();
        let own = folder.path().join("rules.toml");
        let rules = match rules {
            None => Mall::rules(),
            Some(text) => {
                std::fs::write(&own, text).unwrap();
                own
            }
        };
        Job { folder, rules }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn start(&self, workers: u64, fault: &str) -> Child {
        Command::new(SHOPBELL)
            .args(["run", "--workers", &workers.to_string(), "--config"])
            .arg(self.path("job.toml"))
            .arg("--rules")
            .arg(&self.rules)
            .env("SHOPBELL_FAULT", fault)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.path("log")).unwrap())
            .spawn()
            .unwrap()
    }

    /// A life that must come to its end by itself.
    fn run(&self, fault: &str) -> ExitStatus {
        let mut child = self.start(2, fault);
        ended(&mut child, &|| self.log())
    }

    fn succeeds(&self) {
        let status = self.run("");
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// It ends by that name.
    fn fails(&self, code: &str) {
        let status = self.run("");
        let log = self.log();
        assert!(log.contains(&format!("error[{code}]")) && log.contains("hint:"), "{status}: {log}");
    }
}

/// Waits for the end of a process.
fn ended(child: &mut Child, log: &dyn Fn() -> String) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("no end: {}", log());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Looks until there is something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// Events in partitions of a topic, and what an undisturbed replay says of them.
pub(crate) struct History {
    topic: String,
    expected: Vec<String>,
}

impl History {
    /// A mall in three partitions, by subject. The replay gets the events in the order of (time, partition).
    pub(crate) fn new(broker: &Broker, events: usize, seed: u64) -> History {
        let mall = Mall::new(events, seed);
        let (topic, text) = (broker.topic("events", 3, &[]), mall.text("events.jsonl"));
        let mut partitions = vec![Vec::new(); 3];
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let subject = event["subject"].as_str().unwrap_or_default();
            let time: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            let sum: usize = subject.bytes().map(usize::from).sum();
            partitions[sum % 3].push((time.as_millisecond(), line));
        }
        assert!(partitions.iter().all(|lines| lines.len() > events / 20));
        for (partition, lines) in partitions.iter().enumerate() {
            broker.produce_lines(&topic, partition as i32, lines.iter().map(|(_, line)| *line));
        }
        let mut heads = [0; 3];
        let mut merged = String::new();
        while let Some((_, next)) = (0..3).filter_map(|p| Some((partitions[p].get(heads[p])?.0, p))).min() {
            merged.push_str(partitions[next][heads[next]].1);
            merged.push('\n');
            heads[next] += 1;
        }
        std::fs::write(mall.path("merged.jsonl"), merged).unwrap();
        let replayed = Command::new(SHOPBELL)
            .args(["replay", "--workers", "1", "--tick", "1ms", "--rules"])
            .arg(Mall::rules())
            .arg("--events")
            .arg(mall.path("merged.jsonl"))
            .arg("--out")
            .arg(mall.path("merged-offers.jsonl"))
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(replayed.success());
        let expected: Vec<String> = mall.text("merged-offers.jsonl").lines().map(str::to_owned).collect();
        assert!(expected.len() > 60, "there is something to say: {}", expected.len());
        History { topic, expected }
    }

    /// A job over it, with an output of its own.
    fn job(&self, broker: &Broker, brokers: &str, state: &str) -> (Job, String) {
        let offers = broker.topic("offers", 3, &[]);
        let job = Job::new(brokers, &self.config(&offers, state), None);
        (job, offers)
    }

    pub(crate) fn config(&self, offers: &str, state: &str) -> String {
        let topic = &self.topic;
        format!(
            "[engine]\nclock = \"events\"\nunfinished_ticks = 2\nqueue_events = 1000\n[http]\nlisten = \"off\"\n\
             [source.kafka]\ntopics = [\"{topic}\"]\nuntil = \"end\"\n[output]\nfile = \"off\"\n\
             [output.kafka]\ntopic = \"{offers}\"\ntransactional_id = \"{offers}\"\n\
             [state]\nfolder = \"state\"\n{state}\n"
        )
    }

    /// The same bytes, and those of a person in the same order.
    pub(crate) fn is_in(&self, found: &[Record], log: &str) {
        // All of a key are in one partition.
        let mut homes = std::collections::BTreeMap::new();
        for record in found {
            let home = *homes.entry(record.key.clone().unwrap()).or_insert(record.partition);
            assert_eq!(home, record.partition, "{record:?}");
        }
        let mut said: Vec<&str> = found.iter().map(|record| record.value.as_deref().unwrap()).collect();
        let mut expected: Vec<&str> = self.expected.iter().map(String::as_str).collect();
        // In a partition, as in the replay.
        for partition in 0..3 {
            let of: Vec<&str> = found
                .iter()
                .filter(|r| r.partition == partition)
                .map(|r| r.value.as_deref().unwrap())
                .collect();
            let all: std::collections::BTreeSet<&str> = of.iter().copied().collect();
            let in_order: Vec<&str> = expected.iter().copied().filter(|line| all.contains(line)).collect();
            let differs = of.iter().zip(&in_order).position(|(a, b)| a != b);
            assert!(
                of == in_order,
                "partition {partition}: {} and {}, {differs:?}: {log}",
                of.len(),
                in_order.len()
            );
        }
        said.sort_unstable();
        expected.sort_unstable();
        assert!(said == expected, "{} messages, {} expected: {log}", said.len(), expected.len());
    }
}
