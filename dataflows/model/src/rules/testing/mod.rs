//! `[[test]]` tables: what is given, how far the clock goes, and what is expected.
//!
//! Purpose: a rule says what it is for, in events and offers, and `shopbell test` holds it to that.
//! Invariant: a [`RuleTest`] was accepted whole: its events were decoded like any other, its rules exist, and it
//! can fail. Nothing is run here. Cost: some microseconds an event, when a file is loaded.

pub(super) mod expected;
pub(super) mod given;
mod moments;
mod problem;
pub(super) mod settings;
mod shorthand;

pub use expected::{Expected, OfferClaim, What};
pub use moments::Moments;
pub use problem::TestProblem;

use super::limits;
use super::table::{Entry, Table};
use crate::event::Event;
use crate::key::{Brand, Text};
use crate::learning::Learning;
use crate::policy::Policy;
use crate::settings::Presence;
use crate::time::Time;

/// A test of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTest {
    /// The file it stands in.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What it is called.
    pub name: Text,
    /// The rules in force, by id.
    pub rules: Vec<Text>,
    /// How its times are read and written.
    pub moments: Moments,
    /// What arrives, in that order.
    pub given: Vec<Given>,
    /// Where the clock stops.
    pub until: Time,
    /// Contact policy.
    pub policy: Policy,
    /// How signals become visits.
    pub presence: Presence,
    /// How accept rates are learned; not at all where absent.
    pub learning: Option<Learning>,
    /// What must come.
    pub expect: Vec<Expected>,
    /// Whether more offers and withdrawals may come.
    pub others: bool,
}

/// An event of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Its line, from 1.
    pub line: usize,
    /// What happened.
    pub event: Event,
    /// Of an event about an offer: the rule whose latest offer to that person is meant.
    pub offer_of: Option<Text>,
}

/// A rule that a test names, and where: names are looked up when all files are read.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) rule: Text,
    pub(super) at: usize,
    /// Whether it stands in `rules` itself.
    pub(super) listed: bool,
}

pub(super) const KEYS: [&str; 13] = [
    "name", "rules", "day", "tz", "brand", "given", "until", "policy", "channels", "presence", "learning",
    "expect", "others",
];

/// Reads a test, and the rules it names; `of_file` are those of its file.
pub(super) fn test(entry: Entry<'_>, of_file: &[Text]) -> Option<(RuleTest, Vec<Mention>)> {
    let table = entry.table("a test".to_owned(), entry.at())?;
    table.only(&KEYS);
    let name = table.required("name").and_then(Entry::name);
    let mut mentions = Vec::new();
    let rules = match table.get("rules") {
        None => of_file.to_vec(),
        Some(entry) => {
            for one in entry.list().unwrap_or_default() {
                mentions.extend(one.name().map(|rule| Mention { rule, at: one.at(), listed: true }));
            }
            entry.names().unwrap_or_default()
        }
    };
    let moments = moments::read(&table);
    let brand = Brand(table.get("brand").and_then(Entry::name).unwrap_or_default());
    let (given, named) = given::read(&table, &moments, &brand);
    mentions.extend(named);
    let (expect, named) = expected::read(&table, &moments);
    mentions.extend(named);
    let others = table.get("others").and_then(Entry::bool).unwrap_or(false);
    let nothing = table.get("expect").is_some_and(|entry| is_empty_list(&entry));
    if let (true, true, Some(entry)) = (others, nothing, table.get("others")) {
        entry.report(TestProblem::CannotFail);
    }
    let last_event = given.iter().map(|given| given.event.time).max().unwrap_or(0);
    let last_claim = expect.iter().filter_map(|expected| expected.at).max().unwrap_or(0);
    let until = table.get("until").and_then(|entry| {
        let until = moments.entry(entry)?;
        if until < last_event {
            entry.report(TestProblem::Until { event: moments.text(last_event) });
        } else if until < last_claim {
            entry.report(TestProblem::UntilBeforeClaim { claim: moments.text(last_claim) });
        }
        Some(until)
    });
    let test = RuleTest {
        file: entry.sheet.name().to_owned(),
        line: entry.sheet.line(entry.at()),
        name: name?,
        rules,
        policy: settings::policy(&table),
        presence: settings::presence(&table),
        learning: settings::learning(&table),
        given,
        until: until.unwrap_or(last_event.max(last_claim)),
        moments,
        expect,
        others,
    };
    Some((test, mentions))
}

fn is_empty_list(entry: &Entry<'_>) -> bool {
    entry.value.get_ref().as_array().is_some_and(|list| list.is_empty())
}

/// The entries of a list that must be there, as far as there may be so many.
fn some_entries<'a>(table: &Table<'a>, key: &'static str, limit: usize) -> Vec<Entry<'a>> {
    let Some(entry) = table.required(key) else { return Vec::new() };
    let mut list = entry.list().unwrap_or_default();
    if list.len() > limit {
        entry.report(TestProblem::TooMany { what: key, found: list.len(), limit });
        list.truncate(limit);
    }
    list
}

/// A handle `kind:value`.
fn handle(entry: Entry<'_>) -> Option<Text> {
    let text = entry.text()?;
    match crate::key::Handle::parse(&Brand::default(), text) {
        Ok(_) => Some(Text::from(text)),
        Err(error) => entry.bad(text, error.hint()),
    }
}

#[cfg(test)]
mod tests;
