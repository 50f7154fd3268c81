//! Rules as data: what marketing operations wrote, checked and compiled.
//!
//! Invariant: a [`Rule`] was accepted whole: every expression is typed, every template parses,
//! every parameter is in range. It is a plain value (ordered, hashed, sent between workers), so
//! rules are a collection like any other fact, and a changed rule is a retraction and an insertion.

use crate::key::{Brand, Text};
use crate::pool::{Back, Budget};
use crate::time::{Duration, Time};
use expr::Expr;
use serde::{Deserialize, Serialize};

mod budgets;
mod calls;
pub mod compile;
pub mod customer;
pub mod datum;
pub mod error;
pub mod evaluate;
pub mod expr;
pub mod fields;
pub mod limits;
pub mod load;
mod parameters;
mod parse;
mod print;
pub mod reach;
#[cfg(test)]
mod samples;
mod scan;
pub mod schema;
pub mod score;
mod segment;
mod spans;
mod spelling;
mod table;
pub mod template;
pub mod testing;
mod unmet;
mod uses;

pub use error::RuleError;
pub use load::{RuleSet, load};
pub use score::Scored;
pub use testing::RuleTest;
pub use unmet::Unmet;

/// A rule, ready to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Its name in the file.
    pub id: Text,
    /// First 12 hexadecimal digits of the SHA-256 of its canonical text: changes with its meaning.
    pub version: Text,
    /// The brand it is for; all where absent.
    pub brand: Option<Brand>,
    /// The situation it reacts to.
    pub when: When,
    /// What must hold besides; an expression of type bool.
    pub condition: Option<Expr>,
    /// The score's terms, summed, rounded and clamped to 0…100.
    pub score: Vec<ScoreTerm>,
    /// Breaks ties of score; higher first.
    pub priority: i32,
    /// Not before.
    pub from: Option<Time>,
    /// Not at or after.
    pub until: Option<Time>,
    /// What is offered.
    pub offer: OfferText,
    /// How often.
    pub policy: RulePolicy,
    /// What becomes of matches that stand already when it comes into force.
    pub backfill: Backfill,
    /// What it is in the dataflow for.
    pub role: Role,
}

/// What a rule is in the dataflow for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Its candidates are decided about.
    #[default]
    InForce,
    /// It is in force, but not in the shadow set: its candidates are looked at once more.
    Going,
    /// It is in the shadow set, but not in force: its candidates are only looked at.
    Coming,
}

/// What becomes of matches that stand already when a rule comes into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Backfill {
    /// They count as told.
    #[default]
    Prime,
    /// They are decided like any other.
    Send,
}

/// One summand of a score, so that the score can be explained in parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScoreTerm {
    /// The term as it was written.
    pub text: Text,
    /// Its value.
    pub expr: Expr,
}

/// The situation a rule reacts to, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum When {
    /// A cart, or a line of it, is still there after `idle`.
    CartAbandoned {
        /// How long nothing happened.
        idle: Duration,
        /// Each line by itself, or the cart as one.
        per_item: bool,
        /// Counted from the first add, not from the last activity.
        from_first_add: bool,
    },
    /// An item was viewed again and again, and neither put into the cart nor bought.
    BrowseAbandoned {
        /// How long nothing more was done with it.
        idle: Duration,
        /// How often it was viewed at least.
        min_views: u32,
        /// Within how long.
        within: Duration,
    },
    /// In a zone for `dwell`, with an item of interest on its shelf.
    ZoneEntered {
        /// How long in the zone.
        dwell: Duration,
        /// Which interests count.
        interest: Interests,
        /// Only items that are in stock in that shop.
        in_stock: bool,
        /// Only these zones (`zone` or `location/zone`); all where empty.
        zones: Vec<Text>,
    },
    /// Left a shop after `min_dwell` and bought nothing within `after`.
    StoreLeft {
        /// How long the visit was at least.
        min_dwell: Duration,
        /// How long after it nothing was bought.
        after: Duration,
        /// Which interests count.
        interest: Interests,
    },
    /// A check-in.
    CheckedIn,
    /// An item of interest can be had again.
    BackInStock {
        /// Which interests count.
        interest: Interests,
        /// Only there; anywhere where absent.
        location: Option<Text>,
    },
    /// Few are left of an item of interest.
    RunningLow {
        /// Which interests count.
        interest: Interests,
        /// At most this many.
        at_most: u32,
        /// Only there; the sum over all locations where absent.
        location: Option<Text>,
    },
    /// The price of an item of interest fell since the interest began.
    PriceDropped {
        /// Which interests count.
        interest: Interests,
        /// By at least this many hundredths of a percent of the price it had.
        by_basis_points: u32,
    },
    /// A purchase.
    Purchased {
        /// How long after it a suggestion makes sense.
        within: Duration,
    },
    /// Near a place.
    Nearby {
        /// How near, in metres.
        within: u32,
        /// Only that place; any where absent.
        location: Option<Text>,
    },
    /// An associate asked for this rule's offer.
    Requested {
        /// Whether somebody must have approved it.
        approval: bool,
    },
    /// Nothing was done for `idle`.
    Lapsed {
        /// How long; at least [`LEAST_PAUSE`].
        idle: Duration,
    },
    /// A condition over the person came true.
    SegmentEntered {
        /// The condition: bool, over attributes and totals alone.
        segment: Expr,
    },
}

impl When {
    /// The one place whose stock it is about, where it names one.
    pub fn stock_location(&self) -> Option<&Text> {
        match self {
            When::BackInStock { location, .. } | When::RunningLow { location, .. } => location.as_ref(),
            _ => None,
        }
    }
}

/// The shortest pause that can be asked for: what a person does within it is one stretch of activity.
pub const LEAST_PAUSE: Duration = Duration::from_secs(60);

/// Which kinds of interest count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interests {
    /// In the cart.
    pub cart: bool,
    /// On the wish list.
    pub wishlist: bool,
    /// Viewed.
    pub viewed: bool,
    /// None needed.
    pub none: bool,
}

/// Text of an offer with expressions in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Template(pub Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Piece {
    /// Text as it stands.
    Text(Text),
    /// `{{ expression }}`, printed.
    Expr(Expr),
}

/// What is offered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfferText {
    /// One line.
    pub title: Template,
    /// The text below it.
    pub body: Template,
    /// Coupon code.
    pub coupon: Option<Text>,
    /// How long it holds once sent.
    pub valid: Duration,
    /// Channels it may use, best first; those of the configuration where empty.
    pub channels: Vec<Text>,
    /// Coupons there are for everybody together; unlimited where absent.
    pub units: Option<u64>,
    /// The budget it is paid from.
    pub budget: Option<Budget>,
    /// What one is reckoned to cost, in ten-thousandths.
    pub cost: i64,
    /// What gives back what an offer holds of units and budget.
    pub units_back: Back,
    /// Whether a better offer may take its place while it is not delivered.
    pub replaceable: bool,
}

/// How often a rule may speak.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RulePolicy {
    /// Category for consent.
    pub category: Option<Text>,
    /// Pause between two offers of this rule to one person.
    pub cooldown: Option<Duration>,
    /// Offers of this rule to one person within a span.
    pub cap: Option<Cap>,
}

/// So many within a span that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cap {
    /// How many.
    pub count: u32,
    /// Within how long.
    pub within: Duration,
}
