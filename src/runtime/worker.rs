//! One worker thread: feeds its share of each tick, steps the dataflow, sleeps when there is nothing.

use super::board::Board;
use super::held;
use super::keeper::{KeptRows, WorkerKeeper};
use super::questions::Asked;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use differential_dataflow::input::Input;
use serde::{Deserialize, Serialize};
use shopbell_dataflows::clock::Clock;
use shopbell_dataflows::explain::Desk;
use shopbell_dataflows::fold::Part;
use shopbell_dataflows::identity::{Word, words_of};
use shopbell_dataflows::kept::Restored;
use shopbell_dataflows::{Outside, Settings, offers};
use shopbell_model::offer::Message;
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::Thread;
use std::time::{Duration, Instant};
use timely::dataflow::operators::{Input as TimelyInput, Probe};
use timely::worker::Worker;

/// A worker's share of some ticks; then time goes on to `until`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    pub(super) ticks: Vec<(Time, Vec<Part>)>,
    pub(super) until: Time,
    /// What is known by the end of this tick is to be kept.
    pub(super) keep: Option<Time>,
    /// Other rules. For the first of all workers only.
    pub(super) rules: Option<RuleChanges>,
}

/// Rules that come into force (+1) or cease to be (−1), at a tick.
pub(super) type RuleChanges = (Time, Vec<(Shared<Rule>, isize)>);

/// Where a worker parked for about so long it had nothing to do.
const QUIET: Duration = Duration::from_millis(150);
/// So long it parks at most.
const PARK: Duration = Duration::from_millis(200);

/// Takes a complete tick out.
pub(super) type Deliver = Box<dyn FnMut(Time, Vec<Message>) + Send>;

/// What all workers share.
pub(super) struct Work {
    /// The number of the first worker of this process among all.
    pub(super) first: usize,
    pub(super) receivers: Mutex<Vec<Option<Receiver<Batch>>>>,
    pub(super) questions: Mutex<Vec<Option<Receiver<Asked>>>>,
    pub(super) deliver: Mutex<Option<Deliver>>,
    pub(super) settings: Settings,
    pub(super) rules: Vec<Shared<Rule>>,
    pub(super) clock: Clock,
    pub(super) board: Arc<Board>,
    pub(super) keep: Option<Sender<KeptRows>>,
    pub(super) restored: Mutex<Vec<Option<Restored>>>,
    pub(super) ready: Sender<(usize, Thread)>,
}

/// Tells at once when this thread panics: the other workers would wait for it for ever.
struct TellPanic<'a>(&'a Board);

impl Drop for TellPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

/// Runs until there will be no more batches.
pub(super) fn run_worker(worker: &mut Worker, work: &Work) {
    let index = worker.index();
    let here = index - work.first;
    let Some(batches) = held(&work.receivers).get_mut(here).and_then(Option::take) else { return };
    let Some(questions) = held(&work.questions).get_mut(here).and_then(Option::take) else { return };
    let _told = TellPanic(&work.board);
    // Messages are handed over on the first worker only.
    let mut deliver = if index == 0 { held(&work.deliver).take() } else { None };
    let keeper = Rc::new(WorkerKeeper::new(index, work.keep.clone()));
    let restored = held(&work.restored).get_mut(here).and_then(Option::take).unwrap_or_default();
    let reporter = work.board.reporter(index);
    let (report, desk) = (Rc::new(reporter.clone()), Rc::new(Desk::default()));
    let outside = Outside { report, keep: Rc::clone(&keeper) as _, restored, desk: Rc::clone(&desk) };
    let (mut events, mut words, mut rules, probe) = worker.dataflow::<Time, _, _>(|scope| {
        let (events, parts) = scope.new_input::<Vec<Part>>();
        let (words, said) = scope.new_input::<Vec<(Time, Word)>>();
        let (rules, rules_in_force) = scope.new_collection();
        let delivered = offers(
            parts,
            said,
            rules_in_force,
            &work.settings,
            &work.clock,
            outside,
            move |tick, messages| {
                if let Some(deliver) = &mut deliver {
                    deliver(tick, messages);
                }
            },
        );
        let (probe, _) = delivered.probe();
        (events, words, rules, probe)
    });
    if index == 0 {
        work.rules.iter().cloned().for_each(|rule| rules.insert(rule));
    }
    // Whoever waits for this message is gone only if starting failed elsewhere.
    let _ = work.ready.send((index, std::thread::current()));
    loop {
        for Asked { question, answer } in questions.try_iter() {
            // There is room for it, and whoever asked may have gone.
            let _ = answer.try_send(desk.ask(&question));
        }
        match batches.try_recv() {
            Ok(batch) => {
                batch.keep.into_iter().for_each(|tick| keeper.want(tick));
                if let Some((tick, changes)) = batch.rules {
                    rules.advance_to(tick);
                    changes.into_iter().for_each(|(rule, diff)| rules.update(rule, diff));
                }
                rules.advance_to(batch.until);
                rules.flush();
                for (time, mut parts) in batch.ticks {
                    let mut said = words_of(time, &mut parts);
                    if !said.is_empty() {
                        words.advance_to(time);
                        words.send_batch(&mut said);
                    }
                    events.advance_to(time);
                    events.send_batch(&mut parts);
                }
                words.advance_to(batch.until);
                words.flush();
                events.advance_to(batch.until);
                events.flush();
            }
            Err(TryRecvError::Empty) => {
                keeper.turn();
                let began = Instant::now();
                worker.step_or_park(Some(PARK));
                reporter.turned(began.elapsed() >= QUIET);
                if index == 0 {
                    let done = probe.with_frontier(|frontier| frontier.first().copied());
                    done.into_iter().for_each(|done| work.board.complete(done));
                }
            }
            Err(TryRecvError::Disconnected) => break,
        }
    }
    // The rows of a checkpoint that was begun are given to the last one.
    while keeper.gives() {
        keeper.turn();
        worker.step();
    }
    // Dropped, not run to the end: nothing that waits for its time may come true by closing inputs.
    for dataflow in worker.installed_dataflows() {
        worker.drop_dataflow(dataflow);
    }
}
