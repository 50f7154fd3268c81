//! What the catalogue says: articles, prices, places, shelves. Last writer by event time, field by
//! field; a shelf's list is replaced whole.

use super::Changes;
use rustc_hash::FxHashMap;
use shopbell_model::event::{Body, LocationKind, Position};
use shopbell_model::facts::{Catalogue, Moment, Place, Subject, SubjectFact};
use shopbell_model::key::{ItemId, LocationId, Text, ZoneId};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::value::Money;

/// Prices kept of one article; the oldest go first.
const MOST_PRICES: usize = 64;

/// A field, and when it was said.
#[derive(Debug)]
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

#[derive(Debug, Default)]
struct Article {
    name: Field<Text>,
    category: Field<Text>,
    list_price: Field<Money>,
    discontinued: Field<bool>,
    prices: Vec<(Moment, Money)>,
    told: Option<Shared<Catalogue>>,
}

#[derive(Debug, Default)]
struct Spot {
    name: Field<Text>,
    kind: Field<LocationKind>,
    position: Field<Position>,
    tz: Field<Text>,
    told: Option<Shared<Place>>,
}

/// Articles, places and shelves.
#[derive(Debug, Default)]
pub(super) struct CatalogueFacts {
    articles: FxHashMap<ItemId, Article>,
    places: FxHashMap<LocationId, Spot>,
    shelves: FxHashMap<ZoneId, (Moment, Vec<ItemId>)>,
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
                let fact = article.fact();
                tell(&mut article.told, fact, |fact, diff| {
                    out.subject(Subject::Item(item.clone()), SubjectFact::Catalogue(fact), diff);
                });
            }
            Body::CatalogLocation { location, name, kind, position, tz } => {
                let spot = self.places.entry(location.clone()).or_default();
                spot.name.set(at, name);
                spot.kind.set(at, Some(kind));
                spot.position.set(at, position);
                spot.tz.set(at, tz);
                let fact = Place {
                    location: location.clone(),
                    name: spot.name.get(),
                    kind: spot.kind.get(),
                    position: spot.position.get(),
                    tz: spot.tz.get(),
                };
                tell(&mut spot.told, fact, |fact, diff| {
                    out.subject(Subject::Location(location.clone()), SubjectFact::Place(fact), diff);
                });
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

impl Article {
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
