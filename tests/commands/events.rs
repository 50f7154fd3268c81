//! Files of events that are none.

use super::*;

#[test]
fn a_folder_is_no_file_of_events() {
    let folder = folder();
    for command in [
        &["replay"][..],
        &["diff", "--rules", "rules", "--against", "rules"],
        &["explain", "--person", "card:1"],
    ] {
        let said = shopbell(folder.path(), &[command, &["--events", "rules"]].concat());
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("error[source-folder]: rules is a folder"), "{said:?}");
    }
}
