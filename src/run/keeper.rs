//! Checkpoints of a running job, on a thread of its own.
//!
//! Invariant: a checkpoint of a tick is written when all rows of it are there and all its offers are delivered
//! for good; the journal is forgotten only up to the oldest checkpoint that is still needed. Cost: writes what
//! changed since the last one; the whole state is rewritten now and then, on another thread, when what changed
//! has become half of it. After somebody was forgotten it is rewritten at once, on this thread, and everything
//! older is removed: first checkpoints, then the journal.

use super::RunError;
use super::control::Control;
use super::delivery::Positions;
use super::kept::{Erasing, Meta};
use crate::checkpoint::{Checkpoint, Compacted, CompactionPolicy, Error, Store};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::runtime::KeptRows;
use crate::stored::{StoredRow, is_forgotten_copy};
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What the keeper is told.
pub(super) enum Notice {
    /// A checkpoint of this tick begins; with rows that are not the workers'.
    Begin { tick: Time, meta: Box<Meta>, rows: Vec<StoredRow> },
    /// Everything up to this tick is delivered for good, or in an outbox; with how much every sink
    /// was given, and the rows of outboxes that changed.
    Delivered { tick: Time, output: Positions, rows: Vec<StoredRow> },
}

/// A checkpoint that is not complete yet.
#[derive(Default)]
struct Pending {
    begun: Option<(Meta, Vec<StoredRow>)>,
    rows: Vec<Vec<StoredRow>>,
    delivered: Option<(Positions, Vec<StoredRow>)>,
}

/// The thread, as the ticker sees it.
pub(super) struct Keeper {
    pub(super) news: Sender<Notice>,
    busy: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What the thread works with.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) journal: Arc<Journal>,
    /// The last record of the journal that each known checkpoint stands for.
    pub(super) sequences: BTreeMap<Time, u64>,
    pub(super) workers: usize,
    pub(super) metrics: Metrics,
    /// What is to be erased from before the state that was restored.
    pub(super) erasing: Option<Erasing>,
    /// The generation of copies that state belongs to.
    pub(super) generation: u64,
}

impl Keeper {
    /// Starts it. It ends when every sender of news is dropped.
    pub(super) fn start(work: Work, rows: Receiver<KeptRows>, control: Control) -> Result<Keeper, RunError> {
        let (news, told) = unbounded();
        let busy = Arc::new(AtomicBool::new(false));
        let mut keeping =
            Keeping { work, busy: Arc::clone(&busy), pending: BTreeMap::new(), compacting: None };
        let thread = std::thread::Builder::new()
            .name("shopbell-keeper".to_owned())
            .spawn(move || {
                let ended = keeping.resume().and_then(|()| keeping.run(&told, &rows));
                let ended = ended.and_then(|()| keeping.settle());
                if let Err(error) = ended {
                    control.fail(error);
                }
            })
            .map_err(|error| RunError::System { what: "the keeper of checkpoints", error })?;
        Ok(Keeper { news, busy, thread })
    }

    /// Whether a checkpoint is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// A checkpoint begins.
    pub(super) fn begin(&self, tick: Time, meta: Meta, rows: Vec<StoredRow>) {
        self.busy.store(true, Ordering::Release);
        // Nobody hears it only where the keeper failed, which ends the job.
        let _ = self.news.send(Notice::Begin { tick, meta: Box::new(meta), rows });
    }

    /// Waits for its end; every other sender of news must be dropped.
    pub(super) fn join(self) {
        drop(self.news);
        // What went wrong there was told as a failure.
        let _ = self.thread.join();
    }
}

struct Keeping {
    work: Work,
    busy: Arc<AtomicBool>,
    pending: BTreeMap<Time, Pending>,
    compacting: Option<Receiver<Result<Compacted, Error>>>,
}

impl Keeping {
    /// Goes on with an erasure that was under way.
    fn resume(&mut self) -> Result<(), RunError> {
        let oldest = self.work.generation.saturating_sub(1);
        match self.work.erasing.take() {
            Some(erasing) if self.work.journal.first() <= erasing.sequence => self.erase(erasing, oldest),
            _ => Ok(()),
        }
    }

    fn run(&mut self, news: &Receiver<Notice>, rows: &Receiver<KeptRows>) -> Result<(), RunError> {
        loop {
            select! {
                recv(news) -> told => match told {
                    Ok(notice) => self.heed(notice),
                    // The workers ended before; what they gave may still wait here.
                    Err(_) => return rows.iter().try_for_each(|kept| self.take(kept)),
                },
                recv(rows) -> kept => match kept {
                    Ok(kept) => self.take(kept)?,
                    Err(_) => return self.rest(news),
                },
            }
            while self.write()? {}
        }
    }

    /// Takes one worker's rows.
    fn take(&mut self, KeptRows { tick, rows, .. }: KeptRows) -> Result<(), RunError> {
        self.pending.entry(tick).or_default().rows.push(rows?);
        while self.write()? {}
        Ok(())
    }

    fn heed(&mut self, notice: Notice) {
        match notice {
            Notice::Begin { tick, meta, rows } => {
                self.pending.entry(tick).or_default().begun = Some((*meta, rows));
            }
            Notice::Delivered { tick, output, rows } => {
                self.pending.entry(tick).or_default().delivered = Some((output, rows));
            }
        }
    }

    /// The workers have ended: what is still told completes what they gave.
    fn rest(&mut self, news: &Receiver<Notice>) -> Result<(), RunError> {
        for told in news {
            self.heed(told);
            while self.write()? {}
        }
        Ok(())
    }

    /// Writes the next checkpoint where everything is known of it; says whether it did.
    fn write(&mut self) -> Result<bool, RunError> {
        let Some(entry) = self.pending.first_entry() else { return Ok(false) };
        let whole = entry.get().rows.len() == self.work.workers;
        if !whole || entry.get().begun.is_none() || entry.get().delivered.is_none() {
            return Ok(false);
        }
        let (tick, pending) = entry.remove_entry();
        let (Some((mut meta, more)), Some((output, outboxes))) = (pending.begun, pending.delivered) else {
            return Ok(false);
        };
        let started = std::time::Instant::now();
        meta.output = output;
        let oldest = meta.generation.saturating_sub(1);
        let lists = pending.rows.into_iter().chain([more, outboxes]).collect();
        let (sequence, erasing) = (meta.sequence, meta.erasing);
        let meta =
            serde_json::to_value(meta).map_err(|error| RunError::Meta { reason: error.to_string() })?;
        let written = self.work.store.write(tick, &meta, lists)?;
        self.work.sequences.insert(tick, sequence);
        self.work.metrics.checkpoint.observe(started.elapsed());
        match erasing {
            Some(erasing) => self.erase(erasing, oldest)?,
            None => {
                self.compact(&written, oldest)?;
                self.forget()?;
            }
        }
        self.busy.store(!self.pending.is_empty(), Ordering::Release);
        Ok(true)
    }

    /// Takes up a compaction that is done, and starts the next one where it is due.
    fn compact(&mut self, written: &Checkpoint, oldest: u64) -> Result<(), RunError> {
        if let Some(done) = &self.compacting {
            let Ok(compacted) = done.try_recv() else { return Ok(()) };
            self.compacting = None;
            self.work.store.install(compacted?)?;
            return Ok(());
        }
        if !CompactionPolicy::default().is_due(written.runs()) {
            return Ok(());
        }
        let Some(job) = self.work.store.plan_compaction()? else { return Ok(()) };
        let (done, doing) = bounded(1);
        let compact = move || {
            let compacted = job.run(|_, key, value| !is_forgotten_copy(key, value, oldest));
            // Nobody waits for it only where the job has ended.
            let _ = done.send(compacted);
        };
        std::thread::Builder::new()
            .name("shopbell-compact".to_owned())
            .spawn(compact)
            .map_err(|error| RunError::System { what: "the compaction of checkpoints", error })?;
        self.compacting = Some(doing);
        Ok(())
    }

    /// Removes everything older than the newest checkpoint, which is made one that says nothing of whoever was
    /// forgotten. A crash in between leaves a good state, and the next start goes on here. The journal is
    /// removed as far as whole segments go; where more follows the checkpoint in one, the next one does the rest.
    fn erase(&mut self, erasing: Erasing, oldest: u64) -> Result<(), RunError> {
        self.settle()?;
        let Work { store, journal, sequences, .. } = &mut self.work;
        let base = store.newest()?.and_then(|newest| newest.runs().last().cloned());
        // What came on top of such a base was written after all of it was forgotten.
        if !base.is_some_and(|base| base.tick >= erasing.tick && base.deletions == 0) {
            store.compact(|_, key, value| !is_forgotten_copy(key, value, oldest))?;
        }
        store.forget_all_but_newest(erasing.tick)?;
        let Some(newest) = store.newest()?.map(|newest| newest.tick()) else { return Ok(()) };
        sequences.retain(|tick, _| *tick >= newest);
        if let Some(sequence) = sequences.get(&newest) {
            journal.forget_before(sequence + 1)?;
        }
        tracing::info!(
            erased = journal.first() > erasing.sequence,
            "older files are gone: persons were forgotten"
        );
        Ok(())
    }

    /// Waits for a compaction under way: it holds the folder.
    fn settle(&mut self) -> Result<(), RunError> {
        if let Some(compacted) = self.compacting.take().and_then(|done| done.recv().ok()) {
            self.work.store.install(compacted?)?;
        }
        Ok(())
    }

    /// Forgets checkpoints and records that nobody needs any more. As long as one damaged file could take every
    /// checkpoint, the whole journal is kept.
    fn forget(&mut self) -> Result<(), RunError> {
        let Work { store, journal, sequences, .. } = &mut self.work;
        store.forget()?;
        let needed = store.oldest_needed_tick()?;
        if let Some(oldest) = needed.filter(|_| store.has_fallback().unwrap_or(false))
            && let Some(sequence) = sequences.get(&oldest)
        {
            journal.forget_before(sequence + 1)?;
            sequences.retain(|tick, _| *tick >= oldest);
        }
        Ok(())
    }
}
