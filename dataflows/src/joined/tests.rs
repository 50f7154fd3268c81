//! Two implementations agree at every time: this one, and differential's `join`.

use super::*;
use differential_dataflow::input::InputSession;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::probe::Probe;

/// After so many milliseconds, on the left or right, a row of this key so many times more or fewer.
type Step = (u64, bool, u8, u8, isize);

/// What does not cancel out, by row and time.
type Left = BTreeMap<((u8, u8, u8), Time), isize>;

/// What the two disagree about, and how many differences the first gave.
fn disagreement(steps: Vec<Step>, workers: usize, ticks_at_once: usize) -> (Left, usize) {
    let left: Arc<Mutex<Left>> = Arc::default();
    let given = Arc::new(Mutex::new(0));
    let (noted, counted) = (Arc::clone(&left), Arc::clone(&given));
    timely::execute(timely::Config::process(workers), move |worker| {
        let mut lefts: InputSession<Time, (u8, u8), isize> = InputSession::new();
        let mut rights: InputSession<Time, (u8, u8), isize> = InputSession::new();
        let (noted, given) = (Arc::clone(&noted), Arc::clone(&counted));
        let probe = worker.dataflow(|scope| {
            let (lefts, rights) = (lefts.to_collection(scope), rights.to_collection(scope));
            // A pair may give several rows, or none.
            let pair = |key: &u8, left: &u8, right: &u8| {
                vec![(*key, *left, *right); usize::from((left + right) % 3)]
            };
            let ours = joined(lefts.clone(), rights.clone(), "Joined", pair);
            let theirs =
                lefts.join_map(rights, move |key, left, right| pair(key, left, right)).flat_map(|rows| rows);
            let ours = ours.inspect(move |_| *given.lock().unwrap() += 1);
            let note = move |(row, time, diff): &((u8, u8, u8), Time, isize)| {
                *noted.lock().unwrap().entry((*row, *time)).or_default() += diff;
            };
            ours.concat(theirs.negate()).inspect(note).inner.probe().0
        });
        let (index, mut now) = (worker.index(), 0);
        for (number, &(wait, is_left, key, row, diff)) in steps.iter().enumerate() {
            now += wait;
            let side = if is_left { &mut lefts } else { &mut rights };
            if number % workers == index {
                side.update_at((key, row), now, diff);
            }
            if number % ticks_at_once == 0 {
                for side in [&mut lefts, &mut rights] {
                    side.advance_to(now);
                    side.flush();
                }
                worker.step_while(|| probe.less_than(&now));
            }
        }
        for side in [&mut lefts, &mut rights] {
            side.advance_to(now + 1);
            side.flush();
        }
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
    fn it_gives_what_join_gives(
        steps in prop::collection::vec(
            (0u64..3, any::<bool>(), 0u8..3, 0u8..5, prop::sample::select(vec![1, 1, 2, -1])), 1..60),
        workers in 1usize..4,
        ticks_at_once in 1usize..9,
    ) {
        let (left, _) = disagreement(steps, workers, ticks_at_once);
        prop_assert!(left.is_empty(), "{:?}", left);
    }
}

#[test]
fn pairs_come_and_go_with_either_side() {
    let steps = vec![(1, true, 1, 1, 1), (1, false, 1, 1, 1), (1, false, 2, 1, 1), (1, true, 1, 1, -1)];
    let (left, given) = disagreement(steps, 1, 1);
    assert!(left.is_empty());
    assert_eq!(given, 4, "two rows of the pair, and both taken back");
}
