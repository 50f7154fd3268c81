//! Values while an expression is evaluated: arithmetic, order, printing.
//!
//! Invariant: every operation is total. Whole numbers and money are checked, doubles are those of
//! IEEE 754; numbers of different types compare by their exact value.

use super::expr::Arithmetic;
use super::limits;
use super::spans::{print_duration, print_timestamp};
use crate::key::Text;
use crate::value::{Money, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// An amount.
    Money(Money),
    /// Text, borrowed from row or rule where it can be.
    Text(Cow<'a, str>),
    /// Milliseconds, either sign.
    Duration(i64),
    /// Milliseconds since 1970.
    Timestamp(i64),
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A field or attribute is not there.
    #[error("a field or attribute is missing")]
    Missing,
    /// An attribute is of a type the operation does not take.
    #[error("an attribute has an unforeseen type")]
    Type,
    /// Beyond 64 bits.
    #[error("a number is out of range")]
    Range,
    /// A whole number divided by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// Text that is no number, time or time zone.
    #[error("text cannot be read as a number, time, duration or time zone")]
    Unreadable,
    /// Text longer than [`limits::TEXT_BYTES`].
    #[error("a text is too long")]
    TooLong,
}

impl Fault {
    /// Stable name of the kind of fault.
    pub fn code(self) -> &'static str {
        match self {
            Fault::Missing => "evaluate.missing",
            Fault::Type => "evaluate.type",
            Fault::Range => "evaluate.range",
            Fault::DivisionByZero => "evaluate.division_by_zero",
            Fault::Unreadable => "evaluate.unreadable",
            Fault::TooLong => "evaluate.too_long",
        }
    }

    /// What to do.
    pub fn hint(self) -> &'static str {
        match self {
            Fault::Missing => "test with has(…) first",
            Fault::Type => "convert the attribute: int(…), double(…), string(…)",
            Fault::Range => "calculate with double(…)",
            Fault::DivisionByZero => "test the divisor first",
            Fault::Unreadable => "test with has(…), or correct the attribute",
            Fault::TooLong => "join fewer texts",
        }
    }
}

impl<'a> From<&'a Value> for Datum<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Datum::Bool(*value),
            Value::Int(value) => Datum::Int(*value),
            Value::Number(value) => Datum::Double(value.0),
            Value::Text(value) => Datum::Text(Cow::Borrowed(value)),
        }
    }
}

impl<'a> From<&'a Text> for Datum<'a> {
    fn from(text: &'a Text) -> Self {
        Datum::Text(Cow::Borrowed(text))
    }
}

impl Datum<'_> {
    /// A number as a double.
    pub fn number(&self) -> Option<f64> {
        match self {
            Datum::Int(value) => Some(*value as f64),
            Datum::Double(value) => Some(*value),
            Datum::Money(value) => Some(value.units()),
            _ => None,
        }
    }

    /// The order of two values: `None` of different types, and with NaN.
    pub(super) fn order(&self, other: &Datum<'_>) -> Option<Ordering> {
        match (self, other) {
            (Datum::Int(a), Datum::Int(b)) => Some(a.cmp(b)),
            (Datum::Money(a), Datum::Money(b)) => Some(a.cmp(b)),
            (Datum::Double(a), Datum::Double(b)) => a.partial_cmp(b),
            (Datum::Int(a), Datum::Double(b)) => int_and_double(*a, *b),
            (Datum::Double(a), Datum::Int(b)) => int_and_double(*b, *a).map(Ordering::reverse),
            (Datum::Int(a), Datum::Money(b)) => Some(scaled(*a).cmp(&i128::from(b.0))),
            (Datum::Money(a), Datum::Int(b)) => Some(i128::from(a.0).cmp(&scaled(*b))),
            (Datum::Double(a), Datum::Money(b)) => a.partial_cmp(&b.units()),
            (Datum::Money(a), Datum::Double(b)) => a.units().partial_cmp(b),
            (Datum::Text(a), Datum::Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
            (Datum::Bool(a), Datum::Bool(b)) => Some(a.cmp(b)),
            (Datum::Duration(a), Datum::Duration(b)) | (Datum::Timestamp(a), Datum::Timestamp(b)) => {
                Some(a.cmp(b))
            }
            _ => None,
        }
    }

    /// Whether both are numbers, or of one type: then `order` fails over NaN alone.
    pub(super) fn same_kind(&self, other: &Datum<'_>) -> bool {
        (self.number().is_some() && other.number().is_some())
            || std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Equality as in CEL: values of different types are not equal.
    pub(super) fn equals(&self, other: &Datum<'_>) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }

    /// `-a`.
    pub(super) fn negate<'a>(self) -> Result<Datum<'a>, Fault> {
        match self {
            Datum::Int(a) => a.checked_neg().map(Datum::Int).ok_or(Fault::Range),
            Datum::Double(a) => Ok(Datum::Double(-a)),
            Datum::Money(a) => money(a.0.checked_neg()),
            _ => Err(Fault::Type),
        }
    }

    /// The value as text: doubles in their shortest form, money with two decimals where it has any,
    /// spans as `1h30m`, moments as RFC 3339 in UTC.
    pub fn print(self) -> Result<String, Fault> {
        Ok(match self {
            Datum::Bool(value) => value.to_string(),
            Datum::Int(value) => value.to_string(),
            Datum::Double(value) => print_double(value),
            Datum::Money(value) => value.to_string(),
            Datum::Text(value) => value.into_owned(),
            Datum::Duration(value) => print_duration(value),
            Datum::Timestamp(value) => print_timestamp(value).ok_or(Fault::Range)?,
        })
    }
}

/// Shortest text that reads back as the same number; with an exponent only where digits would fill
/// a line.
fn print_double(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && value != 0.0 && !(1e-7..1e17).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A whole number in ten-thousandths.
fn scaled(value: i64) -> i128 {
    i128::from(value) * i128::from(Money::SCALE)
}

/// Exact order of a whole number and a double.
fn int_and_double(int: i64, double: f64) -> Option<Ordering> {
    // 2⁶³: the first double above every i64.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= BEYOND {
        return Some(Ordering::Less);
    }
    if double < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = double.trunc();
    Some(int.cmp(&(whole as i64)).then_with(|| whole.total_cmp(&double)))
}

fn money<'a>(amount: Option<i64>) -> Result<Datum<'a>, Fault> {
    amount.map(|amount| Datum::Money(Money(amount))).ok_or(Fault::Range)
}

/// A whole number as money, where it fits.
fn as_money(value: i64) -> Result<i64, Fault> {
    value.checked_mul(Money::SCALE).ok_or(Fault::Range)
}

/// `a operator b`.
pub(super) fn arithmetic<'a>(operator: Arithmetic, a: Datum<'a>, b: Datum<'a>) -> Result<Datum<'a>, Fault> {
    match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => ints(operator, a, b).map(Datum::Int),
        (Datum::Money(a), Datum::Money(b)) => monies(operator, a, b),
        (Datum::Money(a), Datum::Int(b)) => match operator {
            Arithmetic::Multiply => money(a.0.checked_mul(b)),
            _ => monies(operator, a, Money(as_money(b)?)),
        },
        (Datum::Int(a), Datum::Money(b)) => match operator {
            Arithmetic::Multiply => money(b.0.checked_mul(a)),
            _ => monies(operator, Money(as_money(a)?), b),
        },
        (Datum::Text(a), Datum::Text(b)) => match operator {
            Arithmetic::Add if a.len() + b.len() > limits::TEXT_BYTES => Err(Fault::TooLong),
            Arithmetic::Add => Ok(Datum::Text(Cow::Owned(a.into_owned() + &b))),
            _ => Err(Fault::Type),
        },
        (Datum::Duration(a), Datum::Duration(b)) => spans(operator, a, b).map(Datum::Duration),
        (Datum::Timestamp(a), Datum::Duration(b)) => spans(operator, a, b).map(Datum::Timestamp),
        (Datum::Duration(a), Datum::Timestamp(b)) if operator == Arithmetic::Add => {
            spans(operator, a, b).map(Datum::Timestamp)
        }
        (Datum::Timestamp(a), Datum::Timestamp(b)) if operator == Arithmetic::Subtract => {
            spans(operator, a, b).map(Datum::Duration)
        }
        (Datum::Money(a), Datum::Double(b)) => match decimal(b) {
            Some(b) if operator.is_sum() => monies(operator, a, b),
            _ => doubles(operator, a.units(), b),
        },
        (Datum::Double(a), Datum::Money(b)) => match decimal(a) {
            Some(a) if operator.is_sum() => monies(operator, a, b),
            _ => doubles(operator, a, b.units()),
        },
        (a, b) => doubles(operator, a.number().ok_or(Fault::Type)?, b.number().ok_or(Fault::Type)?),
    }
}

impl Arithmetic {
    fn is_sum(self) -> bool {
        matches!(self, Arithmetic::Add | Arithmetic::Subtract)
    }
}

/// The amount that a number is which was written as one: `2.20` is no sum of powers of two.
fn decimal(number: f64) -> Option<Money> {
    /// Up to here each whole number is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let parts = (number * 10_000.0).round();
    (parts.abs() < EXACT && parts / 10_000.0 == number).then_some(Money(parts as i64))
}

/// As in CEL, but for division by zero: no rule means infinity.
fn doubles<'a>(operator: Arithmetic, a: f64, b: f64) -> Result<Datum<'a>, Fault> {
    Ok(Datum::Double(match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide if b == 0.0 => return Err(Fault::DivisionByZero),
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => return Err(Fault::Type),
    }))
}

fn ints(operator: Arithmetic, a: i64, b: i64) -> Result<i64, Fault> {
    let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
    if divides && b == 0 {
        return Err(Fault::DivisionByZero);
    }
    let result = match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    };
    result.ok_or(Fault::Range)
}

/// Money stays money in sums and differences; products and ratios are doubles.
fn monies<'a>(operator: Arithmetic, a: Money, b: Money) -> Result<Datum<'a>, Fault> {
    match operator {
        Arithmetic::Add => money(a.0.checked_add(b.0)),
        Arithmetic::Subtract => money(a.0.checked_sub(b.0)),
        Arithmetic::Multiply => Ok(Datum::Double(a.units() * b.units())),
        Arithmetic::Divide => doubles(operator, a.0 as f64, b.0 as f64),
        Arithmetic::Remainder => Err(Fault::Type),
    }
}

fn spans(operator: Arithmetic, a: i64, b: i64) -> Result<i64, Fault> {
    match operator {
        Arithmetic::Add => a.checked_add(b).ok_or(Fault::Range),
        Arithmetic::Subtract => a.checked_sub(b).ok_or(Fault::Range),
        _ => Err(Fault::Type),
    }
}
