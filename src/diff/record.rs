//! Messages as they are compared.
//!
//! Invariant: what a customer would notice of an offer is compared (time, channel, score, text, articles, coupon, end),
//! the rule's version and what it was preferred to are not: those differ for no reason of the customer's.

use crate::sink::{Message, MessageKind};
use serde::{Deserialize, Serialize};
use shopbell_model::time::Time;

/// An offer, as far as it is shown and compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The rule that made it.
    pub rule: String,
    /// For whom.
    pub person: String,
    /// On which channel.
    pub channel: String,
    /// The address there.
    #[serde(skip_serializing)]
    pub address: String,
    /// 0 to 100.
    pub score: u8,
    /// One line.
    pub title: String,
    /// The text below.
    pub body: String,
    /// What it is about.
    pub items: Vec<Item>,
    /// The coupon.
    pub coupon: Option<String>,
    /// When it ends by itself.
    pub valid_until: String,
    /// Why.
    pub because: Because,
}

/// An article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub item_id: String,
}

/// What an offer follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// The parts of the score.
    pub score: Vec<Term>,
}

/// A part of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// As it is written in the rule.
    pub term: String,
    /// What it came to.
    pub points: i64,
}

#[derive(Deserialize)]
struct Made {
    data: Offer,
}

#[derive(Deserialize)]
struct Withdrawn {
    data: Reason,
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

/// What a message says.
pub(super) enum Said {
    Made(Box<Offer>),
    Withdrawn(String),
    Nothing,
}

/// Reads a message of the engine.
pub(super) fn read(message: &Message) -> Result<Said, serde_json::Error> {
    Ok(match message.kind {
        MessageKind::Made => Said::Made(Box::new(serde_json::from_str::<Made>(&message.json)?.data)),
        MessageKind::Withdrawn => {
            Said::Withdrawn(serde_json::from_str::<Withdrawn>(&message.json)?.data.reason)
        }
        MessageKind::Suppressed => Said::Nothing,
    })
}

/// What is kept of an offer that differs: enough to say later in what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) at: Time,
    pub(super) score: u8,
    /// Digests of where it went, and of what it said.
    pub(super) contact: u64,
    pub(super) text: u64,
}

impl Brief {
    pub(super) fn of(at: Time, offer: &Offer) -> Self {
        let digest = |parts: &dyn Fn(&mut rustc_hash::FxHasher)| {
            let mut hasher = rustc_hash::FxHasher::default();
            parts(&mut hasher);
            std::hash::Hasher::finish(&hasher)
        };
        use std::hash::Hash;
        let items: Vec<&str> = offer.items.iter().map(|item| item.item_id.as_str()).collect();
        // How long it holds, so that one that comes later does not count as another text for that.
        let ends = shopbell_model::time::parse_rfc3339(&offer.valid_until);
        let holds = ends.map(|ends| ends.saturating_sub(i64::try_from(at).unwrap_or(i64::MAX)));
        Brief {
            at,
            score: offer.score,
            contact: digest(&|hasher| (&offer.channel, &offer.address).hash(hasher)),
            text: digest(&|hasher| (&offer.title, &offer.body, &items, &offer.coupon, holds).hash(hasher)),
        }
    }
}
