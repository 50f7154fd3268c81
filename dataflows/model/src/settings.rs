//! Settings of the fold: how presence is sensed, identities are joined, and long facts are kept.
//!
//! Invariant: plain checked values; the defaults are those of `docs/semantics.md`. They are part of
//! what an answer depends on, so two runs compare only with equal settings.

use crate::key::{Handle, Text};
use crate::time::Duration;
use crate::value::Rssi;
use serde::{Deserialize, Serialize};

/// How signals become visits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Presence {
    /// A visit starts at this level.
    pub enter_rssi: Rssi,
    /// It continues at this level; at most `enter_rssi`.
    pub exit_rssi: Rssi,
    /// It ends when no reading reached `exit_rssi` for so long.
    pub exit_after: Duration,
    /// Readings averaged; 1 for none.
    pub window: u16,
    /// One zone at a time, or all that are heard.
    pub mode: PresenceMode,
    /// A shop visit ends after so long without a sign.
    pub leave_after: Duration,
    /// Readings that much older than the newest one of their handle are dropped.
    pub lateness: Duration,
}

/// How many zones a device can be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PresenceMode {
    /// The one that is heard loudest.
    #[default]
    Strongest,
    /// Every one that is heard.
    All,
}

impl Default for Presence {
    fn default() -> Self {
        Presence {
            enter_rssi: Rssi(-7000),
            exit_rssi: Rssi(-7500),
            exit_after: Duration::from_secs(10),
            window: 1,
            mode: PresenceMode::Strongest,
            leave_after: Duration::from_secs(10 * 60),
            lateness: Duration::from_secs(30),
        }
    }
}

/// How handles become persons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// A handle with more links than this is shared and links nobody.
    pub max_links: u32,
    /// A person has no more handles than this.
    pub max_handles: u32,
    /// Handles that link nobody, in every brand: `kind:value`, or the beginning of one with `*`
    /// behind it. Sorted.
    pub blocked: Vec<Text>,
}

impl Default for Identity {
    fn default() -> Self {
        Identity { max_links: 16, max_handles: 64, blocked: Vec::new() }
    }
}

impl Identity {
    /// Whether the handle links nobody by configuration.
    pub fn blocks(&self, handle: &Handle) -> bool {
        self.blocked.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => handle.as_str().starts_with(beginning),
            None => handle.as_str() == pattern,
        })
    }
}

/// How long facts are kept, by the clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Retention {
    /// Viewed items.
    pub views: Duration,
    /// Signs of shop and zone visits.
    pub visits: Duration,
    /// Cart lines.
    pub carts: Duration,
    /// Wishes.
    pub wishlists: Duration,
    /// Purchases; as long as what they end, or that counts again.
    pub purchases: Duration,
    /// When somebody did anything at all.
    pub activity: Duration,
    /// On which days somebody was noticed where; [`Retention::LEAST_DAYS`] or longer.
    pub days: Duration,
    /// How what is known of customers came about; at least [`Retention::LEAST_SEGMENTS`].
    pub segments: Duration,
    /// Offers sent; at least as long as the longest cap or cooldown.
    pub ledger: Duration,
    /// What offers hold of units and of budgets that are not for a day, and that they were redeemed; at least as
    /// long as `ledger`.
    pub pools: Duration,
    /// How long a second copy of an event is recognised.
    pub duplicates: Duration,
}

impl Retention {
    /// Rules ask for 30 days, today among them.
    pub const LEAST_DAYS: Duration = Duration::from_secs(31 * 86_400);
    /// The least for `segments`: a day more than an entry is a reason.
    pub const LEAST_SEGMENTS: Duration = Duration::from_secs(31 * 86_400);
    /// What is held of the budget of a day is kept for that day at least, however short the ledger.
    pub const LEAST_OF_A_DAY: Duration = Duration::from_secs(2 * 86_400);
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Retention {
            views: Duration::from_secs(7 * DAY),
            visits: Duration::from_secs(DAY),
            carts: Duration::from_secs(30 * DAY),
            wishlists: Duration::from_secs(365 * DAY),
            purchases: Duration::from_secs(365 * DAY),
            activity: Duration::from_secs(400 * DAY),
            days: Duration::from_secs(62 * DAY),
            segments: Duration::from_secs(31 * DAY),
            ledger: Duration::from_secs(30 * DAY),
            pools: Duration::from_secs(400 * DAY),
            duplicates: Duration::from_secs(DAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Brand;

    #[test]
    fn blocked_handles_are_blocked_in_every_brand() {
        let identity = Identity {
            blocked: vec![Text::from("device:kiosk-*"), Text::from("phone:0000")],
            ..Identity::default()
        };
        let blocks = |brand: &str, handle: &str| identity.blocks(&Handle::new(&Brand::new(brand), handle));
        assert!(blocks("", "device:kiosk-7") && blocks("acme", "device:kiosk-7") && blocks("", "phone:0000"));
        assert!(!blocks("", "device:phone") && !blocks("", "phone:00001"));
    }
}
