//! Shops, zones, articles, shelves and the stock they start with.
//!
//! An article's category is one zone of every shop, and its rank says how popular it is: article
//! `rank · 30 + category`. A shelf holds the most popular articles of its zone, the same in every
//! shop, and as many others that differ from shop to shop.

use super::Mall;
use super::line::{Line, Stamp, Subject};
use super::random::{Random, mix};

/// Zones of a shop.
pub(super) const ZONES: u32 = 30;
/// Beacons of a zone.
pub(super) const BEACONS: u32 = 4;
const SOURCE: &str = "catalogue";

/// The sizes that a stream of this length gets.
pub(super) struct Catalogue {
    pub(super) shops: u32,
    pub(super) items: u32,
    /// Articles on each shelf.
    shelf: u32,
    seed: u64,
}

/// One event of the catalogue.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Location(u32),
    Zone(u32, u32),
    Item(u32),
    Shelf(u32, u32),
    Stock(u32, u32, u32),
}

impl Catalogue {
    pub(super) fn new(mall: &Mall) -> Self {
        // A twentieth of the events is the back office's; the catalogue takes up to four fifths of it.
        let budget = u32::try_from(mall.events / 20).unwrap_or(u32::MAX);
        let shops = mall.shops.clamp(1, u32::from(u16::MAX)).min(budget / 10 / (1 + 2 * ZONES)).max(1);
        let items = mall.items.min(budget / 5 * 2).max(ZONES);
        let shelf = (budget / 10 * 3 / (shops * ZONES)).clamp(2, 40).min(items / ZONES);
        Catalogue { shops, items, shelf, seed: mall.seed }
    }

    /// What comes first, in order: places before what stands in them.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let zones = move || (0..self.shops).flat_map(|shop| (0..ZONES).map(move |zone| (shop, zone)));
        let stock = zones()
            .flat_map(move |(shop, zone)| (0..self.shelf).map(move |slot| Entry::Stock(shop, zone, slot)));
        (0..self.shops)
            .map(Entry::Location)
            .chain(zones().map(|(shop, zone)| Entry::Zone(shop, zone)))
            .chain((0..self.items).map(Entry::Item))
            .chain(zones().map(|(shop, zone)| Entry::Shelf(shop, zone)))
            .chain(stock)
    }

    pub(super) fn write(&self, entry: Entry, line: &mut Line, stamp: Stamp) {
        let kind = match entry {
            Entry::Location(..) => "catalog.location",
            Entry::Zone(..) => "catalog.zone",
            Entry::Item(..) => "catalog.item",
            Entry::Shelf(..) => "catalog.shelf",
            Entry::Stock(..) => "stock.level",
        };
        line.open(SOURCE, kind, stamp, Subject::None);
        match entry {
            Entry::Location(shop) => {
                let scattered = mix(self.seed ^ u64::from(shop));
                line.location(shop).text(",\"kind\":\"store\",\"tz\":\"Asia/Shanghai\",\"lat\":31.");
                line.padded(scattered % 100_000, 5).text(",\"lon\":121.");
                line.padded((scattered >> 32) % 100_000, 5);
            }
            Entry::Zone(shop, zone) => {
                line.location(shop).text(",").zone(zone).text(",\"beacons\":[");
                for beacon in 0..BEACONS {
                    line.text(if beacon == 0 { "\"" } else { ",\"" });
                    line.beacon(shop, zone, beacon).text("\"");
                }
                line.text("]");
            }
            Entry::Item(item) => {
                let price = self.price(item);
                line.item(item).text(",\"category\":\"zone-").number(u64::from(item % ZONES) + 1);
                line.text("\",\"price\":").cents(price).text(",\"list_price\":").cents(price);
            }
            Entry::Shelf(shop, zone) => {
                line.location(shop).text(",").zone(zone).text(",\"items\":[");
                for slot in 0..self.shelf {
                    line.text(if slot == 0 { "\"sku-" } else { ",\"sku-" });
                    line.number(self.on_shelf(shop, zone, slot).into()).text("\"");
                }
                line.text("]");
            }
            Entry::Stock(shop, zone, slot) => {
                let item = self.on_shelf(shop, zone, slot);
                let quantity = mix(self.seed ^ u64::from(shop) << 32 ^ u64::from(item)) % 21;
                line.location(shop).text(",").item(item).text(",\"quantity\":").number(quantity);
            }
        }
        line.close();
    }

    /// Cents, between 4.99 and 304.98.
    pub(super) fn price(&self, item: u32) -> u64 {
        499 + mix(self.seed ^ u64::from(item)) % 30_000
    }

    /// An article of a category, popular ones more often.
    pub(super) fn pick(&self, category: u32, random: &mut Random) -> u32 {
        let ranks = (self.items - category).div_ceil(ZONES);
        random.skewed(ranks) * ZONES + category
    }

    /// An article that stands in some shop: shop and article.
    pub(super) fn pick_shelved(&self, random: &mut Random) -> (u32, u32) {
        let shop = random.below(self.shops);
        (shop, self.on_shelf(shop, random.below(ZONES), random.below(self.shelf)))
    }

    fn on_shelf(&self, shop: u32, zone: u32, slot: u32) -> u32 {
        // Every category has at least this many ranks, and a shelf holds no more.
        let ranks = self.items / ZONES;
        let popular = self.shelf.div_ceil(2);
        let rank = if slot < popular {
            slot
        } else {
            let others = (ranks - popular).max(1);
            popular + (shop * 97 + zone * 13 + slot) % others
        };
        rank * ZONES + zone
    }
}

impl Line {
    /// `"zone":"zone-3"`.
    fn zone(&mut self, zone: u32) -> &mut Self {
        self.text("\"zone\":\"zone-").number(u64::from(zone) + 1).text("\"")
    }

    /// `"item_id":"sku-3"`.
    pub(super) fn item(&mut self, item: u32) -> &mut Self {
        self.text("\"item_id\":\"sku-").number(item.into()).text("\"")
    }
}
