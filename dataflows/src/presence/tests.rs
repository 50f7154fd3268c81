//! Tables of what was noticed, and the shop visits that it makes.

use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, Text, ZoneId};

const LEAVE_AFTER: Duration = Duration(600);
const KEPT: Duration = Duration(5000);

/// Something noticed in a shop: at that time, in that order.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Sign(Time, SignKind),
    /// In a zone from the first to the last reading; open where there is none.
    Zone(Time, Option<Time>),
}

use Seen::{Sign as S, Zone};
use SignKind::{CheckIn, Enter, Leave};

fn location(name: &str) -> LocationId {
    LocationId::new(&Brand::default(), name)
}

fn visits_in(shops: &[(&str, &str, Seen)]) -> Vec<ShopVisit> {
    let handles: Vec<Handle> = shops.iter().map(|(_, who, _)| Handle::new(&Brand::default(), who)).collect();
    let event = |arrival: usize| EventRef { source: Text::default(), id: Text::from(arrival.to_string()) };
    let (mut signs, mut zones) = (Vec::new(), Vec::new());
    for (arrival, (shop, _, seen)) in shops.iter().enumerate() {
        let moment = |time| Moment { time, arrival: arrival as u64 };
        match seen {
            S(time, kind) => {
                let (at, kind) = (moment(*time), *kind);
                signs.push((arrival, Sign { at, location: location(shop), kind, event: event(arrival) }));
            }
            Zone(start, last) => {
                let zone = ZoneId { location: location(shop), zone: Text::from("z") };
                let (start, last, event) = (moment(*start), *last, event(arrival));
                zones.push((arrival, ZoneVisit { zone, start, last, event }));
            }
        }
    }
    let signs: Vec<(&Handle, &Sign)> = signs.iter().map(|(who, sign)| (&handles[*who], sign)).collect();
    let zones: Vec<(&Handle, &ZoneVisit)> = zones.iter().map(|(who, zone)| (&handles[*who], zone)).collect();
    shop_visits(&signs, &zones, (LEAVE_AFTER, KEPT))
}

/// Start, end and dwell of the visits to one shop.
fn visits(seen: &[Seen]) -> Vec<(Time, Option<Time>, u64)> {
    let seen: Vec<_> = seen.iter().map(|seen| ("s", "card:1", *seen)).collect();
    visits_in(&seen).into_iter().map(|visit| (visit.start, visit.end, visit.dwell.0)).collect()
}

/// Start, end and dwell.
type Stay = (Time, Option<Time>, u64);

#[test]
fn what_begins_continues_and_ends_a_visit() {
    const SEEN: SignKind = SignKind::Seen;
    let cases: Vec<(&str, Vec<Seen>, Vec<Stay>)> = vec![
        ("silence ends it", vec![S(1000, Enter)], vec![(1000, Some(1600), 0)]),
        ("leaving ends it", vec![S(1000, Enter), S(1300, Leave)], vec![(1000, Some(1300), 300)]),
        ("a check-in begins one", vec![S(1000, CheckIn)], vec![(1000, Some(1600), 0)]),
        ("being helped begins none", vec![S(1000, SEEN)], vec![]),
        ("but continues one", vec![S(1000, Enter), S(1500, SEEN)], vec![(1000, Some(2100), 500)]),
        ("leaving without a visit is nothing", vec![S(1000, Leave)], vec![]),
        (
            "a sign exactly at the end of silence continues",
            vec![S(1000, Enter), S(1600, SEEN), S(1700, Leave)],
            vec![(1000, Some(1700), 700)],
        ),
        (
            "one later does not",
            vec![S(1000, Enter), S(1601, SEEN), S(1700, Leave)],
            vec![(1000, Some(1600), 0)],
        ),
        (
            "entering again after silence begins another",
            vec![S(1000, Enter), S(1601, Enter)],
            vec![(1000, Some(1600), 0), (1601, Some(2201), 0)],
        ),
        (
            "entering again without silence does not",
            vec![S(1000, Enter), S(1200, CheckIn), S(1300, Leave)],
            vec![(1000, Some(1300), 300)],
        ),
        ("somebody in a zone is there", vec![Zone(1000, None)], vec![(1000, None, 0)]),
        (
            "a zone visit counts to its last reading",
            vec![Zone(1000, Some(1500))],
            vec![(1000, Some(2100), 500)],
        ),
        (
            "it bridges what would have been silence",
            vec![S(1000, Enter), Zone(1100, Some(2500)), S(3100, Leave)],
            vec![(1000, Some(3100), 2100)],
        ),
        (
            "an earlier reading does not shorten it",
            vec![Zone(1000, Some(2500)), S(1200, SEEN)],
            vec![(1000, Some(3100), 1500)],
        ),
        (
            "who left while in a zone has left, and the zone does not continue the next visit",
            vec![Zone(1000, None), S(1500, Leave), S(1700, Enter)],
            vec![(1000, Some(1500), 500), (1700, Some(2300), 0)],
        ),
        (
            "order is that of time",
            vec![S(1300, Leave), S(1000, Enter), S(1200, SEEN)],
            vec![(1000, Some(1300), 300)],
        ),
        (
            "entering and leaving at once is a visit without dwell",
            vec![S(1000, Enter), S(1000, Leave)],
            vec![(1000, Some(1000), 0)],
        ),
    ];
    for (name, seen, expected) in cases {
        assert_eq!(visits(&seen), expected, "{name}");
    }
}

#[test]
fn shops_are_apart_and_handles_are_not() {
    let found = visits_in(&[
        ("s", "cookie:1", S(1000, Enter)),
        ("w", "card:1", S(1100, Enter)),
        ("s", "card:1", S(1200, SignKind::Seen)),
        ("s", "device:1", Zone(1250, Some(1300))),
        ("w", "card:1", S(1400, Leave)),
    ]);
    let short = |visit: &ShopVisit| {
        let event = visit.event.id.to_string();
        (visit.location.to_string(), visit.anchor.to_string(), event, visit.end)
    };
    let expected = [
        ("s".to_owned(), "cookie:1".to_owned(), "0".to_owned(), Some(1900)),
        ("w".to_owned(), "card:1".to_owned(), "1".to_owned(), Some(1400)),
    ];
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected);
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let kinds = [Enter, CheckIn, SignKind::Seen, Leave];
    prop_oneof![
        (1000u64..4000, 0usize..4).prop_map(move |(time, kind)| S(time, kinds[kind])),
        (1000u64..4000, 0u64..900).prop_map(|(start, length)| Zone(start, Some(start + length))),
    ]
}

proptest! {
    /// What is left of a visit when its first signs are kept no longer is no reason for anything.
    #[test]
    fn what_is_left_of_a_visit_is_never_another_one(seen in proptest::collection::vec((any_seen(), 0usize..2), 0..12)) {
        let whole: Vec<_> =
            seen.iter().map(|(seen, who)| ("s", ["card:1", "device:2"][*who], *seen)).collect();
        let told = |visit: &ShopVisit| (visit.start, visit.anchor.to_string(), visit.end, visit.dwell, visit.until);
        let all: Vec<_> = visits_in(&whole).iter().map(told).collect();
        let expires = |seen: &Seen| match seen {
            S(time, _) => end_of(*time, KEPT),
            Zone(start, last) => end_of(last.unwrap_or(*start), KEPT),
        };
        for now in whole.iter().map(|(_, _, seen)| expires(seen)) {
            let rest: Vec<_> = whole.iter().copied().filter(|(_, _, seen)| expires(seen) > now).collect();
            for visit in visits_in(&rest).into_iter().filter(|visit| visit.until > now) {
                prop_assert!(all.contains(&told(&visit)), "{visit:?} at {now} of {all:?}");
            }
        }
    }
}
