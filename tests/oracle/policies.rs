//! Policies: who is held out, which channel, quiet hours, cooldown and caps.

use super::config::{DAY, MINUTE, Policy};
use super::decide::Sent;
use super::event::Time;
use super::persons::rank;
use super::rules::Rule;
use super::world::{Brand, Person};
use sha2::{Digest, Sha256};

/// Whether the person is among those who never get offers.
pub(crate) fn held_out(brand: &str, person: &str, percent: u64) -> bool {
    let digest = Sha256::digest([brand, "hold-out", person].join("\u{1f}").as_bytes());
    digest.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte)) % 100 < percent
}

/// The channel to use with its address: the first that has one, and consent.
pub(crate) fn channel(rule: &Rule, policy: &Policy, person: &Person<'_>) -> Option<(String, String)> {
    let address = |channel: &str| -> Option<String> {
        let kind = match channel {
            "associate" => return Some(String::new()),
            "sms" | "phone" => "phone",
            "push" => "device",
            "web" => "cookie",
            other => other,
        };
        let of_kind = |handle: &String| {
            handle.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')).map(str::to_owned)
        };
        person.handles.iter().filter_map(of_kind).min()
    };
    let mut channels: Vec<String> = match (&rule.channels[..], &policy.channels[..]) {
        ([], []) => channels_of(person),
        ([], listed) | (listed, _) => listed.iter().map(|channel| (*channel).to_owned()).collect(),
    };
    let preferred = person.attributes.get("preferred_channel").and_then(|value| value.as_str());
    channels.sort_by_key(|channel| Some(channel.as_str()) != preferred);
    let consents = |channel: &String| person.consents(channel, rule.category, !policy.opt_in);
    channels
        .into_iter()
        .filter(consents)
        .find_map(|channel| address(&channel).map(|address| (channel, address)))
}

/// Every channel the person has an address for, where nobody lists channels.
fn channels_of(person: &Person<'_>) -> Vec<String> {
    let mut handles: Vec<&String> = person.handles.iter().collect();
    handles.sort_by_key(|handle| (rank(handle), handle.as_str()));
    let mut channels: Vec<String> = Vec::new();
    for handle in handles {
        let of_kind: &[&str] = match handle.split(':').next().unwrap_or_default() {
            "phone" => &["phone", "sms"],
            "device" => &["push"],
            "cookie" => &["web"],
            kind => &[kind],
        };
        let new =
            of_kind.iter().filter(|channel| !channels.iter().any(|c| c == *channel)).map(|c| (*c).to_owned());
        let new: Vec<String> = new.collect();
        channels.extend(new);
    }
    channels
}

/// The end of the quiet hours that hold now, if they do.
pub(crate) fn quiet_until(
    policy: &Policy,
    person: &Person<'_>,
    brand: &Brand<'_>,
    place: Option<&str>,
    clock: Time,
) -> Option<Time> {
    let (start, end) = policy.quiet_hours?;
    let own = person.attributes.get("tz").and_then(|value| value.as_str());
    let of_place = place.and_then(|place| brand.catalogue.zones_of_time.get(place)).map(String::as_str);
    let zones = [own, of_place, policy.tz, Some("UTC")];
    let zone = zones.into_iter().flatten().find_map(|name| jiff::tz::TimeZone::get(name).ok())?;
    let quiet = |time: Time| {
        let local = jiff::Timestamp::from_millisecond(time as i64).ok()?.to_zoned(zone.clone());
        let minute = local.hour() as u64 * 60 + local.minute() as u64;
        Some(if start <= end { start <= minute && minute < end } else { minute >= start || minute < end })
    };
    if !quiet(clock)? {
        return None;
    }
    // Zones of time are quarters of an hour apart, so quiet hours that end on one end on one everywhere.
    let step = if end.is_multiple_of(15) { 15 * MINUTE } else { MINUTE };
    (1..=2 * DAY / step).map(|steps| (clock / step + steps) * step).find(|time| quiet(*time) == Some(false))
}

/// When to ask again, if hold, cooldown or caps object now, and whether another's place would help. `without`
/// does not count.
pub(crate) fn objection(
    rule: &Rule,
    policy: &Policy,
    channel: &str,
    earlier: &[&Sent],
    without: Option<&String>,
    clock: Time,
) -> Option<(Time, bool)> {
    let full = |(count, within): (usize, Time), counts: &dyn Fn(&Sent) -> bool| -> Option<Time> {
        let ends: Vec<Time> = earlier
            .iter()
            .filter(|s| counts(s))
            .map(|s| s.tick + within)
            .filter(|end| *end > clock)
            .collect();
        (ends.len() >= count).then(|| ends.into_iter().min()).flatten()
    };
    let of_rule = |sent: &Sent| sent.rule.id == rule.id;
    // What gave its place to another counts for its own rule only.
    let replaced = |sent: &Sent| earlier.iter().any(|other| other.replaces.as_ref() == Some(&sent.offer_id));
    let in_place = |sent: &Sent| Some(&sent.offer_id) != without && !replaced(sent);
    let cooldown = rule.cooldown.or(policy.cooldown);
    let on_channel = policy.channel_caps.iter().find(|(name, _)| *name == channel).map(|(_, cap)| *cap);
    let own = |again: Option<Time>| again.map(|again| (again, false));
    let of_all = |again: Option<Time>| again.map(|again| (again, true));
    of_all(policy.hold.and_then(|span| full((1, span), &in_place)))
        .or_else(|| own(full((1, cooldown?), &of_rule)))
        .or_else(|| own(full(rule.cap?, &of_rule)))
        .or_else(|| of_all(full(policy.cap?, &in_place)))
        .or_else(|| of_all(full(on_channel?, &|sent| in_place(sent) && sent.channel == channel)))
}

/// The next beginning of quiet hours.
pub(crate) fn quiet_from(
    policy: &Policy,
    person: &Person<'_>,
    brand: &Brand<'_>,
    place: Option<&str>,
    clock: Time,
) -> Option<Time> {
    policy.quiet_hours?;
    let minute = |minutes: Time| (clock / MINUTE + minutes) * MINUTE;
    (1..=2 * 1440).map(minute).find(|time| quiet_until(policy, person, brand, place, *time).is_some())
}
