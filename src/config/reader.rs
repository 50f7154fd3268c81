//! Reads typed values out of a TOML table and notes everything that is wrong with it.
//!
//! Invariant: reading never stops at a problem; a value that is wrong is noted and its default used,
//! so that one pass finds all there is. [`Section::finish`] notes the keys nobody asked for.

use super::problem::Problem;
use shopbell_model::time::Duration;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A problem and the bytes it is about.
pub(super) type Found = (Range<usize>, Problem);

/// What the document itself is called in messages.
pub(super) const FILE: &str = "the file";

/// A table that is being read.
pub(super) struct Section<'t, 'i> {
    name: String,
    span: Range<usize>,
    table: Option<&'t DeTable<'i>>,
    known: Vec<&'static str>,
    problems: &'t RefCell<Vec<Found>>,
}

impl<'t, 'i> Section<'t, 'i> {
    /// The document itself.
    pub(super) fn root(table: &'t Spanned<DeTable<'i>>, problems: &'t RefCell<Vec<Found>>) -> Self {
        let name = FILE.to_owned();
        Section { name, span: 0..0, table: Some(table.get_ref()), known: Vec::new(), problems }
    }

    /// Where its head stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where a table within tables stands; where this one does, if it is not there.
    pub(super) fn place_of(&self, path: &[&str]) -> Range<usize> {
        let mut place = self.span();
        let mut table = self.table;
        for key in path {
            let Some(value) = table.and_then(|table| table.get(*key)) else { break };
            place = value.span();
            table = value.get_ref().as_table();
        }
        place
    }

    /// Notes a problem.
    pub(super) fn note(&self, span: Range<usize>, problem: Problem) {
        self.problems.borrow_mut().push((span, problem));
    }

    /// The value of a key that is known from now on.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table?.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'i>>, expected: &'static str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.note(value.span(), Problem::WrongType { key: key.to_owned(), found, expected });
    }

    /// The text of a key and where it stands.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Option<(&'t str, Range<usize>)> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, expected);
        }
        Some((text?, value.span()))
    }

    /// A text that must be there.
    pub(super) fn needed(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Option<(&'t str, Range<usize>)> {
        if self.table.is_some_and(|table| !table.contains_key(key)) {
            self.note(self.span(), Problem::Missing { key, section: self.name.clone() });
        }
        self.text(key, expected)
    }

    /// A text in a form of its own.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, span) = self.text(key, expected)?;
        let parsed = parse(text);
        if parsed.is_none() {
            self.note(span, Problem::Invalid { key: key.into(), value: text.into(), expected });
        }
        parsed
    }

    /// A span of time that is longer than nothing.
    pub(super) fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        let some = |text: &str| Duration::parse(text).filter(|span| span.0 > 0);
        self.parsed(key, "a time span as in \"10m\", \"30s\", \"7d\" or \"250ms\"", some).unwrap_or(default)
    }

    /// A whole number within limits.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(value) = self.value(key) else { return default };
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number");
            return default;
        };
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (min, max) = (*range.start(), *range.end());
                let value_text = integer.as_str().to_owned();
                self.note(value.span(), Problem::OutOfRange { key: key.into(), value: value_text, min, max });
                default
            }
        }
    }

    /// A number, whole or not.
    pub(super) fn number(&mut self, key: &'static str) -> Option<(f64, Range<usize>)> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64)
            }
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong_type(key, value, "a number");
        }
        Some((number?, value.span()))
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false");
            default
        })
    }

    /// A list of texts, each once and none empty; `None` where the key is absent.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<(&'t str, Range<usize>)>> {
        const EXPECTED: &str = "a list of texts as in [\"a\", \"b\"]";
        let value = self.value(key)?;
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, EXPECTED);
            return None;
        };
        let mut texts: Vec<(&str, Range<usize>)> = Vec::new();
        for element in array.iter() {
            match element.get_ref().as_str() {
                None => self.wrong_type(key, element, EXPECTED),
                Some("") => {
                    let problem =
                        Problem::Invalid { key: key.into(), value: String::new(), expected: "a text" };
                    self.note(element.span(), problem);
                }
                Some(text) if texts.iter().any(|(other, _)| *other == text) => {
                    self.note(element.span(), Problem::Twice { key: key.into(), value: text.into() });
                }
                Some(text) => texts.push((text, element.span())),
            }
        }
        Some(texts)
    }

    /// A table whose keys are names that the file chooses, with texts as values.
    pub(super) fn names(&mut self, key: &'static str) -> Vec<(&'t str, &'t str, Range<usize>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table");
            return Vec::new();
        };
        let mut names = Vec::new();
        for (name, text) in table {
            match text.get_ref().as_str() {
                Some(content) => names.push((name.get_ref().as_ref(), content, text.span())),
                None => self.wrong_type(name.get_ref(), text, "a text"),
            }
        }
        names
    }

    /// The table under a key; an empty one where it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'t, 'i> {
        let value = self.value(key);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (value, table) {
            self.wrong_type(key, value, "a table");
        }
        let span = value.map_or(0..0, Spanned::span);
        Section { name: format!("[{key}]"), span, table, known: Vec::new(), problems: self.problems }
    }

    /// A table that may be absent; what it means to be is up to whoever asks.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'t, 'i>> {
        self.value(key)?;
        Some(self.section(key))
    }

    /// The tables of a list of tables.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'t, 'i>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of tables, each under `[[…]]`");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for element in array.iter() {
            match element.get_ref().as_table() {
                None => self.wrong_type(key, element, "a table"),
                Some(table) => sections.push(Section {
                    name: format!("[[{key}]]"),
                    span: element.span(),
                    table: Some(table),
                    known: Vec::new(),
                    problems: self.problems,
                }),
            }
        }
        sections
    }

    /// Notes every key that was not asked for.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let problem = Problem::UnknownKey {
                    key: name.to_owned(),
                    section: self.name.clone(),
                    similar: most_similar(name, &self.known),
                    known: self.known.clone(),
                };
                self.note(key.span(), problem);
            }
        }
    }
}

/// The known name that takes the fewest edits, where these are few for its length.
fn most_similar(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let distance = |other: &str| edits(&name.to_lowercase(), other);
    let best = known.iter().copied().min_by_key(|other| (distance(other), *other))?;
    (distance(best) <= 1 + best.chars().count() / 4).then_some(best)
}

/// Levenshtein distance in characters.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(to.chars()) {
            let substituted = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = substituted.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
