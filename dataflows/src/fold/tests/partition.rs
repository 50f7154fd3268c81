//! However many folds share the work, the facts are the same.

use super::*;
use proptest::prelude::*;
use shopbell_model::event::arbitrary::small_world;
use shopbell_model::value::Rssi;

/// Readings among zones of the small world, which random events alone seldom give.
fn sensed(time: Time, kind: u8, who: u8) -> Event {
    let beacon = Text::from(["b1", "b2", "b3"][usize::from(kind) % 3]);
    match kind {
        0 => event(
            time,
            Body::CatalogZone {
                location: location("a"),
                zone: Text::from(["z1", "z2"][usize::from(who) % 2]),
                beacons: vec![beacon, Text::from("b2")],
                name: None,
            },
        ),
        _ => act(time, &format!("device:{who}"), Act::Reading(beacon, Rssi(-6000))),
    }
}

/// What an event is made of.
pub(super) type Drawn = (Event, bool, u8, u8);

pub(super) fn drawn_event() -> impl Strategy<Value = Drawn> {
    (small_world(), any::<bool>(), 0u8..6, 0u8..6)
}

/// Events with the tick they fall in.
pub(super) fn drawn_events(events: Vec<Drawn>, tick: u64) -> impl Iterator<Item = (Time, Event)> {
    let mut clock = 0;
    events.into_iter().map(move |(mut drawn, near, kind, who)| {
        // Half of them soon after the last, so that readings meet; the others all over the day.
        if near {
            drawn.time = clock.max(START) + u64::from(who) * 3000;
        }
        let drawn = if near && who > 1 { sensed(drawn.time, kind, who) } else { drawn };
        clock = clock.max(drawn.time.div_ceil(tick) * tick);
        (clock, drawn)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn one_two_and_four_folds_give_the_same_facts(
        events in prop::collection::vec(drawn_event(), 1..120),
        tick in 1u64..60_000,
    ) {
        let mut worlds = [1, 2, 4].map(|folds| World::new(&settings(), folds));
        let mut clock = 0;
        for (time, drawn) in drawn_events(events, tick) {
            clock = time;
            for world in &mut worlds {
                world.tick(clock, [drawn.clone()]);
            }
            let [one, two, four] = &worlds;
            prop_assert_eq!(&one.facts, &two.facts);
            prop_assert_eq!(&one.facts, &four.facts);
        }
        let [one, two, four] = &worlds;
        prop_assert_eq!((one.counts, one.counts), (two.counts, four.counts));
        worlds.iter_mut().for_each(|world| world.until(clock + 2 * DAY));
        let [one, two, four] = &worlds;
        prop_assert_eq!(&one.facts, &two.facts);
        prop_assert_eq!(&one.facts, &four.facts);
    }
}

#[test]
fn parts_of_a_key_always_go_together() {
    let login = |who: &str, with: &str| act(START, who, Act::Login(Some(handle(with))));
    let parts_of = |event: Event| {
        let mut all = Vec::new();
        parts(event, 7, 4, |part| all.push(part));
        all
    };
    let link_of = |parts: &[Part]| {
        parts.iter().find_map(|part| matches!(part.content, Content::Word(_)).then_some(part.shard)).unwrap()
    };
    let (there, back) = (parts_of(login("card:1", "cookie:1")), parts_of(login("cookie:1", "card:1")));
    assert_eq!((there.len(), back.len()), (3, 3));
    assert_eq!(link_of(&there), link_of(&back));
    assert_eq!(parts_of(login("card:1", "card:1")).len(), 1, "a handle is not linked to itself");
    // Zones have to be known wherever readings are.
    let shards: Vec<u64> = parts_of(sensed(START, 0, 1)).iter().map(|part| part.shard % 4).collect();
    assert_eq!(shards, [1, 2, 3, 0]);
}
