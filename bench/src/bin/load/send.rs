//! The pacer hands out what is due; the connections send it as fast as they are answered.
//!
//! Invariant: the pacer never waits for a connection. What a connection cannot take yet waits in its
//! queue, and the wait counts as lateness.
//! Cost: the queues grow with what the server does not take.

use crate::Arguments;
use crate::connection::{Body, Target};
use crate::error::LoadError;
use crate::event::Event;
use crate::schedule::{Ledger, Schedule};
use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::client::conn::http1::SendRequest;
use shopbell_bench::rfc3339::Rfc3339;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Microseconds up to an hour, three digits exact; what is longer counts as an hour.
pub(crate) fn histogram() -> Result<Histogram<u64>, LoadError> {
    // Not the kind that grows: its saturating record cuts at what it has grown to.
    Ok(Histogram::new_with_bounds(1, 3_600_000_000, 3)?)
}

/// What was sent and how it was answered.
pub(crate) struct Sent {
    pub(crate) events: u64,
    pub(crate) elapsed: Duration,
    /// Requests and events by status; 0 is no answer.
    pub(crate) answers: BTreeMap<u16, (u64, u64)>,
    /// From when an event was due to when its request was handed to the socket.
    pub(crate) lateness: Histogram<u64>,
    /// From there to the answer.
    pub(crate) answer_time: Histogram<u64>,
}

struct Due {
    index: u64,
    event: Event,
}

/// Sends everything, and returns when everything is answered.
pub(crate) async fn send(
    arguments: &Arguments,
    target: &Target,
    mut events: mpsc::Receiver<Event>,
    ledger: &Arc<Ledger>,
) -> Result<Sent, LoadError> {
    let mut queues = Vec::new();
    let mut connections = Vec::new();
    let mut waiting = Vec::new();
    for _ in 0..arguments.connections {
        let sender = target.connect().await?;
        let (queue, batches) = mpsc::unbounded_channel();
        queues.push(queue);
        waiting.push((sender, batches));
    }
    // The timetable begins when there is something to send.
    let mut next = events.recv().await;
    let start = Instant::now();
    let schedule = Schedule::new(start, arguments.rate);
    ledger.begin(schedule);
    for (sender, batches) in waiting {
        let connection = Connection { target: target.clone(), schedule, limit: arguments.batch };
        connections.push(tokio::spawn(connection.run(sender, batches, Tally::new()?)));
    }

    let mut ticker = tokio::time::interval(Duration::from_millis(arguments.tick));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut index = 0;
    let mut turn = queues.iter().cycle();
    while next.is_some() {
        ticker.tick().await;
        let due = schedule.due_by(Instant::now());
        while index < due {
            let mut batch = Vec::new();
            while index < due && batch.len() < arguments.batch {
                let Some(event) = next.take() else { break };
                batch.push(Due { index, event });
                index += 1;
                next = events.recv().await;
            }
            if batch.is_empty() {
                break;
            }
            ledger.note(batch.iter().filter_map(|due| Some((due.event.key?, due.index))));
            if let Some(queue) = turn.next() {
                // A connection ends only when its queue is closed.
                let _ = queue.send(batch);
            }
        }
    }
    drop(turn);
    drop(queues);

    let mut sent = Sent {
        events: index,
        elapsed: Duration::ZERO,
        answers: BTreeMap::new(),
        lateness: histogram()?,
        answer_time: histogram()?,
    };
    for connection in connections {
        let tally = connection.await?;
        for (status, (requests, events)) in tally.answers {
            let total = sent.answers.entry(status).or_default();
            *total = (total.0 + requests, total.1 + events);
        }
        sent.lateness += tally.lateness;
        sent.answer_time += tally.answer_time;
    }
    sent.elapsed = start.elapsed();
    Ok(sent)
}

struct Tally {
    answers: BTreeMap<u16, (u64, u64)>,
    lateness: Histogram<u64>,
    answer_time: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Self, LoadError> {
        Ok(Tally { answers: BTreeMap::new(), lateness: histogram()?, answer_time: histogram()? })
    }
}

struct Connection {
    target: Target,
    schedule: Schedule,
    limit: usize,
}

impl Connection {
    async fn run(
        self,
        sender: SendRequest<Body>,
        mut batches: mpsc::UnboundedReceiver<Vec<Due>>,
        mut tally: Tally,
    ) -> Tally {
        let (mut sender, mut moments) = (Some(sender), Rfc3339::default());
        let mut left_over = None;
        loop {
            let mut batch = match left_over.take() {
                Some(batch) => batch,
                None => match batches.recv().await {
                    Some(batch) => batch,
                    None => return tally,
                },
            };
            // What piled up during the last request goes together.
            while let Ok(more) = batches.try_recv() {
                if batch.len() + more.len() > self.limit {
                    left_over = Some(more);
                    break;
                }
                batch.extend(more);
            }
            let (body, now) = self.body(&batch, &mut moments);
            for due in &batch {
                let late = now.saturating_duration_since(self.schedule.due(due.index));
                tally.lateness.saturating_record(microseconds(late));
            }
            let status = self.post(&mut sender, body).await;
            tally.answer_time.saturating_record(microseconds(now.elapsed()));
            let count = tally.answers.entry(status).or_default();
            *count = (count.0 + 1, count.1 + batch.len() as u64);
        }
    }

    fn body(&self, batch: &[Due], moments: &mut Rfc3339) -> (Vec<u8>, Instant) {
        let now = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let mut time = Vec::with_capacity(24);
        moments.write(wall, &mut time);
        let mut body = Vec::with_capacity(batch.len() * 256);
        for due in batch {
            due.event.write(&time, &mut body);
        }
        (body, now)
    }

    /// The answer's status; 0 where there was none. A lost connection is opened anew for the next
    /// batch; the lost one is not sent again, since nobody knows whether it arrived.
    async fn post(&self, sender: &mut Option<SendRequest<Body>>, body: Vec<u8>) -> u16 {
        if sender.as_ref().is_none_or(SendRequest::is_closed) {
            *sender = self.target.connect().await.ok();
        }
        let Some(open) = sender.as_mut() else {
            // Nobody listens: do not spin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            return 0;
        };
        let headers = [("content-type", "application/x-ndjson")];
        let Ok(request) = self.target.request(Method::POST, "/v1/events", &headers, body) else { return 0 };
        let answered = async {
            open.ready().await?;
            let response = open.send_request(request).await?;
            let status = response.status().as_u16();
            response.into_body().collect().await?;
            Ok::<u16, hyper::Error>(status)
        };
        answered.await.unwrap_or_else(|_| {
            *sender = None;
            0
        })
    }
}

pub(crate) fn microseconds(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
