//! Stock and purchases of a mail-order shop: the fold's sums against those of the file.

use super::super::reference::order_totals::stock_and_purchase_totals;
use super::{World, events, folder, settings};
use shopbell::import::{Format, ImportOptions};
use shopbell_model::facts::{PersonFact, Subject, SubjectFact};
use shopbell_model::settings::Presence;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn stock_and_purchases_are_the_sums_of_the_file() {
    let Some(folder) = folder("stock_and_purchases_are_the_sums_of_the_file", "uci_online_retail_4w") else {
        return;
    };
    let file = folder.join("online_retail_2010-12.csv");
    let events = events(Format::OnlineRetail, std::slice::from_ref(&file), &ImportOptions::default());
    let totals = stock_and_purchase_totals(&file);
    for folds in [1, 2, 4] {
        let mut world = World::new(&settings(Presence::default()), folds);
        world.take(&events, &mut |_, _, _| {});
        assert_eq!(world.dropped_facts(), 0);
        let mut stock = BTreeMap::new();
        for (subject, fact) in world.subjects.keys() {
            if let (Subject::Item(item), SubjectFact::Stock(known)) = (subject, fact) {
                let code = item.as_str().to_owned();
                match &known.location {
                    Some(_) => assert!(stock.insert(code, known.quantity).is_none()),
                    None => assert_eq!(known.quantity, totals.stock[&code].max(0)),
                }
            }
        }
        assert_eq!(stock, totals.stock);
        let mut orders: BTreeMap<String, u64> = BTreeMap::new();
        let mut pieces: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (handle, fact) in world.persons.keys() {
            let Some(PersonFact::Bought(bought)) = fact else { continue };
            *orders.entry(handle.to_string()).or_default() += 1;
            for (item, quantity, _) in &bought.items {
                *pieces.entry((handle.to_string(), item.to_string())).or_default() += i64::from(*quantity);
            }
        }
        let told = totals.customers.iter().filter(|(_, totals)| totals.orders > 0);
        assert_eq!(orders, told.map(|(subject, totals)| (subject.clone(), totals.orders)).collect());
        assert_eq!(pieces, ordered_pieces(&file));
        if folds == 1 {
            println!(
                "{} stock codes, {} orders of {} subjects, {} pieces",
                stock.len(),
                orders.values().sum::<u64>(),
                orders.len(),
                pieces.values().sum::<i64>()
            );
        }
    }
}

/// Pieces ordered by subject and stock code, straight from the file.
fn ordered_pieces(file: &Path) -> BTreeMap<(String, String), i64> {
    let mut pieces = BTreeMap::new();
    for row in csv::Reader::from_path(file).unwrap().deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let (invoice, customer) = (&row["InvoiceNo"], &row["CustomerID"]);
        let quantity: i64 = row["Quantity"].parse().unwrap();
        let free = row["UnitPrice"].parse::<f64>().unwrap() <= 0.0;
        if invoice.starts_with('C') || quantity <= 0 || (free && customer.is_empty()) {
            continue;
        }
        let subject =
            if customer.is_empty() { format!("order:{invoice}") } else { format!("card:{customer}") };
        *pieces.entry((subject, row["StockCode"].clone())).or_default() += quantity;
    }
    pieces
}
