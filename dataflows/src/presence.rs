//! Visits to shops, from what was noticed of a person under any handle.
//!
//! Invariant: see "Presence" in docs/semantics.md. A visit without an end has somebody in a zone;
//! any other ends at a known moment, though that may lie ahead.

use crate::fold::end_of;
use crate::rows::ShopVisit;
use shopbell_model::facts::{Moment, Sign, SignKind, ZoneVisit};
use shopbell_model::key::{EventRef, Handle, LocationId};
use shopbell_model::time::{Duration, Time};
use std::collections::BTreeMap;

/// One thing noticed.
struct Noticed<'a> {
    at: Moment,
    handle: &'a Handle,
    event: &'a EventRef,
    kind: SignKind,
    /// How long it covers: a zone visit until its last reading, for ever while it goes on.
    covers: Time,
}

/// Signs that follow one another closely, a visit or not: somebody who was only seen begins none.
struct Run {
    since: Time,
    covered: Time,
}

/// The visit being gone through.
struct Current {
    visit: ShopVisit,
    covered: Time,
}

/// All visits to shops, by shop and time. Signs are kept for `kept`: a visit may be the rest of one whose first signs are gone
/// as soon as a sign so long before could have been followed by its own. From then on it is no reason for anything, so that what
/// is left of a visit is never another one.
pub fn shop_visits(
    signs: &[(&Handle, &Sign)],
    zones: &[(&Handle, &ZoneVisit)],
    (leave_after, kept): (Duration, Duration),
) -> Vec<ShopVisit> {
    let reason_for = Duration(kept.0.saturating_sub(leave_after.0));
    let mut noticed: BTreeMap<&LocationId, Vec<Noticed<'_>>> = BTreeMap::new();
    for (handle, sign) in signs {
        let Sign { at, location, kind, event } = sign;
        let entry = Noticed { at: *at, handle, event, kind: *kind, covers: at.time };
        noticed.entry(location).or_default().push(entry);
    }
    for (handle, visit) in zones {
        let covers = visit.last.unwrap_or(Time::MAX);
        let (at, event) = (visit.start, &visit.event);
        let entry = Noticed { at, handle, event, kind: SignKind::Enter, covers };
        noticed.entry(&visit.zone.location).or_default().push(entry);
    }
    let mut visits = Vec::new();
    for (location, mut noticed) in noticed {
        noticed.sort_by_key(|noticed| noticed.at);
        let mut current: Option<Current> = None;
        let mut run: Option<Run> = None;
        for sign in noticed {
            let now = sign.at.time;
            run.take_if(|run| run.covered.saturating_add(leave_after.0) < now);
            let since = match (sign.kind, &mut run) {
                (SignKind::Leave, _) => run.take().map_or(now, |run| run.since),
                (_, Some(run)) => {
                    run.covered = run.covered.max(sign.covers);
                    run.since
                }
                (_, none) => none.insert(Run { since: now, covered: sign.covers }).since,
            };
            let over = |open: &Current| open.covered.saturating_add(leave_after.0) < now;
            if let Some(ended) = current.take_if(|open| over(open)) {
                visits.push(ended.by_silence(leave_after));
            }
            match (sign.kind, &mut current) {
                (SignKind::Leave, open) => {
                    if let Some(mut left) = open.take() {
                        left.visit.end = Some(now);
                        left.visit.dwell = Duration(now - left.visit.start);
                        visits.push(left.visit);
                    }
                }
                (_, Some(open)) => open.covered = open.covered.max(sign.covers),
                (SignKind::Seen, None) => {}
                (SignKind::Enter | SignKind::CheckIn, none) => {
                    let visit = ShopVisit {
                        location: location.clone(),
                        start: now,
                        anchor: sign.handle.clone(),
                        event: sign.event.clone(),
                        end: None,
                        dwell: Duration(0),
                        until: end_of(since, reason_for),
                    };
                    *none = Some(Current { visit, covered: sign.covers });
                }
            }
        }
        visits.extend(current.map(|open| open.by_silence(leave_after)));
    }
    visits
}

impl Current {
    /// The visit as it is if nothing more is noticed.
    fn by_silence(self, leave_after: Duration) -> ShopVisit {
        let Current { mut visit, covered } = self;
        if covered != Time::MAX {
            visit.end = Some(covered.saturating_add(leave_after.0));
            visit.dwell = Duration(covered - visit.start);
        }
        visit
    }
}

#[cfg(test)]
mod tests;
