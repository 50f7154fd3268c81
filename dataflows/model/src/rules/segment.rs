//! Whether a customer is in a segment: the condition of `segment_entered`.
//!
//! Invariant: nothing but the customer is looked at, so that the answer is the same at any time and place.

use super::Unmet;
use super::evaluate::truth;
use super::expr::Expr;
use crate::key::Text;
use crate::value::Value;
use crate::view::{CartView, CustomerView, HistoryView, View};

/// Calls `with` on what a segment's condition sees.
fn see<A>(customer: &CustomerView, with: impl FnOnce(&View<'_>) -> A) -> A {
    with(&View {
        customer,
        item: None,
        cart: &CartView::default(),
        visit: None,
        location: None,
        history: HistoryView::default(),
        now: 0,
    })
}

impl Expr {
    /// Whether it holds of the customer; what is missing makes it false.
    pub fn holds_of(&self, customer: &CustomerView) -> bool {
        see(customer, |view| truth(self, view) == Ok(true))
    }

    /// The part of it that does not hold of the customer.
    pub fn unmet_of(&self, customer: &CustomerView) -> Unmet {
        see(customer, |view| self.unmet(view))
    }
}

impl CustomerView {
    /// Sets an attribute, or deletes it.
    pub fn set(&mut self, name: &Text, value: Option<&Value>) {
        let place = self.attributes.binary_search_by(|(known, _)| known.as_str().cmp(name.as_str()));
        match (place, value) {
            (Ok(at), Some(value)) => {
                if let Some((_, known)) = self.attributes.get_mut(at) {
                    *known = value.clone();
                }
            }
            (Ok(at), None) => drop(self.attributes.remove(at)),
            (Err(at), Some(value)) => self.attributes.insert(at, (name.clone(), value.clone())),
            (Err(_), None) => {}
        }
    }
}
