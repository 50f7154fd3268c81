//! The UCI "Online Retail" set: order lines of a British mail-order shop.
//!
//! What each row becomes (columns `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,
//! CustomerID,…`; a positive quantity has left the warehouse, a negative one came back):
//! - every row: `stock.delta` of −Quantity at `uk-warehouse`, also postage, fees, samples and
//!   corrections of the books, so that the deltas of a stock code sum to −ΣQuantity of the file. The
//!   set marks write-offs like returns (negative, price 0); they are taken at their sign;
//! - an **order line** (quantity above 0, the invoice not a cancellation, and a price or a customer):
//!   a line of the invoice's one `web.purchase`, at the moment of its first row;
//! - a **refund line** (quantity below 0 on a cancellation, `C…`): a line of the invoice's one
//!   `web.refund`, quantity and value positive;
//! - any other row is a correction of the books and becomes its delta alone, counted in the report;
//! - the first row of a stock code that has a description: `catalog.item` with that name. Prices
//!   differ by customer and quantity and stay out of the catalogue.
//!
//! The subject is `card:<CustomerID>`, or `order:<InvoiceNo>` where the row names no customer. Times
//! are British local time without a zone and are taken as UTC: in December the two are the same.

use super::lines::{Draft, EventLines, Item};
use super::table::{Row, Table};
use super::{ImportError, ImportReport};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Number, json};
use shopbell_model::value::Money;
use std::collections::{BTreeMap, HashSet};

const SOURCE: &str = "online-retail";
const WAREHOUSE: &str = "uk-warehouse";
const COLUMNS: [&str; 5] = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice"];

/// An invoice that is an order or its cancellation.
struct Invoice {
    subject: String,
    time: Timestamp,
    items: Vec<Item>,
    ten_thousandths: i64,
}

#[derive(Serialize)]
struct Transaction<'a> {
    transaction_id: &'a str,
    items: &'a [Item],
    value: Number,
    currency: &'static str,
}

pub(super) fn import(
    tables: Vec<Table>,
    lines: &mut EventLines,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let mut files = Vec::new();
    for table in tables {
        if table.has(&COLUMNS) { files.push(table) } else { report.ignored.push(table.into_path()) }
    }
    if files.is_empty() {
        return Err(ImportError::MissingTable { table: "order lines", columns: COLUMNS.join(", ") });
    }
    let mut purchases = BTreeMap::new();
    let mut refunds = BTreeMap::new();
    let mut named = HashSet::new();
    let mut deltas = Vec::new();
    let mut first = None::<Timestamp>;
    for (row, number) in files.iter().flat_map(Table::rows).zip(1u64..) {
        report.rows += 1;
        let time = row.time("InvoiceDate")?;
        first = Some(first.map_or(time, |first| first.min(time)));
        let code = row.required("StockCode")?;
        let description = row.text("Description")?.trim();
        if !description.is_empty() && named.insert(code) {
            lines.push(Draft {
                source: SOURCE,
                id: format!("item/{code}"),
                kind: "catalog.item",
                subject: None,
                time,
                data: json!({"item_id": code, "name": description}),
            })?;
        }
        match sort(row)? {
            Kind::Order => add(&mut purchases, row, time)?,
            Kind::Refund => add(&mut refunds, row, time)?,
            Kind::Correction => report.skip("correction of the books, no order (its stock.delta is written)"),
        }
        let quantity: i64 = row.parse("Quantity", "a whole number")?;
        deltas.push((number, time, code, -quantity));
    }
    if let Some(time) = first {
        lines.push(Draft {
            source: SOURCE,
            id: "warehouse".to_owned(),
            kind: "catalog.location",
            subject: None,
            time,
            data: json!({"location": WAREHOUSE, "kind": "warehouse", "tz": "Europe/London"}),
        })?;
    }
    push_transactions(lines, "web.purchase", "order", &purchases)?;
    push_transactions(lines, "web.refund", "refund", &refunds)?;
    for (number, time, code, delta) in deltas {
        lines.push(Draft {
            source: SOURCE,
            id: format!("line/{number}"),
            kind: "stock.delta",
            subject: None,
            time,
            data: json!({"location": WAREHOUSE, "item_id": code, "delta": delta}),
        })?;
    }
    Ok(())
}

enum Kind {
    Order,
    Refund,
    Correction,
}

fn sort(row: Row<'_>) -> Result<Kind, ImportError> {
    let quantity: i64 = row.parse("Quantity", "a whole number")?;
    let cancellation = row.required("InvoiceNo")?.starts_with('C');
    let sold = row.amount("UnitPrice")? > 0 || !row.text("CustomerID")?.is_empty();
    Ok(match (cancellation, quantity) {
        (false, 1..) if sold => Kind::Order,
        (true, ..=-1) => Kind::Refund,
        _ => Kind::Correction,
    })
}

fn add<'a>(
    invoices: &mut BTreeMap<&'a str, Invoice>,
    row: Row<'a>,
    time: Timestamp,
) -> Result<(), ImportError> {
    let number = row.required("InvoiceNo")?;
    let customer = row.text("CustomerID")?;
    let subject = if customer.is_empty() { format!("order:{number}") } else { format!("card:{customer}") };
    let quantity = row.parse::<i64>("Quantity", "a whole number")?.unsigned_abs();
    let price = row.amount("UnitPrice")?;
    let value = i64::try_from(quantity)
        .ok()
        .and_then(|quantity| price.checked_mul(quantity))
        .ok_or_else(|| row.bad("UnitPrice", "an amount in range"))?;
    let invoice = invoices.entry(number).or_insert_with(|| Invoice {
        subject: subject.clone(),
        time,
        items: Vec::new(),
        ten_thousandths: 0,
    });
    if invoice.subject != subject {
        return Err(ImportError::Inconsistent {
            what: format!("invoice {number} belongs to {} and to {subject}", invoice.subject),
        });
    }
    invoice.time = invoice.time.min(time);
    invoice.ten_thousandths += value;
    invoice.items.push(Item {
        item_id: row.required("StockCode")?.to_owned(),
        quantity: Some(quantity),
        price: row.number("UnitPrice")?,
        item_name: None,
        item_category: None,
    });
    Ok(())
}

fn push_transactions(
    lines: &mut EventLines,
    kind: &'static str,
    prefix: &str,
    invoices: &BTreeMap<&str, Invoice>,
) -> Result<(), ImportError> {
    for (number, invoice) in invoices {
        lines.push(Draft {
            source: SOURCE,
            id: format!("{prefix}/{number}"),
            kind,
            subject: Some(&invoice.subject),
            time: invoice.time,
            data: Transaction {
                transaction_id: number,
                items: &invoice.items,
                value: serde_json::from_str(&Money(invoice.ten_thousandths).to_string())?,
                currency: "GBP",
            },
        })?;
    }
    Ok(())
}
