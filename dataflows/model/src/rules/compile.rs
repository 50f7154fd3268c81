//! From CEL text to [`Expr`], with types checked.
//!
//! Invariant: what comes out is at most [`limits::DEPTH`] deep (a conversion may stand between two
//! levels), names only what its situation has, and fails when evaluated only over what is missing,
//! over attributes of an unforeseen type, and over arithmetic out of range. What CEL has and rules
//! do not is refused by name.
//!
//! More lenient than CEL in one thing: int, double and money mix in arithmetic and comparison.
//! `/` of two whole numbers still cuts, of attributes too where both happen to be whole:
//! `double(customer.spend) / 3` never does.

use super::calls;
use super::error::ExpressionProblem;
use super::expr::{Arithmetic, Comparison, Expr, Function};
use super::fields::{Available, FIELDS, FieldInfo, OBJECTS, Scope, Type, find, names};
use super::limits;
use super::parse::{Parsed, parse};
use super::spelling::nearest;
use crate::key::Text;
use crate::value::Number;
use cel::common::ast::{self, IdedExpr, LiteralValue, operators};

pub(super) use super::calls::functions;
pub use super::parse::Located;

/// What an expression is for, and so what type it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A condition: bool.
    Condition,
    /// Whether somebody is in a segment: bool, over what is known of the customer at any moment.
    Segment,
    /// A term of a score: a number.
    Points,
    /// Printed in a template: anything.
    Print,
}

/// Compiles `text` for a situation.
pub fn compile(text: &str, scope: &Scope, purpose: Purpose) -> Result<Expr, Vec<Located>> {
    let parsed = parse(text).map_err(|located| vec![located])?;
    let mut compiler = Compiler { parsed: &parsed, scope, purpose, problems: Vec::new(), depth: 0 };
    let compiled = compiler.node(&parsed.root);
    if let Some((_, found)) = &compiled {
        compiler.check(purpose, *found);
    }
    match compiled {
        Some((expr, _)) if compiler.problems.is_empty() => Ok(expr),
        _ => Err(compiler.problems),
    }
}

const ONE_TYPE: &str =
    "two values of one type; an attribute becomes a time with timestamp(…), a span with duration(…)";

/// What of a customer changes with time alone, or follows from more than attributes and purchases.
const NOT_BY_EVENTS: [&str; 6] = [
    "days_since_last_order",
    "visits_30d",
    "channels_30d",
    "favourite_category",
    "hold_out",
    "nearest_location",
];

/// An expression and its type; `None` where the problem is reported already.
pub(super) type Typed = Option<(Expr, Type)>;

pub(super) struct Compiler<'a> {
    pub(super) parsed: &'a Parsed<'a>,
    scope: &'a Scope,
    purpose: Purpose,
    problems: Vec<Located>,
    depth: u16,
}

impl Compiler<'_> {
    pub(super) fn report<T>(&mut self, offset: usize, problem: ExpressionProblem) -> Option<T> {
        self.problems.push(Located { offset, problem });
        None
    }

    pub(super) fn unsupported<T>(&mut self, at: usize, what: &str, instead: &'static str) -> Option<T> {
        self.report(at, ExpressionProblem::Unsupported { what: what.to_owned(), instead })
    }

    fn check(&mut self, purpose: Purpose, found: Type) {
        let (fits, place, expected) = match purpose {
            Purpose::Condition | Purpose::Segment => {
                (matches!(found, Type::Bool | Type::Dyn), "a condition", "bool")
            }
            Purpose::Points => (found.is_number(), "a term of a score", "a number"),
            Purpose::Print => (true, "", ""),
        };
        if !fits {
            let start = self.parsed.start();
            self.report::<()>(start, ExpressionProblem::WrongResult { place, expected, found });
        }
    }

    pub(super) fn node(&mut self, node: &IdedExpr) -> Typed {
        let at = self.parsed.offset(node);
        if self.depth >= limits::DEPTH {
            if self.problems.iter().all(|located| located.problem != ExpressionProblem::TooDeep) {
                self.report::<()>(at, ExpressionProblem::TooDeep);
            }
            return None;
        }
        self.depth += 1;
        let typed = self.inner(node, at);
        self.depth -= 1;
        typed
    }

    fn inner(&mut self, node: &IdedExpr, at: usize) -> Typed {
        match &node.expr {
            ast::Expr::Literal(literal) => self.literal(literal, at),
            ast::Expr::Ident(name) => self.name(name, at),
            ast::Expr::Select(select) => self.select(node, select),
            ast::Expr::Call(call) => self.call(node, call),
            ast::Expr::List(_) => self.unsupported(at, "a list by itself", "use it behind `in`"),
            ast::Expr::Map(_) => self.unsupported(at, "a map", "use `in [ … ]` or `condition ? a : b`"),
            ast::Expr::Struct(_) => self.unsupported(at, "a message", "use numbers, text and fields"),
            ast::Expr::Comprehension(_) => {
                self.unsupported(at, "a macro over a list", "use `in [ … ]`, `&&` and `||`")
            }
            ast::Expr::Unspecified => {
                self.report(at, ExpressionProblem::Syntax("something is missing".to_owned()))
            }
        }
    }

    fn literal(&mut self, literal: &LiteralValue, at: usize) -> Typed {
        Some(match literal {
            LiteralValue::Boolean(value) => (Expr::Bool(*value.inner()), Type::Bool),
            LiteralValue::Int(value) => (Expr::Int(*value.inner()), Type::Int),
            LiteralValue::Double(value) => (Expr::Double(Number(*value.inner())), Type::Double),
            LiteralValue::String(value) => (Expr::Text(Text::from(value.inner())), Type::Text),
            LiteralValue::Null => {
                return self.unsupported(at, "`null`", "use has(item.price), has(customer.name)");
            }
            LiteralValue::UInt(_) => {
                return self.unsupported(at, "an unsigned number", "leave out the `u`");
            }
            LiteralValue::Bytes(_) => return self.unsupported(at, "a bytes literal", "leave out the `b`"),
        })
    }

    fn name(&mut self, name: &str, at: usize) -> Typed {
        if let Some(info) = find(name, "") {
            self.of_customer(info.object, at)?;
            return Some((Expr::Field(info.field), info.of));
        }
        if OBJECTS.contains(&name) {
            return self.report(at, ExpressionProblem::NotAValue { object: name.to_owned() });
        }
        let near = nearest(name, OBJECTS).map(str::to_owned);
        self.report(at, ExpressionProblem::UnknownName { name: name.to_owned(), near })
    }

    fn select(&mut self, node: &IdedExpr, select: &ast::SelectExpr) -> Typed {
        let at =
            if select.test { self.parsed.offset(&select.operand) } else { self.parsed.field_offset(node) };
        self.field(&select.operand, &select.field, at, select.test)
    }

    /// `operand.field`, or whether there is such a value.
    fn field(&mut self, operand: &IdedExpr, field: &str, at: usize, test: bool) -> Typed {
        let operand_at = self.parsed.offset(operand);
        let ast::Expr::Ident(object) = &operand.expr else {
            let (_, of) = self.node(operand)?;
            let what = format!("`.{field}`");
            let problem =
                ExpressionProblem::WrongOperands { what, found: of.to_string(), takes: "an object" };
            return self.report(at, problem);
        };
        if let Some(info) = find(object, field).filter(|info| !info.name.is_empty()) {
            self.of_customer(object, operand_at)?;
            self.available(info, operand_at)?;
            let expr = if test { Expr::HasField(info.field) } else { Expr::Field(info.field) };
            return Some((expr, if test { Type::Bool } else { info.of }));
        }
        if object == "customer" {
            if self.purpose == Purpose::Segment && NOT_BY_EVENTS.contains(&field) {
                let path = format!("customer.{field}");
                let instead = "use `lapsed`, or put it into `where`";
                return self.report(at, ExpressionProblem::NotInSegment { path, instead });
            }
            let name = Text::from(field);
            let expr = if test { Expr::HasAttribute(name) } else { Expr::Attribute(name) };
            return Some((expr, if test { Type::Bool } else { Type::Dyn }));
        }
        if !OBJECTS.contains(&object.as_str()) || object == "now" {
            let (_, of) = self.node(operand)?;
            let takes = "the methods getHours(), getDayOfWeek() and so on";
            let what = format!("`.{field}`");
            return self.report(at, ExpressionProblem::WrongOperands { what, found: of.to_string(), takes });
        }
        let fields = FIELDS.iter().filter(|info| info.object == object).map(|info| info.name);
        let near = nearest(field, fields).map(|near| format!("{object}.{near}"));
        let (object, field) = (object.clone(), field.to_owned());
        self.report(at, ExpressionProblem::UnknownField { known: names(&object), object, field, near })
    }

    /// A segment is entered by what is learned of the customer, and by nothing else.
    fn of_customer(&mut self, object: &str, at: usize) -> Option<()> {
        if self.purpose != Purpose::Segment {
            return Some(());
        }
        let instead = match object {
            "customer" => "use an attribute of the profile",
            "now" => "use `lapsed`, or put it into `where`",
            _ => "use customer alone, or put it into `where`",
        };
        self.report(at, ExpressionProblem::NotInSegment { path: object.to_owned(), instead })
    }

    fn available(&mut self, info: &FieldInfo, at: usize) -> Option<()> {
        if info.available == Available::Score && self.purpose != Purpose::Points {
            // A rate that moves would take offers back, or change what is said.
            let (path, instead) = (info.path(), "use it in `score`");
            return self.report(at, ExpressionProblem::OnlyInScore { path, instead });
        }
        if self.scope.has(info.available) {
            return Some(());
        }
        let instead = match info.available {
            Available::Item if self.scope.situation == "checked_in" => {
                "use customer, cart, visit, location, now"
            }
            Available::Item if matches!(self.scope.situation, "lapsed" | "segment_entered") => {
                "use customer, cart, now"
            }
            Available::Item if self.scope.situation == "nearby" => "use customer, cart, location, now",
            Available::Item => "leave `none` out of `interest`: without an interest there is no item",
            Available::ZoneVisit => "a zone is known in zone_entered alone",
            Available::Visit => "a visit is known in zone_entered, store_left and checked_in alone",
            Available::Location if matches!(self.scope.situation, "back_in_stock" | "running_low") => {
                "name the rule's `location`, then it can be used"
            }
            _ => {
                "a location is known in zone_entered, store_left, checked_in, nearby, requested and purchased"
            }
        };
        let problem =
            ExpressionProblem::NotAvailable { path: info.path(), situation: self.scope.situation, instead };
        self.report(at, problem)
    }

    fn call(&mut self, node: &IdedExpr, call: &ast::CallExpr) -> Typed {
        if call.target.is_some() {
            return calls::method(self, node, call);
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => self.logic(node, a, b, true),
            (operators::LOGICAL_OR, [a, b]) => self.logic(node, a, b, false),
            (operators::LOGICAL_NOT, [a]) => {
                let (expr, of) = self.node(a)?;
                self.operands(node, "!", matches!(of, Type::Bool | Type::Dyn), &[of], "bool")?;
                Some((Expr::Not(Box::new(expr)), Type::Bool))
            }
            (operators::NEGATE, [a]) => {
                let (expr, of) = self.node(a)?;
                self.operands(node, "-", of.is_number(), &[of], "a number")?;
                Some((Expr::Negate(Box::new(expr)), of))
            }
            (operators::CONDITIONAL, [condition, a, b]) => self.choose(node, condition, a, b),
            (operators::IN, [a, b]) => self.one_of(node, a, b),
            (operators::INDEX, [a, b]) => self.index(node, a, b),
            (name, [a, b]) => match (arithmetic(name), comparison(name)) {
                (Some(operator), _) => self.arithmetic(node, operator, a, b),
                (_, Some(operator)) => self.comparison(node, operator, a, b),
                _ => calls::global(self, node, call),
            },
            _ => calls::global(self, node, call),
        }
    }

    /// Reports operands that an operator does not take.
    fn operands(
        &mut self,
        node: &IdedExpr,
        operator: &str,
        fits: bool,
        of: &[Type],
        takes: &'static str,
    ) -> Option<()> {
        if fits {
            return Some(());
        }
        let found = of.iter().map(Type::to_string).collect::<Vec<_>>().join(" and ");
        let at = self.parsed.offset(node);
        self.report(at, ExpressionProblem::WrongOperands { what: format!("`{operator}`"), found, takes })
    }

    fn logic(&mut self, node: &IdedExpr, a: &IdedExpr, b: &IdedExpr, all: bool) -> Typed {
        let (a, b) = (self.node(a), self.node(b));
        let ((a, of_a), (b, of_b)) = (a?, b?);
        let fits = [of_a, of_b].iter().all(|of| matches!(of, Type::Bool | Type::Dyn));
        self.operands(node, if all { "&&" } else { "||" }, fits, &[of_a, of_b], "bool and bool")?;
        let mut operands = Vec::with_capacity(2);
        for operand in [a, b] {
            match operand {
                Expr::All(inner) if all => operands.extend(inner),
                Expr::Any(inner) if !all => operands.extend(inner),
                other => operands.push(other),
            }
        }
        Some((if all { Expr::All(operands) } else { Expr::Any(operands) }, Type::Bool))
    }

    fn choose(&mut self, node: &IdedExpr, condition: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Typed {
        let (condition, a, b) = (self.node(condition), self.node(a), self.node(b));
        let ((condition, of), (a, of_a), (b, of_b)) = (condition?, a?, b?);
        self.operands(node, "? :", matches!(of, Type::Bool | Type::Dyn), &[of], "a bool before the `?`")?;
        let common = common(of_a, of_b);
        self.operands(node, "? :", common.is_some(), &[of_a, of_b], ONE_TYPE)?;
        let common = common?;
        let branches = [condition, as_type(a, of_a, common), as_type(b, of_b, common)];
        Some((Expr::Choose(Box::new(branches)), common))
    }

    fn one_of(&mut self, node: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Typed {
        let ast::Expr::List(list) = &b.expr else {
            return self.among(a, b);
        };
        let value = self.node(a);
        let elements: Vec<Typed> = list.elements.iter().map(|element| self.node(element)).collect();
        let (value, of) = value?;
        let mut exprs = Vec::with_capacity(elements.len());
        for (typed, element) in elements.into_iter().zip(&list.elements) {
            let (expr, of_element) = typed?;
            if !comparable(of, of_element) {
                let found = format!("{of} and {of_element}");
                let at = self.parsed.offset(element);
                let (what, takes) = ("`in`".to_owned(), "a list of the same type");
                return self.report(at, ExpressionProblem::WrongOperands { what, found, takes });
            }
            exprs.push(expr);
        }
        if exprs.is_empty() {
            return self.operands(node, "in", false, &[of], "a list with something in it").and(None);
        }
        Some((Expr::OneOf(Box::new(value), exprs), Type::Bool))
    }

    /// `a in customer.tags`.
    fn among(&mut self, a: &IdedExpr, b: &IdedExpr) -> Typed {
        let (value, list) = (self.node(a), self.node(b));
        let ((value, of), (list, of_list)) = (value?, list?);
        match (of, of_list) {
            (_, Type::Dyn) | (Type::Text | Type::Dyn, Type::Text) => {
                Some((Expr::Among(Box::new([value, list])), Type::Bool))
            }
            _ => {
                let at = self.parsed.offset(b);
                self.unsupported(at, "`in` without a list", "write `x in [a, b]`, or `text.contains(x)`")
            }
        }
    }

    /// `customer["name"]`: an attribute whose name is no identifier.
    fn index(&mut self, node: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Typed {
        match (&a.expr, &b.expr) {
            (ast::Expr::Ident(_), ast::Expr::Literal(LiteralValue::String(name))) => {
                let at = self.parsed.offset(b);
                self.field(a, name.inner(), at, false)
            }
            _ => {
                let at = self.parsed.offset(node);
                self.unsupported(at, "an index", "name a field, or an attribute: customer[\"name\"]")
            }
        }
    }

    fn arithmetic(&mut self, node: &IdedExpr, operator: Arithmetic, a: &IdedExpr, b: &IdedExpr) -> Typed {
        let (a, b) = (self.node(a), self.node(b));
        let ((a, of_a), (b, of_b)) = (a?, b?);
        let (of, sign, takes) = match operator {
            Arithmetic::Add => {
                (added(of_a, of_b), "+", "numbers, texts, durations, a timestamp and a duration")
            }
            Arithmetic::Subtract => (subtracted(of_a, of_b), "-", "numbers, durations, timestamps"),
            Arithmetic::Multiply => (multiplied(of_a, of_b), "*", "numbers"),
            Arithmetic::Divide => (divided(of_a, of_b), "/", "numbers"),
            Arithmetic::Remainder => (remainder(of_a, of_b), "%", "whole numbers"),
        };
        self.operands(node, sign, of.is_some(), &[of_a, of_b], takes)?;
        Some((Expr::Arithmetic(operator, Box::new([a, b])), of?))
    }

    fn comparison(&mut self, node: &IdedExpr, operator: Comparison, a: &IdedExpr, b: &IdedExpr) -> Typed {
        let (a, b) = (self.node(a), self.node(b));
        let ((a, of_a), (b, of_b)) = (a?, b?);
        let sign = match operator {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        self.operands(node, sign, comparable(of_a, of_b), &[of_a, of_b], ONE_TYPE)?;
        Some((Expr::Compare(operator, Box::new([a, b])), Type::Bool))
    }
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Whether two types can be compared.
fn comparable(a: Type, b: Type) -> bool {
    common(a, b).is_some()
}

/// The type two alternatives have in common: numbers of different types meet in double. No
/// attribute is a moment or a span.
pub(super) fn common(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        _ if a == b => Some(a),
        (Type::Dyn, Type::Duration | Type::Timestamp) | (Type::Duration | Type::Timestamp, Type::Dyn) => None,
        (Type::Dyn, _) | (_, Type::Dyn) => Some(Type::Dyn),
        _ if a.is_number() && b.is_number() => Some(Type::Double),
        _ => None,
    }
}

/// Converts a number to the type it has in common with others.
pub(super) fn as_type(expr: Expr, of: Type, wanted: Type) -> Expr {
    if wanted == Type::Double && of != Type::Double { Expr::Call(Function::Double, vec![expr]) } else { expr }
}

fn added(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Text, Type::Text) => Some(Type::Text),
        (Type::Duration, Type::Duration) => Some(Type::Duration),
        (Type::Timestamp, Type::Duration) | (Type::Duration, Type::Timestamp) => Some(Type::Timestamp),
        (Type::Dyn, Type::Text) | (Type::Text, Type::Dyn) => Some(Type::Text),
        _ => summed(a, b),
    }
}

fn subtracted(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Duration, Type::Duration) | (Type::Timestamp, Type::Timestamp) => Some(Type::Duration),
        (Type::Timestamp, Type::Duration) => Some(Type::Timestamp),
        _ => summed(a, b),
    }
}

/// Sums and differences of numbers: money and a whole number stay money.
fn summed(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        _ if !a.is_number() || !b.is_number() => None,
        (Type::Dyn, _) | (_, Type::Dyn) => Some(Type::Dyn),
        (Type::Double, _) | (_, Type::Double) => Some(Type::Double),
        (Type::Money, _) | (_, Type::Money) => Some(Type::Money),
        _ => Some(Type::Int),
    }
}

fn multiplied(a: Type, b: Type) -> Option<Type> {
    if (a, b) == (Type::Money, Type::Money) { Some(Type::Double) } else { summed(a, b) }
}

fn divided(a: Type, b: Type) -> Option<Type> {
    match summed(a, b)? {
        Type::Money => Some(Type::Double),
        other => Some(other),
    }
}

fn remainder(a: Type, b: Type) -> Option<Type> {
    let whole = |of| matches!(of, Type::Int | Type::Dyn);
    (whole(a) && whole(b)).then_some(Type::Int)
}

#[cfg(test)]
mod tests;
