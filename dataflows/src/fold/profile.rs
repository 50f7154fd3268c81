//! Attributes and consent: last writer by event time, per handle.
//!
//! A deleted attribute stays as a fact without a value, because it also overrides what another
//! handle of the same person said before.

use super::Changes;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Attribute, Consent, Moment, PersonFact};
use shopbell_model::key::{Handle, Text};
use shopbell_model::shared::Shared;

/// What a consent is about: channel and category.
type Scope = (Option<Text>, Option<Text>);

/// What is known of one handle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Profile {
    attributes: Vec<Shared<Attribute>>,
    consents: Vec<Shared<Consent>>,
}

/// Profiles by handle.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    profiles: FxHashMap<Handle, Profile>,
}

impl Profiles {
    /// What is known of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Profile> {
        self.profiles.get(handle)
    }

    /// Puts back what was known of a handle.
    pub(super) fn restore(&mut self, handle: &Handle, profile: Profile, out: &mut Changes) {
        let attributes = profile.attributes.iter().cloned().map(PersonFact::Attribute);
        let consents = profile.consents.iter().cloned().map(PersonFact::Consent);
        attributes.chain(consents).for_each(|fact| out.person(handle, fact, 1));
        self.profiles.insert(handle.clone(), profile);
    }

    /// Drops all that is known of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, out: &mut Changes) {
        let Some(profile) = self.profiles.remove(handle) else { return };
        let attributes = profile.attributes.into_iter().map(PersonFact::Attribute);
        let consents = profile.consents.into_iter().map(PersonFact::Consent);
        attributes.chain(consents).for_each(|fact| out.person(handle, fact, -1));
    }

    /// The attributes of a handle, deleted ones too.
    pub(super) fn attributes_of(&self, handle: &Handle) -> &[Shared<Attribute>] {
        self.profiles.get(handle).map_or(&[], |profile| &profile.attributes)
    }

    pub(super) fn attributes(&mut self, handle: Handle, said: Vec<Shared<Attribute>>, out: &mut Changes) {
        let profile = self.profiles.entry(handle.clone()).or_default();
        for fact in said {
            let known = profile.attributes.iter().position(|known| known.name == fact.name);
            replace(
                &mut profile.attributes,
                known,
                fact,
                |fact| fact.at,
                |fact, diff| {
                    out.person(&handle, PersonFact::Attribute(fact), diff);
                },
            );
        }
    }

    pub(super) fn consent(
        &mut self,
        handle: Handle,
        at: Moment,
        (channel, category): Scope,
        granted: bool,
        out: &mut Changes,
    ) {
        let profile = self.profiles.entry(handle.clone()).or_default();
        let known =
            profile.consents.iter().position(|known| known.channel == channel && known.category == category);
        let fact = Shared::new(Consent { channel, category, at, granted });
        replace(
            &mut profile.consents,
            known,
            fact,
            |fact| fact.at,
            |fact, diff| {
                out.person(&handle, PersonFact::Consent(fact), diff);
            },
        );
    }
}

/// Puts `fact` in the place of the one at `known`, unless that one is newer; reports the change.
fn replace<F>(
    facts: &mut Vec<Shared<F>>,
    known: Option<usize>,
    fact: Shared<F>,
    at: impl Fn(&F) -> Moment,
    mut report: impl FnMut(Shared<F>, isize),
) {
    match known.and_then(|index| facts.get_mut(index)) {
        Some(last) if at(last) > at(&fact) => return,
        Some(last) => report(std::mem::replace(last, fact.clone()), -1),
        None => facts.push(fact.clone()),
    }
    report(fact, 1);
}
