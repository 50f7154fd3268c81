//! Rules that come into force in a tick, and what stood before they did.
//!
//! Purpose: `backfill = "prime"`. Who matches such a rule already is not told of it, only who comes to match later;
//! an edit must not ring at everybody's door. Invariant: a candidate counts as told where its rule came into force in
//! this tick, it was due in an earlier one, and it was no candidate before, under no version of its rule that was not over. Rules that
//! were there from the beginning never arrive. Cost: nothing in ticks in which no rule arrives.

use crate::rows::Candidate;
use shopbell_model::key::Text;
use shopbell_model::rules::{Backfill, Rule};
use shopbell_model::time::Time;
use std::collections::BTreeSet;

/// The rules that come into force in a tick, as one person sees it.
#[derive(Debug, Default)]
pub struct Arrival {
    /// The last tick before.
    before: Time,
    /// Rules whose standing matches count as told.
    primed: BTreeSet<Text>,
    /// Offers whose candidates stood before, under a rule that was not over.
    stood: BTreeSet<Text>,
}

impl Arrival {
    /// Nothing arrives; `before` is the last tick before this one.
    pub fn after(before: Time) -> Self {
        Arrival { before, ..Arrival::default() }
    }

    /// A rule comes into force.
    pub fn note(&mut self, rule: &Rule) {
        if rule.backfill == Backfill::Prime {
            self.primed.insert(rule.id.clone());
        }
    }

    /// Whether anything arrives: otherwise nobody need ask what stood before.
    pub fn is_none(&self) -> bool {
        self.primed.is_empty()
    }

    /// The same for a person whose candidates for these offers stood before.
    pub fn stood(&mut self, offers: BTreeSet<Text>) {
        self.stood = offers;
    }

    /// Whether a candidate counts as told.
    pub fn is_told(&self, candidate: &Candidate) -> bool {
        let Candidate { rule, offer_id, due, .. } = candidate;
        !self.is_none()
            && *due <= self.before
            && self.primed.contains(&rule.id)
            && !self.stood.contains(offer_id)
    }
}
