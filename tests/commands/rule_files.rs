//! Rule files that cannot be read: they never pass as absent.

use super::*;
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
