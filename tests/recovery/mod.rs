//! A job that is killed: what it says is what one says that never was.
//!
//! Kinds of test held here:
//! - `kills`: the built binary, SIGKILL at random moments, any number of workers in each life; the output file is
//!   compared with that of a replay, byte by byte. Its faults are counted: a test whose kills missed is red;
//! - `faults`: crashes at named moments, during recovery too; a full disk; turned bits;
//! - `cuts`: stored files cut short, emptied, removed;
//! - `accepted`: what 202 promises over HTTP;
//! - `explain`: why an offer was made is told after a kill as before it, and not at all of who was forgotten;
//! - `controls`: what the comparison would say if a promise were not kept;
//! - `forget`: no byte on disk names a person who was forgotten, whatever is killed on the way;
//! - `power`: power is lost, and with it all that was not synced;
//! - `reload`: rules that changed while the job ran, and a kill after it;
//! - `state`: what a start says of a folder it cannot go on with.

mod accepted;
mod controls;
mod cuts;
mod explain;
mod faults;
mod forget;
pub(crate) mod kills;
mod power;
mod reload;
mod state;

pub(crate) use kills::{Random, remove, setting};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mall in a folder of its own: `events.jsonl`, and what a replay says of it in `expected.jsonl`.
pub(crate) struct Mall {
    folder: tempfile::TempDir,
}

/// Looks at every file below a folder. One that goes meanwhile is empty.
fn each_file(folder: &Path, look: &mut dyn FnMut(&Path, Vec<u8>)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, look);
        } else {
            look(&path, std::fs::read(&path).unwrap_or_default());
        }
    }
}

pub(crate) const SHOPBELL: &str = env!("CARGO_BIN_EXE_shopbell");

impl Mall {
    /// A folder without a mall.
    pub(crate) fn empty() -> Mall {
        Mall { folder: tempfile::tempdir().unwrap() }
    }

    /// `events` of as many customers as make them meet.
    pub(crate) fn new(events: usize, seed: u64) -> Mall {
        let mall = Mall { folder: tempfile::tempdir().unwrap() };
        let (customers, count) = ((events / 200).to_string(), events.to_string());
        let generated = Command::new(SHOPBELL)
            .args(["generate", "--customers", &customers, "--events", &count, "--seed", &seed.to_string()])
            .args(["--span", "3h", "--out"])
            .arg(mall.path("events.jsonl"))
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(generated.success());
        mall.replay();
        mall
    }

    /// Writes what a replay says of the events.
    fn replay(&self) {
        self.replay_with(&Self::rules());
    }

    /// The same with other rules.
    fn replay_with(&self, rules: &Path) {
        let replayed = Command::new(SHOPBELL)
            .args(["replay", "--workers", "1", "--tick", "1ms", "--rules"])
            .arg(rules)
            .arg("--events")
            .arg(self.path("events.jsonl"))
            .arg("--out")
            .arg(self.path("expected.jsonl"))
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(replayed.success());
    }

    pub(crate) fn rules() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Writes `job.toml`: the events by their own time, with what is given beside it in `[state]`.
    pub(crate) fn configure(&self, state: &str) {
        let config = format!(
            "[engine]\nclock = \"events\"\nunfinished_ticks = 2\nqueue_events = 1000\n[http]\nlisten = \"off\"\n[source]\nfiles = [\"events.jsonl\"]\n\
             [output]\nfile = \"offers.jsonl\"\n[state]\nfolder = \"state\"\n{state}\n"
        );
        std::fs::write(self.path("job.toml"), config).unwrap();
    }

    /// Starts a life of the job.
    fn start(&self, workers: u64) -> Child {
        self.start_with(workers, &Self::rules())
    }

    /// The same with other rules.
    fn start_with(&self, workers: u64, rules: &Path) -> Child {
        self.command(workers, rules).spawn().unwrap()
    }

    /// The same with variables in its environment.
    fn start_watched(&self, workers: u64, variables: &[(&str, PathBuf)]) -> Child {
        self.command(workers, &Self::rules()).envs(variables.iter().cloned()).spawn().unwrap()
    }

    fn command(&self, workers: u64, rules: &Path) -> Command {
        let mut command = Command::new(SHOPBELL);
        command
            .args(["run", "--workers", &workers.to_string(), "--config"])
            .arg(self.path("job.toml"))
            .arg("--rules")
            .arg(rules)
            .stderr(std::fs::File::create(self.path("log")).unwrap());
        command
    }
}
