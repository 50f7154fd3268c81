//! Moments, spans and their text.
//!
//! Invariant: a [`Time`] counts milliseconds since 1970-01-01T00:00:00Z and never precedes it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
pub type Time = u64;

/// The first moment an event may carry: 2000-01-01T00:00:00Z.
pub const EARLIEST: Time = 946_684_800_000;

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Duration(pub u64);

impl Duration {
    /// The longest span a rule or configuration may name: ten years.
    pub const LIMIT: Duration = Duration(3_650 * 86_400_000);

    /// Whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Duration(secs * 1000)
    }

    /// Parses `250ms`, `30s`, `10m`, `48h`, `7d`: a whole number and one unit, up to
    /// [`Duration::LIMIT`].
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let span = Duration(number.parse::<u64>().ok()?.checked_mul(scale)?);
        (span <= Self::LIMIT).then_some(span)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scale, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
            if self.0 != 0 && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}ms", self.0)
    }
}
