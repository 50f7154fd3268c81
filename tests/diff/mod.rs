//! `shopbell diff` as a command: what it prints and writes, and how it ends. What is compared, and how, is tested
//! beside the code in `src/diff`.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn diff(folder: &Path, arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_shopbell");
    Command::new(command).arg("diff").args(arguments).current_dir(folder).output().unwrap()
}

/// The demo in a folder, with a copy of its rules in which long-standing members must have spent more.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let command = env!("CARGO_BIN_EXE_shopbell");
    let path = folder.path().join("demo");
    assert!(Command::new(command).args(["demo", "--write"]).arg(&path).output().unwrap().status.success());
    std::fs::create_dir(folder.path().join("new")).unwrap();
    for name in ["shop.toml", "wishes.toml"] {
        let text = std::fs::read_to_string(path.join("rules").join(name)).unwrap();
        let text = text.replace("lifetime_spend > 5000", "lifetime_spend > 6000");
        std::fs::write(folder.path().join("new").join(name), text).unwrap();
    }
    folder
}

const DEMO: [&str; 8] = [
    "--events",
    "demo/events.jsonl",
    "--rules",
    "demo/rules",
    "--against",
    "new",
    "--config",
    "demo/shopbell.toml",
];

/// Mei spent 5,600: under the new rules she is reminded instead. Eva spent more: nothing changes for her.
#[test]
fn the_demo_with_another_threshold() {
    let folder = demo();
    let arguments = [&DEMO[..], &["--tick", "1ms", "--json", "--html", "page.html"]].concat();
    let output = diff(folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(whole["differ"], true);
    let rule = |name: &str, what: &str| whole["rules"][name][what].as_u64().unwrap();
    assert_eq!((rule("extra_offer", "dropped"), rule("extra_offer", "same")), (1, 0));
    assert_eq!((rule("manager_offer", "dropped"), rule("manager_offer", "same")), (0, 1));
    assert_eq!((rule("cart_reminder", "added"), rule("cart_reminder", "same")), (1, 0));
    let sample = &whole["samples"]["extra_offer"][0];
    assert_eq!((&sample["change"], &sample["person"]), (&"dropped".into(), &"card:9215".into()));
    assert_eq!(sample["old"]["offer"]["score"], 81);
    assert_eq!(sample["new"], Value::Null);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("card:9215"));

    let table = diff(folder.path(), &[&DEMO[..], &["--tick", "1ms"]].concat());
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("no longer made for card:9215"), "{text}");
    assert!(!text.contains('\u{1b}'), "colour where there is no terminal");
}

#[test]
fn what_is_used_wrongly_is_said() {
    let folder = demo();
    let code = |arguments: &[&str]| diff(folder.path(), arguments).status.code();
    let with = |more: &[&'static str]| [&DEMO[..], more].concat();
    assert_eq!(code(&["--events", "demo/events.jsonl", "--rules", "demo/rules"]), Some(2));
    assert_eq!(code(&["--events", "-", "--rules", "demo/rules", "--against", "new"]), Some(2));
    assert_eq!(code(&["--events", "none.jsonl", "--rules", "demo/rules", "--against", "new"]), Some(2));
    assert_eq!(code(&["--events", "demo/events.jsonl", "--rules", "none", "--against", "new"]), Some(2));
    assert_eq!(code(&with(&["--workers", "0"])), Some(2));
    assert_eq!(code(&with(&["--html", "no/such/folder/page.html"])), Some(2));
    std::fs::write(folder.path().join("new/wrong.toml"), "[rule.x]\n").unwrap();
    assert_eq!(code(&DEMO), Some(1), "rules that are wrong are found");
}
