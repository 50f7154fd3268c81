//! Many appends share a sync, and never more wait than may.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

#[test]
fn a_slow_sync_is_shared() {
    let folder = folder();
    let syncs = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&syncs);
    let probe = hook(move |operation, _| {
        if operation == Operation::Sync {
            std::thread::sleep(Duration::from_millis(5));
            counting.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    let (journal, _) = Journal::open(folder.path(), Settings { probe, ..Settings::default() }).unwrap();
    let before = syncs.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| assert!(journal.append(1, b"one of many").is_ok())));
        }
    });
    assert_eq!(journal.wait_durable(1_000).unwrap().sequence, 1_000);
    let syncs = syncs.load(Ordering::SeqCst) - before;
    assert!((1..=50).contains(&syncs), "{syncs} syncs");
    assert_eq!(collect(journal.read(1)).unwrap().len(), 1_000);
}

#[test]
fn who_appends_waits_while_too_much_waits() {
    let folder = folder();
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let probe = hook(move |operation, path| {
        if matches!(operation, Operation::Write { .. }) && path.to_string_lossy().contains("journal-") {
            let _ = gone.lock().unwrap().recv();
        }
        Ok(())
    });
    go.send(()).unwrap();
    let settings = Settings { probe, waiting_bytes: 1_000, record_bytes: 5_000, ..small() };
    let (journal, _) = Journal::open(folder.path(), settings).unwrap();
    let most = 1_000 / layout::record_bytes(10);
    std::thread::scope(|scope| {
        let appending = scope.spawn(|| (0..200).for_each(|_| assert!(journal.append(1, &[7; 10]).is_ok())));
        std::thread::sleep(Duration::from_millis(60));
        let seen = (journal.last().sequence as usize, journal.durable().sequence, appending.is_finished());
        // Before anything can fail here: the others wait for it.
        drop(go);
        assert_eq!(seen, (most, 0, false));
        appending.join().unwrap();
    });
    // One record beyond the bound is taken when nothing waits.
    journal.wait_durable(200).unwrap();
    journal.append(1, &[8; 5_000]).unwrap();
    assert_eq!(journal.close().unwrap().sequence, 201);
}

#[test]
fn the_sync_can_be_switched_off() {
    let folder = folder();
    let probe = hook(|operation, _| {
        assert!(!matches!(operation, Operation::Sync | Operation::SyncFolder));
        Ok(())
    });
    let (journal, _) = Journal::open(folder.path(), Settings { probe, ..small() }).unwrap();
    fill(&journal, 20);
    assert_eq!(journal.close().unwrap().sequence, 20);
}
