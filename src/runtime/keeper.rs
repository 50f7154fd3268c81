//! Takes the rows of one worker that are to outlive the process.
//!
//! Invariant: the rows of a tick are handed over once, when every part of the graph gave its own; ticks are
//! asked for in order. Cost: the bytes of the rows that changed, held until the last part gave them.

use crate::stored::{StoredError, StoredRow, fact_row};
use crossbeam_channel::Sender;
use shopbell_dataflows::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use shopbell_model::time::Time;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// Parts of the graph that give rows.
const PARTS: usize = 4;

/// What one worker kept of a tick.
#[derive(Debug)]
pub struct KeptRows {
    /// Which worker.
    pub worker: usize,
    /// All up to this tick.
    pub tick: Time,
    /// What changed since the last time.
    pub rows: Result<Vec<StoredRow>, StoredError>,
}

/// One worker's keeper.
pub(super) struct WorkerKeeper {
    worker: usize,
    to: Option<Sender<KeptRows>>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    fold: VecDeque<Time>,
    links: VecDeque<Time>,
    ledger: VecDeque<Time>,
    learning: VecDeque<Time>,
    /// Of the part that gives its rows just now.
    rows: Vec<StoredRow>,
    failed: Option<StoredError>,
    /// Rows of ticks that some parts have given already, and how many.
    given: BTreeMap<Time, (usize, Vec<StoredRow>)>,
}

impl State {
    fn wanted(&mut self, keeper: Keeper) -> &mut VecDeque<Time> {
        match keeper {
            Keeper::Fold => &mut self.fold,
            Keeper::Links => &mut self.links,
            Keeper::Ledger => &mut self.ledger,
            Keeper::Learning => &mut self.learning,
        }
    }
}

impl WorkerKeeper {
    pub(super) fn new(worker: usize, to: Option<Sender<KeptRows>>) -> Self {
        WorkerKeeper { worker, to, state: RefCell::default() }
    }

    /// Wants the rows of everything up to `tick`, before time goes on.
    pub(super) fn want(&self, tick: Time) {
        let mut state = self.state.borrow_mut();
        state.fold.push_back(tick);
        state.links.push_back(tick);
        state.ledger.push_back(tick);
        state.learning.push_back(tick);
    }
}

impl Keep for WorkerKeeper {
    fn is_wanted(&self) -> bool {
        self.to.is_some()
    }

    fn next(&self, keeper: Keeper) -> Option<Time> {
        self.state.borrow_mut().wanted(keeper).front().copied()
    }

    fn row(&self, key: &KeptKey, value: Option<KeptValueRef<'_>>) {
        // What all workers have, one of them gives.
        if *key == KeptKey::Zones && self.worker != 0 {
            return;
        }
        let mut state = self.state.borrow_mut();
        match fact_row(key, value) {
            Ok(row) => state.rows.push(row),
            Err(error) => state.failed = Some(error),
        }
    }

    fn done(&self, keeper: Keeper, tick: Time) {
        let mut state = self.state.borrow_mut();
        state.wanted(keeper).pop_front();
        let mut rows = std::mem::take(&mut state.rows);
        let (parts, given) = state.given.entry(tick).or_default();
        *parts += 1;
        given.append(&mut rows);
        if *parts == PARTS
            && let Some((_, rows)) = state.given.remove(&tick)
        {
            let rows = state.failed.take().map_or(Ok(rows), Err);
            let kept = KeptRows { worker: self.worker, tick, rows };
            // Nobody takes it only where the job is ending.
            let _ = self.to.as_ref().map(|to| to.send(kept));
        }
    }
}
