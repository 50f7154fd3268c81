//! Crashes at named moments, a full disk, and files whose bits have turned.
//!
//! `SHOPBELL_FLIPS` sets how many bits are turned, one at a time (60); `SHOPBELL_FLIPS_SEED` the seed (1).

use super::cuts::{NextLife, Stored};
use super::kills::{Random, remove, setting};
use super::{Mall, SHOPBELL};
use std::process::{Command, ExitStatus};

/// A life with a fault; how it ended.
pub(super) fn life(mall: &Mall, fault: &str) -> ExitStatus {
    Command::new(SHOPBELL)
        .args(["run", "--workers", "2", "--config"])
        .arg(mall.path("job.toml"))
        .arg("--rules")
        .arg(Mall::rules())
        .env("SHOPBELL_FAULT", fault)
        .stderr(std::fs::File::create(mall.path("log")).unwrap())
        .status()
        .unwrap()
}

/// What is wrong with what a job said that was to come to its end, if anything is.
pub(super) fn wrong_with(mall: &Mall, ended: ExitStatus) -> Option<String> {
    if !ended.success() {
        return Some(mall.text("log"));
    }
    (mall.text("offers.jsonl") != mall.text("expected.jsonl")).then(|| "other offers".to_owned())
}

/// Lives without a fault from here on: one is enough.
pub(super) fn goes_on(mall: &Mall, after: &str) {
    let ended = mall.start(1).wait().unwrap();
    assert_eq!(wrong_with(mall, ended), None, "after {after}");
}

pub(super) fn begin(mall: &Mall) {
    remove(mall, "offers.jsonl");
    remove(mall, "state");
}

#[test]
fn a_crash_at_any_named_moment_changes_nothing() {
    let mall = Mall::new(24_000, 5);
    mall.configure("checkpoint_every = \"20ms\"\nsegment = \"64KiB\"");
    // With how often the moment has come when it is the last; all of them come.
    let moments: [(&str, &[u64]); 14] = [
        ("journal-create", &[1, 3]),
        ("journal-write", &[1, 4, 20]),
        ("journal-sync", &[1, 15]),
        ("journal-sync-folder", &[1, 3]),
        ("checkpoint-create", &[1, 2]),
        ("checkpoint-write", &[1, 6]),
        ("checkpoint-sync-file", &[1, 4]),
        ("checkpoint-rename-run", &[1, 2]),
        ("checkpoint-rename-manifest", &[1, 2]),
        ("checkpoint-sync-directory", &[1, 2]),
        ("checkpoint-done", &[1, 2]),
        ("checkpoint-remove", &[1]),
        ("released", &[1, 10]),
        ("delivered", &[1, 10]),
    ];
    let mut missed = Vec::new();
    for (moment, counts) in moments {
        for count in counts {
            begin(&mall);
            let fault = format!("crash:{moment}:{count}");
            let status = life(&mall, &fault);
            if status.success() {
                missed.push(fault.clone());
            }
            goes_on(&mall, &fault);
        }
    }
    assert!(missed.is_empty(), "moments that never came: {missed:?}");
}

#[test]
fn crashes_during_recovery_five_deep_change_nothing() {
    let mall = Mall::new(30_000, 6);
    mall.configure("checkpoint_every = \"1h\"");
    begin(&mall);
    assert!(!life(&mall, "crash:delivered:40").success());
    for depth in 1..=5 {
        let status = life(&mall, &format!("crash:catching-up:{depth}"));
        assert!(!status.success(), "there was something to catch up with: {}", mall.text("log"));
    }
    goes_on(&mall, "five crashes while catching up");
}

#[test]
fn a_full_disk_ends_the_job_by_name_and_loses_nothing() {
    let mall = Mall::new(8_000, 5);
    mall.configure("checkpoint_every = \"20ms\"\nsegment = \"64KiB\"");
    for (fault, code) in [
        ("full:journal-write:5", "journal-io"),
        ("full:journal-sync:5", "journal-io"),
        ("full:checkpoint-write:2", "checkpoint-disk-full"),
        ("full:checkpoint-sync-file:1", "checkpoint-disk-full"),
    ] {
        begin(&mall);
        let status = life(&mall, fault);
        let log = mall.text("log");
        assert_eq!(status.code(), Some(3), "{fault}: {log}");
        assert!(log.contains(&format!("error[{code}]")) && log.contains("hint:"), "{fault}: {log}");
        goes_on(&mall, fault);
    }
}

#[test]
fn a_turned_bit_anywhere_is_found_or_changes_nothing() {
    let state = Stored::new();
    let mut random = Random(setting("SHOPBELL_FLIPS_SEED", 1));
    let (mut named, mut harmless) = (0, 0);
    for _ in 0..setting("SHOPBELL_FLIPS", 60) {
        state.put_back();
        let file = &state.files[random.below(state.files.len() as u64) as usize];
        let mut bytes = std::fs::read(file).unwrap();
        let (place, bit) = (random.below(bytes.len() as u64) as usize, random.below(8));
        bytes[place] ^= 1 << bit;
        std::fs::write(file, &bytes).unwrap();
        match state.next_life(&format!("bit {bit} of byte {place} of {}", file.display())) {
            NextLife::Refused(_) => named += 1,
            NextLife::SaidTheSame => harmless += 1,
        }
    }
    println!("{named} named, {harmless} without effect or recovered from an older checkpoint");
    assert!(named > 0 && harmless > 0, "{named} {harmless}");
}
