//! Totals of the "Online Retail" order lines, straight from the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the file adds up to. Amounts are in ten-thousandths of a pound.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OrderTotals {
    /// Sum of −quantity, per stock code.
    pub(crate) stock: BTreeMap<String, i64>,
    /// Orders (not cancelled ones) and refunds, per subject: `card:…`, or `order:…` without customer.
    pub(crate) customers: BTreeMap<String, CustomerTotals>,
    /// Lines in the file.
    pub(crate) rows: u64,
}

/// What one subject bought and sent back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CustomerTotals {
    pub(crate) orders: u64,
    pub(crate) bought: i64,
    pub(crate) refunds: u64,
    pub(crate) refunded: i64,
}

/// Adds up a file. A line counts as ordered when its quantity is positive, its invoice is no
/// cancellation and it has a price or a customer; as refunded when its quantity is negative and its
/// invoice is a cancellation.
pub(crate) fn stock_and_purchase_totals(file: &Path) -> OrderTotals {
    let mut totals = OrderTotals::default();
    let mut invoices: BTreeSet<(String, bool)> = BTreeSet::new();
    let mut reader = csv::Reader::from_path(file).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let (invoice, code, price, customer) = (&record[0], &record[1], &record[5], &record[6]);
        let quantity: i64 = record[3].parse().unwrap();
        totals.rows += 1;
        *totals.stock.entry(code.to_owned()).or_default() -= quantity;
        let value = quantity * exact(price);
        let cancelled = invoice.starts_with('C');
        let ordered = !cancelled && quantity > 0 && (value > 0 || !customer.is_empty());
        let refunded = cancelled && quantity < 0;
        if !(ordered || refunded) {
            continue;
        }
        let subject =
            if customer.is_empty() { format!("order:{invoice}") } else { format!("card:{customer}") };
        let first = invoices.insert((invoice.to_owned(), ordered));
        let customer = totals.customers.entry(subject).or_default();
        if ordered {
            customer.orders += u64::from(first);
            customer.bought += value;
        } else {
            customer.refunds += u64::from(first);
            customer.refunded -= value;
        }
    }
    totals
}

/// A price in ten-thousandths.
fn exact(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let places = u32::try_from(fraction.len()).unwrap();
    let fraction: i64 = if fraction.is_empty() { 0 } else { fraction.parse().unwrap() };
    whole.parse::<i64>().unwrap() * 10_000 + fraction * 10_i64.pow(4 - places)
}
