//! What of a rule's condition does not hold.
//!
//! Invariant: there is something exactly where the rule does not pass. Cost: one evaluation of the condition, and
//! text for what is told; asked by whoever wants to know why, never on the way of an event.

use super::Rule;
use super::datum::Datum;
use super::evaluate::{evaluate, truth};
use super::expr::Expr;
use crate::view::View;
use serde::{Deserialize, Serialize};

/// The first part of a condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// The part, between two `&&`.
    pub condition: String,
    /// The fields it looks at, with their values; without one where there is none.
    pub values: Vec<(String, Option<String>)>,
}

impl Rule {
    /// The first part of the condition that does not hold, or has no value.
    pub fn unmet(&self, view: &View<'_>) -> Option<Unmet> {
        if self.passes(view) {
            return None;
        }
        Some(self.condition.as_ref()?.unmet(view))
    }
}

impl Expr {
    /// The first part of a condition that does not hold, or has no value; the whole where every part does.
    pub fn unmet(&self, view: &View<'_>) -> Unmet {
        let parts = match self {
            Expr::All(parts) => parts.as_slice(),
            whole => std::slice::from_ref(whole),
        };
        let part = parts.iter().find(|part| truth(part, view) != Ok(true)).unwrap_or(self);
        let mut values: Vec<(String, Option<String>)> = Vec::new();
        part.each_read(&mut |read| {
            // What is only asked for has a value too, or none.
            let read = match read {
                Expr::HasField(field) => &Expr::Field(*field),
                Expr::HasAttribute(name) => &Expr::Attribute(name.clone()),
                other => other,
            };
            let name = read.to_string();
            if values.iter().all(|(known, _)| *known != name) {
                values.push((name, evaluate(read, view).and_then(Datum::print).ok()));
            }
        });
        Unmet { condition: part.to_string(), values }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::samples::{Sample, load_one};

    /// The part that does not hold, with the values it looks at.
    fn unmet(condition: &str) -> Option<(String, Vec<(String, String)>)> {
        let text = format!(
            "[rule.a]\nwhen = \"zone_entered\"\nwhere = '''{condition}'''\n[rule.a.offer]\ntitle = \"t\"\n"
        );
        let set = load_one(&text).unwrap_or_else(|errors| panic!("{condition}: {errors:?}"));
        let unmet = set.rules[0].unmet(&Sample::eva().view())?;
        let value = |(name, value): (String, Option<String>)| (name, value.unwrap_or_else(|| "-".to_owned()));
        Some((unmet.condition, unmet.values.into_iter().map(value).collect()))
    }

    #[test]
    fn the_first_part_that_does_not_hold_is_told_with_what_it_looks_at() {
        type Part<'a> = Option<(&'a str, &'a [(&'a str, &'a str)])>;
        let cases: [(&str, Part<'_>); 8] = [
            ("item.price > 50 && customer.vip", None),
            ("item.price > 50 && item.stock > 3 && false", Some(("item.stock > 3", &[("item.stock", "3")]))),
            ("item.stock > 3", Some(("item.stock > 3", &[("item.stock", "3")]))),
            (
                "customer.tier == 'gold' && item.stock > 9",
                Some(("customer.tier == \"gold\"", &[("customer.tier", "-")])),
            ),
            (
                "customer.vip && (item.stock > 9 || item.price < item.list_price / 2)",
                Some((
                    "item.stock > 9 || item.price < item.list_price / 2",
                    &[("item.stock", "3"), ("item.price", "79.90"), ("item.list_price", "99.90")],
                )),
            ),
            ("has(customer.nickname)", Some(("has(customer.nickname)", &[("customer.nickname", "-")]))),
            ("!has(item.price) && customer.vip", Some(("!has(item.price)", &[("item.price", "79.90")]))),
            (
                "customer.orders > 11 && customer.orders < 12",
                Some(("customer.orders < 12", &[("customer.orders", "12")])),
            ),
        ];
        for (condition, expected) in cases {
            let expected = expected.map(|(part, values)| {
                let value = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                (part.to_owned(), values.iter().map(value).collect())
            });
            assert_eq!(unmet(condition), expected, "{condition}");
        }
    }
}
