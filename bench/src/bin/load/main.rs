//! Open-loop load: events at a fixed rate into `POST /v1/events`, offers out of `GET /v1/offers`, and
//! the time from one to the other.
//!
//! Event *k* is due *k* / rate after the start, whatever the server does. A server that stalls makes
//! later events wait, and their latencies, counted from when they were **due**, show it: there is no
//! co-ordinated omission. What is refused (429, 400) is counted and not sent again.
//! An event's `time` becomes the wall clock at sending; `source` and `id` stay.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod connection;
mod error;
mod event;
mod offers;
mod report;
mod schedule;
mod send;
#[cfg(test)]
mod tests;

use clap::Parser;
use error::LoadError;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Sends events to an engine at a fixed rate and measures how long its offers take.
#[derive(Clone, Debug, Parser)]
#[command(name = "load")]
struct Arguments {
    /// The engine, as `http://host:port`.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Events, JSON Lines; `-` is standard input.
    #[arg(long)]
    events: PathBuf,
    /// Events a second.
    #[arg(long)]
    rate: f64,
    /// Connections that send.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Events of one request at most.
    #[arg(long, default_value_t = 1000)]
    batch: usize,
    /// Milliseconds between two looks at what is due; what falls due in between shares a request.
    #[arg(long, default_value_t = 1)]
    tick: u64,
    /// Listen to the offers of this channel alone.
    #[arg(long)]
    channel: Option<String>,
    /// Seconds to go on listening after the last answer.
    #[arg(long, default_value_t = 3.0)]
    drain: f64,
}

/// Events read ahead of the schedule.
const READ_AHEAD: usize = 65_536;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => {
            let mut out = std::io::stdout().lock();
            let mut log = std::io::stderr().lock();
            let shown = log
                .write_all(report.text().as_bytes())
                .and_then(|()| writeln!(out, "{}", report.json()))
                .and_then(|()| out.flush());
            if shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(3) }
        }
        Err(error) => {
            let mut log = std::io::stderr().lock();
            // Nothing is left to do when standard error is closed.
            let _ = writeln!(log, "load: {error} [{}]\n  {}", error.code(), error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<report::Report, LoadError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(LoadError::Runtime)?;
    let report = runtime.block_on(measure(arguments));
    // The reader may still wait for a line of standard input.
    runtime.shutdown_background();
    report
}

async fn measure(arguments: &Arguments) -> Result<report::Report, LoadError> {
    let positive = arguments.rate.is_finite() && arguments.rate > 0.0;
    if !positive || arguments.connections == 0 || arguments.batch == 0 || arguments.tick == 0 {
        return Err(LoadError::Arguments);
    }
    let drain = Duration::try_from_secs_f64(arguments.drain).map_err(|_| LoadError::Arguments)?;
    let target = connection::Target::parse(&arguments.url)?;

    // Listening comes first: an offer may follow the first event at once.
    let ledger = Arc::new(schedule::Ledger::default());
    let listener = offers::listen(&target, arguments.channel.as_deref(), Arc::clone(&ledger)).await?;
    let events = read(arguments)?;
    let sent = send::send(arguments, &target, events, &ledger).await?;
    tokio::time::sleep(drain).await;
    let heard = listener.stop().await?;
    Ok(report::Report::new(arguments, sent, heard))
}

/// Reads ahead in a thread of its own.
fn read(arguments: &Arguments) -> Result<mpsc::Receiver<event::Event>, LoadError> {
    let input: Box<dyn std::io::Read + Send> = if arguments.events.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(&arguments.events)
            .map_err(|error| LoadError::Read { path: arguments.events.clone(), error })?;
        Box::new(file)
    };
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for line in BufReader::with_capacity(1 << 20, input).split(b'\n') {
            // The rest of an unreadable file is not sent; the report shows how many events were.
            let Ok(line) = line else { return };
            if !line.trim_ascii().is_empty() && sender.blocking_send(event::Event::new(line)).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
