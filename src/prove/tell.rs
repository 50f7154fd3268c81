//! What came of the tests, for people and as JSON.
//!
//! Invariant: a line for a test that holds; for one that does not, all that differs, and what policy kept back.
//! Colour is written always: the stream takes it out where it is no terminal.

use super::Outcome;
use super::compare::{Difference, offers_of};
use crate::output::render;
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use shopbell_model::key::Text;
use shopbell_model::offer::{Made, Message, News};
use shopbell_model::rules::RuleTest;
use shopbell_model::rules::testing::{Expected, OfferClaim, What};
use std::collections::BTreeMap;
use std::io::{self, Write};

const HELD: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Tells of one test.
pub fn tell(out: &mut dyn Write, test: &RuleTest, outcome: &Outcome) -> io::Result<()> {
    let place = format!("{}:{}", test.file, test.line);
    if outcome.differences.is_empty() {
        return writeln!(out, "{HELD}ok{HELD:#}    {} {QUIET}{place}{QUIET:#}", test.name);
    }
    writeln!(out, "{FAILED}FAIL{FAILED:#}  {} {QUIET}{place}{QUIET:#}", test.name)?;
    let offers = offers_of(&outcome.came);
    let mut told = Vec::new();
    for difference in &outcome.differences {
        match difference {
            Difference::Missing { expected, nearest } => {
                let Some(claim) = test.expect.get(*expected) else { continue };
                writeln!(out, "        expected    {} (line {})", expectation(test, claim), claim.line)?;
                match nearest
                    .as_ref()
                    .and_then(|(place, wrong)| Some((place, outcome.came.get(*place)?, wrong)))
                {
                    None => writeln!(out, "        did not come")?,
                    Some((place, message, wrong)) => {
                        told.push(*place);
                        came(out, "came       ", test, message, &offers)?;
                        for line in wrong {
                            writeln!(out, "          {FAILED}{line}{FAILED:#}")?;
                        }
                    }
                }
            }
            Difference::Unexpected(place) => {
                if let Some(message) = outcome.came.get(*place) {
                    came(out, "unexpected ", test, message, &offers)?;
                }
            }
            Difference::NoOffer(line) => {
                writeln!(out, "        the event in line {line} is about an offer that was not there")?;
            }
        }
    }
    let kept_back = outcome.came.iter().enumerate();
    for (_, message) in kept_back
        .filter(|(place, message)| matches!(message.news, News::Suppressed { .. }) && !told.contains(place))
    {
        writeln!(out, "        {QUIET}kept back   {}{QUIET:#}", what_came(test, message, &offers))?;
    }
    Ok(())
}

fn came(
    out: &mut dyn Write,
    label: &str,
    test: &RuleTest,
    message: &Message,
    offers: &BTreeMap<&Text, &Made>,
) -> io::Result<()> {
    writeln!(out, "        {label} {}", what_came(test, message, offers))?;
    if let News::Made(made) = &message.news {
        for (term, points) in made.terms.iter().filter(|(_, points)| *points != 0) {
            let term = if *term == points.to_string() { "to start with" } else { term.as_str() };
            writeln!(out, "          {QUIET}{points:+} {term}{QUIET:#}")?;
        }
    }
    Ok(())
}

/// An expectation in a line.
fn expectation(test: &RuleTest, expected: &Expected) -> String {
    let mut parts = Vec::new();
    let mut part =
        |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name} {value}")));
    part("for", expected.who.as_ref().map(ToString::to_string));
    let kind = match &expected.what {
        What::Offer(claim) => {
            let OfferClaim { score, channel, title, body, coupon, items, location, zone, valid_until } =
                &**claim;
            let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
            let quoted = |text: &Option<Text>| text.as_ref().map(|text| format!("\"{text}\""));
            part("on", text(channel));
            part("score", score.map(|score| score.to_string()));
            part("title", quoted(title));
            part("body", quoted(body));
            part("coupon", text(coupon));
            part("items", items.as_ref().map(|items| items.join(" ")));
            part("location", text(location));
            part("zone", text(zone));
            part("until", valid_until.map(|until| test.moments.text(until)));
            "offer"
        }
        What::Withdrawn(reason) => {
            part("as", reason.map(|reason| reason.as_str().to_owned()));
            "withdrawn"
        }
        What::KeptBack { policy, score } => {
            part("by", policy.map(str::to_owned));
            part("score", score.map(|score| score.to_string()));
            "kept back"
        }
    };
    let at = expected.at.map_or(String::new(), |at| format!("{} ", test.moments.text(at)));
    let parts = parts.join(", ");
    let gap = if parts.is_empty() { "" } else { " " };
    format!("{at}{kind} {}{gap}{parts}", expected.rule)
}

/// A message in a line.
fn what_came(test: &RuleTest, message: &Message, offers: &BTreeMap<&Text, &Made>) -> String {
    let (at, who) = (test.moments.text(message.tick), &message.person);
    match &message.news {
        News::Made(made) => {
            let (rule, channel, score, title) = (&made.rule, &made.channel, made.score, &made.title);
            format!("{at} offer {rule} for {who}, on {channel}, score {score}, \"{title}\"")
        }
        News::Withdrawn(reason, _) => {
            let rule = offers.get(&message.offer_id).map_or("an offer", |made| made.rule.as_str());
            format!("{at} withdrawn {rule} for {who}, as {}", reason.as_str())
        }
        News::Suppressed { rule, score, policy, .. } => {
            format!("{at} kept back {rule} for {who}, by {policy}, score {score}")
        }
    }
}

/// One test as JSON, with all that came as it would go out.
pub fn as_json(test: &RuleTest, outcome: &Outcome) -> Result<Value, serde_json::Error> {
    let offers = offers_of(&outcome.came);
    let line = |place: usize| outcome.came.get(place).map(|message| what_came(test, message, &offers));
    let differences: Vec<Value> = outcome
        .differences
        .iter()
        .map(|difference| match difference {
            Difference::Missing { expected, nearest } => {
                let claim = test.expect.get(*expected);
                json!({
                    "kind": "missing",
                    "line": claim.map(|claim| claim.line),
                    "expected": claim.map(|claim| expectation(test, claim)),
                    "came": nearest.as_ref().and_then(|(place, _)| line(*place)),
                    "differs": nearest.as_ref().map(|(_, wrong)| wrong),
                })
            }
            Difference::Unexpected(place) => json!({ "kind": "unexpected", "came": line(*place) }),
            Difference::NoOffer(line) => json!({ "kind": "no_offer", "line": line }),
        })
        .collect();
    let came = outcome.came.iter().map(|message| {
        let rendered = render(message)?;
        serde_json::from_str::<Value>(&rendered.json)
    });
    Ok(json!({
        "file": test.file, "line": test.line, "name": test.name.as_str(), "rules": test.rules,
        "ok": outcome.differences.is_empty(), "milliseconds": outcome.took.as_millis() as u64,
        "differences": differences, "came": came.collect::<Result<Vec<_>, _>>()?,
    }))
}
