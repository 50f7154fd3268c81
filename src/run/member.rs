//! A process that is a member of a job: it brings workers, and nothing else.
//!
//! Invariant: it does what the head says, in the order in which that says it; it keeps nothing of its own. Whatever
//! ends its workers or its link ends it. Cost: two threads besides the workers and the link.

use super::cluster::settings_digest;
use super::control::Control;
use super::{RunError, parts, signals};
use crate::cluster::{Begin, ClusterError, Link, Member, Place, ToHead, ToMember};
use crate::config::Config;
use crate::runtime::{Asker, EngineError, Job, KeptRows, Share, settings_for};
use crate::source::Intake;
use crate::stored::{Row, read_row};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, unbounded};
use shopbell_dataflows::explain::Question;
use shopbell_dataflows::kept::Restored;
use std::time::Duration;

/// How often it is looked whether the workers are well.
const LOOK: Duration = Duration::from_millis(200);
/// How often the head is told how they are, at least.
const PULSE: Duration = Duration::from_secs(1);
/// The longest that the workers may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Rows in one message to the head.
const ROWS: usize = 4096;

/// What the head has said of a life that has not begun.
struct Announced {
    begin: Begin,
    restored: Vec<Restored>,
}

/// Runs a member until the head ends the job. `ready` is told, each time a life of the dataflow begins, which
/// generation it is of.
pub fn run_member(config: &Config, place: &Place, ready: impl Fn(u64)) -> Result<(), RunError> {
    let runtime = parts::runtime()?;
    let (intake, _receiver) = Intake::bounded(1);
    let control = Control::new(intake);
    signals::watch(&runtime, control.clone())?;
    let stopping = control.clone();
    let Some(member) = Member::join(place, runtime.handle(), move || stopping.is_stopping())? else {
        return Ok(());
    };
    let ended = serve(config, place, &member, &control, ready);
    if let Err(error) = &ended {
        // The head may be what is lost.
        let _ = member.link().send(&ToHead::Failed(error.to_string()));
    }
    member.leave();
    if ended.is_err() {
        runtime.shutdown_background();
    }
    ended
}

fn serve(
    config: &Config,
    place: &Place,
    member: &Member,
    control: &Control,
    ready: impl Fn(u64),
) -> Result<(), RunError> {
    let (mut announced, mut share): (Option<Announced>, Option<Share>) = (None, None);
    let mut told = false;
    loop {
        if control.is_stopping() && !std::mem::replace(&mut told, true) {
            say(&member.link(), &ToHead::Leaving)?;
        }
        if share.as_ref().is_some_and(|share| share.board().has_ended()) {
            return Err(EngineError::WorkerLost.into());
        }
        match member.next(LOOK)? {
            None => {}
            Some(ToMember::Begin(begin)) => {
                if begin.settings != settings_digest(config) {
                    return Err(ClusterError::Settings { process: place.process }.into());
                }
                let restored = |_| Restored { tick: begin.restored_at, rows: Vec::new() };
                let restored = (0..begin.workers).map(restored).collect();
                announced = Some(Announced { begin, restored });
            }
            Some(ToMember::Restored(worker, rows)) => {
                if let Some(announced) = &mut announced {
                    announced.restore(place, worker, &rows)?;
                }
            }
            Some(ToMember::Start) => {
                if let Some(announced) = announced.take() {
                    let generation = announced.begin.generation;
                    share = Some(announced.start(config, member)?);
                    say(&member.link(), &ToHead::Ready)?;
                    ready(generation);
                }
            }
            Some(ToMember::Batches(batches)) => {
                if let Some(share) = &share {
                    share.give(batches)?;
                }
            }
            Some(ToMember::Ask(number, question)) => {
                if let Some(share) = &share {
                    answer(share.asker(), member.link(), number, question)?;
                }
            }
            Some(ToMember::StopAt(moment)) => share.iter().for_each(|share| share.stop_at(moment)),
            Some(ToMember::End) => {
                share.take().map_or(Ok(()), Share::stop)?;
                say(&member.link(), &ToHead::Ended)?;
            }
            Some(ToMember::Bye) => return Ok(()),
        }
    }
}

fn say(link: &Link, message: &ToHead) -> Result<(), RunError> {
    link.send(message).map_err(|reason| ClusterError::Lost { process: 0, reason }.into())
}

/// Answers a question, on a thread of its own: what the head says next must not wait for it.
fn answer(asker: Asker, link: Link, number: u64, question: Question) -> Result<(), RunError> {
    let cannot = |error| RunError::System { what: "a member's answer", error };
    let thread = std::thread::Builder::new().name("shopbell-answer".to_owned());
    let answer = move || {
        // Whoever asked waits no longer than that; it hears nothing where there is no answer.
        let Ok(reply) = asker.ask(&question, ANSWER) else { return };
        let Ok(reply) = serde_json::to_vec(&reply) else { return };
        let _ = link.send(&ToHead::Answer(number, reply));
    };
    thread.spawn(answer).map(drop).map_err(cannot)
}

impl Announced {
    fn restore(&mut self, place: &Place, worker: usize, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<(), RunError> {
        let here = worker.checked_sub(place.process * self.begin.workers);
        let Some(restored) = here.and_then(|here| self.restored.get_mut(here)) else { return Ok(()) };
        for (key, value) in rows {
            if let Row::Fact(key, value) = read_row(key, value)? {
                restored.rows.push((key, value));
            }
        }
        Ok(())
    }

    /// Starts the workers, and tells the head how they are and what they keep.
    fn start(self, config: &Config, member: &Member) -> Result<Share, RunError> {
        let Announced { begin, restored } = self;
        let (keep, rows) = unbounded();
        let job = Job {
            workers: begin.workers,
            grid: begin.grid,
            unfinished: begin.unfinished,
            settings: settings_for(config, begin.demand),
            // They come in at the first worker of all.
            rules: Vec::new(),
            keep: begin.keep.then_some(keep),
            restored,
        };
        let sockets = member.connect(begin.generation, begin.life)?;
        let (changed, changes) = bounded::<()>(1);
        // One change that was not told yet stands for all.
        let share = Share::start(job, sockets, move || {
            let _ = changed.try_send(());
        })?;
        let cannot = |error| RunError::System { what: "a member's report", error };
        let link = member.link();
        let thread = std::thread::Builder::new().name("shopbell-kept".to_owned());
        thread.spawn(move || tell_kept(&link, &rows)).map_err(cannot)?;
        let (link, board, mine) = (member.link(), std::sync::Arc::downgrade(&share.board()), share.mine());
        let pulses = move || {
            loop {
                let ended = changes.recv_timeout(PULSE) == Err(RecvTimeoutError::Disconnected);
                let Some(board) = board.upgrade().filter(|_| !ended) else { return };
                if link.send(&ToHead::Pulse(Share::pulse(&board, mine.clone()))).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("shopbell-pulse".to_owned());
        thread.spawn(pulses).map_err(cannot)?;
        Ok(share)
    }
}

/// Gives the head what workers keep, in pieces.
fn tell_kept(link: &Link, kept: &Receiver<KeptRows>) {
    for KeptRows { worker, tick, rows } in kept {
        let told = match rows {
            Err(error) => link.send(&ToHead::Failed(error.to_string())),
            Ok(rows) => {
                let mut rows = rows.into_iter().map(|row| (row.bucket, row.key, row.value)).peekable();
                loop {
                    let piece: Vec<_> = rows.by_ref().take(ROWS).collect();
                    let last = rows.peek().is_none();
                    let told = link.send(&ToHead::Kept { worker, tick, rows: piece, last });
                    if last || told.is_err() {
                        break told;
                    }
                }
            }
        };
        if told.is_err() {
            // The link is lost, which ends the process.
            return;
        }
    }
}
