//! What one receiver is still to get: messages that wait, and those that failed.
//!
//! Invariant: no clock, no I/O; lanes report what happened. A message is here from the tick that gave it until it
//! was delivered or dropped, so what is kept as of a tick is what is here of that tick and those before: later
//! ones come again from the journal. Messages of one key are in one lane, and a lane gives out its oldest one.
//! An offer that failed is dropped when it is withdrawn, so that it never arrives behind its withdrawal.
//! Cost: some tree steps a message; what changed since the last checkpoint is held by number.

#[cfg(test)]
mod tests;

use crate::sink::{Message, MessageKind};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The number of the row about the receiver itself; messages are numbered from 1, in their order.
const RECEIVER: u64 = 0;

/// What is kept under one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutboxValue {
    /// About the receiver.
    Receiver(Condition),
    /// A message that is not delivered: of which tick, what, and whether it failed.
    Message(u64, Arc<Message>, bool),
}

/// A row of one receiver that changed: its number, and what it holds; nothing where it is gone.
pub type OutboxRow = (u64, Option<OutboxValue>);

/// How a receiver is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Since when nothing is sent to it, in seconds since 1970.
    pub disabled_since: Option<u64>,
    /// What went wrong last, and when.
    pub last_error: Option<(u64, String)>,
}

/// How much may be held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Messages that wait.
    pub(super) waiting: usize,
    /// Messages that failed; nothing is kept of them where absent.
    pub(super) failed: Option<usize>,
}

/// What became of a message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It waits in that lane.
    Waits(usize),
    /// Too many wait: it failed.
    Overflowed,
    /// The receiver is disabled: it failed.
    Disabled,
}

#[derive(Debug)]
struct Entry {
    tick: u64,
    message: Arc<Message>,
    failed: bool,
    /// Whether a checkpoint has it.
    kept: bool,
}

/// The messages of one receiver.
#[derive(Debug)]
pub(super) struct Outbox {
    bounds: Bounds,
    entries: BTreeMap<u64, Entry>,
    /// What waits, by lane.
    lanes: Vec<BTreeSet<u64>>,
    failed: BTreeSet<u64>,
    /// Offers that failed, so that their withdrawal finds them.
    failed_offers: FxHashMap<String, u64>,
    next: u64,
    /// The last tick heard of.
    tick: u64,
    condition: Condition,
    /// What the next checkpoint is told.
    changed: BTreeSet<u64>,
    gone: BTreeSet<u64>,
    condition_changed: bool,
    /// Failed messages that nobody can send again any more.
    dropped: u64,
}

impl Outbox {
    /// Empty, with so many lanes (at least one).
    pub(super) fn new(lanes: usize, bounds: Bounds) -> Self {
        Outbox {
            bounds,
            entries: BTreeMap::new(),
            lanes: vec![BTreeSet::new(); lanes.max(1)],
            failed: BTreeSet::new(),
            failed_offers: FxHashMap::default(),
            next: RECEIVER + 1,
            tick: 0,
            condition: Condition::default(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
            condition_changed: false,
            dropped: 0,
        }
    }

    /// Takes up what a checkpoint has, in any order, before anything is added.
    pub(super) fn restore(&mut self, rows: impl IntoIterator<Item = (u64, OutboxValue)>) {
        for (number, value) in rows {
            match value {
                OutboxValue::Receiver(condition) => self.condition = condition,
                OutboxValue::Message(tick, message, failed) => {
                    self.next = self.next.max(number.saturating_add(1));
                    self.tick = self.tick.max(tick);
                    self.entries.insert(number, Entry { tick, message, failed, kept: true });
                    self.place(number);
                }
            }
        }
    }

    /// Takes a message of a tick, which is not before those of earlier ones.
    pub(super) fn add(&mut self, tick: u64, message: Arc<Message>) -> Added {
        self.tick = self.tick.max(tick);
        if message.kind == MessageKind::Withdrawn {
            if let Some(number) = self.failed_offers.get(&message.offer_id).copied() {
                self.remove(number);
            }
            if message.forgotten {
                self.remove_offers_of(&message.key);
            }
        }
        let added = if self.condition.disabled_since.is_some() {
            Added::Disabled
        } else if self.waiting() >= self.bounds.waiting {
            Added::Overflowed
        } else {
            Added::Waits(self.lane(&message.key))
        };
        let number = self.next;
        self.next += 1;
        let failed = !matches!(added, Added::Waits(_));
        self.entries.insert(number, Entry { tick, message, failed, kept: false });
        self.changed.insert(number);
        self.place(number);
        self.hold_bound();
        added
    }

    /// The oldest message that waits in a lane.
    pub(super) fn first(&self, lane: usize) -> Option<u64> {
        self.lanes.get(lane)?.first().copied()
    }

    /// A message, while it waits.
    pub(super) fn waits(&self, number: u64) -> Option<Arc<Message>> {
        self.entries.get(&number).filter(|entry| !entry.failed).map(|entry| Arc::clone(&entry.message))
    }

    /// It was delivered.
    pub(super) fn delivered(&mut self, number: u64) {
        self.remove(number);
    }

    /// An attempt went wrong at that moment.
    pub(super) fn missed(&mut self, now: u64, error: String) {
        self.condition.last_error = Some((now, error));
    }

    /// It was given up.
    pub(super) fn give_up(&mut self, number: u64) {
        let Some(entry) = self.entries.get_mut(&number).filter(|entry| !entry.failed) else { return };
        entry.failed = true;
        let lane = self.lane_of(number);
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.remove(&number);
        }
        self.changed.insert(number);
        self.condition_changed = true;
        self.place(number);
        self.hold_bound();
    }

    /// The receiver wants no more from now on: what waits failed. Gives how many messages that were.
    pub(super) fn disable(&mut self, now: u64) -> usize {
        self.condition.disabled_since.get_or_insert(now);
        self.condition_changed = true;
        let waiting: Vec<u64> = self.lanes.iter().flatten().copied().collect();
        waiting.iter().for_each(|number| self.give_up(*number));
        waiting.len()
    }

    /// What failed waits again, in its order, and the receiver is enabled. `now` in milliseconds, or 0 where only
    /// ticks tell the time: offers that are over by then, or by the last tick, are dropped. Gives how many wait again.
    pub(super) fn replay(&mut self, now: u64) -> usize {
        self.expire(now);
        self.condition.disabled_since = None;
        self.condition_changed = true;
        let failed = std::mem::take(&mut self.failed);
        self.failed_offers.clear();
        for number in &failed {
            if let Some(entry) = self.entries.get_mut(number) {
                entry.failed = false;
                self.changed.insert(*number);
                self.place(*number);
            }
        }
        failed.len()
    }

    /// Drops every message, and says how many there were.
    pub(super) fn clear(&mut self) -> usize {
        let all: Vec<u64> = self.entries.keys().copied().collect();
        all.iter().for_each(|number| self.remove(*number));
        all.len()
    }

    /// Leaves nothing of the receiver either.
    pub(super) fn close(&mut self) {
        self.clear();
        self.condition = Condition::default();
        self.gone.insert(RECEIVER);
        self.condition_changed = false;
    }

    /// Drops offers that failed and are over.
    pub(super) fn expire(&mut self, now: u64) {
        let now = now.max(self.tick);
        let over = |entry: &Entry| entry.message.valid_until.is_some_and(|end| end < now);
        let ended: Vec<u64> =
            self.failed.iter().copied().filter(|number| self.entries.get(number).is_some_and(over)).collect();
        self.drop_failed(&ended);
    }

    /// Rows that changed since this was last asked, as of the end of a tick of which everything was added.
    pub(super) fn changes(&mut self, up_to: u64) -> Vec<OutboxRow> {
        let mut rows: Vec<OutboxRow> =
            std::mem::take(&mut self.gone).into_iter().map(|number| (number, None)).collect();
        if std::mem::take(&mut self.condition_changed) {
            rows.push((RECEIVER, Some(OutboxValue::Receiver(self.condition.clone()))));
        }
        let entries = &mut self.entries;
        self.changed.retain(|number| {
            let Some(entry) = entries.get_mut(number) else { return false };
            if entry.tick > up_to {
                return true;
            }
            entry.kept = true;
            let value = OutboxValue::Message(entry.tick, Arc::clone(&entry.message), entry.failed);
            rows.push((*number, Some(value)));
            false
        });
        rows
    }

    /// Messages that wait, those under way included.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len() - self.failed.len()
    }

    /// Messages that failed and are kept.
    pub(super) fn failed(&self) -> usize {
        self.failed.len()
    }

    /// How the receiver is.
    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// How many failed messages were dropped since this was last asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn lane(&self, key: &str) -> usize {
        let mut hasher = rustc_hash::FxHasher::default();
        key.hash(&mut hasher);
        // The upper bits: the lower ones of this hash know little of a text's end.
        (hasher.finish() >> 32) as usize % self.lanes.len().max(1)
    }

    fn lane_of(&self, number: u64) -> Option<usize> {
        self.entries.get(&number).map(|entry| self.lane(&entry.message.key))
    }

    /// Puts an entry where it belongs: into its lane, or to those that failed.
    fn place(&mut self, number: u64) {
        let Some(entry) = self.entries.get(&number) else { return };
        if !entry.failed {
            let lane = self.lane(&entry.message.key);
            self.lanes.get_mut(lane).map(|lane| lane.insert(number));
            return;
        }
        self.failed.insert(number);
        if entry.message.kind == MessageKind::Made {
            self.failed_offers.insert(entry.message.offer_id.clone(), number);
        }
    }

    fn remove(&mut self, number: u64) {
        let lane = self.lane_of(number);
        let Some(entry) = self.entries.remove(&number) else { return };
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.remove(&number);
        }
        if self.failed.remove(&number) && self.failed_offers.get(&entry.message.offer_id) == Some(&number) {
            self.failed_offers.remove(&entry.message.offer_id);
        }
        self.changed.remove(&number);
        if entry.kept {
            self.gone.insert(number);
        }
    }

    /// Offers to a person who is forgotten: their texts hold handles. Withdrawals stay; they say no more of the
    /// person than the one that came now, and the receiver must hear of them.
    fn remove_offers_of(&mut self, key: &str) {
        let theirs = |entry: &Entry| entry.message.key == key && entry.message.kind == MessageKind::Made;
        let lane = self.lanes.get(self.lane(key)).into_iter().flatten();
        let numbers = lane.chain(&self.failed).copied();
        let offers: Vec<u64> =
            numbers.filter(|number| self.entries.get(number).is_some_and(theirs)).collect();
        offers.iter().for_each(|number| self.remove(*number));
    }

    /// Drops the oldest of what failed beyond the bound.
    fn hold_bound(&mut self) {
        let Some(most) = self.bounds.failed else {
            let all: Vec<u64> = self.failed.iter().copied().collect();
            all.iter().for_each(|number| self.remove(*number));
            return;
        };
        let beyond = self.failed.len().saturating_sub(most);
        let oldest: Vec<u64> = self.failed.iter().take(beyond).copied().collect();
        self.drop_failed(&oldest);
    }

    fn drop_failed(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.remove(*number));
        self.dropped += numbers.len() as u64;
    }
}
