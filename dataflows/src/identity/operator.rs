//! Identity as an operator: words in, persons and the forgotten out.
//!
//! Invariant: a tick's words are taken together, once all of them are there. It stands before the fold, so
//! that who is forgotten is known in the tick in which it is asked for, without a loop. Cost: nothing is held
//! while nobody speaks: the fold, which waits for the forgotten, is not kept waiting.

use super::registry::{Registry, Word};
use super::{IdentityCounts, Renaming};
use crate::clock::Clock;
use crate::explain::{Desk, Question, Reply};
use crate::fold::{Content, FoldValue, FoldValueRef, Part};
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use crate::shards::{bucket_of, shard_of};
use differential_dataflow::{AsCollection, VecCollection};
use shopbell_model::key::{Brand, Handle};
use shopbell_model::settings::Identity;
use shopbell_model::time::Time;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::Concat;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::ToStream;

/// Words with the tick they were taken in.
pub(crate) type Words<'scope> = Stream<'scope, Time, Vec<(Time, Word)>>;

/// Handles that are forgotten, with the tick in which they are.
pub(crate) type ForgottenHandles<'scope> = Stream<'scope, Time, Vec<(Handle, Time)>>;

/// What identity says.
pub(crate) struct Identified<'scope> {
    /// Persons of handles, as corrections of "every handle is a person of its own".
    pub(crate) renamings: VecCollection<'scope, Time, Renaming>,
    /// Handles of persons who are forgotten.
    pub(crate) forgotten: ForgottenHandles<'scope>,
}

/// What identity begins with: the tick, and rows that another one kept.
pub(crate) type LinkRows = (Time, Vec<(KeptKey, FoldValue)>);

/// The shard of what is said in a brand: all of it is with one worker.
pub(crate) fn shard_of_brand(brand: &Brand) -> u64 {
    shard_of(brand.as_str())
}

/// Takes the words out of the parts of a tick: they go to identity, and the others to the fold. Seldom any.
pub fn words_of(tick: Time, parts: &mut Vec<Part>) -> Vec<(Time, Word)> {
    let is_word = |part: &mut Part| matches!(part.content, Content::Word(_));
    let words = parts.extract_if(.., is_word).filter_map(|part| match part.content {
        Content::Word(word) => Some((tick, word)),
        _ => None,
    });
    words.collect()
}

/// Persons from words, beginning with what was kept. `keep` takes the pairs that changed; who is who can be asked at
/// `desk`.
pub(crate) fn identity<'scope>(
    words: Words<'scope>,
    limits: &Identity,
    clock: Clock,
    (restored_at, restored): LinkRows,
    keep: Rc<dyn Keep>,
    desk: &Desk,
    mut report: impl FnMut(IdentityCounts) + 'static,
) -> Identified<'scope> {
    let restored = restored.into_iter().filter_map(move |(key, value)| match (key, value.as_link()) {
        (KeptKey::Link(low, high), Some((at, linked))) => {
            Some((restored_at, Word::Link { low, high, at, linked }))
        }
        _ => None,
    });
    let words = restored.collect::<Vec<_>>().to_stream(words.scope()).concat(words);
    let by_brand = Exchange::new(|(_, word): &(Time, Word)| {
        let (Word::Link { low: handle, .. } | Word::Forget(handle)) = word;
        bucket_of(shard_of_brand(&handle.brand())).into()
    });
    let mut builder = OperatorBuilder::new("Identity".to_owned(), words.scope());
    let mut input = builder.new_input(words, by_brand);
    let (renamings, renamings_stream) = builder.new_output::<Vec<(Renaming, Time, isize)>>();
    let (forgotten, forgotten_stream) = builder.new_output::<Vec<(Handle, Time)>>();
    let mut renamings = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(renamings);
    let mut forgotten = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(forgotten);
    let registry = Rc::new(RefCell::new(Registry::new(limits.clone())));
    {
        let registry = Rc::clone(&registry);
        desk.seat(move |question| match question {
            Question::Handle(handle) => registry.borrow().identity_of(handle).map(Reply::Identity),
            _ => None,
        });
    }
    builder.build(move |_| {
        let mut waiting: BTreeMap<Time, Vec<Word>> = BTreeMap::new();
        // The right to speak of the earliest tick that is not done, on either output.
        let mut held: Option<[Capability<Time>; 2]> = None;
        let mut is_tracked = !keep.is_wanted();
        move |frontiers| {
            let registry = &mut *registry.borrow_mut();
            input.for_each(|capability, words| {
                for (tick, word) in words.drain(..) {
                    waiting.entry(tick).or_default().push(word);
                    if held.as_ref().is_none_or(|[first, _]| tick < *first.time()) {
                        held = Some([0, 1].map(|port| capability.delayed(&tick, port)));
                    }
                }
            });
            // At the empty frontier the job ends.
            let Some(frontier) = frontiers.first().and_then(|input| input.frontier().first().copied()) else {
                held = None;
                return;
            };
            let (mut renamings, mut forgotten) = (renamings.activate(), forgotten.activate());
            loop {
                let first = waiting.first_key_value().map(|(tick, _)| *tick);
                let next = first.into_iter().chain(registry.next()).min().filter(|tick| *tick < frontier);
                if !is_tracked && frontier > restored_at && next.is_none_or(|next| next > restored_at) {
                    // What was restored is kept already.
                    registry.keep_track();
                    is_tracked = true;
                }
                let wanted = keep.next(Keeper::Links).filter(|wanted| *wanted < frontier);
                if let Some(wanted) = wanted.filter(|wanted| next.is_none_or(|next| next > *wanted)) {
                    keep.begun(Keeper::Links);
                    registry.keep(|(low, high), said| {
                        let said = said.map(|(at, is)| KeptValueRef::Fold(FoldValueRef::link(at, is)));
                        keep.row(Keeper::Links, &KeptKey::Link(low, high), said);
                    });
                    keep.done(Keeper::Links, wanted);
                    continue;
                }
                let (Some(tick), Some([to_renamings, to_forgotten])) = (next, &held) else { break };
                let words = waiting.remove(&tick).unwrap_or_default();
                let told = registry.tick(tick, words, clock.tick_of(tick.saturating_add(1)));
                let rows = told.renamings.into_iter().map(|(renaming, diff)| (renaming, tick, diff));
                renamings.session(to_renamings).give_iterator(rows);
                let handles = told.forgotten.into_iter().map(|handle| (handle, tick));
                forgotten.session(to_forgotten).give_iterator(handles);
                report(registry.counts());
            }
            let next = waiting.keys().copied().chain(registry.next()).min();
            held = held.take().zip(next).map(|(held, next)| held.map(|held| held.delayed(&next)));
        }
    });
    Identified { renamings: renamings_stream.as_collection(), forgotten: forgotten_stream }
}
