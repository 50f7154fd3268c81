//! What a test expects: offers, withdrawals, and what policy keeps back.
//!
//! Invariant: what is not written is not compared.

use super::{Mention, Moments, TestProblem, handle, some_entries};
use crate::key::Text;
use crate::offer::Reason;
use crate::rules::limits;
use crate::rules::table::{Entry, Table};
use crate::time::Time;

/// Something that must come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its line, from 1.
    pub line: usize,
    /// The rule it is about.
    pub rule: Text,
    /// When.
    pub at: Option<Time>,
    /// For whom: any handle of the person.
    pub who: Option<Text>,
    /// What.
    pub what: What,
}

/// What must come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An offer.
    Offer(Box<OfferClaim>),
    /// The withdrawal of one, for that reason.
    Withdrawn(Option<Reason>),
    /// A candidate that the policy stops, with that score.
    KeptBack {
        /// The policy, by its name.
        policy: Option<&'static str>,
        /// The candidate's score.
        score: Option<u8>,
    },
}

/// What is said of an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferClaim {
    /// Its score.
    pub score: Option<u8>,
    /// The channel.
    pub channel: Option<Text>,
    /// The title, whole.
    pub title: Option<Text>,
    /// The body, whole.
    pub body: Option<Text>,
    /// The coupon.
    pub coupon: Option<Text>,
    /// The articles, best first.
    pub items: Option<Vec<Text>>,
    /// The shop.
    pub location: Option<Text>,
    /// The zone.
    pub zone: Option<Text>,
    /// When it ends by itself.
    pub valid_until: Option<Time>,
}

/// Why an offer can be taken back.
pub(in crate::rules) const REASONS: [Reason; 11] = [
    Reason::Bought,
    Reason::Removed,
    Reason::Left,
    Reason::OutOfStock,
    Reason::Price,
    Reason::Rule,
    Reason::Unlinked,
    Reason::Consent,
    Reason::Forgotten,
    Reason::LateEvent,
    Reason::Superseded,
];

/// Policies that can object, in the order in which they are asked.
pub(in crate::rules) const POLICIES: [&str; 12] = [
    "hold_out",
    "min_score",
    "consent",
    "no_channel",
    "quiet_hours",
    "hold",
    "cooldown",
    "rule_cap",
    "cap",
    "channel_cap",
    "units",
    "budget",
];

/// Keys of an expected offer, of a withdrawal, and of what is kept back.
pub(in crate::rules) const OFFER: [&str; 12] = [
    "offer",
    "at",
    "who",
    "score",
    "channel",
    "title",
    "body",
    "coupon",
    "items",
    "location",
    "zone",
    "valid_until",
];
pub(in crate::rules) const WITHDRAWN: [&str; 4] = ["withdrawn", "at", "who", "reason"];
pub(in crate::rules) const KEPT_BACK: [&str; 5] = ["kept_back", "at", "who", "policy", "score"];

/// All expectations of a test, and the rules they name.
pub(super) fn read(test: &Table<'_>, moments: &Moments) -> (Vec<Expected>, Vec<Mention>) {
    let (mut expect, mut mentions) = (Vec::new(), Vec::new());
    for entry in some_entries(test, "expect", limits::TEST_EXPECTATIONS) {
        let Some(table) = entry.table("an expectation".to_owned(), entry.at()) else { continue };
        let rule = |key: &'static str| table.get(key).and_then(|entry| Some((entry.name()?, entry.at())));
        let kinds = ["offer", "withdrawn", "kept_back"];
        if kinds.iter().filter(|kind| table.get(kind).is_some()).count() != 1 {
            entry.report(TestProblem::OneOf);
            continue;
        }
        let (rule, what) = if let Some(rule) = rule("offer") {
            table.only(&OFFER);
            (rule, What::Offer(Box::new(offer(&table, moments))))
        } else if let Some(rule) = rule("withdrawn") {
            table.only(&WITHDRAWN);
            let words = REASONS.map(Reason::as_str);
            let word = table.get("reason").and_then(|entry| entry.word(&words));
            let reason = REASONS.into_iter().find(|reason| Some(reason.as_str()) == word);
            (rule, What::Withdrawn(reason))
        } else if let Some(rule) = rule("kept_back") {
            table.only(&KEPT_BACK);
            let policy = table.get("policy").and_then(|entry| entry.word(&POLICIES));
            (rule, What::KeptBack { policy, score: score(&table) })
        } else {
            continue;
        };
        let (rule, at) = rule;
        mentions.push(Mention { rule: rule.clone(), at, listed: false });
        expect.push(Expected {
            line: entry.sheet.line(entry.at()),
            rule,
            at: table.get("at").and_then(|entry| moments.entry(entry)),
            who: table.get("who").and_then(handle),
            what,
        });
    }
    (expect, mentions)
}

fn score(table: &Table<'_>) -> Option<u8> {
    table.get("score").and_then(|entry| entry.int(0..=100)).and_then(|score| u8::try_from(score).ok())
}

fn offer(table: &Table<'_>, moments: &Moments) -> OfferClaim {
    let name = |key: &'static str| table.get(key).and_then(Entry::name);
    let text = |key: &'static str| table.get(key).and_then(Entry::text).map(Text::from);
    let items = table.get("items").and_then(Entry::list);
    OfferClaim {
        score: score(table),
        channel: name("channel"),
        title: text("title"),
        body: text("body"),
        coupon: name("coupon"),
        items: items.map(|items| items.into_iter().filter_map(Entry::name).collect()),
        location: name("location"),
        zone: name("zone"),
        valid_until: table.get("valid_until").and_then(|entry| moments.entry(entry)),
    }
}
