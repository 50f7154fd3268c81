//! What a start says of a folder it cannot go on with.

use super::faults::life;
use super::{Mall, each_file};
use shopbell::stored::FORMAT;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with a state that was ended in good order.
fn ended() -> Mall {
    let mall = Mall::new(2_000, 3);
    mall.configure("checkpoint_every = \"50ms\"");
    assert!(mall.start(2).wait().unwrap().success());
    assert_eq!(mall.text("offers.jsonl"), mall.text("expected.jsonl"));
    mall
}

/// Starts it; gives the exit code and the log.
fn outcome(mall: &Mall) -> (Option<i32>, String) {
    let status = mall.start(2).wait().unwrap();
    (status.code(), mall.text("log"))
}

#[test]
fn a_job_that_ended_in_good_order_has_nothing_to_say_again() {
    let mall = ended();
    let (code, log) = outcome(&mall);
    assert_eq!((code, mall.text("offers.jsonl")), (Some(0), mall.text("expected.jsonl")), "{log}");
    assert!(log.contains("caught up with") && log.contains("events=0"), "{log}");
}

/// Starts it with another configuration, which must end it so.
fn refused(mall: &Mall, config: &str, code: i32, name: &str) {
    std::fs::write(mall.path("job.toml"), config).unwrap();
    let (exit, log) = outcome(mall);
    assert_eq!(exit, Some(code), "{log}");
    assert!(log.contains(&format!("error[{name}]")) && log.contains("hint:"), "{log}");
}

fn refuses_other_clocks(mall: &Mall) {
    let config = mall.text("job.toml");
    let slow = config.replace("clock = \"events\"", "clock = \"events\"\ntick = \"5ms\"");
    refused(mall, &slow, 2, "state-settings");
    refused(mall, &config.replace("clock = \"events\"", "clock = \"wall\""), 2, "state-settings");
    std::fs::write(mall.path("job.toml"), config).unwrap();
}

#[test]
fn what_was_killed_before_its_first_checkpoint_says_how_it_was_begun() {
    let mall = Mall::new(8_000, 3);
    mall.configure("checkpoint_every = \"1h\"");
    assert!(!life(&mall, "crash:delivered:25").success());
    let begun = mall.path("state/state.json");
    let found = files(&mall.path("state/checkpoints"));
    assert!(found.keys().all(|path| path.ends_with("lock")), "{:?}", found.keys());
    refuses_other_clocks(&mall);
    let (config, text) = (mall.text("job.toml"), std::fs::read_to_string(&begun).unwrap());
    edit_manifest(&begun, |text| text.replace(&format!("\"format\": {FORMAT}"), "\"format\": 4"));
    refused(&mall, &config, 2, "state-format");
    std::fs::remove_file(&begun).unwrap();
    refused(&mall, &config, 3, "state-meta");
    std::fs::write(&begun, text).unwrap();
    let (code, log) = outcome(&mall);
    assert_eq!((code, mall.text("offers.jsonl")), (Some(0), mall.text("expected.jsonl")), "{log}");
}

#[test]
fn what_does_not_fit_the_state_is_refused_by_name() {
    let mall = ended();
    refuses_other_clocks(&mall);
    let config = mall.text("job.toml");
    let refused = |config: &str, code: i32, name: &str| refused(&mall, config, code, name);

    let offers = mall.text("offers.jsonl");
    std::fs::write(mall.path("offers.jsonl"), &offers[..offers.len() / 2]).unwrap();
    refused(&config, 3, "output-shorter");
    std::fs::write(mall.path("offers.jsonl"), &offers).unwrap();

    let events = mall.text("events.jsonl");
    std::fs::write(mall.path("events.jsonl"), &events[..events.len() / 2]).unwrap();
    refused(&config, 3, "source-shorter");
    std::fs::write(mall.path("events.jsonl"), &events).unwrap();

    std::fs::remove_file(mall.path("state/journal/durable")).unwrap();
    refused(&config, 3, "journal-mark-missing");
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    each_file(folder, &mut |path, bytes| _ = found.insert(path.to_path_buf(), bytes));
    found
}

/// Says something else in a manifest, under a right checksum.
fn edit_manifest(path: &Path, edit: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    let (summed, _) = text.split_at(text.rfind("\"checksum\": \"").unwrap() + "\"checksum\": \"".len());
    let edited = edit(summed);
    assert_ne!(edited, summed);
    let checksum = crc32c::crc32c(edited.as_bytes());
    std::fs::write(path, format!("{edited}{checksum:08x}\"\n}}\n")).unwrap();
}

/// Puts another version into the first `length` bytes at `offset`, which end in their checksum.
fn edit_version(bytes: &mut [u8], offset: usize, length: usize, version: u16) {
    let unit = &mut bytes[offset..offset + length];
    unit[8..10].copy_from_slice(&version.to_le_bytes());
    let checksum = crc32c::crc32c(&unit[..length - 4]);
    unit[length - 4..].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn a_state_of_another_version_is_refused_by_name_and_left_as_it_is() {
    let mall = ended();
    // What opening would clear away or put right.
    std::fs::write(mall.path("state/checkpoints/checkpoint-00000000000000000999.json.tmp"), "{").unwrap();
    std::fs::write(mall.path("state/checkpoints/run-00000000000000000999.rows"), "rows").unwrap();
    let good = files(&mall.path("state"));
    let refused = |code: &str, number: u16| {
        let before = files(&mall.path("state"));
        let (exit, log) = outcome(&mall);
        assert_eq!(exit, Some(2), "{log}");
        let named = log.contains(&format!("error[{code}]")) && log.contains("hint:");
        let says = [format!("format {number},"), format!("version {number},")];
        assert!(named && says.iter().any(|says| log.contains(says)), "{log}");
        assert!(files(&mall.path("state")) == before, "the refusal changed something: {log}");
        assert_eq!(mall.text("offers.jsonl"), mall.text("expected.jsonl"));
        let told = Command::new(super::SHOPBELL)
            .args(["checkpoint", "inspect"])
            .arg(mall.path("state"))
            .output()
            .unwrap();
        let told =
            String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
        assert!(told.contains(code), "inspect does not say so: {told}");
        good.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    };
    let is = |path: &&PathBuf, end: &str| path.to_string_lossy().ends_with(end);
    let begun = mall.path("state/state.json");
    let manifests: Vec<&PathBuf> = good.keys().filter(|path| is(path, ".json") && **path != begun).collect();
    let segments: Vec<&PathBuf> = good.keys().filter(|path| is(path, ".log")).collect();
    assert!(!manifests.is_empty() && !segments.is_empty(), "{:?}", good.keys());
    for other in [3, 9] {
        // Of what another version wrote besides, nothing has to be understood.
        for manifest in &manifests {
            edit_manifest(manifest, |text| {
                let text = text.replace(&format!("\"format\": {FORMAT}"), &format!("\"format\": {other}"));
                text.replace("\"arrival\"", "\"events\"")
            });
        }
        refused("state-format", other);
        edit_manifest(&begun, |text| {
            let text = text.replace(&format!("\"format\": {FORMAT}"), &format!("\"format\": {other}"));
            text.replace("\"clock\"", "\"time\"")
        });
        refused("state-format", other);
        for manifest in &manifests {
            edit_manifest(manifest, |text| text.replace("\"format\": 1,", &format!("\"format\": {other},")));
        }
        refused("checkpoint-unknown-version", other);
        for segment in &segments {
            let mut bytes = good[*segment].clone();
            edit_version(&mut bytes, 0, 22, other);
            std::fs::write(segment, bytes).unwrap();
        }
        refused("journal-unknown-version", other);
        let mark = mall.path("state/journal/durable");
        let mut bytes = good[&mark].clone();
        [0, 62].into_iter().for_each(|slot| edit_version(&mut bytes, slot, 62, other));
        std::fs::write(&mark, bytes).unwrap();
        refused("journal-unknown-version", other);
    }
    // As it was, it is gone on with.
    let (exit, log) = outcome(&mall);
    assert_eq!(exit, Some(0), "{log}");
}

#[test]
fn only_one_job_has_a_state() {
    let mall = Mall::new(20_000, 3);
    mall.configure("checkpoint_every = \"50ms\"");
    let mut first = mall.start(1);
    while mall.text("offers.jsonl").is_empty() {
        assert!(first.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let (code, log) = outcome(&mall);
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("error[journal-locked]"), "{log}");
    first.kill().unwrap();
    first.wait().unwrap();
}
