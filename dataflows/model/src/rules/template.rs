//! Texts with expressions in them: `{{ item.name }} is back`.
//!
//! Invariant: rendering is total and at most [`limits::TEXT_BYTES`] long; an expression without a
//! value prints nothing. Braces in pairs are syntax; a single one is text.

use super::compile::{Purpose, compile};
use super::error::Problem;
use super::evaluate::evaluate;
use super::fields::Scope;
use super::scan::tokens;
use super::{Piece, Template, limits};
use crate::key::Text;
use crate::view::View;

/// Something wrong, and how many characters from the start of the text.
pub(super) type Placed = (usize, Problem);

/// Parses a template whose expressions are for `scope`.
pub fn parse(text: &str, scope: &Scope) -> Result<Template, Vec<(usize, Problem)>> {
    if text.len() > limits::TEMPLATE_BYTES {
        return Err(vec![(0, Problem::TemplateTooLong { bytes: text.len() })]);
    }
    let mut pieces = Vec::new();
    let mut problems: Vec<Placed> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let open = rest.find("{{");
        let plain = rest.get(..open.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(close) = plain.find("}}") {
            problems.push((characters(text, at + close), Problem::Unbalanced("}}")));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(Text::from(plain)));
        }
        let Some(open) = open.map(|open| at + open) else { break };
        let start = open + 2;
        let Some(length) = text.get(start..).and_then(end_of_expression) else {
            problems.push((characters(text, open), Problem::Unbalanced("{{")));
            break;
        };
        let expression = text.get(start..start + length).unwrap_or_default();
        match compile(expression, scope, Purpose::Print) {
            Ok(expr) => pieces.push(Piece::Expr(expr)),
            Err(found) => {
                let before = characters(text, start);
                problems.extend(found.into_iter().map(|one| (before + one.offset, one.problem.into())));
            }
        }
        at = start + length + 2;
    }
    if problems.is_empty() { Ok(Template(pieces)) } else { Err(problems) }
}

/// Bytes before the `}}` that ends an expression; `None` where another one starts before, or none
/// ends.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut before: Option<(usize, &str)> = None;
    for token in tokens(text) {
        let sign = text.get(token.start..token.end)?;
        match before {
            Some((end, "}")) if sign == "}" && end == token.start => return Some(token.start - 1),
            Some((end, "{")) if sign == "{" && end == token.start => return None,
            _ => before = Some((token.end, sign)),
        }
    }
    None
}

fn characters(text: &str, bytes: usize) -> usize {
    text.get(..bytes).map_or(0, |before| before.chars().count())
}

impl Template {
    /// The text for `view`, cut at [`limits::TEXT_BYTES`].
    pub fn render(&self, view: &View<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => append(&mut text, plain),
                // Without a value there is nothing to say.
                Piece::Expr(expr) => match evaluate(expr, view).and_then(|datum| datum.print()) {
                    Ok(printed) => append(&mut text, &printed),
                    Err(_) => continue,
                },
            }
        }
        text
    }
}

/// Appends what fits, in whole characters.
fn append(text: &mut String, more: &str) {
    let room = limits::TEXT_BYTES.saturating_sub(text.len());
    let cut = (0..=room.min(more.len())).rev().find(|at| more.is_char_boundary(*at));
    text.push_str(cut.and_then(|cut| more.get(..cut)).unwrap_or_default());
}

#[cfg(test)]
mod tests;
