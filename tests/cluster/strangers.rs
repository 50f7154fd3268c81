//! Whoever connects without belonging to the job, and processes that do not fit together.

use super::{Cluster, SECRET};
use crate::recovery::Mall;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn a_thousand_strangers_at_every_door_hold_nobody_up() {
    let mall = Mall::new(20_000, 13);
    mall.configure("checkpoint_every = \"50ms\"");
    let mut cluster = Cluster::new(mall, 3);
    // They stand at each door before the last process comes: the head would not wait for them with its end.
    cluster.start(1);
    let doors = cluster.hosts.clone();
    let mut held = Vec::new();
    let mut knock = |door: &str, count: usize| {
        for number in 0..count {
            let began = Instant::now();
            let mut stranger = loop {
                match TcpStream::connect(door) {
                    Ok(stranger) => break stranger,
                    Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{door}: {error}"),
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            // Some say nothing, some nonsense, some the beginning of something right, some go away.
            let said: &[u8] = match number % 4 {
                0 => b"",
                1 => b"GET / HTTP/1.1\r\nhost: shopbell\r\n\r\n",
                2 => b"SBELLNET\x01\x00and then nothing",
                _ => &[0xff; 4096],
            };
            // It may have been shown the door already.
            let _ = stranger.write_all(said);
            if number % 5 != 0 {
                held.push(stranger);
            }
        }
    };
    knock(&doors[1], 500);
    cluster.start(0);
    knock(&doors[0], 500);
    cluster.start(2);
    cluster.run_to_the_end();
    assert_eq!(cluster.starts, 3, "nobody had to be started again: {}", cluster.logs());
    cluster.said_what_a_replay_says(&"with strangers at the doors");
    assert!(held.len() > 700);
    // None of them was told anything but what everybody who greets is told.
    let told = held.iter_mut().map(|stranger| {
        stranger.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut said = Vec::new();
        let _ = stranger.read_to_end(&mut said);
        said.len()
    });
    assert_eq!(told.max(), Some(0));
}

#[test]
fn processes_that_do_not_fit_together_say_so() {
    let mall = Mall::new(2_000, 14);
    mall.configure("checkpoint_every = \"50ms\"");
    let mut cluster = Cluster::new(mall, 2);
    let patience = Duration::from_secs(20);

    cluster.start(0);
    cluster.start_with(1, "job.toml", "another secret that nobody knows");
    assert_eq!(cluster.ended_within(1, patience), Some(2), "{}", cluster.logs());
    assert!(cluster.log(1).contains("error[cluster-secret]"), "{}", cluster.log(1));

    let other = cluster.mall.text("job.toml") + "[identity]\nmax_links = 3\n";
    std::fs::write(cluster.mall.path("other.toml"), other).unwrap();
    cluster.start_with(1, "other.toml", SECRET);
    assert_eq!(cluster.ended_within(1, patience), Some(2), "{}", cluster.logs());
    assert!(cluster.log(1).contains("error[cluster-settings]"), "{}", cluster.log(1));
    assert_eq!(cluster.ended_within(0, patience), Some(3), "{}", cluster.logs());
    assert!(cluster.log(0).contains("process 1 has other settings"), "{}", cluster.log(0));

    // Another number of processes, as process 1 sees it.
    cluster.start(0);
    cluster.hosts.push("127.0.0.1:9".to_owned());
    let hosts: String = cluster.hosts.iter().map(|host| format!("{host}\n")).collect();
    std::fs::write(cluster.mall.path("hosts"), hosts).unwrap();
    cluster.start(1);
    assert_eq!(cluster.ended_within(1, patience), Some(2), "{}", cluster.logs());
    assert!(cluster.log(1).contains("error[cluster-refused]"), "{}", cluster.log(1));
    assert!(cluster.log(1).contains("another number of processes"), "{}", cluster.log(1));

    // The head still waits for the right one.
    cluster.hosts.pop();
    cluster.start(1);
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after processes that did not fit");
}
