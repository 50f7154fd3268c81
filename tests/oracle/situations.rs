//! Which situations stand for a person: one function each, read off the table in `docs/semantics.md`.
//!
//! A situation is listed whether or not it is due yet; conditions of rules come later.

use super::config::Config;
use super::event::{Event, Line, Said, Time};
use super::interest::Interest;
use super::rules::{Condition, Kinds, When};
use super::world::{Brand, Person};
use std::collections::{BTreeMap, BTreeSet};

mod carts;
mod persons;
mod presence;
mod stock;

use carts::{browse_abandoned, cart_abandoned, lines_abandoned, purchased};
pub(crate) use persons::{decision, entries};
use persons::{lapsed, requested, segment_entered};
use presence::{checked_in, nearby, store_left, zone_entered};
use stock::{back_in_stock, price_dropped, running_low};

/// A situation that stands, before any rule's condition.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) episode: String,
    /// Source and id of the event that tells it from others of the same episode.
    pub(crate) evidence: (String, String),
    pub(crate) anchor: String,
    pub(crate) due: Time,
    /// Last moment at which it stands, where time alone ends it.
    pub(crate) until: Option<Time>,
    pub(crate) items: Vec<Item>,
    /// Handles that the evidence came from, those of the items apart.
    pub(crate) handles: BTreeSet<String>,
    pub(crate) basis: Basis,
    pub(crate) place: Option<String>,
    /// `visit.dwell`.
    pub(crate) dwell: Option<Time>,
    /// Whether at least one item must pass, and expressions may use `item`.
    pub(crate) about_items: bool,
}

/// An article of a situation.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// Pieces bought or asked for, where an event lists it.
    pub(crate) quantity: Option<i64>,
    /// What that event says of it.
    pub(crate) said: Option<Said>,
    /// The handle its interest came from.
    pub(crate) handle: String,
}

/// What a situation rests on: enough to say later why it is gone.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    Line {
        anchor: String,
        start: Time,
    },
    Cart {
        anchor: String,
        start: Time,
    },
    Browse {
        a: Time,
    },
    Zone {
        handle: String,
        location: String,
        zone: String,
        start: Time,
        interest: Kinds,
        in_stock: bool,
    },
    Left {
        window: (Time, Time),
        interest: Kinds,
    },
    Stock {
        anchor: String,
        start: Time,
        interest: Kinds,
        since: Option<Time>,
    },
    Price {
        anchor: String,
        start: Time,
        interest: Kinds,
        since: Time,
        basis_points: i64,
    },
    Near {
        handle: String,
        location: String,
        start: Time,
        within: u64,
    },
    /// A request that needs approval, by its id.
    Request {
        id: String,
    },
    /// A condition over the person that came true.
    Segment {
        anchor: String,
        time: Time,
        segment: Condition,
    },
    /// A check-in or a purchase: it has happened.
    Done,
}

/// All situations of that kind that stand for the person.
pub(crate) fn situations(
    rule: &str,
    when: &When,
    person: &Person<'_>,
    brand: &Brand<'_>,
    config: &Config,
    clock: Time,
) -> Vec<Situation> {
    match when {
        When::CartAbandoned { idle, per_item: true, first_add } => lines_abandoned(person, *idle, *first_add),
        When::CartAbandoned { idle, per_item: false, first_add } => cart_abandoned(person, *idle, *first_add),
        When::BrowseAbandoned { idle, min_views, within } => {
            browse_abandoned(person, *idle, *min_views, *within)
        }
        When::ZoneEntered { dwell, interest, in_stock, zones } => {
            zone_entered(person, brand, *dwell, interest, *in_stock, zones)
        }
        When::StoreLeft { min_dwell, after, interest } => {
            store_left(person, config, *min_dwell, *after, interest)
        }
        When::CheckedIn => checked_in(person, config, clock),
        When::BackInStock { interest, location } => back_in_stock(person, brand, interest, *location),
        When::RunningLow { interest, at_most, location } => {
            running_low(person, brand, interest, *at_most, *location)
        }
        When::PriceDropped { interest, by_percent } => {
            price_dropped(person, brand, interest, *by_percent * 100)
        }
        When::Purchased { within } => purchased(person, *within),
        When::Nearby { within, location } => nearby(person, brand, config, *within, *location, clock),
        When::Requested { approval } => requested(person, config, *approval, rule, clock),
        When::SegmentEntered { segment } => segment_entered(person, config, *segment, clock),
        When::Lapsed { idle } => lapsed(person, config, *idle, clock),
    }
}

fn situation(episode: String, anchor: &str, due: Time, items: Vec<Item>, basis: Basis) -> Situation {
    let handles = BTreeSet::from([anchor.to_owned()]);
    let anchor = anchor.to_owned();
    Situation {
        episode,
        evidence: Default::default(),
        anchor,
        due,
        until: None,
        items,
        handles,
        basis,
        place: None,
        dwell: None,
        about_items: true,
    }
}

fn item(life: &Interest) -> Item {
    Item { id: life.item.clone(), quantity: None, said: None, handle: life.anchor.clone() }
}

/// The articles that an event lists, each once with all its pieces.
fn listed(lines: &[Line], event: &Event) -> Vec<Item> {
    let mut pieces: BTreeMap<&String, i64> = BTreeMap::new();
    lines.iter().for_each(|(item, quantity)| *pieces.entry(item).or_default() += quantity.unwrap_or(1));
    let item = |(id, pieces): (&String, i64)| {
        let mut of_it = Said::default();
        event.said.iter().filter(|said| said.item == *id).for_each(|said| of_it.take(said, true));
        let handle = event.handle.clone();
        Item { id: id.clone(), quantity: Some(pieces), said: Some(of_it), handle }
    };
    pieces.into_iter().map(item).collect()
}
