//! `[test.policy]`, `[test.channels]`, `[test.presence]` and `[test.learning]`: settings of one test.
//!
//! Invariant: keys, forms and defaults are those of the configuration; a test looks at no other, so it holds
//! everywhere.

use crate::key::Text;
use crate::learning::{Learning, WHOLE};
use crate::policy::{Policy, QuietHours};
use crate::rules::Cap;
use crate::rules::table::{Entry, Table};
use crate::settings::{Presence, PresenceMode};
use crate::time::Duration;
use crate::value::Rssi;
use toml::de::DeValue;

const SHORTEST: Duration = Duration(1);
/// Keys of `[test.policy]`, `[test.presence]` and `[test.learning]`.
pub(in crate::rules) const POLICY: [&str; 10] = [
    "cap",
    "channel_caps",
    "quiet_hours",
    "tz",
    "hold_out_percent",
    "min_score",
    "cooldown",
    "hold",
    "consent",
    "channels",
];
pub(in crate::rules) const PRESENCE: [&str; 7] =
    ["enter_rssi", "exit_rssi", "exit_after", "window", "mode", "leave_after", "lateness"];
pub(in crate::rules) const LEARNING: [&str; 4] = ["every", "segment", "start_rate", "weight"];

fn form<T>(entry: Entry<'_>, accepted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let text = entry.text()?;
    parse(text).or_else(|| entry.bad(text, accepted))
}

fn cap(entry: Entry<'_>) -> Option<Cap> {
    form(entry, "a number and a span: \"3 per 7d\"", Cap::parse)
}

/// `[test.policy]` and `[test.channels]`.
pub(super) fn policy(test: &Table<'_>) -> Policy {
    let mut policy = Policy::default();
    if let Some(table) = test.table("channels") {
        for (channel, kind) in table.table.iter() {
            let entry = Entry { sheet: table.sheet, key: channel.get_ref(), value: kind };
            if let Some(kind) = entry.text() {
                let channel = Text::from(channel.get_ref().as_ref());
                policy.channel_kinds.retain(|(known, _)| *known != channel);
                policy.channel_kinds.push((channel, Text::from(kind)));
            }
        }
        policy.channel_kinds.sort();
    }
    let Some(table) = test.table("policy") else { return policy };
    table.only(&POLICY);
    let percent = |key: &'static str| {
        table
            .get(key)
            .and_then(|entry| entry.int(0..=100))
            .and_then(|number| u8::try_from(number).ok())
            .unwrap_or(0)
    };
    if let Some(caps) = table.table("channel_caps") {
        for (channel, value) in caps.table.iter() {
            let entry = Entry { sheet: caps.sheet, key: channel.get_ref(), value };
            policy.channel_caps.extend(cap(entry).map(|cap| (Text::from(channel.get_ref().as_ref()), cap)));
        }
        policy.channel_caps.sort();
    }
    policy.cap = table.get("cap").and_then(cap);
    policy.quiet_hours = table
        .get("quiet_hours")
        .and_then(|entry| form(entry, "hours, as \"21:00-08:00\"", QuietHours::parse));
    policy.tz = table.get("tz").and_then(|entry| {
        form(entry, "a name of the IANA database, as \"Asia/Shanghai\"", |name| {
            crate::local_time::is_time_zone(name).then(|| Text::from(name))
        })
    });
    policy.hold_out_percent = percent("hold_out_percent");
    policy.min_score = percent("min_score");
    policy.cooldown = table.get("cooldown").and_then(|entry| entry.duration(SHORTEST, Duration::LIMIT));
    policy.hold = table.get("hold").and_then(|entry| entry.duration(SHORTEST, Duration::LIMIT));
    policy.opt_in =
        table.get("consent").and_then(|entry| entry.word(&["opt_out", "opt_in"])) == Some("opt_in");
    policy.channels = table.get("channels").and_then(Entry::names).unwrap_or_default();
    policy
}

/// `[test.learning]`.
pub(super) fn learning(test: &Table<'_>) -> Option<Learning> {
    let table = test.table("learning")?;
    table.only(&LEARNING);
    let default = Learning::default();
    let number = |key: &'static str, range, default: u32| {
        let number = table.get(key).and_then(|entry| entry.int(range));
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let every = table.get("every").and_then(|entry| entry.duration(Duration::from_secs(1), Duration::LIMIT));
    Some(Learning {
        every: every.unwrap_or(default.every),
        segment: table.get("segment").and_then(Entry::name),
        start_rate: number("start_rate", 0..=WHOLE.into(), default.start_rate),
        weight: number("weight", 1..=1_000_000, default.weight),
    })
}

/// `[test.presence]`.
pub(super) fn presence(test: &Table<'_>) -> Presence {
    let mut presence = Presence::default();
    let Some(table) = test.table("presence") else { return presence };
    table.only(&PRESENCE);
    let level = |key: &'static str| table.get(key).and_then(dbm);
    let span = |key: &'static str| table.get(key).and_then(|entry| entry.duration(SHORTEST, Duration::LIMIT));
    if let Some(enter) = level("enter_rssi") {
        presence.enter_rssi = enter;
        // As long below it as the default, as in the configuration.
        presence.exit_rssi = Rssi(enter.0.saturating_sub(500).max(-20_000));
    }
    if let Some(exit) = level("exit_rssi") {
        if exit > presence.enter_rssi
            && let Some(entry) = table.get("exit_rssi")
        {
            entry.bad::<()>(&format!("{}", f64::from(exit.0) / 100.0), "at most `enter_rssi`");
        }
        presence.exit_rssi = exit;
    }
    presence.exit_after = span("exit_after").unwrap_or(presence.exit_after);
    presence.leave_after = span("leave_after").unwrap_or(presence.leave_after);
    presence.lateness = span("lateness").unwrap_or(presence.lateness);
    let window = table.get("window").and_then(|entry| entry.int(1..=1000));
    presence.window = window.and_then(|window| u16::try_from(window).ok()).unwrap_or(presence.window);
    if table.get("mode").and_then(|entry| entry.word(&["strongest", "all"])) == Some("all") {
        presence.mode = PresenceMode::All;
    }
    presence
}

fn dbm(entry: Entry<'_>) -> Option<Rssi> {
    let number = match entry.value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
        _ => return entry.wrong("a number of dBm"),
    };
    let rssi = number.and_then(Rssi::from_dbm);
    if rssi.is_none() {
        entry.bad::<()>("this", "a level from -200 to 50 dBm");
    }
    rssi
}
