//! What several test files need.

mod crash;
mod damage;
mod format;
mod hostile;
mod keeping;
mod model;
mod reading;

use super::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a store should hold.
type State = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// In memory where there is such a folder: the tests sync a lot.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn small() -> Settings {
    Settings { keep: 1, block_bytes: 24, hook: Hook::default() }
}

fn open(directory: &Path) -> Store {
    Store::open(directory, small()).unwrap()
}

fn set(bucket: u8, key: &str, value: &str) -> Row {
    Row { bucket, key: key.into(), value: Some(value.into()) }
}

fn delete(bucket: u8, key: &str) -> Row {
    Row { bucket, key: key.into(), value: None }
}

fn apply(state: &mut State, rows: &[Row]) {
    for row in rows {
        match &row.value {
            Some(value) => state.insert((row.bucket, row.key.clone()), value.clone()),
            None => state.remove(&(row.bucket, row.key.clone())),
        };
    }
}

fn state_of(checkpoint: &Checkpoint) -> Result<State, Error> {
    let mut state = State::new();
    for row in checkpoint.rows(|_| true) {
        let row = row?;
        let next = (row.bucket, row.key);
        assert!(state.last_key_value().is_none_or(|(last, _)| *last < next), "rows out of order");
        state.insert(next, row.value.expect("a deleted row came out"));
    }
    Ok(state)
}

/// The state after choosing the newest good checkpoint.
fn chosen(directory: &Path) -> (Option<u64>, State) {
    let found = open(directory).newest_good().unwrap();
    let state = found.checkpoint.as_ref().map(|checkpoint| state_of(checkpoint).unwrap());
    (found.checkpoint.map(|checkpoint| checkpoint.number()), state.unwrap_or_default())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| !path.ends_with("lock")).collect();
    files.sort();
    files
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = folder();
    for file in files(from) {
        fs::copy(&file, to.path().join(file.file_name().unwrap())).unwrap();
    }
    to
}

/// Two chains: checkpoint 2 of runs 2 and 1, checkpoint 4 of runs 4 and 3; and the state of each.
fn two_chains(directory: &Path) -> BTreeMap<u64, State> {
    let mut store = open(directory);
    let mut state = State::new();
    let mut states = BTreeMap::new();
    let first =
        vec![set(1, "bell", "rings"), set(1, "shop", "opens"), set(9, "offer", "ends"), set(200, "", "")];
    let second = vec![delete(1, "shop"), set(1, "bell", "rings again"), set(3, "door", "shut")];
    let third = vec![delete(200, ""), set(9, "offer", "is back"), delete(7, "nothing")];
    for (tick, rows) in [(10, first), (20, second), (30, third)] {
        if tick == 30 {
            store.compact(|_, _, _| true).unwrap().unwrap();
        }
        apply(&mut state, &rows);
        let (one, other) = rows.split_at(1);
        let written = store.write(tick, &json!({"at": tick}), vec![other.to_vec(), one.to_vec()]).unwrap();
        states.insert(written.number(), state.clone());
    }
    store.forget().unwrap();
    states.remove(&1);
    assert_eq!(states.keys().copied().collect::<Vec<_>>(), [2, 4]);
    assert_eq!(files(directory).len(), 6);
    states
}
