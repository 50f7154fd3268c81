//! Expressions of rules: typed when loaded, evaluated on the row's own types.
//!
//! Invariant: evaluation is total: it ends, allocates no more than its text, and never panics. What
//! is missing (an attribute nobody set) is an error *inside* the expression, as in CEL: `false` for
//! a condition, 0 for a term of a score, empty in a template.

use serde::{Deserialize, Serialize};

/// A compiled expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Expr {
    /// Placeholder until the compiler defines the nodes.
    Nothing,
}
