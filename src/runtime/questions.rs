//! Questions to the workers of all processes, from any thread.
//!
//! Invariant: one question at a time, and every wait has an end; workers answer between two steps and are never
//! waited for by a tick. Cost: nothing while nobody asks but a look at an empty queue a step.

use crate::cluster::{Link, ToMember};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use shopbell_dataflows::explain::{Question, Reply};
use std::sync::{Arc, Mutex};
use std::thread::Thread;
use std::time::{Duration, Instant};
use thiserror::Error;

use super::held;

/// Questions that a worker may have before it. More than one only where whoever asked has gone, or has heard from another.
const WAITING: usize = 4;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// There are no workers, not yet or no more.
    #[error("the engine is not running")]
    NotRunning,
    /// They have other work before them.
    #[error("the engine did not answer in time")]
    Late,
}

impl AskError {
    /// Stable name of the error.
    pub fn code(self) -> &'static str {
        match self {
            AskError::NotRunning => "engine-not-running",
            AskError::Late => "engine-late",
        }
    }
}

/// A question, and where the answer goes.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) answer: Sender<Option<Reply>>,
}

/// Where each worker gets its questions.
pub(super) fn question_queues(workers: usize) -> (Vec<Sender<Asked>>, Vec<Option<Receiver<Asked>>>) {
    (0..workers).map(|_| bounded(WAITING)).map(|(sender, receiver)| (sender, Some(receiver))).unzip()
}

/// The number of a question, and whoever asked it.
type Asking = (u64, Sender<Option<Reply>>);

/// Where the answers of members go: the number of the question they belong to, and whoever asked it.
#[derive(Clone, Default)]
pub(super) struct Elsewhere(Arc<Mutex<Option<Asking>>>);

impl Elsewhere {
    /// A member answered. Where that question is over nobody hears of it.
    pub(super) fn answered(&self, number: u64, reply: Option<Reply>) {
        if let Some((_, answer)) = held(&self.0).as_ref().filter(|(asked, _)| *asked == number) {
            // There is room for an answer of everybody.
            let _ = answer.try_send(reply);
        }
    }
}

/// Asks the workers. Clones are the same.
#[derive(Clone)]
pub struct Asker(Arc<Parts>);

struct Parts {
    workers: Vec<(Sender<Asked>, Thread)>,
    members: Vec<Link>,
    elsewhere: Elsewhere,
    /// Holds the number of the next question while nobody asks.
    turn: (Sender<u64>, Receiver<u64>),
}

impl Asker {
    pub(super) fn new(
        workers: Vec<(Sender<Asked>, Thread)>,
        members: Vec<Link>,
        elsewhere: Elsewhere,
    ) -> Asker {
        let turn = bounded(1);
        // There is room for it.
        let _ = turn.0.send(1);
        Asker(Arc::new(Parts { workers, members, elsewhere, turn }))
    }

    /// What the one that knows says, or nothing where nobody knows. Waits for its turn, and for all workers.
    pub fn ask(&self, question: &Question, within: Duration) -> Result<Option<Reply>, AskError> {
        let deadline = Instant::now() + within;
        let Parts { turn: (over, turn), elsewhere, .. } = &*self.0;
        let number = turn.recv_deadline(deadline).map_err(|_| AskError::Late)?;
        let reply = self.0.ask(question, number, deadline);
        held(&elsewhere.0).take();
        // There is room for it: it was taken out.
        let _ = over.send(number + 1);
        reply
    }
}

impl Parts {
    fn ask(&self, question: &Question, number: u64, deadline: Instant) -> Result<Option<Reply>, AskError> {
        let everybody = self.workers.len() + self.members.len();
        let (answer, answers) = bounded(everybody);
        for (worker, thread) in &self.workers {
            let asked = Asked { question: question.clone(), answer: answer.clone() };
            // One that is slow may still have questions before it that others answered.
            thread.unpark();
            worker.send_deadline(asked, deadline).map_err(|failed| match failed {
                SendTimeoutError::Timeout(_) => AskError::Late,
                SendTimeoutError::Disconnected(_) => AskError::NotRunning,
            })?;
            thread.unpark();
        }
        if !self.members.is_empty() {
            *held(&self.elsewhere.0) = Some((number, answer.clone()));
        }
        for member in &self.members {
            member.send(&ToMember::Ask(number, question.clone())).map_err(|_| AskError::NotRunning)?;
        }
        drop(answer);
        for _ in 0..everybody {
            match answers.recv_deadline(deadline) {
                Ok(None) => {}
                Ok(Some(reply)) => return Ok(Some(reply)),
                Err(RecvTimeoutError::Timeout) => return Err(AskError::Late),
                Err(RecvTimeoutError::Disconnected) => return Err(AskError::NotRunning),
            }
        }
        Ok(None)
    }
}
