//! Answers counted by rule, and published at moments of the clock.
//!
//! Invariant: what is published at a moment are the rates of the counts after all ticks up to it; it is in
//! force from the next moment on. Between moments nothing is said, and no right to speak is held but that of
//! the next moment with changes, so that this may stand in a loop. Cost: the counts of a rule's segments and
//! channels once a period in which one of them changed.

use super::{Answer, RuleOf};
use crate::clock::Clock;
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use crate::offers::Report;
use crate::shards::{bucket_of, shard_of};
use differential_dataflow::{AsCollection, VecCollection};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::key::{Brand, Text};
use shopbell_model::learning::{Cells, Counts, Learning, Rates, moment_from};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

/// The rates of a rule.
pub(crate) type Published = (RuleOf, Shared<Rates>);

/// What was last published of a rule: all that a restart needs besides the facts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Last {
    /// The moment.
    pub at: Time,
    /// What; nothing where no answered offer is known any more.
    pub rates: Option<Shared<Rates>>,
    /// What was published before, and is in force until the next moment.
    pub before: Option<Shared<Rates>>,
}

/// What a worker begins with: the tick, and what was published last.
pub(crate) type Began = (Time, Vec<(RuleOf, Last)>);

/// What had been published before it began, with the moment from which it is in force or no longer is.
pub(crate) fn at_first((began, last): &Began, period: u64) -> Vec<((Published, Time), Time, isize)> {
    let mut rows = Vec::new();
    for (rule, last) in last {
        let next = last.at.saturating_add(period);
        let mut give = |rates: &Option<Shared<Rates>>, from, diff| {
            rows.extend(rates.iter().map(|rates| (((rule.clone(), rates.clone()), from), *began, diff)));
        };
        give(&last.before, 0, 1);
        give(&last.before, next, -1);
        give(&last.rates, next, 1);
    }
    rows
}

/// A rule's counts.
#[derive(Debug, Default)]
struct Known {
    cells: BTreeMap<Answer, i64>,
    last: Option<Last>,
}

impl Known {
    /// Over all segments and channels.
    fn whole(&self) -> Counts {
        self.cells.iter().fold(Counts::default(), |sum, ((.., accepted), number)| {
            let answered = u64::try_from(*number).unwrap_or(0);
            sum.and(Counts { accepted: if *accepted { answered } else { 0 }, answered })
        })
    }

    fn rates(&self, learning: &Learning) -> Option<Shared<Rates>> {
        let mut cells = Cells::new();
        for ((segment, channel, accepted), number) in &self.cells {
            let answered = u64::try_from(*number).unwrap_or(0);
            let counts = Counts { accepted: if *accepted { answered } else { 0 }, answered };
            let sum = cells.entry((segment.clone(), channel.clone())).or_default();
            *sum = sum.and(counts);
        }
        (!cells.is_empty()).then(|| Shared::new(Rates::of(&cells, learning)))
    }
}

/// Counts answers by rule, and gives the rates at the moments at which they change, with the moment from
/// which they are in force.
pub(crate) fn tally<'scope>(
    answers: VecCollection<'scope, Time, (RuleOf, Answer)>,
    (began, last): Began,
    learning: Learning,
    clock: Clock,
    keep: Rc<dyn Keep>,
    report: Rc<dyn Report>,
) -> VecCollection<'scope, Time, (Published, Time)> {
    // By bucket: what is kept of a rule is found by it.
    let by_rule =
        Exchange::new(|((rule, _), _, _): &((RuleOf, Answer), Time, isize)| bucket(&rule.0, &rule.1).into());
    let period = learning.period(clock.grid());
    answers
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<_>>, _, _, _>(
            by_rule,
            "Tally",
            move |capability, _| {
                let mut known: FxHashMap<RuleOf, Known> = FxHashMap::default();
                let mut waiting: BTreeMap<Time, Vec<(RuleOf, Answer, isize)>> = BTreeMap::new();
                let mut held: Option<Capability<Time>> = None;
                for (rule, last) in last {
                    // Nothing may be left of what was counted: it is looked at again.
                    let moment = moment_from(began.saturating_add(1), period);
                    waiting.entry(moment).or_default().push((rule.clone(), Answer::default(), 0));
                    held = Some(capability.delayed(&moment));
                    known.insert(rule, Known { cells: BTreeMap::new(), last: Some(last) });
                }
                drop(capability);
                let mut changed: BTreeMap<(Time, RuleOf), Last> = BTreeMap::new();
                move |(input, frontier), output| {
                    let port = output.output_index();
                    input.for_each(|capability, changes| {
                        for ((rule, answer), time, diff) in changes.drain(..) {
                            // What was known when it began was published then.
                            let moment = moment_from(time.max(began.saturating_add(1)), period);
                            if held.as_ref().is_none_or(|held| moment < *held.time()) {
                                held = Some(capability.delayed(&moment, port));
                            }
                            waiting.entry(moment).or_default().push((rule, answer, diff));
                        }
                    });
                    let Some(frontier) = frontier.frontier().first().copied() else {
                        held = None;
                        return;
                    };
                    while let Some(entry) = waiting
                        .first_entry()
                        .filter(|entry| clock.fires_before(*entry.key(), frontier).is_some())
                        && let Some(capability) = &held
                    {
                        let (moment, changes) = entry.remove_entry();
                        let capability = capability.delayed(&moment);
                        let mut touched: BTreeSet<RuleOf> = BTreeSet::new();
                        for (rule, answer, diff) in changes {
                            let number =
                                known.entry(rule.clone()).or_default().cells.entry(answer).or_default();
                            *number += diff as i64;
                            touched.insert(rule);
                        }
                        let mut session = output.session(&capability);
                        for rule in touched {
                            let Some(counts) = known.get_mut(&rule) else { continue };
                            counts.cells.retain(|_, number| *number != 0);
                            let rates = counts.rates(&learning);
                            let whole = counts.whole();
                            report.learned(&rule, whole, whole.rate(learning.start_rate, learning.weight));
                            let before = counts.last.as_ref().and_then(|last| last.rates.clone());
                            if rates == before {
                                continue;
                            }
                            let from = moment.saturating_add(period);
                            let row = |rates: &Shared<Rates>| ((rule.clone(), rates.clone()), from);
                            session.give_iterator(before.iter().map(|rates| (row(rates), moment, -1)));
                            session.give_iterator(rates.iter().map(|rates| (row(rates), moment, 1)));
                            let last = Last { at: moment, rates, before };
                            if keep.is_wanted() {
                                changed.insert((moment, rule.clone()), last.clone());
                            }
                            counts.last = Some(last);
                        }
                    }
                    let next = waiting.first_key_value().map(|(moment, _)| *moment);
                    held = held
                        .take()
                        .zip(next.filter(|moment| clock.comes_to(*moment)))
                        .map(|(held, moment)| held.delayed(&moment));
                    report.waiting("tally", (waiting.len(), next));
                    while let Some(wanted) = keep.next(Keeper::Learning).filter(|wanted| *wanted < frontier) {
                        keep.begun(Keeper::Learning);
                        while let Some(entry) = changed.first_entry().filter(|entry| entry.key().0 <= wanted)
                        {
                            let ((_, (brand, rule)), last) = entry.remove_entry();
                            keep.row(
                                Keeper::Learning,
                                &KeptKey::Learned(brand, rule),
                                Some(KeptValueRef::Learned(&last)),
                            );
                        }
                        keep.done(Keeper::Learning, wanted);
                    }
                }
            },
        )
        .as_collection()
}

/// Where what is kept of a rule's rates is found.
pub(crate) fn bucket(brand: &Brand, rule: &Text) -> u8 {
    bucket_of(shard_of(&(brand, rule)))
}
