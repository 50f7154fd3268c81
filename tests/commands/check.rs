//! What `shopbell check` prints.

use super::*;

#[test]
fn everything_that_is_wrong_has_its_hint() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("rules/x.toml"), "[rule.x]\nwhen = \"checked_ni\"\n").unwrap();
    std::fs::write(folder.join("job.toml"), "[engine]\nworker = 1\n").unwrap();
    let said = shopbell(folder, &["check", "rules", "job.toml"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("job.toml:2:1: ") && said.out.contains("\n  hint: did you mean `workers`?\n"));
    let lines: Vec<&str> = said.out.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("rules/x.toml:2:")).unwrap();
    assert!(lines[at + 1].starts_with("  hint: ") && lines[at + 1].contains("`checked_in`"), "{said:?}");
    // Others that read rules say the same.
    let said = shopbell(folder, &["replay", "--events", "events.jsonl", "--rules", "rules"]);
    assert!(said.code == Some(1) && said.err.contains(lines[at + 1]), "{said:?}");
}

#[test]
fn a_configuration_with_a_misspelt_table_is_still_one() {
    let folder = folder();
    let folder = folder.path();
    for (text, hint) in [
        ("[engin]\nworkers = 2\n", "did you mean `engine`?"),
        ("[kafka]\nbroker = [\"localhost:1\"]\n", "did you mean `brokers`?"),
        ("[state]\nfold = \"x\"\n", "did you mean `folder`?"),
        ("[rul.x]\nwhen = \"checked_in\"\n", "did you mean `rule`?"),
    ] {
        std::fs::write(folder.join("file.toml"), text).unwrap();
        let said = shopbell(folder, &["check", "file.toml"]);
        assert!(said.code == Some(1) && said.out.contains(hint), "{text}: {said:?}");
    }
}
