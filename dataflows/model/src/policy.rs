//! Contact policy: how often, when, to whom and on which channel anything is said at all.
//!
//! Invariant: a [`Policy`] is a plain checked value; the default one objects to nothing, so that
//! without a configuration every candidate is sent once. Cost: a few words and short lists, read once
//! per decision, never per event.

use crate::key::{Person, Text};
use crate::rules::Cap;
use crate::time::Duration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Policy for all rules; a rule's own comes on top of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Offers to one person within a span.
    pub cap: Option<Cap>,
    /// Offers to one person on a channel within a span; sorted by channel.
    pub channel_caps: Vec<(Text, Cap)>,
    /// When nobody is disturbed, by the person's local time.
    pub quiet_hours: Option<QuietHours>,
    /// IANA time zone where neither person nor place has one; UTC where absent.
    pub tz: Option<Text>,
    /// Percentage of persons that never get an offer, so that the effect can be measured: 0…100.
    pub hold_out_percent: u8,
    /// Candidates that score less are not sent: 0…100.
    pub min_score: u8,
    /// Pause between two offers of one rule to one person; a rule's own comes first.
    pub cooldown: Option<Duration>,
    /// After an offer no other is sent to the person for so long.
    pub hold: Option<Duration>,
    /// Nothing is sent without consent; otherwise nothing after its refusal.
    pub opt_in: bool,
    /// Channels of rules that name none, best first; every channel the person has an address for
    /// where empty.
    pub channels: Vec<Text>,
    /// Channel → kind of handle that is its address; an empty kind needs no address. A channel that
    /// is not listed uses the kind of its own name. Sorted by channel.
    pub channel_kinds: Vec<(Text, Text)>,
}

/// Channels whose address is not the handle kind of the same name.
const CHANNEL_KINDS: [(&str, &str); 6] = [
    ("associate", ""),
    ("email", "email"),
    ("phone", "phone"),
    ("push", "device"),
    ("sms", "phone"),
    ("web", "cookie"),
];

impl Default for Policy {
    fn default() -> Self {
        Policy {
            cap: None,
            channel_caps: Vec::new(),
            quiet_hours: None,
            tz: None,
            hold_out_percent: 0,
            min_score: 0,
            cooldown: None,
            hold: None,
            opt_in: false,
            channels: Vec::new(),
            channel_kinds: CHANNEL_KINDS.iter().map(|(c, k)| (Text::from(*c), Text::from(*k))).collect(),
        }
    }
}

impl Policy {
    /// The kind of handle that is the address of `channel`; `None` where it needs no address.
    pub fn address_kind<'a>(&'a self, channel: &'a str) -> Option<&'a str> {
        let kind = self.channel_kinds.iter().find(|(name, _)| name == channel);
        let kind = kind.map_or(channel, |(_, kind)| kind.as_str());
        (!kind.is_empty()).then_some(kind)
    }

    /// Whether the person never gets an offer. Cost: a hash, where there is a hold-out group at all.
    pub fn holds_out(&self, person: &Person) -> bool {
        self.hold_out_percent > 0 && hundredth(person) < self.hold_out_percent
    }

    /// The cap of `channel`.
    pub fn channel_cap(&self, channel: &str) -> Option<Cap> {
        self.channel_caps.iter().find(|(name, _)| name == channel).map(|(_, cap)| *cap)
    }
}

/// The hundredth part of all persons that this one belongs to.
fn hundredth(person: &Person) -> u8 {
    let mut hash = Sha256::new();
    hash.update(person.brand().as_str());
    hash.update("\u{1f}hold-out\u{1f}");
    hash.update(person.as_str());
    let number = hash.finalize().iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    (number % 100) as u8
}

impl Cap {
    /// Parses `3 per 24h`: at least one, within more than no time.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (count, per, within) = (words.next()?, words.next()?, words.next()?);
        if per != "per" || words.next().is_some() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let cap = Cap { count: count.parse().ok()?, within: Duration::parse(within)? };
        (cap.count > 0 && cap.within.0 > 0).then_some(cap)
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.count, self.within)
    }
}

/// A daily span of local time, across midnight where it ends before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuietHours {
    /// First minute of the day that is quiet: 0…1439.
    pub start_minute: u16,
    /// First minute of the day that is not any more: 0…1439, not equal to `start_minute`.
    pub end_minute: u16,
}

impl QuietHours {
    /// Parses `21:00-08:00`. An empty span (both the same) is refused: it could mean never or always.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let (start_minute, end_minute) = (minute_of_day(start)?, minute_of_day(end)?);
        (start_minute != end_minute).then_some(QuietHours { start_minute, end_minute })
    }

    /// Whether that minute of the local day is quiet: start inclusive, end exclusive.
    pub fn covers(self, minute: u16) -> bool {
        if self.start_minute < self.end_minute {
            (self.start_minute..self.end_minute).contains(&minute)
        } else {
            minute >= self.start_minute || minute < self.end_minute
        }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start_minute, self.end_minute);
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_a_count_and_a_span() {
        let cap = Cap::parse("3 per 24h").unwrap();
        assert_eq!((cap.count, cap.within), (3, Duration(86_400_000)));
        assert_eq!(Cap::parse(&cap.to_string()), Some(cap));
        for wrong in
            ["", "3", "3 per", "0 per 1d", "3 per 0s", "+3 per 1d", "3 in 1d", "3 per 1d 2h", "-1 per 1d"]
        {
            assert_eq!(Cap::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn quiet_hours_cross_midnight() {
        let night = QuietHours::parse("21:00-08:00").unwrap();
        assert_eq!(night.to_string(), "21:00-08:00");
        let quiet = |clock: &str| night.covers(minute_of_day(clock).unwrap());
        assert!(quiet("21:00") && quiet("23:59") && quiet("00:00") && quiet("07:59"));
        assert!(!quiet("08:00") && !quiet("20:59"));
        let noon = QuietHours::parse("12:00-13:30").unwrap();
        assert!(noon.covers(720) && !noon.covers(810) && !noon.covers(0));
        for wrong in ["21:00", "21:00-21:00", "24:00-08:00", "9:00-10:00", "21:60-08:00", "a-b"] {
            assert_eq!(QuietHours::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_channel_without_a_line_uses_the_kind_of_its_name() {
        let policy = Policy::default();
        assert_eq!(policy.address_kind("sms"), Some("phone"));
        assert_eq!(policy.address_kind("push"), Some("device"));
        assert_eq!(policy.address_kind("wechat"), Some("wechat"));
        assert_eq!(policy.address_kind("associate"), None);
        assert!(policy.channel_kinds.is_sorted());
    }
}
