//! Everything that follows from the events taken in so far and the clock, computed from scratch.

use super::config::{Config, DAY};
use super::event::{Act, Event, Time};
use super::interest::{Interests, Kind, interests};
use super::kept::Dropped;
use super::nearby::nearest;
use super::persons::{name, persons};
use super::policies::held_out;
use super::presence::{ShopVisit, ZoneVisit, shop_visits, zone_visits};
use super::rules::{ItemView, Kinds, View};
use super::situations::Item;
use super::stock::{Catalogue, catalogue};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// All brands at one moment.
pub(crate) struct World<'a> {
    pub(crate) clock: Time,
    pub(crate) brands: Vec<Brand<'a>>,
}

/// One brand: brands never meet.
pub(crate) struct Brand<'a> {
    pub(crate) name: String,
    pub(crate) catalogue: Catalogue,
    pub(crate) zone_visits: Vec<ZoneVisit>,
    /// Positions of handles and places, in order of arrival.
    pub(crate) arrived: Vec<&'a Event>,
    pub(crate) persons: Vec<Person<'a>>,
}

/// One person with all that is known of it.
pub(crate) struct Person<'a> {
    pub(crate) name: String,
    pub(crate) handles: BTreeSet<String>,
    /// In order of (time, arrival).
    pub(crate) events: Vec<&'a Event>,
    /// The same without views and purchases that are too old to count.
    pub(crate) lately: Vec<Cow<'a, Event>>,
    pub(crate) interests: Interests,
    pub(crate) shop_visits: Vec<ShopVisit>,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) bought: Bought,
    hold_out: bool,
    /// Days since 1970 with where the person was.
    noticed: BTreeSet<(Time, String)>,
    nearest: Option<String>,
}

/// What a person ever bought.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bought {
    orders: u64,
    /// Ten-thousandths, less refunds.
    spend: i64,
    last: Option<Time>,
}

/// The world after `events` (in order of arrival, copies left out) at `clock`.
pub(crate) fn world<'a>(events: &[&'a Event], config: &Config, clock: Time) -> World<'a> {
    let names: BTreeSet<&String> = events.iter().map(|event| &event.brand).collect();
    let of_brand =
        |name: &String| events.iter().copied().filter(|event| event.brand == *name).collect::<Vec<_>>();
    let brands = names.into_iter().map(|name| brand(name, &of_brand(name), config, clock)).collect();
    World { clock, brands }
}

fn brand<'a>(brand: &str, arrived: &[&'a Event], config: &Config, clock: Time) -> Brand<'a> {
    let mut ordered = arrived.to_vec();
    ordered.sort_by_key(|event| event.order());
    let dropped = Dropped::of(arrived, config, clock);
    let zone_visits = zone_visits(arrived, &config.presence, clock);
    let nearest = nearest(arrived, config.presence.visits_kept, clock);
    let person = |handles: BTreeSet<String>| {
        let events: Vec<&Event> = ordered.iter().copied().filter(|e| handles.contains(&e.handle)).collect();
        let counts = |event: &&&Event| match event.act {
            Act::Purchase { .. } => event.time + config.purchases_kept >= clock,
            _ => true,
        };
        let lately = events.iter().filter(counts).map(|event| dropped.rest_of(event, config));
        let lately: Vec<Cow<'_, Event>> = lately.collect();
        Person {
            name: name(&handles),
            interests: interests(&lately),
            lately,
            shop_visits: shop_visits(&events, &zone_visits, &handles, &config.presence, clock),
            attributes: attributes(&events),
            bought: bought(&events),
            noticed: noticed(brand, &events, &zone_visits, &handles, config)
                .into_iter()
                .filter(|(_, over)| *over > clock)
                .map(|(noticed, _)| noticed)
                .collect(),
            nearest: handles
                .iter()
                .filter_map(|handle| nearest.get(handle))
                .max_by_key(|(_, since)| *since)
                .map(|(shop, _)| shop.clone()),
            hold_out: held_out(brand, &name(&handles), config.policy.hold_out_percent),
            handles,
            events,
        }
    };
    let persons = persons(arrived, &config.identity).into_iter().map(person).collect();
    let of_positions = |event: &&Event| matches!(event.act, Act::Geo { .. } | Act::Location { .. });
    let arrived = arrived.iter().copied().filter(of_positions).collect();
    Brand { name: brand.to_owned(), catalogue: catalogue(&ordered), persons, zone_visits, arrived }
}

/// Each day and place at which the person was noticed, and when that is over for good.
fn noticed(
    brand: &str,
    events: &[&Event],
    zone_visits: &[ZoneVisit],
    handles: &BTreeSet<String>,
    config: &Config,
) -> Vec<((Time, String), Time)> {
    let acts = events.iter().filter_map(|e| Some((&e.handle, e.time, e.noticed.clone()?)));
    let visits = zone_visits.iter().filter(|visit| handles.contains(&visit.handle));
    let visits = visits.map(|visit| (&visit.handle, visit.first.0, format!("in {}", visit.location)));
    let own_time = |handle: &String| {
        let digest = Sha256::digest([brand, "days", handle].join("\u{1f}").as_bytes());
        digest.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte)) % DAY
    };
    let noticed = acts.chain(visits).map(|(handle, time, place)| {
        let over = (time / DAY + 1) * DAY + config.days_kept + own_time(handle);
        ((time / DAY, place), over)
    });
    noticed.collect()
}

/// When days of any person are over for good.
pub(crate) fn ends_of_days(world: &World<'_>, config: &Config) -> Vec<Time> {
    let of_brand = |brand: &Brand<'_>| {
        let of = |person: &Person<'_>| {
            noticed(&brand.name, &person.events, &brand.zone_visits, &person.handles, config)
        };
        brand.persons.iter().flat_map(of).map(|(_, over)| over).collect::<Vec<_>>()
    };
    world.brands.iter().flat_map(of_brand).collect()
}

fn bought(events: &[&Event]) -> Bought {
    let mut bought = Bought::default();
    events.iter().for_each(|event| bought.take(event));
    bought
}

impl Bought {
    fn take(&mut self, event: &Event) {
        match &event.act {
            Act::Purchase { amount, .. } => {
                self.orders += 1;
                self.spend += amount;
                self.last = self.last.max(Some(event.time));
            }
            Act::Refund { amount } => self.spend -= amount,
            _ => {}
        }
    }
}

fn attributes(events: &[&Event]) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::new();
    for event in events {
        if let Act::Profile(changes) = &event.act {
            attributes.extend(changes.iter().cloned());
        }
    }
    attributes.retain(|_, value| !value.is_null());
    attributes
}

/// `customer` in expressions: attributes, and what follows from purchases where there is none of the name.
fn customer(attributes: &BTreeMap<String, Value>, bought: Bought, now: Time) -> BTreeMap<String, Value> {
    let Bought { orders, spend, last } = bought;
    let mut customer = BTreeMap::from([
        ("orders".to_owned(), Value::from(orders)),
        ("lifetime_spend".to_owned(), Value::from(spend as f64 / 10_000.0)),
    ]);
    if let Some(last) = last {
        let days = now.saturating_sub(last) / DAY;
        customer.insert("days_since_last_order".to_owned(), Value::from(days));
    }
    customer.extend(attributes.clone());
    customer
}

/// Changes of a handle that may be entries.
pub(crate) const NEWEST_CHANGES: usize = 256;

/// What was told of a customer so far: each attribute with its time.
#[derive(Default)]
struct Told {
    attributes: BTreeMap<String, ((Time, usize), Value)>,
    bought: Bought,
}

impl Told {
    fn take(&mut self, event: &Event) {
        self.bought.take(event);
        let Act::Profile(said) = &event.act else { return };
        for (name, value) in said {
            let newer = self.attributes.get(name).is_some_and(|(order, _)| *order > event.order());
            if !newer {
                self.attributes.insert(name.clone(), (event.order(), value.clone()));
            }
        }
    }

    fn view(&self) -> View {
        let said = self.attributes.iter().map(|(name, (_, value))| (name.clone(), value.clone()));
        let said: BTreeMap<String, Value> = said.filter(|(_, value)| !value.is_null()).collect();
        View {
            customer: customer(&said, self.bought, 0),
            item: None,
            cart_lines: 0,
            cart_quantity: 0,
            cart_value: 0.0,
            dwell: None,
            location_kind: None,
            location_tz: None,
            history: (0, 0),
            now: 0,
        }
    }
}

impl<'a> Person<'a> {
    /// Consent for a channel and a category: the most specific statement, of those the latest.
    pub(crate) fn consents(&self, channel: &str, category: Option<&str>, unless_told: bool) -> bool {
        let mut best: Option<(u8, bool)> = None;
        for event in &self.events {
            let Act::Consent { channel: on, category: about, granted } = &event.act else { continue };
            let applies = on.as_deref().is_none_or(|on| on == channel)
                && about.as_deref().is_none_or(|about| Some(about) == category);
            let specific = u8::from(on.is_some()) * 2 + u8::from(about.is_some());
            if applies && best.is_none_or(|(other, _)| specific >= other) {
                best = Some((specific, *granted));
            }
        }
        best.map_or(unless_told, |(_, granted)| granted)
    }

    /// The category of most articles that were bought or are wanted; of several the first by name.
    fn favourite_category(&self, known: &Catalogue) -> Option<String> {
        let mut articles: BTreeSet<&String> = BTreeSet::new();
        let mut said: BTreeMap<&String, &String> = BTreeMap::new();
        for event in &self.lately {
            let mut of_event: BTreeMap<&String, &String> = BTreeMap::new();
            for (item, category) in
                event.said.iter().filter_map(|said| Some((&said.item, said.category.as_ref()?)))
            {
                let known = of_event.entry(item).or_insert(category);
                *known = (*known).max(category);
            }
            if !matches!(event.act, Act::Request { .. }) {
                said.extend(of_event);
            }
            if let Act::Purchase { items, .. } = &event.act {
                articles.extend(items.iter().map(|(item, _)| item));
            }
            if let Act::View(items) | Act::Add(items) | Act::Wish(items) = &event.act {
                let wanted = |item: &&String| {
                    let kinds = [Kind::Cart, Kind::Wish, Kind::View];
                    kinds.into_iter().any(|kind| self.interests.open(kind, item).is_some())
                };
                articles.extend(items.iter().map(|(item, _)| item).filter(wanted));
            }
        }
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for item in articles {
            if let Some(category) = known.categories.get(item).or(said.get(item).copied()) {
                *counts.entry(category).or_default() += 1;
            }
        }
        let most = counts.values().max().copied();
        counts.into_iter().find(|(_, count)| Some(*count) == most).map(|(name, _)| name.clone())
    }

    /// `customer` in expressions: attributes, and what follows from the rest where there is none of the name.
    fn customer(&self, known: &Catalogue, now: Time) -> BTreeMap<String, Value> {
        let mut fields = BTreeMap::from([("hold_out".to_owned(), Value::from(self.hold_out))]);
        let today = now / DAY;
        let lately: Vec<&(Time, String)> =
            self.noticed.iter().filter(|(day, _)| day + 29 >= today && *day <= today).collect();
        let visits = lately.iter().filter(|(_, place)| place.starts_with("in ")).count();
        fields.insert("visits_30d".to_owned(), Value::from(visits));
        let channel = |place: &str| place.strip_prefix("on ").unwrap_or("store").to_owned();
        let channels: BTreeSet<String> = lately.iter().map(|(_, place)| channel(place)).collect();
        fields.insert("channels_30d".to_owned(), Value::from(channels.len()));
        if let Some(shop) = &self.nearest {
            fields.insert("nearest_location".to_owned(), Value::from(shop.as_str()));
        }
        if let Some(category) = self.favourite_category(known) {
            fields.insert("favourite_category".to_owned(), Value::from(category));
        }
        fields.extend(customer(&self.attributes, self.bought, now));
        fields
    }

    /// Events that change what is known of the customer, with what a condition over it alone sees after each; first what
    /// it sees after all that are older than `kept` or not among the newest of their handle, where there are any.
    pub(crate) fn changes(&self, kept: Time, clock: Time) -> (Option<View>, Vec<(&'a Event, View)>) {
        let is_change = |event: &&&Event| match &event.act {
            Act::Profile(said) => !said.is_empty(),
            Act::Purchase { .. } | Act::Refund { .. } => true,
            _ => false,
        };
        let all: Vec<&Event> = self.events.iter().filter(is_change).copied().collect();
        let newer = |event: &Event| {
            let of_handle = all.iter().filter(|other| other.handle == event.handle);
            of_handle.filter(|other| other.order() > event.order()).count()
        };
        let is_kept = |event: &&Event| event.time + kept >= clock && newer(event) < NEWEST_CHANGES;
        let (lately, before): (Vec<&Event>, Vec<&Event>) = all.iter().copied().partition(is_kept);
        let mut known = Told::default();
        before.iter().for_each(|event| known.take(event));
        let first = (!before.is_empty()).then(|| known.view());
        let after = lately.into_iter().map(|event| {
            known.take(event);
            (event, known.view())
        });
        (first, after.collect())
    }

    /// What expressions see; `item` is the article in question.
    pub(crate) fn view(&self, known: &Catalogue, item: Option<ItemView>, now: Time) -> View {
        let lines = self.interests.lines();
        let price = |item: &str| known.price(item).or_else(|| self.interests.said(item).price);
        let value = |i: &&super::interest::Interest| price(&i.item).unwrap_or(0) * i.quantity;
        View {
            customer: self.customer(known, now),
            item,
            cart_lines: lines.len() as i64,
            cart_quantity: lines.iter().map(|line| line.quantity).sum(),
            cart_value: lines.iter().map(value).sum::<i64>() as f64 / 10_000.0,
            dwell: None,
            location_kind: None,
            location_tz: None,
            history: (0, 0),
            now,
        }
    }

    /// `item` in expressions: of the cart, or `quantity` where it is told.
    pub(crate) fn item_view(
        &self,
        known: &Catalogue,
        Item { id: item, quantity, said, .. }: &Item,
        place: Option<&str>,
    ) -> ItemView {
        let open = |kind: Kind| self.interests.open(kind, item);
        let said = said.clone().unwrap_or_else(|| self.interests.said(item));
        ItemView {
            id: item.to_owned(),
            category: known.categories.get(item).cloned().or(said.category),
            price: known.price(item).or(said.price).map(|price| price as f64 / 10_000.0),
            variant: said.variant,
            quantity: quantity.or(open(Kind::Cart).map(|line| line.quantity)).unwrap_or(1),
            stock: known.pieces(place, item),
            in_cart: open(Kind::Cart).is_some(),
            in_wishlist: open(Kind::Wish).is_some(),
            viewed: open(Kind::View).is_some(),
        }
    }

    /// Whether an interest of these kinds in the item is open.
    pub(crate) fn wants(&self, item: &str, kinds: &Kinds) -> bool {
        [Kind::Cart, Kind::Wish, Kind::View]
            .into_iter()
            .any(|kind| kinds.has(kind) && self.interests.open(kind, item).is_some())
    }

    /// Times of the person's purchases on any channel.
    pub(crate) fn purchases(&self) -> impl Iterator<Item = Time> {
        self.lately.iter().filter(|event| matches!(event.act, Act::Purchase { .. })).map(|event| event.time)
    }
}
