//! Controls: a promise is switched off, and the comparison must see it.

use super::Mall;
use super::faults::{begin, life, wrong_with};

#[test]
fn a_restart_that_forgets_what_was_said_is_seen() {
    let mall = Mall::new(24_000, 5);
    mall.configure("checkpoint_every = \"20ms\"\nsegment = \"64KiB\"");
    begin(&mall);
    assert!(!life(&mall, "crash:delivered:60").success());
    assert!(mall.text("offers.jsonl").lines().count() > 20, "something was said before");
    let ended = life(&mall, "lose:ledger");
    assert!(wrong_with(&mall, ended).is_some(), "nobody would notice a restart without the ledger");
}
