//! What was ever bought, in one row a handle.
//!
//! Invariant: sums over all purchases and refunds taken in, whatever their order; nothing is taken back but by
//! forgetting. Cost: three numbers for a handle that ever bought; a difference of one row a purchase.

use super::Changes;
use rustc_hash::FxHashMap;
use shopbell_model::event::Purchase;
use shopbell_model::facts::{PersonFact, Totals};
use shopbell_model::key::Handle;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

/// Totals by handle.
#[derive(Debug, Default)]
pub(super) struct AllTotals {
    by_handle: FxHashMap<Handle, Shared<Totals>>,
}

/// What a purchase came to: what it says, or else its articles, as far as they have a price.
fn amount(purchase: &Purchase) -> i128 {
    let of_lines = || {
        let lines = purchase.items.iter().filter_map(|line| Some((line.price?, line.quantity.unwrap_or(1))));
        lines.map(|(price, quantity)| i128::from(price.0) * i128::from(quantity)).sum()
    };
    purchase.value.map_or_else(of_lines, |value| i128::from(value.0))
}

/// What a purchase adds.
pub(super) fn of_purchase(time: Time, purchase: &Purchase) -> Totals {
    Totals { orders: 1, spend: amount(purchase), last_order: Some(time) }
}

/// What a refund takes away.
pub(super) fn of_refund(refund: &Purchase) -> Totals {
    Totals { spend: -amount(refund), ..Totals::default() }
}

impl AllTotals {
    /// Adds a purchase or a refund.
    pub(super) fn add(&mut self, handle: &Handle, more: &Totals, out: &mut Changes) {
        let mut totals = more.clone();
        if let Some(known) = self.by_handle.remove(handle) {
            totals.add(&known);
            out.person(handle, PersonFact::Totals(known), -1);
        }
        self.restore(handle, totals, out);
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<&Totals> {
        self.by_handle.get(handle).map(|totals| &**totals)
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(&mut self, handle: &Handle, totals: Totals, out: &mut Changes) {
        let totals = Shared::new(totals);
        out.person(handle, PersonFact::Totals(totals.clone()), 1);
        self.by_handle.insert(handle.clone(), totals);
    }

    /// Drops what is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, out: &mut Changes) {
        if let Some(totals) = self.by_handle.remove(handle) {
            out.person(handle, PersonFact::Totals(totals), -1);
        }
    }
}
