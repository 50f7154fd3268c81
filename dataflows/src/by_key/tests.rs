//! Two implementations agree at every time: this one, and differential's `reduce`.

use super::*;
use differential_dataflow::input::InputSession;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::probe::Probe;

/// After so many milliseconds, a row of this key comes or goes.
type Step = (u64, u8, u8, bool);

/// What does not cancel out, by row and time.
type Left = BTreeMap<((u8, String), Time), isize>;

/// Every row, some twice, and their sum.
fn results(key: u8, rows: impl Iterator<Item = u8> + Clone) -> Vec<String> {
    let sum: u32 = rows.clone().map(u32::from).sum();
    let mut results = vec![format!("{key}: {sum}")];
    for row in rows {
        results.extend(std::iter::repeat_n(row.to_string(), 1 + usize::from(row % 2)));
    }
    results
}

fn counted(results: Vec<String>) -> Vec<(String, isize)> {
    let mut counts: BTreeMap<String, isize> = BTreeMap::new();
    results.into_iter().for_each(|result| *counts.entry(result).or_default() += 1);
    counts.into_iter().collect()
}

/// What the two disagree about, and how many differences the first gave.
fn disagreement(steps: Vec<Step>, workers: usize, ticks_at_once: usize) -> (Left, usize) {
    let left: Arc<Mutex<Left>> = Arc::default();
    let given = Arc::new(Mutex::new(0));
    let (noted, counted_in) = (Arc::clone(&left), Arc::clone(&given));
    timely::execute(timely::Config::process(workers), move |worker| {
        let mut rows: InputSession<Time, (u8, u8), isize> = InputSession::new();
        let (noted, given) = (Arc::clone(&noted), Arc::clone(&counted_in));
        let probe = worker.dataflow(|scope| {
            let rows = rows.to_collection(scope);
            let ours = by_key(rows.clone(), "By key", |key, rows: &[(u8, isize)], out| {
                out.extend(results(*key, rows.iter().map(|(row, _)| *row)));
            });
            let theirs = rows.reduce(|key, rows, out| {
                out.extend(counted(results(*key, rows.iter().map(|(row, _)| **row))));
            });
            let ours = ours.inspect(move |_| *given.lock().unwrap() += 1);
            let note = move |(row, time, diff): &((u8, String), Time, isize)| {
                *noted.lock().unwrap().entry((row.clone(), *time)).or_default() += diff;
            };
            ours.concat(theirs.negate()).inner.inspect(note).probe().0
        });
        let index = worker.index();
        let mut present: BTreeMap<(u8, u8), isize> = BTreeMap::new();
        let mut now = 0;
        for (number, &(wait, key, row, comes)) in steps.iter().enumerate() {
            now += wait;
            rows.advance_to(now);
            if number % ticks_at_once == 0 {
                rows.flush();
                worker.step_while(|| probe.less_than(&now));
            }
            let count = present.entry((key, row)).or_default();
            if (comes || *count > 0) && number % workers == index {
                rows.update((key, row), if comes { 1 } else { -1 });
            }
            *count = (*count + if comes { 1 } else { -1 }).max(0);
        }
        rows.advance_to(now + 1);
        rows.flush();
        worker.step_while(|| probe.less_than(&(now + 1)));
    })
    .unwrap();
    let mut left = left.lock().unwrap().clone();
    left.retain(|_, diff| *diff != 0);
    let given = *given.lock().unwrap();
    (left, given)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_gives_what_reduce_gives(
        steps in prop::collection::vec((0u64..3, 0u8..4, 0u8..6, prop::bool::weighted(0.6)), 1..60),
        workers in 1usize..4,
        ticks_at_once in 1usize..9,
    ) {
        let (left, given) = disagreement(steps.clone(), workers, ticks_at_once);
        prop_assert!(left.is_empty(), "{:?}", left);
        prop_assert!(given > 0 || steps.iter().all(|(_, _, _, comes)| !comes));
    }
}

#[test]
fn what_does_not_change_is_not_given_again() {
    let differences_of = |old: &[u8], new: &[u8]| {
        let mut given = Vec::new();
        differences(old, new, |row, diff| given.push((row, diff)));
        given
    };
    assert_eq!(differences_of(&[1, 2, 2, 4], &[1, 2, 3, 4, 4]), [(2, -1), (3, 1), (4, 1)]);
    assert_eq!(differences_of(&[], &[7]), [(7, 1)]);
    assert_eq!(differences_of(&[7], &[]), [(7, -1)]);
    assert!(differences_of(&[1, 1], &[1, 1]).is_empty());
}
