//! What was said, kept as facts: the other half of the loop.
//!
//! Invariant: a commitment of tick t is a fact from t + 1 on, until its retention ends; while the
//! offer can still be withdrawn it is also watched together with its situation. What stands for longer than it is
//! remembered is said again by the decisions, so that it is not made again. What an offer holds is a fact of its own, which is
//! kept for longer than the offer. Cost: two waiting rows an offer, two more where it holds something.

mod book;
mod forgetting;

use crate::clock::Clock;
use crate::identity::ForgottenHandles;
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use crate::when_due::{Waiting, when_due};
use differential_dataflow::{AsCollection, VecCollection};
use rustc_hash::FxHashMap;
use shopbell_model::facts::{Known, PersonFact};
use shopbell_model::key::Handle;
use shopbell_model::settings::Retention;
use shopbell_model::time::{Duration, Time};
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Concat;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::{Map, ToStream};

/// A fact of the ledger, with its handle.
type Row = (Handle, PersonFact);
/// Facts of the ledger.
type Facts<'scope> = VecCollection<'scope, Time, Row>;

/// What became or ceased to be a fact by the decisions of a tick; of both in one tick, what began comes
/// last and stays. With since when it is a fact.
type Changed = BTreeMap<(Time, bool), Vec<(Row, Option<Time>)>>;

/// What a ledger begins with: the tick, and facts, each with since when it is one.
pub(crate) type LedgerRows = (Time, Vec<(Row, Time)>);

/// A fact of the ledger, with its handle and since when it is one.
type Since = (Row, Time);

/// Facts of the ledger, each until its retention ends or its handle is forgotten, beginning with what was
/// kept. `keep` takes the rows that changed.
pub(crate) fn kept<'scope>(
    said: Facts<'scope>,
    forgotten: ForgottenHandles<'scope>,
    (restored_at, restored): LedgerRows,
    retention: &Retention,
    clock: Clock,
    keep: Rc<dyn Keep>,
    report: impl FnMut(Waiting) + 'static,
) -> Facts<'scope> {
    let scope = said.inner.scope();
    let standing = forgetting::standing(said, forgotten, &restored, retention.clone(), clock.clone());
    let restored =
        restored.into_iter().map(move |row| (row, restored_at, 1)).to_stream(scope).as_collection();
    let all = standing.clone().concat(restored);
    let retention = retention.clone();
    let ends = all.clone().map(move |(row, since)| {
        let end = since.saturating_add(span(&row.1, &retention).0);
        (row, end)
    });
    let ended = when_due(ends, clock.clone(), "When due: ledger", report);
    if keep.is_wanted() {
        give_rows(standing, ended.clone(), clock, keep);
    }
    let let_go = ended.clone().flat_map(|(handle, fact)| let_go(fact).map(|fact| (handle, fact)));
    let no_longer = let_go.clone().delay(|tick| tick.saturating_add(1)).negate();
    all.map(|(row, _)| row).concat(ended.negate()).concat(let_go).concat(no_longer)
}

/// How long a fact is kept.
fn span(fact: &PersonFact, retention: &Retention) -> Duration {
    match fact {
        PersonFact::Holds(holding) | PersonFact::TakenBack(holding) if holding.outlasts_its_day() => {
            retention.pools
        }
        PersonFact::Holds(_) | PersonFact::TakenBack(_) => retention.ledger.max(Retention::LEAST_OF_A_DAY),
        _ => retention.ledger,
    }
}

/// What is said, for one tick, of a fact that ends: decisions see whether the offer's reason stands all the same. That the fact is
/// gone would not tell them: it may have been another person's before that tick.
fn let_go(fact: PersonFact) -> Option<PersonFact> {
    match fact {
        PersonFact::Sent(sent) => Some(PersonFact::LetGo(sent.offer_id.clone(), Known::Made)),
        PersonFact::MadeBefore(offer) => Some(PersonFact::LetGo(offer, Known::Made)),
        PersonFact::Primed(offer) => Some(PersonFact::LetGo(offer, Known::Told)),
        _ => None,
    }
}

/// Gives the rows that changed. What follows from tick t becomes or ceases to be a fact after it, and belongs
/// to it: what is kept of t says what was said in t, and nothing of who was forgotten in it.
fn give_rows<'scope>(
    standing: VecCollection<'scope, Time, Since>,
    ended: Facts<'scope>,
    clock: Clock,
    keep: Rc<dyn Keep>,
) {
    let said = standing.inner.map(move |((row, since), time, diff)| {
        (row, clock.tick_before(time), Some(since).filter(|_| diff > 0))
    });
    let ended: Stream<'scope, Time, Vec<(Row, Time, Option<Time>)>> =
        ended.inner.map(|(row, time, _)| (row, time, None));
    let mut changes = Changed::new();
    said.concat(ended).sink(Pipeline, "Ledger: keep", move |(input, frontier)| {
        input.for_each(|_, rows| {
            for (row, tick, since) in rows.drain(..) {
                changes.entry((tick, since.is_some())).or_default().push((row, since));
            }
        });
        let Some(frontier) = frontier.frontier().first().copied() else { return };
        while let Some(wanted) =
            keep.next(Keeper::Ledger).filter(|wanted| wanted.saturating_add(1) < frontier)
        {
            keep.begun(Keeper::Ledger);
            let later = changes.split_off(&(wanted.saturating_add(1), false));
            let mut latest: FxHashMap<KeptKey, Option<(PersonFact, Time)>> = FxHashMap::default();
            for ((handle, fact), since) in std::mem::replace(&mut changes, later).into_values().flatten() {
                if let Some(key) = KeptKey::of_ledger(&handle, &fact) {
                    latest.insert(key, since.map(|since| (fact, since)));
                }
            }
            for (key, value) in &latest {
                let value = value.as_ref().map(|(fact, since)| KeptValueRef::Said(fact, *since));
                keep.row(Keeper::Ledger, key, value);
            }
            keep.done(Keeper::Ledger, wanted);
        }
    });
}
