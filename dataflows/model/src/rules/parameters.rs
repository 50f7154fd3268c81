//! Situations and their parameters: the contract's table, read from a rule.
//!
//! Invariant: every [`When`] made here has all its parameters in range.

use super::error::Problem;
use super::spelling::nearest;
use super::table::{Entry, Table};
use super::{Interests, LEAST_PAUSE, When};
use crate::time::Duration;

/// A line of the table.
pub(super) struct Situation {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [&'static str],
}

const fn situation(name: &'static str, parameters: &'static [&'static str]) -> Situation {
    Situation { name, parameters }
}

pub(super) const SITUATIONS: [Situation; 13] = [
    situation("cart_abandoned", &["idle", "per", "idle_from"]),
    situation("zone_entered", &["dwell", "interest", "in_stock", "zones"]),
    situation("store_left", &["min_dwell", "after", "interest"]),
    situation("checked_in", &[]),
    situation("back_in_stock", &["interest", "location"]),
    situation("running_low", &["interest", "at_most", "location"]),
    situation("price_dropped", &["interest", "by_percent"]),
    situation("purchased", &["within"]),
    situation("browse_abandoned", &["idle", "min_views", "within"]),
    situation("nearby", &["within", "location"]),
    situation("requested", &["approval"]),
    situation("lapsed", &["idle"]),
    situation("segment_entered", &["segment"]),
];

/// Keys of every rule.
pub(super) const RULE_KEYS: [&str; 11] = [
    "when", "where", "score", "priority", "enabled", "from", "until", "brand", "offer", "policy", "backfill",
];

/// Metres that can be asked for: farther off, the earth is not flat enough.
pub(super) const FARTHEST: i64 = 50_000;
const ZERO: Duration = Duration(0);
const INSTANT: Duration = Duration(1);

/// The situations that can be reacted to, for a hint.
pub(super) fn situations() -> String {
    SITUATIONS.iter().map(|situation| situation.name).collect::<Vec<_>>().join(", ")
}

/// The rule's situation with its parameters; reports keys that do not belong to it.
pub(super) fn when(rule: &Table<'_>) -> Option<When> {
    let entry = rule.required("when");
    let Some(situation) = entry.and_then(known) else {
        // Without a situation any parameter may be meant.
        let all: Vec<&str> =
            SITUATIONS.iter().flat_map(|one| one.parameters).chain(&RULE_KEYS).copied().collect();
        rule.only(&all);
        return None;
    };
    keys(rule, situation);
    let span = |key: &'static str, least: Duration, default: Duration| {
        rule.get(key).and_then(|entry| entry.duration(least, Duration::LIMIT)).unwrap_or(default)
    };
    let location = || rule.get("location").and_then(Entry::name);
    Some(match situation.name {
        "cart_abandoned" => When::CartAbandoned {
            idle: span("idle", INSTANT, Duration::from_secs(30 * 60)),
            per_item: word(rule, "per", &["item", "cart"]) == Some("item"),
            from_first_add: word(rule, "idle_from", &["first_add", "last_activity"]) == Some("first_add"),
        },
        "zone_entered" => When::ZoneEntered {
            dwell: span("dwell", ZERO, ZERO),
            interest: interest(rule, None),
            in_stock: rule.get("in_stock").and_then(Entry::bool).unwrap_or(true),
            zones: rule.get("zones").and_then(zones).unwrap_or_default(),
        },
        "store_left" => When::StoreLeft {
            min_dwell: span("min_dwell", ZERO, Duration::from_secs(10 * 60)),
            after: span("after", ZERO, Duration::from_secs(2 * 60)),
            interest: interest(rule, None),
        },
        "checked_in" => When::CheckedIn,
        "back_in_stock" => {
            When::BackInStock { interest: interest(rule, Some("back_in_stock")), location: location() }
        }
        "running_low" => When::RunningLow {
            interest: interest(rule, Some("running_low")),
            at_most: rule
                .required("at_most")
                .and_then(|entry| entry.int(1..=i64::from(u32::MAX)))
                .and_then(|at_most| u32::try_from(at_most).ok())?,
            location: location(),
        },
        "price_dropped" => When::PriceDropped {
            interest: interest(rule, Some("price_dropped")),
            by_basis_points: rule.required("by_percent").and_then(basis_points)?,
        },
        "browse_abandoned" => {
            let idle = rule.required("idle").and_then(|entry| entry.duration(INSTANT, Duration::LIMIT));
            let min_views = rule.get("min_views").map_or(Some(2), |entry| entry.int(1..=1000));
            When::BrowseAbandoned {
                within: span("within", INSTANT, Duration::from_secs(24 * 3600)),
                min_views: min_views.and_then(|views| u32::try_from(views).ok())?,
                idle: idle?,
            }
        }
        "requested" => {
            When::Requested { approval: rule.get("approval").and_then(Entry::bool).unwrap_or(true) }
        }
        "nearby" => {
            let within = rule.required("within").and_then(|entry| entry.int(1..=FARTHEST));
            When::Nearby {
                location: location(),
                within: within.and_then(|within| u32::try_from(within).ok())?,
            }
        }
        "lapsed" => When::Lapsed {
            idle: rule.required("idle").and_then(|entry| entry.duration(LEAST_PAUSE, Duration::LIMIT))?,
        },
        "segment_entered" => {
            When::SegmentEntered { segment: rule.required("segment").and_then(super::load::segment)? }
        }
        _ => When::Purchased { within: span("within", INSTANT, Duration::from_secs(5 * 60)) },
    })
}

fn known(entry: Entry<'_>) -> Option<&'static Situation> {
    let word = entry.text()?;
    let found = SITUATIONS.iter().find(|situation| situation.name == word);
    if found.is_none() {
        let near = nearest(word, SITUATIONS.iter().map(|one| one.name)).map(str::to_owned);
        entry.report(Problem::UnknownSituation { word: word.chars().take(64).collect(), near });
    }
    found
}

/// Reports keys that are neither a rule's nor this situation's.
fn keys(rule: &Table<'_>, situation: &Situation) {
    let here: Vec<&str> = situation.parameters.iter().chain(&RULE_KEYS).copied().collect();
    for key in rule.table.keys() {
        let name = key.get_ref().as_ref();
        if here.contains(&name) {
            continue;
        }
        let belongs: Vec<&str> =
            SITUATIONS.iter().filter(|one| one.parameters.contains(&name)).map(|one| one.name).collect();
        if belongs.is_empty() {
            rule.unknown(key, &here);
        } else {
            let (key_text, situation) = (name.to_owned(), situation.name.to_owned());
            let problem = Problem::MisplacedKey { key: key_text, situation, belongs: belongs.join(", ") };
            rule.sheet.report(key.span().start, problem);
        }
    }
}

fn word(rule: &Table<'_>, key: &'static str, known: &[&'static str]) -> Option<&'static str> {
    rule.get(key)?.word(known)
}

/// `interest`; `none` is refused where `situation` is about an interest by its nature.
fn interest(rule: &Table<'_>, situation: Option<&'static str>) -> Interests {
    let Some(entry) = rule.get("interest") else {
        return Interests { cart: true, wishlist: true, ..Interests::default() };
    };
    let mut interests = Interests::default();
    let Some(list) = entry.list() else { return interests };
    if list.is_empty() {
        entry.report(Problem::NoInterest);
    }
    for element in list {
        match (element.word(&["cart", "wishlist", "viewed", "none"]), situation) {
            (Some("cart"), _) => interests.cart = true,
            (Some("wishlist"), _) => interests.wishlist = true,
            (Some("viewed"), _) => interests.viewed = true,
            (Some(_), Some(situation)) => element.report(Problem::InterestNone { situation }),
            (Some(_), None) => interests.none = true,
            (None, _) => {}
        }
    }
    interests
}

/// `zone` or `location/zone`, sorted: their order means nothing.
fn zones(entry: Entry<'_>) -> Option<Vec<crate::key::Text>> {
    let mut zones = entry.names()?;
    for zone in zones.iter().filter(|zone| zone.starts_with('/') || zone.ends_with('/')) {
        entry.bad::<()>(zone, "`zone` or `location/zone`");
    }
    zones.sort();
    Some(zones)
}

/// Hundredths of a percent: above 0 and up to 100 %.
fn basis_points(entry: Entry<'_>) -> Option<u32> {
    use toml::de::DeValue;
    let (shown, percent) = match entry.value.get_ref() {
        DeValue::Integer(number) => {
            let whole = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
            (number.to_string(), whole as f64)
        }
        DeValue::Float(number) => (number.to_string(), number.as_str().parse().unwrap_or(f64::NAN)),
        _ => return entry.wrong("a number of percent"),
    };
    let points = (percent * 100.0).round();
    if (1.0..=10_000.0).contains(&points) {
        return Some(points as u32);
    }
    entry.bad(&shown, "a number from 0.01 to 100")
}
