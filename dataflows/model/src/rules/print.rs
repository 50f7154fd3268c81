//! Expressions as text again: what a rule's condition is called by where one part of it does not hold.
//!
//! Invariant: what is printed compiles to the same expression. It is not what was written: white space and
//! brackets that change nothing are gone, and conversions that the compiler added are there.

use super::expr::{Arithmetic, Comparison, Expr, Function, TimePart};
use super::fields::{FIELDS, Field};
use super::spans::{print_duration, print_timestamp};
use std::fmt::{self, Display, Formatter, Write};

/// How tightly an expression holds together; brackets are needed where less than what stands around it asks for.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
    Choice,
    Any,
    All,
    Relation,
    Sum,
    Product,
    Sign,
    Whole,
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Bool(value) => value.fmt(f),
            Expr::Int(value) => value.fmt(f),
            // With a point or an exponent, or it would be a whole number.
            Expr::Double(value) => write!(f, "{:?}", value.0),
            Expr::Text(text) => quoted(text, f),
            Expr::Duration(span) => write!(f, "duration(\"{}\")", print_duration(*span)),
            Expr::Timestamp(moment) => {
                write!(f, "timestamp(\"{}\")", print_timestamp(*moment).unwrap_or_default())
            }
            Expr::Field(field) => f.write_str(&path(*field)),
            Expr::Attribute(name) if is_identifier(name) => write!(f, "customer.{name}"),
            Expr::Attribute(name) => {
                f.write_str("customer[")?;
                quoted(name, f)?;
                f.write_char(']')
            }
            Expr::HasField(field) => write!(f, "has({})", path(*field)),
            Expr::HasAttribute(name) if is_identifier(name) => write!(f, "has(customer.{name})"),
            Expr::HasAttribute(name) => write!(f, "has(customer.`{name}`)"),
            Expr::Not(operand) => {
                f.write_char('!')?;
                operand.within(Level::Whole, f)
            }
            Expr::Negate(operand) => {
                f.write_char('-')?;
                // A literal behind a sign is another literal.
                let literal = matches!(**operand, Expr::Int(_) | Expr::Double(_));
                if literal { write!(f, "({operand})") } else { operand.within(Level::Whole, f) }
            }
            Expr::All(operands) => listed(operands, " && ", Level::Relation, f),
            Expr::Any(operands) => listed(operands, " || ", Level::All, f),
            Expr::Arithmetic(operator, operands) => {
                let (sign, left, right) = match operator {
                    Arithmetic::Add => (" + ", Level::Sum, Level::Product),
                    Arithmetic::Subtract => (" - ", Level::Sum, Level::Product),
                    Arithmetic::Multiply => (" * ", Level::Product, Level::Sign),
                    Arithmetic::Divide => (" / ", Level::Product, Level::Sign),
                    Arithmetic::Remainder => (" % ", Level::Product, Level::Sign),
                };
                let [a, b] = operands.as_ref();
                a.within(left, f)?;
                f.write_str(sign)?;
                b.within(right, f)
            }
            Expr::Compare(operator, operands) => {
                let [a, b] = operands.as_ref();
                a.within(Level::Sum, f)?;
                f.write_str(match operator {
                    Comparison::Equal => " == ",
                    Comparison::NotEqual => " != ",
                    Comparison::Less => " < ",
                    Comparison::LessOrEqual => " <= ",
                    Comparison::Greater => " > ",
                    Comparison::GreaterOrEqual => " >= ",
                })?;
                b.within(Level::Sum, f)
            }
            Expr::Choose(branches) => {
                let [condition, a, b] = branches.as_ref();
                condition.within(Level::Any, f)?;
                f.write_str(" ? ")?;
                a.within(Level::Any, f)?;
                f.write_str(" : ")?;
                b.within(Level::Choice, f)
            }
            Expr::OneOf(value, elements) => {
                value.within(Level::Sum, f)?;
                f.write_str(" in [")?;
                listed(elements, ", ", Level::Choice, f)?;
                f.write_char(']')
            }
            Expr::Among(operands) => {
                let [value, list] = operands.as_ref();
                value.within(Level::Sum, f)?;
                f.write_str(" in ")?;
                list.within(Level::Sum, f)
            }
            Expr::Call(function, arguments) => called(*function, arguments, f),
        }
    }
}

impl Expr {
    fn level(&self) -> Level {
        match self {
            Expr::Choose(_) => Level::Choice,
            Expr::Any(_) => Level::Any,
            Expr::All(_) => Level::All,
            Expr::Compare(..) | Expr::OneOf(..) | Expr::Among(_) => Level::Relation,
            Expr::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, _) => Level::Sum,
            Expr::Arithmetic(..) => Level::Product,
            Expr::Not(_) | Expr::Negate(_) => Level::Sign,
            _ => Level::Whole,
        }
    }

    fn within(&self, level: Level, f: &mut Formatter<'_>) -> fmt::Result {
        if self.level() < level { write!(f, "({self})") } else { self.fmt(f) }
    }
}

fn listed(parts: &[Expr], between: &str, level: Level, f: &mut Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { between })?;
        part.within(level, f)?;
    }
    Ok(())
}

fn called(function: Function, arguments: &[Expr], f: &mut Formatter<'_>) -> fmt::Result {
    let (name, method) = match function {
        Function::Size => ("size", false),
        Function::Int => ("int", false),
        Function::Double => ("double", false),
        Function::Text => ("string", false),
        Function::Duration => ("duration", false),
        Function::Timestamp => ("timestamp", false),
        Function::Min => ("min", false),
        Function::Max => ("max", false),
        Function::StartsWith => ("startsWith", true),
        Function::EndsWith => ("endsWith", true),
        Function::Contains => ("contains", true),
        Function::Part(part) => {
            (TimePart::ALL.iter().find(|(_, known)| *known == part).map_or("", |(name, _)| *name), true)
        }
    };
    let arguments = match arguments.split_first() {
        Some((target, arguments)) if method => {
            target.within(Level::Whole, f)?;
            f.write_char('.')?;
            arguments
        }
        _ => arguments,
    };
    write!(f, "{name}(")?;
    listed(arguments, ", ", Level::Choice, f)?;
    f.write_char(')')
}

/// A field as it is written.
fn path(field: Field) -> String {
    FIELDS.iter().find(|info| info.field == field).map(super::fields::FieldInfo::path).unwrap_or_default()
}

fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        match char {
            '"' | '\\' => write!(f, "\\{char}")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

/// Words of the language itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

fn is_identifier(name: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(begins)
        && name.chars().all(|c| begins(c) || c.is_ascii_digit())
        && !RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use crate::rules::compile::{Purpose, compile};
    use crate::rules::samples::ALL;

    #[test]
    fn brackets_stand_where_they_are_needed() {
        for (text, expected) in [
            ("(1 + 2) * 3 - (4 - 5)", "(1 + 2) * 3 - (4 - 5)"),
            ("((1 * 2) / 3) % 4 == 0", "1 * 2 / 3 % 4 == 0"),
            ("1 * (2 / 3) == 0", "1 * (2 / 3) == 0"),
            (
                "(customer.a || customer.b) && !(customer.c && customer.d)",
                "(customer.a || customer.b) && !(customer.c && customer.d)",
            ),
            ("((customer.a && customer.b)) || customer.c", "customer.a && customer.b || customer.c"),
            ("(customer.a ? 1 : 2) + 1 > 2", "(customer.a ? 1 : 2) + 1 > 2"),
            ("(1 < 2) == (2 < 3)", "(1 < 2) == (2 < 3)"),
            ("-(3) + -4 == -item.stock", "-(3) + -4 == -item.stock"),
            (
                "(item.name + 'x').startsWith('\"\\\\\\n')",
                "(item.name + \"x\").startsWith(\"\\\"\\\\\\u000a\")",
            ),
            (
                "customer['shoe-size'] in [1, 2] && has(customer.`a-b`)",
                "customer[\"shoe-size\"] in [1, 2] && has(customer.`a-b`)",
            ),
            (
                "visit.dwell >= duration('90s') && now < timestamp('2026-01-01T00:00:00Z')",
                "visit.dwell >= duration(\"1m30s\") && now < timestamp(\"2026-01-01T00:00:00Z\")",
            ),
            (
                "now.getHours('Europe/Berlin') in [1, 2] || size(item.name) == 2",
                "now.getHours(\"Europe/Berlin\") in [1, 2] || size(item.name) == 2",
            ),
        ] {
            let expr =
                compile(text, &ALL, Purpose::Print).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
            let printed = expr.to_string();
            assert_eq!(printed, expected);
            assert_eq!(compile(&printed, &ALL, Purpose::Print).as_ref(), Ok(&expr), "{printed}");
        }
    }
}
