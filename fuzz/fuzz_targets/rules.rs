//! Any text as a rule file: it is loaded, or every error has its text. Nothing panics or hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shopbell_model::rules::load;

fuzz_target!(|text: &str| {
    if let Err(errors) = load(&[("fuzz.toml".to_owned(), text.to_owned())]) {
        assert!(!errors.is_empty());
    }
});
