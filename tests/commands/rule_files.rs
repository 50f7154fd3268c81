//! Rule files that cannot be read: they are errors among others, and never pass as absent.

use super::*;
use serde_json::Value;
use std::os::unix::fs::symlink;

#[test]
fn a_link_that_leads_nowhere_is_a_broken_rule_file() {
    let folder = folder();
    let folder = folder.path();
    symlink("../gone/x.toml", folder.join("rules/x.toml")).unwrap();
    for command in [&["check", "rules"][..], &["replay", "--events", "events.jsonl", "--rules", "rules"]] {
        let said = shopbell(folder, command);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(format!("{}{}", said.out, said.err).contains("rules/x.toml cannot be read"), "{said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_what_is_wrong_with_others() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("rules/a.toml"), b"\xff\xfe").unwrap();
    symlink("gone", folder.join("rules/b.toml")).unwrap();
    std::fs::write(folder.join("rules/c.toml"), "[rule.x]\nwhen = \"never\"\n").unwrap();
    std::fs::write(folder.join("rules/job.toml"), "[engine]\nworkers = 0\n").unwrap();
    let said = shopbell(folder, &["check", "rules", "--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["ok"], false);
    let findings: Vec<(&str, &str)> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["file"].as_str().unwrap(), finding["code"].as_str().unwrap()))
        .collect();
    for expected in [
        ("rules/a.toml", "file-read"),
        ("rules/b.toml", "file-read"),
        ("rules/c.toml", "when.unknown"),
        ("rules/job.toml", "config-out-of-range"),
    ] {
        assert!(findings.contains(&expected), "{findings:?}");
    }
    let said = shopbell(folder, &["check", "rules"]);
    let names = ["rules/a.toml", "rules/b.toml", "rules/c.toml:2:", "rules/job.toml:2:"];
    assert!(said.code == Some(1) && names.iter().all(|name| said.out.contains(name)), "{said:?}");

    std::fs::remove_file(folder.join("rules/job.toml")).unwrap();
    for command in [&["replay", "--events", "events.jsonl", "--rules", "rules"][..], &["test", "rules"]] {
        let said = shopbell(folder, command);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(names[..3].iter().all(|name| said.err.contains(name)), "{said:?}");
    }
}
