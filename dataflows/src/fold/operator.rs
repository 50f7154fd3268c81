//! The fold as an operator: parts of events in, differences of facts out.
//!
//! Invariant: a tick's parts are applied in order of arrival once all of them are there, whatever
//! way they came; things that end by themselves end at their own tick, between ticks with events. Rows that are
//! kept are those of one tick, however many turns giving them takes.

use super::{Changes, Fold, FoldCounts, FoldSettings, FoldValue, Part};
use crate::clock::Clock;
use crate::demand::Demand;
use crate::identity::ForgottenHandles;
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use crate::shards::{bucket_of, shard_of};
use differential_dataflow::{AsCollection, VecCollection};
use shopbell_model::facts::{PersonFact, Subject, SubjectFact};
use shopbell_model::key::Handle;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::frontier::MutableAntichain;

/// What comes out of the fold. A handle without a fact says that the handle exists.
#[derive(Clone)]
pub struct FoldOutputs<'scope> {
    /// Facts of persons by handle.
    pub persons: VecCollection<'scope, Time, (Handle, Option<PersonFact>)>,
    /// Facts of articles and places.
    pub subjects: VecCollection<'scope, Time, (Subject, SubjectFact)>,
}

/// A fact's difference at a time.
type Update<D> = (D, Time, isize);

/// Differences of facts of several ticks.
#[derive(Default)]
struct Given {
    persons: Vec<Update<(Handle, Option<PersonFact>)>>,
    subjects: Vec<Update<(Subject, SubjectFact)>>,
}

impl Given {
    /// Takes what changed in a tick, but for facts that no rule asks for.
    fn take(&mut self, changes: &mut Changes, demand: &Demand, tick: Time) {
        let asked = |((_, fact), _): &((_, Option<PersonFact>), _)| {
            fact.as_ref().is_none_or(|fact| demand.asks_for(fact))
        };
        let persons = changes.persons.drain(..).filter(asked);
        self.persons.extend(persons.map(|(fact, diff)| (fact, tick, diff)));
        self.subjects.extend(changes.subjects.drain(..).map(|(fact, diff)| (fact, tick, diff)));
    }
}

/// What a fold begins with: the tick, and rows that another one kept.
pub(crate) type FoldRows = (Time, Vec<(KeptKey, FoldValue)>);

/// Folds parts into facts, beginning with what was kept, and forgets handles. `keep` takes the rows that
/// changed; `report` is told what could not be used, and the next time at which something ends by itself.
pub(crate) fn fold<'scope>(
    parts: Stream<'scope, Time, Vec<Part>>,
    forgotten: ForgottenHandles<'scope>,
    settings: &FoldSettings,
    clock: Clock,
    (restored_at, restored): FoldRows,
    keep: Rc<dyn Keep>,
    mut report: impl FnMut(FoldCounts, Option<Time>) + 'static,
) -> FoldOutputs<'scope> {
    let scope = parts.scope();
    let mut builder = OperatorBuilder::new("Fold".to_owned(), scope);
    let mut input = builder.new_input(parts, Exchange::new(|part: &Part| part.shard));
    let by_handle = |(handle, _): &(Handle, Time)| bucket_of(shard_of(handle.key())).into();
    let mut forgotten = builder.new_input(forgotten, Exchange::new(by_handle));
    let (persons, persons_stream) = builder.new_output::<Vec<Update<(Handle, Option<PersonFact>)>>>();
    let (subjects, subjects_stream) = builder.new_output::<Vec<Update<(Subject, SubjectFact)>>>();
    let mut persons = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(persons);
    let mut subjects = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(subjects);
    let mut fold = Fold::new(settings);
    if keep.is_wanted() {
        let keep = Rc::clone(&keep);
        fold.keep_track(Rc::new(move |key, value| {
            keep.row(Keeper::Fold, key, value.map(KeptValueRef::Fold));
        }));
    }
    let demand = settings.demand.clone();
    let activator = scope.activator_for(builder.operator_info().address);
    builder.build(move |capabilities| {
        let mut capabilities = Some(capabilities);
        let mut waiting: BTreeMap<Time, Vec<Part>> = BTreeMap::new();
        let mut forgetting: BTreeMap<Time, Vec<Handle>> = BTreeMap::new();
        let (mut changes, mut later) = (Changes::default(), Changes::default());
        let mut given = Given::default();
        // The tick whose rows are being given, a portion each turn: events do not wait for all of them.
        let mut holding: Option<Time> = None;
        // Under the first capability, which is there before time begins to go on.
        let mut first = (!restored.is_empty()).then_some(0);
        for (key, value) in restored {
            fold.restore(key, value, &mut changes);
        }
        given.take(&mut changes, &demand, restored_at);
        move |frontiers| {
            input.for_each(|capability, parts| {
                if let Some(time) = capability.least() {
                    waiting.entry(*time).or_default().append(parts);
                }
            });
            forgotten.for_each(|_, handles| {
                for (handle, tick) in handles.drain(..) {
                    forgetting.entry(tick).or_default().push(handle);
                }
            });
            // At the empty frontier the job ends; nothing that waits may come true by that.
            let first_of = |input: &MutableAntichain<Time>| input.frontier().first().copied();
            let frontier = frontiers.iter().map(first_of).try_fold(Time::MAX, |a, b| b.map(|b| a.min(b)));
            let (Some(frontier), Some(held)) = (frontier, capabilities.as_mut()) else {
                capabilities = None;
                return;
            };
            // What complete ticks give goes out under the first of them: rows carry their own times.
            let mut reached = held.first().map_or(0, |held| *held.time());
            loop {
                let with_event = waiting.first_key_value().map(|(time, _)| *time);
                let asked = forgetting.first_key_value().map(|(time, _)| *time);
                let next_event = with_event.into_iter().chain(asked).min().filter(|time| *time < frontier);
                let next_due = fold.next_due().and_then(|due| clock.fires_before(due, frontier));
                // A tick that has passed already cannot be written to: what came due in it is late.
                let next_due = next_due.map(|tick| tick.max(reached));
                let next = next_event.into_iter().chain(next_due).min();
                let wanted = keep.next(Keeper::Fold).filter(|wanted| *wanted < frontier);
                if let Some(wanted) = wanted.filter(|wanted| next.is_none_or(|next| next > *wanted)) {
                    // What is still held of the one before comes first, or it would be lost.
                    if let Some(before) = holding.replace(wanted) {
                        fold.keep_on(|| false);
                        keep.done(Keeper::Fold, before);
                    }
                    keep.begun(Keeper::Fold);
                    fold.hold();
                    continue;
                }
                let Some(tick) = next else { break };
                if let Some(mut parts) = waiting.remove(&tick) {
                    parts.sort_by_key(|part| part.arrival);
                    for part in parts {
                        fold.apply(part, &mut changes);
                    }
                }
                fold.advance(clock.until(tick), &mut changes);
                for handle in forgetting.remove(&tick).into_iter().flatten() {
                    fold.forget(&handle, &mut changes, &mut later);
                }
                given.take(&mut changes, &demand, tick);
                given.take(&mut later, &demand, clock.tick_of(tick.saturating_add(1)));
                reached = tick;
                first.get_or_insert(tick);
            }
            if let (Some(first), [to_persons, to_subjects]) = (first.take(), held.as_mut_slice()) {
                for capability in [&mut *to_persons, &mut *to_subjects] {
                    capability.downgrade(&first);
                }
                persons.activate().session(to_persons).give_iterator(given.persons.drain(..));
                subjects.activate().session(to_subjects).give_iterator(given.subjects.drain(..));
            }
            for capability in held.iter_mut() {
                capability.downgrade(&frontier);
            }
            report(fold.take_counts(), fold.next_due());
            if let Some(wanted) = holding {
                if fold.keep_on(|| keep.is_enough()) {
                    keep.done(Keeper::Fold, wanted);
                    holding = None;
                } else {
                    activator.activate();
                }
            }
        }
    });
    FoldOutputs { persons: persons_stream.as_collection(), subjects: subjects_stream.as_collection() }
}
