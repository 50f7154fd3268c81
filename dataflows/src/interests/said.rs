//! What events said of an article, each field by itself.
//!
//! Invariant: of a field that is what was said last, by (time, arrival); of several of one event the greatest. Cost: a few
//! comparisons an event that says anything.

use shopbell_model::facts::{Detail, Moment};
use shopbell_model::key::Text;
use shopbell_model::value::Money;

/// With when it was said.
type Latest<T> = Option<(Moment, T)>;

/// What was said of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    price: Latest<Money>,
    category: Latest<Text>,
    variant: Latest<Text>,
}

impl Said {
    /// Notes what an event said.
    pub(super) fn note(&mut self, at: Moment, detail: &Detail) {
        let Detail { price, category, variant } = detail;
        self.price = self.price.max(price.map(|price| (at, price)));
        take(&mut self.category, category.as_ref().map(|name| (at, name)));
        take(&mut self.variant, variant.as_ref().map(|name| (at, name)));
    }

    /// Without when.
    pub(super) fn detail(self) -> Detail {
        let last = |said: Latest<Text>| said.map(|(_, name)| name);
        Detail {
            price: self.price.map(|(_, price)| price),
            category: last(self.category),
            variant: last(self.variant),
        }
    }

    /// The category.
    pub(super) fn category(&self) -> Option<&Text> {
        self.category.as_ref().map(|(_, name)| name)
    }
}

fn take(known: &mut Latest<Text>, said: Option<(Moment, &Text)>) {
    let later =
        |(at, name): &(Moment, &Text)| known.as_ref().is_none_or(|(when, known)| (when, known) < (at, *name));
    if let Some((at, name)) = said.filter(later) {
        *known = Some((at, name.clone()));
    }
}
