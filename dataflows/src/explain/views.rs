//! What is told of offers and persons: the JSON of `/v1/offers/{id}/why` and `/v1/persons/{handle}`.
//!
//! Invariant: handles, persons and places stand without their brand, which stands by itself; what is not there is
//! left out. What one process writes another one reads.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use shopbell_model::key::{Person, Text};
use shopbell_model::offer::Reason;
use shopbell_model::time::{Time, format_rfc3339, parse_rfc3339};
use shopbell_model::value::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A moment: RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Time);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_rfc3339(self.0))
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = parse_rfc3339(&text).and_then(|time| Time::try_from(time).ok());
        time.map(At).ok_or_else(|| D::Error::custom("not a time"))
    }
}

/// Who is behind a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityView {
    /// The person, with its brand.
    pub person: Person,
    /// Whether the handle is linked with so many others, or is blocked, that it links nobody.
    pub shared: bool,
    /// What makes its handles one person.
    pub links: Vec<LinkView>,
}

/// A link between two handles of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkView {
    /// When it was said last, by event time.
    pub at: At,
    /// One handle.
    pub one: String,
    /// The other.
    pub other: String,
}

/// Where an offer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// It was made, and holds.
    Standing,
    /// It was taken back.
    Withdrawn,
    /// Its coupon was used.
    Redeemed,
    /// Its time is over.
    Ended,
}

impl OfferState {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            OfferState::Standing => "standing",
            OfferState::Withdrawn => "withdrawn",
            OfferState::Redeemed => "redeemed",
            OfferState::Ended => "ended",
        }
    }
}

/// How an offer was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnView {
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: At,
}

/// Why an offer was made, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// Its id.
    pub offer_id: Text,
    /// Whose brand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand: String,
    /// The rule that made it.
    pub rule: Text,
    /// That rule's version.
    pub rule_version: Text,
    /// Whether that version is in force now.
    pub rule_in_force: bool,
    /// Whose it is now.
    pub person: String,
    /// Whom it was made for.
    pub made_for: String,
    /// All handles of the person now.
    pub handles: Vec<String>,
    /// What makes them one person.
    pub links: Vec<LinkView>,
    /// Where it went.
    pub channel: Text,
    /// 0 to 100.
    pub score: u8,
    /// What it was about.
    pub items: Vec<String>,
    /// The episode.
    pub episode: Text,
    /// The tick it was made in.
    pub made_at: At,
    /// The last moment at which it holds.
    pub ends_at: At,
    /// What became of it.
    pub state: OfferState,
    /// How it was taken back, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawnView>,
    /// What was reported of it.
    pub outcomes: Vec<String>,
    /// What it rested on.
    pub because: BecauseView,
    /// How far the clock had come.
    pub as_of: At,
}

/// What an offer rested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BecauseView {
    /// The events.
    pub events: Vec<EventView>,
    /// The parts of the score.
    pub score: Vec<TermView>,
    /// The policies that let it pass.
    pub policies: Vec<PolicyView>,
    /// What it was preferred to.
    pub over: Vec<OverView>,
}

/// An event, and whose it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// CloudEvents `source`.
    pub source: Text,
    /// CloudEvents `id`.
    pub id: Text,
    /// The handle.
    pub handle: String,
}

/// A part of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermView {
    /// As it was written.
    pub term: Text,
    /// What it gave.
    pub points: i64,
}

/// A policy that let an offer pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// Its name.
    pub policy: String,
    /// What it looked at.
    pub counted: String,
}

/// Something that an offer was preferred to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverView {
    /// The rule.
    pub rule: Text,
    /// The score of its candidate.
    pub score: u8,
}

/// What is known of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonView {
    /// Its key.
    pub person: String,
    /// Whose brand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand: String,
    /// All its handles.
    pub handles: Vec<String>,
    /// What makes them one person.
    pub links: Vec<LinkView>,
    /// Whether the handle that was asked about links nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// The profile.
    pub attributes: BTreeMap<Text, Plain>,
    /// What follows for names that the profile does not have, as far as rules in force ask for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Text, Plain>,
    /// What was said about being spoken to, latest first.
    pub consents: Vec<ConsentView>,
    /// The cart.
    pub cart: Vec<LineView>,
    /// The wish list.
    pub wishlist: Vec<WantView>,
    /// What was looked at and not bought since.
    pub viewed: Vec<WantView>,
    /// What was of interest, and is no longer, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<EndedView>,
    /// Zones it is in, and was in.
    pub zones: Vec<StayView>,
    /// Places it is near, and was near.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<NearView>,
    /// Visits to shops.
    pub visits: Vec<VisitView>,
    /// Check-ins.
    pub check_ins: Vec<SignView>,
    /// Purchases, latest first.
    pub purchases: Vec<PurchaseView>,
    /// Offers that associates asked for, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestView>,
    /// Pauses in all that it does, as long as some rule asks for, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseView>,
    /// Segments of rules that it is or was in, by rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentView>,
    /// Offers, latest first.
    pub offers: Vec<MadeView>,
    /// Each rule in force, and why it makes no offer now.
    pub rules: Vec<RuleView>,
    /// How far the clock had come.
    pub as_of: At,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Plain {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(Text),
}

impl From<&Value> for Plain {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Plain::Bool(*value),
            Value::Int(value) => Plain::Int(*value),
            Value::Number(value) => Plain::Number(value.0),
            Value::Text(value) => Plain::Text(value.clone()),
        }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plain::Bool(value) => value.fmt(f),
            Plain::Int(value) => value.fmt(f),
            Plain::Number(value) => value.fmt(f),
            Plain::Text(value) => value.fmt(f),
        }
    }
}

/// A word on being spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentView {
    /// On this channel; on all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text>,
    /// About this category; about all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Text>,
    /// Given, or refused.
    pub granted: bool,
    /// When it was said.
    pub at: At,
}

/// A line of the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// The article.
    pub item_id: String,
    /// Pieces.
    pub quantity: u32,
    /// Since when.
    pub since: At,
    /// When something was done with it last.
    pub last_activity: At,
}

/// An article of interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantView {
    /// The article.
    pub item_id: String,
    /// Since when.
    pub since: At,
    /// How often it was looked at while it was not in the cart, where a rule counts that; since it was last bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
}

/// An article that was of interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedView {
    /// The article.
    pub item_id: String,
    /// `cart`, `wishlist` or `viewed`.
    pub interest: String,
    /// Since when.
    pub since: At,
    /// Until when.
    pub until: At,
    /// How it ended: `bought` or `removed`.
    pub how: String,
}

/// A stay in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StayView {
    /// The shop.
    pub location: String,
    /// The zone.
    pub zone: Text,
    /// Since when.
    pub since: At,
    /// Where it is over: when it was noticed there last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<At>,
}

/// A stay near a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearView {
    /// The place.
    pub location: String,
    /// Metres that count as near.
    pub within: u32,
    /// Since when.
    pub since: At,
    /// Where it is over: when it was noticed there last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<At>,
}

/// An offer that an associate asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// The request.
    pub request_id: Text,
    /// The rule whose offer it is about.
    pub rule: Text,
    /// The shop.
    pub location: String,
    /// For which articles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// When.
    pub at: At,
    /// The first moment at which it no longer counts.
    pub until: At,
    /// What was decided last; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionView>,
}

/// A decision about such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// Granted, or refused.
    pub approved: bool,
    /// When.
    pub at: At,
}

/// A pause in all that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseView {
    /// When something was done last.
    pub since: At,
    /// When something was done again; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<At>,
}

/// The latest stay in the segment of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentView {
    /// The rule.
    pub rule: Text,
    /// The condition.
    pub segment: String,
    /// When it was entered; absent where that is longer ago than changes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<At>,
    /// When it was left; absent where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<At>,
}

/// A visit to a shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitView {
    /// The shop.
    pub location: String,
    /// When it began.
    pub start: At,
    /// When it ended, or ends where nothing more is noticed; absent while somebody is in a zone there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<At>,
    /// How long it took, from the beginning to the last sign, or to the leave: `12m`.
    pub dwell: String,
}

/// A check-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignView {
    /// The shop.
    pub location: String,
    /// When.
    pub at: At,
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseView {
    /// Order or receipt.
    pub transaction_id: Text,
    /// When.
    pub at: At,
    /// What.
    pub items: Vec<String>,
    /// Where, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// An offer that was made to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeView {
    /// Its id.
    pub offer_id: Text,
    /// The rule that made it.
    pub rule: Text,
    /// When.
    pub made_at: At,
    /// Where it went.
    pub channel: Text,
    /// 0 to 100.
    pub score: u8,
    /// What became of it.
    pub state: OfferState,
    /// How it was taken back, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawnView>,
    /// What was reported of it.
    pub outcomes: Vec<String>,
}

/// What a rule says of a person now, the one that says most about an offer first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An offer of it stands.
    Made,
    /// It is made in the next tick.
    WouldBeMade,
    /// A policy objects.
    KeptBack,
    /// Its time is still to come.
    NotDue,
    /// An offer was made for that reason, and is over; there is none for the same reason again.
    MadeBefore,
    /// Its time is over.
    Over,
    /// Its condition does not hold.
    Condition,
    /// Something else that it asks for is lacking.
    Lacks,
    /// Nothing of the kind that it reacts to is the case.
    NoSituation,
}

impl Verdict {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Made => "made",
            Verdict::WouldBeMade => "would_be_made",
            Verdict::KeptBack => "kept_back",
            Verdict::NotDue => "not_due",
            Verdict::MadeBefore => "made_before",
            Verdict::Over => "over",
            Verdict::Condition => "condition",
            Verdict::Lacks => "lacks",
            Verdict::NoSituation => "no_situation",
        }
    }
}

/// What a rule in force says of a person now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// The rule.
    pub rule: Text,
    /// Its version.
    pub version: Text,
    /// That of its first case.
    pub verdict: Verdict,
    /// Each situation it looks at, the one nearest to an offer first.
    pub cases: Vec<CaseView>,
    /// Cases that are not listed, where there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a rule says of one situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// In a word.
    pub verdict: Verdict,
    /// In a sentence.
    pub why: String,
    /// The offer that it is or would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_id: Option<Text>,
    /// The score that it has or would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// The articles that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// The policy that objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Until when it does, where time alone lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<At>,
    /// When it is due, where that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<At>,
    /// The part of the condition that does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The fields that part looks at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueView>,
}

/// A field with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// As it is written in rules.
    pub field: String,
    /// Its value; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
