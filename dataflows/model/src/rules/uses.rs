//! Which fields and attributes a rule asks for, so that what no rule asks for need not be computed.

use super::fields::Field;
use super::{Piece, Rule};
use crate::rules::expr::Expr;

impl Expr {
    /// Whether the expression asks for that field.
    pub fn uses(&self, field: Field) -> bool {
        self.has_part(&|part| matches!(part, Expr::Field(used) | Expr::HasField(used) if *used == field))
    }

    /// Whether the expression asks for that attribute of the customer.
    pub fn uses_attribute(&self, name: &str) -> bool {
        self.has_part(
            &|part| matches!(part, Expr::Attribute(used) | Expr::HasAttribute(used) if used == name),
        )
    }

    /// Whether a part of the expression, or all of it, is so.
    fn has_part(&self, is_so: &dyn Fn(&Expr) -> bool) -> bool {
        is_so(self)
            || match self {
                Expr::Not(inner) | Expr::Negate(inner) => inner.has_part(is_so),
                Expr::All(parts) | Expr::Any(parts) | Expr::Call(_, parts) => {
                    parts.iter().any(|part| part.has_part(is_so))
                }
                Expr::Arithmetic(_, parts) | Expr::Compare(_, parts) => {
                    parts.iter().any(|part| part.has_part(is_so))
                }
                Expr::Choose(parts) => parts.iter().any(|part| part.has_part(is_so)),
                Expr::OneOf(inner, parts) => {
                    inner.has_part(is_so) || parts.iter().any(|part| part.has_part(is_so))
                }
                Expr::Field(_)
                | Expr::HasField(_)
                | Expr::Bool(_)
                | Expr::Int(_)
                | Expr::Double(_)
                | Expr::Text(_)
                | Expr::Duration(_)
                | Expr::Timestamp(_)
                | Expr::Attribute(_)
                | Expr::HasAttribute(_) => false,
            }
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
        self.condition.iter().chain(self.score.iter().map(|term| &term.expr)).chain(shown)
    }
}
