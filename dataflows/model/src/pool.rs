//! Pools: what there is only so much of, for all persons together.
//!
//! Invariant: what an offer holds of its pools is written down when it is made, so that later changes of its rule
//! change nothing about it. Amounts are whole numbers: units, or ten-thousandths of the currency's unit.

use crate::key::{Brand, Text};
use crate::local_time;
use crate::rules::OfferText;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Something there is only so much of, within a brand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pool {
    /// `offer.units` of the rule of that id.
    Units(Brand, Text),
    /// The budget of that name; where it is one for each day, on this day (since 1970, local).
    Budget(Brand, Text, Option<i64>),
}

impl Pool {
    /// Whose it is.
    pub fn brand(&self) -> &Brand {
        match self {
            Pool::Units(brand, _) | Pool::Budget(brand, ..) => brand,
        }
    }

    /// The name of the rule or budget.
    pub fn name(&self) -> &Text {
        match self {
            Pool::Units(_, name) | Pool::Budget(_, name, _) => name,
        }
    }
}

/// What an offer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// Its id.
    pub offer: Text,
    /// The tick in which it was made: of one reason there may be another offer, once the ledger has let go of the first.
    pub made: Time,
    /// How much of which pools.
    pub parts: Vec<(Pool, i64)>,
    /// What gives it back.
    pub back: Back,
    /// The last moment at which the offer holds.
    pub ends: Time,
}

/// What gives back what an offer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Back {
    /// It came to its end.
    pub expired: bool,
    /// It was taken back.
    pub withdrawn: bool,
    /// It was redeemed: a seat that is free again, not a coupon that is used up.
    pub redeemed: bool,
}

impl Default for Back {
    fn default() -> Self {
        Back { expired: true, withdrawn: true, redeemed: false }
    }
}

/// What became of an offer, as far as its pools are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// It may still be redeemed.
    Held,
    /// It is used up, or kept for another reason.
    Used,
    /// It came back.
    Free,
}

impl Holding {
    /// Whether it counts for longer than the local day in which it was made.
    pub fn outlasts_its_day(&self) -> bool {
        self.parts.iter().any(|(pool, _)| !matches!(pool, Pool::Budget(_, _, Some(_))))
    }

    /// What became of it. A redemption counts whenever it is reported: what is used is used.
    pub fn share(&self, withdrawn: bool, redeemed: bool, now: Time) -> Share {
        let over = if redeemed {
            self.back.redeemed
        } else if withdrawn {
            self.back.withdrawn
        } else if now > self.ends {
            self.back.expired
        } else {
            return Share::Held;
        };
        if over { Share::Free } else { Share::Used }
    }
}

/// A budget, as rules name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Budget {
    /// Its name.
    pub name: Text,
    /// How much there is, in ten-thousandths.
    pub amount: i64,
    /// Each local day of this time zone has its own; one for ever where absent.
    pub day_in: Option<Text>,
}

impl Budget {
    /// The pool at a moment.
    pub fn pool(&self, brand: &Brand, now: Time) -> Pool {
        let day = self.day_in.as_ref().map(|tz| local_time::day(tz, now));
        Pool::Budget(brand.clone(), self.name.clone(), day)
    }
}

impl OfferText {
    /// Whether an offer of it needs a part of any pool.
    pub fn is_pooled(&self) -> bool {
        self.units.is_some() || self.spends().is_some()
    }

    /// The budget it is paid from, and how much one costs. What costs nothing needs no budget.
    pub fn spends(&self) -> Option<(&Budget, i64)> {
        self.budget.as_ref().map(|budget| (budget, self.cost)).filter(|(_, cost)| *cost > 0)
    }

    /// What an offer of that rule needs at a moment: how much of which pool, of which there is how much.
    pub fn needs(&self, brand: &Brand, rule: &Text, now: Time) -> Vec<(Pool, i64, i128)> {
        let units = self.units.map(|units| (Pool::Units(brand.clone(), rule.clone()), 1, i128::from(units)));
        let money = self.spends().map(|(budget, cost)| (budget.pool(brand, now), cost, budget.amount.into()));
        units.into_iter().chain(money).collect()
    }

    /// The objection where there is none left.
    pub fn pool_policy(&self) -> &'static str {
        if self.units.is_some() { "units" } else { "budget" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_used_and_what_is_over_comes_back() {
        let coupon = Holding { ends: 10, ..Holding::default() };
        let table = |back: Back| {
            let held = Holding { back, ..coupon.clone() };
            [(false, false, 10), (false, false, 11), (true, false, 5), (true, true, 5), (false, true, 11)]
                .map(|(withdrawn, redeemed, now)| held.share(withdrawn, redeemed, now))
        };
        use Share::{Free, Held, Used};
        assert_eq!(table(Back::default()), [Held, Free, Free, Used, Used]);
        let seat = Back { redeemed: true, ..Back::default() };
        assert_eq!(table(seat), [Held, Free, Free, Free, Free]);
        let never = Back { expired: false, withdrawn: false, redeemed: false };
        assert_eq!(table(never), [Held, Used, Used, Used, Used]);
    }
}
