//! A configuration that cannot be read.

use super::*;

#[test]
fn a_configuration_that_is_not_there_is_named_wrongly() {
    let folder = folder();
    for command in [&["run"][..], &["replay", "--events", "events.jsonl"], &["explain", "--person", "card:1"]]
    {
        let said = shopbell(folder.path(), &[command, &["--config", "nowhere.toml"]].concat());
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("error[config-unreadable]: nowhere.toml"), "{said:?}");
        assert!(said.err.contains("hint: "), "{said:?}");
    }
}

#[test]
fn a_demo_of_files_that_are_not_there_is_used_wrongly() {
    let folder = folder();
    for option in ["--config", "--events", "--story", "--rules"] {
        let said = shopbell(folder.path(), &["demo", "--repeat", "0", option, "nowhere"]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("nowhere cannot be read") && said.err.contains("hint: "), "{said:?}");
    }
}
