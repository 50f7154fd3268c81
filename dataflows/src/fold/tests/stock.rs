//! Stock: levels and deltas in any order of arrival.

use super::*;
use crate::demand::Demand;
use proptest::prelude::*;
use shopbell_model::facts::Stock;

#[derive(Clone, Copy, Debug)]
enum Change {
    Level(i64),
    Delta(i64),
}

const PLACES: [&str; 2] = ["s", "w"];

fn change(time: Time, place: usize, change: Change) -> Event {
    let (location, item) = (location(PLACES[place]), item("x"));
    event(
        time,
        match change {
            Change::Level(quantity) => Body::StockLevel { location, item, quantity },
            Change::Delta(delta) => Body::StockDelta { location, item, delta },
        },
    )
}

/// Place (none for everywhere), quantity, return.
type Row = (Option<String>, i64, Option<Time>);

fn told(world: &World) -> Vec<Row> {
    let row = |stock: &Stock| {
        let place = stock.location.as_ref().map(ToString::to_string);
        (place, stock.quantity, stock.returned)
    };
    let stock = |fact: &SubjectFact| match fact {
        SubjectFact::Stock(stock) => Some(row(stock)),
        _ => None,
    };
    let mut rows: Vec<Row> = world.subjects().into_iter().filter_map(stock).collect();
    rows.sort();
    rows
}

/// All changes by (time, arrival) gone through from the beginning.
fn recomputed(changes: &[(Time, usize, Change)]) -> Vec<Row> {
    let mut ordered: Vec<_> = changes.iter().enumerate().collect();
    ordered.sort_by_key(|(arrival, (time, _, _))| (*time, *arrival));
    let mut places: [Option<(i64, Option<Time>)>; 2] = [None, None];
    let mut everywhere: Option<(i64, Option<Time>)> = None;
    let turn = |before: Option<(i64, Option<Time>)>, after: i64, at: Time| match before {
        _ if after <= 0 => Some((after, None)),
        Some((quantity, _)) if quantity <= 0 => Some((after, Some(at))),
        Some((_, returned)) => Some((after, returned)),
        None => Some((after, None)),
    };
    for (_, (time, place, change)) in ordered {
        let before = places[*place].map_or(0, |(quantity, _)| quantity);
        let after = match change {
            Change::Level(quantity) => *quantity,
            Change::Delta(delta) => before + delta,
        };
        places[*place] = turn(places[*place], after, *time);
        let total = places.iter().flatten().map(|(quantity, _)| (*quantity).max(0)).sum();
        everywhere = turn(everywhere, total, *time);
    }
    let here = (0..2).filter_map(|place| places[place].map(|(q, r)| (Some(PLACES[place].to_owned()), q, r)));
    let mut rows: Vec<Row> = here.chain(everywhere.map(|(q, r)| (None, q, r))).collect();
    rows.sort();
    rows
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![1 => (-2i64..5).prop_map(Change::Level), 3 => (-3i64..4).prop_map(Change::Delta)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_order_gives_what_the_order_of_time_gives(
        changes in prop::collection::vec((0u64..40, 0usize..2, any_change()), 1..80),
    ) {
        let mut world = World::one();
        let changes: Vec<_> =
            changes.into_iter().map(|(time, place, change)| (START + time, place, change)).collect();
        for (count, (time, place, what)) in changes.iter().enumerate() {
            world.tick(START + 1000, [change(*time, *place, *what)]);
            prop_assert_eq!(told(&world), recomputed(&changes[..=count]));
        }
        prop_assert_eq!(world.counts.too_late, 0);
    }

    /// After many changes old ones are settled; deltas are still added up, however late they come.
    #[test]
    fn sums_stay_exact_however_many_changes_there_are(
        changes in prop::collection::vec((0u64..3, 0u64..900, 0usize..2, -3i64..4), 500..700),
        level_at in prop::collection::vec(0usize..500, 0..4),
    ) {
        let mut world = World::one();
        let (mut done, mut clock): (Vec<(Time, usize, Change)>, Time) = (Vec::new(), START + 1000);
        let mut told_late = 0;
        for (count, (step, late, place, delta)) in changes.into_iter().enumerate() {
            clock += step;
            // Levels come in order; a late one may come too late to be put in its place.
            let (time, what) = match level_at.contains(&count) {
                true => (clock, Change::Level(delta)),
                false => (clock - late * u64::from(late % 4 == 0), Change::Delta(delta)),
            };
            world.tick(clock, [change(time, place, what)]);
            done.push((time, place, what));
            let quantities = |rows: Vec<Row>| rows.into_iter().map(|(p, q, _)| (p, q)).collect::<Vec<_>>();
            prop_assert_eq!(quantities(told(&world)), quantities(recomputed(&done)), "after {}", count);
            told_late = world.counts.too_late;
        }
        prop_assert!(told_late > 0, "some came too late for the history of returns");
    }
}

#[test]
fn a_level_before_all_that_was_settled_changes_nothing() {
    let mut world = World::one();
    for count in 0..300 {
        world.tick(START + 10 + count, [change(START + 10 + count, 0, Change::Delta(1))]);
    }
    let before = told(&world);
    world.tick(START + 400, [change(START + 1, 0, Change::Level(7)), change(START + 1, 1, Change::Level(7))]);
    assert_eq!((told(&world), world.counts.too_late), (before, 2));
    // It is not as if something were known of the other place since, though all is run again.
    world.tick(START + 400, [change(START + 305, 0, Change::Delta(1))]);
    world.tick(START + 500, [change(START + 500, 1, Change::Delta(2))]);
    assert!(told(&world).contains(&(Some("w".into()), 2, None)));
}

#[test]
fn stock_above_the_detail_is_one_fact() {
    let mut world =
        World::new(&FoldSettings { demand: Demand::everything().with_stock_detail(10), ..settings() }, 1);
    for (after, delta) in [(1, 9), (2, 30), (3, -20), (4, 1)] {
        world.tick(START + after, [change(START + after, 0, Change::Delta(delta))]);
    }
    assert_eq!(told(&world), [(None, 10, None), (Some("s".into()), 10, None)]);
    world.tick(START + 5, [change(START + 5, 0, Change::Delta(-11))]);
    assert_eq!(told(&world), [(None, 9, None), (Some("s".into()), 9, None)]);
    world.tick(START + 6, [change(START + 6, 0, Change::Level(-4))]);
    assert_eq!(told(&world), [(None, 0, None), (Some("s".into()), 0, None)]);
    world.tick(START + 7, [change(START + 7, 0, Change::Delta(5))]);
    assert_eq!(told(&world), [(None, 1, Some(START + 7)), (Some("s".into()), 1, Some(START + 7))]);
}
