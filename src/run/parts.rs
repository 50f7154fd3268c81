//! The ends of a job, as the configuration wants them: sources, sinks, dead letters, runtime.

use super::RunError;
use super::control::Control;
use super::fault::Faults;
use super::kept::{Meta, Outboxes};
use super::readers::Open;
use crate::config::{ClockKind, Config, OutputTarget, Secret, SecretError};
use crate::kafka::{self, AtLeastOnce, ExactlyOnce, KAFKA, Letters, Remote, Running, Surroundings};
use crate::metrics::Metrics;
use crate::sink::json_lines::{FILE, Flush};
use crate::sink::webhook::{self, OfferTime, Unclaimed};
use crate::sink::{Broadcast, JsonLines, Sink, SinkError, WebhookSink, Webhooks};
use crate::source::{DeadLetters, Decode, Intake, Source, SourceError, open_file_at, standard_input};
use crate::stored::Place;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Threads of the runtime: HTTP is light beside the dataflow.
const RUNTIME_THREADS: usize = 2;

/// For HTTP, webhooks and signals.
pub(super) fn runtime() -> Result<Runtime, RunError> {
    Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("shopbell-http")
        .enable_all()
        .build()
        .map_err(|error| RunError::System { what: "the runtime of http", error })
}

/// A source with its label in metrics.
pub(super) type Labelled = (&'static str, Box<dyn Source>);

/// The files, each from where it was read to, then standard input.
pub(super) fn sources(config: &Config, read: &BTreeMap<String, Place>) -> Result<Vec<Labelled>, RunError> {
    let mut sources: Vec<Labelled> = Vec::new();
    for path in &config.source.files {
        let read = read.get(&path.display().to_string()).map_or(0, |place| place.position);
        sources.push(("file", Box::new(open_file_at(path, config.limits.event_bytes, read)?)));
    }
    if config.source.stdin {
        sources.push(("stdin", Box::new(standard_input(config.limits.event_bytes))));
    }
    Ok(sources)
}

/// Who reads topics, where there are any. Waits for a broker.
pub(super) fn kafka_reader(
    config: &Config,
    read: &BTreeMap<String, Place>,
    decoder: Arc<dyn Decode>,
    intake: Intake,
    runtime: &Runtime,
    around: &Surroundings,
) -> Result<Option<kafka::Reader>, RunError> {
    let (Some(kafka), Some(source)) = (&config.kafka, &config.source.kafka) else { return Ok(None) };
    let remote = remote(kafka, runtime)?;
    let file = dead_letters(config, &around.metrics)?;
    let letters =
        Letters::new(file, source.dead_letters.as_deref(), &remote, around).map_err(SourceError::from)?;
    let input = kafka::Input {
        remote: &remote,
        source,
        read,
        by_time: config.engine.clock == ClockKind::Events,
        limit: config.limits.event_bytes,
        decoder,
        letters,
        intake,
        around: around.clone(),
    };
    Ok(Some(kafka::Reader::open(input).map_err(SourceError::from)?))
}

/// Starts reading topics.
pub(super) fn start_reading(
    reader: kafka::Reader,
    control: Control,
    open: Open,
) -> Result<Running, RunError> {
    let ended = move |ended: Result<bool, SourceError>| match ended {
        Ok(true) => open.ended(&control),
        Ok(false) => {}
        Err(error) => control.fail(error.into()),
    };
    reader.start(ended).map_err(|error| RunError::System { what: "the reader of topics", error })
}

fn remote(kafka: &crate::config::kafka::Kafka, runtime: &Runtime) -> Result<Remote, RunError> {
    Ok(Remote::new(kafka, runtime.handle(), |name| std::env::var(name).ok())?)
}

/// Where refused records go: to the end of a file, where there is one.
pub(super) fn dead_letters(config: &Config, metrics: &Metrics) -> Result<DeadLetters, RunError> {
    let writer: Option<Box<dyn Write + Send>> = match &config.source.dead_letters {
        None => None,
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file = file.map_err(|error| SourceError::Open { path: path.clone(), error })?;
            Some(Box::new(BufWriter::new(file)))
        }
    };
    Ok(DeadLetters::new(writer, metrics.clone()))
}

/// Everybody who gets the offers, but for webhooks.
pub(super) fn sinks(
    config: &Config,
    kept: Option<&Meta>,
    offers: &Broadcast,
    runtime: &Runtime,
    around: &Surroundings,
) -> Result<Vec<Box<dyn Sink>>, RunError> {
    let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(offers.clone())];
    match &config.output.target {
        OutputTarget::Standard => sinks.push(Box::new(JsonLines::standard_output(Flush::EachTick))),
        OutputTarget::File(path) if kept.is_some() => {
            let length = kept.and_then(|meta| meta.output.get(FILE)).map_or(0, |position| position.at);
            sinks.push(Box::new(JsonLines::continued(path, length, Flush::EachTick)?));
        }
        OutputTarget::File(path) => sinks.push(Box::new(JsonLines::append(path, Flush::EachTick)?)),
        OutputTarget::Off => {}
    }
    if let (Some(kafka), Some(output)) = (&config.kafka, &config.output.kafka) {
        let remote = remote(kafka, runtime)?;
        let position = kept.and_then(|meta| meta.output.get(KAFKA)).copied().unwrap_or_default();
        sinks.push(if output.exactly_once {
            Box::new(ExactlyOnce::open(&remote, output, position, around).map_err(SinkError::from)?)
        } else {
            Box::new(AtLeastOnce::open(&remote, output, around).map_err(SinkError::from)?)
        });
    }
    Ok(sinks)
}

/// Shorter tokens can be guessed.
const LEAST_TOKEN: usize = 16;

/// What operators show, where their routes are closed.
pub(super) fn admin_token(config: &Config) -> Result<Option<Secret>, RunError> {
    let Some(reference) = &config.http.admin_token else { return Ok(None) };
    let token = reference.resolve(|name| std::env::var(name).ok())?;
    if token.reveal().split_ascii_whitespace().any(|token| token.len() < LEAST_TOKEN) {
        let reference = reference.to_string();
        return Err(SecretError::Short { reference, least: LEAST_TOKEN }.into());
    }
    Ok(Some(token))
}

/// Receivers, each with what was kept of it; and what was kept of others.
pub(super) fn webhooks(
    config: &Config,
    kept: Option<Outboxes>,
    webhooks: &Webhooks,
    runtime: &Runtime,
    metrics: &Metrics,
    faults: &Faults,
) -> Result<Vec<Box<dyn Sink>>, RunError> {
    let time: OfferTime = match config.engine.clock {
        ClockKind::Wall => crate::wall_clock,
        ClockKind::Events => || 0,
    };
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut kept = kept;
    for webhook in &config.webhooks {
        let secret = webhook.secret.resolve(|name| std::env::var(name).ok())?;
        let faults = faults.clone();
        let around = webhook::Surroundings {
            runtime: runtime.handle(),
            metrics,
            webhooks,
            clock: || crate::wall_clock() / 1000,
            time,
            kept: kept.as_mut().map(|kept| kept.remove(&webhook.name).unwrap_or_default()),
            // Only a crash can be asked for here: there is nothing that could fail.
            answered: Arc::new(move || drop(faults.at("webhook-answered"))),
        };
        sinks.push(Box::new(WebhookSink::start(webhook, &secret, around)?));
    }
    for (name, rows) in kept.into_iter().flatten() {
        sinks.push(Box::new(Unclaimed::new(&name, rows, webhooks, metrics)));
    }
    Ok(sinks)
}
