//! What `customer.<name>` is where the profile has no attribute of that name.
//!
//! Invariant: a function of what the view says of the person, and of `now`. [`NAMES`] are all there are: the table
//! of docs/rules.md.

use super::datum::{Datum, Fault};
use crate::value::Money;
use crate::view::View;

/// What was ever bought.
pub const TOTALS: [&str; 3] = ["orders", "lifetime_spend", "days_since_last_order"];
/// Whether the person is in the hold-out group.
pub const HOLD_OUT: &str = "hold_out";

/// All names that follow from something.
pub const NAMES: [&str; 4] = ["days_since_last_order", HOLD_OUT, "lifetime_spend", "orders"];

const DAY: u64 = 86_400_000;

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
        HOLD_OUT => Ok(Datum::Bool(customer.hold_out)),
        _ => Err(Fault::Missing),
    }
}
