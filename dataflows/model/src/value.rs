//! Values that facts carry: money, signal strength, profile attributes.
//!
//! Invariant: every value has a total order and an exact equality, so that rows with values can be
//! sorted, hashed and retracted. Money and signal strength are integers; the one floating-point
//! value (an attribute) is ordered by its bits and never summed across rows.

use crate::key::Text;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// An amount in the shop's currency, in ten-thousandths of its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money(pub i64);

impl Money {
    /// Ten-thousandths a unit.
    pub const SCALE: i64 = 10_000;
    /// The largest amount taken in, either sign: a hundred billion units.
    pub const LIMIT: f64 = 1e11;

    /// Rounds to the nearest ten-thousandth; `None` where the amount is not finite or beyond
    /// [`Money::LIMIT`].
    pub fn from_units(units: f64) -> Option<Self> {
        if !units.is_finite() || units.abs() > Self::LIMIT {
            return None;
        }
        Some(Money((units * Self::SCALE as f64).round() as i64))
    }

    /// In units of the currency, for expressions and output.
    pub fn units(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / Self::SCALE as u64;
        let rest = self.0.unsigned_abs() % Self::SCALE as u64;
        if rest == 0 {
            write!(f, "{sign}{whole}")
        } else if rest.is_multiple_of(100) {
            write!(f, "{sign}{whole}.{:02}", rest / 100)
        } else {
            write!(f, "{sign}{whole}.{rest:04}")
        }
    }
}

/// Signal strength in hundredths of a dBm: integers, so that averages compare exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rssi(pub i16);

impl Rssi {
    /// From dBm; `None` outside −200…+50 dBm, which no radio reports.
    pub fn from_dbm(dbm: f64) -> Option<Self> {
        (-200.0..=50.0).contains(&dbm).then(|| Rssi((dbm * 100.0).round() as i16))
    }
}

/// A floating-point number with a total order (that of its bits: −0 sorts below 0).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}
impl Eq for Number {}
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}
impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// The value of a profile attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction, within ±2⁶³.
    Int(i64),
    /// Any other number.
    Number(Number),
    /// Text.
    Text(Text),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_to_four_places() {
        assert_eq!(Money::from_units(19.99), Some(Money(199_900)));
        assert_eq!(Money::from_units(19.99).unwrap().to_string(), "19.99");
        assert_eq!(Money(200_000).to_string(), "20");
        assert_eq!(Money(-12_345).to_string(), "-1.2345");
        assert_eq!(Money::from_units(f64::NAN), None);
        assert_eq!(Money::from_units(1e300), None);
    }

    #[test]
    fn signals_outside_any_radio_are_refused() {
        assert_eq!(Rssi::from_dbm(-67.5), Some(Rssi(-6750)));
        assert_eq!(Rssi::from_dbm(-201.0), None);
        assert_eq!(Rssi::from_dbm(f64::INFINITY), None);
    }
}
