//! A job of several processes, each supervised as systemd or Kubernetes would: started again when it fails.
//!
//! Kinds of test held here:
//! - `explain`: questions are answered whichever process knows;
//! - `kills`: SIGKILL of random processes at random moments; other numbers of workers from life to life;
//! - `silence`: a process that is stopped, a line that is cut, in network namespaces;
//! - `strangers`: junk and half-open connections, other secrets, other numbers, other settings.
//!
//! The output file is compared with that of a replay, byte by byte.

mod explain;
mod kills;
mod silence;
mod strangers;

use crate::recovery::{Mall, SHOPBELL};
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// In which members end once the head has.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// How long a member is let alone that was started again too late to have a head.
const PATIENCE: Duration = Duration::from_secs(2);

const SECRET: &str = "a secret that all processes know";

/// A job of several processes in a mall's folder.
struct Cluster {
    mall: Mall,
    hosts: Vec<String>,
    workers: u64,
    processes: Vec<Option<Child>>,
    /// Where in its log the present life of each process begins.
    lives_from: Vec<usize>,
    /// Before each process's command: the network it lives in.
    within: Vec<Vec<String>>,
    /// How often any process was started.
    starts: u64,
}

impl Cluster {
    fn new(mall: Mall, processes: usize) -> Cluster {
        // All at once, so that they are different ones.
        let free: Vec<TcpListener> =
            (0..processes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let hosts = free.iter().map(|free| free.local_addr().unwrap().to_string()).collect();
        Self::at(mall, hosts)
    }

    fn at(mall: Mall, hosts: Vec<String>) -> Cluster {
        let lines: String = hosts.iter().map(|host| format!("{host}\n")).collect();
        std::fs::write(mall.path("hosts"), lines).unwrap();
        let config = mall.text("job.toml") + "[cluster]\nsecret = \"env:TEST_CLUSTER_SECRET\"\n";
        std::fs::write(mall.path("job.toml"), config).unwrap();
        let processes = hosts.iter().map(|_| None).collect();
        let within = hosts.iter().map(|_| Vec::new()).collect();
        let lives_from = hosts.iter().map(|_| 0).collect();
        Cluster { mall, hosts, workers: 1, processes, lives_from, within, starts: 0 }
    }

    /// Starts a process with another configuration or secret than the others, perhaps.
    fn start_with(&mut self, process: usize, config: &str, secret: &str) {
        if let Some(mut before) = self.processes[process].take() {
            assert!(before.try_wait().unwrap().is_some(), "process {process} still lives: {}", self.logs());
        }
        self.lives_from[process] = self.log(process).len();
        let mut command: Vec<String> = self.within[process].clone();
        command.push(SHOPBELL.to_owned());
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.mall.path(&format!("log-{process}")))
            .unwrap();
        let child = Command::new(&command[0])
            .args(&command[1..])
            .args(["run", "--workers", &self.workers.to_string(), "--config"])
            .arg(self.mall.path(config))
            .arg("--rules")
            .arg(Mall::rules())
            .args(["--processes", &self.hosts.len().to_string(), "--process", &process.to_string()])
            .arg("--hosts")
            .arg(self.mall.path("hosts"))
            .env("TEST_CLUSTER_SECRET", secret)
            .stderr(log)
            .spawn()
            .unwrap();
        self.starts += 1;
        self.processes[process] = Some(child);
    }

    fn start(&mut self, process: usize) {
        self.start_with(process, "job.toml", SECRET);
    }

    fn start_all(&mut self) {
        (0..self.hosts.len()).for_each(|process| self.start(process));
    }

    /// Starts again whatever failed; says whether the head has ended in good order.
    ///
    /// A member that ended in good order goes with the head. Where that was killed between its farewell and its end, the
    /// member is started again, too: the next head needs it.
    fn supervise(&mut self) -> bool {
        for process in 0..self.processes.len() {
            let Some(child) = &mut self.processes[process] else { continue };
            match child.try_wait().unwrap() {
                Some(status) if status.success() && process == 0 => return true,
                Some(status) if status.success() && self.is_of_the_head(process) => {}
                Some(_) => self.start(process),
                None => {}
            }
        }
        false
    }

    /// Whether the present life of a member began in the present generation of the head.
    fn is_of_the_head(&self, process: usize) -> bool {
        let head = self.log(0).split_off(self.lives_from[0]);
        let generation =
            |text: &str| text.rsplit_once("generation=")?.1.split_whitespace().next().map(str::to_owned);
        let of_head = generation(&head);
        of_head.is_some() && of_head == generation(&self.log(process).split_off(self.lives_from[process]))
    }

    /// Waits until the head has ended in good order, starting again what fails, and then all others.
    fn run_to_the_end(&mut self) {
        let began = Instant::now();
        while !self.supervise() {
            assert!(began.elapsed() < Duration::from_secs(120), "{}", self.logs());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.others_end(), 0, "a member was left without a head: {}", self.logs());
    }

    /// Once the head has ended in good order: every member of its generation ends by itself, in good order too. Says how
    /// many were started again too late to have a head: they wait for the next one, and are killed.
    fn others_end(&mut self) -> u64 {
        let mut left = 0;
        for process in 1..self.processes.len() {
            if self.processes[process].is_none() {
                continue;
            }
            if self.is_of_the_head(process) {
                let code = self.ended_within(process, ENDS_WITHIN);
                assert_eq!(code, Some(0), "process {process}: {}", self.logs());
            } else if !self.ends_within(process, PATIENCE) {
                let child = self.processes[process].as_mut().unwrap();
                child.kill().unwrap();
                child.wait().unwrap();
                left += 1;
            }
            self.processes[process] = None;
        }
        self.processes[0] = None;
        left
    }

    fn signal(&self, process: usize, signal: &str) {
        let id = self.processes[process].as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Whether a process ends in that time.
    fn ends_within(&mut self, process: usize, span: Duration) -> bool {
        let began = Instant::now();
        while self.processes[process].as_mut().unwrap().try_wait().unwrap().is_none() {
            if began.elapsed() > span {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Waits until a process has ended, and gives its exit code.
    fn ended_within(&mut self, process: usize, span: Duration) -> Option<i32> {
        assert!(self.ends_within(process, span), "process {process} still lives:\n{}", self.logs());
        self.processes[process].as_mut().unwrap().wait().unwrap().code()
    }

    fn log(&self, process: usize) -> String {
        self.mall.text(&format!("log-{process}"))
    }

    fn logs(&self) -> String {
        (0..self.hosts.len()).map(|process| format!("process {process}:\n{}\n", self.log(process))).collect()
    }

    /// Waits until something was offered.
    fn wait_for_offers(&mut self) {
        let began = Instant::now();
        while self.mall.text("offers.jsonl").is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", self.logs());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn said_what_a_replay_says(&self, of: &dyn std::fmt::Debug) {
        let (said, expected) = (self.mall.text("offers.jsonl"), self.mall.text("expected.jsonl"));
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{of:?}: line {differs:?} differs\n{}", self.logs());
    }
}

/// Killed, however the test ends.
impl Drop for Cluster {
    fn drop(&mut self) {
        for mut child in self.processes.drain(..).flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
