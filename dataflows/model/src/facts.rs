//! Facts: all that is ever stored, and all that an answer follows from.
//!
//! Invariant: a fact says what is known, never what to do about it. Facts of a person are keyed by
//! the handle they were noticed under, so that linking and unlinking handles moves them between
//! persons without changing them. Rows are small: what is large is [`Shared`].

use crate::event::{LocationKind, Position, PushOutcome};
use crate::key::{EventRef, Handle, ItemId, LocationId, Text, ZoneId};
use crate::offer::{Reason, Sent};
use crate::pool::Holding;
use crate::shared::Shared;
use crate::time::Time;
use crate::value::{Money, Value};
use serde::{Deserialize, Serialize};

/// When something happened, and which came first of what happened at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Event time.
    pub time: Time,
    /// Place in the log.
    pub arrival: u64,
}

/// A fact about whoever is behind a handle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PersonFact {
    /// Something happened to a cart.
    Cart(Shared<CartMove>),
    /// Something was put on or taken from a wish list.
    Wish(Shared<Wish>),
    /// An article was looked at.
    View(Shared<Viewed>),
    /// Something was bought.
    Bought(Shared<Bought>),
    /// Somebody was noticed in a shop.
    Sign(Shared<Sign>),
    /// Somebody is or was in a zone.
    Zone(Shared<ZoneVisit>),
    /// Somebody is or was near a place.
    Near(Shared<Near>),
    /// An associate asked for an offer.
    Request(Shared<Request>),
    /// It was decided whether the offer may be made.
    Decision(Shared<Decision>),
    /// What was ever bought.
    Totals(Shared<Totals>),
    /// Somebody did something, and paused.
    Active(Shared<Active>),
    /// Somebody was noticed on a day.
    Noticed(Noticed),
    /// Somebody is nearer to this shop than to others.
    Nearest(Shared<Nearest>),
    /// How what is known of somebody came about.
    Past(Shared<Past>),
    /// A profile attribute was set or deleted.
    Attribute(Shared<Attribute>),
    /// Consent was given or taken back.
    Consent(Shared<Consent>),
    /// What became of an offer.
    Outcome(Text, PushOutcome),
    /// An offer was sent.
    Sent(Shared<Sent>),
    /// It was taken back, for this reason, at that time.
    Withdrawn(Text, Reason, Time),
    /// A candidate was reported as suppressed by this policy.
    Suppressed(Text, Text),
    /// A candidate of this offer stood already when its rule came into force: it counts as told.
    Primed(Text),
    /// The person is forgotten in this tick; with the offers that the handle reported as redeemed.
    Forgotten(Vec<Text>),
    /// This offer was made so long ago that the ledger let go of it, and its reason stands all the same.
    MadeBefore(Text),
    /// The ledger lets go of this offer in this tick: it is too old. What it was known as.
    LetGo(Text, Known),
    /// An offer was sent that holds this.
    Holds(Shared<Holding>),
    /// It was taken back.
    TakenBack(Shared<Holding>),
}

/// What an offer was known as, of which the ledger lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Known {
    /// It was made.
    Made,
    /// It counts as told.
    Told,
}

/// What happened to a cart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CartMove {
    /// When.
    pub at: Moment,
    /// To which article's line; all lines where absent (a checkout that names none).
    pub item: Option<ItemId>,
    /// What.
    pub change: CartChange,
    /// What the event said of the article.
    pub detail: Detail,
    /// The event.
    pub event: EventRef,
}

/// How a line changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CartChange {
    /// So many more.
    Add(u32),
    /// So many fewer.
    Take(u32),
    /// None left.
    Remove,
    /// On the way to the till: activity, no change.
    Checkout,
}

/// What an event said of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Detail {
    /// Price of one.
    pub price: Option<Money>,
    /// Category.
    pub category: Option<Text>,
    /// Variant.
    pub variant: Option<Text>,
}

/// An article put on or taken from a wish list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// When.
    pub at: Moment,
    /// Which article.
    pub item: ItemId,
    /// Put on, or taken from.
    pub wanted: bool,
    /// What the event said of the article.
    pub detail: Detail,
    /// The event.
    pub event: EventRef,
}

/// An article looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Viewed {
    /// When.
    pub at: Moment,
    /// Which article.
    pub item: ItemId,
    /// What the event said of the article.
    pub detail: Detail,
    /// The event.
    pub event: EventRef,
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bought {
    /// When.
    pub at: Moment,
    /// Order or receipt.
    pub transaction: Text,
    /// What, and how many.
    pub items: Vec<(ItemId, u32, Detail)>,
    /// Where, where known.
    pub location: Option<LocationId>,
    /// The event.
    pub event: EventRef,
}

/// Somebody was noticed in a shop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sign {
    /// When.
    pub at: Moment,
    /// Where.
    pub location: LocationId,
    /// How.
    pub kind: SignKind,
    /// The event.
    pub event: EventRef,
}

/// How somebody was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SignKind {
    /// Came in.
    Enter,
    /// Checked in.
    CheckIn,
    /// Tried something, was helped, paid: there, but it begins no visit.
    Seen,
    /// Left.
    Leave,
}

/// A stay in a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ZoneVisit {
    /// Where.
    pub zone: ZoneId,
    /// Since when: the first reading that was strong enough.
    pub start: Moment,
    /// The last reading that was strong enough, once the visit is over.
    pub last: Option<Time>,
    /// The event of the first reading.
    pub event: EventRef,
}

/// A stay near a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Near {
    /// The place.
    pub location: LocationId,
    /// Metres that count as near.
    pub within: u32,
    /// Since when: the first position that was near.
    pub start: Moment,
    /// The last one that was, once the stay is over.
    pub last: Option<Time>,
    /// The event of the first position.
    pub event: EventRef,
}

/// An associate asked for an offer to somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Request {
    /// When.
    pub at: Moment,
    /// Its own id.
    pub request: Text,
    /// Where.
    pub location: LocationId,
    /// The rule whose offer it is about.
    pub rule: Text,
    /// For which articles, and how many.
    pub items: Vec<(ItemId, u32, Detail)>,
    /// The event.
    pub event: EventRef,
    /// The first moment at which it no longer counts.
    pub until: Time,
}

/// A decision about such a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Moment,
    /// The request decided on.
    pub request: Text,
    /// Granted or refused.
    pub approved: bool,
    /// The event.
    pub event: EventRef,
}

/// What was ever bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Totals {
    /// Purchases.
    pub orders: u64,
    /// Their amounts less those of refunds, in ten-thousandths: no sum of 64-bit amounts goes beyond it.
    pub spend: i128,
    /// The time of the latest purchase.
    pub last_order: Option<Time>,
}

impl Totals {
    /// Both together.
    pub fn add(&mut self, other: &Totals) {
        self.orders = self.orders.saturating_add(other.orders);
        self.spend = self.spend.saturating_add(other.spend);
        self.last_order = self.last_order.max(other.last_order);
    }
}

/// A time in which somebody did something again and again, without a longer pause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Active {
    /// When it began.
    pub first: Time,
    /// The last thing done and its event, once the pause is long enough for some rule.
    pub last: Option<(Moment, EventRef)>,
}

/// A day on which somebody was noticed, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Noticed {
    /// Which day: see [`crate::time::day_of`].
    pub day: u32,
    /// In that shop; on the channel that the handle is of where absent.
    pub location: Option<LocationId>,
}

/// The shop that is nearest to somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nearest {
    /// The shop.
    pub location: LocationId,
    /// The newest position when that became so.
    pub since: Moment,
}

/// A profile attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: Text,
    /// When it was set.
    pub at: Moment,
    /// What to; `None` where it was deleted.
    pub value: Option<Value>,
}

/// How what is known of a handle's customer came about. Where there is none, all of it is long known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Past {
    /// What was known before the changes that are kept; nothing where the first of all is among them.
    pub base: Option<Box<Base>>,
    /// The changes, by time.
    pub changes: Vec<Change>,
}

/// What is known of a customer at a moment: the last word on each attribute, and what was ever bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Base {
    /// Deleted ones too.
    pub attributes: Vec<Shared<Attribute>>,
    /// Purchases and refunds.
    pub totals: Totals,
}

/// An event that changed what is known of a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Moment,
    /// The event.
    pub event: EventRef,
    /// What it said or came to.
    pub what: Changed,
}

/// What an event changes of what is known of a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Changed {
    /// Attributes; the same that the profile keeps.
    Said(Vec<Shared<Attribute>>),
    /// A purchase or a refund.
    Bought(Shared<Totals>),
}

impl Past {
    /// Makes the oldest changes one with what was known before.
    pub fn merge(&mut self, oldest: usize) {
        if oldest > 0 {
            let mut base = self.base.take().unwrap_or_default();
            self.changes.drain(..oldest.min(self.changes.len())).for_each(|change| base.take(&change.what));
            self.base = Some(base);
        }
    }
}

impl Base {
    /// Takes up a change that is no longer kept.
    pub fn take(&mut self, what: &Changed) {
        match what {
            Changed::Bought(more) => self.totals.add(more),
            Changed::Said(attributes) => {
                for said in attributes {
                    match self.attributes.iter_mut().find(|known| known.name == said.name) {
                        Some(known) if known.at > said.at => {}
                        Some(known) => *known = said.clone(),
                        None => self.attributes.push(said.clone()),
                    }
                }
            }
        }
    }
}

/// Consent for a channel, a category, both or all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Consent {
    /// For this channel; every channel where absent.
    pub channel: Option<Text>,
    /// For this category; every category where absent.
    pub category: Option<Text>,
    /// When it was said.
    pub at: Moment,
    /// Given, or taken back.
    pub granted: bool,
}

/// What a fact that is not about a person is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// An article.
    Item(ItemId),
    /// A shop or warehouse.
    Location(LocationId),
}

/// A fact about an article or a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubjectFact {
    /// What the catalogue says of an article.
    Catalogue(Shared<Catalogue>),
    /// How many there are.
    Stock(Stock),
    /// It stands in this zone.
    Shelf(ZoneId),
    /// What the catalogue says of a place.
    Place(Shared<Place>),
}

/// What the catalogue says of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Catalogue {
    /// Its name.
    pub name: Option<Text>,
    /// Its category.
    pub category: Option<Text>,
    /// Its regular price.
    pub list_price: Option<Money>,
    /// No longer sold.
    pub discontinued: bool,
    /// Its prices with the time each came into force, oldest first; repeats merged.
    pub prices: Vec<(Time, Money)>,
}

/// How many there are of an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stock {
    /// Where; everywhere together where absent.
    pub location: Option<LocationId>,
    /// How many, as far as rules can tell: what they say the same about reads as one number.
    pub quantity: i64,
    /// Since when it can be had again, if it could not before.
    pub returned: Option<Time>,
}

/// A shop or warehouse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Its key.
    pub location: LocationId,
    /// Its name.
    pub name: Option<Text>,
    /// Shop or warehouse, once the catalogue said so.
    pub kind: Option<LocationKind>,
    /// Where it is.
    pub position: Option<Position>,
    /// IANA time zone.
    pub tz: Option<Text>,
}

impl Place {
    /// A place of which the catalogue says nothing.
    pub fn unknown(location: LocationId) -> Self {
        Place { location, name: None, kind: None, position: None, tz: None }
    }
}

/// Evidence that two handles are one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// When it was last said.
    pub at: Moment,
    /// The lesser handle.
    pub low: Handle,
    /// The greater handle.
    pub high: Handle,
}
