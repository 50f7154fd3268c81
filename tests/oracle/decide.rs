//! Candidates, policies, withdrawals: what is sent and taken back at one tick.
//!
//! Invariant: all but the ledger is computed afresh at every tick; the ledger only grows.

use super::config::Config;
use super::event::{Act, Time};
use super::forget::Forgotten;
use super::learning::{Learned, segment};
use super::policies::{channel, held_out, objection, quiet_until};
use super::rules::Rule;
use super::situations::{Situation, situations};
use super::withdraw::reason_gone;
use super::world::{Brand, Person, World};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) tick: Time,
    pub(crate) offer_id: String,
    pub(crate) what: What,
}

/// Made or taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Made {
        rule: String,
        episode: String,
        person: String,
        handles: Vec<String>,
        channel: String,
        address: String,
        score: i64,
        items: Vec<String>,
    },
    Withdrawn {
        reason: String,
    },
}

/// An offer that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) offer_id: String,
    pub(crate) brand: String,
    pub(crate) rule: Rule,
    pub(crate) situation: Situation,
    /// The items offered; those of the situation that passed.
    pub(crate) items: Vec<String>,
    pub(crate) evidence: BTreeSet<String>,
    pub(crate) channel: String,
    /// The person's, when it was sent.
    pub(crate) segment: String,
    pub(crate) tick: Time,
    /// When, if it was.
    pub(crate) withdrawn: Option<Time>,
}

/// A tick, and how far the clock has come in it.
#[derive(Clone, Copy)]
struct Now {
    tick: Time,
    clock: Time,
}

/// A rule that applies in a standing situation.
struct Candidate<'a> {
    offer_id: String,
    rule: &'a Rule,
    situation: Situation,
    score: i64,
    items: Vec<String>,
}

/// First 32 hexadecimal digits of the SHA-256 of brand, rule and episode.
pub(crate) fn offer_id(brand: &str, rule: &str, episode: &str) -> String {
    let digest = Sha256::digest([brand, rule, episode].join("\u{1f}").as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// One tick: rows in order of offer id, and later moments at which something may come due.
#[expect(clippy::too_many_arguments, reason = "all that a tick follows from")]
pub(crate) fn decide(
    tick: Time,
    world: &World<'_>,
    forgotten: &Forgotten,
    rules: &[Rule],
    config: &Config,
    ledger: &mut Vec<Sent>,
    learned: &mut Learned,
    moments: &mut BTreeSet<Time>,
) -> Vec<Row> {
    let (mut rows, now) = (Vec::new(), Now { tick, clock: world.clock });
    for brand in &world.brands {
        let mut standing: BTreeMap<String, bool> = BTreeMap::new();
        for person in &brand.persons {
            let candidates =
                candidates(person, brand, rules, config, world.clock, learned, &mut standing, moments);
            if !forgotten.has(&brand.name, &person.name) {
                rows.extend(send(person, brand, candidates, config, now, ledger, moments));
            }
        }
        rows.extend(take_back(brand, forgotten, &standing, config, now, ledger));
    }
    learned.count(tick, world, forgotten, ledger);
    moments.extend(learned.next(tick));
    rows.sort_by(|a, b| a.offer_id.cmp(&b.offer_id));
    rows
}

/// Candidates of a person, best first. `standing` takes every offer id whose situation stands, and
/// whether it is a candidate.
#[expect(clippy::too_many_arguments, reason = "all that a candidate follows from")]
fn candidates<'a>(
    person: &Person<'_>,
    brand: &Brand<'_>,
    rules: &'a [Rule],
    config: &Config,
    clock: Time,
    learned: &Learned,
    standing: &mut BTreeMap<String, bool>,
    moments: &mut BTreeSet<Time>,
) -> Vec<Candidate<'a>> {
    let mut found: Vec<Candidate<'_>> = Vec::new();
    for rule in rules {
        moments.extend(rule.from.into_iter().chain(rule.until));
        for situation in situations(&rule.when, person, brand, config) {
            moments.insert(situation.due);
            let id = offer_id(&brand.name, rule.id, &situation.episode);
            if clock < situation.due || situation.until.is_some_and(|until| clock > until) {
                continue;
            }
            let in_time = rule.from.is_none_or(|from| from <= clock);
            let history = learned.seen(clock, &brand.name, rule, person);
            let scored = evaluate(rule, &situation, person, brand, history).filter(|_| in_time);
            *standing.entry(id.clone()).or_default() |= scored.is_some();
            let Some((score, items)) = scored else { continue };
            // Of two with the same episode the better counts.
            match found.iter_mut().find(|other| other.offer_id == id) {
                Some(other) if other.score >= score => {}
                Some(other) => *other = Candidate { offer_id: id, rule, situation, score, items },
                None => found.push(Candidate { offer_id: id, rule, situation, score, items }),
            }
        }
    }
    found.sort_by(|a, b| {
        let key = |c: &Candidate<'_>| (-c.score, -c.rule.priority, c.rule.id, c.offer_id.clone());
        key(a).cmp(&key(b))
    });
    found
}

/// Score and items of a rule in a situation, where its condition holds.
fn evaluate(
    rule: &Rule,
    situation: &Situation,
    person: &Person<'_>,
    brand: &Brand<'_>,
    history: (i64, i64),
) -> Option<(i64, Vec<String>)> {
    let known = &brand.catalogue;
    let view = |item| {
        let mut view = person.view(known, item, situation.due);
        view.dwell = situation.dwell;
        view.history = history;
        view.location.clone_from(&situation.place);
        view
    };
    if !situation.about_items {
        let view = view(None);
        let mut items: Vec<String> = situation.items.iter().map(|item| item.id.clone()).collect();
        items.sort();
        return rule.passes(&view).then(|| (rule.score_in(&view), items));
    }
    let mut passing: Vec<(i64, String)> = Vec::new();
    for item in &situation.items {
        let item = person.item_view(known, &item.id, item.quantity, situation.place.as_deref());
        let view = view(Some(item));
        if rule.passes(&view) {
            passing.push((-rule.score_in(&view), view.item.map(|item| item.id).unwrap_or_default()));
        }
    }
    passing.sort();
    passing.dedup();
    let best = passing.first()?.0;
    Some((-best, passing.into_iter().map(|(_, item)| item).collect()))
}

/// Sends what no policy objects to, best first.
fn send(
    person: &Person<'_>,
    brand: &Brand<'_>,
    candidates: Vec<Candidate<'_>>,
    config: &Config,
    Now { tick, clock }: Now,
    ledger: &mut Vec<Sent>,
    moments: &mut BTreeSet<Time>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for candidate in candidates {
        // A rule that is over makes no offers; what it made keeps standing.
        let over = candidate.rule.until.is_some_and(|until| until <= clock);
        if over || ledger.iter().any(|sent| sent.offer_id == candidate.offer_id) {
            continue;
        }
        let Candidate { offer_id, rule, situation, score, items } = candidate;
        let earlier: Vec<&Sent> = ledger
            .iter()
            .filter(|s| s.brand == brand.name && person.handles.contains(&s.situation.anchor))
            .collect();
        let policy = &config.policy;
        if held_out(&brand.name, &person.name, policy.hold_out_percent) || score < policy.min_score {
            continue;
        }
        let Some((channel, address)) = channel(rule, policy, person) else { continue };
        if let Some(end) = quiet_until(policy, person, brand, situation.place.as_deref(), clock) {
            moments.insert(end);
            continue;
        }
        if let Some(again) = objection(rule, policy, &channel, &earlier, clock) {
            moments.insert(again);
            continue;
        }
        rows.push(Row {
            tick,
            offer_id: offer_id.clone(),
            what: What::Made {
                rule: rule.id.to_owned(),
                episode: situation.episode.clone(),
                person: person.name.clone(),
                handles: person.handles.iter().cloned().collect(),
                channel: channel.clone(),
                address,
                score,
                items: items.clone(),
            },
        });
        let of_items =
            situation.items.iter().filter(|item| items.contains(&item.id)).map(|item| item.handle.clone());
        let evidence = situation.handles.iter().cloned().chain(of_items).collect();
        let segment = config.learning.as_ref().map_or(String::new(), |learning| segment(learning, person));
        let (brand, rule) = (brand.name.clone(), rule.clone());
        ledger.push(Sent {
            offer_id,
            brand,
            rule,
            situation,
            items,
            evidence,
            channel,
            segment,
            tick,
            withdrawn: None,
        });
    }
    rows
}

/// Takes back what was sent and has lost its reason.
fn take_back(
    brand: &Brand<'_>,
    forgotten: &Forgotten,
    standing: &BTreeMap<String, bool>,
    config: &Config,
    Now { tick, clock }: Now,
    ledger: &mut [Sent],
) -> Vec<Row> {
    let mut rows = Vec::new();
    let in_brand =
        |sent: &&mut Sent| sent.brand == brand.name && sent.withdrawn.is_none() && sent.tick < tick;
    for sent in ledger.iter_mut().filter(in_brand) {
        let over =
            sent.tick + sent.rule.valid < clock || sent.situation.until.is_some_and(|until| until < clock);
        let Some(person) =
            brand.persons.iter().find(|person| person.handles.contains(&sent.situation.anchor))
        else {
            continue;
        };
        if over || redeemed(brand, forgotten, sent) {
            continue;
        }
        let consents = person.consents(&sent.channel, sent.rule.category, !config.policy.opt_in);
        let reason = match standing.get(&sent.offer_id) {
            _ if forgotten.has(&brand.name, &person.name) => "forgotten",
            _ if !consents => "consent",
            Some(true) => continue,
            stands => reason_gone(sent, stands.is_some(), person, brand),
        };
        sent.withdrawn = Some(tick);
        rows.push(Row {
            tick,
            offer_id: sent.offer_id.clone(),
            what: What::Withdrawn { reason: reason.to_owned() },
        });
    }
    rows
}

fn redeemed(brand: &Brand<'_>, forgotten: &Forgotten, sent: &Sent) -> bool {
    brand.persons.iter().flat_map(|person| &person.events).any(|event| {
        matches!(&event.act, Act::Redeemed(id) if *id == sent.offer_id)
            && forgotten.lets_count(&brand.name, &event.handle, &sent.situation.anchor)
    })
}
