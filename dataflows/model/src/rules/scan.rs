//! A cut of CEL text into tokens, just fine enough to find what stands at its top level.
//!
//! The parser keeps no brackets and no white space; a score's terms "as they were written" and the
//! end of an expression in a template need both. Invariant: tokens are in order, do not overlap and
//! lie on character boundaries, for any text at all; nothing is refused here.

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number or a string.
    Operand,
    /// `(`, `[`, `{`.
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// Anything else, `in` among them.
    Operator,
}

/// The tokens of `text`; white space and comments are left out.
pub(super) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.text.get(self.at..)?;
            let first = rest.chars().next()?;
            let start = self.at;
            if first.is_whitespace() {
                self.at += first.len_utf8();
                continue;
            }
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            let (kind, length) = token(rest, first);
            self.at += length;
            return Some(Token { kind, start, end: self.at });
        }
    }
}

/// Kind and bytes of the token that `rest` starts with.
fn token(rest: &str, first: char) -> (Kind, usize) {
    if let Some(length) = string(rest) {
        return (Kind::Operand, length);
    }
    match first {
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        '0'..='9' => (Kind::Operand, number(rest)),
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let kind = if rest.get(..length) == Some("in") { Kind::Operator } else { Kind::Operand };
            (kind, length)
        }
        _ => {
            let double = ["&&", "||", "==", "!=", "<=", ">="].iter().any(|two| rest.starts_with(two));
            (Kind::Operator, if double { 2 } else { first.len_utf8() })
        }
    }
}

/// Bytes of a number: the sign of an exponent belongs to it.
fn number(rest: &str) -> usize {
    let hexadecimal = rest.starts_with("0x");
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let exponent = !hexadecimal && matches!(before, 'e' | 'E') && matches!(c, '+' | '-');
        if !c.is_ascii_alphanumeric() && c != '.' && !exponent {
            return at;
        }
        before = c;
    }
    rest.len()
}

/// Bytes of a complete string or escaped name, with its prefix; `None` where there is none.
fn string(rest: &str) -> Option<usize> {
    let quote_at = rest.find(|c: char| !matches!(c, 'r' | 'R' | 'b' | 'B')).filter(|at| *at <= 2)?;
    let raw = rest.get(..quote_at)?.contains(['r', 'R']);
    let quoted = rest.get(quote_at..)?;
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let triple = quote != '`' && quoted.chars().take(3).filter(|c| *c == quote).count() == 3;
    let width = if triple { 3 } else { 1 };
    let mut escaped = false;
    let mut run = 0;
    for (at, c) in quoted.char_indices().skip(width) {
        if escaped {
            escaped = false;
            run = 0;
            continue;
        }
        match c {
            '\\' if !raw => escaped = true,
            '\n' if !triple => return None,
            _ => {}
        }
        run = if c == quote { run + 1 } else { 0 };
        if run == width {
            return Some(quote_at + at + 1);
        }
    }
    None
}

/// One summand of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summand {
    /// Whether it is taken away.
    pub(super) negative: bool,
    /// Where it starts and ends, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The summands of `text`: what stands between `+` and `-` outside all brackets. One where an
/// operator that binds less than these stands there too.
pub(super) fn summands(text: &str) -> Vec<Summand> {
    let whole = vec![Summand { negative: false, start: 0, end: text.len() }];
    let mut found = Vec::new();
    let (mut start, mut negative, mut level) = (0, false, 0usize);
    let mut after_operand = false;
    for token in tokens(text) {
        let sign = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Open => level += 1,
            Kind::Close => level = level.saturating_sub(1),
            Kind::Operator if level == 0 && after_operand && matches!(sign, "+" | "-") => {
                found.push(Summand { negative, start, end: token.start });
                (start, negative) = (token.end, sign == "-");
            }
            Kind::Operator if level == 0 && !matches!(sign, "+" | "-" | "*" | "/" | "%" | "!" | ".") => {
                return whole;
            }
            Kind::Operator | Kind::Operand => {}
        }
        after_operand = matches!(token.kind, Kind::Operand | Kind::Close);
    }
    found.push(Summand { negative, start, end: text.len() });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Vec<&str> {
        summands(text).iter().map(|s| text[s.start..s.end].trim()).collect()
    }

    #[test]
    fn summands_stand_outside_all_brackets_and_strings() {
        assert_eq!(written("50 + a.b*2 - f(1+2)"), ["50", "a.b*2", "f(1+2)"]);
        assert_eq!(written("-1 - -2 + 1e-3"), ["-1", "-2", "1e-3"]);
        assert_eq!(
            written("'a + b'.size() + \"c\\\" - d\".size()"),
            ["'a + b'.size()", "\"c\\\" - d\".size()"]
        );
        assert_eq!(written("a ? 1 + 2 : 3 - 4"), ["a ? 1 + 2 : 3 - 4"]);
        assert_eq!(written("1 + 2 // - 3\n - 4"), ["1", "2 // - 3", "4"]);
        assert_eq!(written("0x1e-5"), ["0x1e", "5"]);
        assert_eq!(written(r"r'\' + 1"), [r"r'\'", "1"]);
        assert!(summands("1 - 2")[1].negative);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_in_order(text in "[-+a(){}'\"`\\\\e1x.&ä\n ]{0,40}") {
            let mut at = 0;
            for token in tokens(&text) {
                prop_assert!(token.start >= at && token.end > token.start);
                prop_assert!(text.get(token.start..token.end).is_some());
                at = token.end;
            }
            for summand in summands(&text) {
                prop_assert!(text.get(summand.start..summand.end).is_some());
            }
        }
    }
}
