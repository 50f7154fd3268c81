//! Why a rule makes no offer to a person now.
//!
//! Invariant: situations, candidates and objections are those that decisions are made from: this asks
//! [`standing`], [`look`] and [`Permission::permit`], and says what they say. "Made" is told exactly where an offer of
//! the rule stands. Cost: that of a change that concerns all situations of the person and all rules in force.

use super::permission::{Objection, Permission};
use super::{DecideSettings, Grounds, Versions};
use crate::demand::Demand;
use crate::explain::{At, CaseView, RuleView, ValueView, Verdict};
use crate::in_force::RulesInForce;
use crate::matching::{Draft, Lack, Listener, look};
use crate::rows::{Candidate, SceneKind, Situation};
use crate::situations::standing;
use shopbell_model::key::{ItemId, Person};
use shopbell_model::offer::Sent;
use shopbell_model::rules::{Interests, Rule, When};
use shopbell_model::shared::Shared;
use shopbell_model::time::{Time, format_rfc3339};
use std::collections::BTreeSet;

/// Cases of a rule that are listed.
const CASES: usize = 8;

/// What each rule in force says of the person.
pub(super) fn rules(
    person: &Person,
    grounds: &Grounds<'_>,
    (versions, known): (&Versions, &RulesInForce),
    settings: &DecideSettings,
    now: Time,
) -> Vec<RuleView> {
    let rules = versions.rules();
    let demand = Demand::of(rules.iter().map(|rule| &***rule));
    let situations = standing(person, grounds.background, &demand);
    let permission = Permission::new(now, person, grounds, &BTreeSet::new(), &settings.policy);
    let asker = Asker { person, grounds, known, settings, now, permission };
    rules.into_iter().map(|rule| asker.rule(rule, &situations)).collect()
}

struct Asker<'a> {
    person: &'a Person,
    grounds: &'a Grounds<'a>,
    known: &'a RulesInForce,
    settings: &'a DecideSettings,
    now: Time,
    permission: Permission<'a>,
}

/// What one rule finds in the situations of a person, and what it lacks.
#[derive(Default)]
struct Heard {
    candidates: Vec<Candidate>,
    lacks: Vec<(Lack, Option<ItemId>)>,
    /// The article that the situation is about by itself.
    item: Option<ItemId>,
}

impl Listener for Heard {
    fn found(&mut self, draft: Draft<'_>) {
        self.candidates.push(draft.candidate());
    }

    fn lacks(&mut self, lack: impl FnOnce() -> Lack) {
        self.lacks.push((lack(), self.item.clone()));
    }
}

impl Asker<'_> {
    fn rule(&self, rule: &Shared<Rule>, situations: &[Shared<Situation>]) -> RuleView {
        let kind = SceneKind::of(&rule.when);
        let mut heard = Heard::default();
        let mut looked = false;
        let in_force = self.known.of(rule);
        for situation in situations.iter().filter(|situation| situation.kind() == kind) {
            looked = true;
            let item = situation.items.first().filter(|_| kind == SceneKind::Interest);
            heard.item = item.map(|wanted| wanted.item.clone());
            look(self.person, situation, &in_force, &self.settings.learning, &mut heard);
        }
        let Heard { mut candidates, lacks, .. } = heard;
        // Of two of the same episode the better counts, as where it is decided.
        candidates.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.events.cmp(&b.events)));
        let mut seen = BTreeSet::new();
        candidates.retain(|candidate| seen.insert(candidate.offer_id.clone()));
        let mut cases: Vec<CaseView> = candidates.iter().map(|candidate| self.candidate(candidate)).collect();
        cases.extend(lacks.into_iter().map(|(lack, item)| lacking(lack, item, self.now)));
        // What stands though its candidate is not looked for any more.
        let of_rule = |sent: &&Sent| sent.rule == rule.id && self.grounds.is_active(sent, self.now);
        let others = self.grounds.sent.iter().copied().filter(of_rule);
        cases.extend(others.filter(|sent| !seen.contains(&sent.offer_id)).map(|sent| self.made(sent)));
        if !looked && cases.is_empty() {
            cases.push(CaseView::new(Verdict::NoSituation, nothing_stands(&rule.when)));
        }
        cases.sort_by(|a, b| (a.verdict, a.due, &a.why).cmp(&(b.verdict, b.due, &b.why)));
        let left_out = cases.len().saturating_sub(CASES);
        cases.truncate(CASES);
        let verdict = cases.first().map_or(Verdict::NoSituation, |case| case.verdict);
        RuleView { rule: rule.id.clone(), version: rule.version.clone(), verdict, cases, left_out }
    }

    /// Whether something that is there for everybody was asked for, and there is no answer yet.
    fn asks(&self) -> bool {
        let Grounds { candidates, granted, denied, primed, made_before, sent, .. } = self.grounds;
        candidates.iter().any(|candidate| {
            let offer = &candidate.offer_id;
            let is_answered = granted.contains(offer) || denied.contains(offer) || primed.contains(offer);
            let was_sent = made_before.contains(offer) || sent.iter().any(|sent| sent.offer_id == *offer);
            candidate.rule.offer.is_pooled() && !is_answered && !was_sent
        })
    }

    /// What is said of an offer that was made.
    fn made(&self, sent: &Sent) -> CaseView {
        let at = format_rfc3339(sent.at);
        let (verdict, why) = if self.grounds.is_active(sent, self.now) {
            (Verdict::Made, format!("made at {at}, holds until {}", format_rfc3339(sent.ends)))
        } else {
            let why = match self.grounds.withdrawn.get(&sent.offer_id) {
                Some((reason, then)) => {
                    format!("made at {at}, withdrawn at {}: {}", format_rfc3339(*then), reason.as_str())
                }
                None if self.grounds.redeemed.contains(&sent.offer_id) => format!("made at {at}, redeemed"),
                None => format!("made at {at}, ended at {}", format_rfc3339(sent.ends)),
            };
            (Verdict::MadeBefore, why + "; one offer for one reason")
        };
        CaseView {
            offer_id: Some(sent.offer_id.clone()),
            score: Some(sent.because.score),
            items: names(&sent.items),
            ..CaseView::new(verdict, why)
        }
    }

    fn candidate(&self, candidate: &Candidate) -> CaseView {
        let was_sent = |sent: &&Sent| sent.offer_id == candidate.offer_id;
        if let Some(sent) = self.grounds.sent.iter().copied().find(was_sent) {
            return self.made(sent);
        }
        let of = |verdict, why| CaseView {
            offer_id: Some(candidate.offer_id.clone()),
            score: Some(candidate.score),
            items: names(&candidate.items),
            ..CaseView::new(verdict, why)
        };
        let rule = &candidate.rule;
        let due = candidate.due.max(rule.from.unwrap_or(0));
        if let Some(until) = rule.until.filter(|until| *until <= self.now.max(due)) {
            return of(Verdict::Over, format!("the rule makes no offers from {} on", format_rfc3339(until)));
        }
        if let Some(until) = candidate.until.filter(|until| *until <= self.now) {
            return of(Verdict::Over, format!("its time was over at {}", format_rfc3339(until)));
        }
        if due > self.now {
            let why = if due > candidate.due {
                format!("the rule begins at {}", format_rfc3339(due))
            } else {
                format!("due at {}, if nothing changes until then", format_rfc3339(due))
            };
            return CaseView { due: Some(At(due)), ..of(Verdict::NotDue, why) };
        }
        let kept_back = |policy: &str, why: String| CaseView {
            policy: Some(policy.to_owned()),
            ..of(Verdict::KeptBack, why)
        };
        if self.grounds.primed.contains(&candidate.offer_id) {
            return kept_back("backfill", "it stood already when the rule came into force".to_owned());
        }
        if self.grounds.made_before.contains(&candidate.offer_id) {
            let why = "made longer ago than the ledger remembers; one offer for one reason".to_owned();
            return of(Verdict::MadeBefore, why);
        }
        match self.permission.permit(candidate) {
            Ok(_) if rule.offer.is_pooled() && self.grounds.denied.contains(&candidate.offer_id) => {
                let policy = rule.offer.pool_policy();
                kept_back(policy, format!("kept back by {policy}: it waits for what others may leave"))
            }
            Ok(_) if self.asks() => {
                let why = "it, or a better one, asked for a part of what is left; answered in the next tick";
                let due = Some(At(self.now.saturating_add(1)));
                CaseView { due, ..of(Verdict::NotDue, why.to_owned()) }
            }
            Ok(_) => of(Verdict::WouldBeMade, "made in the next tick".to_owned()),
            Err(Objection { policy, until }) => {
                let mut why = format!("kept back by {policy}");
                if let Some(until) = until {
                    why = format!("{why} until {}", format_rfc3339(until));
                }
                let policy = Some(policy.to_owned());
                CaseView { policy, until: until.map(At), ..of(Verdict::KeptBack, why) }
            }
        }
    }
}

impl CaseView {
    fn new(verdict: Verdict, why: String) -> CaseView {
        CaseView {
            verdict,
            why,
            offer_id: None,
            score: None,
            items: Vec::new(),
            policy: None,
            until: None,
            due: None,
            condition: None,
            values: Vec::new(),
        }
    }
}

fn names(items: &[ItemId]) -> Vec<String> {
    items.iter().map(|item| item.as_str().to_owned()).collect()
}

/// What is said of what is lacking now.
fn lacking(lack: Lack, item: Option<ItemId>, now: Time) -> CaseView {
    let items = names(&item.into_iter().collect::<Vec<_>>());
    let lacks = |why: String| CaseView { items: items.clone(), ..CaseView::new(Verdict::Lacks, why) };
    match lack {
        Lack::OtherBrand(brand) => lacks(format!("the rule is for the brand {brand}")),
        Lack::OtherZone(zone) => lacks(format!("{zone} is none of the rule's zones")),
        Lack::ShortVisit(dwell, least) => lacks(format!("the visit took {dwell}, the rule asks for {least}")),
        Lack::Bought(time) => lacks(format!("something was bought at {}", format_rfc3339(time))),
        Lack::NoInterest => lacks("no interest that the rule counts".to_owned()),
        Lack::NotInStock => lacks("no article of interest is in stock there".to_owned()),
        Lack::BeganLater => lacks("the interest began later".to_owned()),
        Lack::Unknown => lacks("neither catalogue nor stock say anything of the article".to_owned()),
        Lack::NoReturn => lacks("it did not come back into stock since the interest began".to_owned()),
        Lack::Enough(most) => lacks(format!("there are more than {most}")),
        Lack::PriceNotLow => {
            lacks("the price is not that much lower than when the interest began".to_owned())
        }
        Lack::OtherPlace(location) => lacks(format!("{location} is another place than the rule's")),
        Lack::OtherDistance(location, near, within) => {
            lacks(format!("{location} is within {near} metres, the rule asks for {within}"))
        }
        Lack::OtherRequest(rule) => lacks(format!("an offer of {rule} was asked for")),
        Lack::ShortPause(idle) => lacks(format!("no pause was as long as {idle}")),
        Lack::EnteredLongAgo => lacks("entered too long ago".to_owned()),
        Lack::NotLeftAlone => {
            lacks("it was not looked at often enough, or not left alone for long enough".to_owned())
        }
        Lack::Waits(request, until) if until <= now => CaseView::new(
            Verdict::Over,
            format!("request {request} expired at {}, nobody approved it", format_rfc3339(until)),
        ),
        Lack::Waits(request, until) => {
            lacks(format!("request {request} waits for approval, and expires at {}", format_rfc3339(until)))
        }
        Lack::Refused(request, then, until) => {
            let verdict = if until <= now { Verdict::Over } else { Verdict::Lacks };
            CaseView::new(verdict, format!("request {request} was refused at {}", format_rfc3339(then)))
        }
        Lack::NoTime => lacks("it ends with its beginning".to_owned()),
        Lack::Condition(item, unmet) => {
            let (condition, values) = unmet.map_or((None, Vec::new()), |unmet| {
                let value = |(field, value)| ValueView { field, value };
                (Some(unmet.condition), unmet.values.into_iter().map(value).collect())
            });
            let why = sentence(condition.as_deref().unwrap_or("where"), &values);
            let items = names(&item.into_iter().collect::<Vec<_>>());
            CaseView { items, condition, values, ..CaseView::new(Verdict::Condition, why) }
        }
    }
}

/// `item.stock > 3 does not hold: item.stock is 3`.
fn sentence(condition: &str, values: &[ValueView]) -> String {
    let value = |ValueView { field, value }: &ValueView| match value {
        Some(value) => format!("{field} is {value}"),
        None => format!("{field} is missing"),
    };
    let values: Vec<String> = values.iter().map(value).collect();
    let colon = if values.is_empty() { "" } else { ": " };
    format!("`{condition}` does not hold{colon}{}", values.join(", "))
}

/// What would have to be the case before the rule looks at anything.
fn nothing_stands(when: &When) -> String {
    let of = |interest: &Interests| {
        let kinds = [
            (interest.cart, "in the cart"),
            (interest.wishlist, "on the wish list"),
            (interest.viewed, "looked at"),
        ];
        let kinds: Vec<&str> =
            kinds.into_iter().filter_map(|(counts, name)| counts.then_some(name)).collect();
        format!("no article is of interest ({})", kinds.join(", "))
    };
    match when {
        When::CartAbandoned { .. } => "nothing is in the cart".to_owned(),
        When::ZoneEntered { .. } => "the person is in no zone".to_owned(),
        When::BrowseAbandoned { .. } => "no article was looked at".to_owned(),
        When::Nearby { .. } => "the person is near no such place".to_owned(),
        When::Requested { .. } => "nobody asked for an offer of it".to_owned(),
        When::Lapsed { .. } => "the person was not silent for that long".to_owned(),
        When::SegmentEntered { .. } => "nothing is known of the customer".to_owned(),
        When::StoreLeft { .. } => "no visit to a shop has ended".to_owned(),
        When::CheckedIn => "no check-in is known".to_owned(),
        When::Purchased { .. } => "no purchase is known".to_owned(),
        When::BackInStock { interest, .. }
        | When::RunningLow { interest, .. }
        | When::PriceDropped { interest, .. } => of(interest),
    }
}

#[cfg(test)]
mod tests;
