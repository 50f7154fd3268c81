//! What the rules in force ask for, so that nothing else need be computed.
//!
//! Invariant: leaving out what is not asked for changes no answer: no candidate can follow from it.
//! The facts themselves are kept by the fold all the same; they are only not let through.

use crate::rows::SceneKind;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{PersonFact, SignKind};
use shopbell_model::rules::customer::{FAVOURITE, HOLD_OUT, NEAREST, NOTICED, TOTALS};
use shopbell_model::rules::fields::Field;
use shopbell_model::rules::{Interests, LEAST_PAUSE, Rule, When};
use shopbell_model::time::Duration;

/// What some rule asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Kinds of scenes, sorted.
    scenes: Vec<SceneKind>,
    /// Kinds of scenes where rules ask about the cart as well, sorted.
    carts: Vec<SceneKind>,
    /// Wish lists.
    wishes: bool,
    /// Views.
    views: bool,
    /// Stock above this many reads as this many.
    stock_detail: i64,
    /// The shortest pause in somebody's activity.
    pause: Option<Duration>,
    /// Metres that count as near, sorted.
    radii: Vec<u32>,
    /// What was ever bought.
    totals: bool,
    /// Whether somebody is in the hold-out group.
    hold_out: bool,
    /// On which days somebody was noticed.
    noticed: bool,
    /// Of which category articles are that somebody has to do with.
    favourite: bool,
    /// Which shop somebody is nearest to.
    nearest: bool,
    /// Something that there is only so much of for everybody.
    pools: bool,
}

/// Stock up to which a rule that asks for it can be edited without another dataflow.
const STOCK_DETAIL: i64 = 1000;

/// What events may say of an article.
const SAID: [Field; 4] =
    [Field::ItemPrice, Field::ItemDiscountPercent, Field::ItemCategory, Field::ItemVariant];

impl Demand {
    /// What these rules ask for.
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut demand = Demand { stock_detail: 1, ..Demand::default() };
        for rule in rules {
            demand.scenes.push(SceneKind::of(&rule.when));
            if [Field::CartLines, Field::CartQuantity, Field::CartValue]
                .iter()
                .any(|field| rule.asks_for(*field))
            {
                demand.carts.push(SceneKind::of(&rule.when));
            }
            demand.pools |= rule.offer.is_pooled();
            let interest = interests_of(&rule.when);
            demand.wishes |= interest.wishlist || rule.asks_for(Field::ItemInWishlist);
            let views = interest.viewed || matches!(rule.when, When::BrowseAbandoned { .. });
            demand.views |= views || rule.asks_for(Field::ItemViewed);
            // What a wish says of an article comes before what a view does.
            demand.wishes |= views && SAID.iter().any(|field| rule.asks_for(*field));
            demand.totals |= TOTALS.iter().any(|name| rule.asks_for_attribute(name));
            demand.noticed |= NOTICED.iter().any(|name| rule.asks_for_attribute(name));
            demand.favourite |= rule.asks_for_attribute(FAVOURITE);
            demand.nearest |= rule.asks_for_attribute(NEAREST);
            demand.hold_out |= rule.asks_for_attribute(HOLD_OUT);
            // Whoever bought is known, whatever the condition asks for.
            demand.totals |= matches!(rule.when, When::SegmentEntered { .. });
            if let When::Nearby { within, .. } = rule.when {
                demand.radii.push(within);
            }
            if let When::Lapsed { idle } = rule.when {
                demand.pause = demand.pause.into_iter().chain([idle]).min();
            }
            // Room for an edit that asks a little more, so that it needs no other dataflow.
            let room = if rule.asks_for(Field::ItemStock) { STOCK_DETAIL } else { 0 };
            demand.stock_detail = demand.stock_detail.max(rule.stock_detail()).max(room);
        }
        demand.wishes |= demand.favourite;
        demand.views |= demand.favourite;
        demand.scenes.sort_unstable();
        demand.scenes.dedup();
        demand.carts.sort_unstable();
        demand.carts.dedup();
        demand.radii.sort_unstable();
        demand.radii.dedup();
        demand
    }

    /// Everything there is: for tests, and where rules are not known.
    pub fn everything() -> Self {
        use SceneKind::{
            Browse, Cart, CheckIn, Interest, Lapse, Line, Near, Purchase, Request, Segment, Visit, Zone,
        };
        let all =
            vec![Line, Cart, Browse, Zone, Visit, CheckIn, Purchase, Near, Request, Lapse, Segment, Interest];
        Demand {
            scenes: all.clone(),
            carts: all,
            wishes: true,
            views: true,
            stock_detail: i64::MAX,
            pause: Some(LEAST_PAUSE),
            radii: vec![100, 1000],
            totals: true,
            hold_out: true,
            noticed: true,
            favourite: true,
            nearest: true,
            pools: true,
        }
    }

    /// Whether all that another asks for is asked for by this one.
    pub fn covers(&self, other: &Demand) -> bool {
        let all = |mine: &[SceneKind], theirs: &[SceneKind]| theirs.iter().all(|kind| mine.contains(kind));
        all(&self.scenes, &other.scenes)
            && all(&self.carts, &other.carts)
            && self.wishes >= other.wishes
            && self.views >= other.views
            && self.stock_detail >= other.stock_detail
            && self.totals >= other.totals
            && self.hold_out >= other.hold_out
            && self.noticed >= other.noticed
            && self.favourite >= other.favourite
            && self.nearest >= other.nearest
            && other.radii.iter().all(|within| self.radii.contains(within))
            && other.pause.is_none_or(|asked| self.pause.is_some_and(|pause| pause <= asked))
            && self.pools >= other.pools
    }

    /// The same with another limit to the detail of stock.
    pub fn with_stock_detail(self, stock_detail: i64) -> Self {
        Demand { stock_detail, ..self }
    }

    /// Without what many events say together: pauses, days, segments.
    #[cfg(test)]
    pub fn of_single_events(mut self) -> Self {
        self.scenes.retain(|kind| *kind != SceneKind::Segment);
        Demand { pause: None, noticed: false, ..self }
    }

    /// Whether offers need a part of what there is only so much of.
    pub fn pools(&self) -> bool {
        self.pools
    }

    /// Whether somebody asks who is in the hold-out group.
    pub fn hold_out(&self) -> bool {
        self.hold_out
    }

    /// Whether somebody asks on which days somebody was noticed.
    pub fn noticed(&self) -> bool {
        self.noticed
    }

    /// Whether somebody asks of which category articles are that somebody has to do with.
    pub fn favourite(&self) -> bool {
        self.favourite
    }

    /// Whether somebody asks which shop somebody is nearest to.
    pub fn nearest(&self) -> bool {
        self.nearest
    }

    /// Whether scenes of that kind are asked for.
    pub fn scene(&self, kind: SceneKind) -> bool {
        self.scenes.contains(&kind)
    }

    /// Whether rules about scenes of that kind ask about the cart as well.
    pub fn cart_in(&self, kind: SceneKind) -> bool {
        self.carts.contains(&kind)
    }

    /// Stock above this many reads as this many.
    pub fn stock_detail(&self) -> i64 {
        self.stock_detail
    }

    /// Metres that count as near for some rule.
    pub fn radii(&self) -> &[u32] {
        &self.radii
    }

    /// The shortest pause in somebody's activity that matters, if any does.
    pub fn pause(&self) -> Option<Duration> {
        self.pause
    }

    /// Whether any answer can follow from such a fact.
    pub fn asks_for(&self, fact: &PersonFact) -> bool {
        match fact {
            PersonFact::Wish(_) => self.wishes,
            PersonFact::View(_) => self.views,
            PersonFact::Sign(sign) if sign.kind == SignKind::CheckIn => {
                self.scene(SceneKind::CheckIn) || self.scene(SceneKind::Visit)
            }
            PersonFact::Sign(_) => self.scene(SceneKind::Visit),
            PersonFact::Zone(_) => self.scene(SceneKind::Zone) || self.scene(SceneKind::Visit),
            PersonFact::Totals(_) => self.totals,
            PersonFact::Noticed(_) => self.noticed,
            PersonFact::Nearest(_) => self.nearest,
            PersonFact::Near(_) => self.scene(SceneKind::Near),
            PersonFact::Request(_) | PersonFact::Decision(_) => self.scene(SceneKind::Request),
            PersonFact::Active(_) => self.scene(SceneKind::Lapse),
            PersonFact::Past(_) => self.scene(SceneKind::Segment),
            PersonFact::Cart(_) | PersonFact::Bought(_) | PersonFact::Attribute(_) => !self.scenes.is_empty(),
            PersonFact::Consent(_)
            | PersonFact::Outcome(..)
            | PersonFact::Sent(_)
            | PersonFact::Withdrawn(..)
            | PersonFact::Suppressed(..)
            | PersonFact::Primed(_)
            | PersonFact::MadeBefore(_)
            | PersonFact::Holds(_)
            | PersonFact::TakenBack(_)
            | PersonFact::LetGo(..)
            | PersonFact::Forgotten(_) => true,
        }
    }
}

fn interests_of(when: &When) -> Interests {
    match when {
        When::ZoneEntered { interest, .. }
        | When::StoreLeft { interest, .. }
        | When::BackInStock { interest, .. }
        | When::RunningLow { interest, .. }
        | When::PriceDropped { interest, .. } => *interest,
        When::CartAbandoned { .. }
        | When::BrowseAbandoned { .. }
        | When::CheckedIn
        | When::Purchased { .. }
        | When::Nearby { .. }
        | When::Requested { .. }
        | When::Lapsed { .. }
        | When::SegmentEntered { .. } => Interests::default(),
    }
}

#[cfg(test)]
mod tests;
