//! JSON text, scanned once into a flat list of its values.
//!
//! Invariant: accepts exactly RFC 8259's grammar with two refusals more: nesting beyond what is
//! allowed, and escapes of half a character. Values are slices of the text: nothing is converted
//! that nobody asks for. The verdict is serde_json's; tests and the fuzz target hold the two together.
//! Cost: one pass, one allocation, about a nanosecond a byte. With serde_json an event was scanned
//! three times (event, data, items) through `RawValue`, for over twice the time.

use super::super::refusal::Refusal;
use std::borrow::Cow;

/// Levels of nesting that are read at all, whatever the limits say: keeps recursion shallow.
const DEPTH: usize = 128;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::event) enum Fault {
    /// Not JSON, from this byte on.
    Syntax(usize, &'static str),
    /// Nested too deep.
    Deep,
}

impl Fault {
    /// The refusal of `text` for this fault.
    pub(in crate::event) fn refusal(self, text: &str, limit: usize) -> Refusal {
        match self {
            Fault::Deep => Refusal::TooDeep { limit },
            Fault::Syntax(at, reason) => {
                let before = text.as_bytes().get(..at).unwrap_or_default();
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
                Refusal::NotJson { line, column, reason: reason.to_owned() }
            }
        }
    }
}

/// A value or a key of a scanned text.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Where it begins; of text, behind the quote.
    start: u32,
    /// Where it ends; of text, before the quote.
    end: u32,
    /// The node behind it and all that is in it.
    next: u32,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::event) enum Kind {
    /// Text without escapes.
    Plain,
    /// Text with escapes.
    Escaped,
    /// A number.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    Null,
    /// An object; keys and values follow, by turns.
    Object,
    /// An array; elements follow.
    Array,
}

/// A scanned text.
#[derive(Debug)]
pub(in crate::event) struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Tape<'a> {
    /// Scans one value with white space around it, nested at most `depth` levels.
    pub(in crate::event) fn scan(text: &'a str, depth: usize) -> Result<Self, Fault> {
        // Few events have more nodes; a node takes six bytes of text or more, most of the time.
        let nodes = Vec::with_capacity(text.len() / 6 + 4);
        let mut scanner = Scanner { text, at: 0, nodes };
        // Positions are kept in 32 bits.
        if u32::try_from(text.len()).is_err() {
            return scanner.fault("more than 4 gigabytes");
        }
        scanner.skip_space();
        scanner.value(depth.min(DEPTH))?;
        scanner.skip_space();
        if scanner.peek().is_some() {
            return scanner.fault("more behind the end");
        }
        Ok(Tape { text, nodes: scanner.nodes })
    }

    /// The value of the whole text.
    pub(in crate::event) fn root(&self) -> Option<Value<'_>> {
        self.value(0)
    }

    fn value(&self, index: u32) -> Option<Value<'_>> {
        let node = *self.nodes.get(index as usize)?;
        Some(Value { tape: self, index, node })
    }
}

/// One value of a scanned text.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Value<'t> {
    tape: &'t Tape<'t>,
    index: u32,
    node: Node,
}

impl<'t> Value<'t> {
    /// What it is.
    pub(in crate::event) fn kind(self) -> Kind {
        self.node.kind
    }

    /// Its JSON; of text, what is between the quotes.
    pub(in crate::event) fn raw(self) -> &'t str {
        // Both ends lie beside ASCII, so never inside a character.
        self.tape.text.get(self.node.start as usize..self.node.end as usize).unwrap_or_default()
    }

    /// Text; `None` where it is something else. Borrowed where nothing is escaped.
    pub(in crate::event) fn text(self) -> Option<Cow<'t, str>> {
        match self.node.kind {
            Kind::Plain => Some(Cow::Borrowed(self.raw())),
            Kind::Escaped => Some(Cow::Owned(unescape(self.raw()))),
            _ => None,
        }
    }

    /// Elements of an array; keys and values of an object, by turns; nothing of other values.
    pub(in crate::event) fn inside(self) -> impl Iterator<Item = Value<'t>> + use<'t> {
        let (tape, end) = (self.tape, self.node.next);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let value = if next < end { tape.value(next)? } else { return None };
            next = value.node.next;
            Some(value)
        })
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over the value here.
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => {
                self.skip_number()?;
                self.push(Kind::Number, start, self.at);
            }
            Some(b'{') => self.container(depth, Kind::Object, Self::members)?,
            Some(b'[') => self.container(depth, Kind::Array, Self::elements)?,
            Some(b't') => self.word("true", Kind::True)?,
            Some(b'f') => self.word("false", Kind::False)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return self.fault("expected a value"),
            None => return self.fault("unexpected end"),
        }
        Ok(())
    }

    fn container(
        &mut self,
        depth: usize,
        kind: Kind,
        fill: impl Fn(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let inside = depth.checked_sub(1).ok_or(Fault::Deep)?;
        let (start, index) = (self.at, self.nodes.len());
        self.push(kind, start, start);
        self.at += 1;
        fill(self, inside)?;
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = self.at as u32;
            node.next = next;
        }
        Ok(())
    }

    fn members(&mut self, depth: usize) -> Result<(), Fault> {
        let mut first = true;
        while self.next(first, b'}', "expected , or }")? {
            first = false;
            if self.peek() != Some(b'"') {
                return self.fault("expected a key");
            }
            self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.fault("expected :");
            }
            self.at += 1;
            self.skip_space();
            self.value(depth)?;
        }
        Ok(())
    }

    fn elements(&mut self, depth: usize) -> Result<(), Fault> {
        let mut first = true;
        while self.next(first, b']', "expected , or ]")? {
            first = false;
            self.value(depth)?;
        }
        Ok(())
    }

    /// From behind a value or an opening bracket to the next value, or behind the closing bracket.
    fn next(&mut self, first: bool, close: u8, expected: &'static str) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if first => return Ok(true),
            Some(b',') => self.at += 1,
            Some(_) => return self.fault(expected),
            None => return self.fault("unexpected end"),
        }
        self.skip_space();
        Ok(true)
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at + 1;
        let mut kind = Kind::Plain;
        self.at = start;
        loop {
            self.at += plain(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.skip_escape()?;
                }
                Some(_) => return self.fault("control character in text"),
                None => return self.fault("text without end"),
            }
        }
        self.push(kind, start, self.at);
        self.at += 1;
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { kind, start: start as u32, end: end as u32, next });
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fault("expected a value");
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, self.at);
        Ok(())
    }

    fn skip_number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // Nothing may follow a leading zero; what does is refused by whoever reads on.
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.skip_digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), Fault> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return self.fault("expected a digit");
        }
        self.at += digits;
        Ok(())
    }

    fn skip_escape(&mut self) -> Result<(), Fault> {
        self.at += match self.rest() {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [_, b'u', escape @ ..] => match code_unit(escape) {
                Some(0xd800..=0xdbff) => match escape.get(4..) {
                    Some([b'\\', b'u', second @ ..])
                        if matches!(code_unit(second), Some(0xdc00..=0xdfff)) =>
                    {
                        12
                    }
                    _ => return self.fault("lone surrogate"),
                },
                Some(0xdc00..=0xdfff) => return self.fault("lone surrogate"),
                Some(_) => 6,
                None => return self.fault("invalid escape"),
            },
            _ => return self.fault("invalid escape"),
        };
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn fault<T>(&self, reason: &'static str) -> Result<T, Fault> {
        Err(Fault::Syntax(self.at, reason))
    }
}

/// The number of bytes before the first quote, backslash or control character; eight at a time.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    // Sets the high bit of bytes below a value; above the first such byte, borrows may set others.
    let below = |word: u64, value: u64| word.wrapping_sub(ONES * value) & !word;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let special = (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & HIGHS;
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    bytes.len() - tail.len() + tail.iter().position(special).unwrap_or(tail.len())
}

/// The number four hexadecimal digits stand for.
fn code_unit(digits: &[u8]) -> Option<u16> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [a, b, c, d, ..] = digits else { return None };
    let unit = digit(*a)? << 12 | digit(*b)? << 8 | digit(*c)? << 4 | digit(*d)?;
    u16::try_from(unit).ok()
}

/// The text that scanned text with escapes stands for.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let unit = |escape: &str| escape.strip_prefix('u').and_then(|hex| code_unit(hex.as_bytes()));
        let (character, length) = match (escape.as_bytes().first(), unit(escape)) {
            (_, Some(high @ 0xd800..=0xdbff)) => {
                let low = escape.get(6..).and_then(unit).unwrap_or_default();
                (char::decode_utf16([high, low]).next().and_then(Result::ok), 11)
            }
            (_, Some(unit)) => (char::from_u32(u32::from(unit)), 5),
            (Some(b'b'), _) => (Some('\u{8}'), 1),
            (Some(b'f'), _) => (Some('\u{c}'), 1),
            (Some(b'n'), _) => (Some('\n'), 1),
            (Some(b'r'), _) => (Some('\r'), 1),
            (Some(b't'), _) => (Some('\t'), 1),
            (other, _) => (other.copied().map(char::from), 1),
        };
        out.extend(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
