//! Offers: what is sent, what is kept of it, and what goes out.
//!
//! Invariant: an offer's id depends on brand, rule and episode alone, so that the same reason never
//! rings twice, whatever tick, worker or set of handles it was found in.

use crate::key::{Brand, EventRef, Handle, ItemId, LocationId, Person, Text, ZoneId};
use crate::policy::QuietHours;
use crate::pool::Holding;
use crate::rules::{Cap, Interests};
use crate::shared::Shared;
use crate::time::{Duration, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The id of the offer that `rule` makes in `episode`: 32 hexadecimal digits of a SHA-256.
pub fn offer_id(brand: &Brand, rule: &str, episode: &str) -> Text {
    let mut hash = Sha256::new();
    hash.update(brand.as_str());
    hash.update([0x1f]);
    hash.update(rule);
    hash.update([0x1f]);
    hash.update(episode);
    let mut text = Text::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
        }
    }
    text
}

/// What the ledger keeps of an offer that was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub offer_id: Text,
    /// The rule that made it.
    pub rule: Text,
    /// That rule's version.
    pub rule_version: Text,
    /// The rule's category, for consent.
    pub category: Option<Text>,
    /// The tick it was sent in.
    pub at: Time,
    /// The channel it went to.
    pub channel: Text,
    /// The segment of the person, as it was then.
    pub segment: Text,
    /// The last moment at which it holds.
    pub ends: Time,
    /// The episode it belongs to.
    pub episode: Episode,
    /// What it was about.
    pub items: Vec<ItemId>,
    /// Whom it was made for: all that is said of it goes out under that person's key.
    pub person: Person,
    /// Its rule's priority.
    pub priority: i32,
    /// Whether a better one may take its place while it is not delivered.
    pub replaceable: bool,
    /// The offer whose place it took.
    pub replaces: Option<Text>,
    /// What it holds of pools.
    pub holding: Option<Shared<Holding>>,
    /// What it rested on.
    pub because: Because,
}

/// Rules that an offer is remembered to have been preferred to.
pub const OVER: usize = 8;

/// What an offer rested on when it was made, kept for whoever asks why.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Because {
    /// 0 to 100.
    pub score: u8,
    /// The parts of the score.
    pub terms: Vec<(Text, i64)>,
    /// The events it followed from; those of handles that were forgotten since left out.
    pub events: Vec<Evidence>,
    /// The policies that were asked and let it pass, in that order.
    pub passed: Vec<Passed>,
    /// What it was preferred to, best first, [`OVER`] at most.
    pub over: Vec<(Text, u8)>,
}

/// An event that something follows from, and the handle it was of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// The event.
    pub event: EventRef,
    /// Whose it was.
    pub handle: Handle,
}

/// A policy that let a candidate pass, with what it looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Passed {
    /// The person is not among these hundredths that get nothing.
    HoldOut(u8),
    /// The score is at least this.
    MinScore(u8),
    /// Consent for the channel and category was given, or not refused.
    Consent,
    /// It is not within these hours.
    QuietHours(QuietHours),
    /// No offer at all within this span before.
    Hold(Duration),
    /// No offer of the rule within this span before.
    Cooldown(Duration),
    /// So many offers of the rule before it, within the span of this cap.
    RuleCap(u32, Cap),
    /// So many offers before it, within the span of this cap.
    Cap(u32, Cap),
    /// So many offers on the channel before it, within the span of this cap.
    ChannelCap(u32, Cap),
    /// One of the rule's units was left for it.
    Units,
    /// There was money left for it.
    Budget,
}

impl Passed {
    /// The policy, as it is named where it objects.
    pub fn policy(self) -> &'static str {
        match self {
            Passed::HoldOut(_) => "hold_out",
            Passed::MinScore(_) => "min_score",
            Passed::Consent => "consent",
            Passed::QuietHours(_) => "quiet_hours",
            Passed::Hold(_) => "hold",
            Passed::Cooldown(_) => "cooldown",
            Passed::RuleCap(..) => "rule_cap",
            Passed::Cap(..) => "cap",
            Passed::ChannelCap(..) => "channel_cap",
            Passed::Units => "units",
            Passed::Budget => "budget",
        }
    }
}

/// What it looked at, in words.
impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::HoldOut(percent) => write!(f, "not among the {percent} % held out"),
            Passed::MinScore(least) => write!(f, "at least {least}"),
            Passed::Consent => f.write_str("given, or not refused"),
            Passed::QuietHours(hours) => write!(f, "not within {hours}"),
            Passed::Hold(pause) => write!(f, "none at all within {pause} before"),
            Passed::Cooldown(pause) => write!(f, "none of this rule within {pause} before"),
            Passed::Units => f.write_str("one was left"),
            Passed::Budget => f.write_str("there was money left"),
            Passed::RuleCap(counted, cap) | Passed::Cap(counted, cap) | Passed::ChannelCap(counted, cap) => {
                write!(f, "{counted} of {} in {} before", cap.count, cap.within)
            }
        }
    }
}

/// One occurrence of a situation, with an identity of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Episode {
    /// The handle it happened to: what is kept of it goes where this handle goes.
    pub anchor: Handle,
    /// Its name: see the table of situations in docs/semantics.md.
    pub text: Text,
    /// All handles its evidence came from, sorted.
    pub handles: Vec<Handle>,
    /// What it is an occurrence of.
    pub about: About,
}

/// What an episode is an occurrence of, as far as a withdrawal needs to find it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum About {
    /// A cart line that began then, with the idle period it was about.
    Line(Time, Option<Idle>),
    /// A cart that began then, with the idle period it was about.
    Cart(Time, Option<Idle>),
    /// Views of an article, the last of them then.
    Browse {
        /// The last view.
        since: Time,
        /// How long nothing more was done with the article.
        idle: Duration,
        /// How often it was viewed at least.
        min_views: u32,
        /// Within how long.
        within: Duration,
    },
    /// A stay in a zone.
    Zone {
        /// The zone.
        zone: ZoneId,
        /// When it began.
        start: Time,
        /// Which interests count.
        interest: Interests,
        /// Whether articles must be in stock there.
        in_stock: bool,
    },
    /// A shop visit.
    Visit {
        /// The shop.
        location: LocationId,
        /// When it began.
        start: Time,
        /// The end of the time in which nothing must be bought.
        until: Time,
        /// How long that time is, counted from the visit's end.
        after: Duration,
        /// How long the visit was at least.
        min_dwell: Duration,
        /// Which interests count.
        interest: Interests,
    },
    /// A check-in.
    CheckIn,
    /// A stay near a place.
    Near {
        /// The place.
        location: LocationId,
        /// When it began.
        start: Time,
        /// Metres that count as near.
        within: u32,
    },
    /// An associate's request.
    Request {
        /// Its own id.
        request: Text,
        /// When it was made.
        at: Time,
        /// Whether somebody must have approved it.
        approval: bool,
    },
    /// A pause in all that the person does.
    Lapse(Idle),
    /// A condition over the person that came true then.
    Segment(Time),
    /// A purchase.
    Purchase,
    /// Stock of an article of interest.
    Stock {
        /// When the interest began.
        start: Time,
        /// Which interests count.
        interest: Interests,
        /// There, or everywhere.
        location: Option<LocationId>,
        /// The return since which there has been some.
        returned: Option<Time>,
        /// At most so many, for a rule about few left.
        at_most: Option<u32>,
    },
    /// The price of an article of interest.
    Price {
        /// When the interest began.
        start: Time,
        /// Which interests count.
        interest: Interests,
        /// When the price fell.
        since: Time,
        /// By at least this many hundredths of a percent.
        by_basis_points: u32,
    },
}

/// An idle period: since when, and how long at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Idle {
    /// The activity it began with.
    pub since: Time,
    /// How long nothing more happened.
    pub idle: Duration,
}

/// Why an offer was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The person bought it.
    Bought,
    /// The person no longer wants it.
    Removed,
    /// The person is no longer there.
    Left,
    /// It can no longer be had.
    OutOfStock,
    /// The price went up again.
    Price,
    /// The rule is gone, or its condition no longer holds.
    Rule,
    /// The evidence was of two persons after all.
    Unlinked,
    /// The person does not want to be spoken to.
    Consent,
    /// The person asked to be forgotten.
    Forgotten,
    /// What was learned late shows that there was no reason.
    LateEvent,
    /// A better one took its place.
    Superseded,
}

impl Reason {
    /// As it is written in `offer.withdrawn`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Bought => "bought",
            Reason::Removed => "removed",
            Reason::Left => "left",
            Reason::OutOfStock => "out_of_stock",
            Reason::Price => "price",
            Reason::Rule => "rule",
            Reason::Unlinked => "unlinked",
            Reason::Consent => "consent",
            Reason::Forgotten => "forgotten",
            Reason::LateEvent => "late_event",
            Reason::Superseded => "superseded",
        }
    }
}

/// What a tick says to the world about one offer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The offer it is about; messages of a tick go out in this order.
    pub offer_id: Text,
    /// The tick.
    pub tick: Time,
    /// Whose brand.
    pub brand: Brand,
    /// Whom it is for.
    pub person: Person,
    /// Whom the offer was made for; another person where handles were joined or parted since.
    pub made_for: Person,
    /// What it says.
    pub news: News,
}

/// What is said about an offer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum News {
    /// `offer.made`.
    Made(Box<Made>),
    /// `offer.withdrawn`, of an offer that went to this channel.
    Withdrawn(Reason, Text),
    /// `offer.suppressed`: rule, episode, score and the policy that objected.
    Suppressed {
        /// The rule whose candidate it was.
        rule: Text,
        /// Its episode.
        episode: Text,
        /// Its score.
        score: u8,
        /// The policy that objected.
        policy: Text,
    },
}

/// An offer as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Made {
    /// The rule that made it.
    pub rule: Text,
    /// That rule's version.
    pub rule_version: Text,
    /// All handles of the person, sorted.
    pub handles: Vec<Handle>,
    /// The channel it goes to.
    pub channel: Text,
    /// The address on that channel; empty where the channel needs none.
    pub address: Text,
    /// 0 to 100.
    pub score: u8,
    /// One line.
    pub title: Text,
    /// The text below.
    pub body: Text,
    /// What it is about.
    pub items: Vec<ItemId>,
    /// The shop, where it is about one.
    pub location: Option<LocationId>,
    /// The zone, where it is about one.
    pub zone: Option<Text>,
    /// Coupon code.
    pub coupon: Option<Text>,
    /// When it ends by itself.
    pub valid_until: Time,
    /// The episode.
    pub episode: Text,
    /// The events it follows from, sorted.
    pub events: Vec<EventRef>,
    /// The parts of the score.
    pub terms: Vec<(Text, i64)>,
    /// What it was preferred to.
    pub over: Vec<(Text, u8)>,
}
