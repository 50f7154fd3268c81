//! `shopbell explain`: why an offer was made, what is known of a person, why no rule makes an offer.
//!
//! It asks a job that runs, as a thin client of `/v1/offers/{id}/why` and `/v1/persons/{handle}`, or replays events
//! and asks then.

use super::replay::{duration, failure, moment, output_closed};
use super::webhooks::get;
use super::{Failure, files};
use crate::config::Config;
use crate::explain::{offer, person, tell_offer, tell_person};
use crate::intake::CloudEventsJson;
use crate::metrics::Metrics;
use crate::replay::{Plan, replay_and_ask, shared_rules};
use crate::runtime::{AskError, Asker};
use crate::sink::{Sink, SinkError, TickOutput};
use crate::source::DeadLetters;
use clap::{ArgGroup, Args};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shopbell_dataflows::explain::{OfferView, PersonView};
use shopbell_model::key::{Brand, Handle};
use shopbell_model::time::{Duration, Time};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Why an offer was made, or what is known of a person and why no rule makes an offer
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("about").required(true).args(["offer_id", "person"]))]
pub(super) struct Arguments {
    /// The offer, by its id
    offer_id: Option<String>,
    /// A person, by any of its handles, as in card:4711
    #[arg(long, value_name = "HANDLE")]
    person: Option<String>,
    /// The person's brand
    #[arg(long, default_value = "", hide_default_value = true, requires = "person")]
    brand: String,
    /// Where a running job listens [default: what the configuration says]
    #[arg(long, conflicts_with_all = ["events", "rules", "workers", "tick", "until"])]
    url: Option<Url>,
    /// Where the token is that the job asks operators for: env:NAME or file:PATH [default: SHOPBELL_TOKEN, where it is set]
    #[arg(long, value_name = "env:NAME|file:PATH", conflicts_with = "events")]
    token: Option<String>,
    /// Replay these event files instead of asking a running job; `-` is standard input
    #[arg(long, num_args = 1..)]
    events: Vec<PathBuf>,
    /// Folder of rule files, for a replay
    #[arg(long, requires = "events")]
    rules: Option<PathBuf>,
    /// Configuration file
    #[arg(long)]
    config: Option<PathBuf>,
    /// Worker threads of a replay [default: one a core]
    #[arg(long, requires = "events")]
    workers: Option<usize>,
    /// How much of the clock makes a tick of a replay
    #[arg(long, default_value = "100ms", value_parser = duration)]
    tick: Duration,
    /// Let a replay's clock go on to this moment after the last event
    #[arg(long, value_parser = moment, requires = "events")]
    until: Option<Time>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = files::config(arguments.config.as_deref())?;
    match (&arguments.offer_id, &arguments.person) {
        (Some(offer_id), _) => {
            let path = ["offers", offer_id.as_str(), "why"];
            let unknown = || {
                let hint =
                    "give the offer_id of an offer that these rules made, and the same --tick and --until";
                Failure::found("offer-unknown", format!("no offer {offer_id} is known"), hint)
            };
            let view: OfferView =
                found(arguments, config, &path, |asker| offer(asker, offer_id, None), unknown)?;
            print(&view, arguments.json, |out| tell_offer(out, &view))
        }
        (None, Some(text)) => {
            let handle = Handle::parse(&Brand::new(&arguments.brand), text)
                .map_err(|error| Failure::usage(error.code(), error, error.hint()))?;
            let path = ["persons", text.as_str()];
            let unknown = || {
                let hint = "it was never seen, not in this brand, or was forgotten";
                Failure::found("person-unknown", format!("nothing is known of {handle}"), hint)
            };
            let view: PersonView =
                found(arguments, config, &path, |asker| person(asker, &handle, None), unknown)?;
            print(&view, arguments.json, |out| tell_person(out, &view))
        }
        (None, None) => Err(Failure::usage("explain-what", "nothing is asked about", "see --help")),
    }
}

/// What a replay knows at its end, or a running job knows now.
fn found<V: DeserializeOwned>(
    arguments: &Arguments,
    config: Config,
    path: &[&str],
    ask: impl FnOnce(&Asker) -> Result<Option<V>, AskError>,
    unknown: impl FnOnce() -> Failure,
) -> Result<V, Failure> {
    if !arguments.events.is_empty() {
        return replayed(arguments, config, ask)?.ok_or_else(unknown);
    }
    let listens = config.http.listen.map(|address| format!("http://{address}/"));
    let url =
        arguments.url.clone().or_else(|| listens.and_then(|text| text.parse().ok())).ok_or_else(|| {
            let hint = "give --url of a running job, or --events to replay";
            Failure::usage("explain-source", "the configuration names no address to ask", hint)
        })?;
    let brand = Some(arguments.brand.as_str()).filter(|brand| !brand.is_empty());
    let answer: Value =
        get(&url, arguments.token.as_deref(), path, brand.map(|brand| ("brand", brand)).as_slice())?;
    serde_json::from_value(answer).map_err(|error| {
        let hint = "the job may be of another version";
        Failure::engine("explain-answer", format!("{url} gave another answer than asked for: {error}"), hint)
    })
}

/// Replays the events, without an output, and asks then.
fn replayed<V>(
    arguments: &Arguments,
    config: Config,
    ask: impl FnOnce(&Asker) -> Result<Option<V>, AskError>,
) -> Result<Option<V>, Failure> {
    let folder = arguments.rules.clone().or_else(|| config.engine.rules.clone());
    let rules = folder
        .map_or_else(|| Ok(Vec::new()), |folder| files::rules(&folder).map(|set| shared_rules(&set)))?;
    let workers = files::workers(arguments.workers, &config)?;
    let sources = files::sources(&arguments.events, &config)?;
    let decoder = Arc::new(CloudEventsJson { wall_clock: crate::wall_clock, limits: config.limits });
    let plan = Plan { config, rules, workers, grid: arguments.tick.0, until: arguments.until };
    let mut dead_letters = DeadLetters::new(None, Metrics::new());
    let bar = crate::progress::Progress::start("replaying", None);
    let mut shown = 0;
    let progress = |events| {
        bar.advance(events - shown);
        shown = events;
    };
    let (_, answer) =
        replay_and_ask(plan, sources, decoder, Box::new(Nowhere), &mut dead_letters, progress, ask)
            .map_err(failure)?;
    bar.finish();
    answer.map_err(|error| Failure::engine(error.code(), error, ""))
}

/// Takes offers and does nothing with them.
struct Nowhere;

impl Sink for Nowhere {
    fn name(&self) -> &str {
        "nowhere"
    }

    fn deliver(&mut self, _output: &TickOutput) -> Result<(), SinkError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn print(
    view: &impl Serialize,
    json: bool,
    tell: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout().lock();
    if json {
        let text =
            serde_json::to_string_pretty(view).map_err(|error| Failure::engine("render", error, ""))?;
        writeln!(out, "{text}").map_err(output_closed)?;
    } else {
        tell(&mut out).map_err(output_closed)?;
    }
    Ok(ExitCode::SUCCESS)
}
