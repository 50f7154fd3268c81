//! What arrives at receivers when the job is killed.
//!
//! `SHOPBELL_KILLS` sets how many kills there must be at least (10), `SHOPBELL_KILLS_SEED` the seed (1).

use super::receiver::{Answers, Arrival, Receiver};
use super::{SECRET, webhook};
use crate::recovery::kills::{Random, setting};
use crate::recovery::{Mall, SHOPBELL};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Lives that come to their end without everything having arrived, before it is believed not to come.
const MOST_LIVES: u32 = 10;

/// A mall with receivers, and what they are to hear.
struct Heard {
    mall: Mall,
    /// Bodies and subjects by id, in order.
    expected: Vec<(String, String, String)>,
}

impl Heard {
    fn new(events: usize, seed: u64) -> Heard {
        let mall = Mall::new(events, seed);
        let expected = mall.text("expected.jsonl");
        let expected = expected.lines().map(|line| {
            let said: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| said[key].as_str().unwrap().to_owned();
            (text("id"), line.to_owned(), text("subject"))
        });
        Heard { expected: expected.collect(), mall }
    }

    fn start(&self, workers: u64, webhooks: &str, fault: &str) -> Child {
        let config = format!(
            "[engine]\nclock = \"events\"\nunfinished_ticks = 2\nqueue_events = 1000\n[http]\nlisten = \"off\"\n\
             [source]\nfiles = [\"events.jsonl\"]\n[output]\nfile = \"offers.jsonl\"\n\
             [state]\nfolder = \"state\"\ncheckpoint_every = \"50ms\"\n{webhooks}"
        );
        std::fs::write(self.mall.path("job.toml"), config).unwrap();
        Command::new(SHOPBELL)
            .args(["run", "--workers", &workers.to_string(), "--config"])
            .arg(self.mall.path("job.toml"))
            .arg("--rules")
            .arg(Mall::rules())
            .env("SHOPBELL_TEST_SECRET", SECRET)
            .env("SHOPBELL_FAULT", fault)
            .stderr(std::fs::File::create(self.mall.path("log")).unwrap())
            .spawn()
            .unwrap()
    }

    /// How many messages the last life found waiting.
    fn found_waiting(&self) -> u64 {
        let log = self.mall.text("log");
        let found = log.lines().filter(|line| line.contains("messages were kept"));
        let waiting =
            found.filter_map(|line| line.split("waiting=").nth(1)?.split(' ').next()?.parse::<u64>().ok());
        waiting.sum::<u64>()
    }

    /// Everything arrived, with its body, in order for each person; nothing else did. Gives how many copies there
    /// were of what had been taken.
    fn check(&self, name: &str, arrivals: &[Arrival]) -> u64 {
        let (mut first, mut taken) = (BTreeMap::new(), BTreeMap::<&str, u64>::new());
        for (place, arrival) in arrivals.iter().enumerate() {
            first.entry(arrival.id.as_str()).or_insert(place);
            *taken.entry(arrival.id.as_str()).or_default() += u64::from(arrival.taken);
        }
        let bodies: BTreeMap<&str, &str> =
            self.expected.iter().map(|(id, body, _)| (id.as_str(), body.as_str())).collect();
        assert_eq!(bodies.len(), self.expected.len());
        for arrival in arrivals {
            assert_eq!(
                bodies.get(arrival.id.as_str()),
                Some(&arrival.body.as_str()),
                "{name}: {}",
                arrival.id
            );
        }
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, _, subject) in &self.expected {
            assert!(taken.get(id.as_str()).is_some_and(|times| *times > 0), "{name}: {id} never arrived");
            let place = first[id.as_str()];
            let before = last.insert(subject, place);
            assert!(before.is_none_or(|before| before < place), "{name}: {id} came before an earlier one");
        }
        taken.values().map(|times| times - 1).sum()
    }

    fn all_taken(&self, receiver: &Receiver) -> bool {
        receiver.taken().len() >= self.expected.len()
    }
}

fn end(job: &mut Child, within: Option<Duration>) -> bool {
    let begun = Instant::now();
    while within.is_none_or(|within| begun.elapsed() < within) {
        if let Some(status) = job.try_wait().unwrap() {
            assert!(status.success() || within.is_none(), "a life failed: {status}");
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    job.kill().unwrap();
    job.wait().unwrap().success()
}

#[test]
fn whatever_is_killed_every_message_arrives_in_order_and_copies_are_the_same() {
    let wanted = setting("SHOPBELL_KILLS", 10);
    let seed = setting("SHOPBELL_KILLS_SEED", 1);
    let mut random = Random(seed);
    let heard = Heard::new(24_000, 7);
    assert!(heard.expected.len() > 100, "there is something to say");
    let (mut kills, mut copies, mut waited, mut rounds) = (0, 0, 0, 0);
    let mut faults: BTreeMap<&str, u32> = BTreeMap::new();
    while kills < wanted {
        rounds += 1;
        let _ = std::fs::remove_dir_all(heard.mall.path("state"));
        let _ = std::fs::remove_file(heard.mall.path("offers.jsonl"));
        let moody = Receiver::start(Answers::AtRandom, seed * 1000 + rounds);
        let down = Receiver::start(Answers::With(503), 1);
        let webhooks = webhook("moody", &moody, "") + &webhook("down", &down, "");
        let (mut patience, mut ends) = (400, 0);
        let until = kills + 5;
        loop {
            let mut job = heard.start(1 + random.below(2), &webhooks, "");
            // The first ones are killed; the last ones may send what is left.
            let span = (kills < until).then(|| Duration::from_millis(20 + random.below(patience)));
            patience += 60;
            let ended = end(&mut job, span);
            waited += heard.found_waiting();
            if !ended {
                kills += 1;
                if kills == until {
                    down.answer(Answers::With(200));
                }
                continue;
            }
            down.answer(Answers::With(200));
            ends += 1;
            if heard.all_taken(&moody) && heard.all_taken(&down) || ends == MOST_LIVES {
                break;
            }
        }
        copies += heard.check("moody", &moody.arrivals());
        copies += heard.check("down", &down.arrivals());
        assert!(heard.mall.text("offers.jsonl") == heard.mall.text("expected.jsonl"));
        for (kind, count) in moody.faults() {
            *faults.entry(kind).or_default() += count;
        }
    }
    let messages = heard.expected.len();
    println!(
        "{rounds} rounds of {messages} messages, {kills} kills: {copies} copies, {waited} waited; {faults:?}"
    );
    assert!(copies > 0 && waited > 0, "no kill came at an interesting moment");
    assert_eq!(faults.len(), 5, "every kind of fault came: {faults:?}");
}

#[test]
fn a_crash_between_an_answer_and_its_note_sends_the_same_again() {
    let heard = Heard::new(12_000, 5);
    let receiver = Receiver::start(Answers::With(200), 1);
    let webhooks = webhook("crm", &receiver, "");
    for after in [1, 3, 20] {
        let before = receiver.taken();
        let mut job = heard.start(1, &webhooks, &format!("crash:webhook-answered:{after}"));
        end(&mut job, None);
        assert!(!job.wait().unwrap().success(), "it crashed: {}", heard.mall.text("log"));
        assert_ne!(receiver.taken(), before);
    }
    for _ in 0..MOST_LIVES {
        let mut job = heard.start(1, &webhooks, "");
        end(&mut job, None);
        if heard.all_taken(&receiver) {
            break;
        }
    }
    let copies = heard.check("crm", &receiver.arrivals());
    println!("{} messages, 3 crashes: {copies} copies", heard.expected.len());
    assert!(copies >= 3, "{copies}");
}
