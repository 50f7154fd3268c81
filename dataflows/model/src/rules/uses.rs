//! Which fields a rule asks for, so that what no rule asks for need not be computed.

use super::fields::Field;
use super::{Piece, Rule};
use crate::rules::expr::Expr;

impl Expr {
    /// Whether the expression asks for that field.
    pub fn uses(&self, field: Field) -> bool {
        match self {
            Expr::Field(used) | Expr::HasField(used) => *used == field,
            Expr::Not(inner) | Expr::Negate(inner) => inner.uses(field),
            Expr::All(parts) | Expr::Any(parts) | Expr::Call(_, parts) => {
                parts.iter().any(|part| part.uses(field))
            }
            Expr::Arithmetic(_, parts) | Expr::Compare(_, parts) => parts.iter().any(|part| part.uses(field)),
            Expr::Choose(parts) => parts.iter().any(|part| part.uses(field)),
            Expr::OneOf(inner, parts) => inner.uses(field) || parts.iter().any(|part| part.uses(field)),
            Expr::Bool(_)
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
        let templates = [&self.offer.title, &self.offer.body];
        let pieces = templates.into_iter().flat_map(|template| &template.0);
        let shown = pieces.filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Text(_) => None,
        });
        let terms = self.score.iter().map(|term| &term.expr);
        self.condition.iter().chain(terms).chain(shown).any(|expr| expr.uses(field))
    }
}
