//! Stock and catalogue: events about things, not persons.

use super::{Data, Field, Json, Place, Value, item_fields, lower, position};
use crate::event::kind::Kind;
use crate::event::refusal::{Refusal, STOCK_LIMIT, excerpt};
use crate::event::{Body, LocationKind};
use crate::key::{ItemId, Text};

impl<'a> Data<'a> {
    /// What became of a thing.
    pub(in crate::event) fn thing(&self) -> Result<Body, Refusal> {
        match self.kind {
            Kind::StockLevel => {
                let [location, item, quantity] = self.read(["location", "item_id", "quantity"])?;
                let (location, item) = (self.location(location)?, self.item(item)?);
                Ok(Body::StockLevel { location, item, quantity: stock(quantity)? })
            }
            Kind::StockDelta => {
                let [location, item, delta] = self.read(["location", "item_id", "delta"])?;
                let (location, item) = (self.location(location)?, self.item(item)?);
                Ok(Body::StockDelta { location, item, delta: stock(delta)? })
            }
            Kind::CatalogItem => self.catalog_item(),
            Kind::CatalogLocation => self.catalog_location(),
            Kind::CatalogZone => {
                let [location, zone, beacons, name] = self.read(["location", "zone", "beacons", "name"])?;
                Ok(Body::CatalogZone {
                    location: self.location(location)?,
                    zone: Text::from(zone.needed_name()?),
                    beacons: self.beacons(beacons)?,
                    name: name.prose()?,
                })
            }
            Kind::CatalogShelf => {
                let [location, zone, items] = self.read(["location", "zone", "items"])?;
                Ok(Body::CatalogShelf {
                    location: self.location(location)?,
                    zone: Text::from(zone.needed_name()?),
                    items: self.shelf(items)?,
                })
            }
            // Personal kinds never come here: without a subject they were refused before.
            personal => Err(Refusal::SubjectMissing { kind: personal.as_str() }),
        }
    }

    fn catalog_item(&self) -> Result<Body, Refusal> {
        let [item, name, category, price, list_price, discontinued] =
            self.read(["item_id", "name", "category", "price", "list_price", "discontinued"])?;
        Ok(Body::CatalogItem {
            item: self.item(item)?,
            name: name.prose()?,
            category: category.prose()?,
            price: price.money()?,
            list_price: list_price.money()?,
            discontinued: discontinued.flag()?,
        })
    }

    fn catalog_location(&self) -> Result<Body, Refusal> {
        let [location, name, kind, lat, lon, tz] =
            self.read(["location", "name", "kind", "lat", "lon", "tz"])?;
        Ok(Body::CatalogLocation {
            location: self.location(location)?,
            name: name.prose()?,
            kind: match kind.needed_name()?.as_ref() {
                "store" => LocationKind::Store,
                "warehouse" => LocationKind::Warehouse,
                other => return Err(Refusal::LocationKind { found: excerpt(other) }),
            },
            position: position(lat, lon)?,
            tz: time_zone(tz)?,
        })
    }

    fn beacons(&self, field: Field<'a>) -> Result<Vec<Text>, Refusal> {
        let elements = field.elements(self.limits.items);
        let elements = elements.and_then(|elements| field.need(elements))?;
        let beacon = |(index, value)| Ok(lower(&element("beacons", index, value).needed_name()?));
        elements.enumerate().map(beacon).collect()
    }

    /// The articles of a shelf, each an id or an item with an id. None at all clears the shelf.
    fn shelf(&self, field: Field<'a>) -> Result<Vec<ItemId>, Refusal> {
        let elements = field.elements(self.limits.items);
        let elements = elements.and_then(|elements| field.need(elements))?;
        let article = |(index, value): (usize, Value<'a>)| {
            if value.kind() == Json::Object {
                let [item] = item_fields(index, value, ["item_id"])?;
                return self.item(item);
            }
            self.item(element("items", index, value))
        };
        elements.enumerate().map(article).collect()
    }
}

fn element<'t>(name: &'static str, index: usize, value: Value<'t>) -> Field<'t> {
    Field { place: Place::Element(name, index), value: Some(value) }
}

fn stock(field: Field<'_>) -> Result<i64, Refusal> {
    field.whole_within(-STOCK_LIMIT, STOCK_LIMIT).and_then(|pieces| field.need(pieces))
}

/// The zone's name in the spelling of the database, which holds it in the binary.
fn time_zone(field: Field<'_>) -> Result<Option<Text>, Refusal> {
    let Some(name) = field.text()? else { return Ok(None) };
    let zone = jiff::tz::TimeZone::get(&name).ok();
    match zone.as_ref().filter(|zone| !zone.is_unknown()).and_then(|zone| zone.iana_name()) {
        Some(spelling) => Ok(Some(Text::from(spelling))),
        None => Err(Refusal::TimeZone { found: excerpt(&name) }),
    }
}
