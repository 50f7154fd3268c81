//! `shopbell webhooks`: what receivers of a running job are still to get; a thin client of `/v1/webhooks`.

use super::Failure;
use super::replay::output_closed;
use crate::config::{Secret, SecretReference};
use clap::{Args, Subcommand};
use reqwest::{Client, Method, Url};
use serde_json::Value;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The longest wait for the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// See what webhook receivers of a running job are still to get, send it again, or drop it
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the job listens
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080")]
    server: Url,
    /// Where the token is that the job asks operators for: env:NAME or file:PATH [default: SHOPBELL_TOKEN, where it is set]
    #[arg(long, global = true, value_name = "env:NAME|file:PATH")]
    token: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Each receiver: what waits, what failed, whether it is disabled, what went wrong last
    List,
    /// Let what failed wait again, in its order, and enable the receiver
    Replay(Named),
    /// Drop everything a receiver is still to get, and what is known of one that is no longer configured
    Drop(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The receiver, as `list` names it
    name: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let answer = match &arguments.command {
        Command::List => ask(arguments, Method::GET, &[]),
        Command::Replay(Named { name }) => ask(arguments, Method::POST, &[name, "replay"]),
        Command::Drop(Named { name }) => ask(arguments, Method::POST, &[name, "drop"]),
    }?;
    tell(&answer, arguments.json).map_err(output_closed)?;
    Ok(ExitCode::SUCCESS)
}

/// The variable that holds a command's token, where it is told of no other.
const TOKEN: &str = "SHOPBELL_TOKEN";

/// The token that a command shows: the one it is told of, or the one of the environment, if there is any.
fn shown(told: Option<&str>) -> Result<Option<Secret>, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let Some(text) = told else {
        let token = environment(TOKEN).map(|token| token.trim().to_owned());
        return Ok(token.filter(|token| !token.is_empty()).map(Secret::new));
    };
    // What was typed may be the token itself: it is not repeated.
    let reference = SecretReference::parse(text, Path::new("")).ok_or_else(|| {
        let hint = "write env:NAME or file:PATH";
        Failure::usage("literal-token", "--token holds something else than where the token is", hint)
    })?;
    let read = reference.resolve(environment);
    read.map(Some).map_err(|error| Failure::usage(error.code(), &error, error.hint()))
}

fn ask(arguments: &Arguments, method: Method, path: &[&str]) -> Result<Value, Failure> {
    let server = &arguments.server;
    let unreachable = |error: &dyn Display| {
        let hint = "give the address of the job with --server, as in http://127.0.0.1:8080";
        Failure::usage("webhooks-server", format!("{server} cannot be asked: {error}"), hint)
    };
    let path = [&["webhooks"], path].concat();
    request(server, (method, shown(arguments.token.as_deref())?), &path, &[], &unreachable)
}

/// What a running job answers under `/v1`.
pub(super) fn get(
    server: &Url,
    token: Option<&str>,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<Value, Failure> {
    let unreachable = |error: &dyn Display| {
        let hint =
            "give the address of the job with --url, as in http://127.0.0.1:8080, or --events to replay";
        Failure::usage("job-unreachable", format!("{server} cannot be asked: {error}"), hint)
    };
    request(server, (Method::GET, shown(token)?), path, query, &unreachable)
}

fn request(
    server: &Url,
    (method, token): (Method, Option<Secret>),
    path: &[&str],
    query: &[(&str, &str)],
    unreachable: &dyn Fn(&dyn Display) -> Failure,
) -> Result<Value, Failure> {
    let mut url = server.clone();
    let whole = url.path_segments_mut().map(|mut segments| {
        segments.pop_if_empty().extend(["v1"]).extend(path);
    });
    whole.map_err(|()| unreachable(&"it is no address of a server"))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    // An error says that one was chosen before: that one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked = async {
        let client = Client::builder().timeout(PATIENCE).build()?;
        let mut asking = client.request(method, url);
        if let Some(token) = token {
            asking = asking.bearer_auth(token.reveal());
        }
        let answer = asking.send().await?;
        Ok((answer.status(), answer.bytes().await?))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(&error))?;
    let (status, body) = runtime.block_on(asked).map_err(|error: reqwest::Error| unreachable(&error))?;
    let answer: Value = serde_json::from_slice(&body).map_err(|error| unreachable(&error))?;
    if status.is_success() {
        return Ok(answer);
    }
    let said = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    Err(Failure::found(said("code"), said("message"), said("hint")))
}

fn tell(answer: &Value, json: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        return writeln!(out, "{answer}");
    }
    let text = |of: &Value, key: &str| match of.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) if !other.is_null() => other.to_string(),
        _ => String::new(),
    };
    let Some(webhooks) = answer.get("webhooks").and_then(Value::as_array) else {
        let done = ["replayed", "dropped"].into_iter().find(|done| answer.get(done).is_some());
        let done = done.unwrap_or_default();
        return writeln!(out, "{}: {} {done}", text(answer, "name"), text(answer, done));
    };
    for webhook in webhooks {
        let of = |key| text(webhook, key);
        write!(out, "{}: {} waiting, {} failed", of("name"), of("waiting"), of("failed"))?;
        if of("configured") == "false" {
            write!(out, ", not configured")?;
        }
        if of("disabled") == "true" {
            write!(out, ", disabled since {}", of("disabled_since"))?;
        }
        if !of("last_error").is_empty() {
            write!(out, "; last error {}: {}", of("last_error_at"), of("last_error"))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
