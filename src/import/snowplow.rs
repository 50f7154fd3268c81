//! Snowplow's e-commerce tracker: a table of events and context tables joined by `root_id` and
//! `root_tstamp` (the event's `event_id` and `collector_tstamp`), recognised by their columns.
//!
//! What an event becomes, by its action (`action.type`), at its `derived_tstamp` (UTC where it has no
//! offset), with the products of its product rows:
//! - `product_view` → `web.view_item`, `add_to_cart` → `web.add_to_cart`, `remove_from_cart` →
//!   `web.remove_from_cart` (no quantity in the source: the whole line);
//! - `checkout_step` 1 → `web.begin_checkout`. The tracker sends no products with it: the items are
//!   what this browser's own earlier events left in its cart; with nothing there it is skipped, as
//!   are later steps;
//! - `transaction` → `web.purchase`; a second event with the `transaction_id` of an earlier one is a
//!   tracker's repetition and is skipped, as Snowplow's own models do;
//! - `refund` → `web.refund`, which needs a transaction id and is skipped without;
//! - everything else (lists, promotions, events without an action) is skipped and counted by its action.
//!
//! Cart events carry the source's `cart_value` and all carry `session` beside the contract's fields.
//! The subject is `cookie:<domain_userid>`; `device:<user_id>` of the mobile session where there is
//! no cookie; else `network:<network_userid>`. A user id (of the user context or `user_id`) becomes
//! one `web.login` with `account:<id>` per subject, before the event that first shows it, unless the
//! source says it is a guest's.

use super::lines::{Draft, EventLines, Item};
use super::table::{Row, Table};
use super::{ImportError, ImportOptions, ImportReport};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Number, json};
use std::collections::{BTreeMap, HashMap, HashSet};

const SOURCE: &str = "snowplow";
const EVENTS: [&str; 4] = ["event_id", "collector_tstamp", "derived_tstamp", "domain_userid"];
/// Context tables and the columns that tell them apart.
const CONTEXTS: [(Context, &[&str]); 7] = [
    (Context::Product, &["root_id", "list_price", "id"]),
    (Context::Transaction, &["root_id", "transaction_id", "revenue"]),
    (Context::Step, &["root_id", "step"]),
    (Context::Cart, &["root_id", "cart_id", "total_value"]),
    (Context::User, &["root_id", "is_guest"]),
    (Context::MobileSession, &["root_id", "session_id", "user_id"]),
    // Last: other tables have a type, too.
    (Context::Action, &["root_id", "type", "name"]),
];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Context {
    Product,
    Transaction,
    Step,
    Cart,
    User,
    MobileSession,
    Action,
}

/// Context rows by table and event, in the order of the file.
#[derive(Default)]
struct Contexts<'a> {
    rows: HashMap<(Context, &'a str, Timestamp), Vec<Row<'a>>>,
}

impl<'a> Contexts<'a> {
    fn all(&self, context: Context, event: &Tracked<'a>) -> &[Row<'a>] {
        self.rows.get(&(context, event.id, event.collected)).map_or(&[], Vec::as_slice)
    }

    fn first(&self, context: Context, event: &Tracked<'a>) -> Option<Row<'a>> {
        self.all(context, event).first().copied()
    }
}

/// One row of the event table.
struct Tracked<'a> {
    row: Row<'a>,
    id: &'a str,
    collected: Timestamp,
    time: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    items: &'a [Item],
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart_value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

/// What earlier events of the set imply for later ones.
#[derive(Default)]
struct Memory<'a> {
    carts: HashMap<String, BTreeMap<String, Item>>,
    logins: HashSet<(String, &'a str)>,
    transactions: HashSet<&'a str>,
}

pub(super) fn import(
    tables: Vec<Table>,
    options: &ImportOptions,
    lines: &mut EventLines,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let mut event_tables = Vec::new();
    let mut context_tables = Vec::new();
    for table in tables {
        if table.has(&EVENTS) {
            report.rows += table.len();
            event_tables.push(table);
        } else if let Some((context, _)) = CONTEXTS.iter().find(|(_, columns)| table.has(columns)) {
            report.rows += table.len();
            context_tables.push((*context, table));
        } else {
            report.ignored.push(table.into_path());
        }
    }
    if event_tables.is_empty() {
        return Err(ImportError::MissingTable { table: "events", columns: EVENTS.join(", ") });
    }
    let action = CONTEXTS.last().map_or(String::new(), |(_, columns)| columns.join(", "));
    if !context_tables.iter().any(|(context, _)| *context == Context::Action) {
        return Err(ImportError::MissingTable { table: "action", columns: action });
    }

    let mut contexts = Contexts::default();
    for (context, table) in &context_tables {
        for row in table.rows() {
            let key = (*context, row.required("root_id")?, row.time("root_tstamp")?);
            contexts.rows.entry(key).or_default().push(row);
        }
    }
    let mut events = Vec::new();
    for row in event_tables.iter().flat_map(Table::rows) {
        events.push(Tracked {
            row,
            id: row.required("event_id")?,
            collected: row.time("collector_tstamp")?,
            time: row.time("derived_tstamp")?,
        });
    }
    // What a cart holds at a checkout depends on the order of what happened, not of the rows.
    events.sort_by_key(|event| event.time);
    let mut memory = Memory::default();
    for event in &events {
        import_event(event, &contexts, &mut memory, options, lines, report)?;
    }
    Ok(())
}

fn import_event<'a>(
    event: &Tracked<'a>,
    contexts: &Contexts<'a>,
    memory: &mut Memory<'a>,
    options: &ImportOptions,
    lines: &mut EventLines,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let action = match contexts.first(Context::Action, event) {
        Some(row) => row.text("type")?,
        None => "",
    };
    let Some((subject, session)) = subject(event, contexts)? else {
        report.skip("event without cookie, device or network id");
        return Ok(());
    };
    if options.logins {
        push_login(event, contexts, &subject, memory, lines)?;
    }

    let mut items = Vec::new();
    for row in contexts.all(Context::Product, event) {
        items.push(item(*row)?);
    }
    let transaction = contexts.first(Context::Transaction, event);
    let cart = contexts.first(Context::Cart, event);
    let mut data =
        Data { transaction_id: None, items: &[], value: None, currency: None, cart_value: None, session };
    let running = memory.carts.entry(subject.clone()).or_default();
    let kind = match action {
        "product_view" => "web.view_item",
        "add_to_cart" => {
            running.extend(items.iter().map(|item| (item.item_id.clone(), item.clone())));
            "web.add_to_cart"
        }
        "remove_from_cart" => {
            for item in &items {
                running.remove(&item.item_id);
            }
            "web.remove_from_cart"
        }
        "checkout_step" => {
            let step = contexts.first(Context::Step, event).map_or(Ok(""), |row| row.text("step"))?;
            if step != "1" {
                report.skip("checkout step after the first");
                return Ok(());
            }
            items = running.values().cloned().collect();
            "web.begin_checkout"
        }
        "transaction" | "refund" => {
            let Some(row) = transaction else {
                report.skip("transaction or refund without a transaction id");
                return Ok(());
            };
            let id = row.required("transaction_id")?;
            data.transaction_id = Some(id);
            data.value = row.number("revenue")?;
            data.currency = Some(row.text("currency")?).filter(|text| !text.is_empty());
            if action == "refund" {
                "web.refund"
            } else if memory.transactions.insert(id) {
                running.clear();
                "web.purchase"
            } else {
                report.skip("repetition of a transaction");
                return Ok(());
            }
        }
        other => {
            let reason = if other.is_empty() { "no action".to_owned() } else { format!("action {other}") };
            report.skip(&reason);
            return Ok(());
        }
    };
    if items.is_empty() {
        report.skip(&format!("{action} without products"));
        return Ok(());
    }
    if let (Some(cart), "add_to_cart" | "remove_from_cart") = (cart, action) {
        data.cart_value = cart.number("total_value")?;
        data.currency = Some(cart.text("currency")?).filter(|text| !text.is_empty());
    }
    data.items = &items;
    lines.push(Draft {
        source: SOURCE,
        id: event.id.to_owned(),
        kind,
        subject: Some(&subject),
        time: event.time,
        data,
    })
}

/// Under which handle, and in which session, an event was seen.
fn subject<'a>(
    event: &Tracked<'a>,
    contexts: &Contexts<'a>,
) -> Result<Option<(String, Option<&'a str>)>, ImportError> {
    let session = Some(event.row.text("domain_sessionid")?).filter(|text| !text.is_empty());
    let cookie = event.row.text("domain_userid")?;
    if !cookie.is_empty() {
        return Ok(Some((format!("cookie:{cookie}"), session)));
    }
    if let Some(row) = contexts.first(Context::MobileSession, event) {
        let session = Some(row.required("session_id")?);
        return Ok(Some((format!("device:{}", row.required("user_id")?), session)));
    }
    let network = event.row.text("network_userid")?;
    Ok((!network.is_empty()).then(|| (format!("network:{network}"), session)))
}

fn push_login<'a>(
    event: &Tracked<'a>,
    contexts: &Contexts<'a>,
    subject: &str,
    memory: &mut Memory<'a>,
    lines: &mut EventLines,
) -> Result<(), ImportError> {
    let (user, guest) = match contexts.first(Context::User, event) {
        Some(row) => (row.text("id")?, row.text("is_guest")?.eq_ignore_ascii_case("true")),
        None => (event.row.text("user_id")?, false),
    };
    if user.is_empty() || guest || !memory.logins.insert((subject.to_owned(), user)) {
        return Ok(());
    }
    lines.push(Draft {
        source: SOURCE,
        id: format!("login/{}", event.id),
        kind: "web.login",
        subject: Some(subject),
        time: event.time,
        data: json!({"with": format!("account:{user}")}),
    })
}

fn item(row: Row<'_>) -> Result<Item, ImportError> {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let quantity = match row.text("quantity")? {
        "" => None,
        _ => Some(row.parse("quantity", "a whole number")?),
    };
    Ok(Item {
        item_id: row.required("id")?.to_owned(),
        quantity,
        price: row.number("price")?,
        item_name: filled(row.text("name")?),
        item_category: filled(row.text("category")?),
    })
}
