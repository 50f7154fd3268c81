//! SIGKILL of random processes at random moments, and other numbers of workers from life to life.
//!
//! `SHOPBELL_KILLS` sets how many kills there must be at least (20), `SHOPBELL_KILLS_SEED` the seed (1).

use super::Cluster;
use crate::kafka::History;
use crate::kafka::broker::{Broker, is_left_out};
use crate::recovery::{Mall, Random, remove, setting};
use std::time::{Duration, Instant};

/// What a series of lives came to.
#[derive(Debug, Default)]
struct Lives {
    of_head: u64,
    of_member: u64,
    /// Kills that found something offered already.
    with_output: u64,
    finished: u64,
    /// Members that were killed so late that the head had ended before they came back.
    left_without_head: u64,
}

/// Kills processes at random moments until the job comes to its end.
fn lives(cluster: &mut Cluster, random: &mut Random, lives: &mut Lives) {
    cluster.start_all();
    let mut patience = 900;
    loop {
        let until = Duration::from_millis(100 + random.below(patience));
        patience += 250;
        let began = Instant::now();
        while began.elapsed() < until {
            if cluster.supervise() {
                lives.finished += 1;
                lives.left_without_head += cluster.others_end();
                return;
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        let process = random.below(cluster.processes.len() as u64) as usize;
        let Some(child) = &mut cluster.processes[process] else { continue };
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            // It had ended before, and the head is about to.
            continue;
        }
        lives.with_output += u64::from(!cluster.mall.text("offers.jsonl").is_empty());
        *(if process == 0 { &mut lives.of_head } else { &mut lives.of_member }) += 1;
        cluster.start(process);
    }
}

#[test]
fn a_job_of_two_processes_says_what_one_says_whichever_is_killed() {
    let wanted = setting("SHOPBELL_KILLS", 20);
    let mut random = Random(setting("SHOPBELL_KILLS_SEED", 1));
    let mall = Mall::new(30_000, 9);
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let mut cluster = Cluster::new(mall, 2);
    let mut sum = Lives::default();
    while sum.of_head + sum.of_member < wanted {
        remove(&cluster.mall, "offers.jsonl");
        remove(&cluster.mall, "state");
        lives(&mut cluster, &mut random, &mut sum);
        cluster.said_what_a_replay_says(&sum);
    }
    println!("{sum:?}");
    assert!(sum.of_head > 0 && sum.of_member > 0 && sum.with_output > 0, "{sum:?}");
}

#[test]
fn a_job_of_two_processes_between_two_topics_says_everything_once() {
    if is_left_out() {
        return;
    }
    // Half as many as with files: every life waits for the broker.
    let wanted = setting("SHOPBELL_KILLS", 20) / 2;
    let mut random = Random(setting("SHOPBELL_KILLS_SEED", 2));
    let broker = Broker::shared();
    let history = History::new(broker, 20_000, 8);
    let mut sum = Lives::default();
    while sum.of_head + sum.of_member < wanted {
        let (mall, offers) = (Mall::empty(), broker.topic("offers", 3, &[]));
        let state = "checkpoint_every = \"100ms\"";
        let config =
            format!("[kafka]\nbrokers = [\"{}\"]\n{}", broker.address(), history.config(&offers, state));
        std::fs::write(mall.path("job.toml"), config).unwrap();
        let mut cluster = Cluster::new(mall, 2);
        lives(&mut cluster, &mut random, &mut sum);
        history.is_in(&broker.read(&offers, true), &cluster.logs());
    }
    println!("{sum:?}");
    assert!(sum.of_head > 0 && sum.of_member > 0, "{sum:?}");
}

/// Two workers, four in two processes, one, three in three: each killed but the last.
#[test]
fn a_state_is_taken_up_by_any_number_of_workers_in_any_number_of_processes() {
    let mall = Mall::new(30_000, 10);
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let mut cluster = Cluster::new(mall, 3);
    let hosts = cluster.hosts.clone();
    let mut length = 0;
    for (processes, workers) in [(1, 2), (2, 2), (1, 1), (3, 1)] {
        cluster.hosts = hosts[..processes].to_vec();
        cluster.workers = workers;
        cluster.processes = (0..processes).map(|_| None).collect();
        cluster.lives_from = vec![0; processes];
        cluster.start_all();
        if (processes, workers) == (3, 1) {
            cluster.run_to_the_end();
            continue;
        }
        // Until it has got further than the one before.
        let began = Instant::now();
        while cluster.mall.text("offers.jsonl").len() < length + 4000 {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", cluster.logs());
            assert!(!cluster.supervise(), "it has ended already: {}", cluster.logs());
            std::thread::sleep(Duration::from_millis(2));
        }
        for mut child in cluster.processes.drain(..).flatten() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        length = cluster.mall.text("offers.jsonl").len();
    }
    cluster.said_what_a_replay_says(&"after 2, 4, 1 and 3 workers");
    assert!(cluster.log(0).contains("3 workers"), "{}", cluster.log(0));
}

#[test]
fn a_member_that_is_told_to_stop_ends_the_job_in_good_order() {
    let mall = Mall::new(30_000, 11);
    mall.configure("checkpoint_every = \"50ms\"");
    let mut cluster = Cluster::new(mall, 2);
    cluster.start_all();
    cluster.wait_for_offers();
    cluster.signal(1, "-TERM");
    for process in [0, 1] {
        let code = cluster.ended_within(process, Duration::from_secs(30));
        assert_eq!(code, Some(0), "{}", cluster.logs());
    }
    // The next one goes on where it ended.
    cluster.start_all();
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after a good end in between");
}
