//! Contact policy, asked about one candidate after the other.
//!
//! Invariant: policies are asked in one order, and the first that objects is named; what was sent in
//! this tick counts for those asked after it. Cost: the person's ledger is read once a candidate.

use super::{Contact, Grounds, consents};
use crate::rows::Candidate;
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::local_time::{is_time_zone, quiet_from, quiet_until};
use shopbell_model::offer::{Passed, Sent};
use shopbell_model::policy::Policy;
use shopbell_model::rules::Cap;
use shopbell_model::time::{Duration, Time};
use shopbell_model::value::Value;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A policy that objects, and until when if time alone lifts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) policy: &'static str,
    pub(super) until: Option<Time>,
}

/// What a cap counts of an offer.
struct Count<'a> {
    offer: &'a Text,
    at: Time,
    rule: &'a Text,
    channel: Text,
    /// Its place was taken: only its own rule's limits count it.
    superseded: bool,
}

/// How a candidate may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permitted<'a> {
    pub(super) contact: Contact,
    /// The policies that let it pass.
    pub(super) passed: Vec<Passed>,
    /// The offer that is to be taken back for it.
    pub(super) replaces: Option<&'a Sent>,
}

/// Policy, with what counts against one person.
pub(super) struct Permission<'a> {
    now: Time,
    grounds: &'a Grounds<'a>,
    policy: &'a Policy,
    counts: Vec<Count<'a>>,
    /// What waits to hear whether there is one for it: it counts for those after it that need not ask.
    reserved: Vec<Count<'a>>,
    /// Offers whose place a better one may take, the least first.
    replaceable: Vec<&'a Sent>,
    held_out: bool,
}

/// Objections that may be overcome by taking the place of another offer.
const PLACES: [&str; 3] = ["hold", "cap", "channel_cap"];

impl<'a> Permission<'a> {
    /// `withdrawn` are the offers that are taken back in this tick.
    pub(super) fn new(
        now: Time,
        person: &'a Person,
        grounds: &'a Grounds<'a>,
        withdrawn: &BTreeSet<&Text>,
        policy: &'a Policy,
    ) -> Self {
        let replaced: BTreeSet<&Text> =
            grounds.sent.iter().filter_map(|sent| sent.replaces.as_ref()).collect();
        let count = |sent: &&'a Sent| Count {
            offer: &sent.offer_id,
            at: sent.at,
            rule: &sent.rule,
            channel: sent.channel.clone(),
            superseded: replaced.contains(&sent.offer_id),
        };
        let counts = grounds.sent.iter().map(count).collect();
        let gives_way = |sent: &&Sent| {
            sent.replaceable
                && sent.replaces.is_none()
                && now <= sent.ends
                && !grounds.heard.contains(&sent.offer_id)
                && !grounds.withdrawn.contains_key(&sent.offer_id)
                && !withdrawn.contains(&sent.offer_id)
        };
        let mut replaceable: Vec<&Sent> = grounds.sent.iter().copied().filter(gives_way).collect();
        replaceable.sort_by(|one, other| rank(other).cmp(&rank(one)));
        let held_out = policy.holds_out(person);
        Permission { now, grounds, policy, counts, reserved: Vec::new(), replaceable, held_out }
    }

    fn as_count(&self, candidate: &'a Candidate, permitted: &Permitted<'_>) -> Count<'a> {
        Count {
            offer: &candidate.offer_id,
            at: self.now,
            rule: &candidate.rule.id,
            channel: permitted.contact.channel.clone(),
            superseded: false,
        }
    }

    /// Takes an offer into account for what comes after it.
    pub(super) fn count(&mut self, candidate: &'a Candidate, permitted: &Permitted<'_>) {
        if let Some(replaced) = permitted.replaces {
            self.replaceable.retain(|sent| sent.offer_id != replaced.offer_id);
            let of_replaced = self.counts.iter_mut().filter(|count| *count.offer == replaced.offer_id);
            of_replaced.for_each(|count| count.superseded = true);
        }
        let count = self.as_count(candidate, permitted);
        self.counts.push(count);
    }

    /// Keeps the place of an offer that has to ask.
    pub(super) fn reserve(&mut self, candidate: &'a Candidate, permitted: &Permitted<'_>) {
        let count = self.as_count(candidate, permitted);
        self.reserved.push(count);
    }

    /// Whether a candidate that may be sent so is to wait for a better one that had to ask.
    pub(super) fn is_reserved(&mut self, candidate: &Candidate, permitted: &Permitted<'_>) -> bool {
        if self.reserved.is_empty() {
            return false;
        }
        let firm = self.counts.len();
        self.counts.append(&mut self.reserved);
        let same =
            |other: Permitted<'_>| other.contact == permitted.contact && other.replaces == permitted.replaces;
        let waits = !self.permit(candidate).is_ok_and(same);
        self.reserved = self.counts.split_off(firm);
        waits
    }

    /// Whether and how this candidate may be sent, by itself or in the place of a lesser one.
    pub(super) fn permit(&self, candidate: &Candidate) -> Result<Permitted<'a>, Objection> {
        let mut objection = match self.ask(candidate, None) {
            Ok((contact, passed)) => return Ok(Permitted { contact, passed, replaces: None }),
            Err(objection) => objection,
        };
        if !PLACES.contains(&objection.policy) {
            return Err(objection);
        }
        let better = (Reverse(candidate.score), Reverse(candidate.rule.priority), &candidate.rule.id);
        for sent in &self.replaceable {
            if better >= (Reverse(sent.because.score), Reverse(sent.priority), &sent.rule) {
                continue;
            }
            match self.ask(candidate, Some(&sent.offer_id)) {
                Ok((contact, passed)) => return Ok(Permitted { contact, passed, replaces: Some(sent) }),
                // In that place it may be sent before there is room for both.
                Err(Objection { until, .. }) => {
                    objection.until = objection.until.into_iter().chain(until).min();
                }
            }
        }
        Err(objection)
    }

    /// Until when time alone does not object to a candidate that may be sent now.
    pub(super) fn permitted_until(&self, candidate: &Candidate) -> Option<Time> {
        let hours = self.policy.quiet_hours;
        let quiet = hours.and_then(|hours| quiet_from(hours, &self.time_zone(candidate), self.now));
        quiet.into_iter().chain(candidate.rule.until).min()
    }

    /// How to reach the person with this candidate and which policies let it pass, or what objects.
    /// `without` does not count.
    fn ask(
        &self,
        candidate: &Candidate,
        without: Option<&Text>,
    ) -> Result<(Contact, Vec<Passed>), Objection> {
        let forbid = |policy, until| Err(Objection { policy, until });
        let mut passed = Vec::new();
        if self.held_out {
            return forbid("hold_out", None);
        }
        if self.policy.hold_out_percent > 0 {
            passed.push(Passed::HoldOut(self.policy.hold_out_percent));
        }
        if candidate.score < self.policy.min_score {
            return forbid("min_score", None);
        }
        if self.policy.min_score > 0 {
            passed.push(Passed::MinScore(self.policy.min_score));
        }
        let contact = match self.contact(candidate) {
            Ok(contact) => contact,
            Err(policy) => return forbid(policy, None),
        };
        if self.policy.opt_in || !self.grounds.consents.is_empty() {
            passed.push(Passed::Consent);
        }
        if let Some(hours) = self.policy.quiet_hours {
            if let Some(until) = quiet_until(hours, &self.time_zone(candidate), self.now) {
                return forbid("quiet_hours", Some(until));
            }
            passed.push(Passed::QuietHours(hours));
        }
        let rule = &candidate.rule;
        let in_place = |count: &Count<'_>| !count.superseded && Some(count.offer) != without;
        if let Some(pause) = self.policy.hold.filter(|pause| pause.0 > 0) {
            let once = Cap { count: 1, within: pause };
            if let Err(until) = self.room(once, in_place) {
                return forbid("hold", Some(until));
            }
            passed.push(Passed::Hold(pause));
        }
        let of_rule = |count: &Count<'_>| *count.rule == rule.id;
        let cooldown = rule.policy.cooldown.or(self.policy.cooldown).filter(|pause| pause.0 > 0);
        if let Some(pause) = cooldown {
            let once = Cap { count: 1, within: pause };
            if let Err(until) = self.room(once, of_rule) {
                return forbid("cooldown", Some(until));
            }
            passed.push(Passed::Cooldown(pause));
        }
        if let Some(cap) = rule.policy.cap {
            match self.room(cap, of_rule) {
                Ok(counted) => passed.push(Passed::RuleCap(counted, cap)),
                Err(until) => return forbid("rule_cap", Some(until)),
            }
        }
        if let Some(cap) = self.policy.cap {
            match self.room(cap, in_place) {
                Ok(counted) => passed.push(Passed::Cap(counted, cap)),
                Err(until) => return forbid("cap", Some(until)),
            }
        }
        if let Some(cap) = self.policy.channel_cap(&contact.channel) {
            match self.room(cap, |count| in_place(count) && count.channel == contact.channel) {
                Ok(counted) => passed.push(Passed::ChannelCap(counted, cap)),
                Err(until) => return forbid("channel_cap", Some(until)),
            }
        }
        Ok((contact, passed))
    }

    /// How many offers a cap counts, where it has room; else when it has again.
    fn room(&self, cap: Cap, counts: impl Fn(&Count<'_>) -> bool) -> Result<u32, Time> {
        let Cap { count, within: Duration(within) } = cap;
        let mut times: Vec<Time> = self
            .counts
            .iter()
            .filter(|sent| counts(sent) && sent.at.saturating_add(within) > self.now)
            .map(|sent| sent.at)
            .collect();
        times.sort_unstable();
        // There is room when the count-th latest has left the span.
        let blocking = times.len().checked_sub(count as usize).and_then(|blocking| times.get(blocking));
        // Fewer than `count`, which is a number of this size.
        blocking.map_or(Ok(times.len() as u32), |at| Err(at.saturating_add(within)))
    }

    fn attribute(&self, candidate: &Candidate, name: &str) -> Option<Text> {
        let attributes = &candidate.situation.customer.attributes;
        attributes.iter().find(|(known, _)| known == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Int(_) | Value::Number(_) => None,
        })
    }

    fn time_zone(&self, candidate: &Candidate) -> Text {
        let place = candidate.place.as_ref().and_then(|place| place.tz.clone());
        let known = |tz: &Text| is_time_zone(tz);
        self.attribute(candidate, "tz")
            .filter(known)
            .or_else(|| place.filter(known))
            .or_else(|| self.policy.tz.clone())
            .unwrap_or_else(|| Text::from("UTC"))
    }

    /// The channel this candidate may use, or whether none can or none may.
    fn contact(&self, candidate: &Candidate) -> Result<Contact, &'static str> {
        let mut channels: Vec<Text> = match (&candidate.rule.offer.channels, &self.policy.channels) {
            (named, _) if !named.is_empty() => named.clone(),
            (_, named) if !named.is_empty() => named.clone(),
            _ => self.reachable(),
        };
        if let Some(preferred) = self.attribute(candidate, "preferred_channel")
            && let Some(index) = channels.iter().position(|channel| *channel == preferred)
        {
            let preferred = channels.remove(index);
            channels.insert(0, preferred);
        }
        let mut refused = false;
        for channel in channels {
            let Some(address) = self.address(&channel) else { continue };
            let category = candidate.rule.policy.category.as_ref();
            if consents(&self.grounds.consents, &channel, category, self.policy.opt_in) {
                return Ok(Contact { channel, address });
            }
            refused = true;
        }
        Err(if refused { "consent" } else { "no_channel" })
    }

    /// The person's handles from the one that names best.
    fn ranked(&self) -> Vec<&'a Handle> {
        let mut handles = self.grounds.handles.clone();
        handles.sort_by_key(|handle| (handle.rank(), handle.as_str()));
        handles
    }

    /// Channels that need no person at the other end and for which there is an address.
    fn reachable(&self) -> Vec<Text> {
        let mut channels: Vec<Text> = Vec::new();
        for handle in self.ranked() {
            let kind = handle.kind();
            let listed = self
                .policy
                .channel_kinds
                .iter()
                .filter(|(channel, known)| known == kind && channel != "phone" && channel != "associate");
            let mut named: Vec<Text> = listed.map(|(channel, _)| channel.clone()).collect();
            if named.is_empty() {
                named.push(Text::from(kind));
            }
            for channel in named {
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
        }
        channels
    }

    fn address(&self, channel: &str) -> Option<Text> {
        let Some(kind) = self.policy.address_kind(channel) else { return Some(Text::default()) };
        let handle = self.ranked().into_iter().find(|handle| handle.kind() == kind)?;
        Some(Text::from(handle.value()))
    }
}

/// The order of offers, best first.
fn rank(sent: &Sent) -> impl Ord + use<'_> {
    (Reverse(sent.because.score), Reverse(sent.priority), &sent.rule, &sent.offer_id)
}
