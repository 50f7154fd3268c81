//! The seeded mall: a stream of events as shops, a web shop and a back office produce them.
//!
//! Of the lines 70 % are sensed in shops (`sensor.beacon`, `store.*`), 25 % come from the web shop and
//! 5 % are stock, catalogue and CRM; the catalogue stands first, within the 5 %. A short stream gets a
//! smaller catalogue (see [`Mall`]). Lines are in the order in which they arrive: event times follow
//! it, but for 1 % that are up to five seconds late; 0.5 % of the lines are second copies of one a
//! little before.
//!
//! Invariant: the same [`Mall`] gives the same bytes on every machine and in every version of this
//! format: random numbers are xoshiro256++ seeded by splitmix64, all arithmetic is on integers.
//! Cost: no allocation per event; memory for the walks and sessions under way, `SLOTS` of each
//! at most, whatever the number of customers.

mod back_office;
mod catalogue;
mod line;
mod random;
mod sessions;
#[cfg(test)]
mod tests;
mod walks;

use catalogue::Catalogue;
use line::{Line, Stamp};
use random::Random;
use sessions::Sessions;
use std::collections::VecDeque;
use walks::Walks;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mall {
    /// Customers, each with a member card, a phone and one or two browsers.
    pub customers: u32,
    /// Lines to write, second copies among them.
    pub events: u64,
    /// Another seed gives another day.
    pub seed: u64,
    /// Shops of 30 zones with 4 beacons each; fewer where they would fill a tenth of the back
    /// office's share of the events.
    pub shops: u32,
    /// Articles; fewer where they would fill two fifths of that share.
    pub items: u32,
    /// Milliseconds from the first event to the last.
    pub span_ms: u64,
    /// When it starts, in milliseconds since 1970.
    pub start_ms: u64,
}

impl Default for Mall {
    fn default() -> Self {
        Mall {
            customers: 100_000,
            events: 1_000_000,
            seed: 1,
            shops: 20,
            items: 20_000,
            span_ms: 3_600_000,
            // 2026-01-05T09:00:00Z
            start_ms: 1_767_603_600_000,
        }
    }
}

/// Walks, and sessions, under way at most: some megabytes.
const SLOTS: u32 = 100_000;

/// Out of 2³².
const fn per_mille(share: u64) -> u32 {
    ((share << 32) / 1000) as u32
}

/// Events that carry an earlier time than their place in the stream says, and by how much at most.
const LATE: u32 = per_mille(10);
const LATE_MS: u32 = 5000;
/// Lines that are followed by a second copy, and after how many lines at most.
const REPEATED: u32 = per_mille(5);
const REPEATED_AFTER: u32 = 200;

/// Calls `out` with each line, newline included, until it fails or all are written.
pub fn generate<E>(mall: &Mall, out: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let catalogue = Catalogue::new(mall);
    let mut written = 0;
    let mut line = Line::default();
    let mut sequence = 0;
    for entry in catalogue.entries() {
        if written == mall.events {
            return Ok(());
        }
        sequence += 1;
        catalogue.write(entry, &mut line, Stamp { sequence, time: mall.start_ms });
        out(line.bytes())?;
        written += 1;
    }

    let random = &mut Random::new(mall.seed);
    let rest = mall.events - written;
    let mut walks = Walks::new(mall, &catalogue, random);
    let mut sessions = Sessions::new(mall, random);
    let share = |events: u64| (u128::from(events) << 32).checked_div(u128::from(rest)).unwrap_or(0) as u64;
    let sensed = share(mall.events * 70 / 100);
    let administered = sensed + share((mall.events * 5 / 100).saturating_sub(written));
    let mut copies: VecDeque<(u64, Vec<u8>)> = VecDeque::new();

    let first = written;
    while written < mall.events {
        let due = copies.front().is_some_and(|(due, _)| *due <= written);
        if (due || copies.len() as u64 == mall.events - written)
            && let Some((_, copy)) = copies.pop_front()
        {
            out(&copy)?;
            written += 1;
            continue;
        }
        sequence += 1;
        let now = mall.start_ms
            + (u128::from(mall.span_ms) * u128::from(written - first) / u128::from(rest)) as u64;
        let time = if random.chance(LATE) {
            now.saturating_sub(1 + u64::from(random.below(LATE_MS))).max(mall.start_ms)
        } else {
            now
        };
        let stamp = Stamp { sequence, time };
        let kind = u64::from(random.next_u32());
        if kind < sensed {
            walks.next(&mut line, stamp, &mut sessions, random);
        } else if kind < administered {
            back_office::next(&mut line, stamp, mall, &catalogue, &mut sessions, random);
        } else {
            sessions.next(&mut line, stamp, &catalogue, random);
        }
        if random.chance(REPEATED) {
            let after = 1 + u64::from(random.below(REPEATED_AFTER));
            copies.push_back((written + after, line.bytes().to_vec()));
        }
        out(line.bytes())?;
        written += 1;
    }
    Ok(())
}
