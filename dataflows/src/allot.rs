//! What there is only so much of, shared out among all who ask: the best first.
//!
//! Purpose: decisions are each about one person, on any worker; a pool is for everybody. Candidates that need a part
//! of one ask for it, and all asks meet here, on the first worker.
//! Invariant: at each tick in which there was a change before or in it, every ask that stood before the tick has one
//! answer, granted or denied, and what is granted fits into all its pools beside what the ledger says is held and
//! used. A grant is for its tick alone: what is made of it is in the ledger by the next one, and what is not made is
//! there again. So nothing is kept here that facts and asks would not bring again after a restart.
//! Cost: an ask in an ordered set; what is denied is answered once and costs nothing while it waits, however many do.

mod held;
mod shares;

pub use held::{Held, held};
pub use shares::{PoolNumbers, Shares};

use crate::clock::Clock;
use crate::decide::Ground;
use crate::rows::Candidate;
use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use shopbell_model::key::{Person, Text};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

/// An offer that could be made if there is one for it. Ordered as offers are: the best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// Its score.
    pub score: Reverse<u8>,
    /// Its rule's priority.
    pub priority: Reverse<i32>,
    /// Its rule.
    pub rule: Text,
    /// Its id.
    pub offer: Text,
    /// Whom it is for.
    pub person: Person,
}

impl Ask {
    /// What a candidate asks for.
    pub fn of(person: &Person, candidate: &Candidate) -> Ask {
        Ask {
            score: Reverse(candidate.score),
            priority: Reverse(candidate.rule.priority),
            rule: candidate.rule.id.clone(),
            offer: candidate.offer_id.clone(),
            person: person.clone(),
        }
    }
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Row {
    Ask(Ask),
    Held(Held),
    Rule(Shared<Rule>),
}

/// What came for ticks that were not answered yet, and the right to answer.
#[derive(Default)]
struct Waiting {
    changes: BTreeMap<Time, Vec<(Row, isize)>>,
    /// Ticks in which there are answers because of a change.
    answers: BTreeSet<Time>,
    right: Option<Capability<Time>>,
}

/// Answers asks. `report` is told how all pools are, and when the next one has room again by itself.
pub fn allot<'scope>(
    asks: VecCollection<'scope, Time, Ask>,
    held: VecCollection<'scope, Time, Held>,
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    clock: Clock,
    mut report: impl FnMut(Option<Vec<PoolNumbers>>, Option<Time>) + 'static,
) -> VecCollection<'scope, Time, (Person, Ground)> {
    let rows = asks.map(Row::Ask).concat(held.map(Row::Held)).concat(rules.map(Row::Rule));
    let to_first = Exchange::new(|_: &(Row, Time, isize)| 0);
    rows.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(to_first, "Allot", move |_, _| {
            let (mut waiting, mut shares, mut told) = (Waiting::default(), Shares::default(), None);
            move |(input, frontier), output| {
                let port = output.output_index();
                input.for_each(|capability, rows| {
                    for (row, time, diff) in rows.drain(..) {
                        let tick = clock.tick_of(time);
                        if waiting.right.as_ref().is_none_or(|held| tick < *held.time()) {
                            waiting.right = Some(capability.delayed(&tick, port));
                        }
                        waiting.answers.insert(tick);
                        waiting.changes.entry(time).or_default().push((row, diff));
                    }
                });
                let Some(frontier) = frontier.frontier().first().copied() else {
                    waiting = Waiting::default();
                    return;
                };
                let mut answered = false;
                // A tick that begins behind the horizon never comes.
                let comes = |tick: &Time| clock.comes_to(clock.tick_before(*tick).saturating_add(1));
                loop {
                    let by_time = shares.next_due().filter(|due| clock.comes_to(*due));
                    let by_change = waiting.answers.first().copied().filter(comes);
                    let tick = by_time.map(|due| clock.tick_of(due)).into_iter().chain(by_change).min();
                    let change = waiting.changes.keys().next().copied().filter(|time| *time < frontier);
                    match (change, tick.filter(|tick| *tick < frontier)) {
                        (Some(time), tick) if tick.is_none_or(|tick| time <= tick) => {
                            shares.change(waiting.changes.remove(&time).unwrap_or_default());
                        }
                        (_, Some(tick)) => {
                            let Some(right) = &waiting.right else { break };
                            let mut session = output.session(right);
                            shares.answer(clock.until(tick), |person, ground, diff, later| {
                                session.give(((person, ground), tick + u64::from(later), diff));
                            });
                            waiting.answers.remove(&tick);
                            answered = true;
                        }
                        _ => break,
                    }
                }
                let by_time = shares.next_due().filter(|due| clock.comes_to(*due));
                let by_change = waiting.answers.first().copied().filter(comes);
                let next = by_time.map(|due| clock.tick_of(due)).into_iter().chain(by_change).min();
                waiting.right = waiting
                    .right
                    .take()
                    .zip(next)
                    .map(|(right, next)| right.delayed(&next.max(*right.time())));
                if answered || next != told {
                    told = next;
                    report(answered.then(|| shares.numbers()), next);
                }
            }
        })
        .as_collection()
}
