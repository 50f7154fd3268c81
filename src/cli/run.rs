//! `shopbell run`: the live job.

use super::{Failure, files, logs};
use crate::cluster::{Place, read_hosts};
use crate::config::{Config, OutputTarget};
use crate::replay::{shared_rules, too_far};
use crate::run::{Plan, RunError, run as run_job, run_member};
use clap::Args;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run the live job until SIGINT or SIGTERM
///
/// Events come over HTTP, from files and from standard input; offers go to the output, to clients of
/// the offer stream and to webhooks. Without HTTP the job ends when its files and standard input do.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Configuration file
    #[arg(long)]
    config: PathBuf,
    /// Folder of rule files, instead of the configured one
    #[arg(long)]
    rules: Option<PathBuf>,
    /// Worker threads, instead of the configured number
    #[arg(long)]
    workers: Option<usize>,
    /// Where HTTP listens, instead of the configured address; port 0 is any free one
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Folder of rules that are only looked at: GET /v1/rules/shadow says what would be otherwise under them
    #[arg(long, value_name = "DIR")]
    shadow: Option<PathBuf>,
    /// How many processes make up the job; each is started with the same hosts and a number of its own
    #[arg(long, env = "SHOPBELL_PROCESSES", default_value_t = 1)]
    processes: usize,
    /// Which of them this is, from 0: process 0 reads, keeps and delivers, the others bring workers
    #[arg(long, env = "SHOPBELL_PROCESS", default_value_t = 0)]
    process: usize,
    /// File with `host:port` of each process, a line each, for them to find one another
    #[arg(long)]
    hosts: Option<PathBuf>,
    /// Log in JSON
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let mut config = files::config(Some(&arguments.config))?;
    if arguments.listen.is_some() {
        config.http.listen = arguments.listen;
    }
    let workers = files::workers(arguments.workers, &config)?;
    let place = place(arguments.process, arguments.processes, arguments.hosts.as_deref(), &config)?;
    if let Some(place) = place.as_ref().filter(|place| place.process > 0) {
        logs::start(arguments.log_json);
        return member(&config, place);
    }
    let Some(folder) = arguments.rules.or_else(|| config.engine.rules.clone()) else {
        let hint = "set `[engine] rules` to a folder of rule files, or give --rules";
        return Err(Failure::usage("no-rules", "the job has no rules", hint));
    };
    let (set, texts) = files::rules_with_texts(&folder)?;
    let rules = shared_rules(&set);
    logs::start(arguments.log_json);
    if rules.is_empty() {
        tracing::warn!(folder = %folder.display(), "no rule is enabled: no offer will be made");
    }
    for found in too_far(&rules, &config) {
        tracing::warn!("{found}");
    }
    let workers_in_all = workers * place.as_ref().map_or(1, Place::processes);
    let started = Started { rules: rules.len(), workers: workers_in_all, outputs: outputs(&config) };
    let plan = Plan { config, folder, shadow: arguments.shadow, texts, rules, workers, place };
    let summary = run_job(plan, |address| started.tell(address, arguments.log_json)).map_err(failure)?;
    tracing::info!(
        events = summary.events,
        offers = summary.made,
        withdrawals = summary.withdrawn,
        "ended in good order"
    );
    Ok(ExitCode::SUCCESS)
}

/// Runs a process that only brings workers, as many as the head has.
fn member(config: &Config, place: &Place) -> Result<ExitCode, Failure> {
    let processes = place.processes();
    let told = |generation| {
        tracing::info!(process = place.process, processes, generation, "running as a member");
    };
    run_member(config, place, told).map_err(failure)?;
    tracing::info!("ended in good order");
    Ok(ExitCode::SUCCESS)
}

/// Shorter ones can be guessed.
const LEAST_SECRET: usize = 16;

/// This process's place among several; none where it is the only one.
fn place(
    process: usize,
    processes: usize,
    hosts: Option<&Path>,
    config: &Config,
) -> Result<Option<Place>, Failure> {
    let usage = |code: &str, message: String, hint: &str| Err(Failure::usage(code, message, hint));
    if process >= processes || processes > 64 {
        let message = format!("process {process} of {processes}");
        return usage("process", message, "processes are numbered from 0; 64 at most");
    }
    if processes == 1 {
        return Ok(None);
    }
    let Some(hosts) = hosts else {
        return usage(
            "cluster-hosts",
            "several processes need to find one another".to_owned(),
            "give --hosts",
        );
    };
    let hosts =
        read_hosts(hosts, processes).map_err(|error| Failure::usage(error.code(), &error, error.hint()))?;
    let Some(reference) = &config.cluster.secret else {
        let hint = "set `[cluster] secret` to \"env:NAME\" or \"file:PATH\"";
        return usage("cluster-secret", "several processes need a secret".to_owned(), hint);
    };
    let secret = reference
        .resolve(|name| std::env::var(name).ok())
        .map_err(|error| Failure::usage(error.code(), &error, error.hint()))?;
    if secret.reveal().len() < LEAST_SECRET {
        let message = format!("the secret at {reference} is shorter than {LEAST_SECRET} bytes");
        return usage("cluster-secret", message, "`openssl rand -base64 32` makes a good one");
    }
    Ok(Some(Place { process, hosts, secret }))
}

/// What the line at the start says.
struct Started {
    rules: usize,
    workers: usize,
    outputs: String,
}

impl Started {
    fn tell(&self, address: Option<SocketAddr>, json: bool) {
        let http = address.map_or_else(|| "http off".to_owned(), |address| format!("http://{address}"));
        let Started { rules, workers, outputs } = self;
        if json {
            tracing::info!(http, rules, workers, outputs, "running");
        } else {
            let version = env!("CARGO_PKG_VERSION");
            let line = format!(
                "shopbell {version} runs: {http}, {rules} rules, {workers} workers, offers to {outputs}"
            );
            // There is nowhere left to say that standard error is closed.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
}

fn outputs(config: &Config) -> String {
    let file = match &config.output.target {
        OutputTarget::Standard => Some("standard output".to_owned()),
        OutputTarget::File(path) => Some(path.display().to_string()),
        OutputTarget::Off => None,
    };
    let webhooks = config.webhooks.iter().map(|webhook| format!("webhook {}", webhook.name));
    let topic = config.output.kafka.as_ref().map(|output| format!("kafka topic {}", output.topic));
    let stream = config.http.listen.map(|_| "/v1/offers".to_owned());
    let names: Vec<String> = file.into_iter().chain(topic).chain(webhooks).chain(stream).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn failure(error: RunError) -> Failure {
    if error.is_setup() {
        Failure::usage(error.code(), &error, error.hint())
    } else {
        Failure::engine(error.code(), &error, error.hint())
    }
}
