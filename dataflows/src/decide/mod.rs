//! Which offer is made, kept back or withdrawn.
//!
//! Invariant: [`decide`] is a function of one person's candidates, ledger, consent and handles, of the
//! rules in force, the policy and the tick. What it commits to is applied at once to what comes after
//! it in the same tick, and comes back as a fact of the ledger a tick later.

mod agenda;
mod operator;
mod permission;
mod withdrawal;

pub use operator::{DecideSettings, Decided, Versions, decisions};

use crate::rows::{Candidate, Derived};
use crate::seen::{location_of, see};
use permission::{Objection, Permission};
use serde::{Deserialize, Serialize};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::{Consent, PersonFact};
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::learning::Learning;
use shopbell_model::offer::{Made, Message, News, Sent};
use shopbell_model::policy::Policy;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::BTreeSet;

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
}

/// A person's grounds, sorted out.
#[derive(Debug, Default)]
pub struct Grounds<'a> {
    candidates: Vec<&'a Candidate>,
    background: &'a [Derived],
    handles: Vec<&'a Handle>,
    consents: Vec<&'a Consent>,
    sent: Vec<&'a Sent>,
    withdrawn: BTreeSet<&'a Text>,
    suppressed: BTreeSet<(&'a Text, &'a Text)>,
    redeemed: BTreeSet<&'a Text>,
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
                Ground::Fact(_, PersonFact::Withdrawn(offer, _)) => {
                    grounds.withdrawn.insert(offer);
                }
                Ground::Fact(_, PersonFact::Suppressed(offer, policy)) => {
                    grounds.suppressed.insert((offer, policy));
                }
                Ground::Fact(_, PersonFact::Outcome(offer, PushOutcome::Redeemed)) => {
                    grounds.redeemed.insert(offer);
                }
                Ground::Fact(_, PersonFact::Forgotten(redeemed)) => {
                    grounds.forgotten = true;
                    grounds.redeemed.extend(redeemed);
                }
                Ground::Fact(..) => {}
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
    /// When to look again though nothing changes: the end of an objection.
    pub wake: Option<Time>,
}

/// Decides about one person in a tick. `now` is how far the clock has come in it: to it, but for the last
/// tick of a replay that ends within it.
pub fn decide(
    tick: Time,
    now: Time,
    person: &Person,
    grounds: &Grounds<'_>,
    versions: &Versions,
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
    for (sent, reason) in withdrawal::withdrawals(now, person, grounds, versions, settings.policy.opt_in) {
        let news = News::Withdrawn(reason, sent.channel.clone());
        decision.messages.push(say(&sent.offer_id, &sent.person, news));
        let fact = PersonFact::Withdrawn(sent.offer_id.clone(), tick);
        decision.facts.push((sent.episode.anchor.clone(), fact));
    }
    if grounds.forgotten {
        // Nothing is offered, and in the next tick the ledger knows nothing of the person.
        decision.facts.clear();
        return decision;
    }
    let mut known: BTreeSet<&Text> = grounds.sent.iter().map(|sent| &sent.offer_id).collect();
    // A rule that is over makes no offers; what it made before keeps standing.
    let speaks = |candidate: &&Candidate| candidate.rule.until.is_none_or(|until| now < until);
    let candidates = grounds.candidates.iter().copied().filter(speaks);
    // Two of the same at the same moment (a check-in reported twice) are one episode: the better counts.
    let fresh: Vec<&Candidate> = candidates.filter(|candidate| known.insert(&candidate.offer_id)).collect();
    let mut permission = Permission::new(now, person, grounds, &settings.policy);
    for (index, candidate) in fresh.iter().enumerate() {
        match permission.ask(candidate) {
            Ok(contact) => {
                let over =
                    fresh.iter().skip(index + 1).map(|lost| (lost.rule.id.clone(), lost.score)).collect();
                let (sent, made) =
                    commit(tick, person, candidate, contact, grounds, over, &settings.learning);
                permission.count(&sent);
                decision.messages.push(say(&candidate.offer_id, person, News::Made(Box::new(made))));
                let fact = PersonFact::Sent(Shared::new(sent));
                decision.facts.push((candidate.episode.anchor.clone(), fact));
            }
            Err(Objection { policy, until }) => {
                decision.wake = decision.wake.into_iter().chain(until).min();
                let told = grounds.suppressed.iter().any(|(o, p)| **o == candidate.offer_id && *p == policy);
                if settings.report_suppressed && !told {
                    decision.messages.push(say(&candidate.offer_id, person, suppressed(candidate, policy)));
                    let fact = PersonFact::Suppressed(candidate.offer_id.clone(), Text::from(policy));
                    decision.facts.push((candidate.episode.anchor.clone(), fact));
                }
            }
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
    tick: Time,
    person: &Person,
    candidate: &Candidate,
    contact: Contact,
    grounds: &Grounds<'_>,
    over: Vec<(Text, u8)>,
    learning: &Learning,
) -> (Sent, Made) {
    let rule = &candidate.rule;
    let valid_until = tick.saturating_add(rule.offer.valid.0);
    let situation = &*candidate.situation;
    let best = candidate.items.first();
    let wanted = situation.items.iter().find(|wanted| best == Some(&wanted.item));
    let (title, body) = see(situation, &rule.when, wanted.map(|wanted| &**wanted), candidate.due, |view| {
        (Text::from(rule.offer.title.render(view)), Text::from(rule.offer.body.render(view)))
    });
    let zone = match &situation.scene {
        crate::rows::Scene::Zone(_, visit) => Some(visit.zone.zone.clone()),
        _ => None,
    };
    let sent = Sent {
        offer_id: candidate.offer_id.clone(),
        rule: rule.id.clone(),
        rule_version: rule.version.clone(),
        category: rule.policy.category.clone(),
        at: tick,
        channel: contact.channel.clone(),
        segment: learning.segment_of(&situation.customer),
        ends: candidate.until.map_or(valid_until, |until| valid_until.min(until.saturating_sub(1))),
        episode: candidate.episode.clone(),
        items: candidate.items.clone(),
        person: person.clone(),
    };
    let made = Made {
        rule: rule.id.clone(),
        rule_version: rule.version.clone(),
        handles: grounds.handles.iter().map(|handle| (*handle).clone()).collect(),
        channel: contact.channel,
        address: contact.address,
        score: candidate.score,
        title,
        body,
        items: candidate.items.clone(),
        location: location_of(situation, &rule.when),
        zone,
        coupon: rule.offer.coupon.clone(),
        valid_until,
        episode: candidate.episode.text.clone(),
        events: candidate.events.clone(),
        terms: candidate.terms.clone(),
        over,
    };
    (sent, made)
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
        DecideSettings { policy, report_suppressed: false, learning: Learning::default() }
    }
}

#[cfg(test)]
mod tests;
