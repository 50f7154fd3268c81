//! The fold as an operator: parts of events in, differences of facts out.
//!
//! Invariant: a tick's parts are applied in order of arrival once all of them are there, whatever
//! way they came; things that end by themselves end at their own tick, between ticks with events.

use super::{Changes, Fold, FoldCounts, FoldSettings, FoldValue, Part};
use crate::clock::Clock;
use crate::demand::Demand;
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use differential_dataflow::{AsCollection, VecCollection};
use shopbell_model::facts::{Link, PersonFact, Subject, SubjectFact};
use shopbell_model::key::Handle;
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// What comes out of the fold. A handle without a fact says that the handle exists.
#[derive(Clone)]
pub struct FoldOutputs<'scope> {
    /// Facts of persons by handle.
    pub persons: VecCollection<'scope, Time, (Handle, Option<PersonFact>)>,
    /// Facts of articles and places.
    pub subjects: VecCollection<'scope, Time, (Subject, SubjectFact)>,
    /// Links between handles.
    pub links: VecCollection<'scope, Time, Link>,
}

/// A fact's difference at a time.
type Update<D> = (D, Time, isize);

/// Differences of facts of several ticks.
#[derive(Default)]
struct Given {
    persons: Vec<Update<(Handle, Option<PersonFact>)>>,
    subjects: Vec<Update<(Subject, SubjectFact)>>,
    links: Vec<Update<Link>>,
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
        self.links.extend(changes.links.drain(..).map(|(fact, diff)| (fact, tick, diff)));
    }
}

/// What a fold begins with: the tick, and rows that another one kept.
pub(crate) type FoldRows = (Time, Vec<(KeptKey, FoldValue)>);

/// Folds parts into facts, beginning with what was kept. `keep` takes the rows that changed; `report` is
/// told what could not be used, and the next time at which something ends by itself.
pub(crate) fn fold<'scope>(
    parts: Stream<'scope, Time, Vec<Part>>,
    settings: &FoldSettings,
    clock: Clock,
    (restored_at, restored): FoldRows,
    keep: Rc<dyn Keep>,
    mut report: impl FnMut(FoldCounts, Option<Time>) + 'static,
) -> FoldOutputs<'scope> {
    let mut builder = OperatorBuilder::new("Fold".to_owned(), parts.scope());
    let mut input = builder.new_input(parts, Exchange::new(|part: &Part| part.shard));
    let (persons, persons_stream) = builder.new_output::<Vec<Update<(Handle, Option<PersonFact>)>>>();
    let (subjects, subjects_stream) = builder.new_output::<Vec<Update<(Subject, SubjectFact)>>>();
    let (links, links_stream) = builder.new_output::<Vec<Update<Link>>>();
    let mut persons = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(persons);
    let mut subjects = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(subjects);
    let mut links = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(links);
    let mut fold = Fold::new(settings);
    if keep.is_wanted() {
        fold.keep_track();
    }
    let demand = settings.demand.clone();
    builder.build(move |capabilities| {
        let mut capabilities = Some(capabilities);
        let mut waiting: BTreeMap<Time, Vec<Part>> = BTreeMap::new();
        let mut changes = Changes::default();
        let mut given = Given::default();
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
            // At the empty frontier the job ends; nothing that waits may come true by that.
            let frontier = frontiers.first().and_then(|frontier| frontier.frontier().first().copied());
            let (Some(frontier), Some(held)) = (frontier, capabilities.as_mut()) else {
                capabilities = None;
                return;
            };
            // What complete ticks give goes out under the first of them: rows carry their own times.
            let mut reached = held.first().map_or(0, |held| *held.time());
            loop {
                let next_event = waiting.first_key_value().map(|(time, _)| *time);
                let next_event = next_event.filter(|time| *time < frontier);
                let next_due = fold.next_due().and_then(|due| clock.fires_before(due, frontier));
                // A tick that has passed already cannot be written to: what came due in it is late.
                let next_due = next_due.map(|tick| tick.max(reached));
                let next = next_event.into_iter().chain(next_due).min();
                let wanted = keep.next(Keeper::Fold).filter(|wanted| *wanted < frontier);
                if let Some(wanted) = wanted.filter(|wanted| next.is_none_or(|next| next > *wanted)) {
                    fold.keep(|key, value| keep.row(key, value.map(KeptValueRef::Fold)));
                    keep.done(Keeper::Fold, wanted);
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
                given.take(&mut changes, &demand, tick);
                reached = tick;
                first.get_or_insert(tick);
            }
            if let (Some(first), [to_persons, to_subjects, to_links]) = (first.take(), held.as_mut_slice()) {
                for capability in [&mut *to_persons, &mut *to_subjects, &mut *to_links] {
                    capability.downgrade(&first);
                }
                persons.activate().session(to_persons).give_iterator(given.persons.drain(..));
                subjects.activate().session(to_subjects).give_iterator(given.subjects.drain(..));
                links.activate().session(to_links).give_iterator(given.links.drain(..));
            }
            for capability in held.iter_mut() {
                capability.downgrade(&frontier);
            }
            report(fold.take_counts(), fold.next_due());
        }
    });
    FoldOutputs {
        persons: persons_stream.as_collection(),
        subjects: subjects_stream.as_collection(),
        links: links_stream.as_collection(),
    }
}
