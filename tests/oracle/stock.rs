//! Stock and catalogue of one brand: timelines from the complete list of events.

use super::event::{Act, Event, Time};
use std::collections::BTreeMap;

/// Values in order of time, each holding until the next.
pub(crate) type Timeline = Vec<(Time, i64)>;

/// What is known of articles and places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// Stock of an item in a location.
    pub(crate) stock: BTreeMap<(String, String), Timeline>,
    /// Sum of the positive stocks of an item.
    pub(crate) everywhere: BTreeMap<String, Timeline>,
    /// Prices of an item; equal ones that follow each other merged.
    pub(crate) prices: BTreeMap<String, Timeline>,
    pub(crate) categories: BTreeMap<String, String>,
    /// Items of a (location, zone).
    pub(crate) shelves: BTreeMap<(String, String), Vec<String>>,
    /// Time zone of a location.
    pub(crate) zones_of_time: BTreeMap<String, String>,
    /// What a location is, said last.
    pub(crate) kinds_of_place: BTreeMap<String, &'static str>,
}

/// Reads the catalogue out of all events of a brand, given in order of (time, arrival).
pub(crate) fn catalogue(events: &[&Event]) -> Catalogue {
    let mut known = Catalogue::default();
    for event in events {
        match &event.act {
            Act::Level { location, item, quantity } => known.set_stock(event.time, location, item, *quantity),
            Act::Delta { location, item, delta } => {
                let before = known.stock_in(location, item).unwrap_or(0);
                known.set_stock(event.time, location, item, before + delta);
            }
            Act::Item { item, price, category } => {
                let prices = known.prices.entry(item.clone()).or_default();
                if let Some(price) = price.filter(|price| prices.last().is_none_or(|(_, last)| last != price))
                {
                    prices.push((event.time, price));
                }
                if let Some(category) = category {
                    known.categories.insert(item.clone(), category.clone());
                }
            }
            Act::Location { location, tz, is_shop, .. } => {
                known.kinds_of_place.insert(location.clone(), if *is_shop { "store" } else { "warehouse" });
                if let Some(tz) = tz {
                    known.zones_of_time.insert(location.clone(), tz.clone());
                }
            }
            Act::Shelf { location, zone, items } => {
                known.shelves.insert((location.clone(), zone.clone()), items.clone());
            }
            _ => {}
        }
    }
    known
}

impl Catalogue {
    fn set_stock(&mut self, time: Time, location: &str, item: &str, quantity: i64) {
        self.stock.entry((location.to_owned(), item.to_owned())).or_default().push((time, quantity));
        let of_item = self.stock.iter().filter(|((_, other), _)| other == item);
        let sum =
            of_item.filter_map(|(_, timeline)| timeline.last()).map(|(_, pieces)| (*pieces).max(0)).sum();
        self.everywhere.entry(item.to_owned()).or_default().push((time, sum));
    }

    /// Stock of an item in a location, where known.
    pub(crate) fn stock_in(&self, location: &str, item: &str) -> Option<i64> {
        self.stock.get(&(location.to_owned(), item.to_owned()))?.last().map(|(_, pieces)| *pieces)
    }

    /// The timeline of an item's stock in one location, or of the sum over all.
    pub(crate) fn timeline(&self, location: Option<&str>, item: &str) -> Timeline {
        match location {
            Some(location) => {
                self.stock.get(&(location.to_owned(), item.to_owned())).cloned().unwrap_or_default()
            }
            None => self.everywhere.get(item).cloned().unwrap_or_default(),
        }
    }

    /// Pieces now, in one location or everywhere; 0 where unknown.
    pub(crate) fn pieces(&self, location: Option<&str>, item: &str) -> i64 {
        self.timeline(location, item).last().map_or(0, |(_, pieces)| *pieces)
    }

    /// Price now.
    pub(crate) fn price(&self, item: &str) -> Option<i64> {
        self.prices.get(item)?.last().map(|(_, price)| *price)
    }
}

/// Moments at which a stock that was known to be out came back.
fn returns(timeline: &Timeline) -> Vec<Time> {
    timeline.windows(2).filter(|pair| pair[0].1 <= 0 && pair[1].1 > 0).map(|pair| pair[1].0).collect()
}

/// The return since which the stock has been there, where it is there and was ever out.
pub(crate) fn current_return(timeline: &Timeline) -> Option<Time> {
    let in_stock = timeline.last().is_some_and(|(_, pieces)| *pieces > 0);
    returns(timeline).pop().filter(|_| in_stock)
}

/// Price in force at `start`, or the first known after.
pub(crate) fn base_price(prices: &Timeline, start: Time) -> Option<i64> {
    let before = prices.iter().rev().find(|(time, _)| *time <= start);
    before.or_else(|| prices.first()).map(|(_, price)| *price)
}

/// Whether `price` is at least `basis_points` hundredths of a percent below `base`.
pub(crate) fn is_drop(price: i64, base: i64, basis_points: i64) -> bool {
    price * 10_000 <= base * (10_000 - basis_points)
}

/// First moments of all runs of dropped prices; the last is current if the last price is a drop.
pub(crate) fn drops(prices: &Timeline, start: Time, basis_points: i64) -> Vec<Time> {
    let Some(base) = base_price(prices, start) else { return Vec::new() };
    let mut runs = Vec::new();
    let mut low_before = false;
    for (time, price) in prices {
        let low = is_drop(*price, base, basis_points);
        if low && !low_before {
            runs.push(*time);
        }
        low_before = low;
    }
    runs
}

/// Whether the last price is such a drop.
pub(crate) fn dropped_now(prices: &Timeline, start: Time, basis_points: i64) -> bool {
    let now = prices.last().map(|(_, price)| *price);
    base_price(prices, start).zip(now).is_some_and(|(base, now)| is_drop(now, base, basis_points))
}
