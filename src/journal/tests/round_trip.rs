//! Whatever is done to a journal, it gives back what went in.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append { size: usize, tick: u64 },
    Wait,
    Forget { back: u64 },
    Reopen,
    Read { back: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..=64, 0u64..3).prop_map(|(size, tick)| Step::Append { size, tick }),
        2 => Just(Step::Wait),
        1 => (0u64..30).prop_map(|back| Step::Forget { back }),
        1 => Just(Step::Reopen),
        1 => (0u64..30).prop_map(|back| Step::Read { back }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_same_records_come_back(
        steps in prop::collection::vec(step(), 1..120),
        segment_bytes in 0u64..400,
        waiting_bytes in 0usize..300,
    ) {
        let folder = folder();
        let settings = Settings { segment_bytes, waiting_bytes, ..small() };
        let open = || Journal::open(folder.path(), settings.clone()).unwrap();
        let (mut journal, _) = open();
        let mut model: Vec<Record> = Vec::new();
        let mut tick = 0;
        for step in steps.into_iter().chain([Step::Reopen]) {
            let last = model.len() as u64;
            match step {
                Step::Append { size, tick: later } => {
                    tick += later;
                    let payload = vec![size as u8; size];
                    prop_assert_eq!(journal.append(tick, &payload).unwrap(), last + 1);
                    model.push(Record { sequence: last + 1, tick, payload });
                }
                Step::Wait => {
                    let durable = journal.wait_durable(last).unwrap();
                    prop_assert_eq!(durable.sequence, last);
                }
                Step::Forget { back } => {
                    let before = last.saturating_sub(back);
                    // Otherwise the writer may begin a segment meanwhile.
                    let settled = journal.durable().sequence == last;
                    let (first, count) = (journal.first(), segments(folder.path()).len());
                    let removed = journal.forget_before(before).unwrap();
                    prop_assert!(journal.first() <= before.max(first));
                    prop_assert!(!settled || removed < count);
                    // What could be removed was: the next segment has a record that is needed.
                    let second = segment::list(folder.path()).unwrap().get(1).copied();
                    prop_assert!(!settled || second.is_none_or(|second| second > before));
                }
                Step::Reopen => {
                    journal.close().unwrap();
                    let (opened, report) = open();
                    prop_assert_eq!((report.last.sequence, report.last.tick), (last, tick));
                    prop_assert_eq!((report.cut, report.after_mark, report.warnings), (None, 0, vec![]));
                    journal = opened;
                }
                Step::Read { back } => {
                    journal.wait_durable(last).unwrap();
                    let from = (last + 1).saturating_sub(back).max(journal.first());
                    let expected = &model[from as usize - 1..];
                    prop_assert_eq!(collect(journal.read(from)).unwrap(), expected);
                    prop_assert_eq!(collect(read(folder.path(), &settings, from)).unwrap(), expected);
                }
            }
        }
        let first = journal.first();
        prop_assert_eq!(collect(journal.read(first)).unwrap(), &model[first as usize - 1..]);
    }
}

#[test]
fn reading_goes_on_while_others_append_and_forget() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| fill(&journal, 500));
        while journal.durable().sequence < 500 {
            let from = journal.durable().sequence.saturating_sub(20).max(journal.first());
            let read = collect(journal.read(from)).unwrap();
            assert!(read.iter().enumerate().all(|(index, found)| *found == record(from + index as u64)));
            journal.forget_before(from).unwrap();
        }
    });
}
