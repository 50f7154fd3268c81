//! Whether a rule applies, and with what score.
//!
//! Invariant: the score is `clamp(round(sum of the terms' values), 0, 100)`, summed as doubles in
//! the order written, rounded half away from zero once at the end. A term without a value counts 0,
//! and one beyond ±10⁹ counts as that much, so the sum is always finite. A term's points are its own
//! value rounded: they explain the score and may differ from it by their rounding.

use super::compile::{Located, Purpose, compile};
use super::error::ExpressionProblem;
use super::evaluate::{evaluate, truth};
use super::expr::Expr;
use super::fields::Scope;
use super::scan::{Summand, summands};
use super::{Rule, ScoreTerm, limits};
use crate::key::Text;
use crate::view::View;

/// A term counts no more than this, either sign.
const TERM_LIMIT: f64 = 1e9;

/// A score and what it consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// 0 to 100.
    pub score: u8,
    /// Each term as it was written, with its points.
    pub terms: Vec<(Text, i64)>,
}

impl Rule {
    /// Whether the rule's condition holds; an error in it is no.
    pub fn passes(&self, view: &View<'_>) -> bool {
        self.condition.as_ref().is_none_or(|condition| truth(condition, view) == Ok(true))
    }

    /// The rule's score, with the points of every term.
    pub fn score(&self, view: &View<'_>) -> Scored {
        let mut sum = 0.0;
        let mut terms = Vec::with_capacity(self.score.len());
        for term in &self.score {
            let value = term.value(view);
            sum += value;
            terms.push((term.text.clone(), value.round() as i64));
        }
        Scored { score: sum.round().clamp(0.0, 100.0) as u8, terms }
    }
}

impl ScoreTerm {
    /// The term's value: finite, 0 where it has none.
    fn value(&self, view: &View<'_>) -> f64 {
        let number = evaluate(&self.expr, view).ok().and_then(|datum| datum.number());
        number.filter(|number| !number.is_nan()).unwrap_or(0.0).clamp(-TERM_LIMIT, TERM_LIMIT)
    }
}

/// Splits a score into its terms and compiles each.
pub(super) fn terms(text: &str, scope: &Scope) -> Result<Vec<ScoreTerm>, Vec<Located>> {
    let parts = summands(text);
    if parts.len() > limits::SCORE_TERMS {
        return Err(vec![Located {
            offset: 0,
            problem: ExpressionProblem::TooManyTerms { found: parts.len() },
        }]);
    }
    // Only what is an expression as a whole is one in parts.
    if parts.len() == 1 || super::parse::parse(text).is_err() {
        let expr = compile(text, scope, Purpose::Points)?;
        return Ok(vec![ScoreTerm { text: Text::from(text.trim()), expr }]);
    }
    let mut terms = Vec::with_capacity(parts.len());
    let mut problems = Vec::new();
    for Summand { negative, start, end } in parts {
        let part = text.get(start..end).unwrap_or_default();
        match compile(part, scope, Purpose::Points) {
            Ok(expr) if negative => terms.push(ScoreTerm {
                text: Text::from(format!("-{}", part.trim())),
                expr: Expr::Negate(Box::new(expr)),
            }),
            Ok(expr) => terms.push(ScoreTerm { text: Text::from(part.trim()), expr }),
            Err(found) => {
                let before = text.get(..start).map_or(0, |before| before.chars().count());
                problems.extend(found.into_iter().map(|one| Located { offset: before + one.offset, ..one }));
            }
        }
    }
    if problems.is_empty() { Ok(terms) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
