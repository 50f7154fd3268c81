//! From TOML to a checked [`Config`]: what each table may hold, its limits, and what must agree.

use super::problem::{ConfigError, Problem};
use super::reader::{Found, Section};
use super::{
    ClockKind, Cluster, Config, Engine, Http, Output, OutputTarget, SecretReference, Source, State, Webhook,
    kafka,
};
use crate::same_file;
use jiff::tz::TimeZone;
use shopbell_model::event::Limits;
use shopbell_model::key::Text;
use shopbell_model::learning::Learning;
use shopbell_model::policy::{Policy, QuietHours};
use shopbell_model::rules::Cap;
use shopbell_model::settings::{Identity, Presence, PresenceMode, Retention};
use shopbell_model::time::Duration;
use shopbell_model::value::Rssi;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

const CAP: &str = "a cap as in \"3 per 24h\"";
const SIZE: &str = "a size as in \"8MiB\", \"256KiB\" or \"4096B\"";

/// Checks a whole configuration.
pub(super) fn check(text: &str, file: &Path) -> Result<Config, Vec<ConfigError>> {
    let problems = RefCell::new(Vec::new());
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        let span = error.span().unwrap_or(0..0);
        problems.borrow_mut().push((span, Problem::Syntax { reason: error.message().to_lowercase() }));
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut root = Section::root(&table, &problems);
    let mut config = Config {
        engine: engine(root.section("engine"), folder),
        source: source(root.section("source"), folder),
        http: http(root.section("http"), folder),
        presence: presence(root.section("presence")),
        identity: identity(root.section("identity")),
        policy: policy(root.section("policy")),
        retention: Retention::default(),
        learning: learning(root.optional_section("learning")),
        limits: limits(root.section("limits")),
        output: output(root.section("output"), folder),
        webhooks: Vec::new(),
        state: state(root.optional_section("state"), folder),
        cluster: cluster(root.section("cluster"), folder),
        kafka: kafka::brokers(root.optional_section("kafka"), folder),
    };
    channels(&mut root, &mut config.policy);
    config.retention = retention(root.section("retention"), &config.policy);
    let Retention { purchases, ledger, .. } = &config.retention;
    if config.learning.is_some() && purchases < ledger {
        let (purchases, ledger) = (purchases.to_string(), ledger.to_string());
        root.note(root.place_of(&["learning"]), Problem::PurchasesTooShort { purchases, ledger });
    }
    config.webhooks = webhooks(root.sections("webhook"), folder);
    kafka::agree(&config, &root);
    files_apart(&config, &root);
    root.finish();
    let mut problems = problems.into_inner();
    if problems.is_empty() {
        return Ok(config);
    }
    problems.sort_by_key(|(span, _)| span.start);
    Err(problems.into_iter().map(|found| placed(text, file, found)).collect())
}

/// What is written to must not be what is read, and not be written to by two. Looks at what the paths lead to.
fn files_apart(config: &Config, root: &Section<'_, '_>) {
    let (files, letters) = (&config.source.files, config.source.dead_letters.as_ref());
    let offers = match &config.output.target {
        OutputTarget::File(path) => Some(path),
        OutputTarget::Standard | OutputTarget::Off => None,
    };
    let read = |path: &Path| files.iter().any(|file| same_file::same(file, path)).then_some("[source] files");
    let also = |path: &Path| {
        let both = letters.is_some_and(|letters| same_file::same(letters, path));
        both.then_some("[source] dead_letters")
    };
    let refuse = |key, place: &[&str], path: &Path, other: Option<&'static str>| {
        if let Some(other) = other {
            root.note(root.place_of(place), Problem::SameFile { key, other, path: path.to_owned() });
        }
    };
    if let Some(letters) = letters {
        refuse("[source] dead_letters", &["source", "dead_letters"], letters, read(letters));
    }
    if let Some(offers) = offers {
        refuse("[output] file", &["output", "file"], offers, read(offers).or_else(|| also(offers)));
    }
}

fn placed(text: &str, file: &Path, (span, problem): Found) -> ConfigError {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ConfigError {
        file: file.display().to_string(),
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        problem,
    }
}

fn engine(mut section: Section<'_, '_>, folder: &Path) -> Engine {
    let default = Engine::default();
    // 0 stands for "not given": the range below keeps a written 0 out.
    let workers = section.integer("workers", 1..=1024, 0);
    let engine = Engine {
        workers: usize::try_from(workers).ok().filter(|workers| *workers > 0),
        tick: section.duration("tick", default.tick),
        clock: section
            .parsed("clock", "\"wall\" or \"events\"", |text| match text {
                "wall" => Some(ClockKind::Wall),
                "events" => Some(ClockKind::Events),
                _ => None,
            })
            .unwrap_or_default(),
        rules: section.parsed("rules", "the path of a folder", |path| some_path(path, folder)),
        unfinished_ticks: section.integer("unfinished_ticks", 1..=1000, default.unfinished_ticks as i64)
            as usize,
        queue_events: section.integer("queue_events", 1..=100_000_000, default.queue_events as i64) as usize,
    };
    section.finish();
    engine
}

pub(super) fn some_path(path: &str, folder: &Path) -> Option<std::path::PathBuf> {
    (!path.is_empty()).then(|| folder.join(path))
}

fn source(mut section: Section<'_, '_>, folder: &Path) -> Source {
    let files = section.texts("files").unwrap_or_default();
    let source = Source {
        files: files.into_iter().map(|(path, _)| folder.join(path)).collect(),
        stdin: section.flag("stdin", false),
        dead_letters: section.parsed("dead_letters", "the path of a file", |path| some_path(path, folder)),
        kafka: kafka::source(section.optional_section("kafka")),
    };
    section.finish();
    source
}

fn state(section: Option<Section<'_, '_>>, folder: &Path) -> Option<State> {
    let mut section = section?;
    let parsed = section.parsed("folder", "the path of a folder", |path| some_path(path, folder));
    let state = State {
        folder: parsed.unwrap_or_else(|| folder.join("state")),
        checkpoint_every: section.duration("checkpoint_every", Duration::from_secs(5)),
        segment: size(&mut section, "segment", 4096..=1 << 30, 64 << 20),
        sync: section.flag("sync", true),
    };
    section.finish();
    Some(state)
}

fn cluster(mut section: Section<'_, '_>, folder: &Path) -> Cluster {
    let given = section.value("secret").is_some();
    let cluster = Cluster { secret: given.then(|| secret(&mut section, "secret", folder)).flatten() };
    section.finish();
    cluster
}

fn http(mut section: Section<'_, '_>, folder: &Path) -> Http {
    let default = Http::default();
    let listen =
        section.parsed("listen", "an address and port as in \"127.0.0.1:8080\", or \"off\"", |text| {
            if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
        });
    let guarded = section.value("admin_token").is_some();
    let http = Http {
        admin_token: guarded.then(|| secret(&mut section, "admin_token", folder)).flatten(),
        listen: listen.unwrap_or(default.listen),
        max_body: size(&mut section, "max_body", 1..=1 << 30, default.max_body),
        connections: section.integer("connections", 1..=1_000_000, default.connections as i64) as usize,
        streams: section.integer("streams", 0..=1_000_000, default.streams as i64) as usize,
        read_timeout: section.duration("read_timeout", default.read_timeout),
    };
    section.finish();
    http
}

/// A number of bytes, as text with a unit.
fn size(
    section: &mut Section<'_, '_>,
    key: &'static str,
    range: std::ops::RangeInclusive<usize>,
    default: usize,
) -> usize {
    let parsed = section.parsed(key, SIZE, |text| {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let scale = match unit.trim() {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<usize>().ok()?.checked_mul(scale).filter(|bytes| range.contains(bytes))
    });
    parsed.unwrap_or(default)
}

fn presence(mut section: Section<'_, '_>) -> Presence {
    let default = Presence::default();
    let mut level = |key: &'static str| {
        let (dbm, span) = section.number(key)?;
        let rssi = Rssi::from_dbm(dbm);
        if rssi.is_none() {
            let value = dbm.to_string();
            section.note(span.clone(), Problem::OutOfRange { key: key.into(), value, min: -200, max: 50 });
        }
        Some((rssi?, span))
    };
    let (enter, exit) = (level("enter_rssi"), level("exit_rssi"));
    let enter_rssi = enter.map_or(default.enter_rssi, |(rssi, _)| rssi);
    // As long below the entry level as the default, where only that one was set.
    let exit_rssi =
        exit.as_ref().map_or(Rssi(enter_rssi.0.saturating_sub(500).max(-20_000)), |(rssi, _)| *rssi);
    if let (Some((_, span)), true) = (exit, exit_rssi > enter_rssi) {
        section.note(span, Problem::ExitAboveEnter);
    }
    let mode = section.parsed("mode", "\"strongest\" or \"all\"", |text| match text {
        "strongest" => Some(PresenceMode::Strongest),
        "all" => Some(PresenceMode::All),
        _ => None,
    });
    let presence = Presence {
        enter_rssi,
        exit_rssi,
        exit_after: section.duration("exit_after", default.exit_after),
        window: section.integer("window", 1..=1000, i64::from(default.window)) as u16,
        mode: mode.unwrap_or(default.mode),
        leave_after: section.duration("leave_after", default.leave_after),
        lateness: section.duration("lateness", default.lateness),
    };
    section.finish();
    presence
}

fn identity(mut section: Section<'_, '_>) -> Identity {
    let default = Identity::default();
    let mut blocked = Vec::new();
    for (pattern, span) in section.texts("blocked").unwrap_or_default() {
        if pattern.split_once(':').is_some_and(|(kind, value)| !kind.is_empty() && !value.is_empty()) {
            blocked.push(Text::from(pattern));
        } else {
            let expected = "a handle as in \"device:kiosk-1\" or \"device:kiosk-*\"";
            section.note(span, Problem::Invalid { key: "blocked".into(), value: pattern.into(), expected });
        }
    }
    blocked.sort();
    let identity = Identity {
        max_links: section.integer("max_links", 1..=10_000, i64::from(default.max_links)) as u32,
        max_handles: section.integer("max_handles", 1..=10_000, i64::from(default.max_handles)) as u32,
        blocked,
    };
    section.finish();
    identity
}

fn policy(mut section: Section<'_, '_>) -> Policy {
    let mut channel_caps = Vec::new();
    for (channel, text, span) in section.names("channel_caps") {
        match Cap::parse(text) {
            Some(cap) => channel_caps.push((Text::from(channel), cap)),
            None => section.note(
                span,
                Problem::Invalid {
                    key: format!("channel_caps.{channel}"),
                    value: text.into(),
                    expected: CAP,
                },
            ),
        }
    }
    channel_caps.sort();
    let consent = section.parsed("consent", "\"opt_out\" or \"opt_in\"", |text| match text {
        "opt_in" => Some(true),
        "opt_out" => Some(false),
        _ => None,
    });
    let tz = section.parsed("tz", "an IANA time zone as in \"Asia/Shanghai\"", |name| {
        TimeZone::get(name).ok().map(|_| Text::from(name))
    });
    let policy = Policy {
        cap: section.parsed("cap", CAP, Cap::parse),
        channel_caps,
        quiet_hours: section.parsed("quiet_hours", "hours as in \"21:00-08:00\"", QuietHours::parse),
        tz,
        hold_out_percent: section.integer("hold_out_percent", 0..=100, 0) as u8,
        min_score: section.integer("min_score", 0..=100, 0) as u8,
        cooldown: section.parsed("cooldown", "a time span as in \"1h\"", |text| {
            Duration::parse(text).filter(|span| span.0 > 0)
        }),
        hold: section.parsed("hold", "a time span as in \"30m\"", |text| {
            Duration::parse(text).filter(|span| span.0 > 0)
        }),
        opt_in: consent.unwrap_or(false),
        channels: texts(section.texts("channels").unwrap_or_default()),
        channel_kinds: Policy::default().channel_kinds,
    };
    section.finish();
    policy
}

fn texts(found: Vec<(&str, Range<usize>)>) -> Vec<Text> {
    found.into_iter().map(|(text, _)| Text::from(text)).collect()
}

fn channels(root: &mut Section<'_, '_>, policy: &mut Policy) {
    for (channel, kind, span) in root.names("channels") {
        if kind.contains(':') || kind.chars().any(char::is_control) {
            let expected = "a kind of handle as in \"phone\", or \"\" where no address is needed";
            root.note(span, Problem::Invalid { key: channel.into(), value: kind.into(), expected });
        }
        policy.channel_kinds.retain(|(known, _)| known != channel);
        policy.channel_kinds.push((Text::from(channel), Text::from(kind)));
    }
    policy.channel_kinds.sort();
}

fn retention(mut section: Section<'_, '_>, policy: &Policy) -> Retention {
    let default = Retention::default();
    let days = |text: &str| Duration::parse(text).filter(|days| *days >= Retention::LEAST_DAYS);
    let ledger = section.duration("ledger", default.ledger);
    let retention = Retention {
        views: section.duration("views", default.views),
        visits: section.duration("visits", default.visits),
        carts: section.duration("carts", default.carts),
        wishlists: section.duration("wishlists", default.wishlists),
        purchases: section.duration("purchases", default.purchases),
        activity: section.duration("activity", default.activity),
        days: section.parsed("days", "31 days or more, as in \"62d\"", days).unwrap_or(default.days),
        segments: {
            let least = |text: &str| Duration::parse(text).filter(|span| *span >= Retention::LEAST_SEGMENTS);
            let span = section.parsed("segments", "a time span of 31 days or more, as in \"62d\"", least);
            span.unwrap_or(default.segments)
        },
        ledger,
        pools: {
            let expected = "a time span as long as `ledger` or longer, as in \"400d\"";
            let as_long = |text: &str| Duration::parse(text).filter(|span| *span >= ledger);
            section.parsed("pools", expected, as_long).unwrap_or(default.pools.max(ledger))
        },
        duplicates: section.duration("duplicates", default.duplicates),
    };
    let mut needs: Vec<(String, Duration)> =
        policy.channel_caps.iter().map(|(c, cap)| (format!("`channel_caps.{c}`"), cap.within)).collect();
    needs.extend(policy.cap.map(|cap| ("`cap`".to_owned(), cap.within)));
    needs.extend(policy.cooldown.map(|cooldown| ("`cooldown`".to_owned(), cooldown)));
    needs.extend(policy.hold.map(|hold| ("`hold`".to_owned(), hold)));
    for (name, needed) in needs.into_iter().filter(|(_, needed)| *needed > retention.ledger) {
        let (ledger, needed) = (retention.ledger.to_string(), needed.to_string());
        section.note(section.span(), Problem::LedgerTooShort { ledger, policy: name, needed });
    }
    section.finish();
    retention
}

fn learning(section: Option<Section<'_, '_>>) -> Option<Learning> {
    let mut section = section?;
    let default = Learning::default();
    let number = |number: i64, default: u32| u32::try_from(number).unwrap_or(default);
    let second = |text: &str| Duration::parse(text).filter(|span| *span >= Duration::from_secs(1));
    let every = section.parsed("every", "a time span of a second or more, as in \"15m\"", second);
    let start_rate = section.integer("start_rate", 0..=10_000, default.start_rate.into());
    let weight = section.integer("weight", 1..=1_000_000, default.weight.into());
    let learning = Learning {
        every: every.unwrap_or(default.every),
        segment: section.parsed("segment", "the name of a profile attribute", |name| {
            (!name.is_empty()).then(|| Text::from(name))
        }),
        start_rate: number(start_rate, default.start_rate),
        weight: number(weight, default.weight),
    };
    section.finish();
    Some(learning)
}

fn limits(mut section: Section<'_, '_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        event_bytes: size(&mut section, "event_bytes", 256..=64 << 20, default.event_bytes),
        items: section.integer("items", 1..=1_000_000, default.items as i64) as usize,
        depth: section.integer("depth", 4..=120, default.depth as i64) as usize,
        ahead: section.duration("ahead", default.ahead),
    };
    section.finish();
    limits
}

fn output(mut section: Section<'_, '_>, folder: &Path) -> Output {
    let target = section.parsed("file", "a path, \"-\" or \"off\"", |text| match text {
        "" => None,
        "-" => Some(OutputTarget::Standard),
        "off" => Some(OutputTarget::Off),
        path => Some(OutputTarget::File(folder.join(path))),
    });
    let output = Output {
        target: target.unwrap_or(OutputTarget::Standard),
        suppressed: section.flag("suppressed", false),
        kafka: kafka::output(section.optional_section("kafka")),
    };
    section.finish();
    output
}

fn webhooks(sections: Vec<Section<'_, '_>>, folder: &Path) -> Vec<Webhook> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    for mut section in sections {
        let url = url(&mut section);
        let secret = secret(&mut section, "secret", folder);
        let name = section.parsed("name", "a name", |name| (!name.is_empty()).then(|| name.to_owned()));
        let timeout = section.duration("timeout", Duration::from_secs(5));
        let retry_for = section.duration("retry_for", Duration::from_secs(3600));
        let channels = section.texts("channels").map(texts);
        let allow_private = section.flag("allow_private", false);
        let max_queue = section.integer("max_queue", 1..=10_000_000, 10_000) as usize;
        let max_failed = section.integer("max_failed", 0..=10_000_000, 10_000) as usize;
        if let Some(((url, place), secret)) = url.zip(secret) {
            let name = name.unwrap_or(place);
            if webhooks.iter().any(|other| other.name == name) {
                section.note(section.span(), Problem::Twice { key: "name".into(), value: name.clone() });
            }
            webhooks.push(Webhook {
                name,
                url,
                secret,
                timeout,
                retry_for,
                channels,
                allow_private,
                max_queue,
                max_failed,
            });
        }
        section.finish();
    }
    webhooks
}

/// The address and the host and port in it.
fn url(section: &mut Section<'_, '_>) -> Option<(String, String)> {
    const EXPECTED: &str = "an address as in \"https://example.com/offers\", without user or password";
    let (text, span) = section.needed("url", EXPECTED)?;
    let place = reqwest::Url::parse(text).ok().and_then(|url| {
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        let host = url.host_str()?;
        plain.then(|| url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    if place.is_none() {
        // A password may be in it: the text is not repeated.
        section.note(span, Problem::Invalid { key: "url".into(), value: "…".into(), expected: EXPECTED });
    }
    Some((text.to_owned(), place?))
}

pub(super) fn secret(
    section: &mut Section<'_, '_>,
    key: &'static str,
    folder: &Path,
) -> Option<SecretReference> {
    let (text, span) = section.needed(key, "\"env:NAME\" or \"file:PATH\"")?;
    let reference = SecretReference::parse(text, folder);
    if reference.is_none() {
        section.note(span, Problem::LiteralSecret { key: key.into() });
    }
    reference
}
