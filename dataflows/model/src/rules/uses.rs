//! Which fields and attributes a rule asks for, so that what no rule asks for need not be computed.

use super::fields::Field;
use super::{Piece, Rule, When};
use crate::rules::expr::Expr;

impl Expr {
    /// Whether the expression asks for that field.
    pub fn uses(&self, field: Field) -> bool {
        let mut used = false;
        self.each_read(&mut |read| {
            used |= matches!(read, Expr::Field(found) | Expr::HasField(found) if *found == field);
        });
        used
    }

    /// Gives every field and attribute that is read or asked for, in the order in which they stand.
    pub(super) fn each_read<'a>(&'a self, give: &mut impl FnMut(&'a Expr)) {
        match self {
            Expr::Field(_) | Expr::HasField(_) | Expr::Attribute(_) | Expr::HasAttribute(_) => give(self),
            _ => self.parts().for_each(|part| part.each_read(give)),
        }
    }

    /// What it is put together from, in the order in which it stands.
    fn parts(&self) -> impl Iterator<Item = &Expr> {
        let (first, rest): (Option<&Expr>, &[Expr]) = match self {
            Expr::Not(inner) | Expr::Negate(inner) => (Some(inner), &[]),
            Expr::All(parts) | Expr::Any(parts) | Expr::Call(_, parts) => (None, parts),
            Expr::Arithmetic(_, parts) | Expr::Compare(_, parts) | Expr::Among(parts) => (None, &**parts),
            Expr::Choose(parts) => (None, &**parts),
            Expr::OneOf(inner, parts) => (Some(inner), parts),
            Expr::Field(_) | Expr::HasField(_) | Expr::Attribute(_) | Expr::HasAttribute(_) => (None, &[]),
            Expr::Bool(_) | Expr::Int(_) | Expr::Double(_) | Expr::Text(_) => (None, &[]),
            Expr::Duration(_) | Expr::Timestamp(_) => (None, &[]),
        };
        first.into_iter().chain(rest)
    }

    /// Up to which number it can tell stocks apart: it says the same of all above. 0 where it does not ask for them.
    fn stock_detail(&self) -> i64 {
        match self {
            Expr::Field(Field::ItemStock) => i64::MAX,
            Expr::Compare(_, sides) => match &**sides {
                [Expr::Field(Field::ItemStock), Expr::Int(number)]
                | [Expr::Int(number), Expr::Field(Field::ItemStock)] => number.saturating_add(1).max(0),
                sides => sides.iter().map(Expr::stock_detail).max().unwrap_or(0),
            },
            _ => self.parts().map(Expr::stock_detail).max().unwrap_or(0),
        }
    }

    /// Whether the expression asks for that attribute of the customer.
    pub fn uses_attribute(&self, name: &str) -> bool {
        let mut used = false;
        self.each_read(&mut |read| {
            used |= matches!(read, Expr::Attribute(found) | Expr::HasAttribute(found) if found == name);
        });
        used
    }
}

impl Rule {
    /// Whether the score asks how often offers of the rule were taken up.
    pub fn asks_for_history(&self) -> bool {
        let asks = |expr: &Expr| expr.uses(Field::HistoryAcceptRate) || expr.uses(Field::HistoryOffers);
        self.score.iter().any(|term| asks(&term.expr))
    }

    /// Whether any expression of the rule asks for that field.
    pub fn asks_for(&self, field: Field) -> bool {
        self.expressions().any(|expr| expr.uses(field))
    }

    /// Up to which number the rule can tell stocks apart: it says the same of all above. 0 where it does not ask for them.
    pub fn stock_detail(&self) -> i64 {
        let at_most = match &self.when {
            When::RunningLow { at_most, .. } => i64::from(*at_most) + 1,
            _ => 0,
        };
        self.expressions().map(Expr::stock_detail).max().unwrap_or(0).max(at_most)
    }

    /// Whether any expression of the rule asks for that attribute of the customer.
    pub fn asks_for_attribute(&self, name: &str) -> bool {
        self.expressions().any(|expr| expr.uses_attribute(name))
    }

    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let templates = [&self.offer.title, &self.offer.body];
        let pieces = templates.into_iter().flat_map(|template| &template.0);
        let shown = pieces.filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Text(_) => None,
        });
        let segment = match &self.when {
            When::SegmentEntered { segment } => Some(segment),
            _ => None,
        };
        self.condition.iter().chain(segment).chain(self.score.iter().map(|term| &term.expr)).chain(shown)
    }
}
