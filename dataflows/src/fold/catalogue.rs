//! What the catalogue says: articles, prices, places, shelves. Last writer by event time, field by
//! field; a shelf's list is replaced whole.

use super::Changes;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shopbell_model::event::{Body, LocationKind, Position};
use shopbell_model::facts::{Catalogue, Moment, Place, Subject, SubjectFact};
use shopbell_model::key::{ItemId, LocationId, Text, ZoneId};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::value::Money;

/// Prices kept of one article; the oldest go first.
const MOST_PRICES: usize = 1000;

/// A field, and when it was said.
#[derive(Debug, Serialize, Deserialize)]
struct Field<V>(Option<(Moment, V)>);

impl<V> Default for Field<V> {
    fn default() -> Self {
        Field(None)
    }
}

impl<V: Clone> Field<V> {
    fn set(&mut self, at: Moment, value: Option<V>) {
        if let Some(value) = value
            && self.0.as_ref().is_none_or(|(last, _)| *last <= at)
        {
            self.0 = Some((at, value));
        }
    }

    fn get(&self) -> Option<V> {
        self.0.as_ref().map(|(_, value)| value.clone())
    }
}

/// What was said of one article.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Article {
    name: Field<Text>,
    category: Field<Text>,
    list_price: Field<Money>,
    discontinued: Field<bool>,
    prices: Vec<(Moment, Money)>,
    #[serde(skip)]
    told: Option<Shared<Catalogue>>,
}

/// What was said of one place.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Spot {
    name: Field<Text>,
    kind: Field<LocationKind>,
    position: Field<Position>,
    tz: Field<Text>,
    #[serde(skip)]
    told: Option<Shared<Place>>,
}

/// What stands in a zone, and since when that is known.
pub(super) type Shelf = (Moment, Vec<ItemId>);

/// Articles, places and shelves.
#[derive(Debug, Default)]
pub(super) struct CatalogueFacts {
    articles: FxHashMap<ItemId, Article>,
    places: FxHashMap<LocationId, Spot>,
    shelves: FxHashMap<ZoneId, Shelf>,
}

impl CatalogueFacts {
    pub(super) fn apply(&mut self, body: Body, at: Moment, out: &mut Changes) {
        match body {
            Body::CatalogItem { item, name, category, price, list_price, discontinued } => {
                let article = self.articles.entry(item.clone()).or_default();
                article.name.set(at, name);
                article.category.set(at, category);
                article.list_price.set(at, list_price);
                article.discontinued.set(at, discontinued);
                if let Some(price) = price {
                    let place = article.prices.partition_point(|(known, _)| *known <= at);
                    article.prices.insert(place, (at, price));
                    if article.prices.len() > MOST_PRICES {
                        article.prices.remove(0);
                    }
                }
                article.tell(&item, out);
            }
            Body::CatalogLocation { location, name, kind, position, tz } => {
                let spot = self.places.entry(location.clone()).or_default();
                spot.name.set(at, name);
                spot.kind.set(at, Some(kind));
                spot.position.set(at, position);
                spot.tz.set(at, tz);
                spot.tell(&location, out);
            }
            Body::CatalogShelf { location, zone, mut items } => {
                let zone = ZoneId { location, zone };
                items.sort_unstable();
                items.dedup();
                let before = self.shelves.get(&zone);
                if before.is_some_and(|(last, _)| *last > at) {
                    return;
                }
                let known = before.map_or(&[][..], |(_, known)| known);
                for (item, diff) in difference(known, &items) {
                    out.subject(Subject::Item(item.clone()), SubjectFact::Shelf(zone.clone()), diff);
                }
                self.shelves.insert(zone, (at, items));
            }
            // The rest is about persons, stock and zones, which others keep.
            Body::Person { .. }
            | Body::StockLevel { .. }
            | Body::StockDelta { .. }
            | Body::CatalogZone { .. } => {}
        }
    }
}

impl CatalogueFacts {
    pub(super) fn article(&self, item: &ItemId) -> Option<&Article> {
        self.articles.get(item)
    }

    pub(super) fn place(&self, location: &LocationId) -> Option<&Spot> {
        self.places.get(location)
    }

    pub(super) fn shelf(&self, zone: &ZoneId) -> Option<&Shelf> {
        self.shelves.get(zone)
    }

    /// Puts back what was said of an article.
    pub(super) fn restore_article(&mut self, item: &ItemId, mut article: Article, out: &mut Changes) {
        article.tell(item, out);
        self.articles.insert(item.clone(), article);
    }

    /// Puts back what was said of a place.
    pub(super) fn restore_place(&mut self, location: &LocationId, mut spot: Spot, out: &mut Changes) {
        spot.tell(location, out);
        self.places.insert(location.clone(), spot);
    }

    /// Puts back what stands in a zone.
    pub(super) fn restore_shelf(&mut self, zone: &ZoneId, shelf: Shelf, out: &mut Changes) {
        for item in &shelf.1 {
            out.subject(Subject::Item(item.clone()), SubjectFact::Shelf(zone.clone()), 1);
        }
        self.shelves.insert(zone.clone(), shelf);
    }
}

impl Spot {
    fn tell(&mut self, location: &LocationId, out: &mut Changes) {
        let fact = Place {
            location: location.clone(),
            name: self.name.get(),
            kind: self.kind.get(),
            position: self.position.get(),
            tz: self.tz.get(),
        };
        tell(&mut self.told, fact, |fact, diff| {
            out.subject(Subject::Location(location.clone()), SubjectFact::Place(fact), diff);
        });
    }
}

impl Article {
    fn tell(&mut self, item: &ItemId, out: &mut Changes) {
        let fact = self.fact();
        tell(&mut self.told, fact, |fact, diff| {
            out.subject(Subject::Item(item.clone()), SubjectFact::Catalogue(fact), diff);
        });
    }

    fn fact(&self) -> Catalogue {
        let mut prices: Vec<(Time, Money)> = Vec::with_capacity(self.prices.len());
        for (at, price) in &self.prices {
            if prices.last().is_none_or(|(_, last)| last != price) {
                prices.push((at.time, *price));
            }
        }
        Catalogue {
            name: self.name.get(),
            category: self.category.get(),
            list_price: self.list_price.get(),
            discontinued: self.discontinued.get().unwrap_or(false),
            prices,
        }
    }
}

/// Replaces what was told by `fact` where it differs.
fn tell<F: PartialEq + std::hash::Hash>(
    told: &mut Option<Shared<F>>,
    fact: F,
    mut report: impl FnMut(Shared<F>, isize),
) {
    if told.as_ref().is_some_and(|told| **told == fact) {
        return;
    }
    let fact = Shared::new(fact);
    if let Some(before) = told.replace(fact.clone()) {
        report(before, -1);
    }
    report(fact, 1);
}

/// What leaves and what joins, between two sorted lists.
fn difference<'a>(
    before: &'a [ItemId],
    after: &'a [ItemId],
) -> impl Iterator<Item = (&'a ItemId, isize)> + 'a {
    let leaves = before.iter().filter(|item| after.binary_search(item).is_err()).map(|item| (item, -1));
    let joins = after.iter().filter(|item| before.binary_search(item).is_err()).map(|item| (item, 1));
    leaves.chain(joins)
}
