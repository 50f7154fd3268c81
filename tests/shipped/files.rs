//! Every file under `config/`.

use shopbell::config::Config;
use shopbell::demo::Story;
use shopbell::demo::stage::ticks;
use shopbell_model::rules::{RuleSet, load};
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rules_of(folder: &Path) -> RuleSet {
    let files: Vec<_> = files_under(folder).into_iter().map(|file| text_of(&file)).collect();
    load(&files).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub(super) fn text_of(file: &Path) -> (String, String) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    (file.display().to_string(), text)
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Loads a file as what its place says it is.
fn check(file: &Path, config: &Path) {
    let place = file.strip_prefix(config).unwrap();
    let (name, text) = text_of(file);
    let under = |folder: &str| place.starts_with(folder);
    let extension = place.extension().unwrap_or_default();
    let file_name = place.file_name().unwrap().to_str().unwrap();
    if file_name == "rules.schema.json" {
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema, shopbell_model::rules::schema::schema(), "make it anew: shopbell schema > {name}");
    } else if extension == "jsonl" {
        let events = ticks(&text, &Config::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!events.is_empty(), "{name} has no events");
    } else if under("rules") || under("demo/rules") || under("examples/rules") {
        let set = load(&[(name.clone(), text)]).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert!(!set.rules.is_empty(), "{name} has no rules");
    } else if file_name == "story.toml" {
        assert!(!Story::parse(&name, &text).unwrap().steps.is_empty());
    } else if extension == "toml" {
        let config = Config::load(file).unwrap_or_else(|errors| panic!("{errors:#?}"));
        // What it points to must be there.
        assert!(!rules_of(&config.engine.rules.unwrap()).rules.is_empty());
    } else {
        panic!("{name}: say in tests/shipped/files.rs what this file is");
    }
}

#[test]
fn every_file_is_loaded() {
    let config = root().join("config");
    let files = files_under(&config);
    assert!(files.len() > 10, "{files:?}");
    files.iter().for_each(|file| check(file, &config));
}

#[test]
fn folders_of_rules_are_sets() {
    for folder in ["config/rules", "config/demo/rules", "config/examples/rules"] {
        let set = rules_of(&root().join(folder));
        assert!(set.disabled.is_empty(), "{folder}");
    }
}

#[test]
fn the_program_holds_every_rule_file_of_the_demo() {
    let mut inside: Vec<_> =
        shopbell::demo::Material::embedded().rules.into_iter().map(|(_, text)| text).collect();
    let mut beside: Vec<_> =
        files_under(&root().join("config/demo/rules")).iter().map(|file| text_of(file).1).collect();
    inside.sort();
    beside.sort();
    assert_eq!(inside, beside, "src/demo/material.rs does not embed config/demo/rules/*.toml as they are");
}
