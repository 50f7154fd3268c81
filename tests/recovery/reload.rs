//! Rules that changed while the job ran are in force after a kill, from the same tick on.

use super::accepted::Life;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Every check-in is answered by each of these rules.
fn rules(names: &[&str], backfill: &str) -> String {
    let rule = |name: &&str| {
        format!(
            "[rule.{name}]\nwhen = \"checked_in\"\nbackfill = \"{backfill}\"\n[rule.{name}.offer]\ntitle = \"t\"\nchannels = [\"sms\"]\nvalid = \"1d\"\n"
        )
    };
    names.iter().map(rule).collect()
}

fn said(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("offers.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn count(folder: &Path, kind: &str) -> usize {
    said(folder).iter().filter(|said| said["type"] == kind).count()
}

#[test]
fn a_change_survives_a_kill_and_what_follows_from_it_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("rules")).unwrap();
    for (checkpoints, backfill) in [("1h", "send"), ("50ms", "send"), ("1h", "prime"), ("50ms", "prime")] {
        let write = |text: &str| std::fs::write(path.join("rules/test.toml"), text).unwrap();
        let _ = std::fs::remove_dir_all(path.join("state"));
        let _ = std::fs::remove_file(path.join("offers.jsonl"));
        let config = format!(
            "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
             [state]\nfolder = \"state\"\ncheckpoint_every = \"{checkpoints}\"\n"
        );
        std::fs::write(path.join("job.toml"), config).unwrap();
        // Who is in force when; ten check-ins under each, and a kill.
        let sets: [&[&str]; 5] = [&["a"], &["a", "b"], &["b"], &["b", "c"], &["c"]];
        write(&rules(sets[0], backfill));
        let mut life = Life::start(path);
        for (round, set) in sets.iter().enumerate() {
            if round > 0 {
                write(&rules(set, backfill));
                let status = life.request("POST /v1/rules/reload", "");
                assert!(status.contains("200"), "{status}");
            }
            let from = round as u32 * 10;
            let status = life.post(from..from + 10);
            assert!(status.contains("202"), "{status}");
            if round % 2 == 1 {
                std::thread::sleep(Duration::from_millis(120));
            }
            drop(life);
            life = Life::start(path);
        }
        // Made: of each rule for each check-in while it was in force, and, unless they count as told, before that (they
        // stand). Withdrawn: all of a and b.
        let whole = if backfill == "send" { (20 + 40 + 50, 20 + 40) } else { (20 + 30 + 20, 20 + 30) };
        let begun = Instant::now();
        while (count(path, "offer.made"), count(path, "offer.withdrawn")) != whole {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{:?}",
                (count(path, "offer.made"), count(path, "offer.withdrawn"))
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(life);
        let mut made: BTreeMap<String, (String, u32)> = BTreeMap::new();
        for said in said(path) {
            let data = &said["data"];
            let offer = data["offer_id"].as_str().unwrap().to_owned();
            if said["type"] == "offer.made" {
                let rule = data["rule"].as_str().unwrap().to_owned();
                assert!(made.insert(offer, (rule, 0)).is_none(), "made twice: {said}");
            } else {
                assert_eq!(data["reason"], "rule");
                made.get_mut(&offer).unwrap().1 += 1;
            }
        }
        assert!(made.values().all(|(rule, withdrawn)| *withdrawn == u32::from(rule != "c")), "{made:?}");
    }
}
