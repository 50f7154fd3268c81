//! What is encoded decodes to the same event, whatever the event.

use super::*;
use crate::event::arbitrary::{arbitrary_event, small_world};
use crate::event::{Decoded, Limits, decode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

/// The first moment of 2100: no random event is ahead of it.
const NOW: u64 = 4_102_444_800_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decoding_undoes_encoding(event in arbitrary_event()) {
        let text = encode(&event);
        prop_assert!(!text.contains('\n'), "{}", text);
        prop_assert_eq!(decode(text.as_bytes(), NOW, &Limits::default()), Ok(Decoded::Event(event)), "{}", text);
    }

    #[test]
    fn a_small_world_is_sound_too(event in small_world()) {
        let text = encode(&event);
        prop_assert_eq!(decode(text.as_bytes(), NOW, &Limits::default()), Ok(Decoded::Event(event)), "{}", text);
    }
}

#[test]
fn every_type_is_drawn_but_one_that_merges() {
    let mut runner = TestRunner::deterministic();
    let strategy = arbitrary_event();
    let drawn: BTreeSet<Kind> =
        (0..2000).map(|_| strategy.new_tree(&mut runner).unwrap().current().body.kind()).collect();
    let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !drawn.contains(kind)).collect();
    assert_eq!(missing, [&Kind::Wifi]);
}
