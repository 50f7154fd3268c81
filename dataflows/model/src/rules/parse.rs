//! From text to the syntax tree of the `cel` crate, with positions.
//!
//! Invariant: offsets count characters of the expression's text from 0. (The parser counts bytes in
//! its tree, characters in its errors.)
//! Cost: some 50 to 200 µs an expression; rules are loaded, not evaluated, this way.

use super::error::ExpressionProblem;
use super::limits;
use super::scan::tokens;
use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;

/// Something wrong in an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Characters from the start of the expression.
    pub offset: usize,
    /// What it is.
    pub problem: ExpressionProblem,
}

/// A parsed expression.
pub(super) struct Parsed<'a> {
    pub(super) root: IdedExpr,
    info: SourceInfo,
    text: &'a str,
}

impl Parsed<'_> {
    /// Where a node stands; an operator's position for operators, the bracket's for calls.
    pub(super) fn offset(&self, node: &IdedExpr) -> usize {
        let byte = self.info.offset_for(node.id).map_or(0, |(start, _)| start as usize);
        if self.text.is_ascii() {
            return byte;
        }
        self.text.char_indices().take_while(|(at, _)| *at < byte).count()
    }

    /// Where the expression starts, behind white space and comments.
    pub(super) fn start(&self) -> usize {
        let bytes = tokens(self.text).next().map_or(0, |token| token.start);
        self.text.get(..bytes).map_or(0, |before| before.chars().count())
    }

    /// Where the name of a called function stands.
    pub(super) fn name_offset(&self, call: &IdedExpr, name: &str) -> usize {
        let bracket = self.offset(call);
        let before: String = self.text.chars().take(bracket).collect();
        let before = before.trim_end();
        before.strip_suffix(name).map_or(bracket, |before| before.chars().count())
    }

    /// Where the name of a selected field stands.
    pub(super) fn field_offset(&self, select: &IdedExpr) -> usize {
        let behind = self.offset(select) + 1;
        behind + self.text.chars().skip(behind).take_while(|c| c.is_whitespace()).count()
    }
}

/// Parses `text`; the first error only, since the others tend to follow from it.
pub(super) fn parse(text: &str) -> Result<Parsed<'_>, Located> {
    if text.len() > limits::EXPRESSION_BYTES {
        let problem = ExpressionProblem::TooLong { bytes: text.len() };
        return Err(Located { offset: 0, problem });
    }
    let parser = Parser::new().max_recursion_depth(limits::DEPTH).enable_ident_escape_syntax(true);
    match parser.parse_with_source_info(text) {
        Ok((root, info)) => Ok(Parsed { root, info, text }),
        Err(errors) => {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let message = first.map_or("", |error| error.msg.as_str());
            Err(Located { offset: offset_of(text, line, column), problem: problem(message) })
        }
    }
}

/// The parser's message without what only its authors need.
fn problem(message: &str) -> ExpressionProblem {
    if message.contains("Recursion limit") {
        return ExpressionProblem::TooDeep;
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    if message.contains("'<EOF>'") {
        return ExpressionProblem::Syntax("it ends too early".to_owned());
    }
    let message: String = message.chars().filter(|c| !c.is_control()).take(120).collect();
    ExpressionProblem::Syntax(message)
}

/// Characters before line and column (both from 1).
fn offset_of(text: &str, line: isize, column: isize) -> usize {
    let lines = usize::try_from(line - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(lines).map(|line| line.chars().count()).sum();
    before + usize::try_from(column - 1).unwrap_or(0)
}
