//! `[budget.<name>]` tables, and how offers name them.
//!
//! Invariant: a budget has one definition in all files together; a rule that names none of them is refused.

use super::Rule;
use super::error::{Problem, RuleError};
use super::spelling::nearest;
use super::table::{Entry, Sheet, Table, is_name};
use crate::key::Text;
use crate::pool::{Back, Budget};
use crate::value::Money;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

/// Budgets of all files, and who names them.
#[derive(Default)]
pub(super) struct Budgets {
    /// Each with the file and line of its definition.
    defined: BTreeMap<Text, (Budget, String, usize)>,
    named: Vec<(Text, RuleError)>,
}

impl Budgets {
    /// Reads the `budget` table of a file.
    pub(super) fn read(&mut self, sheet: &Sheet<'_>, tables: &Table<'_>) {
        let mut entries: Vec<_> = tables.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if !is_name(name) {
                sheet.report(
                    at,
                    Problem::BadName(name.chars().filter(|c| !c.is_control()).take(64).collect()),
                );
            }
            let entry = Entry { sheet, key: name, value };
            let Some(table) = entry.table(format!("budget.{name}"), at) else { continue };
            let Some(budget) = budget(name, &table) else { continue };
            let here = (sheet.name().to_owned(), sheet.line(at));
            if let Some((_, file, line)) = self.defined.get(name) {
                let (name, file) = (name.to_owned(), file.clone());
                sheet.report(at, Problem::DuplicateBudget { name, file, line: *line });
            } else {
                self.defined.insert(budget.name.clone(), (budget, here.0, here.1));
            }
        }
    }

    /// Notes that a rule names a budget; where it is defined may come later.
    pub(super) fn mention(&mut self, entry: Entry<'_>, rule: &Rule) {
        let Some(Budget { name, .. }) = &rule.offer.budget else { return };
        let (line, column) = entry.sheet.position(entry.at());
        let problem = Problem::NoSuchBudget { name: name.to_string(), near: None };
        let file = entry.sheet.name().to_owned();
        self.named.push((name.clone(), RuleError { file, line, column, problem }));
    }

    /// The budget of that name.
    pub(super) fn get(&self, name: &Text) -> Option<&Budget> {
        self.defined.get(name).map(|(budget, ..)| budget)
    }

    /// Names that mean nothing, each where it stands.
    pub(super) fn unknown(&self) -> Vec<RuleError> {
        let unknown = self.named.iter().filter(|(name, _)| !self.defined.contains_key(name));
        let told = |(name, error): &(Text, RuleError)| {
            let near = nearest(name, self.defined.keys().map(|known| known.as_str())).map(str::to_owned);
            RuleError { problem: Problem::NoSuchBudget { name: name.to_string(), near }, ..error.clone() }
        };
        unknown.map(told).collect()
    }

    /// Budgets that no rule names.
    pub(super) fn idle(&self) -> Vec<Text> {
        let named: BTreeSet<&Text> = self.named.iter().map(|(name, _)| name).collect();
        self.defined.keys().filter(|name| !named.contains(name)).cloned().collect()
    }
}

fn budget(name: &str, table: &Table<'_>) -> Option<Budget> {
    table.only(&["amount", "per", "tz"]);
    let amount = table.required("amount").and_then(money);
    let daily = table.get("per").and_then(|entry| entry.word(&["day"])).is_some();
    let tz = table.get("tz").and_then(|entry| {
        let text = entry.text()?;
        if crate::local_time::is_time_zone(text) {
            return Some(Text::from(text));
        }
        entry.bad(text, "a name of the IANA database, as \"Asia/Shanghai\"")
    });
    if let (Some(entry), false) = (table.get("tz"), daily) {
        entry.bad::<()>(entry.text().unwrap_or_default(), "it only with `per = \"day\"`");
    }
    let day_in = daily.then(|| tz.unwrap_or_else(|| Text::from("UTC")));
    Some(Budget { name: Text::from(name), amount: amount?, day_in })
}

/// `offer.budget` and `offer.cost`: one is nothing without the other.
pub(super) fn spending(offer: &Table<'_>) -> (Option<Budget>, i64) {
    let (named, cost) = (offer.get("budget"), offer.get("cost"));
    if named.is_some() {
        offer.required("cost");
    } else if cost.is_some() {
        offer.required("budget");
    }
    // What it comes to is known when all files are read.
    let name = named.and_then(Entry::name);
    let budget = name.map(|name| Budget { name, amount: 0, day_in: None });
    (budget, cost.and_then(money).unwrap_or(0))
}

/// `offer.units_back`.
pub(super) fn back(entry: Entry<'_>) -> Back {
    let mut back = Back { expired: false, withdrawn: false, redeemed: false };
    for entry in entry.list().unwrap_or_default() {
        match entry.word(&["expired", "withdrawn", "redeemed"]) {
            Some("expired") => back.expired = true,
            Some("withdrawn") => back.withdrawn = true,
            Some(_) => back.redeemed = true,
            None => {}
        }
    }
    back
}

/// An amount of at least nothing, in ten-thousandths.
fn money(entry: Entry<'_>) -> Option<i64> {
    let (shown, units) = match entry.value.get_ref() {
        DeValue::Integer(number) => {
            let whole = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
            (number.to_string(), whole as f64)
        }
        DeValue::Float(number) => (number.to_string(), number.as_str().parse().unwrap_or(f64::NAN)),
        _ => return entry.wrong("an amount, as 5000.00"),
    };
    let amount = Money::from_units(units).filter(|amount| amount.0 >= 0);
    match amount {
        Some(amount) => Some(amount.0),
        None => entry.bad(&shown, "an amount from 0 to 100000000000"),
    }
}
