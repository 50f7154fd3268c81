//! What is kept, what is forgotten, and who may write.

use super::super::disk::Disk;
use super::*;
use std::sync::mpsc;

#[test]
fn one_process_writes_at_a_time() {
    let place = folder();
    let mut store = open(place.path());
    store.write(1, &json!(0), vec![vec![set(1, "a", "b")]]).unwrap();
    let locked = |directory: &Path| match Store::open(directory, small()) {
        Err(error) => error.code() == "checkpoint-locked",
        Ok(_) => false,
    };
    assert!(locked(place.path()));
    let job = store.plan_compaction().unwrap();
    drop(store);
    // The job may still write a file.
    assert!(locked(place.path()));
    let compacted = job.unwrap().run(|_, _, _| true).unwrap();
    assert!(locked(place.path()));
    assert_eq!(files(place.path()).len(), 3);
    drop(compacted);
    assert_eq!(files(place.path()).len(), 2);
    open(place.path());
}

#[test]
fn what_cannot_be_stored_is_refused_and_changes_nothing() {
    let place = folder();
    let mut store = open(place.path());
    let first = vec![set(1, "a", "b")];
    store.write(5, &json!(0), vec![first.clone()]).unwrap();
    let twice = vec![vec![set(1, "x", "1"), set(2, "x", "1")], vec![delete(1, "x")]];
    let long = |key: usize, value: usize| {
        vec![vec![Row { bucket: 1, key: vec![0; key], value: Some(vec![0; value]) }]]
    };
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for (tick, meta, rows, code) in [
        (6, json!(0), twice, "checkpoint-duplicate-key"),
        (6, json!(0), long(MAX_KEY_BYTES + 1, 0), "checkpoint-row-too-large"),
        (6, json!(0), long(0, MAX_VALUE_BYTES + 1), "checkpoint-row-too-large"),
        (6, deep, vec![], "checkpoint-meta"),
        (6, json!("m".repeat(17 << 20)), vec![], "checkpoint-too-large"),
        (5, json!(0), vec![], "checkpoint-tick-not-newer"),
    ] {
        let error = store.write(tick, &meta, rows).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.hint().is_empty() && error.to_string().len() < 200, "{error}");
        assert_eq!(files(place.path()).len(), 2, "{code}");
    }
    let largest = vec![Row { bucket: 1, key: vec![1; MAX_KEY_BYTES], value: Some(vec![2; 100_000]) }];
    store.write(6, &json!(0), vec![largest.clone()]).unwrap();
    drop(store);
    let mut state = State::new();
    apply(&mut state, &[first, largest].concat());
    assert_eq!(chosen(place.path()).1, state);
}

/// Writing and forgetting go on while another thread compacts; afterwards the newest checkpoint and
/// its fallback share no file, and the fallback is as new as can be.
#[test]
fn compaction_runs_beside_writes() {
    let place = folder();
    let mut store = open(place.path());
    let mut state = State::new();
    let mut write = |store: &mut Store, tick: u64| {
        let rows = vec![
            set(1, "same", &tick.to_string()),
            set(2, &tick.to_string(), ""),
            delete(2, &(tick - 1).to_string()),
        ];
        apply(&mut state, &rows);
        store.write(tick, &json!(tick), vec![rows]).unwrap();
        state.clone()
    };
    (1..=2).for_each(|tick| drop(write(&mut store, tick)));
    store.compact(|_, _, _| true).unwrap();
    let planned = write(&mut store, 3);
    assert!(store.has_fallback().unwrap());
    store.forget().unwrap();
    assert_eq!(store.oldest_needed_tick().unwrap(), Some(2));
    let job = store.plan_compaction().unwrap().unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        job.run(|_, _, _| {
            _ = wait.recv();
            true
        })
    });
    for tick in 4..=6 {
        write(&mut store, tick);
        store.forget().unwrap();
    }
    drop(go);
    let compacted = thread.join().unwrap().unwrap();
    assert_eq!((compacted.summary().tick, compacted.summary().rows), (3, 2));
    let installed = store.install(compacted).unwrap();
    assert_eq!(installed.runs().map(|run| run.tick).collect::<Vec<_>>(), [6, 5, 4, 3]);
    assert_eq!((installed.tick(), installed.meta()), (6, &json!(6)));
    let newest = write(&mut store, 7);
    store.forget().unwrap();
    // The checkpoint that was planned upon, not the one of the chain before, nor one of tick 4 to 6.
    assert_eq!(store.oldest_needed_tick().unwrap(), Some(3));
    assert!(store.has_fallback().unwrap());
    drop(store);
    assert_eq!(chosen(place.path()).1, newest);
    let good = copy(place.path());
    for file in files(good.path()) {
        let place = copy(good.path());
        fs::write(place.path().join(file.file_name().unwrap()), "").unwrap();
        let found = chosen(place.path()).1;
        assert!(found == newest || found == planned, "{}", file.display());
    }
}

#[test]
fn a_fallback_that_is_damaged_does_not_push_out_a_good_one() {
    let place = folder();
    let mut store = Store::open(place.path(), Settings { keep: 9, ..small() }).unwrap();
    for tick in 1..=3 {
        store.start_afresh();
        store.write(tick, &json!(0), vec![vec![set(1, "a", &tick.to_string())]]).unwrap();
    }
    drop(store);
    fs::write(place.path().join(names::run(2)), "").unwrap();
    let mut store = open(place.path());
    assert_eq!(store.newest_good().unwrap().checkpoint.unwrap().tick(), 3);
    assert_eq!(store.forget().unwrap().checkpoints, [2]);
    assert_eq!(store.oldest_needed_tick().unwrap(), Some(1));
}

/// The runs in use stay even where the newest manifest was damaged under our feet.
#[test]
fn forgetting_never_takes_what_the_next_write_stands_on() {
    let place = folder();
    let mut store = open(place.path());
    let mut state = State::new();
    for tick in 1..=3 {
        let rows = vec![set(1, &tick.to_string(), "x")];
        apply(&mut state, &rows);
        store.start_afresh();
        let whole = state.iter().map(|((bucket, key), value)| Row {
            bucket: *bucket,
            key: key.clone(),
            value: Some(value.clone()),
        });
        store.write(tick, &json!(0), vec![whole.collect()]).unwrap();
    }
    fs::write(place.path().join(names::manifest(3)), "{}").unwrap();
    store.forget().unwrap();
    store.write(4, &json!(0), vec![]).unwrap();
    drop(store);
    assert_eq!(chosen(place.path()), (Some(4), state));
}

#[test]
fn the_newest_as_many_as_set_are_kept() {
    let place = folder();
    let mut store = Store::open(place.path(), Settings { keep: 3, ..small() }).unwrap();
    for tick in 1..=6 {
        store.write(tick, &json!(0), vec![vec![set(1, &tick.to_string(), "x")]]).unwrap();
    }
    assert_eq!(store.forget().unwrap(), Forgotten { checkpoints: vec![3, 2, 1], runs: vec![] });
    assert_eq!(store.oldest_needed_tick().unwrap(), Some(4));
    assert!(!store.has_fallback().unwrap());
    let numbers: Vec<u64> = store.checkpoints().unwrap().iter().map(|summary| summary.number).collect();
    assert_eq!(numbers, [6, 5, 4]);
}

/// Neither key nor value of an erased person is in any file, in no writing.
#[test]
fn erasure_leaves_no_trace() {
    let place = folder();
    let mut store = open(place.path());
    store.write(1, &json!(0), vec![vec![set(1, "person", "secret"), set(2, "other", "stays")]]).unwrap();
    store.compact(|_, _, _| true).unwrap();
    let early = store.plan_compaction().unwrap().unwrap();
    store.write(2, &json!(0), vec![vec![delete(1, "person")]]).unwrap();
    assert_eq!(store.forget_all_but_newest(2).unwrap_err().code(), "checkpoint-not-compacted");
    // A compaction that was planned before the erasure does not do.
    store.install(early.run(|_, _, _| true).unwrap()).unwrap();
    assert_eq!(store.forget_all_but_newest(2).unwrap_err().code(), "checkpoint-not-compacted");
    let job = store.plan_compaction().unwrap().unwrap();
    store.write(3, &json!(0), vec![vec![set(3, "third", "comes")]]).unwrap();
    store.install(job.run(|_, _, _| true).unwrap()).unwrap();
    store.forget_all_but_newest(2).unwrap();
    let hex: String = b"person".iter().map(|byte| format!("{byte:02x}")).collect();
    for file in files(place.path()) {
        let bytes = fs::read(&file).unwrap();
        for trace in ["person", "secret", &hex] {
            assert!(!bytes.windows(trace.len()).any(|part| part == trace.as_bytes()), "{}", file.display());
        }
    }
    drop(store);
    assert_eq!(chosen(place.path()).1.len(), 2);
    // A deletion has the key in it, be it in the only run.
    let other = folder();
    let mut deleting = open(other.path());
    deleting.write(4, &json!(0), vec![vec![delete(1, "person")]]).unwrap();
    assert_eq!(deleting.forget_all_but_newest(4).unwrap_err().code(), "checkpoint-not-compacted");
    // Where the newest cannot be read back, nothing is removed.
    let mut store = open(place.path());
    store.newest_good().unwrap();
    store.compact(|_, _, _| true).unwrap();
    let base = names::run(store.newest().unwrap().unwrap().runs().next().unwrap().run);
    let mut bytes = fs::read(place.path().join(&base)).unwrap();
    bytes[14] ^= 1;
    fs::write(place.path().join(&base), bytes).unwrap();
    let before = files(place.path());
    assert_eq!(store.forget_all_but_newest(2).unwrap_err().code(), "checkpoint-checksum");
    assert_eq!(files(place.path()), before);
}

/// What the command shows, as JSON; looking changes nothing and needs no lock.
#[test]
fn inspection_shows_everything_and_changes_nothing() {
    let place = folder();
    two_chains(place.path());
    fs::write(place.path().join(names::run(2)), "").unwrap();
    fs::write(place.path().join(names::run(50)), "").unwrap();
    fs::write(place.path().join("checkpoint-00000000000000000051.json.tmp"), "").unwrap();
    let _writer = Disk::new(place.path(), Hook::default()).lock().unwrap();
    let before = files(place.path());
    let seen = serde_json::to_value(inspect(place.path()).unwrap()).unwrap();
    assert_eq!(files(place.path()), before);
    let [newest, older] = seen["checkpoints"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!((&newest["number"], &newest["tick"], &newest["rows"]), (&json!(4), &json!(30), &json!(7)));
    assert_eq!((&newest["good"], &newest["error"]), (&json!(true), &json!(null)));
    assert_eq!(newest["runs"].as_array().unwrap().len(), 2);
    assert_eq!((&newest["meta"], &older["meta"]), (&json!({"at": 30}), &json!({"at": 20})));
    assert_eq!(newest["runs"][0]["rows"], json!(3));
    assert_eq!((&older["number"], &older["good"]), (&json!(2), &json!(false)));
    assert_eq!(older["error"]["code"], json!("checkpoint-length"));
    let unnamed = json!([names::temporary(&names::manifest(51)), names::run(50)]);
    assert_eq!(seen["unnamed"], unnamed);
    assert_eq!(inspect(&place.path().join("nowhere")).unwrap_err().code(), "checkpoint-file-missing");
}
