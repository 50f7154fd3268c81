//! Messages as CloudEvents in JSON.
//!
//! Invariant: the same message always gives the same bytes: keys in a fixed order, numbers as
//! integers, times in UTC with milliseconds.

use crate::sink::{self, MessageKind};
use serde::Serialize;
use shopbell_model::key::{EventRef, Handle, ItemId};
use shopbell_model::offer::{Made, Message, News, Reason};
use shopbell_model::time::format_rfc3339;
use std::sync::Arc;

#[derive(Serialize)]
struct Envelope<'a, D> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    r#type: &'static str,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    brand: &'a str,
    data: D,
}

#[derive(Serialize)]
struct MadeData<'a> {
    offer_id: &'a str,
    rule: &'a str,
    rule_version: &'a str,
    person: &'a str,
    handles: Vec<&'a str>,
    channel: &'a str,
    address: &'a str,
    score: u8,
    title: &'a str,
    body: &'a str,
    items: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<&'a str>,
    valid_until: String,
    episode: &'a str,
    because: Because<'a>,
}

#[derive(Serialize)]
struct Item<'a> {
    item_id: &'a str,
}

#[derive(Serialize)]
struct Because<'a> {
    events: &'a [EventRef],
    score: Vec<Term<'a>>,
    over: Vec<Over<'a>>,
}

#[derive(Serialize)]
struct Term<'a> {
    term: &'a str,
    points: i64,
}

#[derive(Serialize)]
struct Over<'a> {
    rule: &'a str,
    score: u8,
}

#[derive(Serialize)]
struct WithdrawnData<'a> {
    offer_id: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct SuppressedData<'a> {
    offer_id: &'a str,
    rule: &'a str,
    person: &'a str,
    episode: &'a str,
    score: u8,
    policy: &'a str,
}

/// A message as the sinks take it.
pub fn render(message: &Message) -> Result<sink::Message, serde_json::Error> {
    let offer_id = message.offer_id.as_str();
    let (kind, channel, json) = match &message.news {
        News::Made(made) => {
            let json = envelope(message, MessageKind::Made, offer_id.to_owned(), made_data(message, made))?;
            (MessageKind::Made, made.channel.as_str(), json)
        }
        News::Withdrawn(reason, channel) => {
            let data = WithdrawnData { offer_id, reason: reason.as_str() };
            let json = envelope(message, MessageKind::Withdrawn, format!("{offer_id}.withdrawn"), data)?;
            (MessageKind::Withdrawn, channel.as_str(), json)
        }
        News::Suppressed { rule, episode, score, policy } => {
            let person = message.person.as_str();
            let data = SuppressedData { offer_id, rule, person, episode, score: *score, policy };
            let id = format!("{offer_id}.suppressed.{policy}");
            (MessageKind::Suppressed, "", envelope(message, MessageKind::Suppressed, id, data)?)
        }
    };
    Ok(sink::Message {
        // What is said of an offer stays in order, so under one key.
        key: message.made_for.key().to_owned(),
        offer_id: offer_id.to_owned(),
        kind,
        channel: channel.to_owned(),
        valid_until: match &message.news {
            News::Made(made) => Some(made.valid_until),
            News::Withdrawn(..) | News::Suppressed { .. } => None,
        },
        forgotten: matches!(message.news, News::Withdrawn(Reason::Forgotten, _)),
        json: Arc::from(json),
    })
}

/// Messages that one thread is given at least: below that a thread costs more than it saves.
const PART: usize = 4096;

/// All of a tick's messages, in their order. An edit of a rule can bring hundreds of thousands, which nobody gets before
/// all are there: so all cores work at them.
pub fn render_all(messages: &[Message]) -> Result<Vec<sink::Message>, serde_json::Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = messages.len().div_ceil(threads).max(PART);
    let one_by_one = |part: &[Message]| part.iter().map(render).collect::<Result<Vec<_>, _>>();
    if messages.len() <= part {
        return one_by_one(messages);
    }
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> =
            messages.chunks(part).map(|part| (part, scope.spawn(move || one_by_one(part)))).collect();
        // A thread that is lost has left nothing behind: its part is done here.
        threads.into_iter().map(|(part, thread)| thread.join().unwrap_or_else(|_| one_by_one(part))).collect()
    });
    let parts: Result<Vec<Vec<sink::Message>>, _> = parts;
    Ok(parts?.into_iter().flatten().collect())
}

fn envelope<D: Serialize>(
    message: &Message,
    kind: MessageKind,
    id: String,
    data: D,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        specversion: "1.0",
        id,
        source: "shopbell",
        r#type: kind.event_type(),
        subject: message.person.as_str(),
        time: format_rfc3339(message.tick),
        datacontenttype: "application/json",
        brand: message.brand.as_str(),
        data,
    })
}

fn made_data<'a>(message: &'a Message, made: &'a Made) -> MadeData<'a> {
    MadeData {
        offer_id: &message.offer_id,
        rule: &made.rule,
        rule_version: &made.rule_version,
        person: message.person.as_str(),
        handles: made.handles.iter().map(Handle::as_str).collect(),
        channel: &made.channel,
        address: &made.address,
        score: made.score,
        title: &made.title,
        body: &made.body,
        items: made.items.iter().map(|item: &ItemId| Item { item_id: item.as_str() }).collect(),
        location: made.location.as_ref().map(|location| location.as_str()),
        zone: made.zone.as_deref(),
        coupon: made.coupon.as_deref(),
        valid_until: format_rfc3339(made.valid_until),
        episode: &made.episode,
        because: Because {
            events: &made.events,
            score: made.terms.iter().map(|(term, points)| Term { term, points: *points }).collect(),
            over: made.over.iter().map(|(rule, score)| Over { rule, score: *score }).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopbell_model::key::{Brand, Handle, Person, Text};

    #[test]
    fn many_messages_are_what_they_are_one_by_one() {
        let message = |number: usize| {
            let handle = Handle::parse(&Brand::new(""), &format!("card:{number}")).unwrap();
            Message {
                offer_id: Text::from(format!("{number:032}")),
                tick: 1000,
                brand: handle.brand(),
                person: Person::named_by(&handle),
                made_for: Person::named_by(&handle),
                news: News::Withdrawn(Reason::Rule, Text::from("sms")),
            }
        };
        for count in [0, 1, PART, PART + 1, 3 * PART + 7] {
            let messages: Vec<Message> = (0..count).map(message).collect();
            let all = render_all(&messages).unwrap();
            assert_eq!(all.len(), count);
            for (message, rendered) in messages.iter().zip(&all) {
                assert_eq!(rendered.json, render(message).unwrap().json);
            }
        }
    }
}
