//! The tests in shipped rule files hold, every shipped rule has some, and the command runs them.

use super::files::{root, rules_of};
use serde_json::Value;
use shopbell::prove::{prove, tell, untested};
use shopbell_model::event::Body;
use shopbell_model::rules::testing::What;
use shopbell_model::rules::{Rule, RuleSet, RuleTest};
use std::collections::BTreeSet;
use std::process::{Command, Output};

const FOLDERS: [&str; 4] =
    ["config/rules", "config/demo/rules", "config/examples/rules", "deploy/kubernetes/rules"];

pub(super) fn tests_hold(set: &RuleSet) {
    for (test, outcome) in set.tests.iter().zip(prove(set, 2).unwrap()) {
        let mut told = Vec::new();
        tell::tell(&mut told, test, &outcome).unwrap();
        assert!(outcome.differences.is_empty(), "{}", String::from_utf8_lossy(&told));
    }
}

#[test]
fn all_tests_of_shipped_rules_hold() {
    for folder in FOLDERS {
        let set = rules_of(&root().join(folder));
        assert!(!set.tests.is_empty(), "{folder} has no tests");
        tests_hold(&set);
    }
}

/// Whether a test has the rule stay silent: for everybody, for somebody in it, or where policy objects.
fn is_silent(test: &RuleTest, rule: &Rule) -> bool {
    let about = |kept_back| {
        test.expect.iter().filter(move |expected| {
            expected.rule == rule.id && matches!(expected.what, What::KeptBack { .. }) == kept_back
        })
    };
    let persons: BTreeSet<&str> = test
        .given
        .iter()
        .filter_map(|given| match &given.event.body {
            Body::Person { handle, .. } => Some(handle.as_str()),
            _ => None,
        })
        .collect();
    let offered: Vec<Option<&str>> = about(false).map(|expected| expected.who.as_deref()).collect();
    let all_named = offered.iter().all(Option::is_some);
    test.rules.contains(&rule.id)
        && (about(true).next().is_some()
            || all_named && persons.iter().any(|person| !offered.contains(&Some(person))))
}

#[test]
fn every_shipped_rule_is_tested_to_speak_and_to_be_silent() {
    for folder in FOLDERS {
        let set = rules_of(&root().join(folder));
        let names: Vec<_> = untested(&set).iter().map(|rule| &rule.id).collect();
        assert!(names.is_empty(), "{folder}: no test expects an offer of {names:?}");
        for rule in &set.rules {
            assert!(
                set.tests.iter().any(|test| is_silent(test, rule)),
                "{folder}: no test has {} stay silent",
                rule.id
            );
        }
    }
}

fn shopbell(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shopbell")).args(arguments).output().unwrap()
}

#[test]
fn the_command_says_what_holds_and_exits_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    let rules = path.to_str().unwrap();
    let rule = "[rule.hello]\nwhen = 'checked_in'\noffer = { title = 'Hello' }\n";
    let test = |expect: &str| {
        format!(
            "[[test]]\nname = 'at the door'\ngiven = ['10:00 device:1 store.check_in shop']\nexpect = [{expect}]\n"
        )
    };
    let run = |text: &str, more: &[&str]| {
        std::fs::write(&path, text).unwrap();
        let output = shopbell(&[&["test", rules], more].concat());
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.code(), out, err)
    };
    let holds = format!("{rule}{}", test("{ offer = 'hello' }"));
    let fails = format!("{rule}{}", test(""));
    let (code, out, _) = run(&holds, &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("ok    at the door ") && out.contains("\n1 of 1 tests hold"), "{out}");
    let (code, out, _) = run(&fails, &[]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("FAIL  at the door ") && out.contains("\n0 of 1 tests hold"), "{out}");
    assert!(
        out.contains("unexpected  10:00 offer hello for device:1, on push, score 50, \"Hello\""),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'), "colour where there is no terminal");

    let (code, out, _) = run(&fails, &["--json"]);
    let whole: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &whole["ok"], &whole["failed"]), (Some(1), &false.into(), &1.into()));
    let one = &whole["tests"][0];
    assert_eq!((&one["name"], &one["line"], &one["ok"]), (&"at the door".into(), &4.into(), &false.into()));
    assert_eq!(one["differences"][0]["kind"], "unexpected");
    assert_eq!(one["came"][0]["data"]["title"], "Hello");

    // Wrong rules are found; no tests at all, or no such folder, is a wrong use.
    let (code, _, err) = run(&holds.replace("10:00 ", "10:60 "), &[]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("rules.toml:6:11: `10:60` is not a time of a test"), "{err}");
    assert_eq!(run(rule, &[]).0, Some(2));
    assert_eq!(run(&holds, &["--only", "door"]).0, Some(0));
    assert_eq!(run(&holds, &["--only", "window"]).0, Some(2));
    assert_eq!(shopbell(&["test", "/no/such/folder"]).status.code(), Some(2));
    assert_eq!(shopbell(&["test"]).status.code(), Some(2));

    // A rule without a test is worth a word, not an error.
    let check = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = shopbell(&["check", rules]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = check(rule);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("warning: no test expects an offer of `hello`\nok: 1 rules"), "{out}");
    assert!(check(&holds).1.starts_with("ok: 1 rules"));
    let (code, out) = check(&format!("{holds}[budget.spring]\namount = 5000\n"));
    assert_eq!(code, Some(0));
    assert!(out.starts_with("warning: no rule is paid from the budget `spring`\nok: 1 rules"), "{out}");
}
