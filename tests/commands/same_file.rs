//! What is read is never overwritten, whatever the path is called, and two outputs do not overwrite one another.

use super::*;
use std::fs::{File, hard_link};
use std::os::unix::fs::symlink;

fn refused(said: &Said, uses: [&str; 2]) {
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("error[same-file]") && said.err.contains("hint: "), "{said:?}");
    assert!(uses.iter().all(|name| said.err.contains(name)), "{said:?}");
}

#[test]
fn a_replay_does_not_overwrite_what_it_reads() {
    let folder = folder();
    let folder = folder.path();
    symlink("events.jsonl", folder.join("link.jsonl")).unwrap();
    hard_link(folder.join("events.jsonl"), folder.join("hard.jsonl")).unwrap();
    std::fs::write(folder.join("job.toml"), "").unwrap();
    let replay = ["replay", "--events", "events.jsonl", "--rules", "rules", "--config", "job.toml"];
    for output in ["--out", "--dead-letters"] {
        for path in ["events.jsonl", "./rules/../events.jsonl", "link.jsonl", "hard.jsonl"] {
            let said = shopbell(folder, &[&replay[..], &[output, path]].concat());
            refused(&said, [&format!("{output} {path}"), "--events events.jsonl"]);
            assert_eq!(text(folder, "events.jsonl"), EVENT);
        }
    }
    let said = shopbell(folder, &[&replay[..], &["--out", "job.toml"]].concat());
    refused(&said, ["--out job.toml", "--config job.toml"]);
    let said = shopbell(folder, &[&replay[..], &["--out", "rules/welcome.toml"]].concat());
    refused(&said, ["--out", "--rules"]);
    assert_eq!(text(folder, "rules/welcome.toml"), RULE);

    let input = Stdio::from(File::open(folder.join("events.jsonl")).unwrap());
    let said = shopbell_reading(folder, &["replay", "--events", "-", "--out", "events.jsonl"], input);
    refused(&said, ["--out events.jsonl", "--events -"]);
    assert_eq!(text(folder, "events.jsonl"), EVENT);
}

#[test]
fn offers_and_dead_letters_go_to_two_files() {
    let folder = folder();
    let folder = folder.path();
    symlink("offers.jsonl", folder.join("later.jsonl")).unwrap();
    for letters in ["offers.jsonl", "rules/../offers.jsonl", "later.jsonl"] {
        let replay = ["replay", "--events", "events.jsonl", "--out", "offers.jsonl", "--dead-letters"];
        let said = shopbell(folder, &[&replay[..], &[letters]].concat());
        refused(&said, ["--out offers.jsonl", &format!("--dead-letters {letters}")]);
        assert!(!folder.join("offers.jsonl").exists(), "nothing was opened");
    }
}

#[test]
fn what_is_no_regular_file_may_be_used_twice() {
    let folder = folder();
    let replay = ["replay", "--events", "/dev/null", "events.jsonl", "events.jsonl", "--dead-letters"];
    let said = shopbell(folder.path(), &[&replay[..], &["/dev/null", "--out", "/dev/null"]].concat());
    assert!(said.code == Some(0) && said.err.contains("1 events"), "{said:?}");
}

#[test]
fn an_import_and_a_difference_do_not_overwrite_what_they_read() {
    let folder = folder();
    let folder = folder.path();
    std::fs::create_dir(folder.join("set")).unwrap();
    std::fs::write(folder.join("set/x.csv"), "a,b\n").unwrap();
    for input in ["set/x.csv", "set"] {
        let said = shopbell(folder, &["import", "online-retail", input, "--out", "./set/x.csv"]);
        refused(&said, ["--out ./set/x.csv", "input set/x.csv"]);
        assert_eq!(text(folder, "set/x.csv"), "a,b\n");
    }
    let diff = ["diff", "--events", "events.jsonl", "--rules", "rules", "--against", "rules", "--html"];
    let said = shopbell(folder, &[&diff[..], &["events.jsonl"]].concat());
    refused(&said, ["--html events.jsonl", "--events events.jsonl"]);
    let said = shopbell(folder, &[&diff[..], &["rules/welcome.toml"]].concat());
    refused(&said, ["--html rules/welcome.toml", "rules/welcome.toml"]);
    assert_eq!(
        (text(folder, "events.jsonl"), text(folder, "rules/welcome.toml")),
        (EVENT.into(), RULE.into())
    );
}

#[test]
fn a_job_does_not_write_into_what_it_reads() {
    let folder = folder();
    let folder = folder.path();
    symlink("events.jsonl", folder.join("link.jsonl")).unwrap();
    let config = |name: &str, ends: &str| {
        let text = format!("[engine]\nrules = \"rules\"\n[http]\nlisten = \"off\"\n{ends}");
        std::fs::write(folder.join(name), text).unwrap();
    };
    let source = "[source]\nfiles = [\"events.jsonl\"]\n";
    for (ends, place, keys) in [
        ("[output]\nfile = \"link.jsonl\"\n", "job.toml:8:8: ", ["[output] file", "[source] files"]),
        (
            "dead_letters = \"./events.jsonl\"\n",
            "job.toml:7:16: ",
            ["[source] dead_letters", "[source] files"],
        ),
        (
            "dead_letters = \"new\"\n[output]\nfile = \"rules/../new\"\n",
            "job.toml:9:8: ",
            ["[output] file", "[source] dead_letters"],
        ),
    ] {
        config("job.toml", &format!("{source}{ends}"));
        let said = shopbell(folder, &["run", "--config", "job.toml"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(place) && keys.iter().all(|key| said.err.contains(key)), "{said:?}");
        assert_eq!(text(folder, "events.jsonl"), EVENT);
        let said = shopbell(folder, &["check", "--json", "job.toml"]);
        assert!(said.code == Some(1) && said.out.contains("\"config-same-file\""), "{said:?}");
    }
    config("job.toml", &format!("{source}dead_letters = \"/dev/null\"\n[output]\nfile = \"/dev/null\"\n"));
    let said = shopbell(folder, &["run", "--config", "job.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}
