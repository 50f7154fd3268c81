//! What is forgotten is taken back as it was given, once, and nothing names it any more.

use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, EventRef, Text};
use shopbell_model::offer::{About, Because, Episode, Evidence, Sent};
use std::collections::BTreeMap;

const RETENTION: Duration = Duration(100);

fn handle(number: u8) -> Handle {
    Handle::new(&Brand::default(), &format!("card:{number}"))
}

fn sent(anchor: u8, others: &[u8], offer: u64) -> Row {
    let mut handles: Vec<Handle> =
        others.iter().map(|other| handle(*other)).chain([handle(anchor)]).collect();
    handles.sort();
    handles.dedup();
    let text = Text::from(format!("{offer}"));
    let evidence = |handle: &Handle| Evidence {
        event: EventRef { source: Text::from("test"), id: Text::from(handle.as_str()) },
        handle: handle.clone(),
    };
    let because = Because { events: handles.iter().map(evidence).collect(), ..Because::default() };
    let episode = Episode { anchor: handle(anchor), text: text.clone(), handles, about: About::CheckIn };
    let sent = Sent {
        offer_id: text.clone(),
        rule: text.clone(),
        rule_version: text.clone(),
        category: None,
        at: 0,
        channel: text,
        segment: Text::default(),
        ends: 0,
        episode,
        items: Vec::new(),
        // Of a person that was another one then, now and again.
        person: Person::named_by(&handle((anchor + u8::from(offer.is_multiple_of(3))) % 6)),
        because,
        priority: 0,
        replaceable: false,
        replaces: None,
        holding: None,
    };
    (handle(anchor), PersonFact::Sent(Shared::new(sent)))
}

fn names(row: &Row, handles: &BTreeSet<Handle>) -> bool {
    let (handle, fact) = row;
    let PersonFact::Sent(sent) = fact else { return handles.contains(handle) };
    let named = sent.episode.handles.iter().cloned().chain([handle.clone(), sent.person.handle()]);
    let told = sent.because.events.iter().map(|evidence| &*evidence.event.id);
    named.into_iter().any(|named| handles.contains(&named))
        || told.into_iter().any(|id| handles.iter().any(|handle| handle.as_str() == id))
}

proptest! {
    #[test]
    fn what_stands_never_names_the_forgotten(
        steps in prop::collection::vec((0u8..6, prop::collection::vec(0u8..6, 0..3), 0u64..30, 0u8..8, 0usize..40), 1..60),
    ) {
        let mut now = 0;
        let mut book = Book::new(RETENTION, &[]);
        let mut stands: BTreeMap<Since, isize> = BTreeMap::new();
        let count = steps.len();
        for (offer, (anchor, others, later, what, restart)) in steps.into_iter().enumerate() {
            now += later;
            if what > 1 {
                let row = sent(anchor, &others, offer as u64);
                book.note(&row, now);
                stands.insert((row, now), 1);
                continue;
            }
            if restart % count == offer {
                // In any order.
                let rows: Vec<Since> = stands.keys().cloned().collect();
                book = Book::new(RETENTION, &rows);
            }
            let forgotten: BTreeSet<Handle> = others.iter().map(|other| handle(*other)).collect();
            let before = stands.clone();
            book.forget(&forgotten, |row, diff| *stands.entry(row).or_default() += diff);
            stands.retain(|_, sum| *sum != 0);
            prop_assert!(stands.values().all(|sum| *sum == 1));
            // What is too old has ended elsewhere.
            let young = |since: Time| since + RETENTION.0 > now;
            prop_assert!(!stands.keys().any(|(row, since)| young(*since) && names(row, &forgotten)));
            // All the others are there, at least without them.
            let kept = |rows: &BTreeMap<Since, isize>| {
                let offer = |((anchor, fact), since): &Since| match fact {
                    PersonFact::Sent(sent) if young(*since) && !forgotten.contains(anchor) => Some(sent.offer_id.clone()),
                    _ => None,
                };
                rows.keys().filter_map(offer).collect::<BTreeSet<_>>()
            };
            prop_assert_eq!(kept(&before), kept(&stands));
            let untouched = |(row, _): &&Since| !names(row, &forgotten);
            prop_assert!(before.keys().filter(untouched).all(|row| stands.contains_key(row)));
        }
    }
}

#[test]
fn what_is_too_old_is_let_go() {
    let mut book = Book::new(RETENTION, &[]);
    (0..50).for_each(|offer| book.note(&sent(offer as u8 % 5, &[6, 7], offer), offer * 10));
    let rows: usize = book.rows.values().map(Vec::len).sum();
    assert_eq!((rows, book.ages.len(), book.named.len()), (10, 10, 5));
    book.note(&sent(0, &[], 100), 10_000);
    assert_eq!((book.rows.len(), book.ages.len(), book.named.len()), (1, 1, 0));
}
