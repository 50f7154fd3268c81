//! What was accepted over HTTP survives a kill right after the answer, and copies of it change nothing.

use super::SHOPBELL;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(super) const RULES: &str = r#"
    [rule.welcome]
    when = "checked_in"
    [rule.welcome.offer]
    title = "Welcome"
    channels = ["sms"]
"#;

/// A life that serves HTTP.
pub(super) struct Life {
    pub(super) child: Child,
    address: String,
}

impl Life {
    pub(super) fn start(folder: &Path) -> Life {
        Life::start_with(folder, &[])
    }

    /// The same with variables in its environment.
    pub(super) fn start_with(folder: &Path, variables: &[(&str, PathBuf)]) -> Life {
        let log = folder.join("log");
        let child = Command::new(SHOPBELL)
            .args(["run", "--workers", "2", "--config"])
            .arg(folder.join("job.toml"))
            .envs(variables.iter().cloned())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut life = Life { child, address: String::new() };
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some((_, rest)) = text.split_once("runs: http://") {
                life.address = rest.split(',').next().unwrap().to_owned();
                return life;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The status of the answer to some check-ins.
    pub(super) fn post(&self, ids: std::ops::Range<u32>) -> String {
        let now = shopbell_model::time::format_rfc3339(shopbell::wall_clock());
        let body: String = ids
            .map(|id| {
                format!(
                    "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"test\",\"type\":\"store.check_in\",\
                     \"subject\":\"phone:{id}\",\"time\":\"{now}\",\"data\":{{\"location\":\"l\"}}}}\n"
                )
            })
            .collect();
        self.send(&body)
    }

    /// The status of the answer to some events.
    pub(super) fn send(&self, body: &str) -> String {
        self.request("POST /v1/events", body)
    }

    /// The status of the answer to a request.
    pub(super) fn request(&self, request: &str, body: &str) -> String {
        self.answer(request, body).lines().next().unwrap_or_default().to_owned()
    }

    /// The whole answer to a request.
    pub(super) fn answer(&self, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-ndjson\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Killed, however the test ends.
impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_accepted_before_a_kill_is_offered_once_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("rules")).unwrap();
    std::fs::write(path.join("rules/test.toml"), RULES).unwrap();
    let config = "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
                  [state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";
    std::fs::write(path.join("job.toml"), config).unwrap();
    for round in 0..6 {
        let life = Life::start(path);
        // Once more what was accepted before: copies.
        for ids in [round * 10..(round + 1) * 10, 0..(round + 1) * 10] {
            let status = life.post(ids);
            assert!(status.contains("202"), "{status}");
        }
        if round % 2 == 1 {
            std::thread::sleep(Duration::from_millis(250));
        }
        drop(life);
    }
    let life = Life::start(path);
    let whole = |text: &str| text.lines().filter(|line| line.contains("\"offer.made\"")).count() == 60;
    let begun = Instant::now();
    let mut said = String::new();
    while !whole(&said) && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
        said = std::fs::read_to_string(path.join("offers.jsonl")).unwrap();
    }
    drop(life);
    for id in 0..60 {
        let subject = format!("\"subject\":\"phone:{id}\"");
        assert_eq!(said.lines().filter(|line| line.contains(&subject)).count(), 1, "phone:{id}");
    }
}

/// A check-in at a second of the clock that events make.
fn check_in_at(id: u32, second: u32) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"test\",\"type\":\"store.check_in\",\
         \"subject\":\"phone:{id}\",\"time\":\"2026-01-01T00:00:{second:02}Z\",\"data\":{{\"location\":\"l\"}}}}\n"
    )
}

impl Life {
    /// The status of the answer to some events; none where it does not come soon.
    fn send_soon(&self, body: &str) -> Option<String> {
        let address = self.address.parse().unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let body = body.to_owned();
        std::thread::spawn(move || {
            let answer = crate::job::request(address, "POST /v1/events", &body);
            let _ = told.send(answer.map(|answer| answer.status));
        });
        let status = heard.recv_timeout(Duration::from_secs(10)).ok()?;
        status.ok().map(|status| status.to_string())
    }
}

/// What is said of these events where the events make the clock, with whatever is done to the job after each of them.
fn said_by_events(checkpoints: &str, after_each: impl Fn(usize, Life, &Path) -> Life) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("rules")).unwrap();
    std::fs::write(path.join("rules/test.toml"), RULES).unwrap();
    let config = format!(
        "[engine]\nrules = \"rules\"\nclock = \"events\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
         [state]\nfolder = \"state\"\ncheckpoint_every = \"{checkpoints}\"\n"
    );
    std::fs::write(path.join("job.toml"), config).unwrap();
    let mut life = Life::start(path);
    // Three at one moment, and two later ones.
    for (index, (id, second)) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3)].into_iter().enumerate() {
        let event = check_in_at(id, second);
        assert_eq!(life.send_soon(&event).as_deref(), Some("202"), "{id}: nobody waits for a later event");
        life = after_each(index, life, path);
        // A second copy is accepted at once as well, and changes nothing.
        assert_eq!(life.send_soon(&event).as_deref(), Some("202"), "{id} once more");
    }
    let killed = Command::new("kill").args(["-TERM", &life.child.id().to_string()]).status().unwrap();
    assert!(killed.success() && life.child.wait().unwrap().success());
    std::fs::read_to_string(path.join("offers.jsonl")).unwrap()
}

#[test]
fn where_events_make_the_clock_the_last_one_is_accepted_at_once_and_survives_a_kill() {
    let undisturbed = said_by_events("1h", |_, life, _| life);
    assert_eq!(undisturbed.lines().count(), 5, "{undisturbed}");
    for (id, second) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3)] {
        let is_it = |line: &&str| {
            line.contains(&format!("\"subject\":\"phone:{id}\""))
                && line.contains(&format!("00:00:{second:02}"))
        };
        assert_eq!(undisturbed.lines().filter(is_it).count(), 1, "{id}: {undisturbed}");
    }
    for checkpoints in ["50ms", "1h"] {
        for pause in [0, 120] {
            let killed = said_by_events(checkpoints, |_, life, path| {
                // With checkpoints in between, and without.
                std::thread::sleep(Duration::from_millis(pause));
                drop(life);
                Life::start(path)
            });
            assert_eq!(killed, undisturbed, "checkpoints every {checkpoints}, killed after {pause} ms");
        }
    }
}

#[test]
fn rules_that_change_lose_no_event_of_a_tick_that_is_being_filled() {
    let offer = "[rule.more.offer]\ntitle = \"t\"\n";
    // Carts are new to the graph, so that another one is built; check-ins are not.
    let another = format!("[rule.more]\nwhen = \"cart_abandoned\"\n{offer}");
    let same = format!("[rule.more]\nwhen = \"checked_in\"\nwhere = 'location.id == \"no\"'\n{offer}");
    for (rules, kills) in [(&another, false), (&another, true), (&same, false), (&same, true)] {
        let said = said_by_events("50ms", |index, life, path| {
            if index != 1 {
                return life;
            }
            // A checkpoint has begun that becomes whole with the tick of the rules.
            let pause = || std::thread::sleep(Duration::from_millis(150));
            pause();
            std::fs::write(path.join("rules/more.toml"), rules).unwrap();
            let status = life.request("POST /v1/rules/reload", "");
            assert!(status.contains("200"), "{status}");
            if !kills {
                return life;
            }
            pause();
            drop(life);
            Life::start(path)
        });
        for id in 1..=5 {
            let subject = format!("\"subject\":\"phone:{id}\"");
            let count = said.lines().filter(|line| line.contains(&subject)).count();
            assert_eq!(count, 1, "phone:{id}, kills: {kills}, {rules}: {said}");
        }
    }
}
