//! What is known of an offer or a person, as it is told to whoever asks.
//!
//! Invariant: a person who is being forgotten is not known. Cost: that of the person's grounds.

use super::memory::Memory;
use super::{DecideSettings, Grounds, Versions, why_not};
use crate::explain::{
    At, BecauseView, ConsentView, DecisionView, EndedView, EventView, LineView, MadeView, NearView,
    OfferState, OfferView, OverView, PauseView, PersonView, Plain, PolicyView, PurchaseView, Question, Reply,
    RequestView, SegmentView, SignView, StayView, TermView, VisitView, WantView, WithdrawnView,
};
use crate::in_force::RulesInForce;
use crate::rows::{Asked, Derived, End, Kind};
use crate::situations::{course, customer};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::Consent;
use shopbell_model::key::{Handle, ItemId, Person, Text};
use shopbell_model::offer::{Because, Sent};
use shopbell_model::rules::When;
use shopbell_model::rules::customer::{NAMES, derived};
use shopbell_model::rules::datum::Datum;
use shopbell_model::time::Time;
use shopbell_model::view::{CartView, HistoryView, View};
use std::collections::BTreeMap;

/// What the memory says of a question.
pub(super) fn answer(
    memory: &Memory,
    settings: &DecideSettings,
    known: &RulesInForce,
    question: &Question,
) -> Option<Reply> {
    let now = |now: &Option<Time>| now.unwrap_or(0).max(memory.as_of);
    match question {
        Question::Offer(offer_id, time) => {
            let person = memory.person_of_offer(offer_id)?;
            let grounds = memory.grounds_of(person)?;
            let sent = grounds.sent.iter().copied().find(|sent| sent.offer_id == *offer_id)?;
            let in_force = memory.versions.in_force(&sent.rule, &sent.rule_version);
            Some(Reply::Offer(Box::new(offer_view(person, &grounds, sent, in_force, now(time)))))
        }
        Question::Person(person, time) => {
            let (grounds, now) = (memory.grounds_of(person)?, now(time));
            let mut view = person_view(person, &grounds, now);
            view.fields = fields(person, &grounds, &memory.versions, now);
            view.segments = segments(person, &grounds, &memory.versions);
            view.rules = why_not::rules(person, &grounds, (&memory.versions, known), settings, now);
            Some(Reply::Person(Box::new(view)))
        }
        Question::Handle(_) => None,
    }
}

fn offer_view(person: &Person, grounds: &Grounds<'_>, sent: &Sent, in_force: bool, now: Time) -> OfferView {
    let (state, withdrawn) = grounds.became(sent, now);
    OfferView {
        offer_id: sent.offer_id.clone(),
        brand: person.brand().as_str().to_owned(),
        rule: sent.rule.clone(),
        rule_version: sent.rule_version.clone(),
        rule_in_force: in_force,
        person: person.as_str().to_owned(),
        made_for: sent.person.as_str().to_owned(),
        handles: grounds.handles.iter().map(|handle| handle.as_str().to_owned()).collect(),
        links: Vec::new(),
        channel: sent.channel.clone(),
        score: sent.because.score,
        items: names(&sent.items),
        episode: sent.episode.text.clone(),
        made_at: At(sent.at),
        ends_at: At(sent.ends),
        state,
        withdrawn,
        outcomes: grounds.reported(&sent.offer_id),
        because: because(&sent.because),
        as_of: At(now),
    }
}

fn because(because: &Because) -> BecauseView {
    let event = |evidence: &shopbell_model::offer::Evidence| EventView {
        source: evidence.event.source.clone(),
        id: evidence.event.id.clone(),
        handle: evidence.handle.as_str().to_owned(),
    };
    let term = |(term, points): &(Text, i64)| TermView { term: term.clone(), points: *points };
    let over = |(rule, score): &(Text, u8)| OverView { rule: rule.clone(), score: *score };
    let policy = |passed: &shopbell_model::offer::Passed| PolicyView {
        policy: passed.policy().to_owned(),
        counted: passed.to_string(),
    };
    BecauseView {
        events: because.events.iter().map(event).collect(),
        score: because.terms.iter().map(term).collect(),
        policies: because.passed.iter().map(policy).collect(),
        over: because.over.iter().map(over).collect(),
    }
}

fn names(items: &[ItemId]) -> Vec<String> {
    items.iter().map(|item| item.as_str().to_owned()).collect()
}

impl Grounds<'_> {
    /// What became of an offer, and how it was taken back, where it was.
    fn became(&self, sent: &Sent, now: Time) -> (OfferState, Option<WithdrawnView>) {
        let withdrawn = self.withdrawn.get(&sent.offer_id);
        let withdrawn = withdrawn.map(|(reason, at)| WithdrawnView { reason: *reason, at: At(*at) });
        let state = if self.is_active(sent, now) {
            OfferState::Standing
        } else if withdrawn.is_some() {
            OfferState::Withdrawn
        } else if self.redeemed.contains(&sent.offer_id) {
            OfferState::Redeemed
        } else {
            OfferState::Ended
        };
        (state, withdrawn)
    }

    fn reported(&self, offer_id: &Text) -> Vec<String> {
        let outcomes = self.outcomes.iter().filter(|(offer, _)| *offer == offer_id);
        let name = |outcome: &PushOutcome| match outcome {
            PushOutcome::Delivered => "delivered",
            PushOutcome::Opened => "opened",
            PushOutcome::Clicked => "clicked",
            PushOutcome::Redeemed => "redeemed",
            PushOutcome::Failed => "failed",
        };
        outcomes.map(|(_, outcome)| name(outcome).to_owned()).collect()
    }
}

/// What is known of a person, but for what rules say.
fn person_view(person: &Person, grounds: &Grounds<'_>, now: Time) -> PersonView {
    let text = |handle: &Handle| handle.as_str().to_owned();
    let mut view = PersonView {
        person: person.as_str().to_owned(),
        brand: person.brand().as_str().to_owned(),
        handles: grounds.handles.iter().map(|handle| text(handle)).collect(),
        links: Vec::new(),
        shared: false,
        attributes: BTreeMap::new(),
        fields: BTreeMap::new(),
        consents: grounds.consents.iter().map(|consent| consent_view(consent)).collect(),
        cart: Vec::new(),
        wishlist: Vec::new(),
        viewed: Vec::new(),
        ended: Vec::new(),
        zones: Vec::new(),
        near: Vec::new(),
        visits: Vec::new(),
        check_ins: Vec::new(),
        purchases: Vec::new(),
        requests: Vec::new(),
        pauses: Vec::new(),
        segments: Vec::new(),
        offers: grounds.sent.iter().map(|sent| made_view(grounds, sent, now)).collect(),
        rules: Vec::new(),
        as_of: At(now),
    };
    grounds.background.iter().for_each(|derived| view.add(derived));
    for derived in grounds.background {
        if let Derived::Browse(browse) = derived {
            let views = browse.steps.iter().filter(|step| step.viewed.is_some()).count();
            let is_it = |want: &&mut WantView| want.item_id == browse.item.as_str();
            view.viewed.iter_mut().filter(is_it).for_each(|want| want.views = Some(views));
        }
    }
    view.consents.sort_by_key(|consent| std::cmp::Reverse(consent.at));
    view.purchases.sort_by_key(|purchase| std::cmp::Reverse(purchase.at));
    view.offers.sort_by(|a, b| b.made_at.cmp(&a.made_at).then_with(|| a.offer_id.cmp(&b.offer_id)));
    view.cart.sort_by(|a, b| (a.since, &a.item_id).cmp(&(b.since, &b.item_id)));
    for wanted in [&mut view.wishlist, &mut view.viewed] {
        wanted.sort_by(|a, b| (a.since, &a.item_id).cmp(&(b.since, &b.item_id)));
    }
    view.visits.sort_by(|a, b| (b.start, &b.location).cmp(&(a.start, &a.location)));
    view.ended.sort_by(|a, b| (b.until, &a.item_id, &a.interest).cmp(&(a.until, &b.item_id, &b.interest)));
    view.zones.sort_by(|a, b| (a.since, &a.zone).cmp(&(b.since, &b.zone)));
    view.near.sort_by(|a, b| (a.since, &a.location, a.within).cmp(&(b.since, &b.location, b.within)));
    view.requests.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.request_id.cmp(&b.request_id)));
    view.pauses.sort_by_key(|pause| std::cmp::Reverse(pause.since));
    view.check_ins.sort_by(|a, b| (b.at, &b.location).cmp(&(a.at, &a.location)));
    view
}

/// What follows of the person's fields, of those that rules in force ask for: of others nothing is known.
fn fields(person: &Person, grounds: &Grounds<'_>, versions: &Versions, now: Time) -> BTreeMap<Text, Plain> {
    let customer = customer(person, grounds.background);
    let (cart, history) = (CartView::default(), HistoryView::default());
    let view =
        View { customer: &customer, item: None, cart: &cart, visit: None, location: None, history, now };
    let rules = versions.rules();
    let asked = NAMES.into_iter().filter(|name| rules.iter().any(|rule| rule.asks_for_attribute(name)));
    let unsaid = asked.filter(|name| customer.attributes.iter().all(|(known, _)| known != name));
    unsaid.filter_map(|name| Some((Text::from(name), plain(derived(name, &view).ok()?)?))).collect()
}

/// The last stay in the segment of each rule in force; of a rule whose segment was never entered none.
fn segments(person: &Person, grounds: &Grounds<'_>, versions: &Versions) -> Vec<SegmentView> {
    let rules = versions.rules().into_iter().filter_map(|rule| match &rule.when {
        When::SegmentEntered { segment } => Some((rule, segment)),
        _ => None,
    });
    let mut rules = rules.peekable();
    if rules.peek().is_none() {
        return Vec::new();
    }
    let course = course(person, grounds.background);
    rules
        .filter_map(|(rule, segment)| {
            let stays = course.stays(segment);
            let stay = stays.last()?;
            Some(SegmentView {
                rule: rule.id.clone(),
                segment: segment.to_string(),
                entered: stay.entry.map(|step| At(step.time)),
                left: stay.left.map(At),
            })
        })
        .collect()
}

fn request_view(asked: &Asked) -> RequestView {
    let request = &asked.request;
    let decision = asked.decision.as_ref();
    RequestView {
        request_id: request.request.clone(),
        rule: request.rule.clone(),
        location: request.location.as_str().to_owned(),
        items: request.items.iter().map(|(item, ..)| item.as_str().to_owned()).collect(),
        at: At(request.at.time),
        until: At(request.until),
        decision: decision
            .map(|(_, decision)| DecisionView { approved: decision.approved, at: At(decision.at.time) }),
    }
}

/// A value as it is told; spans and moments are no customer's.
fn plain(value: Datum<'_>) -> Option<Plain> {
    Some(match value {
        Datum::Bool(value) => Plain::Bool(value),
        Datum::Int(value) => Plain::Int(value),
        Datum::Double(value) => Plain::Number(value),
        Datum::Money(value) => Plain::Number(value.units()),
        Datum::Text(value) => Plain::Text(Text::from(value)),
        Datum::Duration(_) | Datum::Timestamp(_) => return None,
    })
}

fn consent_view(consent: &Consent) -> ConsentView {
    let Consent { channel, category, at, granted } = consent;
    ConsentView { channel: channel.clone(), category: category.clone(), granted: *granted, at: At(at.time) }
}

fn made_view(grounds: &Grounds<'_>, sent: &Sent, now: Time) -> MadeView {
    let (state, withdrawn) = grounds.became(sent, now);
    MadeView {
        offer_id: sent.offer_id.clone(),
        rule: sent.rule.clone(),
        made_at: At(sent.at),
        channel: sent.channel.clone(),
        score: sent.because.score,
        state,
        withdrawn,
        outcomes: grounds.reported(&sent.offer_id),
    }
}

impl PersonView {
    /// Adds what a row says; articles and places of their own say nothing of the person.
    fn add(&mut self, derived: &Derived) {
        match derived {
            Derived::Customer(customer) => {
                let attributes = customer.attributes.iter();
                self.attributes.extend(attributes.map(|(name, value)| (name.clone(), Plain::from(value))));
            }
            Derived::Interest(interest) if interest.end.is_none() => {
                let (item_id, since) = (interest.item.as_str().to_owned(), At(interest.life.start));
                match interest.life.kind {
                    Kind::Cart => {
                        let last = interest.activity.last().map_or(since, |(time, _)| At(*time));
                        let quantity = interest.quantity;
                        self.cart.push(LineView { item_id, quantity, since, last_activity: last });
                    }
                    Kind::Wishlist => self.wishlist.push(WantView { item_id, since, views: None }),
                    Kind::Viewed => self.viewed.push(WantView { item_id, since, views: None }),
                }
            }
            Derived::Interest(interest) => self.ended.extend(interest.end.map(|(until, how)| {
                let interest_kind = match interest.life.kind {
                    Kind::Cart => "cart",
                    Kind::Wishlist => "wishlist",
                    Kind::Viewed => "viewed",
                };
                let how = match how {
                    End::Bought => "bought",
                    End::Removed => "removed",
                };
                EndedView {
                    item_id: interest.item.as_str().to_owned(),
                    interest: interest_kind.to_owned(),
                    since: At(interest.life.start),
                    until: At(until),
                    how: how.to_owned(),
                }
            })),
            Derived::Zone(_, visit) => self.zones.push(StayView {
                location: visit.zone.location.as_str().to_owned(),
                zone: visit.zone.zone.clone(),
                since: At(visit.start.time),
                last: visit.last.map(At),
            }),
            Derived::Near(_, near) => self.near.push(NearView {
                location: near.location.as_str().to_owned(),
                within: near.within,
                since: At(near.start.time),
                last: near.last.map(At),
            }),
            Derived::Request(asked) => self.requests.push(request_view(asked)),
            Derived::Lapse(lapse) => {
                self.pauses.push(PauseView { since: At(lapse.since.time), until: lapse.next.map(At) });
            }
            Derived::Shop(visit) => self.visits.push(VisitView {
                location: visit.location.as_str().to_owned(),
                start: At(visit.start),
                end: visit.end.map(At),
                dwell: visit.dwell.to_string(),
            }),
            Derived::CheckIn(_, sign, _) => self
                .check_ins
                .push(SignView { location: sign.location.as_str().to_owned(), at: At(sign.at.time) }),
            Derived::Bought(_, bought) => self.purchases.push(PurchaseView {
                transaction_id: bought.transaction.clone(),
                at: At(bought.at.time),
                items: bought.items.iter().map(|(item, ..)| item.as_str().to_owned()).collect(),
                location: bought.location.as_ref().map(|location| location.as_str().to_owned()),
            }),
            // Views are told with the article, changes of what is known with segments, tastes and places as fields.
            Derived::Cart(_)
            | Derived::Tastes(_)
            | Derived::Browse(_)
            | Derived::Course(_)
            | Derived::About(_)
            | Derived::Article(_)
            | Derived::Place(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
