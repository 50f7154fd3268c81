//! A crash or a failing disk at every step leaves the old checkpoint or the new one, whole.

use super::*;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn rows(tick: u64) -> Vec<Row> {
    let change = |number: u64| {
        let key = format!("key {}", (number * tick) % 11);
        if number.is_multiple_of(4) {
            delete(number as u8, &key)
        } else {
            set(number as u8, &key, &tick.to_string())
        }
    };
    (0..9).map(change).collect()
}

/// Two chains' worth of history, and its state.
fn begin(store: &mut Store) -> State {
    let mut state = State::new();
    for tick in 1..=5 {
        if tick == 3 {
            store.compact(|_, _, _| true).unwrap();
        }
        apply(&mut state, &rows(tick));
        store.write(tick, &json!(tick), vec![rows(tick)]).unwrap();
    }
    state
}

type Operation = fn(&mut Store) -> Result<(), Error>;

fn write(store: &mut Store) -> Result<(), Error> {
    store.write(6, &json!(6), vec![rows(6)]).map(drop)
}

fn erase(store: &mut Store) -> Result<(), Error> {
    store.compact(|_, _, _| true)?;
    store.forget_all_but_newest(5).map(drop)
}

const OPERATIONS: [(&str, Operation); 4] = [
    ("write", write),
    ("compact", |store| store.compact(|_, _, _| true).map(drop)),
    ("forget", |store| store.forget().map(drop)),
    ("erase", erase),
];

/// The state at the newest tick: 5, or 6 where the write is there.
fn check_whole(directory: &Path, before: &State, what: &str) -> u64 {
    let mut store = open(directory);
    let found = store.newest_good().unwrap();
    assert!(found.skipped.is_empty(), "{what}: {:?}", found.skipped);
    let checkpoint = found.checkpoint.unwrap();
    let mut expected = before.clone();
    if checkpoint.tick() == 6 {
        apply(&mut expected, &rows(6));
    }
    assert_eq!(checkpoint.meta(), &json!(checkpoint.tick()), "{what}");
    assert_eq!(state_of(&checkpoint).unwrap(), expected, "{what}");
    let seen = inspect(directory).unwrap();
    assert!(seen.unnamed.is_empty() && seen.checkpoints.iter().all(|one| one.good), "{what}: {seen:?}");
    store.write(7, &json!(7), vec![rows(7)]).unwrap();
    checkpoint.tick()
}

#[test]
fn a_crash_at_every_step_leaves_a_whole_checkpoint() {
    let mut points = std::collections::BTreeSet::new();
    for (name, operation) in OPERATIONS {
        let place = folder();
        let before = begin(&mut open(place.path()));
        let crashes = Arc::new(Mutex::new(Vec::new()));
        let (seen, from) = (Arc::clone(&crashes), place.path().to_path_buf());
        let hook = Hook::new(move |point| {
            seen.lock().unwrap().push((point, copy(&from)));
            Ok(())
        });
        let mut store = Store::open(place.path(), Settings { hook, ..small() }).unwrap();
        store.newest_good().unwrap();
        operation(&mut store).unwrap();
        let crashes = std::mem::take(&mut *crashes.lock().unwrap());
        assert!(!crashes.is_empty());
        let mut renamed = false;
        for (point, directory) in crashes {
            let tick = check_whole(directory.path(), &before, &format!("{name} at {}", point.name()));
            // The manifest's name is what makes the checkpoint.
            assert_eq!(tick, if name == "write" && renamed { 6 } else { 5 }, "{name} at {point:?}");
            renamed |= point == Failpoint::RenameManifest;
            points.insert(point);
        }
    }
    assert_eq!(points.into_iter().collect::<Vec<_>>(), Failpoint::ALL);
}

#[test]
fn a_failing_disk_at_every_step_is_named_and_leaves_nothing() {
    for (name, operation) in OPERATIONS {
        for failing in 0.. {
            let place = folder();
            let before = begin(&mut open(place.path()));
            let count = Arc::new(AtomicUsize::new(0));
            let steps = Arc::clone(&count);
            let hook = Hook::new(move |_| {
                let full = steps.fetch_add(1, Ordering::SeqCst) == failing;
                if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            });
            let mut store = Store::open(place.path(), Settings { hook, ..small() }).unwrap();
            store.newest_good().unwrap();
            let what = format!("{name}, step {failing}");
            let Err(error) = operation(&mut store) else {
                assert!(count.load(Ordering::SeqCst) == failing && failing > 2, "{what}");
                break;
            };
            assert_eq!(error.code(), "checkpoint-disk-full", "{what}");
            let crashed = copy(place.path());
            check_whole(crashed.path(), &before, &what);
            if name == "write" {
                assert_eq!(state_of(store.newest().unwrap().unwrap()).unwrap(), before);
                // Nothing of the failed write takes room on the full disk.
                assert!(inspect(place.path()).unwrap().unnamed.is_empty(), "{what}");
            }
            operation(&mut store).unwrap();
            drop(store);
            let tick = check_whole(place.path(), &before, &what);
            assert_eq!(tick, if name == "write" { 6 } else { 5 });
        }
    }
}

/// The order in which the disk is asked to keep things is what makes a checkpoint safe.
#[test]
fn the_run_is_on_disk_before_the_manifest_has_its_name() {
    use Failpoint::{Create, Done, RenameManifest, RenameRun, SyncDirectory, SyncFile, Write};
    let place = folder();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let hook = Hook::new(move |point| {
        seen.lock().unwrap().push(point);
        Ok(())
    });
    let mut store = Store::open(place.path(), Settings { hook, ..small() }).unwrap();
    store.write(1, &json!(1), vec![vec![set(1, "a", "b")]]).unwrap();
    let run = [Create, Write, Write, Write, SyncFile, RenameRun, SyncDirectory];
    let manifest = [Create, Write, SyncFile, RenameManifest, SyncDirectory, Done];
    assert_eq!(*steps.lock().unwrap(), [&run[..], &manifest[..]].concat());
    for point in Failpoint::ALL {
        assert_eq!(Failpoint::named(point.name()), Some(point));
    }
}
