//! Keys of the things facts are about.
//!
//! Invariant: the brand is part of every key, so two brands never meet in a join, a person or a
//! policy. A key is one string, `brand ␟ value` (or just `value` where no brand was given); `␟` is
//! U+001F, which no accepted value can contain, so keys of two brands are never equal.
//! Cost: up to 24 bytes a key is stored in place, without an allocation.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Text that is short most of the time.
pub type Text = CompactString;

const SEPARATOR: char = '\u{1f}';

/// Whether a text has a control character, U+0000 to U+001F or U+007F to U+009F.
pub(crate) fn has_control(text: &str) -> bool {
    // The bytes tell most texts apart without decoding; C2 begins U+0080 to U+00BF.
    text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) && text.chars().any(char::is_control)
}

/// A brand, the empty one where none is given. Brands are kept apart everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Brand(pub Text);

impl Brand {
    /// The brand of that name.
    pub fn new(name: &str) -> Self {
        Brand(Text::from(name))
    }

    /// The name as it came in; empty where no brand was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn scope(&self, value: &str) -> Text {
        if self.0.is_empty() {
            return Text::from(value);
        }
        let mut text = Text::with_capacity(self.0.len() + 1 + value.len());
        text.push_str(&self.0);
        text.push(SEPARATOR);
        text.push_str(value);
        text
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! scoped_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Text);

        impl $name {
            /// The key of `value` in `brand`. `value` is not checked here: decoding did that.
            pub fn new(brand: &Brand, value: &str) -> Self {
                $name(brand.scope(value))
            }

            /// The value without its brand, as it came in.
            pub fn as_str(&self) -> &str {
                match self.0.split_once(SEPARATOR) {
                    Some((_, value)) => value,
                    None => &self.0,
                }
            }

            /// The brand it belongs to.
            pub fn brand(&self) -> Brand {
                match self.0.split_once(SEPARATOR) {
                    Some((brand, _)) => Brand::new(brand),
                    None => Brand::default(),
                }
            }

            /// Brand and value in one string: what to hash and to sort by.
            pub fn key(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

scoped_key!(
    /// An id under which somebody is seen: `card:4711`, `wechat:o6_b`, `cookie:8f3a`.
    Handle
);
scoped_key!(
    /// An article, as in GA4's `item_id`.
    ItemId
);
scoped_key!(
    /// A shop or a warehouse.
    LocationId
);
scoped_key!(
    /// A person: the set of handles linked with each other, named by the handle that ranks first.
    /// See [`Handle::rank`].
    Person
);

/// Kinds of handle from the one that names a person best to the one that does so least. A kind
/// that is not listed ranks between the two groups.
const DURABLE: [&str; 6] = ["card", "member", "customer", "phone", "email", "wechat"];
const FLEETING: [&str; 2] = ["device", "cookie"];

/// Bytes of a handle's value.
pub const HANDLE_BYTES: usize = 256;
/// Bytes of a handle's kind.
pub const KIND_BYTES: usize = 64;

/// Why a text is no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// No colon between kind and value.
    #[error("not a handle: no colon between kind and value")]
    NoColon,
    /// Nothing before the colon.
    #[error("not a handle: the kind is empty")]
    EmptyKind,
    /// More than [`KIND_BYTES`] before the colon.
    #[error("not a handle: the kind is longer than {KIND_BYTES} bytes")]
    LongKind,
    /// Nothing behind the colon.
    #[error("not a handle: the value is empty")]
    EmptyValue,
    /// More than [`HANDLE_BYTES`] behind the colon.
    #[error("not a handle: the value is longer than {HANDLE_BYTES} bytes")]
    LongValue,
    /// A control character in either part.
    #[error("not a handle: it has a control character")]
    Control,
}

impl HandleError {
    /// Every code.
    pub const CODES: &'static [&'static str] = &[
        "handle-without-colon",
        "handle-kind-empty",
        "handle-kind-too-long",
        "handle-value-empty",
        "handle-value-too-long",
        "handle-control-character",
    ];

    /// The stable name of this kind of error.
    pub fn code(self) -> &'static str {
        match self {
            HandleError::NoColon => "handle-without-colon",
            HandleError::EmptyKind => "handle-kind-empty",
            HandleError::LongKind => "handle-kind-too-long",
            HandleError::EmptyValue => "handle-value-empty",
            HandleError::LongValue => "handle-value-too-long",
            HandleError::Control => "handle-control-character",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            HandleError::NoColon | HandleError::EmptyKind => {
                "say of what kind the id is, such as card:4711 or cookie:8f3a"
            }
            HandleError::EmptyValue => "leave out events of nobody known, or send the device or cookie",
            HandleError::LongKind | HandleError::LongValue => "send a digest of the long id",
            HandleError::Control => "remove control characters (U+0000 to U+001F, U+007F to U+009F)",
        }
    }
}

impl Handle {
    /// The handle a text `kind:value` names; the value may contain further colons.
    pub fn parse(brand: &Brand, text: &str) -> Result<Self, HandleError> {
        let (kind, value) = text.split_once(':').ok_or(HandleError::NoColon)?;
        if kind.is_empty() {
            return Err(HandleError::EmptyKind);
        }
        if kind.len() > KIND_BYTES {
            return Err(HandleError::LongKind);
        }
        if value.is_empty() {
            return Err(HandleError::EmptyValue);
        }
        if value.len() > HANDLE_BYTES {
            return Err(HandleError::LongValue);
        }
        if has_control(text) {
            return Err(HandleError::Control);
        }
        Ok(Handle::new(brand, text))
    }

    /// The part before the colon.
    pub fn kind(&self) -> &str {
        self.as_str().split_once(':').map_or("", |(kind, _)| kind)
    }

    /// The part behind the colon: the address, for a channel that uses this kind.
    pub fn value(&self) -> &str {
        self.as_str().split_once(':').map_or(self.as_str(), |(_, value)| value)
    }

    /// How well a handle names a person: lower is better, so that a person keeps the name of a
    /// member card when a browser cookie is linked to it.
    pub fn rank(&self) -> u8 {
        let kind = self.kind();
        if let Some(position) = DURABLE.iter().position(|k| *k == kind) {
            return position as u8;
        }
        match FLEETING.iter().position(|k| *k == kind) {
            Some(position) => (DURABLE.len() + 1 + position) as u8,
            None => DURABLE.len() as u8,
        }
    }
}

impl Person {
    /// The person that consists of this one handle, or is named by it.
    pub fn named_by(handle: &Handle) -> Self {
        Person(handle.0.clone())
    }

    /// The handle that names it.
    pub fn handle(&self) -> Handle {
        Handle(self.0.clone())
    }
}

/// A part of a shop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ZoneId {
    /// The shop.
    pub location: LocationId,
    /// The zone's name within the shop.
    pub zone: Text,
}

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.location, self.zone)
    }
}

/// What identifies an event: the second copy changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// CloudEvents `source`.
    pub source: Text,
    /// CloudEvents `id`.
    pub id: Text,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_gives_back_its_parts(brand in "[^\\pC]{0,12}", value in "[^\\pC]{1,40}") {
            let brand = Brand::new(&brand);
            let item = ItemId::new(&brand, &value);
            prop_assert_eq!((item.as_str(), item.brand()), (value.as_str(), brand));
        }

        #[test]
        fn keys_sort_by_brand_then_value(
            one in ("[^\\pC]{1,4}", "[^\\pC]{1,4}"),
            other in ("[^\\pC]{1,4}", "[^\\pC]{1,4}"),
        ) {
            let item = |parts: &(String, String)| ItemId::new(&Brand::new(&parts.0), &parts.1);
            prop_assert_eq!(item(&one).cmp(&item(&other)), one.cmp(&other));
        }

        #[test]
        fn no_value_of_one_brand_is_one_of_another(
            brands in ("[a-c]{0,2}", "[a-c]{0,2}"), values in ("[a-c:]{1,3}", "[a-c:]{1,3}"),
        ) {
            let one = ItemId::new(&Brand::new(&brands.0), &values.0);
            let other = ItemId::new(&Brand::new(&brands.1), &values.1);
            prop_assert_eq!(one == other, brands.0 == brands.1 && values.0 == values.1);
        }

        #[test]
        fn a_text_is_a_handle_where_it_has_two_parts_and_no_control(text in "[a-z:\u{1f}\u{85}é]{0,8}") {
            let parts = text.split_once(':').filter(|(kind, value)| !kind.is_empty() && !value.is_empty());
            let sound = parts.is_some() && !text.chars().any(char::is_control);
            let parsed = Handle::parse(&Brand::new("acme"), &text);
            prop_assert_eq!(parsed.is_ok(), sound, "{:?}", parsed);
            if let (Ok(handle), Some((kind, value))) = (parsed, parts) {
                prop_assert_eq!((handle.kind(), handle.value()), (kind, value));
            }
        }
    }

    #[test]
    fn every_error_of_a_handle_has_its_code() {
        let long = "x".repeat(257);
        let texts = ["card", ":1", &format!("{long}:1"), "card:", &format!("card:{long}"), "card:\u{7f}"];
        let codes = texts.map(|text| Handle::parse(&Brand::default(), text).unwrap_err().code());
        assert_eq!(codes, HandleError::CODES);
    }

    #[test]
    fn brands_never_meet() {
        let none = Brand::default();
        let acme = Brand::new("acme");
        let handle = Handle::new(&acme, "card:1");
        assert_ne!(handle, Handle::new(&none, "card:1"));
        assert_eq!(handle.brand(), acme);
        assert_eq!((handle.as_str(), handle.kind(), handle.value()), ("card:1", "card", "1"));
    }

    #[test]
    fn a_card_names_a_person_before_a_cookie() {
        let brand = Brand::default();
        let rank = |text: &str| Handle::new(&brand, text).rank();
        assert!(rank("card:9") < rank("wechat:1"));
        assert!(rank("wechat:1") < rank("loyalty:1"));
        assert!(rank("loyalty:1") < rank("device:1"));
        assert!(rank("device:1") < rank("cookie:1"));
    }
}
