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

impl Handle {
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

    /// The handle that names the person.
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
