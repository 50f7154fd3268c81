//! Pauses in all that a person does, under any handle.
//!
//! Invariant: every activity is there that a pause as long as the shortest asked for follows; a stretch that
//! goes on hides the activities in it, none of which such a pause follows. Cost: the square of a person's
//! stretches, which the fold keeps few.

use crate::rows::Lapse;
use shopbell_model::facts::Active;
use shopbell_model::key::Handle;

/// The pauses between stretches of activity.
pub(crate) fn lapses(stretches: &[(&Handle, &Active)]) -> Vec<Lapse> {
    let mut found: Vec<Lapse> = Vec::new();
    for (handle, stretch) in stretches {
        let Some((since, event)) = &stretch.last else { continue };
        let goes_on = |other: &Active| {
            other.first <= since.time && other.last.as_ref().is_none_or(|(last, _)| last.time > since.time)
        };
        if stretches.iter().any(|(_, other)| goes_on(other)) {
            continue;
        }
        let later = stretches.iter().map(|(_, other)| other.first).filter(|first| *first > since.time);
        let (anchor, event) = ((*handle).clone(), event.clone());
        found.push(Lapse { since: *since, anchor, event, next: later.min() });
    }
    // Of what ended at the same moment under several handles, what arrived first.
    found.sort_unstable_by_key(|lapse| lapse.since);
    found.dedup_by_key(|lapse| lapse.since.time);
    found
}

#[cfg(test)]
mod tests;
