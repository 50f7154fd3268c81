//! Expressions of rules: typed when loaded, evaluated on the row's own types.
//!
//! Invariant: evaluation is total: it ends, allocates no more than its text, and never panics. What
//! is missing (an attribute nobody set) is an error *inside* the expression, as in CEL: `false` for
//! a condition, 0 for a term of a score, empty in a template. An expression comes from
//! [`super::compile`] alone, which bounds its depth; nothing that walks one need count again.
//! Cost: a node is 40 bytes; chains of `&&` and `||` are one node each.

use super::fields::Field;
use crate::key::Text;
use crate::value::Number;
use serde::{Deserialize, Serialize};

/// A compiled expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Expr {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; never NaN or infinite.
    Double(Number),
    /// Text.
    Text(Text),
    /// `duration("10m")`, in milliseconds, either sign.
    Duration(i64),
    /// `timestamp("…")`, in milliseconds since 1970.
    Timestamp(i64),
    /// A field of [`super::fields::FIELDS`].
    Field(Field),
    /// `customer.<name>`.
    Attribute(Text),
    /// `has(item.price)`.
    HasField(Field),
    /// `has(customer.<name>)`.
    HasAttribute(Text),
    /// `!a`.
    Not(Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a && b && …`.
    All(Vec<Expr>),
    /// `a || b || …`.
    Any(Vec<Expr>),
    /// `a + b` and its like.
    Arithmetic(Arithmetic, Box<[Expr; 2]>),
    /// `a < b` and its like.
    Compare(Comparison, Box<[Expr; 2]>),
    /// `a ? b : c`.
    Choose(Box<[Expr; 3]>),
    /// `a in [b, c]`.
    OneOf(Box<Expr>, Vec<Expr>),
    /// `a in text`: it is one of what stands between the commas of a text, or is another value.
    Among(Box<[Expr; 2]>),
    /// A function; a method's target is its first argument.
    Call(Function, Vec<Expr>),
}

/// Arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Arithmetic {
    /// `+`, of text too.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`; of whole numbers cut towards zero.
    Divide,
    /// `%`, of whole numbers.
    Remainder,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// Functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Function {
    /// `size(text)`: characters.
    Size,
    /// `int(x)`.
    Int,
    /// `double(x)`.
    Double,
    /// `string(x)`.
    Text,
    /// `duration(text)` of something that is not a literal.
    Duration,
    /// `timestamp(x)` of something that is not a literal.
    Timestamp,
    /// `min(a, b, …)`.
    Min,
    /// `max(a, b, …)`.
    Max,
    /// `a.startsWith(b)`.
    StartsWith,
    /// `a.endsWith(b)`.
    EndsWith,
    /// `a.contains(b)`.
    Contains,
    /// `now.getHours("Europe/Paris")` and its like; without an argument in UTC.
    Part(TimePart),
}

/// Parts of a moment, counted as CEL counts them; hours and below of a span too (its whole length
/// in that unit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimePart {
    /// `getFullYear`.
    FullYear,
    /// `getMonth`, from 0.
    Month,
    /// `getDate`: day of the month from 1.
    Date,
    /// `getDayOfMonth`: day of the month from 0.
    DayOfMonth,
    /// `getDayOfWeek`, Sunday is 0.
    DayOfWeek,
    /// `getDayOfYear`, from 0.
    DayOfYear,
    /// `getHours`.
    Hours,
    /// `getMinutes`.
    Minutes,
    /// `getSeconds`.
    Seconds,
    /// `getMilliseconds`.
    Milliseconds,
}

impl TimePart {
    /// All parts with the method that names them.
    pub const ALL: [(&'static str, TimePart); 10] = [
        ("getFullYear", TimePart::FullYear),
        ("getMonth", TimePart::Month),
        ("getDate", TimePart::Date),
        ("getDayOfMonth", TimePart::DayOfMonth),
        ("getDayOfWeek", TimePart::DayOfWeek),
        ("getDayOfYear", TimePart::DayOfYear),
        ("getHours", TimePart::Hours),
        ("getMinutes", TimePart::Minutes),
        ("getSeconds", TimePart::Seconds),
        ("getMilliseconds", TimePart::Milliseconds),
    ];

    /// Whether a span has this part too.
    pub fn of_a_span(self) -> bool {
        matches!(self, TimePart::Hours | TimePart::Minutes | TimePart::Seconds | TimePart::Milliseconds)
    }
}
