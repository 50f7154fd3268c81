//! An event in a line: `10:00 phone:1 web.add_to_cart mask*2`.
//!
//! `TIME [WHO] TYPE` and what that type is about, in the order of the contract's table; what may be absent stands
//! as `name=value`. Text with spaces stands in single quotes. Invariant: what is not understood is an error; a
//! line says what its type's `usage` shows and nothing else.

use super::given::unknown_type;
use super::moments::is_clock;
use super::{Moments, TestProblem};
use crate::event::Kind;
use crate::key::Text;
use crate::time::Time;
use serde_json::{Map, Value, json};

/// What a line says.
pub(super) struct Spoken {
    pub(super) at: Time,
    pub(super) who: Option<Text>,
    pub(super) kind: Kind,
    pub(super) data: Value,
    /// The rule whose offer it is about.
    pub(super) offer_of: Option<Text>,
}

/// A word, and the character it begins at.
struct Word {
    text: String,
    at: usize,
    /// Where `=` stands in the text, if it was not quoted.
    equals: Option<usize>,
    quoted: bool,
}

type Wrong = (usize, TestProblem);

/// Reads a line; a problem comes with the character it is at.
pub(super) fn read(line: &str, moments: &Moments) -> Result<Spoken, Wrong> {
    let mut words = words(line)?.into_iter().peekable();
    let Some(first) = words.next() else { return Err((0, TestProblem::Time(String::new()))) };
    let mut time = first.text.clone();
    if time.starts_with('+')
        && let Some(clock) = words.next_if(|word| is_clock(&word.text))
    {
        time = format!("{time} {}", clock.text);
    }
    let at = moments.parse(&time).ok_or((first.at, TestProblem::Time(time.chars().take(64).collect())))?;
    let end = line.chars().count();
    let missing = || (end, TestProblem::Type { word: String::new(), near: None });
    let mut word = words.next().ok_or_else(missing)?;
    let mut who = None;
    if Kind::parse(&word.text).is_none() && word.text.contains(':') {
        who = Some(Text::from(word.text.as_str()));
        word = words.next().ok_or_else(missing)?;
    }
    let kind = Kind::parse(&word.text).ok_or_else(|| (word.at, unknown_type(&word.text)))?;
    let usage = usage(kind);
    let wrong = |at: usize, what: &str| {
        let who = if kind.is_personal() { " WHO" } else { "" };
        let usage = format!("TIME{who} {kind}{}{usage}", if usage.is_empty() { "" } else { " " });
        (at, TestProblem::Line { what: what.to_owned(), usage })
    };
    if kind.is_personal() != who.is_some() {
        let what = if who.is_some() { "this type of event is about nobody" } else { "it is not said who" };
        return Err(wrong(word.at, what));
    }
    let (named, plain): (Vec<Word>, Vec<Word>) = words.partition(|word| word.equals.is_some());
    let mut data = Map::new();
    for word in named {
        let (name, value) = word.text.split_at(word.equals.unwrap_or(0));
        let value = value.get(1..).unwrap_or_default();
        let known = usage
            .split_whitespace()
            .any(|part| part.strip_suffix("=…]").and_then(|part| part.strip_prefix('[')) == Some(name));
        if !known && kind != Kind::Profile {
            return Err(wrong(word.at, &format!("`{name}=` means nothing here")));
        }
        if data.insert(name.to_owned(), typed(value, word.quoted)).is_some() {
            return Err(wrong(word.at, &format!("`{name}=` stands there twice")));
        }
    }
    let mut offer_of = None;
    let count = plain.len();
    let mut plain = plain.into_iter();
    let mut need = |what: &str| plain.next().ok_or_else(|| wrong(end, &format!("{what} is missing")));
    let mut set = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    match kind {
        Kind::ViewItem
        | Kind::AddToCart
        | Kind::RemoveFromCart
        | Kind::AddToWishlist
        | Kind::RemoveFromWishlist
        | Kind::BeginCheckout => set("items", items(plain.by_ref()).map_err(|at| wrong(at, ITEM))?),
        Kind::WebPurchase | Kind::Refund => {
            set("items", items(plain.by_ref()).map_err(|at| wrong(at, ITEM))?);
            data.entry("transaction_id").or_insert_with(|| json!(format!("order at {time}")));
        }
        Kind::StorePurchase | Kind::TryItem | Kind::Assist => {
            set("location", json!(need("LOCATION")?.text));
            set("items", items(plain.by_ref()).map_err(|at| wrong(at, ITEM))?);
        }
        Kind::Enter | Kind::Leave | Kind::CheckIn => set("location", json!(need("LOCATION")?.text)),
        Kind::Search => {
            let query: Vec<String> = plain.by_ref().map(|word| word.text).collect();
            set("query", json!(query.join(" ")));
        }
        Kind::Login if count == 0 => {}
        Kind::Login | Kind::Link | Kind::Unlink => set("with", json!(need("WHO")?.text)),
        Kind::Beacon | Kind::Wifi => {
            set(if kind == Kind::Wifi { "ap" } else { "beacon" }, json!(need("BEACON")?.text));
            set("rssi", typed(&need("RSSI")?.text, false));
        }
        Kind::Rfid => {
            set("read_point", json!(need("READ_POINT")?.text));
            set("epc", json!(need("EPC")?.text));
        }
        Kind::Geo => {
            set("lat", typed(&need("LATITUDE")?.text, false));
            set("lon", typed(&need("LONGITUDE")?.text, false));
        }
        Kind::StockLevel | Kind::StockDelta => {
            set("location", json!(need("LOCATION")?.text));
            set("item_id", json!(need("ITEM")?.text));
            let name = if kind == Kind::StockLevel { "quantity" } else { "delta" };
            set(name, typed(need("NUMBER")?.text.trim_start_matches('+'), false));
        }
        Kind::CatalogItem => set("item_id", json!(need("ITEM")?.text)),
        Kind::CatalogLocation => {
            set("location", json!(need("LOCATION")?.text));
            data.entry("kind").or_insert_with(|| json!("store"));
        }
        Kind::CatalogZone | Kind::CatalogShelf => {
            set("location", json!(need("LOCATION")?.text));
            set("zone", json!(need("ZONE")?.text));
            let name = if kind == Kind::CatalogZone { "beacons" } else { "items" };
            let list: Vec<String> = plain.by_ref().map(|word| word.text).collect();
            set(name, json!(list));
        }
        Kind::Profile => data = Map::from_iter([("attributes".to_owned(), Value::Object(data))]),
        Kind::Consent => {
            let word = need("granted or refused")?;
            let granted = match word.text.as_str() {
                "granted" => true,
                "refused" => false,
                _ => return Err(wrong(word.at, "consent is granted or refused")),
            };
            set("granted", json!(granted));
        }
        Kind::Forget => {}
        Kind::PushDelivered
        | Kind::PushOpened
        | Kind::PushClicked
        | Kind::PushRedeemed
        | Kind::PushFailed => {
            let rule = need("RULE")?.text;
            set("offer_id", json!(rule));
            offer_of = Some(Text::from(rule));
        }
        Kind::OfferRequest | Kind::OfferDecision => {
            return Err(wrong(word.at, "events of this type are written as a table"));
        }
    }
    if let Some(word) = plain.next() {
        return Err(wrong(word.at, &format!("`{}` is too much", word.text)));
    }
    Ok(Spoken { at, who, kind, data: Value::Object(data), offer_of })
}

const ITEM: &str = "an article is an id, with *QUANTITY and @PRICE where it has them";

/// How what stands behind the type is written.
fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::ViewItem | Kind::AddToCart | Kind::RemoveFromCart => "ITEM… (as mask, mask*2, mask@19.90)",
        Kind::AddToWishlist | Kind::RemoveFromWishlist => "ITEM…",
        Kind::BeginCheckout => "[ITEM…]",
        Kind::WebPurchase | Kind::Refund => "ITEM… [transaction_id=…] [value=…] [location=…]",
        Kind::StorePurchase => "LOCATION [ITEM…] [transaction_id=…] [value=…]",
        Kind::TryItem => "LOCATION [ITEM…]",
        Kind::Assist => "LOCATION [ITEM…] [staff=…]",
        Kind::Enter | Kind::Leave | Kind::CheckIn => "LOCATION",
        Kind::Search => "WORDS",
        Kind::Login => "[WHO]",
        Kind::Link | Kind::Unlink => "WHO",
        Kind::Beacon => "BEACON RSSI",
        Kind::Wifi => "ACCESS_POINT RSSI",
        Kind::Rfid => "READ_POINT EPC",
        Kind::Geo => "LATITUDE LONGITUDE [accuracy_m=…]",
        Kind::StockLevel => "LOCATION ITEM QUANTITY",
        Kind::StockDelta => "LOCATION ITEM CHANGE",
        Kind::CatalogItem => "ITEM [name=…] [category=…] [price=…] [list_price=…] [discontinued=…]",
        Kind::CatalogLocation => "LOCATION [name=…] [kind=…] [tz=…] [lat=…] [lon=…]",
        Kind::CatalogZone => "LOCATION ZONE BEACON… [name=…]",
        Kind::CatalogShelf => "LOCATION ZONE ITEM…",
        Kind::Profile => "ATTRIBUTE=VALUE…",
        Kind::Consent => "granted|refused [channel=…] [category=…]",
        Kind::Forget => "",
        Kind::PushDelivered
        | Kind::PushOpened
        | Kind::PushClicked
        | Kind::PushRedeemed
        | Kind::PushFailed => "RULE",
        Kind::OfferRequest | Kind::OfferDecision => "… } as a table: { at = …, who = …, type = …, data = { …",
    }
}

/// Articles; an error is the character of one that is none.
fn items(words: impl Iterator<Item = Word>) -> Result<Value, usize> {
    let item = |word: Word| {
        let (rest, price) = match word.text.rsplit_once('@').filter(|_| !word.quoted) {
            Some((rest, price)) => (rest, Some(price.parse::<serde_json::Number>().map_err(|_| word.at)?)),
            None => (word.text.as_str(), None),
        };
        let (id, quantity) = match rest.rsplit_once('*').filter(|_| !word.quoted) {
            Some((id, quantity)) => (id, Some(quantity.parse::<u32>().map_err(|_| word.at)?)),
            None => (rest, None),
        };
        let mut item = Map::from_iter([("item_id".to_owned(), json!(id))]);
        item.extend(price.map(|price| ("price".to_owned(), Value::Number(price))));
        item.extend(quantity.map(|quantity| ("quantity".to_owned(), json!(quantity))));
        Ok(Value::Object(item))
    };
    words.map(item).collect()
}

/// A number, `true`, `false` or `null` as such, unless it stands in quotes; text otherwise.
fn typed(text: &str, quoted: bool) -> Value {
    let value = match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" => Some(Value::Null),
        _ => text.parse().ok().map(Value::Number),
    };
    value.filter(|_| !quoted).unwrap_or_else(|| json!(text))
}

/// Words between white space; what stands in single quotes is one.
fn words(line: &str) -> Result<Vec<Word>, Wrong> {
    let mut words = Vec::new();
    let mut open: Option<Word> = None;
    let mut within = None;
    for (at, letter) in line.chars().enumerate() {
        if letter.is_whitespace() && within.is_none() {
            words.extend(open.take());
            continue;
        }
        let word = open.get_or_insert_with(|| Word { text: String::new(), at, equals: None, quoted: false });
        match (letter, within) {
            ('\'', None) => (within, word.quoted) = (Some(at), true),
            ('\'', Some(_)) => within = None,
            _ => {
                if letter == '=' && within.is_none() && word.equals.is_none() && !word.text.is_empty() {
                    word.equals = Some(word.text.len());
                }
                word.text.push(letter);
            }
        }
    }
    if let Some(at) = within {
        let usage = "name='Reef diving mask'".to_owned();
        return Err((at, TestProblem::Line { what: "this quote is not closed".to_owned(), usage }));
    }
    words.extend(open);
    Ok(words)
}
