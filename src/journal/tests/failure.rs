//! Disks that refuse: no acknowledgement after that, and nothing more on disk.

use super::*;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Operations of the whole life in `live`.
fn count_operations() -> usize {
    let (count, counted) = (Arc::new(AtomicUsize::new(0)), folder());
    let counting = Arc::clone(&count);
    let probe = hook(move |_, _| {
        counting.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    live(counted.path(), probe).1.unwrap();
    count.load(Ordering::SeqCst)
}

/// Appends, rolls and forgets until something fails; returns what was acknowledged, and the failure.
fn live(folder: &Path, probe: Option<Arc<dyn Probe>>) -> (u64, Result<(), JournalError>) {
    let mut acknowledged = 0;
    let settings = Settings { sync: true, probe, waiting_bytes: 0, ..small() };
    let run = || {
        let (journal, _) = Journal::open(folder, settings)?;
        let (tell, told) = mpsc::channel();
        journal.watch(move |outcome| tell.send(outcome.map_err(Clone::clone)).unwrap());
        for sequence in 1..=8 {
            let Record { tick, payload, .. } = record(sequence);
            journal.append(tick, &payload).and_then(|sequence| journal.wait_durable(sequence)).inspect_err(
                |failure| {
                    // It is kept, and told to everyone.
                    assert_eq!(journal.durable().sequence, acknowledged);
                    assert_eq!(journal.wait_durable(acknowledged).unwrap().sequence, acknowledged);
                    for other in [
                        journal.append(tick, &payload).unwrap_err(),
                        journal.wait_durable(sequence).unwrap_err(),
                        journal.forget_before(1).unwrap_err(),
                        journal.failure().unwrap(),
                        told.iter().find_map(Result::err).unwrap(),
                    ] {
                        assert_eq!(other.to_string(), failure.to_string());
                    }
                },
            )?;
            acknowledged = sequence;
        }
        journal.forget_before(6)?;
        journal.close().map(|_| ())
    };
    let outcome = run();
    (acknowledged, outcome)
}

#[test]
fn any_operation_can_fail() {
    let operations = count_operations();
    assert!(operations > 30);
    let mut reached = 0;
    for failing in 0..operations {
        let folder = folder();
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = Arc::clone(&asked);
        let probe = hook(move |operation, _| {
            let now = asking.fetch_add(1, Ordering::SeqCst);
            let Operation::Write { bytes } = operation else {
                let error = io::Error::other("no sync");
                return if now == failing { Err(Fault { written: 0, error }) } else { Ok(()) };
            };
            let error = io::Error::from(io::ErrorKind::StorageFull);
            if now == failing { Err(Fault { written: bytes / 2, error }) } else { Ok(()) }
        });
        let (acknowledged, outcome) = live(folder.path(), probe);
        assert_eq!(outcome.unwrap_err().code(), "journal-io");
        assert_eq!(asked.load(Ordering::SeqCst), failing + 1, "something was done after the failure");
        let opened = Journal::open(folder.path(), small());
        let (journal, report) = opened.unwrap_or_else(|error| panic!("operation {failing}: {error}"));
        assert!(report.last.sequence >= acknowledged);
        let found = collect(journal.read(report.first)).unwrap();
        assert!(found.into_iter().eq((report.first..=report.last.sequence).map(record)));
        fill(&journal, report.last.sequence + 5);
        reached = reached.max(acknowledged);
    }
    assert_eq!(reached, 8);
}

#[test]
fn everyone_who_waits_for_a_failed_batch_is_told() {
    let folder = folder();
    let (go, gone) = mpsc::channel::<()>();
    let (reach, reached) = mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let probe = hook(move |operation, path| {
        let fails = operation == Operation::Sync && path.to_string_lossy().contains("journal-");
        let _ = if fails { reach.send(()) } else { Ok(()) };
        if fails && gone.lock().unwrap().recv().is_err() {
            return Err(Fault { written: 0, error: io::Error::other("no sync") });
        }
        Ok(())
    });
    let settings = Settings { sync: true, probe, segment_bytes: 9_000, waiting_bytes: 5_000, ..small() };
    // The header's sync, the first commit.
    (0..2).for_each(|_| go.send(()).unwrap());
    let (journal, _) = Journal::open(folder.path(), settings).unwrap();
    fill(&journal, 1);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (2..=30)
            .map(|sequence| {
                journal.append(1_000, b"lost").unwrap();
                let journal = &journal;
                scope.spawn(move || journal.wait_durable(sequence))
            })
            .collect();
        // Header, first commit, and the batch that is written now but not synced.
        (0..3).for_each(|_| reached.recv().unwrap());
        let readable = collect(journal.read(1)).map(|records| records.len());
        let written = collect(read(folder.path(), &small(), 1)).map(|records| records.len());
        drop(go);
        assert!(matches!((readable, written), (Ok(1), Ok(2..))));
        for waiter in waiting {
            assert_eq!(waiter.join().unwrap().unwrap_err().code(), "journal-io");
        }
    });
    assert_eq!(journal.wait_durable(1).unwrap().sequence, 1);
    assert_eq!(journal.close().unwrap_err().code(), "journal-io");
}
