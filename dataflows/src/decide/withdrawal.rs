//! Offers whose reason is gone.
//!
//! Invariant: an offer is withdrawn at most once, never after its end or its redemption, and always
//! with the first reason that applies.

use super::{Grounds, Versions, consents};
use crate::situations::why_gone;
use shopbell_model::key::{Person, Text};
use shopbell_model::offer::{Reason, Sent};
use shopbell_model::time::Time;
use std::collections::BTreeSet;

/// The offers to withdraw now, with the reason.
pub(super) fn withdrawals<'a>(
    now: Time,
    person: &Person,
    grounds: &Grounds<'a>,
    versions: &Versions,
    opt_in: bool,
) -> Vec<(&'a Sent, Reason)> {
    let standing: BTreeSet<&Text> = grounds.candidates.iter().map(|candidate| &candidate.offer_id).collect();
    let active = grounds.sent.iter().copied().filter(|sent| grounds.is_active(sent, now));
    active
        .filter_map(|sent| {
            if grounds.forgotten {
                return Some((sent, Reason::Forgotten));
            }
            if !consents(&grounds.consents, &sent.channel, sent.category.as_ref(), opt_in) {
                return Some((sent, Reason::Consent));
            }
            if standing.contains(&sent.offer_id) {
                return None;
            }
            Some((sent, reason(now, person, sent, grounds, versions)))
        })
        .collect()
}

impl Grounds<'_> {
    /// Whether an offer that was sent stands: it is neither over, nor taken back, nor redeemed.
    pub(super) fn is_active(&self, sent: &Sent, now: Time) -> bool {
        now <= sent.ends
            && !self.withdrawn.contains_key(&sent.offer_id)
            && !self.redeemed.contains(&sent.offer_id)
    }
}

fn reason(now: Time, person: &Person, sent: &Sent, grounds: &Grounds<'_>, versions: &Versions) -> Reason {
    let Some(rule) = versions.version(&sent.rule, &sent.rule_version) else { return Reason::Rule };
    let apart = |handle| !grounds.handles.contains(&handle);
    if sent.episode.handles.iter().any(apart) {
        return Reason::Unlinked;
    }
    why_gone(person, grounds.background, sent, Some(&rule.when), now)
}
