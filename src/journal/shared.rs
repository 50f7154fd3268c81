//! What appenders, waiters and the writer thread share.
//!
//! Invariant: the bytes that wait stay within the bound (a single larger record is taken only while
//! nothing waits); after a failure nothing is taken, written or acknowledged any more.
//! Cost: one lock an append and two a batch; the writer is woken only when it can be asleep.

use super::{JournalError, Position, Settings, layout};
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Told what is durable, or why nothing more will be.
pub(super) type Watcher = Box<dyn FnMut(Result<Position, &JournalError>) + Send>;

/// A wish to forget segments, or that the next record begins one, and its answer.
#[derive(Debug, Default)]
pub(super) enum Wish {
    #[default]
    None,
    Before(u64),
    NewSegment,
    Granted(Vec<u64>),
}

impl Wish {
    fn is_open(&self) -> bool {
        matches!(self, Wish::Before(_) | Wish::NewSegment)
    }
}

pub(super) struct State {
    /// Encoded records that the writer has not taken yet.
    pending: Vec<u8>,
    /// Bytes of records that are not durable: the pending ones and those being written.
    waiting: usize,
    pub(super) last: Position,
    pub(super) durable: Position,
    /// The first record kept.
    pub(super) first: u64,
    pub(super) failure: Option<JournalError>,
    pub(super) wish: Wish,
    new_watchers: Vec<Watcher>,
    closing: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { waiting, last, durable, failure, .. } = self;
        write!(
            f,
            "State {{ waiting: {waiting}, last: {last:?}, durable: {durable:?}, failure: {failure:?} }}"
        )
    }
}

/// What the writer does next.
pub(super) enum Work {
    Write { batch: Vec<u8>, last: Position },
    Forget { before: u64 },
    NewSegment,
    Greet { watchers: Vec<Watcher> },
    End,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is something for the writer.
    work: Condvar,
    /// There is room again.
    room: Condvar,
    /// Something became durable, was forgotten, or failed.
    news: Condvar,
    waiting_bytes: usize,
    record_bytes: u32,
}

impl Shared {
    pub(super) fn new(settings: &Settings, first: u64, last: Position) -> Self {
        let state = State {
            pending: Vec::new(),
            waiting: 0,
            last,
            durable: last,
            first,
            failure: None,
            wish: Wish::None,
            new_watchers: Vec::new(),
            closing: false,
        };
        Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            room: Condvar::new(),
            news: Condvar::new(),
            waiting_bytes: settings.waiting_bytes,
            record_bytes: settings.record_bytes,
        }
    }

    /// Each change under the lock is whole before anything in it can panic.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record, when there is room for it.
    pub(super) fn append(&self, tick: u64, payload: &[u8]) -> Result<u64, JournalError> {
        let length = payload.len();
        if u32::try_from(length).map_or(true, |length| length > self.record_bytes) {
            return Err(JournalError::TooLong { length, most: self.record_bytes });
        }
        let bytes = layout::record_bytes(length);
        let full = |state: &mut State| {
            let fits = state.waiting == 0 || state.waiting.saturating_add(bytes) <= self.waiting_bytes;
            !fits && state.failure.is_none()
        };
        let mut state = self.room.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if tick < state.last.tick {
            return Err(JournalError::TickBack { tick, last: state.last.tick });
        }
        let position = Position { sequence: state.last.sequence.saturating_add(1), tick };
        let idle = state.pending.is_empty();
        layout::encode_record(&mut state.pending, position, payload);
        state.waiting = state.waiting.saturating_add(bytes);
        state.last = position;
        drop(state);
        if idle {
            self.work.notify_one();
        }
        Ok(position.sequence)
    }

    /// Waits until a record is durable; gives all that is.
    pub(super) fn wait_durable(&self, sequence: u64) -> Result<Position, JournalError> {
        let mut state = self.state();
        if sequence > state.last.sequence {
            return Err(JournalError::Beyond { sequence, last: state.last.sequence });
        }
        let open = |state: &mut State| state.durable.sequence < sequence && state.failure.is_none();
        state = self.news.wait_while(state, open).unwrap_or_else(PoisonError::into_inner);
        match &state.failure {
            Some(failure) if state.durable.sequence < sequence => Err(failure.clone()),
            _ => Ok(state.durable),
        }
    }

    /// Asks the writer which segments can be removed. One caller at a time.
    pub(super) fn forget(&self, before: u64) -> Result<Vec<u64>, JournalError> {
        self.ask(Wish::Before(before))
    }

    /// Asks the writer to begin a segment behind all that was appended. One caller at a time.
    pub(super) fn begin_segment(&self) -> Result<(), JournalError> {
        self.ask(Wish::NewSegment).map(drop)
    }

    fn ask(&self, wish: Wish) -> Result<Vec<u64>, JournalError> {
        let mut state = self.state();
        state.wish = wish;
        self.work.notify_one();
        let open = |state: &mut State| state.wish.is_open() && state.failure.is_none();
        state = self.news.wait_while(state, open).unwrap_or_else(PoisonError::into_inner);
        match (std::mem::take(&mut state.wish), &state.failure) {
            (Wish::Granted(segments), _) => Ok(segments),
            (_, failure) => Err(failure.clone().unwrap_or(JournalError::WriterGone)),
        }
    }

    /// Adds someone to be told.
    pub(super) fn watch(&self, watcher: Watcher) {
        self.state().new_watchers.push(watcher);
        self.work.notify_one();
    }

    /// No more will come: the writer ends when nothing waits.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }

    /// The writer waits here. `spare` becomes the buffer for what comes meanwhile.
    pub(super) fn next_work(&self, mut spare: Vec<u8>) -> Work {
        let idle = |state: &mut State| {
            let wished = state.wish.is_open() && state.failure.is_none();
            !wished && state.pending.is_empty() && state.new_watchers.is_empty() && !state.closing
        };
        let mut state = self.work.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        if !state.new_watchers.is_empty() {
            return Work::Greet { watchers: std::mem::take(&mut state.new_watchers) };
        }
        if let (Wish::Before(before), None) = (&state.wish, &state.failure) {
            return Work::Forget { before: *before };
        }
        if state.pending.is_empty() && state.wish.is_open() && state.failure.is_none() {
            return Work::NewSegment;
        }
        if state.pending.is_empty() {
            return Work::End;
        }
        spare.clear();
        spare.shrink_to(self.waiting_bytes);
        Work::Write { batch: std::mem::replace(&mut state.pending, spare), last: state.last }
    }

    /// The writer made a batch durable.
    pub(super) fn committed(&self, bytes: usize, durable: Position) {
        let mut state = self.state();
        state.durable = durable;
        state.waiting = state.waiting.saturating_sub(bytes);
        drop(state);
        self.room.notify_all();
        self.news.notify_all();
    }

    /// The writer did what was asked for: segments that can be removed, and the first record kept.
    pub(super) fn granted(&self, segments: Vec<u64>, first: u64) {
        let mut state = self.state();
        state.first = first;
        state.wish = Wish::Granted(segments);
        drop(state);
        self.news.notify_all();
    }

    /// Nothing will become durable any more.
    pub(super) fn failed(&self, failure: JournalError) {
        let mut state = self.state();
        state.failure.get_or_insert(failure);
        state.pending = Vec::new();
        state.waiting = 0;
        drop(state);
        self.room.notify_all();
        self.news.notify_all();
    }

    /// What is durable, or why nothing more will be.
    pub(super) fn outcome(&self) -> Result<Position, JournalError> {
        let state = self.state();
        state.failure.clone().map_or(Ok(state.durable), Err)
    }
}
