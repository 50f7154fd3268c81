//! What goes on inside the workers, for everybody outside.
//!
//! Invariant: numbers only grow or are those of the last look; nobody inside waits for anybody here.

use crate::cluster::{Pulse, WorkerPulse};
use shopbell_dataflows::Report;
use shopbell_dataflows::allot::PoolNumbers;
use shopbell_dataflows::fold::FoldCounts;
use shopbell_dataflows::identity::IdentityCounts;
use shopbell_dataflows::learning::RuleOf;
use shopbell_dataflows::shadow::Tally;
use shopbell_dataflows::when_due::Waiting;
use shopbell_model::learning::Counts;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};

use super::held;

/// One worker's numbers.
#[derive(Clone, Debug, Default)]
struct Numbers {
    folded: FoldCounts,
    identified: IdentityCounts,
    waiting: BTreeMap<&'static str, Waiting>,
    /// How often in a row it had nothing to do.
    quiet: u64,
    /// What there is only so much of.
    pools: Vec<PoolNumbers>,
}

impl Numbers {
    fn pulse(&self) -> WorkerPulse {
        let Numbers { folded, identified, waiting, quiet, pools: _ } = self;
        WorkerPulse {
            folded: [folded.unknown_beacons, folded.too_late, folded.dropped_facts],
            identified: [identified.shared_handles, identified.capped_links],
            waiting: waiting.values().map(|(rows, _)| *rows).sum(),
            next: waiting.values().filter_map(|(_, next)| *next).min(),
            quiet: *quiet,
        }
    }

    fn of(pulse: &WorkerPulse) -> Numbers {
        let ([unknown_beacons, too_late, dropped_facts], [shared_handles, capped_links]) =
            (pulse.folded, pulse.identified);
        Numbers {
            folded: FoldCounts { unknown_beacons, too_late, dropped_facts },
            identified: IdentityCounts { shared_handles, capped_links },
            waiting: BTreeMap::from([("elsewhere", (pulse.waiting, pulse.next))]),
            quiet: pulse.quiet,
            // They are with the first worker of all.
            pools: Vec::new(),
        }
    }
}

/// Called on a worker's thread when more is complete, or the workers have ended.
type Watch = Box<dyn Fn(Progress) + Send + Sync>;

/// What a watcher is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything before this time is complete.
    Complete(Time),
    /// Workers of another process have other numbers than before.
    Numbers,
    /// The workers have ended, or one of them panicked.
    Ended,
}

/// Numbers of all workers, and how far the job is.
pub struct Board {
    workers: Vec<Mutex<Numbers>>,
    /// Everything before this time is complete; `None` when the workers have ended.
    completed: Mutex<Option<Time>>,
    /// Everything before this time was submitted.
    submitted: AtomicU64,
    changed: Condvar,
    /// What would be otherwise under the shadow set.
    shadowed: Mutex<Tally>,
    watch: OnceLock<Watch>,
    /// What was learned of rules by workers of this process.
    learned: Mutex<BTreeMap<RuleOf, (Counts, u32)>>,
    /// Called when a number is another one than before.
    numbers_changed: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Board {
    pub(super) fn new(workers: usize) -> Self {
        Board {
            workers: (0..workers).map(|_| Mutex::default()).collect(),
            completed: Mutex::new(Some(0)),
            submitted: AtomicU64::new(0),
            changed: Condvar::new(),
            shadowed: Mutex::default(),
            watch: OnceLock::new(),
            numbers_changed: OnceLock::new(),
            learned: Mutex::default(),
        }
    }

    /// Tells `watch` of progress from now on, on a worker's thread: it must not wait for anything. One
    /// watcher only; false where there is one already.
    pub fn watch(&self, watch: impl Fn(Progress) + Send + Sync + 'static) -> bool {
        self.watch.set(Box::new(watch)).is_ok()
    }

    /// Tells `watch` when numbers of a worker of this process changed. One watcher only.
    pub(super) fn watch_numbers(&self, watch: impl Fn() + Send + Sync + 'static) {
        // There is one already only where two look after the same workers, which nobody does.
        let _ = self.numbers_changed.set(Box::new(watch));
    }

    fn tell(&self, progress: Progress) {
        self.changed.notify_all();
        if let Some(watch) = self.watch.get() {
            watch(progress);
        }
    }

    /// Whether the workers have ended, or one of them panicked.
    pub fn has_ended(&self) -> bool {
        held(&self.completed).is_none()
    }

    /// Everything before this time was submitted.
    pub fn submitted(&self) -> Time {
        self.submitted.load(Ordering::Acquire)
    }

    pub(super) fn submit(&self, until: Time) {
        self.submitted.store(until, Ordering::Release);
    }

    /// Everything before this time is complete.
    pub fn completed(&self) -> Time {
        held(&self.completed).unwrap_or(0)
    }

    pub(super) fn complete(&self, time: Time) {
        let mut completed = held(&self.completed);
        if completed.is_some_and(|done| done < time) {
            *completed = Some(time);
            drop(completed);
            self.tell(Progress::Complete(time));
        }
    }

    /// The workers have ended, or will not go on.
    pub fn end(&self) {
        *held(&self.completed) = None;
        self.tell(Progress::Ended);
    }

    /// Waits until everything before `time` is complete; an error where the workers ended before.
    pub(super) fn wait_for(&self, time: Time) -> Result<(), ()> {
        let mut completed = held(&self.completed);
        loop {
            match *completed {
                None => return Err(()),
                Some(done) if done >= time => return Ok(()),
                Some(_) => {
                    completed =
                        self.changed.wait(completed).unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
        }
    }

    /// What the fold could not use, over all workers.
    pub fn folded(&self) -> FoldCounts {
        let mut sum = FoldCounts::default();
        for numbers in &self.workers {
            let folded = held(numbers).folded;
            sum.unknown_beacons += folded.unknown_beacons;
            sum.too_late += folded.too_late;
            sum.dropped_facts += folded.dropped_facts;
        }
        sum
    }

    /// What the limits of identity stop, over all workers.
    pub fn identified(&self) -> IdentityCounts {
        let mut sum = IdentityCounts::default();
        for numbers in &self.workers {
            let identified = held(numbers).identified;
            sum.shared_handles += identified.shared_handles;
            sum.capped_links += identified.capped_links;
        }
        sum
    }

    /// Answered offers by rule, with the accept rate in basis points: as workers of this process last saw them.
    pub fn learned(&self) -> BTreeMap<RuleOf, (Counts, u32)> {
        held(&self.learned).clone()
    }

    /// Rows that wait for their time, and when the next of them is due.
    pub fn waiting(&self) -> Waiting {
        let (mut rows, mut next) = (0, None);
        for numbers in &self.workers {
            for (waiting, due) in held(numbers).waiting.values() {
                rows += waiting;
                next = next.into_iter().chain(*due).min();
            }
        }
        (rows, next)
    }

    /// What would be otherwise under the shadow set, by rule.
    pub fn shadowed(&self) -> Tally {
        held(&self.shadowed).clone()
    }

    /// What there is only so much of, and how much of it is held and used.
    pub fn pools(&self) -> Vec<PoolNumbers> {
        self.workers.iter().flat_map(|numbers| held(numbers).pools.clone()).collect()
    }

    /// How some workers are.
    pub(super) fn pulse(&self, workers: Range<usize>) -> Pulse {
        let workers = self.workers.get(workers).unwrap_or_default();
        Pulse { workers: workers.iter().map(|numbers| held(numbers).pulse()).collect() }
    }

    /// How workers of another process are, from this one on.
    pub(super) fn take_pulse(&self, first: usize, pulse: &Pulse) {
        for (numbers, pulse) in self.workers.iter().skip(first).zip(&pulse.workers) {
            *held(numbers) = Numbers::of(pulse);
        }
        if let Some(watch) = self.watch.get() {
            watch(Progress::Numbers);
        }
    }

    /// How often in a row the busiest worker had nothing to do.
    pub fn quiet(&self) -> u64 {
        self.workers.iter().map(|numbers| held(numbers).quiet).min().unwrap_or(0)
    }

    /// The part of one worker.
    pub(super) fn reporter(self: &std::sync::Arc<Self>, worker: usize) -> Reporter {
        Reporter { board: std::sync::Arc::clone(self), worker }
    }
}

/// Writes one worker's numbers.
#[derive(Clone)]
pub(super) struct Reporter {
    board: std::sync::Arc<Board>,
    worker: usize,
}

impl Reporter {
    fn write(&self, change: impl FnOnce(&mut Numbers)) {
        if let Some(numbers) = self.board.workers.get(self.worker) {
            change(&mut held(numbers));
        }
        if let Some(watch) = self.board.numbers_changed.get() {
            watch();
        }
    }

    /// The worker took a turn, with nothing to do or with something.
    pub(super) fn turned(&self, quiet: bool) {
        if let Some(numbers) = self.board.workers.get(self.worker) {
            let mut numbers = held(numbers);
            numbers.quiet = if quiet { numbers.quiet + 1 } else { 0 };
        }
    }
}

impl Report for Reporter {
    fn folded(&self, counts: FoldCounts) {
        if counts != FoldCounts::default() {
            self.write(|numbers| {
                numbers.folded.unknown_beacons += counts.unknown_beacons;
                numbers.folded.too_late += counts.too_late;
                numbers.folded.dropped_facts += counts.dropped_facts;
            });
        }
    }

    fn identified(&self, counts: IdentityCounts) {
        self.write(|numbers| numbers.identified = counts);
    }

    fn shadowed(&self, tally: &Tally) {
        held(&self.board.shadowed).clone_from(tally);
    }

    fn waiting(&self, place: &'static str, waiting: Waiting) {
        self.write(|numbers| {
            numbers.waiting.insert(place, waiting);
        });
    }

    fn pools(&self, pools: Vec<PoolNumbers>) {
        self.write(|numbers| numbers.pools = pools);
    }

    fn learned(&self, rule: &RuleOf, counts: Counts, rate: u32) {
        held(&self.board.learned).insert(rule.clone(), (counts, rate));
    }
}
