//! The configuration of a job: `shopbell.toml`, raw → checked, with all problems at once.
//!
//! Invariant: a [`Config`] was accepted whole. Paths in a file are relative to the folder of that
//! file; secrets are references, resolved when the job starts. An empty file is a valid one.
//! Cost: read once, at the start.

mod check;
pub mod kafka;
mod problem;
mod reader;
mod secret;
#[cfg(test)]
mod tests;

pub use problem::{ConfigError, Problem};
pub use secret::{Secret, SecretError, SecretReference};

use shopbell_model::event::Limits;
use shopbell_model::key::Text;
use shopbell_model::learning::Learning;
use shopbell_model::policy::Policy;
use shopbell_model::settings::{Identity, Presence, Retention};
use shopbell_model::time::Duration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that can be set.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[engine]`
    pub engine: Engine,
    /// `[source]`
    pub source: Source,
    /// `[http]`
    pub http: Http,
    /// `[presence]`
    pub presence: Presence,
    /// `[identity]`
    pub identity: Identity,
    /// `[policy]` and `[channels]`
    pub policy: Policy,
    /// `[retention]`
    pub retention: Retention,
    /// `[learning]`; accept rates are not learned where absent.
    pub learning: Option<Learning>,
    /// `[limits]`
    pub limits: Limits,
    /// `[output]`
    pub output: Output,
    /// `[[webhook]]`
    pub webhooks: Vec<Webhook>,
    /// `[state]`; nothing is kept where absent.
    pub state: Option<State>,
    /// `[kafka]`: how brokers are reached.
    pub kafka: Option<kafka::Kafka>,
    /// `[cluster]`
    pub cluster: Cluster,
}

/// `[cluster]`: several processes as one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Where the secret is that all of them know.
    pub secret: Option<SecretReference>,
}

/// `[engine]`: the dataflow and its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Worker threads wanted; one a core where absent. See [`Engine::workers_on`].
    pub workers: Option<usize>,
    /// Least time between two ticks.
    pub tick: Duration,
    /// Whose time it is.
    pub clock: ClockKind,
    /// The folder of rule files.
    pub rules: Option<PathBuf>,
    /// Ticks that may be unfinished before sources pause.
    pub unfinished_ticks: usize,
    /// Events that may wait for the engine before more are refused.
    pub queue_events: usize,
}

impl Engine {
    /// Worker threads on a machine with that many cores: spinning workers must not share one, so
    /// there are never more than cores.
    pub fn workers_on(&self, cores: usize) -> usize {
        self.workers.unwrap_or(cores).min(cores).max(1)
    }
}

/// What the engine's clock follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockKind {
    /// The wall clock: `"wall"`.
    #[default]
    Wall,
    /// The greatest event time seen, as in a replay: `"events"`. The answer is then a function of the input
    /// alone, however fast it comes.
    Events,
}

/// `[state]`: what outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The folder of journal and checkpoints.
    pub folder: PathBuf,
    /// Time from one checkpoint to the next.
    pub checkpoint_every: Duration,
    /// Bytes after which the journal begins a new file.
    pub segment: usize,
    /// Whether the disk is told to keep what was written. Without, what was acknowledged outlives the process, but
    /// not the machine.
    pub sync: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Engine {
            workers: None,
            tick: Duration(1),
            clock: ClockKind::Wall,
            rules: None,
            unfinished_ticks: 8,
            queue_events: 200_000,
        }
    }
}

/// `[source]`: where events come from besides HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// JSON Lines files, read one after the other.
    pub files: Vec<PathBuf>,
    /// Standard input, after the files.
    pub stdin: bool,
    /// Where refused input goes; only counted where absent.
    pub dead_letters: Option<PathBuf>,
    /// `[source.kafka]`: topics of events.
    pub kafka: Option<kafka::KafkaSource>,
}

/// `[http]`: the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens; no server where absent (`"off"`).
    pub listen: Option<SocketAddr>,
    /// Bytes of one request body.
    pub max_body: usize,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Clients of the offer stream at once.
    pub streams: usize,
    /// How long a request's head, and then its body, may take to arrive.
    pub read_timeout: Duration,
    /// Where the token is that routes of operators ask for; they are open where absent.
    pub admin_token: Option<SecretReference>,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            max_body: 8 * 1024 * 1024,
            connections: 1024,
            streams: 256,
            read_timeout: Duration::from_secs(30),
            admin_token: None,
        }
    }
}

/// `[output]`: offers as JSON Lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub target: OutputTarget,
    /// Whether suppressed candidates are told, with the policy that stopped them.
    pub suppressed: bool,
    /// `[output.kafka]`: a topic of offers.
    pub kafka: Option<kafka::KafkaOutput>,
}

impl Default for Output {
    fn default() -> Self {
        Output { target: OutputTarget::Standard, suppressed: false, kafka: None }
    }
}

/// Where JSON Lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputTarget {
    /// Standard output: `"-"`.
    Standard,
    /// A file, appended to.
    File(PathBuf),
    /// Nowhere: `"off"`.
    Off,
}

/// `[[webhook]]`: a receiver of offers, as in Standard Webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name in logs and metrics; the host and port of `url` unless given.
    pub name: String,
    /// Where to send to.
    pub url: String,
    /// Where the signing secret is.
    pub secret: SecretReference,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long an offer is tried before it is given up.
    pub retry_for: Duration,
    /// Only offers on these channels; all where absent.
    pub channels: Option<Vec<Text>>,
    /// Whether addresses of private networks and of this machine may be connected to.
    pub allow_private: bool,
    /// Offers that may wait; more fail.
    pub max_queue: usize,
    /// Offers that failed and are kept, where state is; the oldest are dropped beyond.
    pub max_failed: usize,
}

impl Config {
    /// Checks the text of a configuration. `file` is what problems are reported under, and relative
    /// paths start from its folder.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Vec<ConfigError>> {
        check::check(text, file)
    }

    /// Whether a text is meant as a configuration: a table of it has the name of one here, or nearly.
    pub fn is_meant_by(text: &str) -> bool {
        let strange = |error: &&ConfigError| matches!(&error.problem, Problem::UnknownKey { section, similar: None, .. } if section == reader::FILE);
        let tables = text.parse::<toml::Table>().map_or(0, |table| table.len());
        let strange =
            Self::parse(text, Path::new("")).err().map_or(0, |all| all.iter().filter(strange).count());
        strange < tables
    }

    /// Reads and checks a file.
    pub fn load(file: &Path) -> Result<Self, Vec<ConfigError>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let problem = Problem::Unreadable { reason: error.to_string() };
            vec![ConfigError { file: file.display().to_string(), line: 0, column: 0, problem }]
        })?;
        Self::parse(&text, file)
    }
}
