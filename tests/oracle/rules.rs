//! Rules twice over: as values with Rust functions for the oracle, as TOML text for the engine.
//!
//! Invariant: all but `where` and `score` is printed from the same value the oracle uses; those two
//! stand side by side, expression text and function.

use super::config::{Cap, DAY, cap_text, span};
use super::event::Time;
use super::interest::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// `interest` of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Kinds(pub(crate) &'static [&'static str]);

impl Kinds {
    pub(crate) fn has(&self, kind: Kind) -> bool {
        let name = match kind {
            Kind::Cart => "cart",
            Kind::Wish => "wishlist",
            Kind::View => "viewed",
        };
        self.0.contains(&name)
    }

    /// No item is needed.
    pub(crate) fn none(&self) -> bool {
        self.0.contains(&"none")
    }
}

/// The situation a rule waits for.
#[derive(Clone, Debug)]
pub(crate) enum When {
    CartAbandoned { idle: Time, per_item: bool, first_add: bool },
    BrowseAbandoned { idle: Time, min_views: usize, within: Time },
    ZoneEntered { dwell: Time, interest: Kinds, in_stock: bool, zones: &'static [&'static str] },
    StoreLeft { min_dwell: Time, after: Time, interest: Kinds },
    CheckedIn,
    BackInStock { interest: Kinds, location: Option<&'static str> },
    RunningLow { interest: Kinds, at_most: i64, location: Option<&'static str> },
    PriceDropped { interest: Kinds, by_percent: i64 },
    Purchased { within: Time },
    Nearby { within: u64, location: Option<&'static str> },
    Requested { approval: bool },
    Lapsed { idle: Time },
    SegmentEntered { segment: Condition },
}

/// `item` in expressions.
#[derive(Clone, Debug)]
pub(crate) struct ItemView {
    pub(crate) id: String,
    pub(crate) category: Option<String>,
    pub(crate) price: Option<f64>,
    pub(crate) variant: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) stock: i64,
    pub(crate) in_cart: bool,
    pub(crate) in_wishlist: bool,
    pub(crate) viewed: bool,
}

/// What an expression sees.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) customer: BTreeMap<String, Value>,
    pub(crate) item: Option<ItemView>,
    pub(crate) cart_lines: i64,
    pub(crate) cart_quantity: i64,
    pub(crate) cart_value: f64,
    /// `visit.dwell`.
    pub(crate) dwell: Option<Time>,
    /// `location.kind` and `location.tz`.
    pub(crate) location_kind: Option<&'static str>,
    pub(crate) location_tz: Option<String>,
    /// `history.accept_rate` and `history.offers`.
    pub(crate) history: (i64, i64),
    pub(crate) now: Time,
}

impl View {
    /// `customer.<name> == "text"`; false where it is missing.
    pub(crate) fn customer_is(&self, name: &str, text: &str) -> bool {
        self.customer.get(name).and_then(Value::as_str) == Some(text)
    }

    /// `customer.<name>` where it is a number.
    pub(crate) fn customer_number(&self, name: &str) -> Option<f64> {
        self.customer.get(name).and_then(Value::as_f64)
    }

    /// A fact of the item; false where there is none.
    pub(crate) fn of_item(&self, holds: impl Fn(&ItemView) -> bool) -> bool {
        self.item.as_ref().is_some_and(holds)
    }
}

/// An expression as text and as function.
pub(crate) type Condition = (&'static str, fn(&View) -> bool);
/// A score as text and as function.
pub(crate) type Score = (&'static str, fn(&View) -> f64);

/// One rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) when: When,
    pub(crate) condition: Option<Condition>,
    pub(crate) score: Score,
    pub(crate) priority: i64,
    pub(crate) from: Option<Time>,
    pub(crate) until: Option<Time>,
    pub(crate) channels: Vec<&'static str>,
    pub(crate) valid: Time,
    pub(crate) category: Option<&'static str>,
    pub(crate) cooldown: Option<Time>,
    pub(crate) cap: Option<Cap>,
    pub(crate) units: Option<i64>,
    /// With what one costs.
    pub(crate) budget: Option<(Budget, i64)>,
    /// `units_back`.
    pub(crate) back: &'static [&'static str],
    pub(crate) replaceable: bool,
}

/// `[budget.<name>]`, in whole units of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) name: &'static str,
    pub(crate) amount: i64,
    /// The time zone, where each day has its own.
    pub(crate) day_in: Option<&'static str>,
}

impl Budget {
    /// The budgets of some rules as a rule file has them.
    pub(crate) fn toml(rules: &[Rule]) -> String {
        let budgets: BTreeMap<&str, Budget> =
            rules.iter().filter_map(|rule| rule.budget).map(|(budget, _)| (budget.name, budget)).collect();
        let text = |Budget { name, amount, day_in }: Budget| {
            let day = day_in.map(|tz| format!("per = \"day\"\ntz = {tz:?}\n")).unwrap_or_default();
            format!("[budget.{name}]\namount = {amount}.00\n{day}")
        };
        budgets.into_values().map(text).collect()
    }
}

impl Rule {
    /// A rule without a condition, that scores 50.
    pub(crate) fn new(id: &'static str, when: When) -> Self {
        Rule {
            id,
            when,
            condition: None,
            score: ("50", |_| 50.0),
            priority: 0,
            from: None,
            until: None,
            channels: Vec::new(),
            valid: DAY,
            category: None,
            cooldown: None,
            cap: None,
            units: None,
            budget: None,
            back: &["expired", "withdrawn"],
            replaceable: false,
        }
    }

    /// Score in a view: rounded, then clamped to 0…100.
    pub(crate) fn score_in(&self, view: &View) -> i64 {
        ((self.score.1)(view).round() as i64).clamp(0, 100)
    }

    /// Whether the condition, if any, holds in a view.
    pub(crate) fn passes(&self, view: &View) -> bool {
        self.condition.is_none_or(|(_, holds)| holds(view))
    }

    /// The rule as a rule file has it.
    pub(crate) fn toml(&self) -> String {
        let id = self.id;
        let mut text = format!("[rule.{id}]\n{}", self.when.toml());
        if let Some((condition, _)) = self.condition {
            let _ = writeln!(text, "where = '{condition}'");
        }
        let _ = writeln!(text, "score = '{}'\npriority = {}", self.score.0, self.priority);
        let rfc3339 = |time: Time| jiff::Timestamp::from_millisecond(time as i64).map(|t| t.to_string());
        if let Some(Ok(from)) = self.from.map(rfc3339) {
            let _ = writeln!(text, "from = {from:?}");
        }
        if let Some(Ok(until)) = self.until.map(rfc3339) {
            let _ = writeln!(text, "until = {until:?}");
        }
        let _ = writeln!(text, "[rule.{id}.offer]\ntitle = {id:?}\nvalid = {:?}", span(self.valid));
        if !self.channels.is_empty() {
            let _ = writeln!(text, "channels = {:?}", self.channels);
        }
        let _ = writeln!(text, "units_back = {:?}\nreplaceable = {}", self.back, self.replaceable);
        if let Some(units) = self.units {
            let _ = writeln!(text, "units = {units}");
        }
        if let Some((budget, cost)) = self.budget {
            let _ = writeln!(text, "budget = {:?}\ncost = {cost}", budget.name);
        }
        let _ = writeln!(text, "[rule.{id}.policy]");
        if let Some(category) = self.category {
            let _ = writeln!(text, "category = {category:?}");
        }
        if let Some(cooldown) = self.cooldown {
            let _ = writeln!(text, "cooldown = {:?}", span(cooldown));
        }
        if let Some(cap) = self.cap {
            let _ = writeln!(text, "cap = {:?}", cap_text(cap));
        }
        text
    }
}

impl When {
    /// Location of a rule that names one.
    pub(crate) fn location(&self) -> Option<&'static str> {
        match self {
            When::BackInStock { location, .. } | When::RunningLow { location, .. } => *location,
            _ => None,
        }
    }

    fn toml(&self) -> String {
        let at =
            |location: &Option<&str>| location.map(|l| format!("location = {l:?}\n")).unwrap_or_default();
        match self {
            When::CartAbandoned { idle, per_item, first_add } => format!(
                "when = \"cart_abandoned\"\nidle = {:?}\nper = {:?}\nidle_from = {:?}\n",
                span(*idle),
                if *per_item { "item" } else { "cart" },
                if *first_add { "first_add" } else { "last_activity" }
            ),
            When::BrowseAbandoned { idle, min_views, within } => format!(
                "when = \"browse_abandoned\"\nidle = {:?}\nmin_views = {min_views}\nwithin = {:?}\n",
                span(*idle),
                span(*within)
            ),
            When::ZoneEntered { dwell, interest, in_stock, zones } => {
                let zones = if zones.is_empty() { String::new() } else { format!("zones = {zones:?}\n") };
                let dwell = span(*dwell);
                format!(
                    "when = \"zone_entered\"\ndwell = {dwell:?}\ninterest = {:?}\nin_stock = {in_stock}\n{zones}",
                    interest.0
                )
            }
            When::StoreLeft { min_dwell, after, interest } => format!(
                "when = \"store_left\"\nmin_dwell = {:?}\nafter = {:?}\ninterest = {:?}\n",
                span(*min_dwell),
                span(*after),
                interest.0
            ),
            When::CheckedIn => "when = \"checked_in\"\n".to_owned(),
            When::BackInStock { interest, location } => {
                format!("when = \"back_in_stock\"\ninterest = {:?}\n{}", interest.0, at(location))
            }
            When::RunningLow { interest, at_most, location } => {
                let at = at(location);
                format!("when = \"running_low\"\ninterest = {:?}\nat_most = {at_most}\n{at}", interest.0)
            }
            When::PriceDropped { interest, by_percent } => {
                format!("when = \"price_dropped\"\ninterest = {:?}\nby_percent = {by_percent}\n", interest.0)
            }
            When::Purchased { within } => format!("when = \"purchased\"\nwithin = {:?}\n", span(*within)),
            When::Nearby { within, location } => {
                format!("when = \"nearby\"\nwithin = {within}\n{}", at(location))
            }
            When::Requested { approval } => format!("when = \"requested\"\napproval = {approval}\n"),
            When::SegmentEntered { segment: (text, _) } => {
                format!("when = \"segment_entered\"\nsegment = '{text}'\n")
            }
            When::Lapsed { idle } => format!("when = \"lapsed\"\nidle = {:?}\n", span(*idle)),
        }
    }
}
