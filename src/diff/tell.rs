//! What differs, as a table and as JSON.
//!
//! Invariant: rules in the order of their names; the same difference gives the same bytes. Colour is written always:
//! the stream takes it out where it is no terminal.

use super::record::{Offer, Term};
use super::{Both, Change, Counts, Difference, Sample};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use shopbell_model::time::{Time, format_rfc3339};
use std::io::{self, Write};

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const OLD: Style = AnsiColor::Red.on_default();
const NEW: Style = AnsiColor::Green.on_default();

/// Columns of the table, with what stands in them.
type Column = (&'static str, fn(&Counts) -> u64);
const COLUMNS: [Column; 9] = [
    ("old", |counts| counts.offers.old),
    ("new", |counts| counts.offers.new),
    ("same", |counts| counts.same),
    ("dropped", |counts| counts.dropped),
    ("added", |counts| counts.added),
    ("changed", |counts| counts.changed),
    ("withdrawn old", |counts| counts.withdrawals.old),
    ("new", |counts| counts.withdrawals.new),
    ("differently", |counts| counts.withdrawn),
];

/// The table, and samples below it.
pub fn tell(out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    let tally = &difference.tally;
    let total = tally.total();
    let width = tally.rules.keys().map(|rule| rule.chars().count()).max().unwrap_or(0).max("all rules".len());
    write!(out, "{HEADING}{:width$}", "rule")?;
    for (name, _) in COLUMNS {
        write!(out, "  {name:>7}")?;
    }
    writeln!(out, "{HEADING:#}")?;
    let rules = tally.rules.iter().map(|(rule, counts)| (rule.as_str(), counts));
    for (rule, counts) in rules.chain([("all rules", &total)]) {
        let style = if counts.differ() { Style::new() } else { QUIET };
        write!(out, "{style}{rule:width$}")?;
        for (name, count) in COLUMNS {
            write!(out, "  {:>1$}", count(counts), name.len().max(7))?;
        }
        writeln!(out, "{style:#}")?;
    }
    if total.changed > 0 {
        writeln!(
            out,
            "\nof the changed: {} with another score, {} in other words, {} on another channel, {} at another time",
            total.rescored, total.reworded, total.rerouted, total.moved
        )?;
    }
    for (rule, samples) in &tally.samples {
        writeln!(out, "\n{HEADING}{rule}{HEADING:#}")?;
        for sample in samples {
            one(out, sample)?;
        }
    }
    if !total.differ() {
        writeln!(out, "\nno difference")?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, sample: &Sample) -> io::Result<()> {
    writeln!(out, "  {} for {} {QUIET}{}{QUIET:#}", words(sample.change), sample.person, sample.offer_id)?;
    for (style, sign, offer) in [(OLD, '-', &sample.offers.old), (NEW, '+', &sample.offers.new)] {
        if let Some((at, offer)) = offer {
            writeln!(out, "    {style}{sign} {}{style:#}", line(*at, offer))?;
            writeln!(out, "      {QUIET}{}{QUIET:#}", terms(&offer.because.score))?;
        }
    }
    if sample.change == Change::Withdrawn {
        for (style, sign, taken) in [(OLD, '-', &sample.withdrawals.old), (NEW, '+', &sample.withdrawals.new)]
        {
            writeln!(out, "    {style}{sign} {}{style:#}", taken_back(taken.as_ref()))?;
        }
    }
    Ok(())
}

/// A kind of difference in words.
pub(super) fn words(change: Change) -> &'static str {
    match change {
        Change::Dropped => "no longer made",
        Change::Added => "newly made",
        Change::Changed => "changed",
        Change::Withdrawn => "taken back differently",
    }
}

/// An offer in a line.
pub(super) fn line(at: Time, offer: &Offer) -> String {
    let coupon = offer.coupon.as_ref().map_or(String::new(), |coupon| format!(", coupon {coupon}"));
    let body = if offer.body.is_empty() { String::new() } else { format!(" {}", offer.body) };
    format!("{} on {}, score {}: \"{}\"{body}{coupon}", short(at), offer.channel, offer.score, offer.title)
}

/// The parts of a score in a line.
pub(super) fn terms(terms: &[Term]) -> String {
    let given = terms.iter().filter(|term| term.points != 0);
    let name = |term: &Term| {
        if term.term == term.points.to_string() { "to start with".to_owned() } else { term.term.clone() }
    };
    let told: Vec<String> = given.map(|term| format!("{:+} {}", term.points, name(term))).collect();
    if told.is_empty() { "no points".to_owned() } else { told.join("   ") }
}

pub(super) fn taken_back(taken: Option<&(Time, String)>) -> String {
    taken.map_or_else(
        || "not taken back".to_owned(),
        |(at, reason)| format!("{} taken back: {reason}", short(*at)),
    )
}

/// A moment without the fraction of its second.
pub(super) fn short(at: Time) -> String {
    let text = format_rfc3339(at);
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{}Z", seconds.replace('T', " ")))
}

/// Everything as JSON.
pub fn as_json(difference: &Difference) -> Value {
    let tally = &difference.tally;
    let both = |both: &Both<u64>| json!({ "old": both.old, "new": both.new });
    let rules: serde_json::Map<String, Value> =
        tally.rules.iter().map(|(rule, counts)| (rule.clone(), counts_json(counts))).collect();
    let hours: Vec<Value> = tally
        .hours
        .iter()
        .map(|(hour, count)| json!({ "hour": format_rfc3339(*hour), "old": count.old, "new": count.new }))
        .collect();
    let scores: serde_json::Map<String, Value> =
        tally.scores.iter().map(|(score, count)| (score.to_string(), both(count))).collect();
    let reasons: serde_json::Map<String, Value> =
        tally.reasons.iter().map(|(reason, count)| (reason.clone(), both(count))).collect();
    let samples: serde_json::Map<String, Value> = tally
        .samples
        .iter()
        .map(|(rule, samples)| (rule.clone(), samples.iter().map(sample_json).collect()))
        .collect();
    json!({
        "differ": tally.total().differ(), "total": counts_json(&tally.total()), "rules": rules,
        "withdrawal_reasons": reasons, "hours": hours, "scores": scores, "samples": samples,
        "events": difference.outcomes.old.events, "refused": difference.outcomes.old.refused,
        "clock": format_rfc3339(difference.outcomes.old.clock),
    })
}

fn counts_json(counts: &Counts) -> Value {
    let Counts {
        offers,
        withdrawals,
        same,
        dropped,
        added,
        changed,
        rescored,
        reworded,
        rerouted,
        moved,
        withdrawn,
    } = counts;
    json!({
        "offers": { "old": offers.old, "new": offers.new },
        "withdrawals": { "old": withdrawals.old, "new": withdrawals.new },
        "same": same, "dropped": dropped, "added": added, "changed": changed,
        "changed_in": { "score": rescored, "text": reworded, "channel": rerouted, "time": moved },
        "withdrawn_differently": withdrawn,
    })
}

fn sample_json(sample: &Sample) -> Value {
    let offer = |offer: &Option<(Time, Offer)>| {
        offer.as_ref().map(|(at, offer)| json!({ "time": format_rfc3339(*at), "offer": offer }))
    };
    let taken = |taken: &Option<(Time, String)>| {
        taken.as_ref().map(|(at, reason)| json!({ "time": format_rfc3339(*at), "reason": reason }))
    };
    json!({
        "change": sample.change.as_str(), "offer_id": sample.offer_id, "person": sample.person,
        "old": offer(&sample.offers.old), "new": offer(&sample.offers.new),
        "withdrawn": (sample.change == Change::Withdrawn)
            .then(|| json!({ "old": taken(&sample.withdrawals.old), "new": taken(&sample.withdrawals.new) })),
    })
}
