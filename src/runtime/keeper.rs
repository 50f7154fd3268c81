//! Takes the rows of one worker that are to outlive the process.
//!
//! Invariant: the rows of a tick are handed over once, when every part of the graph gave its own; ticks are
//! asked for in order. Events wait for a portion of the rows, not for all: a turn of the worker gives rows for a
//! millisecond, or for a quarter of the time that the turn before took, where turns are long. Cost: the bytes of the rows
//! that changed, held until the last part gave them; a look at the clock for each.

use crate::stored::{StoredError, StoredRow, fact_row};
use crossbeam_channel::Sender;
use shopbell_dataflows::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use shopbell_model::time::Time;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Parts of the graph that give rows.
const PARTS: usize = 4;

/// So long a turn may give rows at least.
const PORTION: Duration = Duration::from_millis(1);

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
    turn: Cell<Turn>,
}

/// One part of the graph.
#[derive(Default)]
struct PartState {
    /// Ticks that it is to give rows of.
    wanted: VecDeque<Time>,
    /// Rows of the tick that it is giving.
    rows: Vec<StoredRow>,
    gives: bool,
}

#[derive(Default)]
struct State {
    fold: PartState,
    links: PartState,
    ledger: PartState,
    learning: PartState,
    failed: Option<StoredError>,
    /// Rows of ticks that some parts have given already, and how many.
    given: BTreeMap<Time, (usize, Vec<StoredRow>)>,
}

impl State {
    fn part(&mut self, keeper: Keeper) -> &mut PartState {
        match keeper {
            Keeper::Fold => &mut self.fold,
            Keeper::Links => &mut self.links,
            Keeper::Ledger => &mut self.ledger,
            Keeper::Learning => &mut self.learning,
        }
    }
}

/// The turn of the worker that is under way.
#[derive(Clone, Copy)]
struct Turn {
    began: Instant,
    /// For how long rows may be given in it, and since when they are.
    portion: Duration,
    gives_since: Option<Instant>,
}

impl WorkerKeeper {
    pub(super) fn new(worker: usize, to: Option<Sender<KeptRows>>) -> Self {
        let turn = Turn { began: Instant::now(), portion: PORTION, gives_since: None };
        WorkerKeeper { worker, to, state: RefCell::default(), turn: Cell::new(turn) }
    }

    /// Wants the rows of everything up to `tick`, before time goes on.
    pub(super) fn want(&self, tick: Time) {
        let mut state = self.state.borrow_mut();
        for keeper in [Keeper::Fold, Keeper::Links, Keeper::Ledger, Keeper::Learning] {
            state.part(keeper).wanted.push_back(tick);
        }
    }

    /// Whether some part has rows that it has not given yet.
    pub(super) fn gives(&self) -> bool {
        let state = self.state.borrow();
        state.fold.gives || state.links.gives || state.ledger.gives || state.learning.gives
    }

    /// A turn of the worker begins.
    pub(super) fn turn(&self) {
        if self.to.is_none() {
            return;
        }
        let (now, last) = (Instant::now(), self.turn.get());
        // A turn in which nothing was given may have been a sleep.
        let took = last.gives_since.map_or(Duration::ZERO, |_| now - last.began);
        self.turn.set(Turn { began: now, portion: PORTION.max(took / 4), gives_since: None });
    }
}

impl Keep for WorkerKeeper {
    fn is_wanted(&self) -> bool {
        self.to.is_some()
    }

    fn next(&self, keeper: Keeper) -> Option<Time> {
        self.state.borrow_mut().part(keeper).wanted.front().copied()
    }

    fn begun(&self, keeper: Keeper) {
        let mut state = self.state.borrow_mut();
        let part = state.part(keeper);
        part.wanted.pop_front();
        part.gives = true;
    }

    fn row(&self, keeper: Keeper, key: &KeptKey, value: Option<KeptValueRef<'_>>) {
        // What all workers have, one of them gives.
        if *key == KeptKey::Zones && self.worker != 0 {
            return;
        }
        let mut state = self.state.borrow_mut();
        match fact_row(key, value) {
            Ok(row) => state.part(keeper).rows.push(row),
            Err(error) => state.failed = Some(error),
        }
    }

    fn is_enough(&self) -> bool {
        let (now, mut turn) = (Instant::now(), self.turn.get());
        let since = *turn.gives_since.get_or_insert(now);
        self.turn.set(turn);
        now - since >= turn.portion
    }

    fn done(&self, keeper: Keeper, tick: Time) {
        let mut state = self.state.borrow_mut();
        let part = state.part(keeper);
        part.gives = false;
        let mut rows = std::mem::take(&mut part.rows);
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
