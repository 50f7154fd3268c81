//! Fields of a JSON object, borrowed and typed on demand.
//!
//! Invariant: the text a field is read from was found to be valid JSON before, so what goes wrong
//! here is a wrong type or value, never syntax. `null` reads as absent.
//! Cost: keys are compared with the names asked for; values are converted when they are asked for.

use super::refusal::{ID_BYTES, Refusal, TEXT_BYTES};
use crate::key::{Text, has_control};
use crate::value::Money;
use std::borrow::Cow;
use std::fmt;

mod scan;

pub(super) use scan::{Kind, Tape, Value};

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
pub(super) struct Field<'t> {
    /// Where it stands.
    pub(super) place: Place,
    /// `None` where the key is absent or its value `null`.
    pub(super) value: Option<Value<'t>>,
}

impl<'t> Field<'t> {
    /// Turns an absent value into a refusal.
    pub(super) fn need<T>(self, value: Option<T>) -> Result<T, Refusal> {
        value.ok_or_else(|| Refusal::FieldMissing { path: self.place.to_string() })
    }

    /// The refusal of a value of another type.
    pub(super) fn wrong(self, expected: &'static str) -> Refusal {
        let found = self.value.map_or("null", found);
        Refusal::FieldType { path: self.place.to_string(), expected, found }
    }

    /// Text as it stands, of any length.
    pub(super) fn text(self) -> Result<Option<Cow<'t, str>>, Refusal> {
        let Some(value) = self.value else { return Ok(None) };
        value.text().map(Some).ok_or_else(|| self.wrong("text"))
    }

    /// Free text: a name, a search.
    pub(super) fn prose(self) -> Result<Option<Text>, Refusal> {
        let Some(text) = self.text()? else { return Ok(None) };
        self.check_length(&text, TEXT_BYTES)?;
        Ok(Some(Text::from(text)))
    }

    /// Text that names something: not empty, up to [`ID_BYTES`], no control characters.
    pub(super) fn name(self) -> Result<Option<Cow<'t, str>>, Refusal> {
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
    pub(super) fn needed_name(self) -> Result<Cow<'t, str>, Refusal> {
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
        match self.value.map(Value::kind) {
            None => Ok(None),
            Some(Kind::True) => Ok(Some(true)),
            Some(Kind::False) => Ok(Some(false)),
            Some(_) => Err(self.wrong("true or false")),
        }
    }

    /// The elements of an array, at most `limit`.
    pub(super) fn elements(
        self,
        limit: usize,
    ) -> Result<Option<impl Iterator<Item = Value<'t>> + use<'t>>, Refusal> {
        let Some(value) = self.value else { return Ok(None) };
        if value.kind() != Kind::Array {
            return Err(self.wrong("array"));
        }
        let found = value.inside().count();
        if found > limit {
            return Err(Refusal::ItemsTooMany { path: self.place.to_string(), found, limit });
        }
        Ok(Some(value.inside()))
    }

    fn number_text(self) -> Result<Option<&'t str>, Refusal> {
        match self.value {
            None => Ok(None),
            Some(value) if value.kind() == Kind::Number => Ok(Some(value.raw())),
            Some(_) => Err(self.wrong("number")),
        }
    }
}

/// Values of some keys of an object.
pub(super) struct Object<'t, const N: usize> {
    /// In the order of the names; `None` where absent or `null`.
    pub(super) values: [Option<Value<'t>>; N],
    /// A name that stands there twice.
    pub(super) duplicate: Option<&'static str>,
}

/// The values of `names` in `whole`, which is an object.
pub(super) fn object<'t, const N: usize>(whole: Value<'t>, names: &[&'static str; N]) -> Object<'t, N> {
    // What was seen, apart from the values: `null` is absent, but still given.
    let (mut values, mut seen) = ([None; N], [false; N]);
    let (mut duplicate, mut next) = (None, 0);
    let mut inside = whole.inside();
    while let (Some(key), Some(value)) = (inside.next(), inside.next()) {
        let found = match key.kind() {
            Kind::Plain => position(names, next, key.raw()),
            _ => position(names, next, &key.text().unwrap_or_default()),
        };
        let Some(position) = found else { continue };
        next = position + 1;
        if let (Some(slot), Some(seen)) = (values.get_mut(position), seen.get_mut(position)) {
            if *seen {
                duplicate = duplicate.or(names.get(position).copied());
            }
            *seen = true;
            *slot = (value.kind() != Kind::Null).then_some(value);
        }
    }
    Object { values, duplicate }
}

/// Finds a key among the names, first where the last key found suggests it: most senders keep to
/// one order.
fn position(names: &[&'static str], next: usize, key: &str) -> Option<usize> {
    if names.get(next).is_some_and(|name| *name == key) {
        return Some(next);
    }
    names.iter().position(|name| *name == key)
}

/// Keys and values of `whole`, which is an object, in its order.
pub(super) fn members<'t>(whole: Value<'t>) -> impl Iterator<Item = (Cow<'t, str>, Value<'t>)> {
    let mut inside = whole.inside();
    std::iter::from_fn(move || Some((inside.next()?.text()?, inside.next()?)))
}

/// What a value is, in words.
pub(super) fn found(value: Value<'_>) -> &'static str {
    match value.kind() {
        Kind::Plain | Kind::Escaped => "text",
        Kind::Number => "a number",
        Kind::True | Kind::False => "a boolean",
        Kind::Null => "null",
        Kind::Object => "an object",
        Kind::Array => "an array",
    }
}
