//! What warehouses, price lists and the customer base report: the twentieth that is not seen of
//! anybody, beside the catalogue itself.

use super::Mall;
use super::catalogue::Catalogue;
use super::line::{Line, Stamp, Subject};
use super::random::Random;
use super::sessions::Sessions;

const STOCK: &str = "erp";
const CUSTOMERS: &str = "crm";

/// Writes what is reported next.
pub(super) fn next(
    line: &mut Line,
    stamp: Stamp,
    mall: &Mall,
    catalogue: &Catalogue,
    sessions: &mut Sessions,
    random: &mut Random,
) {
    let customer = random.below(mall.customers.max(1));
    let card = Subject::Card(customer);
    match random.below(100) {
        0..55 => {
            let (shop, item) = catalogue.pick_shelved(random);
            line.open(STOCK, "stock.delta", stamp, Subject::None);
            line.location(shop).text(",").item(item).text(",\"delta\":");
            // Sold one by one, delivered by the box.
            if random.below(10) < 9 {
                line.text("-1")
            } else {
                line.number(9)
            };
        }
        55..65 => {
            let (shop, item) = catalogue.pick_shelved(random);
            line.open(STOCK, "stock.level", stamp, Subject::None);
            line.location(shop).text(",").item(item);
            line.text(",\"quantity\":").number(random.below(21).into());
        }
        65..75 => {
            let (_, item) = catalogue.pick_shelved(random);
            let price = catalogue.price(item);
            line.open(STOCK, "catalog.item", stamp, Subject::None);
            line.item(item).text(",\"price\":");
            line.cents(price * u64::from(60 + random.below(41)) / 100);
            line.text(",\"list_price\":").cents(price);
        }
        75..85 => {
            line.open(CUSTOMERS, "crm.profile", stamp, card);
            line.text("\"attributes\":{\"lifetime_spend\":").number(random.skewed(20_000).into());
            line.text(",\"years\":").number(random.below(12).into()).text("}");
        }
        85..97 => {
            // The app on the phone of somebody who has just logged in, or of anybody.
            let customer = sessions.take_unlinked().unwrap_or(customer);
            line.open(CUSTOMERS, "crm.link", stamp, Subject::Card(customer));
            line.text("\"with\":\"").handle(Subject::Device(customer)).text("\"");
        }
        _ => {
            line.open(CUSTOMERS, "crm.consent", stamp, card);
            line.text("\"channel\":\"push\",\"granted\":");
            line.text(if random.below(10) < 9 { "true" } else { "false" });
        }
    }
    line.close();
}
