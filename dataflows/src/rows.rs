//! Rows between the graphs: what is derived of a person, an article, a situation.
//!
//! Invariant: a row is a function of facts; equal facts give equal rows on every worker. What is
//! large is shared, so that a row is a few words.

use serde::{Deserialize, Serialize};
use shopbell_model::facts::{
    Bought, Catalogue, Decision, Detail, Moment, Near, Place, Request, Sign, Stock, Subject, Totals,
    ZoneVisit,
};
use shopbell_model::key::{Brand, EventRef, Handle, ItemId, LocationId, Text, ZoneId};
use shopbell_model::offer::{Episode, Evidence};
use shopbell_model::rules::{Interests, OfferText, Role, Rule, RulePolicy, When};
use shopbell_model::shared::Shared;
use shopbell_model::time::{Duration, Time};
use shopbell_model::value::{Money, Value};
use shopbell_model::view::{CartView, CustomerView};

/// What is derived of a person before articles and places are known, and those themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Derived {
    /// The person's attributes and totals, where there are any.
    Customer(Shared<CustomerView>),
    /// Interest in an article, or what became of it.
    Interest(Shared<Interest>),
    /// The articles the person has to do with, where a rule asks for their categories.
    Tastes(Shared<Vec<Taste>>),
    /// The cart, or what became of it.
    Cart(Shared<CartLife>),
    /// Views of an article.
    Browse(Shared<Browse>),
    /// A stay in a zone.
    Zone(Handle, Shared<ZoneVisit>),
    /// A visit to a shop.
    Shop(Shared<ShopVisit>),
    /// A check-in, and how long it is kept; not including.
    CheckIn(Handle, Shared<Sign>, Time),
    /// A purchase.
    Bought(Handle, Shared<Bought>),
    /// A stay near a place.
    Near(Handle, Shared<Near>),
    /// An associate's request.
    Request(Shared<Asked>),
    /// A pause in all that the person does.
    Lapse(Shared<Lapse>),
    /// How what is known of the person came about.
    Course(Shared<Course>),
    /// An article or place that has to be known for this person.
    About(Subject),
    /// An article the person has to do with.
    Article(Shared<Article>),
    /// A place the person has to do with.
    Place(Shared<Place>),
}

/// Kinds of interest, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// In the cart.
    Cart,
    /// On the wish list.
    Wishlist,
    /// Looked at.
    Viewed,
}

impl Kind {
    /// Whether a rule counts this kind.
    pub fn counts_in(self, interests: Interests) -> bool {
        match self {
            Kind::Cart => interests.cart,
            Kind::Wishlist => interests.wishlist,
            Kind::Viewed => interests.viewed,
        }
    }
}

/// How an interest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End {
    /// The article was bought.
    Bought,
    /// It was taken out.
    Removed,
}

/// Where and when an interest began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life {
    /// When.
    pub start: Time,
    /// Under which handle.
    pub anchor: Handle,
    /// Of which kind.
    pub kind: Kind,
    /// By which event.
    pub event: EventRef,
}

/// One life of an interest in an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interest {
    /// The article.
    pub item: ItemId,
    /// Its beginning.
    pub life: Life,
    /// Pieces in the cart; 1 for other kinds.
    pub quantity: u32,
    /// What its events said of the article last; nothing where it ended.
    pub detail: Detail,
    /// When something was done with it, and under which handle, oldest first (carts only).
    pub activity: Vec<(Time, Handle)>,
    /// How it ended, where it did.
    pub end: Option<(Time, End)>,
}

/// An article that somebody bought or is interested in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Taste {
    /// The article.
    pub item: ItemId,
    /// The category that events named last, if any did.
    pub said: Option<Text>,
}

/// One life of a cart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CartLife {
    /// The beginning: that of its first line.
    pub life: Life,
    /// How it ended, where it did.
    pub end: Option<End>,
    /// When something was done with it, and under which handle, oldest first.
    pub activity: Vec<(Time, Handle)>,
}

/// A visit to a shop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShopVisit {
    /// The shop.
    pub location: LocationId,
    /// When it began.
    pub start: Time,
    /// Under which handle.
    pub anchor: Handle,
    /// By which event.
    pub event: EventRef,
    /// When it ends or ended; `None` while somebody is still in a zone there.
    pub end: Option<Time>,
    /// From the beginning to the last sign, or to the leave.
    pub dwell: Duration,
    /// How long it is a reason for anything; not including.
    pub until: Time,
}

/// How an article was looked at since it was last bought.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Browse {
    /// The article.
    pub item: ItemId,
    /// Views of it while it was not in the cart, and what was put into the cart; oldest first.
    pub steps: Vec<BrowseStep>,
}

/// Something done with an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BrowseStep {
    /// When.
    pub time: Time,
    /// Under which handle.
    pub handle: Handle,
    /// The event of a view; none where it was put into the cart.
    pub viewed: Option<EventRef>,
}

impl Browse {
    /// The last views before each pause of `idle`, with their events, where there were enough within `within`.
    pub fn abandoned(
        &self,
        idle: Duration,
        min_views: u32,
        within: Duration,
    ) -> impl Iterator<Item = (&BrowseStep, &EventRef)> {
        self.steps.iter().enumerate().filter_map(move |(index, step)| {
            let event = step.viewed.as_ref()?;
            let due = step.time.saturating_add(idle.0);
            if self.steps.get(index + 1).is_some_and(|next| next.time <= due) {
                return None;
            }
            let since = step.time.saturating_sub(within.0);
            let counts = |known: &&BrowseStep| known.viewed.is_some() && known.time >= since;
            let views = self.steps.iter().take(index + 1).rev().take_while(counts).count();
            (views >= min_views as usize).then_some((step, event))
        })
    }
}

/// A pause in all that a person does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lapse {
    /// What was done last.
    pub since: Moment,
    /// Under which handle.
    pub anchor: Handle,
    /// The event.
    pub event: EventRef,
    /// When something was done again.
    pub next: Option<Time>,
}

impl Lapse {
    /// Whether it lasts for so long, as far as is known.
    pub fn lasts(&self, idle: Duration) -> bool {
        self.next.is_none_or(|next| next > self.since.time.saturating_add(idle.0))
    }
}

/// How what is known of a person came about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Course {
    /// Whether anything was known before the first step.
    pub known: bool,
    /// What that was.
    pub base: CustomerView,
    /// What changed since, by (time, arrival).
    pub steps: Vec<Step>,
}

/// An event after which another thing is known of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub time: Time,
    /// Under which handle.
    pub handle: Handle,
    /// The event.
    pub event: EventRef,
    /// Attributes set, or deleted.
    pub sets: Vec<(Text, Option<Value>)>,
    /// What was bought, or given back.
    pub bought: Totals,
}

/// What an associate asked for, and what was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// The handle it was asked for.
    pub handle: Handle,
    /// The request.
    pub request: Shared<Request>,
    /// The latest decision, with the handle it was reported under.
    pub decision: Option<(Handle, Shared<Decision>)>,
}

impl Asked {
    /// The decision, where it is an approval.
    pub fn approval(&self) -> Option<&(Handle, Shared<Decision>)> {
        self.decision.as_ref().filter(|(_, decision)| decision.approved)
    }
}

/// What is known of an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Article {
    /// The article.
    pub item: ItemId,
    /// What the catalogue says.
    pub catalogue: Option<Shared<Catalogue>>,
    /// Stock by location, and everywhere (`location` absent); sorted.
    pub stock: Vec<Stock>,
    /// Zones whose shelf has it; sorted.
    pub shelves: Vec<ZoneId>,
}

impl Article {
    /// The price in force.
    pub fn price(&self) -> Option<Money> {
        self.catalogue.as_ref()?.prices.last().map(|(_, price)| *price)
    }

    /// Stock there, or everywhere.
    pub fn stock_at(&self, location: Option<&LocationId>) -> Option<&Stock> {
        self.stock.iter().find(|stock| stock.location.as_ref() == location)
    }
}

/// An article in a situation, with every interest the person has in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// The article.
    pub item: ItemId,
    /// The standing interests, one a kind at most.
    pub lives: Vec<Life>,
    /// Pieces in the cart, or bought; 1 otherwise.
    pub quantity: u32,
    /// What events said of it last: those of the first kind of interest in it, or the one that names it.
    pub detail: Detail,
    /// What is known of it.
    pub article: Option<Shared<Article>>,
}

impl Wanted {
    /// The interest that counts: of the kinds asked for the one that began first.
    pub fn life(&self, interests: Interests) -> Option<&Life> {
        self.lives.iter().filter(|life| life.kind.counts_in(interests)).min()
    }

    /// Whether there is an interest of that kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.lives.iter().any(|life| life.kind == kind)
    }
}

/// What rules react to, before any rule's parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scene {
    /// A cart line.
    Line(Shared<Interest>),
    /// A cart.
    Cart(Shared<CartLife>),
    /// Views of an article.
    Browse(Shared<Browse>),
    /// A stay in a zone.
    Zone(Handle, Shared<ZoneVisit>),
    /// A shop visit that ends or ended then, with the first purchase since it began.
    Visit(Shared<ShopVisit>, Time, Option<Time>),
    /// A check-in.
    CheckIn(Handle, Shared<Sign>, Time),
    /// A purchase.
    Purchase(Handle, Shared<Bought>),
    /// A stay near a place.
    Near(Handle, Shared<Near>),
    /// An associate's request.
    Request(Shared<Asked>),
    /// A pause in all that the person does.
    Lapse(Shared<Lapse>),
    /// What is known of the person, and how it came about.
    Segment(Shared<Course>),
    /// Interest in an article.
    Interest,
}

impl Scene {
    /// Its kind.
    pub fn kind(&self) -> SceneKind {
        match self {
            Scene::Line(_) => SceneKind::Line,
            Scene::Cart(_) => SceneKind::Cart,
            Scene::Browse(_) => SceneKind::Browse,
            Scene::Zone(..) => SceneKind::Zone,
            Scene::Visit(..) => SceneKind::Visit,
            Scene::CheckIn(..) => SceneKind::CheckIn,
            Scene::Purchase(..) => SceneKind::Purchase,
            Scene::Near(..) => SceneKind::Near,
            Scene::Request(_) => SceneKind::Request,
            Scene::Lapse(_) => SceneKind::Lapse,
            Scene::Segment(_) => SceneKind::Segment,
            Scene::Interest => SceneKind::Interest,
        }
    }
}

/// Kinds of scene: what rules and situations are joined on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SceneKind {
    /// [`Scene::Line`].
    Line,
    /// [`Scene::Cart`].
    Cart,
    /// [`Scene::Browse`].
    Browse,
    /// [`Scene::Zone`].
    Zone,
    /// [`Scene::Visit`].
    Visit,
    /// [`Scene::CheckIn`].
    CheckIn,
    /// [`Scene::Purchase`].
    Purchase,
    /// [`Scene::Near`].
    Near,
    /// [`Scene::Request`].
    Request,
    /// [`Scene::Lapse`].
    Lapse,
    /// [`Scene::Segment`].
    Segment,
    /// [`Scene::Interest`].
    Interest,
}

impl SceneKind {
    /// The kind that a rule reacts to.
    pub fn of(when: &When) -> Self {
        match when {
            When::CartAbandoned { per_item: true, .. } => SceneKind::Line,
            When::CartAbandoned { per_item: false, .. } => SceneKind::Cart,
            When::BrowseAbandoned { .. } => SceneKind::Browse,
            When::ZoneEntered { .. } => SceneKind::Zone,
            When::StoreLeft { .. } => SceneKind::Visit,
            When::CheckedIn => SceneKind::CheckIn,
            When::BackInStock { .. } | When::RunningLow { .. } | When::PriceDropped { .. } => {
                SceneKind::Interest
            }
            When::Purchased { .. } => SceneKind::Purchase,
            When::Nearby { .. } => SceneKind::Near,
            When::Requested { .. } => SceneKind::Request,
            When::Lapsed { .. } => SceneKind::Lapse,
            When::SegmentEntered { .. } => SceneKind::Segment,
        }
    }
}

/// A situation of a person, with all a rule may ask about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Situation {
    /// What it is.
    pub scene: Scene,
    /// The articles it is about.
    pub items: Vec<Shared<Wanted>>,
    /// The person.
    pub customer: Shared<CustomerView>,
    /// The cart.
    pub cart: CartView,
    /// The place.
    pub place: Option<Shared<Place>>,
}

impl Situation {
    /// Its kind.
    pub fn kind(&self) -> SceneKind {
        self.scene.kind()
    }
}

/// What the situations of a person say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Finding {
    /// A situation stands.
    Stands(Shared<Situation>),
    /// All that is derived of the person: what a reason for a withdrawal is found in.
    Background(Shared<Vec<Derived>>),
}

/// What a rule proposes to whoever it finds: the rule, but for its condition, its score and its version. An edit of these
/// leaves candidates as they are that it does not concern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// The rule's id.
    pub id: Text,
    /// The brand it is for; all where absent.
    pub brand: Option<Brand>,
    /// The situation it reacts to.
    pub when: When,
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
    /// What it is in the dataflow for.
    pub role: Role,
}

impl Proposal {
    /// What that rule proposes.
    pub fn of(rule: &Rule) -> Proposal {
        let Rule { id, brand, when, priority, from, until, offer, policy, role, .. } = rule.clone();
        Proposal { id, brand, when, priority, from, until, offer, policy, role }
    }
}

/// A rule that applies to a person in an episode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// The offer it would be.
    pub offer_id: Text,
    /// Its score, 0 to 100.
    pub score: u8,
    /// What its rule proposes.
    pub rule: Shared<Proposal>,
    /// The episode.
    pub episode: Episode,
    /// When it came or comes true.
    pub due: Time,
    /// When it no longer stands, by itself.
    pub until: Option<Time>,
    /// The parts of the score.
    pub terms: Vec<(Text, i64)>,
    /// The articles that passed, best first.
    pub items: Vec<ItemId>,
    /// What it follows from, and whose that was.
    pub events: Vec<Evidence>,
    /// The situation, for the text of the offer.
    pub situation: Shared<Situation>,
    /// The place it is about: the situation's, or the one its rule names.
    pub place: Option<Shared<Place>>,
}
