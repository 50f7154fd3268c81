//! What `customer.<name>` is where the profile has no attribute of that name.
//!
//! Invariant: a function of what the view says of the person, and of `now`. [`NAMES`] are all there are: the table
//! of docs/rules.md.

use super::datum::{Datum, Fault};
use crate::time::{DAY, day_of};
use crate::value::Money;
use crate::view::{View, Whereabouts};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What was ever bought.
pub const TOTALS: [&str; 3] = ["orders", "lifetime_spend", "days_since_last_order"];
/// Whether the person is in the hold-out group.
pub const HOLD_OUT: &str = "hold_out";
/// What is counted of days on which somebody was noticed.
pub const NOTICED: [&str; 2] = ["visits_30d", "channels_30d"];
/// The category of most of the articles that the person has to do with.
pub const FAVOURITE: &str = "favourite_category";
/// The shop that the person is nearest to.
pub const NEAREST: &str = "nearest_location";

/// All names that follow from something.
pub const NAMES: [&str; 8] = [
    "channels_30d",
    "days_since_last_order",
    FAVOURITE,
    HOLD_OUT,
    "lifetime_spend",
    NEAREST,
    "orders",
    "visits_30d",
];

/// The value of a name that the profile does not have.
pub fn derived<'a>(name: &str, view: &View<'a>) -> Result<Datum<'a>, Fault> {
    let customer = view.customer;
    let totals = &customer.totals;
    let whole = |number: u64| i64::try_from(number).map(Datum::Int).map_err(|_| Fault::Range);
    match name {
        "orders" => whole(totals.orders),
        "lifetime_spend" => {
            i64::try_from(totals.spend).map(|spend| Datum::Money(Money(spend))).map_err(|_| Fault::Range)
        }
        "days_since_last_order" => {
            let last = totals.last_order.ok_or(Fault::Missing)?;
            whole(view.now.saturating_sub(last) / DAY)
        }
        "visits_30d" => {
            whole(lately(view).filter(|place| matches!(place, Whereabouts::Shop(_))).count() as u64)
        }
        "channels_30d" => {
            let channels: BTreeSet<&str> = lately(view).map(channel).collect();
            whole(channels.len() as u64)
        }
        FAVOURITE => customer.favourite_category.as_ref().map(Datum::from).ok_or(Fault::Missing),
        NEAREST => {
            let nearest = customer.nearest_location.as_ref().ok_or(Fault::Missing)?;
            Ok(Datum::Text(Cow::Borrowed(nearest.as_str())))
        }
        HOLD_OUT => Ok(Datum::Bool(customer.hold_out)),
        _ => Err(Fault::Missing),
    }
}

/// Where the person was on each of the 30 days that end with today, once a day and place.
fn lately<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Whereabouts> {
    let today = day_of(view.now);
    let days = today.saturating_sub(29)..=today;
    view.customer.noticed.iter().filter(move |(_, day)| days.contains(day)).map(|(place, _)| place)
}

/// All shops are one channel.
fn channel(place: &Whereabouts) -> &str {
    match place {
        Whereabouts::Shop(_) => "store",
        Whereabouts::Channel(kind) => kind,
    }
}

#[cfg(test)]
mod tests;
