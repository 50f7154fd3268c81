//! Every damaged byte is found, and an independent older checkpoint is used instead.

use super::*;
use std::os::unix::fs::FileExt;

/// The checkpoints that need a file of [`two_chains`].
fn users(file: &Path) -> u64 {
    let name = file.file_name().unwrap().to_str().unwrap();
    let number: u64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    number + number % 2
}

/// The one checkpoint that needs the file is lost, by name; the other is used, with its rows.
fn check_loss(directory: &Path, file: &Path, states: &BTreeMap<u64, State>, what: &str) {
    let lost = users(file);
    let seen = inspect(directory).unwrap();
    for checkpoint in &seen.checkpoints {
        assert_eq!(checkpoint.good, checkpoint.number != lost, "{what}: {checkpoint:?}");
        assert_eq!(checkpoint.error.is_none(), checkpoint.good);
    }
    let mut store = open(directory);
    let found = store.newest_good().unwrap();
    let checkpoint = found.checkpoint.unwrap_or_else(|| panic!("{what}: all is lost"));
    assert_eq!(checkpoint.number(), 6 - lost.max(2), "{what}");
    assert_eq!(state_of(&checkpoint).unwrap(), states[&checkpoint.number()], "{what}");
    let skipped: Vec<u64> = found.skipped.iter().map(|skipped| skipped.number).collect();
    let expected = if lost == 4 && seen.checkpoints.len() == 2 { vec![4] } else { vec![] };
    assert_eq!(skipped, expected, "{what}");
    assert!(found.skipped.iter().all(|skipped| {
        let code = skipped.error.code();
        code.starts_with("checkpoint-") && code != "checkpoint-io" && !skipped.error.hint().is_empty()
    }));
}

#[test]
fn every_flipped_bit_is_found() {
    let place = folder();
    let states = two_chains(place.path());
    for file in files(place.path()) {
        let good = fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&file, &bad).unwrap();
            check_loss(place.path(), &file, &states, &format!("{} byte {at}", file.display()));
        }
        fs::write(&file, &good).unwrap();
    }
    assert_eq!(chosen(place.path()), (Some(4), states[&4].clone()));
}

#[test]
fn every_other_length_is_found() {
    let place = folder();
    let states = two_chains(place.path());
    for file in files(place.path()) {
        let good = fs::read(&file).unwrap();
        for length in 0..good.len() {
            fs::write(&file, &good[..length]).unwrap();
            check_loss(place.path(), &file, &states, &format!("{} cut to {length}", file.display()));
        }
        for more in [&b"\0"[..], b"\n", b" ", b"}", &good] {
            fs::write(&file, [&good, more].concat()).unwrap();
            check_loss(place.path(), &file, &states, &format!("{} and {more:?}", file.display()));
        }
        fs::write(&file, &good).unwrap();
        // In a copy: runs whose manifest is gone are removed.
        let copied = copy(place.path());
        fs::remove_file(copied.path().join(file.file_name().unwrap())).unwrap();
        check_loss(copied.path(), &file, &states, &format!("{} removed", file.display()));
    }
    assert_eq!(chosen(place.path()), (Some(4), states[&4].clone()));
}

/// The runs have the same layout and right checksums; only their values differ.
#[test]
fn a_whole_run_of_another_time_is_found() {
    let (place, other) = (folder(), folder());
    for (directory, value) in [(place.path(), "one"), (other.path(), "two")] {
        open(directory).write(1, &json!(null), vec![vec![set(1, "key", value)]]).unwrap();
    }
    let run = names::run(1);
    let length = |directory: &Path| fs::metadata(directory.join(&run)).unwrap().len();
    assert_eq!(length(place.path()), length(other.path()));
    fs::copy(other.path().join(&run), place.path().join(&run)).unwrap();
    let found = open(place.path()).newest_good().unwrap();
    assert!(found.checkpoint.is_none());
    assert_eq!(found.skipped[0].error.code(), "checkpoint-other-run");
}

/// Damage that comes after the checkpoint was opened and verified.
#[test]
fn rows_read_later_are_right_or_an_error() {
    let place = folder();
    let states = two_chains(place.path());
    let checkpoint = open(place.path()).newest_good().unwrap().checkpoint.unwrap();
    let mut errors = 0;
    for run in checkpoint.runs() {
        let file = fs::File::options().write(true).open(place.path().join(names::run(run.run))).unwrap();
        let good = fs::read(place.path().join(names::run(run.run))).unwrap();
        for at in 0..good.len() {
            file.write_all_at(&[good[at] ^ 1 << (at % 8)], at as u64).unwrap();
            let mut rows = checkpoint.rows(|_| true).peekable();
            let before: Vec<Row> =
                std::iter::from_fn(|| rows.next_if(Result::is_ok)).map(Result::unwrap).collect();
            let expected = states[&4].iter().map(|((bucket, key), value)| Row {
                bucket: *bucket,
                key: key.clone(),
                value: Some(value.clone()),
            });
            let expected: Vec<Row> = expected.collect();
            assert!(expected.starts_with(&before), "byte {at} of run {}", run.run);
            assert!(rows.peek().is_some() || before == expected, "byte {at} of run {}", run.run);
            errors += u64::from(rows.next().is_some());
            assert!(rows.next().is_none(), "rows go on after an error");
            file.write_all_at(&good[at..=at], at as u64).unwrap();
        }
    }
    let blocks: u64 = checkpoint.open_runs().iter().map(|run| run.index().end_of_blocks() - 12).sum();
    assert_eq!(errors, blocks);
    assert_eq!(state_of(&checkpoint).unwrap(), states[&4]);
}

#[test]
fn another_version_is_named_and_left_alone() {
    let place = folder();
    let states = two_chains(place.path());
    let run = place.path().join(names::run(4));
    let good = fs::read(&run).unwrap();
    let mut newer = good.clone();
    newer[8] = 2;
    fs::write(&run, newer).unwrap();
    let found = open(place.path()).newest_good().unwrap();
    assert!(matches!(found.skipped[0].error, Error::UnknownVersion { found: 2, known: 1, .. }));
    fs::write(&run, good).unwrap();
    // A manifest of version 2 whose checksum is right; its runs are not removed.
    let path = place.path().join(names::manifest(4));
    let text = fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 2");
    let (body, _) = text.split_at(text.len() - 12);
    fs::write(&path, format!("{body}{:08x}\"\n}}\n", crc32c::crc32c(body.as_bytes()))).unwrap();
    let found = open(place.path()).newest_good().unwrap();
    assert_eq!(found.skipped[0].error.code(), "checkpoint-unknown-version");
    assert_eq!(state_of(&found.checkpoint.unwrap()).unwrap(), states[&2]);
    assert!(run.exists());
}

/// After a fallback the engine goes on from the older checkpoint, and the damaged one goes.
#[test]
fn writing_goes_on_from_the_older_checkpoint() {
    let place = folder();
    let states = two_chains(place.path());
    fs::write(place.path().join(names::run(3)), "gone").unwrap();
    let mut store = Store::open(place.path(), Settings { keep: 2, ..small() }).unwrap();
    assert!(matches!(store.write(99, &json!(0), vec![]), Err(Error::NotChosen { .. })));
    assert_eq!(store.newest_good().unwrap().checkpoint.unwrap().tick(), 20);
    let mut state = states[&2].clone();
    let rows = vec![set(7, "after", "fallback")];
    apply(&mut state, &rows);
    assert_eq!(store.write(25, &json!(0), vec![rows]).unwrap().number(), 5);
    assert_eq!(store.oldest_needed_tick().unwrap(), Some(20));
    assert_eq!(store.forget().unwrap(), Forgotten { checkpoints: vec![4], runs: vec![3, 4] });
    drop(store);
    assert_eq!(chosen(place.path()), (Some(5), state));
}
