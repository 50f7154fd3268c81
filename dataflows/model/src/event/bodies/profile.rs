//! The attributes of a person: a flat map that anybody may extend.

use super::Data;
use crate::event::json::{Kind, Value as Json, found, members};
use crate::event::refusal::{PROFILE_ATTRIBUTES, PROFILE_NAME_BYTES, Refusal, TEXT_BYTES, excerpt};
use crate::key::{Text, has_control};
use crate::value::{Number, Value};

impl Data<'_> {
    /// Attributes by name, each once; `None` deletes.
    pub(super) fn profile(&self) -> Result<Vec<(Text, Option<Value>)>, Refusal> {
        let [field] = self.read(["attributes"])?;
        let whole = field.need(field.value)?;
        if whole.kind() != Kind::Object {
            return Err(field.wrong("object"));
        }
        let found = members(whole).count();
        if found > PROFILE_ATTRIBUTES {
            return Err(Refusal::ProfileTooMany { found, limit: PROFILE_ATTRIBUTES });
        }
        let mut entries = members(whole)
            .map(|(name, value)| Ok((checked_name(name)?, value)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        entries.sort_by(|one, next| one.0.cmp(&next.0));
        let twice = entries.iter().zip(entries.iter().skip(1)).find(|(one, next)| one.0 == next.0);
        if let Some(((name, _), _)) = twice {
            return Err(Refusal::DuplicateKey { path: path(name) });
        }
        let valued = |(name, json): (Text, Json<'_>)| value(&name, json).map(|value| (name, value));
        entries.into_iter().map(valued).collect()
    }
}

fn path(name: &str) -> String {
    format!("data.attributes.{}", excerpt(name))
}

fn checked_name(name: std::borrow::Cow<'_, str>) -> Result<Text, Refusal> {
    if name.is_empty() || name.len() > PROFILE_NAME_BYTES || has_control(&name) {
        return Err(Refusal::ProfileName { name: excerpt(&name), limit: PROFILE_NAME_BYTES });
    }
    Ok(Text::from(name))
}

fn value(name: &str, json: Json<'_>) -> Result<Option<Value>, Refusal> {
    let value = match json.kind() {
        Kind::Null => return Ok(None),
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Object | Kind::Array => {
            return Err(Refusal::ProfileNested { path: path(name), found: found(json) });
        }
        Kind::Plain | Kind::Escaped => {
            let text = json.text().unwrap_or_default();
            if text.len() > TEXT_BYTES {
                return Err(Refusal::TextTooLong { path: path(name), bytes: text.len(), limit: TEXT_BYTES });
            }
            Value::Text(Text::from(text))
        }
        Kind::Number => number(json.raw()).ok_or_else(|| Refusal::NumberNotFinite { path: path(name) })?,
    };
    Ok(Some(value))
}

/// A number without a fraction is an integer however it is written: `3`, `3.0`, `3e0`.
fn number(raw: &str) -> Option<Value> {
    if let Ok(whole) = raw.parse::<i64>() {
        return Some(Value::Int(whole));
    }
    let number = raw.parse::<f64>().ok().filter(|number| number.is_finite())?;
    // −2⁶³ is a double and an integer, 2⁶³ is a double only.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && (-END..END).contains(&number) {
        return Some(Value::Int(number as i64));
    }
    Some(Value::Number(Number(number)))
}
