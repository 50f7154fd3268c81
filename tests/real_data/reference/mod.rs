//! References: what should come of the public data, worked out from the definitions alone.
//!
//! Invariant: nothing here uses the engine's code, so that an error in it is not repeated here.
//! Cost: as simple as can be, not fast.

pub(crate) mod carts;
pub(crate) mod order_totals;
pub(crate) mod zone_visits;
