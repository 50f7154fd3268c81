//! Fields of a JSON object, borrowed and typed on demand.
//!
//! Invariant: the text an object is read from was found to be valid JSON before, so what goes wrong
//! here is a wrong type or value, never syntax. `null` reads as absent.
//! Cost: one pass over the object; the values of keys that are asked for are kept as slices, all
//! others are skipped. Text without escapes and numbers are read off their slice without a parser.

use super::refusal::{ID_BYTES, Refusal, TEXT_BYTES, not_json};
use crate::key::{Text, has_control};
use crate::value::Money;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// `data.<name>`.
    Data(&'static str),
    /// `data.items[<index>].<name>`.
    Item(usize, &'static str),
    /// `data.<name>[<index>]`.
    Element(&'static str, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Data(name) => write!(f, "data.{name}"),
            Place::Item(index, name) => write!(f, "data.items[{index}].{name}"),
            Place::Element(name, index) => write!(f, "data.{name}[{index}]"),
        }
    }
}

/// The value of a key, not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Where it stands.
    pub(super) place: Place,
    /// Its JSON text; `None` where the key is absent or its value `null`.
    pub(super) raw: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// Turns an absent value into a refusal.
    pub(super) fn need<T>(self, value: Option<T>) -> Result<T, Refusal> {
        value.ok_or_else(|| Refusal::FieldMissing { path: self.place.to_string() })
    }

    /// The refusal of a value of another type.
    pub(super) fn wrong(self, expected: &'static str) -> Refusal {
        let found = found(self.raw.unwrap_or("null"));
        Refusal::FieldType { path: self.place.to_string(), expected, found }
    }

    /// Text as it stands, of any length.
    pub(super) fn text(self) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(raw) = self.raw else { return Ok(None) };
        unquote(raw).map(Some).ok_or_else(|| self.wrong("text"))
    }

    /// Free text: a name, a search.
    pub(super) fn prose(self) -> Result<Option<Text>, Refusal> {
        let Some(text) = self.text()? else { return Ok(None) };
        self.check_length(&text, TEXT_BYTES)?;
        Ok(Some(Text::from(text)))
    }

    /// Text that names something: not empty, up to [`ID_BYTES`], no control characters.
    pub(super) fn name(self) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(text) = self.text()? else { return Ok(None) };
        if text.is_empty() {
            return Err(Refusal::TextEmpty { path: self.place.to_string() });
        }
        self.check_length(&text, ID_BYTES)?;
        if has_control(&text) {
            return Err(Refusal::TextControl { path: self.place.to_string() });
        }
        Ok(Some(text))
    }

    /// [`Field::name`], which must be there.
    pub(super) fn needed_name(self) -> Result<Cow<'a, str>, Refusal> {
        self.name().and_then(|name| self.need(name))
    }

    /// Refuses text beyond so many bytes.
    pub(super) fn check_length(self, text: &str, limit: usize) -> Result<(), Refusal> {
        if text.len() > limit {
            let path = self.place.to_string();
            return Err(Refusal::TextTooLong { path, bytes: text.len(), limit });
        }
        Ok(())
    }

    /// A finite number.
    pub(super) fn number(self) -> Result<Option<f64>, Refusal> {
        let Some(raw) = self.number_text()? else { return Ok(None) };
        match raw.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Refusal::NumberNotFinite { path: self.place.to_string() }),
        }
    }

    /// A whole number, `2.0` and `1e3` among them; beyond 64 bits it reads as the nearest that fits.
    pub(super) fn whole(self) -> Result<Option<i64>, Refusal> {
        let Some(raw) = self.number_text()? else { return Ok(None) };
        if let Ok(whole) = raw.parse::<i64>() {
            return Ok(Some(whole));
        }
        match self.number()? {
            Some(number) if number.fract() != 0.0 => {
                Err(Refusal::NumberNotWhole { path: self.place.to_string() })
            }
            number => Ok(number.map(|number| number as i64)),
        }
    }

    /// A whole number within a range.
    pub(super) fn whole_within(self, low: i64, high: i64) -> Result<Option<i64>, Refusal> {
        match self.whole()? {
            Some(whole) if !(low..=high).contains(&whole) => {
                Err(Refusal::NumberOutOfRange { path: self.place.to_string(), low, high })
            }
            whole => Ok(whole),
        }
    }

    /// An amount of money.
    pub(super) fn money(self) -> Result<Option<Money>, Refusal> {
        let Some(units) = self.number()? else { return Ok(None) };
        let money = Money::from_units(units);
        money.map(Some).ok_or_else(|| Refusal::Money { path: self.place.to_string() })
    }

    /// True or false.
    pub(super) fn flag(self) -> Result<Option<bool>, Refusal> {
        match self.raw {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.wrong("true or false")),
        }
    }

    /// The elements of an array, each a field of its own; at most `limit`.
    pub(super) fn elements(
        self,
        name: &'static str,
        limit: usize,
    ) -> Result<Option<Vec<Field<'a>>>, Refusal> {
        let Some(raw) = self.raw else { return Ok(None) };
        if !raw.starts_with('[') {
            return Err(self.wrong("array"));
        }
        let elements: Vec<&RawValue> = serde_json::from_str(raw).map_err(|error| not_json(&error))?;
        if elements.len() > limit {
            let path = self.place.to_string();
            return Err(Refusal::ItemsTooMany { path, found: elements.len(), limit });
        }
        let field = |(index, raw): (usize, &'a RawValue)| Field {
            place: Place::Element(name, index),
            raw: Some(raw.get()),
        };
        Ok(Some(elements.into_iter().enumerate().map(field).collect()))
    }

    fn number_text(self) -> Result<Option<&'a str>, Refusal> {
        match self.raw {
            None => Ok(None),
            Some(raw) if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(Some(raw)),
            Some(_) => Err(self.wrong("number")),
        }
    }
}

/// The values of `names` in the object `raw`, in the order of `names`. The object is validated on
/// the way; `duplicate` makes the refusal of a name that stands there twice.
pub(super) fn read<'a, const N: usize>(
    raw: &'a str,
    names: &[&'static str; N],
    duplicate: impl Fn(&'static str) -> Refusal,
) -> Result<[Option<&'a str>; N], Refusal> {
    let mut source = serde_json::Deserializer::from_str(raw);
    let object = Names(names).deserialize(&mut source).map_err(|error| not_json(&error))?;
    source.end().map_err(|error| not_json(&error))?;
    match object.duplicate {
        Some(name) => Err(duplicate(name)),
        None => Ok(object.values),
    }
}

struct Object<'a, const N: usize> {
    values: [Option<&'a str>; N],
    duplicate: Option<&'static str>,
}

struct Names<'n, const N: usize>(&'n [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Names<'_, N> {
    type Value = Object<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Names<'_, N> {
    type Value = Object<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // What was seen, apart from the values: `null` is absent, but still given.
        let (mut values, mut seen) = ([None; N], [false; N]);
        let (mut duplicate, mut next) = (None, 0);
        while let Some(found) = map.next_key_seed(Name { names: self.0, next })? {
            let Some(position) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<&'de RawValue>()?.get();
            next = position + 1;
            if let (Some(slot), Some(seen)) = (values.get_mut(position), seen.get_mut(position)) {
                if *seen {
                    duplicate = duplicate.or(self.0.get(position).copied());
                }
                *seen = true;
                *slot = (value != "null").then_some(value);
            }
        }
        Ok(Object { values, duplicate })
    }
}

/// Finds a key among the names, first where the last key found suggests it: most senders keep to
/// one order.
struct Name<'n, const N: usize> {
    names: &'n [&'static str; N],
    next: usize,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Name<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Name<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        if self.names.get(self.next).is_some_and(|name| *name == key) {
            return Ok(Some(self.next));
        }
        Ok(self.names.iter().position(|name| *name == key))
    }
}

/// All keys and values of the object `raw`, in its order.
pub(super) fn entries(raw: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Refusal> {
    serde_json::from_str::<Entries<'_>>(raw).map(|entries| entries.0).map_err(|error| not_json(&error))
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a str)>);

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    entries.push((key, raw.get()));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// The text in a JSON string; `None` for another type. Borrowed where nothing is escaped.
pub(super) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        return serde_json::from_str::<String>(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// What a JSON text is, in words.
pub(super) fn found(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "text",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') | None => "null",
        Some(_) => "a number",
    }
}
