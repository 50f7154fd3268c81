//! Which offer is made, kept back or withdrawn.
//!
//! Invariant: [`decide`] is a function of one person's candidates, ledger, consent and handles, of the
//! rules in force, the policy and the tick. What it commits to is applied at once to what comes after
//! it in the same tick, and comes back as a fact of the ledger a tick later. What needs a part of a pool that is
//! there for everybody asks for it, and is made in the next tick where it is granted.

mod agenda;
mod arrival;
mod memory;
mod operator;
mod permission;
mod why;
mod why_not;
mod withdrawal;

pub use arrival::Arrival;
pub use operator::{DecideSettings, Decided, Versions, decisions};

use crate::allot::Ask;
use crate::rows::{Candidate, Derived};
use crate::seen::see;
use permission::{Objection, Permission, Permitted};
use serde::{Deserialize, Serialize};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::{Consent, Known, PersonFact};
use shopbell_model::key::{EventRef, Handle, Person, Text};
use shopbell_model::learning::Learning;
use shopbell_model::offer::{Because, Evidence, Made, Message, News, OVER, Passed, Reason, Sent};
use shopbell_model::policy::Policy;
use shopbell_model::pool::Holding;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// What a decision about a person rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ground {
    /// A candidate that has come true.
    Candidate(Shared<Candidate>),
    /// All that is derived of the person.
    Background(Shared<Vec<Derived>>),
    /// A handle of the person.
    Handle(Handle),
    /// A fact of the ledger, a consent or an outcome, with the handle it belongs to.
    Fact(Handle, PersonFact),
    /// What this offer asked for is there, in this tick.
    Granted(Text),
    /// What this offer asked for is not there; it still waits for it.
    Denied(Text),
}

/// A person's grounds, sorted out.
#[derive(Debug, Default)]
pub struct Grounds<'a> {
    candidates: Vec<&'a Candidate>,
    background: &'a [Derived],
    handles: Vec<&'a Handle>,
    consents: Vec<&'a Consent>,
    sent: Vec<&'a Sent>,
    withdrawn: BTreeMap<&'a Text, (Reason, Time)>,
    suppressed: BTreeSet<(&'a Text, &'a Text)>,
    primed: BTreeSet<&'a Text>,
    /// Offers that were made before what the ledger remembers.
    made_before: BTreeSet<&'a Text>,
    /// Offers that the ledger lets go of in this tick.
    let_go: BTreeMap<&'a Text, Known>,
    redeemed: BTreeSet<&'a Text>,
    /// What was reported of offers.
    outcomes: BTreeSet<(&'a Text, PushOutcome)>,
    /// Offers that reached somebody, by what was heard of them.
    heard: BTreeSet<&'a Text>,
    granted: BTreeSet<&'a Text>,
    denied: BTreeSet<&'a Text>,
    forgotten: bool,
}

impl<'a> Grounds<'a> {
    /// Sorts out the rows of a person.
    pub fn new(rows: impl Iterator<Item = &'a Ground>) -> Self {
        let mut grounds = Grounds::default();
        for row in rows {
            match row {
                Ground::Candidate(candidate) => grounds.candidates.push(candidate),
                Ground::Background(background) => grounds.background = background,
                Ground::Handle(handle) => grounds.handles.push(handle),
                Ground::Fact(_, PersonFact::Consent(consent)) => grounds.consents.push(consent),
                Ground::Fact(_, PersonFact::Sent(sent)) => grounds.sent.push(sent),
                Ground::Fact(_, PersonFact::Withdrawn(offer, reason, at)) => {
                    grounds.withdrawn.insert(offer, (*reason, *at));
                }
                Ground::Fact(_, PersonFact::Suppressed(offer, policy)) => {
                    grounds.suppressed.insert((offer, policy));
                }
                Ground::Fact(_, PersonFact::Primed(offer)) => {
                    grounds.primed.insert(offer);
                }
                Ground::Fact(_, PersonFact::MadeBefore(offer)) => {
                    grounds.made_before.insert(offer);
                }
                Ground::Fact(_, PersonFact::LetGo(offer, known)) => {
                    grounds.let_go.insert(offer, *known);
                }
                Ground::Fact(_, PersonFact::Outcome(offer, outcome)) => {
                    grounds.outcomes.insert((offer, *outcome));
                    if *outcome == PushOutcome::Redeemed {
                        grounds.redeemed.insert(offer);
                    }
                    if *outcome != PushOutcome::Failed {
                        grounds.heard.insert(offer);
                    }
                }
                Ground::Fact(_, PersonFact::Forgotten(redeemed)) => {
                    grounds.forgotten = true;
                    grounds.redeemed.extend(redeemed);
                }
                Ground::Fact(..) => {}
                Ground::Granted(offer) => {
                    grounds.granted.insert(offer);
                }
                Ground::Denied(offer) => {
                    grounds.denied.insert(offer);
                }
            }
        }
        grounds.handles.sort_unstable();
        // Best first: score, priority, then names, so that no two are equal.
        grounds.candidates.sort_by(|a, b| {
            let rank = |c: &Candidate| (c.score, c.rule.priority);
            let name = |c: &'a Candidate| (&c.rule.id, &c.offer_id, &c.events);
            rank(b).cmp(&rank(a)).then_with(|| name(a).cmp(&name(b)))
        });
        grounds
    }

    /// Whether there is nothing to decide about.
    pub fn is_idle(&self) -> bool {
        self.candidates.is_empty() && self.sent.is_empty()
    }
}

/// What was decided about a person.
#[derive(Debug, Default)]
pub struct Decision {
    /// What goes out.
    pub messages: Vec<Message>,
    /// What becomes a fact, by handle.
    pub facts: Vec<(Handle, PersonFact)>,
    /// What is asked for from now on; sorted.
    pub asks: Vec<Ask>,
    /// When to look again though nothing changes: the end of an objection.
    pub wake: Option<Time>,
}

/// Decides about one person in a tick. `now` is how far the clock has come in it: to it, but for the last
/// tick of a replay that ends within it. `arrival` says which rules came into force in it.
pub fn decide(
    (tick, now): (Time, Time),
    person: &Person,
    grounds: &Grounds<'_>,
    versions: &Versions,
    arrival: &Arrival,
    settings: &DecideSettings,
) -> Decision {
    let mut decision = Decision::default();
    let say = |offer_id: &Text, made_for: &Person, news| Message {
        offer_id: offer_id.clone(),
        tick,
        brand: person.brand(),
        person: person.clone(),
        made_for: made_for.clone(),
        news,
    };
    let mut withdrawn = BTreeSet::new();
    for (sent, reason) in withdrawal::withdrawals(now, person, grounds, versions, settings.policy.opt_in) {
        let news = News::Withdrawn(reason, sent.channel.clone());
        decision.messages.push(say(&sent.offer_id, &sent.person, news));
        decision.facts.extend(taken_back(sent, reason, tick));
        withdrawn.insert(&sent.offer_id);
    }
    if grounds.forgotten {
        // Nothing is offered, and in the next tick the ledger knows nothing of the person.
        decision.facts.clear();
        return decision;
    }
    let mut known: BTreeSet<&Text> = grounds.sent.iter().map(|sent| &sent.offer_id).collect();
    known.extend(&grounds.primed);
    known.extend(&grounds.made_before);
    // A rule that is over makes no offers; what it made before keeps standing.
    let speaks = |candidate: &&Candidate| candidate.rule.until.is_none_or(|until| now < until);
    let candidates = grounds.candidates.iter().copied().filter(speaks);
    // Two of the same at the same moment (a check-in reported twice) are one episode: the better counts.
    let fresh: Vec<&Candidate> = candidates.filter(|candidate| known.insert(&candidate.offer_id)).collect();
    // What stands for longer than it is remembered is said again, so that it is not made again.
    let (still, fresh): (Vec<&Candidate>, Vec<&Candidate>) =
        fresh.into_iter().partition(|candidate| grounds.let_go.contains_key(&candidate.offer_id));
    for candidate in still {
        let offer = candidate.offer_id.clone();
        let fact = match grounds.let_go.get(&offer) {
            Some(Known::Told) => PersonFact::Primed(offer),
            _ => PersonFact::MadeBefore(offer),
        };
        decision.facts.push((candidate.episode.anchor.clone(), fact));
    }
    let (told, fresh): (Vec<&Candidate>, Vec<&Candidate>) =
        fresh.into_iter().partition(|candidate| arrival.is_told(candidate));
    for candidate in told {
        let fact = PersonFact::Primed(candidate.offer_id.clone());
        decision.facts.push((candidate.episode.anchor.clone(), fact));
        if settings.report_suppressed {
            let news = suppressed(candidate, "backfill");
            decision.messages.push(say(&candidate.offer_id, person, news));
        }
    }
    let mut permission = Permission::new(now, person, grounds, &withdrawn, &settings.policy);
    let mut objections: Vec<(&Candidate, Objection)> = Vec::new();
    let mut asking: Vec<&Candidate> = Vec::new();
    for (index, candidate) in fresh.iter().copied().enumerate() {
        let permitted = match permission.permit(candidate) {
            Ok(permitted) => permitted,
            Err(objection) => {
                objections.push((candidate, objection));
                continue;
            }
        };
        if candidate.rule.offer.is_pooled() {
            if !grounds.granted.contains(&candidate.offer_id) {
                asking.push(candidate);
                if !grounds.denied.contains(&candidate.offer_id) {
                    permission.reserve(candidate, &permitted);
                }
                continue;
            }
        } else if permission.is_reserved(candidate, &permitted) {
            // A better one waits to hear whether there is one for it; the answer comes in the next tick.
            continue;
        }
        if let Some(sent) = permitted.replaces {
            let news = News::Withdrawn(Reason::Superseded, sent.channel.clone());
            decision.messages.push(say(&sent.offer_id, &sent.person, news));
            decision.facts.extend(taken_back(sent, Reason::Superseded, tick));
        }
        permission.count(candidate, &permitted);
        // Whose candidate it is, is in force.
        let version = versions.of(&candidate.rule.id).map(|rule| rule.version.clone()).unwrap_or_default();
        let over = fresh.iter().skip(index + 1).map(|lost| (lost.rule.id.clone(), lost.score)).collect();
        let (sent, made) =
            commit((tick, now), person, (candidate, version), permitted, grounds, over, &settings.learning);
        decision.messages.push(say(&candidate.offer_id, person, News::Made(Box::new(made))));
        let anchor = &candidate.episode.anchor;
        decision
            .facts
            .extend(sent.holding.clone().map(|holding| (anchor.clone(), PersonFact::Holds(holding))));
        decision.facts.push((anchor.clone(), PersonFact::Sent(Shared::new(sent))));
    }
    // What was made counts against those that have to ask: so it is the same whether it is known from this
    // tick or from the ledger.
    for candidate in asking {
        match permission.permit(candidate) {
            Ok(_) => {
                decision.asks.push(Ask::of(person, candidate));
                let until = permission.permitted_until(candidate);
                if grounds.denied.contains(&candidate.offer_id) {
                    objections
                        .push((candidate, Objection { policy: candidate.rule.offer.pool_policy(), until }));
                } else {
                    decision.wake = decision.wake.into_iter().chain(until).min();
                }
            }
            Err(objection) => objections.push((candidate, objection)),
        }
    }
    decision.asks.sort_unstable();
    for (candidate, Objection { policy, until }) in objections {
        decision.wake = decision.wake.into_iter().chain(until).min();
        let told = grounds.suppressed.iter().any(|(o, p)| **o == candidate.offer_id && *p == policy);
        if settings.report_suppressed && !told {
            decision.messages.push(say(&candidate.offer_id, person, suppressed(candidate, policy)));
            let fact = PersonFact::Suppressed(candidate.offer_id.clone(), Text::from(policy));
            decision.facts.push((candidate.episode.anchor.clone(), fact));
        }
    }
    decision
}

fn suppressed(candidate: &Candidate, policy: &str) -> News {
    News::Suppressed {
        rule: candidate.rule.id.clone(),
        episode: candidate.episode.text.clone(),
        score: candidate.score,
        policy: Text::from(policy),
    }
}

/// The way to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contact {
    channel: Text,
    address: Text,
}

fn commit(
    (tick, now): (Time, Time),
    person: &Person,
    (candidate, version): (&Candidate, Text),
    Permitted { contact, mut passed, replaces }: Permitted<'_>,
    grounds: &Grounds<'_>,
    over: Vec<(Text, u8)>,
    learning: &Learning,
) -> (Sent, Made) {
    let rule = &candidate.rule;
    let valid_until = tick.saturating_add(rule.offer.valid.0);
    let situation = &*candidate.situation;
    let best = candidate.items.first();
    let wanted = situation.items.iter().find(|wanted| best == Some(&wanted.item));
    let place = candidate.place.as_deref();
    let (title, body) = see(situation, place, wanted.map(|wanted| &**wanted), candidate.due, |view| {
        (Text::from(rule.offer.title.render(view)), Text::from(rule.offer.body.render(view)))
    });
    let zone = match &situation.scene {
        crate::rows::Scene::Zone(_, visit) => Some(visit.zone.zone.clone()),
        _ => None,
    };
    if rule.offer.is_pooled() {
        passed.push(if rule.offer.units.is_some() { Passed::Units } else { Passed::Budget });
    }
    let ends = candidate.until.map_or(valid_until, |until| valid_until.min(until.saturating_sub(1)));
    let holding = rule.offer.is_pooled().then(|| {
        let needs = rule.offer.needs(&person.brand(), &rule.id, now);
        let parts = needs.into_iter().map(|(pool, amount, _)| (pool, amount)).collect();
        let (offer, back) = (candidate.offer_id.clone(), rule.offer.units_back);
        Shared::new(Holding { offer, made: tick, parts, back, ends })
    });
    let sent = Sent {
        offer_id: candidate.offer_id.clone(),
        rule: rule.id.clone(),
        rule_version: version.clone(),
        category: rule.policy.category.clone(),
        at: tick,
        channel: contact.channel.clone(),
        ends,
        segment: learning.segment_of(&situation.customer),
        episode: candidate.episode.clone(),
        items: candidate.items.clone(),
        person: person.clone(),
        priority: rule.priority,
        replaceable: rule.offer.replaceable,
        replaces: replaces.map(|sent| sent.offer_id.clone()),
        holding,
        because: Because {
            score: candidate.score,
            terms: candidate.terms.clone(),
            events: candidate.events.clone(),
            passed,
            over: over.iter().take(OVER).cloned().collect(),
        },
    };
    let made = Made {
        rule: rule.id.clone(),
        rule_version: version,
        handles: grounds.handles.iter().map(|handle| (*handle).clone()).collect(),
        channel: contact.channel,
        address: contact.address,
        score: candidate.score,
        title,
        body,
        items: candidate.items.clone(),
        location: place.map(|place| place.location.clone()),
        zone,
        coupon: rule.offer.coupon.clone(),
        valid_until,
        episode: candidate.episode.text.clone(),
        events: references(&candidate.events),
        terms: candidate.terms.clone(),
        over,
    };
    (sent, made)
}

/// What the ledger says of an offer that is taken back.
fn taken_back(sent: &Sent, reason: Reason, tick: Time) -> impl Iterator<Item = (Handle, PersonFact)> {
    let held = sent.holding.clone().map(PersonFact::TakenBack);
    let facts = [Some(PersonFact::Withdrawn(sent.offer_id.clone(), reason, tick)), held];
    facts.into_iter().flatten().map(|fact| (sent.episode.anchor.clone(), fact))
}

/// The events of evidence, each once.
fn references(evidence: &[Evidence]) -> Vec<EventRef> {
    let mut events: Vec<EventRef> = evidence.iter().map(|evidence| evidence.event.clone()).collect();
    events.dedup();
    events
}

/// Whether consent for the channel and category stands: the most specific statement wins, of equal
/// ones the latest.
fn consents(consents: &[&Consent], channel: &str, category: Option<&Text>, opt_in: bool) -> bool {
    let applies = |consent: &&&Consent| {
        consent.channel.as_deref().is_none_or(|c| c == channel)
            && consent.category.as_ref().is_none_or(|c| Some(c) == category)
    };
    let rank = |consent: &&&Consent| (consent.channel.is_some(), consent.category.is_some(), consent.at);
    consents.iter().filter(applies).max_by_key(rank).map_or(!opt_in, |consent| consent.granted)
}

/// Settings as decisions see them.
impl DecideSettings {
    /// No policy, and suppressed candidates are not reported.
    pub fn new(policy: Policy) -> Self {
        DecideSettings { policy, report_suppressed: false, pools: true, learning: Learning::default() }
    }
}

#[cfg(test)]
mod tests;
