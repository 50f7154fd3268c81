//! SIGKILL at random moments, and crashes at named ones within a transaction.
//!
//! `SHOPBELL_KILLS` sets how many kills there must be at least (20), `SHOPBELL_KILLS_SEED` the seed (1).

use super::*;
use crate::recovery::kills::setting;

/// What a series of lives came to.
#[derive(Debug, Default)]
struct Lives {
    kills: u64,
    series: u64,
    /// Messages that reached the broker in transactions that were never committed.
    aborted: usize,
    /// Lives that found messages committed of which the last checkpoint did not know.
    said_again: u64,
}

/// Whether a life had messages to say again that were there already.
fn said_again(log: &str) -> bool {
    log.contains("said_again=") && !log.contains("said_again=0")
}

fn plain(log: &str) -> String {
    // Colours of the log.
    log.split('\u{1b}').map(|part| part.split_once('m').map_or(part, |(_, rest)| rest)).collect()
}

#[test]
fn a_job_that_is_killed_says_everything_once() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let history = History::new(broker, 20_000, 7);
    let mut random = Random(setting("SHOPBELL_KILLS_SEED", 1));
    let (wanted, mut sum) = (setting("SHOPBELL_KILLS", 20), Lives::default());
    while sum.kills < wanted {
        let (job, offers) = history.job(broker, &broker.address(), "checkpoint_every = \"100ms\"");
        let mut patience = 800;
        loop {
            let mut life = job.start(1 + random.below(3), "");
            let (begun, until) = (Instant::now(), Duration::from_millis(100 + random.below(patience)));
            patience += 100;
            let mut status = None;
            while begun.elapsed() < until && status.is_none() {
                std::thread::sleep(Duration::from_millis(2));
                status = life.try_wait().unwrap();
            }
            sum.said_again += u64::from(said_again(&plain(&job.log())));
            if let Some(status) = status {
                assert!(status.success(), "a life failed: {status}: {}", job.log());
                break;
            }
            life.kill().unwrap();
            life.wait().unwrap();
            sum.kills += 1;
        }
        sum.series += 1;
        let committed = broker.read(&offers, true);
        history.is_in(&committed, &job.log());
        sum.aborted += broker.read(&offers, false).len() - committed.len();
    }
    println!("{sum:?}");
    assert!(sum.aborted > 0 && sum.said_again > 0, "{sum:?}: no kill came at an interesting moment");
}

#[test]
fn a_crash_at_any_moment_of_a_transaction_changes_nothing() {
    if is_left_out() {
        return;
    }
    let broker = Broker::shared();
    let history = History::new(broker, 12_000, 5);
    let moments: [(&str, &[u64]); 4] = [
        ("kafka-begin", &[1, 2, 4]),
        ("kafka-produced", &[1, 2, 4]),
        ("kafka-committed", &[1, 2, 4]),
        ("kafka-progress", &[1]),
    ];
    for (moment, counts) in moments {
        for count in counts {
            let (job, offers) = history.job(broker, &broker.address(), "checkpoint_every = \"50ms\"");
            let fault = format!("crash:{moment}:{count}");
            let status = job.run(&fault);
            assert!(!status.success(), "{fault} never came: {}", job.log());
            job.succeeds();
            history.is_in(&broker.read(&offers, true), &fault);
        }
    }
}
