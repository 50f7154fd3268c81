//! What was accepted is kept: told to whoever waits for it.
//!
//! Invariant: a ticket is told only when everything it stands for is in the journal for good; where nothing is
//! kept there is nothing to wait for. Cost: an entry of a queue for each tick that is not durable yet.

use super::Ticket;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::watch;

/// The journal failed before it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the journal failed before the events were kept")]
pub struct NotKept;

/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Acknowledged(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    /// Tickets that are safe once a record of the journal is.
    waiting: Mutex<VecDeque<(u64, Ticket)>>,
    /// The last ticket that is safe, and whether no other will be.
    safe: watch::Sender<(Ticket, bool)>,
}

impl Acknowledged {
    /// Nothing is kept, so nobody waits.
    pub fn at_once() -> Self {
        Acknowledged(None)
    }

    /// Nothing is safe before the journal says so.
    pub fn by_journal() -> Self {
        let safe = watch::Sender::new((0, false));
        Acknowledged(Some(Arc::new(Shared { waiting: Mutex::default(), safe })))
    }

    /// Everything up to a ticket is in the journal's records up to `sequence`.
    pub fn written(&self, ticket: Ticket, sequence: u64) {
        let Some(shared) = &self.0 else { return };
        shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((sequence, ticket));
    }

    /// The journal's records up to `sequence` are kept for good.
    pub fn durable(&self, sequence: u64) {
        let Some(shared) = &self.0 else { return };
        let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        while let Some((_, ticket)) = waiting.front().filter(|(needed, _)| *needed <= sequence) {
            last = Some(*ticket);
            waiting.pop_front();
        }
        drop(waiting);
        if let Some(last) = last {
            shared.safe.send_modify(|(safe, _)| *safe = last.max(*safe));
        }
    }

    /// Nothing more will be kept.
    pub fn fail(&self) {
        if let Some(shared) = &self.0 {
            shared.safe.send_modify(|(_, failed)| *failed = true);
        }
    }

    /// Waits until everything up to the ticket is kept.
    pub async fn wait(&self, ticket: Ticket) -> Result<(), NotKept> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let mut safe = shared.safe.subscribe();
        let told = safe.wait_for(|(safe, failed)| *safe >= ticket || *failed).await;
        match told.map(|told| told.0 >= ticket) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotKept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ticket_waits_for_its_record() {
        let acknowledged = Acknowledged::by_journal();
        acknowledged.written(1, 10);
        acknowledged.written(3, 11);
        let waits = tokio::spawn({
            let acknowledged = acknowledged.clone();
            async move { acknowledged.wait(3).await }
        });
        acknowledged.durable(10);
        assert_eq!(acknowledged.wait(1).await, Ok(()));
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        acknowledged.durable(12);
        assert_eq!(waits.await.unwrap(), Ok(()));
        acknowledged.fail();
        assert_eq!((acknowledged.wait(3).await, acknowledged.wait(4).await), (Ok(()), Err(NotKept)));
    }

    #[tokio::test]
    async fn where_nothing_is_kept_nobody_waits() {
        assert_eq!(Acknowledged::at_once().wait(9).await, Ok(()));
    }
}
