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
            Expr::Not(inner) | Expr::Negate(inner) => inner.each_read(give),
            Expr::All(parts) | Expr::Any(parts) | Expr::Call(_, parts) => {
                parts.iter().for_each(|part| part.each_read(give));
            }
            Expr::Arithmetic(_, parts) | Expr::Compare(_, parts) | Expr::Among(parts) => {
                parts.iter().for_each(|part| part.each_read(give));
            }
            Expr::Choose(parts) => parts.iter().for_each(|part| part.each_read(give)),
            Expr::OneOf(inner, parts) => {
                inner.each_read(give);
                parts.iter().for_each(|part| part.each_read(give));
            }
            Expr::Bool(_)
            | Expr::Int(_)
            | Expr::Double(_)
            | Expr::Text(_)
            | Expr::Duration(_)
            | Expr::Timestamp(_) => {}
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
