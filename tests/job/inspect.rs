//! `shopbell checkpoint inspect` on folders of real jobs, and whether a restart does what it said.

use super::*;
use std::collections::BTreeMap;
use std::path::Path;

const CONFIG: &str = "
    http.listen = \"off\"
    output.file = \"offers.jsonl\"
    [engine]
    clock = \"events\"
    [source]
    files = [\"events.jsonl\"]
    [state]
    folder = \"state\"
";

fn check_ins(range: std::ops::Range<u32>) -> String {
    let line = |n: u32| {
        let mut event = check_in(&n.to_string(), &format!("phone:{n}"));
        event["time"] = format!("2026-01-05T09:00:{n:02}Z").into();
        format!("{event}\n")
    };
    range.map(line).collect()
}

/// Two runs of a job: thirty events, and ten more. Checkpoint 2 stands on the run of checkpoint 1.
fn kept() -> Process {
    let mut process = Process::start(CHECKED_IN, CONFIG, &[("events.jsonl", &check_ins(0..30))], &[]);
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    std::fs::write(process.path("events.jsonl"), check_ins(0..40)).unwrap();
    assert_eq!(restart(&process).0, Some(0));
    process
}

/// Runs the job again, on what it kept.
fn restart(process: &Process) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["run", "--workers", "2", "--rules"])
        .arg(process.path("rules"))
        .arg("--config")
        .arg(process.path("shopbell.toml"))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn inspect(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shopbell"));
    let output = command.args(["checkpoint", "inspect"]).arg(folder).args(more).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn inspect_json(folder: &Path, code: i32) -> Value {
    let (found, out, said) = inspect(folder, &["--json"]);
    assert_eq!((found, said.as_str()), (Some(code), ""), "{out}");
    serde_json::from_str(&out).unwrap()
}

/// Every file, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut self::files(&path));
        } else {
            files.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    files
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn run_file(process: &Process, number: u32) -> PathBuf {
    process.path(&format!("state/checkpoints/run-{number:020}.rows"))
}

#[test]
fn what_a_job_kept_is_shown_without_anybodys_keys() {
    let process = kept();
    let state = process.path("state");
    let before = files(&state);
    let seen = inspect_json(&state, 0);
    let (code, table, _) = inspect(&state, &[]);
    assert_eq!((code, &files(&state)), (Some(0), &before));

    let bytes = |name: &str| before[&state.join(name)].len();
    let [newest, older] = seen["checkpoints"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!((&newest["number"], &older["number"]), (&json!(2), &json!(1)));
    assert_eq!(newest["time"], "2026-01-05T09:00:39.000Z");
    assert_eq!(newest["tick"], 1_767_603_639_000_u64);
    let [difference, base] = newest["runs"].as_array().unwrap().as_slice() else { panic!("{newest}") };
    assert_eq!((&difference["kind"], &difference["shared_with"]), (&json!("difference"), &json!([])));
    assert_eq!((&base["kind"], &base["shared_with"]), (&json!("base"), &json!([1])));
    assert_eq!(base["bytes"], bytes("checkpoints/run-00000000000000000001.rows"));
    assert_eq!(newest["rows"], difference["rows"].as_u64().unwrap() + base["rows"].as_u64().unwrap());
    assert_eq!((&newest["shares_files_with"], &older["shares_files_with"]), (&json!([1]), &json!([2])));
    let meta = &newest["meta"];
    // The first record of a journal holds the rules.
    assert_eq!((&meta["sequence"], &meta["events"]), (&json!(41), &json!(40)));
    assert_eq!(meta["output"]["file"], std::fs::metadata(process.path("offers.jsonl")).unwrap().len());
    let read = meta["read"].as_object().unwrap();
    assert_eq!(read.values().collect::<Vec<_>>(), [&json!(check_ins(0..40).len())]);
    assert_eq!(meta["rules"]["welcome"].as_str().unwrap().len(), 12);
    assert_eq!(older["meta"]["sequence"], 31);
    let journal = &seen["journal"];
    assert_eq!(
        (&journal["first"], &journal["last"], &journal["records"]),
        (&json!(1), &json!(41), &json!(41))
    );
    assert_eq!(journal["from_time"], "2026-01-05T09:00:00.000Z");
    assert_eq!(journal["bytes"], bytes("journal/journal-00000000000000000001.log"));
    assert_eq!((&seen["fallback"], &seen["good"]), (&json!(null), &json!(true)));
    assert_eq!(seen["restart"], json!({ "checkpoint": 2, "records": 0, "error": null }));

    for line in [
        "restart     uses checkpoint 2 and does 0 records of the journal again",
        "journal     41 records, 1 to 41, ticks 2026-01-05T09:00:00.000Z to 2026-01-05T09:00:39.000Z;",
        "fallback    none: ",
    ] {
        assert!(table.contains(line), "{line} is not in\n{table}");
    }
    // Columns are aligned: the state of each checkpoint stands under its head.
    let lines: Vec<&str> = table.lines().collect();
    let head = lines.iter().position(|line| line.contains("shares with  state")).unwrap();
    let column = lines[head].find("state").unwrap();
    assert!(lines[head + 1..head + 3].iter().all(|line| line[column..] == *"good"), "{table}");
    assert!(!table.contains('\u{1b}'), "colour where there is no terminal");

    let hexadecimal: String = b"phone:".iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = state.join("checkpoints/checkpoint-00000000000000000002.json");
    assert!(String::from_utf8_lossy(&before[&manifest]).contains(&hexadecimal), "no key to be seen");
    let decimal = format!("{:?}", b"phone:");
    let never = ["phone:", &hexadecimal, decimal.trim_matches(['[', ']']), "lowest", "highest"];
    for text in [&table, &seen.to_string()] {
        assert!(never.iter().all(|key| !text.contains(key)), "{text}");
    }
    // The folder of checkpoints alone says the same.
    let mut inner = inspect_json(&state.join("checkpoints"), 0);
    inner["folder"] = seen["folder"].clone();
    assert_eq!(inner, seen);
}

#[test]
fn damage_is_named_and_a_restart_does_what_was_said() {
    let process = kept();
    let state = process.path("state");
    flip(&run_file(&process, 2));
    let seen = inspect_json(&state, 1);
    let [newest, older] = seen["checkpoints"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!(
        (&newest["good"], &older["good"], &seen["good"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert_eq!(newest["error"]["code"], "checkpoint-checksum");
    assert_eq!(seen["restart"], json!({ "checkpoint": 1, "records": 10, "error": null }));
    let (code, table, _) = inspect(&state, &[]);
    assert_eq!(code, Some(1));
    for text in
        ["error[checkpoint-checksum]", "hint: ", "uses checkpoint 1 and does 10 records of the journal"]
    {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let offers = std::fs::read(process.path("offers.jsonl")).unwrap();
    let (code, said) = restart(&process);
    assert!(code == Some(0) && said.contains("passed over"), "{said}");
    assert!(said.contains("caught up with events=10"), "{said}");
    assert_eq!(std::fs::read(process.path("offers.jsonl")).unwrap(), offers);

    // The base of both: only the journal is left.
    flip(&run_file(&process, 1));
    let seen = inspect_json(&state, 1);
    assert_eq!(seen["restart"], json!({ "checkpoint": null, "records": 41, "error": null }));
    let (code, said) = restart(&process);
    assert!(code == Some(0) && said.contains("caught up with events=40"), "{said}");
    let seen = inspect_json(&state, 0);
    assert_eq!(seen["restart"]["records"], 0);
}

#[test]
fn a_restart_that_would_fail_is_foretold() {
    let process = kept();
    let state = process.path("state");
    let journal = process.path("state/journal/journal-00000000000000000001.log");
    let foretold = |code: &str| {
        let seen = inspect_json(&state, 1);
        assert_eq!(seen["restart"]["error"]["code"], code, "{seen}");
        assert_eq!((&seen["restart"]["checkpoint"], &seen["restart"]["records"]), (&json!(2), &json!(null)));
        let (status, said) = restart(&process);
        assert!(status == Some(3) && said.contains(&format!("error[{code}]")), "{said}");
        seen
    };
    let good = std::fs::read(&journal).unwrap();
    flip(&journal);
    let seen = foretold("journal-damaged");
    assert_eq!(seen["journal"]["error"], seen["restart"]["error"]);
    assert!((1..40).contains(&seen["journal"]["records"].as_u64().unwrap()), "{seen}");
    assert!(inspect(&state, &[]).1.contains("restart     fails; it would use checkpoint 2"));
    std::fs::write(&journal, good).unwrap();
    inspect_json(&state, 0);

    // Without the journal the folder of checkpoints still says what it holds.
    let alone = process.path("alone");
    std::fs::create_dir(&alone).unwrap();
    for (path, bytes) in files(&process.path("state/checkpoints")) {
        std::fs::write(alone.join(path.file_name().unwrap()), bytes).unwrap();
    }
    let seen = inspect_json(&alone, 0);
    assert_eq!(seen["journal"], json!(null));
    assert_eq!(seen["restart"], json!({ "checkpoint": 2, "records": null, "error": null }));
    std::fs::remove_dir_all(process.path("state/journal")).unwrap();
    foretold("journal-beyond");
}

#[test]
fn where_there_is_no_state_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("state/checkpoints")).unwrap();
    std::fs::create_dir_all(folder.path().join("state/journal")).unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (name, code) in [
        ("empty", "state-nothing"),
        ("state", "state-nothing"),
        ("file", "state-no-folder"),
        ("nowhere", "state-no-folder"),
    ] {
        let (status, out, said) = inspect(&folder.path().join(name), &[]);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{name}: {said}");
        assert!(said.contains(&format!("error[{code}]")) && said.contains("hint: "), "{name}: {said}");
    }
}

/// Until checkpoints were compacted and forgotten, and segments of the journal with them.
#[test]
fn a_job_that_writes_is_not_disturbed_and_shows_no_damage() {
    let config = "[state]\nfolder = \"state\"\ncheckpoint_every = \"1ms\"\nsegment = \"4KiB\"\n";
    let job = Job::start(CHECKED_IN, config);
    let state = job.process.path("state");
    let mut sent = 0;
    wait_for("a fallback and a journal that forgot", || {
        let check_in = |n: usize| check_in(&n.to_string(), &format!("phone:{n}"));
        job.accept(&(sent..sent + 10).map(check_in).collect::<Vec<_>>());
        sent += 10;
        let seen = shopbell::run::inspect::inspect(&state).unwrap();
        assert!(seen.good, "{seen:#?}");
        let first = seen.journal.and_then(|journal| journal.first);
        (seen.fallback.is_some() && first > Some(1)).then_some(())
    });
    let _process = job.stop();
    let seen = inspect_json(&state, 0);
    assert_eq!(seen["checkpoints"][0]["meta"]["events"], sent);
    assert_eq!(seen["restart"]["records"], 0);
    let fallback = seen["fallback"].as_u64().unwrap();
    let shared = seen["checkpoints"][0]["shares_files_with"].as_array().unwrap();
    assert!(!shared.contains(&json!(fallback)), "{seen}");
    assert!(inspect(&state, &[]).1.contains(&format!("fallback    checkpoint {fallback} shares no file")));
}
