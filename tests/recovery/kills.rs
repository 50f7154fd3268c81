//! SIGKILL at random moments.
//!
//! `SHOPBELL_KILLS` sets how many kills there must be at least (20), `SHOPBELL_KILLS_SEED` the seed (1).

use super::Mall;
use std::process::Child;
use std::time::{Duration, Instant};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What a series of lives came to.
#[derive(Debug, Default)]
struct Lives {
    kills: u64,
    /// Kills that found a checkpoint on disk, and those that left a line half written or beyond the checkpoint.
    with_checkpoint: u64,
    with_more_output: u64,
    finished: u64,
}

/// Kills lives at random moments until one comes to its end.
fn lives(mall: &Mall, random: &mut Random, lives: &mut Lives) {
    for name in ["offers.jsonl", "state"] {
        let path = mall.path(name);
        let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
    }
    // Each life lives a little longer, so that one of them comes to the end whatever the machine is doing.
    let mut patience = 400;
    loop {
        let mut job = mall.start(1 + random.below(3));
        let until = Duration::from_millis(20 + random.below(patience));
        patience += 60;
        match killed_after(&mut job, until) {
            None => {
                lives.finished += 1;
                return;
            }
            Some(()) => {
                lives.kills += 1;
                let checkpoints = std::fs::read_dir(mall.path("state/checkpoints"));
                let kept = checkpoints.into_iter().flatten().flatten();
                let mut kept = kept.filter(|file| file.path().extension().is_some_and(|kind| kind == "json"));
                lives.with_checkpoint += u64::from(kept.next().is_some());
                lives.with_more_output += u64::from(!mall.text("offers.jsonl").is_empty());
            }
        }
    }
}

/// Kills the job unless it ends by itself before.
fn killed_after(job: &mut Child, span: Duration) -> Option<()> {
    let begun = Instant::now();
    while begun.elapsed() < span {
        if let Some(status) = job.try_wait().unwrap() {
            assert!(status.success(), "a life failed: {status}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    job.kill().unwrap();
    let status = job.wait().unwrap();
    if status.success() { None } else { Some(()) }
}

#[test]
fn a_job_that_is_killed_says_what_one_says_that_never_was() {
    let wanted = setting("SHOPBELL_KILLS", 20);
    let mut random = Random(setting("SHOPBELL_KILLS_SEED", 1));
    let mall = Mall::new(40_000, 7);
    let expected = mall.text("expected.jsonl");
    assert!(expected.lines().count() > 100, "there is something to say");
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let mut sum = Lives::default();
    while sum.kills < wanted {
        lives(&mall, &mut random, &mut sum);
        let said = mall.text("offers.jsonl");
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{sum:?}: line {differs:?} differs; log: {}", mall.text("log"));
    }
    println!("{sum:?}");
    assert!(
        sum.with_checkpoint > 0 && sum.with_more_output > 0,
        "{sum:?}: no kill came at an interesting moment"
    );
}
