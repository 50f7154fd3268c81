//! Reading TOML tables: every key asked for by type, every slip noted with its place.
//!
//! Invariant: whatever is read as absent or default because it was wrong has left an error behind,
//! so a rule file with any such value is refused as a whole.

use super::error::{Problem, RuleError};
use super::spelling::nearest;
use crate::key::Text;
use crate::time::{Duration, Time};
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file, and what is wrong with it.
pub(super) struct Sheet<'a> {
    name: &'a str,
    text: &'a str,
    lines: Vec<usize>,
    errors: RefCell<Vec<RuleError>>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(behind).collect();
        Sheet { name, text, lines, errors: RefCell::new(Vec::new()) }
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The line, from 1, of a byte.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte).max(1)
    }

    /// Line and column, from 1, of a byte.
    pub(super) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let rest = self.text.get(start..).unwrap_or_default();
        let column = rest.char_indices().take_while(|(at, _)| start + at < byte).count() + 1;
        (line, column)
    }

    pub(super) fn report(&self, byte: usize, problem: impl Into<Problem>) {
        let (line, column) = self.position(byte);
        let error = RuleError { file: self.name.to_owned(), line, column, problem: problem.into() };
        self.errors.borrow_mut().push(error);
    }

    /// All errors in the order of the file.
    pub(super) fn into_errors(self) -> Vec<RuleError> {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|error| (error.line, error.column));
        errors
    }

    /// The byte of a string's `character`th character, escapes and line ends counted as what they
    /// stand for.
    pub(super) fn byte_in(&self, span: Range<usize>, decoded: &str, character: usize) -> usize {
        let start = span.start;
        let Some(source) = self.text.get(span) else { return start };
        let quotes = if source.starts_with("\"\"\"") || source.starts_with("'''") { 3 } else { 1 };
        let escapes = source.starts_with('"');
        let mut at = quotes;
        if quotes == 3 {
            let first = source.get(at..).unwrap_or_default();
            at += if first.starts_with("\r\n") { 2 } else { usize::from(first.starts_with('\n')) };
        }
        for letter in decoded.chars().take(character) {
            let Some(mut rest) = source.get(at..) else { break };
            if escapes {
                rest = skip_line_ends(rest);
            }
            let skipped = source.len() - at - rest.len();
            let width = if escapes && rest.starts_with('\\') {
                match rest.chars().nth(1) {
                    Some('u') => 6,
                    Some('U') => 10,
                    Some('x') => 4,
                    _ => 2,
                }
            } else if letter == '\n' && rest.starts_with("\r\n") {
                2
            } else {
                letter.len_utf8()
            };
            at += skipped + width;
        }
        if escapes && let Some(rest) = source.get(at..) {
            at = source.len() - skip_line_ends(rest).len();
        }
        start + at.min(source.len())
    }
}

/// Without a backslash that ends the line, and the white space behind it.
fn skip_line_ends(mut text: &str) -> &str {
    while let Some(behind) = text.strip_prefix('\\') {
        let next = behind.trim_start_matches([' ', '\t', '\r', '\n']);
        if next.len() == behind.len()
            || !behind.get(..behind.len() - next.len()).unwrap_or_default().contains('\n')
        {
            break;
        }
        text = next;
    }
    text
}

/// A value with its key and place.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) key: &'a str,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

/// A table, and what to call it.
pub(super) struct Table<'a> {
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) table: &'a DeTable<'a>,
    /// What to call it in messages.
    pub(super) of: String,
    /// Where to report what is missing.
    pub(super) at: usize,
}

impl<'a> Table<'a> {
    pub(super) fn get(&self, key: &'a str) -> Option<Entry<'a>> {
        self.table.get(key).map(|value| Entry { sheet: self.sheet, key, value })
    }

    /// Reports every key that is not among `known`.
    pub(super) fn only(&self, known: &[&'static str]) {
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            self.unknown(key, known);
        }
    }

    pub(super) fn unknown(&self, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&'static str]) {
        let name = key.get_ref();
        let near = nearest(name, known.iter().copied()).map(str::to_owned);
        let (key_text, of) = (name.chars().take(64).collect(), self.of.clone());
        let problem = Problem::UnknownKey { key: key_text, of, known: known.join(", "), near };
        self.sheet.report(key.span().start, problem);
    }

    /// A key that must be there.
    pub(super) fn required(&self, key: &'static str) -> Option<Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            self.sheet.report(self.at, Problem::MissingKey { key, of: self.of.clone() });
        }
        entry
    }

    /// A table within this one.
    pub(super) fn table(&self, key: &'a str) -> Option<Table<'a>> {
        let entry = self.get(key)?;
        let header = self.table.get_key_value(key).map(|(key, _)| key.span().start);
        let of = format!("{}.{key}", self.of);
        entry.table(of, header.unwrap_or(self.at))
    }
}

impl<'a> Entry<'a> {
    pub(super) fn at(&self) -> usize {
        self.value.span().start
    }

    pub(super) fn report(&self, problem: impl Into<Problem>) {
        self.sheet.report(self.at(), problem);
    }

    pub(super) fn wrong<T>(&self, expected: &'static str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.report(Problem::WrongType { key: self.key.to_owned(), expected, found });
        None
    }

    pub(super) fn bad<T>(&self, value: &str, accepted: &str) -> Option<T> {
        let value = value.chars().take(64).collect();
        let (key, accepted) = (self.key.to_owned(), accepted.to_owned());
        self.report(Problem::BadValue { key, value, accepted });
        None
    }

    pub(super) fn table(self, of: String, at: usize) -> Option<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Table { sheet: self.sheet, table, of, at }),
            _ => self.wrong("a table"),
        }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.wrong("a string"),
        }
    }

    /// A name: not empty, without control characters, of at most [`super::limits::NAME_BYTES`].
    pub(super) fn name(self) -> Option<Text> {
        let text = self.text()?;
        if is_name(text) {
            return Some(Text::from(text));
        }
        self.bad(text, "1 to 128 bytes, without control characters")
    }

    pub(super) fn bool(self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong("true or false"),
        }
    }

    /// A whole number of a range.
    pub(super) fn int(self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let DeValue::Integer(number) = self.value.get_ref() else { return self.wrong("a whole number") };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if range.contains(&value) => Some(value),
            _ => {
                let accepted = format!("a whole number from {} to {}", range.start(), range.end());
                self.bad(&number.to_string(), &accepted)
            }
        }
    }

    /// A span of at least `least` and at most `most`.
    pub(super) fn duration(self, least: Duration, most: Duration) -> Option<Duration> {
        let DeValue::String(text) = self.value.get_ref() else { return self.wrong("a duration, as \"10m\"") };
        match Duration::parse(text) {
            Some(span) if least <= span && span <= most => Some(span),
            _ => {
                let accepted =
                    format!("a whole number with ms, s, m, h or d, from \"{least}\" to \"{most}\"");
                let value = text.chars().take(64).collect();
                self.report(Problem::BadDuration { key: self.key.to_owned(), value, accepted });
                None
            }
        }
    }

    /// A moment with an offset, as a TOML date and time or as a string.
    pub(super) fn moment(self) -> Option<Time> {
        let text = match self.value.get_ref() {
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => return self.wrong("a date and time with an offset"),
        };
        let moment = super::spans::parse_timestamp(&text).and_then(|moment| Time::try_from(moment).ok());
        if moment.is_none() {
            let value = text.chars().take(64).collect();
            self.report(Problem::BadTime { key: self.key.to_owned(), value });
        }
        moment
    }

    /// One of some words.
    pub(super) fn word(self, known: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = known.iter().find(|word| **word == text).copied();
        if found.is_none() {
            let (key, word) = (self.key.to_owned(), text.chars().take(64).collect());
            let near = nearest(text, known.iter().copied()).map(str::to_owned);
            self.report(Problem::UnknownWord { key, word, known: known.join(", "), near });
        }
        found
    }

    /// The entries of a list.
    pub(super) fn list(self) -> Option<Vec<Entry<'a>>> {
        match self.value.get_ref() {
            DeValue::Array(list) => Some(list.iter().map(|value| Entry { value, ..self }).collect()),
            _ => self.wrong("a list"),
        }
    }

    /// A list of names, each once, at least one.
    pub(super) fn names(self) -> Option<Vec<Text>> {
        let mut names: Vec<Text> = Vec::new();
        for entry in self.list()? {
            match entry.name() {
                Some(name) if names.contains(&name) => {
                    entry.bad::<()>(&name, "every name once");
                }
                Some(name) => names.push(name),
                None => {}
            }
        }
        if names.is_empty() {
            return self.bad("[]", "at least one name, or leave it out");
        }
        Some(names)
    }
}

/// Whether `text` can be a name.
pub(super) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= super::limits::NAME_BYTES && !text.chars().any(char::is_control)
}
