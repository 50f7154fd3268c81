//! What is forgotten is taken back as it was given, once, and nothing names it any more.

use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, EventRef, Text};
use shopbell_model::offer::{About, Because, Episode, Evidence, Sent};
use shopbell_model::pool::{Holding, Pool};
use std::collections::BTreeMap;

const RETENTION: Duration = Duration(100);

fn retention() -> Retention {
    Retention { ledger: RETENTION, pools: Duration(250), ..Retention::default() }
}

/// What an offer holds: of a pool for ever, or of one for a day.
fn holds(anchor: u8, offer: u64, day: Option<i64>) -> Row {
    let parts = vec![(Pool::Budget(Brand::default(), Text::from("b"), day), 1)];
    let holding = Holding { offer: Text::from(format!("{offer}")), parts, ..Holding::default() };
    (handle(anchor), PersonFact::Holds(Shared::new(holding)))
}

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
        let mut book = Book::new(retention(), &[]);
        let mut stands: BTreeMap<Since, isize> = BTreeMap::new();
        let count = steps.len();
        for (offer, (anchor, others, later, what, restart)) in steps.into_iter().enumerate() {
            now += later;
            if what > 1 {
                let row = match what {
                    2 => holds(anchor, offer as u64, None),
                    3 => holds(anchor, offer as u64, Some(1)),
                    _ => sent(anchor, &others, offer as u64),
                };
                book.note(&row, now);
                stands.insert((row, now), 1);
                continue;
            }
            if restart % count == offer {
                // In any order.
                let rows: Vec<Since> = stands.keys().cloned().collect();
                book = Book::new(retention(), &rows);
            }
            let forgotten: BTreeSet<Handle> = others.iter().map(|other| handle(*other)).collect();
            let before = stands.clone();
            book.forget(&forgotten, |row, diff| *stands.entry(row).or_default() += diff);
            stands.retain(|_, sum| *sum != 0);
            prop_assert!(stands.values().all(|sum| *sum == 1));
            // What is too old has ended elsewhere.
            let young = |fact: &PersonFact, since: Time| since + span(fact, &retention()).0 > now;
            prop_assert!(!stands.keys().any(|(row, since)| young(&row.1, *since) && names(row, &forgotten)));
            // All the others are there, at least without them.
            let kept = |rows: &BTreeMap<Since, isize>| {
                let offer = |((anchor, fact), since): &Since| {
                    let id = match fact {
                        PersonFact::Sent(sent) => &sent.offer_id,
                        PersonFact::Holds(holding) => &holding.offer,
                        _ => return None,
                    };
                    (young(fact, *since) && !forgotten.contains(anchor)).then(|| id.clone())
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
    let mut book = Book::new(retention(), &[]);
    (0..50).for_each(|offer| book.note(&sent(offer as u8 % 5, &[6, 7], offer), offer * 10));
    let rows: usize = book.rows.values().map(Vec::len).sum();
    let ages = |book: &Book| book.ages.values().map(|ages| ages.len()).collect::<Vec<_>>();
    assert_eq!((rows, ages(&book), book.named.len()), (10, vec![10], 5));
    book.note(&sent(0, &[], 100), 10_000);
    assert_eq!((book.rows.len(), ages(&book), book.named.len()), (1, vec![1], 0));
}

#[test]
fn what_is_held_is_kept_for_longer_than_the_offer() {
    let mut book = Book::new(retention(), &[]);
    book.note(&sent(1, &[2], 7), 0);
    book.note(&holds(1, 7, None), 0);
    book.note(&holds(1, 8, Some(3)), 0);
    let mut after = |now| {
        book.note(&sent(5, &[], 9), now);
        book.rows.get(&handle(1)).map_or(0, Vec::len)
    };
    assert_eq!([after(99), after(100), after(249), after(250)], [3, 2, 2, 1]);
    assert_eq!([after(Retention::LEAST_OF_A_DAY.0 - 1), after(Retention::LEAST_OF_A_DAY.0)], [1, 0]);
}
