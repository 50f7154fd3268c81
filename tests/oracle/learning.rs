//! Accept rates, counted again from the whole ledger at every moment.

use super::config::Learning;
use super::decide::Sent;
use super::event::{Act, Event, Time};
use super::forget::Forgotten;
use super::rules::Rule;
use super::world::{Person, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// Accepted and answered, by brand, rule, segment and channel.
type Counts = BTreeMap<[String; 4], (u64, u64)>;

/// What was counted at each moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    learning: Option<Learning>,
    period: Time,
    at: BTreeMap<Time, Counts>,
}

impl Learned {
    pub(crate) fn new(learning: Option<Learning>, grid: Time) -> Learned {
        let every = learning.as_ref().map_or(1, |learning| learning.every);
        Learned { learning, period: every.div_ceil(grid) * grid, at: BTreeMap::new() }
    }

    /// The next moment, where anything is counted at all.
    pub(crate) fn next(&self, tick: Time) -> Option<Time> {
        self.learning.as_ref().map(|_| (tick / self.period + 1) * self.period)
    }

    /// Counts, where the tick is a moment.
    pub(crate) fn count(&mut self, tick: Time, world: &World<'_>, forgotten: &Forgotten, ledger: &[Sent]) {
        if self.learning.is_none() || !tick.is_multiple_of(self.period) {
            return;
        }
        let mut counts = Counts::new();
        for sent in ledger.iter().filter(|sent| sent.tick < tick) {
            let accepted = match answer(sent, world, forgotten, tick) {
                Some(accepted) => accepted,
                None => continue,
            };
            let key =
                [sent.brand.clone(), sent.rule.id.to_owned(), sent.segment.clone(), sent.channel.clone()];
            let (of, all) = counts.entry(key).or_default();
            *of += u64::from(accepted);
            *all += 1;
        }
        self.at.insert(tick, counts);
    }

    /// `history.accept_rate` and `history.offers` of a rule for a person.
    pub(crate) fn seen(&self, clock: Time, brand: &str, rule: &Rule, person: &Person<'_>) -> (i64, i64) {
        let Some(learning) = &self.learning else { return (500, 0) };
        let moment = (clock / self.period).saturating_sub(1) * self.period;
        let nothing = Counts::new();
        // Ticks before the first event count nothing.
        let counts = self.at.get(&moment).unwrap_or(&nothing);
        let sum = |segment: Option<&str>, channel: Option<&str>| {
            let fits = |[of, id, s, c]: &[String; 4]| {
                of == brand
                    && id == rule.id
                    && segment.is_none_or(|segment| s == segment)
                    && channel.is_none_or(|channel| c == channel)
            };
            let found = counts.iter().filter(|(key, _)| fits(key)).map(|(_, counts)| *counts);
            found.fold((0, 0), |(a, n), (more_a, more_n)| (a + more_a, n + more_n))
        };
        let rate = |(accepted, answered): (u64, u64), prior: u64| {
            (accepted * 10_000 + learning.weight * prior) / (answered + learning.weight)
        };
        let own = segment(learning, person);
        let of_rule = rate(sum(None, None), learning.start_rate);
        let of_segment = match learning.segment {
            Some(_) => rate(sum(Some(&own), None), of_rule),
            None => of_rule,
        };
        let preferred = person.attributes.get("preferred_channel").and_then(Value::as_str);
        let channel = match &rule.channels[..] {
            [] | [_] => None,
            listed => listed.iter().find(|c| Some(**c) == preferred).or(listed.first()).copied(),
        };
        let answered = sum(Some(&own), channel).1;
        let seen = match channel {
            Some(_) => rate(sum(Some(&own), channel), of_segment),
            None => of_segment,
        };
        let rounded = (seen * 2 + 25) / 50 * 25;
        let digits = answered.to_string();
        let offers = digits.chars().enumerate().map(|(place, digit)| if place < 2 { digit } else { '0' });
        (rounded as i64, offers.collect::<String>().parse().unwrap())
    }
}

/// The segment of a person.
pub(crate) fn segment(learning: &Learning, person: &Person<'_>) -> String {
    let value = learning.segment.and_then(|name| person.attributes.get(name));
    let text = value.map_or(String::new(), |value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    if text.len() > 64 { String::new() } else { text }
}

/// Whether an offer was taken up (true) or refused.
fn answer(sent: &Sent, world: &World<'_>, forgotten: &Forgotten, clock: Time) -> Option<bool> {
    let brand = world.brands.iter().find(|brand| brand.name == sent.brand)?;
    let anchor = &sent.situation.anchor;
    let person = brand.persons.iter().find(|person| person.handles.contains(anchor))?;
    if forgotten.has(&brand.name, &person.name) {
        return None;
    }
    let reported = |says: &dyn Fn(&Act) -> bool| {
        let events = brand.persons.iter().flat_map(|person| &person.events);
        events.into_iter().any(|event: &&Event| {
            says(&event.act) && forgotten.lets_count(&brand.name, &event.handle, anchor)
        })
    };
    let of = |id: &String| *id == sent.offer_id;
    if reported(&|act| matches!(act, Act::Redeemed(id) | Act::Clicked(id) if of(id))) {
        return Some(true);
    }
    if reported(&|act| matches!(act, Act::Failed(id) if of(id))) {
        return None;
    }
    let end = (sent.tick + sent.rule.valid).min(sent.situation.until.unwrap_or(Time::MAX));
    let last = end.min(sent.withdrawn.unwrap_or(Time::MAX));
    let bought = person.events.iter().any(|event| {
        let Act::Purchase { items, .. } = &event.act else { return false };
        let one_of = items.iter().any(|(item, _)| sent.items.contains(item));
        one_of && sent.tick < event.time && event.time <= last
    });
    match (bought, sent.withdrawn) {
        (true, _) => Some(true),
        (false, Some(_)) => None,
        (false, None) => (end < clock).then_some(false),
    }
}
