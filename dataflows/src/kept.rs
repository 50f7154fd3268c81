//! The facts as rows that outlive the process.
//!
//! Purpose: what a checkpoint holds and a restart begins with. Invariant: the rows of a tick, latest of
//! each key, say everything about the events up to it that any later answer needs; a key's bucket follows
//! from the key alone, so that any number of workers finds its share. Cost: one entry of a set for each key
//! that changed since it was last kept; rows are written out where they are, not copied.

use crate::fold::{FoldValue, FoldValueRef};
use crate::learning::{Last, bucket as bucket_of_rule};
use crate::shards::{BUCKETS, bucket_of, shard_of, shard_of_link, shard_of_shelf};
use serde::{Deserialize, Serialize};
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Brand, Handle, ItemId, LocationId, Text, ZoneId};
use shopbell_model::time::Time;

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeptKey {
    /// A handle: history, profile and what was heard of it.
    Handle(Handle),
    /// Two handles, the lesser one first: whether they are one person.
    Link(Handle, Handle),
    /// The stock of an article.
    Stock(ItemId),
    /// What the catalogue says of an article.
    Article(ItemId),
    /// What it says of a place.
    Place(LocationId),
    /// What stands in a zone.
    Shelf(ZoneId),
    /// All zones and what senses in them, and where places are. Every worker has this row.
    Zones,
    /// A fact of the ledger: the handle it belongs to, the offer, and what of it.
    Said(Handle, Text, Said),
    /// What was last published of the accept rates of a brand's rule.
    Learned(Brand, Text),
}

/// What the ledger says of an offer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Said {
    /// It was sent.
    Sent,
    /// It was taken back.
    Withdrawn,
    /// It was reported as stopped by this policy.
    Suppressed(Text),
    /// It counts as told.
    Primed,
    /// It was made before what the ledger remembers.
    MadeBefore,
    /// It was sent in this tick, and holds something.
    Holds(Time),
    /// It was sent in this tick, and taken back with what it held.
    TakenBack(Time),
}

impl KeptKey {
    /// The key of a fact of the ledger; none for a fact that is not one.
    pub fn of_ledger(handle: &Handle, fact: &PersonFact) -> Option<KeptKey> {
        let (offer, said) = match fact {
            PersonFact::Sent(sent) => (&sent.offer_id, Said::Sent),
            PersonFact::Withdrawn(offer, ..) => (offer, Said::Withdrawn),
            PersonFact::Suppressed(offer, policy) => (offer, Said::Suppressed(policy.clone())),
            PersonFact::Primed(offer) => (offer, Said::Primed),
            PersonFact::MadeBefore(offer) => (offer, Said::MadeBefore),
            PersonFact::Holds(holding) => (&holding.offer, Said::Holds(holding.made)),
            PersonFact::TakenBack(holding) => (&holding.offer, Said::TakenBack(holding.made)),
            _ => return None,
        };
        Some(KeptKey::Said(handle.clone(), offer.clone(), said))
    }

    /// Where the row is kept.
    pub fn bucket(&self) -> u8 {
        if let KeptKey::Learned(brand, rule) = self {
            return bucket_of_rule(brand, rule);
        }
        bucket_of(match self {
            KeptKey::Handle(handle) | KeptKey::Said(handle, ..) => shard_of(handle.key()),
            KeptKey::Link(low, high) => shard_of_link(low, high),
            KeptKey::Stock(item) | KeptKey::Article(item) => shard_of(item.key()),
            KeptKey::Place(location) => shard_of(location.key()),
            KeptKey::Shelf(zone) => shard_of_shelf(zone),
            KeptKey::Zones | KeptKey::Learned(..) => 0,
        })
    }

    /// Whether a worker takes the row up when it begins: rows of its buckets, and what all have.
    pub fn is_for(&self, worker: usize, peers: usize) -> bool {
        *self == KeptKey::Zones || is_bucket_of(self.bucket(), worker, peers)
    }
}

/// Whether the rows of a bucket belong to a worker. The first bucket also holds what all have.
pub fn is_bucket_of(bucket: u8, worker: usize, peers: usize) -> bool {
    usize::from(bucket) % peers.max(1) == worker
}

const _: () = assert!(BUCKETS == u8::MAX as u64 + 1);

/// A row's value, read back.
#[derive(Debug, Deserialize)]
pub enum KeptValue {
    /// Of the fold.
    Fold(FoldValue),
    /// Of the ledger: the fact, and since when it is one.
    Said(PersonFact, Time),
    /// Accept rates.
    Learned(Last),
}

/// A row's value, to be written. Serialised it is what [`KeptValue`] reads.
#[derive(Debug, Serialize)]
pub enum KeptValueRef<'a> {
    /// Of the fold.
    Fold(FoldValueRef<'a>),
    /// Of the ledger: the fact, and since when it is one.
    Said(&'a PersonFact, Time),
    /// Accept rates.
    Learned(&'a Last),
}

/// A part of the graph that keeps facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Facts that follow from events.
    Fold,
    /// Words on who is who.
    Links,
    /// Facts that follow from decisions.
    Ledger,
    /// Rates that follow from what became of offers.
    Learning,
}

/// Takes the rows of one worker.
pub trait Keep {
    /// Whether rows are wanted at all: asked once, when the graph is built.
    fn is_wanted(&self) -> bool;
    /// The next tick after which this part is to give its rows.
    fn next(&self, keeper: Keeper) -> Option<Time>;
    /// The part holds the rows of that tick and gives them from now on, in one turn or several.
    fn begun(&self, keeper: Keeper);
    /// A row that changed since the last time; without a value it is gone.
    fn row(&self, keeper: Keeper, key: &KeptKey, value: Option<KeptValueRef<'_>>);
    /// Whether enough was given in this turn, so that events do not wait; the rest is for the next one.
    fn is_enough(&self) -> bool;
    /// All rows of that tick were given.
    fn done(&self, keeper: Keeper, tick: Time);
}

/// What a worker begins with.
#[derive(Debug, Default)]
pub struct Restored {
    /// The tick whose rows these are.
    pub tick: Time,
    /// The rows for this worker.
    pub rows: Vec<(KeptKey, KeptValue)>,
}
