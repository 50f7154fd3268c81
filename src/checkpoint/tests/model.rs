//! A sorted map goes through the same changes and holds the same rows.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Row>),
    /// Compacts on the spot; rows whose value begins with this byte are dropped.
    Compact(u8),
    Plan,
    Install,
    Forget,
    Erase,
    Reopen,
    Crash,
}

fn row() -> impl Strategy<Value = Row> {
    let key = prop::collection::vec(0u8..3, 0..3);
    let value = prop::option::weighted(0.7, prop::collection::vec(0u8..4, 0..20));
    (0u8..5, key, value).prop_map(|(bucket, key, value)| Row { bucket: bucket * 60, key, value })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::btree_map((0u8..5, prop::collection::vec(0u8..3, 0..3)), row(), 0..12).prop_map(
            |rows| Step::Write(
                rows.into_iter().map(|((bucket, key), row)| Row { bucket: bucket * 60, key, ..row }).collect()
            )
        ),
        1 => (0u8..5).prop_map(Step::Compact),
        1 => Just(Step::Plan),
        2 => Just(Step::Install),
        2 => Just(Step::Forget),
        1 => Just(Step::Erase),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn holds_the_rows_of_a_sorted_map(
        steps in prop::collection::vec(step(), 1..25),
        block_bytes in 1usize..80,
        keep in 1usize..3,
        wanted in prop::collection::vec(any::<bool>(), 5),
    ) {
        let place = folder();
        let settings = Settings { keep, block_bytes, hook: Hook::default() };
        let mut store = Store::open(place.path(), settings.clone()).unwrap();
        let mut state = State::new();
        let (mut tick, mut job) = (0, None);
        for step in steps {
            match step {
                Step::Write(rows) => {
                    tick += 1;
                    apply(&mut state, &rows);
                    let (one, other) = rows.split_at(rows.len() / 2);
                    let lists = vec![other.to_vec(), one.to_vec(), vec![]];
                    let written = store.write(tick, &json!([tick]), lists).unwrap();
                    prop_assert_eq!(written.tick(), tick);
                }
                Step::Compact(dropped) => {
                    let keep_row = |_: u8, _: &[u8], value: &[u8]| value.first() != Some(&dropped);
                    if let Some(base) = store.compact(keep_row).unwrap() {
                        prop_assert_eq!(base.runs().map(|run| run.deletions).collect::<Vec<_>>(), [0]);
                        state.retain(|(bucket, key), value| keep_row(*bucket, key, value));
                    }
                }
                Step::Plan => job = store.plan_compaction().unwrap(),
                Step::Install => {
                    if let Some(job) = job.take() {
                        match store.install(job.run(|_, _, _| true).unwrap()) {
                            Ok(_) | Err(Error::StaleCompaction { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                Step::Forget => {
                    store.forget().unwrap();
                    if let Some(newest) = store.newest().unwrap() {
                        prop_assert!(store.oldest_needed_tick().unwrap().unwrap() <= newest.tick());
                    }
                }
                Step::Erase => {
                    store.compact(|_, _, _| true).unwrap();
                    store.forget_all_but_newest(tick).unwrap();
                    prop_assert!(store.checkpoints().unwrap().len() <= 1);
                }
                Step::Reopen | Step::Crash => {
                    job = None;
                    drop(store);
                    if matches!(step, Step::Crash) {
                        for left in ["run-00000000000000009999.rows", "checkpoint-00000000000000009998.json.tmp"] {
                            fs::write(place.path().join(left), "half").unwrap();
                        }
                    }
                    store = Store::open(place.path(), settings.clone()).unwrap();
                    let found = store.newest_good().unwrap();
                    prop_assert!(found.skipped.is_empty());
                    prop_assert_eq!(found.checkpoint.map_or(0, |checkpoint| checkpoint.tick()), tick);
                }
            }
            if let Some(newest) = store.newest().unwrap() {
                prop_assert_eq!(newest.meta(), &json!([tick]));
                prop_assert_eq!(&state_of(newest).unwrap(), &state);
                let is_wanted = |bucket: u8| wanted[usize::from(bucket / 60)];
                let part: Vec<_> = newest.rows(is_wanted).map(|row| row.unwrap().key).collect();
                let expected = state.keys().filter(|(bucket, _)| is_wanted(*bucket));
                prop_assert_eq!(part, expected.map(|(_, key)| key.clone()).collect::<Vec<_>>());
            }
            let seen = inspect(place.path()).unwrap();
            prop_assert!(seen.checkpoints.iter().all(|checkpoint| checkpoint.good), "{:?}", seen);
        }
    }
}
