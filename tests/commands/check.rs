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

#[test]
fn spans_that_reach_further_than_what_is_kept_are_warned_of() {
    let folder = folder();
    let folder = folder.path();
    let rule =
        "[rule.x]\nwhen = \"lapsed\"\nidle = \"20d\"\noffer = { title = \"t\" }\npolicy.cooldown = \"60d\"\n";
    std::fs::write(folder.join("rules/x.toml"), rule).unwrap();
    let said = shopbell(folder, &["check", "rules"]);
    let cooldown = "warning: `x` looks back no further than that: its `policy.cooldown` comes to 60d, and `[retention] ledger` is 30d\n";
    assert!(said.code == Some(0) && said.out.contains(cooldown) && !said.out.contains("`idle`"), "{said:?}");
    std::fs::write(folder.join("job.toml"), "[retention]\nactivity = \"10d\"\nledger = \"90d\"\n").unwrap();
    let said = shopbell(folder, &["check", "rules", "job.toml"]);
    let idle =
        "warning: `x` never makes an offer: its `idle` comes to 20d, and `[retention] activity` is 10d\n";
    assert!(said.code == Some(0) && said.out.contains(idle) && !said.out.contains("`policy"), "{said:?}");
    // Nothing of what is shipped does that.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = shopbell(root, &["check", "config/rules", "config/shopbell.toml"]);
    assert!(said.code == Some(0) && !said.out.contains("comes to"), "{said:?}");
}
