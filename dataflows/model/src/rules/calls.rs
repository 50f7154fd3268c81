//! Functions and methods of expressions: which there are, what they take, and what is refused.
//!
//! Invariant: a call compiled here has the number of arguments its [`Function`] needs, and literal
//! durations, timestamps and time zones were checked.

use super::compile::{Compiler, Typed, as_type, common};
use super::error::ExpressionProblem;
use super::evaluate::zone;
use super::expr::{Expr, Function, TimePart};
use super::fields::Type;
use super::spans::{parse_duration, parse_timestamp};
use super::spelling::nearest;
use cel::common::ast::{CallExpr, IdedExpr};

/// Functions called by themselves.
const GLOBALS: [&str; 9] = ["size", "int", "double", "string", "duration", "timestamp", "min", "max", "has"];
/// Functions called on text.
const ON_TEXT: [&str; 4] = ["startsWith", "endsWith", "contains", "size"];

/// All functions, for a hint.
pub(in crate::rules) fn functions() -> String {
    let parts = TimePart::ALL.iter().map(|(name, _)| *name);
    GLOBALS.into_iter().chain(ON_TEXT.into_iter().take(3)).chain(parts).collect::<Vec<_>>().join(", ")
}

/// CEL's own functions that rules do not have, with what to write instead.
const REFUSED: [(&str, &str); 7] = [
    ("matches", "use startsWith(), endsWith() or contains()"),
    ("type", "attributes are compared as they are; has(customer.name) tells whether there is one"),
    ("dyn", "leave it out: attributes are of any type anyway"),
    ("uint", "use int()"),
    ("bytes", "use text"),
    ("bool", "compare with == true or == \"true\""),
    ("getMonths", "use getMonth()"),
];

/// `f(a, …)`.
pub(super) fn global(compiler: &mut Compiler<'_>, node: &IdedExpr, call: &CallExpr) -> Typed {
    let name = call.func_name.as_str();
    let at = compiler.parsed.name_offset(node, name);
    if !GLOBALS.contains(&name) {
        return unknown(compiler, name, at);
    }
    let arguments: Vec<Typed> = call.args.iter().map(|argument| compiler.node(argument)).collect();
    let arguments: Vec<(Expr, Type)> = arguments.into_iter().collect::<Option<_>>()?;
    if matches!(name, "min" | "max") {
        return extreme(compiler, name, at, arguments);
    }
    let count = arguments.len();
    let Ok([(argument, of)]) = <[(Expr, Type); 1]>::try_from(arguments) else {
        return count_wrong(compiler, name, at, "one argument", count);
    };
    let (function, result, takes, fits) = match name {
        "size" => (Function::Size, Type::Int, "text", matches!(of, Type::Text | Type::Dyn)),
        "int" => {
            let fits = of.is_number() || matches!(of, Type::Text | Type::Timestamp);
            (Function::Int, Type::Int, "a number, text or a timestamp", fits)
        }
        "double" => (Function::Double, Type::Double, "a number or text", of.is_number() || of == Type::Text),
        "string" => (Function::Text, Type::Text, "anything", true),
        "duration" => {
            let fits = matches!(of, Type::Text | Type::Dyn | Type::Duration);
            (Function::Duration, Type::Duration, "text, as \"10m\"", fits)
        }
        "timestamp" => {
            let fits = matches!(of, Type::Text | Type::Dyn | Type::Timestamp | Type::Int);
            (Function::Timestamp, Type::Timestamp, "text of RFC 3339, or seconds since 1970", fits)
        }
        // The parser makes a test of every `has(a.b)`; what is left is no test.
        _ => {
            return compiler.unsupported(
                at,
                "`has` of something that is no field",
                "write has(customer.name)",
            );
        }
    };
    if !fits {
        return wrong(compiler, name, at, &[of], takes);
    }
    if let Expr::Text(text) = &argument {
        let literal_at = call.args.first().map_or(at, |argument| compiler.parsed.offset(argument));
        let text = text.clone();
        let literal = match function {
            Function::Duration => Some((parse_duration(&text).map(Expr::Duration), "duration")),
            Function::Timestamp => Some((parse_timestamp(&text).map(Expr::Timestamp), "timestamp")),
            _ => None,
        };
        match literal {
            Some((Some(expr), _)) => return Some((expr, result)),
            Some((None, kind)) => {
                let problem = ExpressionProblem::BadLiteral { kind, text: text.to_string() };
                return compiler.report(literal_at, problem);
            }
            None => {}
        }
    }
    Some((Expr::Call(function, vec![argument]), result))
}

/// `min(a, b, …)`, `max(a, b, …)`.
fn extreme(compiler: &mut Compiler<'_>, name: &str, at: usize, arguments: Vec<(Expr, Type)>) -> Typed {
    let types: Vec<Type> = arguments.iter().map(|(_, of)| *of).collect();
    let [first, _, ..] = types.as_slice() else {
        return count_wrong(compiler, name, at, "two arguments or more", types.len());
    };
    let of = types.iter().try_fold(*first, |of, next| common(of, *next));
    let Some(of) = of.filter(|of| *of != Type::Bool) else {
        return wrong(compiler, name, at, &types, "values of one type that have an order");
    };
    let function = if name == "min" { Function::Min } else { Function::Max };
    let arguments = arguments.into_iter().map(|(expr, found)| as_type(expr, found, of)).collect();
    Some((Expr::Call(function, arguments), of))
}

/// `a.f(b, …)`.
pub(super) fn method(compiler: &mut Compiler<'_>, node: &IdedExpr, call: &CallExpr) -> Typed {
    let name = call.func_name.as_str();
    let at = compiler.parsed.name_offset(node, name);
    let part = TimePart::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, part)| part);
    if part.is_none() && !ON_TEXT.contains(&name) {
        return unknown(compiler, name, at);
    }
    let target = call.target.as_deref().and_then(|target| compiler.node(target));
    let arguments: Vec<Typed> = call.args.iter().map(|argument| compiler.node(argument)).collect();
    let (target, of) = target?;
    let mut arguments = arguments.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
    let (argument, count) = (arguments.next(), call.args.len());
    if let Some(part) = part {
        return time_part(compiler, (name, part, at), (target, of), argument, call);
    }
    if !matches!(of, Type::Text | Type::Dyn) {
        return wrong(compiler, name, at, &[of], "text");
    }
    let function = match name {
        "startsWith" => Function::StartsWith,
        "endsWith" => Function::EndsWith,
        "contains" => Function::Contains,
        _ if count == 0 => return Some((Expr::Call(Function::Size, vec![target]), Type::Int)),
        _ => return count_wrong(compiler, name, at, "no argument", count),
    };
    match argument {
        Some((argument, Type::Text | Type::Dyn)) if count == 1 => {
            Some((Expr::Call(function, vec![target, argument]), Type::Bool))
        }
        Some((_, found)) if count == 1 => wrong(compiler, name, at, &[found], "text"),
        _ => count_wrong(compiler, name, at, "one argument", count),
    }
}

/// `now.getHours()`, `now.getHours("Europe/Paris")`, `visit.dwell.getMinutes()`.
fn time_part(
    compiler: &mut Compiler<'_>,
    (name, part, at): (&str, TimePart, usize),
    (target, of): (Expr, Type),
    argument: Option<(Expr, Type)>,
    call: &CallExpr,
) -> Typed {
    let span = of == Type::Duration && part.of_a_span();
    if !span && of != Type::Timestamp {
        let takes = if part.of_a_span() { "a timestamp or a duration" } else { "a timestamp" };
        return wrong(compiler, name, at, &[of], takes);
    }
    let mut parts = vec![target];
    match argument {
        None => {}
        Some(_) if span || call.args.len() > 1 => {
            let takes = if span { "no argument on a duration" } else { "one time zone at most" };
            return count_wrong(compiler, name, at, takes, call.args.len());
        }
        Some((argument, found)) => {
            if !matches!(found, Type::Text | Type::Dyn) {
                return wrong(compiler, name, at, &[found], "a time zone, as \"Europe/Berlin\"");
            }
            if let Expr::Text(text) = &argument
                && zone(text).is_none()
            {
                let at = call.args.first().map_or(at, |argument| compiler.parsed.offset(argument));
                let problem = ExpressionProblem::BadLiteral { kind: "time zone", text: text.to_string() };
                return compiler.report(at, problem);
            }
            parts.push(argument);
        }
    }
    Some((Expr::Call(Function::Part(part), parts), Type::Int))
}

fn unknown(compiler: &mut Compiler<'_>, name: &str, at: usize) -> Typed {
    if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return compiler.unsupported(at, &format!("`{name}`"), instead);
    }
    let known = GLOBALS.into_iter().chain(ON_TEXT).chain(TimePart::ALL.iter().map(|(name, _)| *name));
    let near = nearest(name, known).map(str::to_owned);
    let name = name.chars().take(64).collect();
    compiler.report(at, ExpressionProblem::UnknownFunction { name, near })
}

fn wrong(compiler: &mut Compiler<'_>, name: &str, at: usize, of: &[Type], takes: &'static str) -> Typed {
    let found = of.iter().map(Type::to_string).collect::<Vec<_>>().join(" and ");
    let what = format!("`{name}`");
    compiler.report(at, ExpressionProblem::WrongOperands { what, found, takes })
}

fn count_wrong(
    compiler: &mut Compiler<'_>,
    name: &str,
    at: usize,
    takes: &'static str,
    found: usize,
) -> Typed {
    let function = name.to_owned();
    compiler.report(at, ExpressionProblem::ArgumentCount { function, takes, found })
}
