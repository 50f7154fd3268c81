//! Facts: all that is ever stored.

/// Stock above this many pieces reads as this many.
pub const STOCK_DETAIL: i64 = 1000;
