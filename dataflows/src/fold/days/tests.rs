//! Days against a list of all that was noticed, searched from the beginning.

use super::*;
use proptest::prelude::*;
use shopbell_model::event::Purchase;
use shopbell_model::key::{Brand, Text};
use std::collections::{BTreeMap, BTreeSet};

const START: Time = 20_000 * DAY;
const KEEP: Duration = Duration(31 * DAY);

/// Days with what stands for them, and the clock.
struct World {
    days: Days,
    timers: Wheel<Timer>,
    counts: FoldCounts,
    facts: BTreeMap<(Handle, Noticed), isize>,
}

fn handle(text: &str) -> Handle {
    Handle::new(&Brand::default(), text)
}

fn place(name: &str) -> LocationId {
    LocationId::new(&Brand::default(), name)
}

impl World {
    fn new() -> Self {
        let days = Days::new(KEEP, true);
        World { days, timers: Wheel::default(), counts: FoldCounts::default(), facts: BTreeMap::new() }
    }

    fn took(&mut self, out: Changes) {
        for ((handle, fact), diff) in out.persons {
            let Some(PersonFact::Noticed(noticed)) = fact else { panic!("{fact:?}") };
            let sum = self.facts.entry((handle, noticed)).or_default();
            *sum += diff;
            assert!((0..=1).contains(sum), "{sum}");
        }
        self.facts.retain(|_, sum| *sum == 1);
    }

    /// How many rows that gave.
    fn note(&mut self, who: &str, time: Time, name: &str, notice: Notice) -> usize {
        let mut out = Changes::default();
        let parts = (&mut self.timers, &mut self.counts);
        let at = (!name.is_empty()).then(|| place(name));
        self.days.note(&handle(who), time, at.as_ref(), notice, parts, &mut out);
        let rows = out.persons.len();
        self.took(out);
        rows
    }

    fn advance(&mut self, now: Time) {
        let (mut out, mut due) = (Changes::default(), Vec::new());
        while self.timers.pop(now, usize::MAX, &mut due).is_some() {
            for (timer, _) in due.drain(..) {
                let Timer::Days(handle) = timer else { panic!("{timer:?}") };
                self.days.expire(&handle, now, &mut self.timers, &mut out);
            }
        }
        self.took(out);
    }

    fn known(&self) -> BTreeSet<(Handle, Noticed)> {
        self.facts.keys().cloned().collect()
    }
}

/// First 8 bytes of SHA-256 of `␟days␟HANDLE`, modulo a day: printf '\x1fdays\x1fcard:1' | sha256sum
#[test]
fn each_handle_has_its_own_time_of_the_day() {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    let eight: [u8; 8] = digest("\u{1f}days\u{1f}card:1")[..8].try_into().unwrap();
    assert_eq!(own_time(&handle("card:1")), u64::from_be_bytes(eight) % DAY);
    assert_ne!(own_time(&handle("card:1")), own_time(&handle("card:2")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn are_those_of_all_that_was_noticed(
        steps in prop::collection::vec((0u64..3, 0u64..5, 0usize..2, 0usize..3, 0u8..4), 1..80),
    ) {
        let mut world = World::new();
        let mut noticed: Vec<(Time, usize, usize, Notice)> = Vec::new();
        let mut clock = START;
        for (step, late, who, shop, kind) in steps {
            clock += step * step * 4 * DAY + DAY / 7;
            let time = clock - [0, DAY / 2, DAY, 29 * DAY, 33 * DAY][late as usize];
            let began: Vec<_> = noticed.iter().filter(|one| one.3 == Notice::Began && one.2 != 0).copied().collect();
            match kind {
                // What began is taken back; only zone visits of the last days are.
                0 if let Some((then, who, shop, _)) = began.last().copied().filter(|one| one.0 + 2 * DAY > clock) => {
                    let at = noticed.iter().rposition(|one| *one == (then, who, shop, Notice::Began)).unwrap();
                    noticed.remove(at);
                    world.note(["card:1", "card:2"][who], then, ["", "s1", "s2"][shop], Notice::BeganNot);
                }
                1 if shop != 0 => {
                    noticed.push((time, who, shop, Notice::Began));
                    world.note(["card:1", "card:2"][who], time, ["", "s1", "s2"][shop], Notice::Began);
                }
                _ => {
                    noticed.push((time, who, shop, Notice::Acted));
                    world.note(["card:1", "card:2"][who], time, ["", "s1", "s2"][shop], Notice::Acted);
                }
            }
            world.advance(clock);
            let kept = noticed.iter().filter_map(|(time, who, shop, _)| {
                let (who, day) = (handle(["card:1", "card:2"][*who]), day_of(*time));
                let over = (u64::from(day) + 1) * DAY + KEEP.0 + own_time(&who);
                let location = (*shop != 0).then(|| place(["", "s1", "s2"][*shop]));
                (over > clock).then_some((who, Noticed { day, location }))
            });
            prop_assert_eq!(world.known(), kept.collect());
        }
        world.advance(clock + 40 * DAY);
        prop_assert!(world.known().is_empty() && world.days.by_handle.is_empty());
        prop_assert!(world.days.places.numbers.is_empty(), "no place is remembered for nothing");
        prop_assert!(world.timers.is_empty());
    }
}

#[test]
fn a_thousand_events_of_a_day_are_one_row() {
    let mut world = World::new();
    let rows = (0..1000).map(|step| world.note("card:1", START + step, "s1", Notice::Acted)).sum::<usize>();
    assert_eq!((rows, world.timers.len()), (1, 1));
}

#[test]
fn a_handle_keeps_a_thousand_days_and_loses_the_oldest_by_name() {
    let (mut one, mut other) = (World::new(), World::new());
    let names: Vec<String> = (0..MOST + 3).map(|number| format!("s{number:04}")).collect();
    for (name, from_behind) in names.iter().zip(names.iter().rev()) {
        one.note("card:1", START, name, Notice::Acted);
        other.note("card:1", START, from_behind, Notice::Acted);
    }
    assert_eq!((one.known().len(), one.counts.dropped_facts), (MOST, 3));
    assert!(one.known().iter().all(|(_, day)| day.location >= Some(place("s0003"))));
    one.note("card:1", START + DAY, "s1", Notice::Acted);
    let days = one.known().iter().filter(|(_, day)| day.day == day_of(START)).count();
    assert_eq!((days, one.counts.dropped_facts), (MOST - 1, 4));
    // Places that came one after the other are dropped as they come.
    assert_eq!(other.counts.dropped_facts, 3);
}

#[test]
fn what_is_noticed_where() {
    let shop = place("s1");
    let purchase = |at_till| Purchase {
        transaction: Text::from("t"),
        items: Vec::new(),
        value: None,
        location: Some(shop.clone()),
        at_till,
    };
    let there = Some(Some(&shop));
    for (act, expected) in [
        (Act::Enter(shop.clone()), there),
        (Act::Purchase(purchase(true)), there),
        (Act::Purchase(purchase(false)), Some(None)),
        (Act::Search(None), Some(None)),
        (Act::Reading(Text::from("b"), shopbell_model::value::Rssi(0)), None),
        (Act::Profile(Vec::new()), None),
    ] {
        assert_eq!(noticed_by(&act), expected, "{act:?}");
    }
}
