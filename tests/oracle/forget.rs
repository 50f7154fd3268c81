//! Who is forgotten in a tick, and what is left of what was taken in: naively, by leaving out events.

use super::config::Config;
use super::decide::Sent;
use super::event::{Act, Event};
use super::persons::persons;
use std::collections::BTreeSet;

/// Handles that are forgotten in a tick, each with its brand and a number for the person it belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forgotten(Vec<(String, BTreeSet<String>)>);

impl Forgotten {
    /// The persons that the events of a tick ask to forget, as they are once all of them are `taken` in.
    pub(crate) fn of(events: &[Event], taken: &[&Event], config: &Config) -> Forgotten {
        let mut forgotten = Forgotten::default();
        for event in events.iter().filter(|event| matches!(event.act, Act::Forget)) {
            let of_brand: Vec<&Event> = taken.iter().copied().filter(|e| e.brand == event.brand).collect();
            let sets = persons(&of_brand, &config.identity);
            let person = sets.into_iter().find(|set| set.contains(&event.handle));
            forgotten.0.extend(person.map(|person| (event.brand.clone(), person)));
        }
        forgotten
    }

    /// The person of a handle, where it is forgotten.
    fn person(&self, brand: &str, handle: &str) -> Option<&BTreeSet<String>> {
        self.0.iter().find(|(of, person)| of == brand && person.contains(handle)).map(|(_, person)| person)
    }

    pub(crate) fn has(&self, brand: &str, handle: &str) -> bool {
        self.person(brand, handle).is_some()
    }

    /// Whether what `reporter` says of an offer to the person of `anchor` still counts in the tick.
    pub(crate) fn lets_count(&self, brand: &str, reporter: &str, anchor: &str) -> bool {
        self.person(brand, reporter).is_none_or(|person| person.contains(anchor))
    }

    /// What everybody else sees in the tick: without what links the forgotten with others.
    pub(crate) fn in_the_tick<'a>(&self, taken: &[&'a Event]) -> Vec<&'a Event> {
        let links_out = |event: &Event| {
            let (Act::Link(other) | Act::Unlink(other)) = &event.act else { return false };
            self.has(&event.brand, &event.handle) != self.has(&event.brand, other)
        };
        taken.iter().copied().filter(|event| !links_out(event)).collect()
    }

    /// What is left after the tick.
    pub(crate) fn clear(&self, taken: &mut Vec<&Event>, ledger: &mut Vec<Sent>) {
        taken.retain(|event| {
            let other = match &event.act {
                Act::Link(other) | Act::Unlink(other) => other,
                _ => &event.handle,
            };
            !self.has(&event.brand, &event.handle) && !self.has(&event.brand, other)
        });
        ledger.retain(|sent| !self.has(&sent.brand, &sent.situation.anchor));
        for sent in ledger {
            sent.evidence.retain(|handle| !self.has(&sent.brand, handle));
        }
    }
}
