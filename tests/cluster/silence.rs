//! Processes that say nothing any more, and lines that carry nothing any more.
//!
//! `SHOPBELL_STOPPED_SECONDS` sets for how long processes are stopped (8).
//!
//! The namespaces need root and iproute2; where they cannot be made the test says so by name and passes, unless
//! `SHOPBELL_NAMESPACES=1` wants them.

use super::Cluster;
use crate::recovery::{Mall, setting};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the promise is.
const NOTICED: Duration = Duration::from_secs(10);

/// A mall that takes longer than it takes to notice something.
fn mall() -> Mall {
    let mall = Mall::new(60_000, 12);
    mall.configure("checkpoint_every = \"100ms\"");
    mall
}

/// Stops one of three processes for `SHOPBELL_STOPPED_SECONDS` (8), with supervisors for the others, and lets it go on.
fn stops(stopped: usize) {
    let span = Duration::from_secs(setting("SHOPBELL_STOPPED_SECONDS", 8));
    let mut cluster = Cluster::new(mall(), 3);
    cluster.start_all();
    cluster.wait_for_offers();
    cluster.signal(stopped, "-STOP");
    let began = Instant::now();
    for process in (0..3).filter(|process| *process != stopped) {
        let code = cluster.ended_within(process, NOTICED.saturating_sub(began.elapsed()));
        assert_eq!(code, Some(3), "{}", cluster.logs());
        assert!(cluster.log(process).contains("error[cluster-lost]"), "{}", cluster.log(process));
    }
    let noticed = began.elapsed();
    let (said, starts) = (cluster.mall.text("offers.jsonl"), cluster.starts);
    // A supervisor does not see that a process is stopped.
    while began.elapsed() < span.max(noticed) || cluster.starts < starts + 2 {
        assert!(!cluster.supervise(), "it ended without a process: {}", cluster.logs());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(cluster.mall.text("offers.jsonl") == said, "offers without all processes: {}", cluster.logs());
    let (starts, for_how_long) = (cluster.starts - starts, began.elapsed());
    // It wakes up to a job that is gone, and ends by itself.
    cluster.signal(stopped, "-CONT");
    let began = Instant::now();
    assert_eq!(cluster.ended_within(stopped, NOTICED), Some(3), "{}", cluster.logs());
    println!(
        "process {stopped} stopped for {for_how_long:?}: noticed by all after {noticed:?}, {starts} starts of the \
         others meanwhile; it ended {:?} after it went on",
        began.elapsed()
    );
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after a process that was stopped");
}

#[test]
fn a_stopped_member_is_noticed_ends_when_it_goes_on_and_joins_the_next_generation() {
    stops(1);
}

#[test]
fn a_stopped_head_is_noticed_ends_when_it_goes_on_and_leads_the_next_generation() {
    stops(0);
}

/// Three hosts on one machine, each with a line of its own to a switch.
struct Net {
    name: String,
}

impl Net {
    fn new() -> Result<Net, String> {
        let net = Net { name: format!("sb{}", std::process::id() % 100_000) };
        let Net { name } = &net;
        ip(&["link", "add", name, "type", "bridge"])?;
        ip(&["link", "set", name, "up"])?;
        for host in 0..3 {
            let (space, outer, inner) = (net.space(host), net.line(host), "eth0");
            ip(&["netns", "add", &space])?;
            ip(&["link", "add", &outer, "type", "veth", "peer", "name", inner, "netns", &space])?;
            ip(&["link", "set", &outer, "master", name, "up"])?;
            ip(&["-n", &space, "addr", "add", &format!("{}/24", Self::address(host)), "dev", inner])?;
            ip(&["-n", &space, "link", "set", inner, "up"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
        }
        Ok(net)
    }

    fn space(&self, host: usize) -> String {
        format!("{}-{host}", self.name)
    }

    fn line(&self, host: usize) -> String {
        format!("{}l{host}", self.name)
    }

    fn address(host: usize) -> String {
        format!("10.231.77.{}", host + 1)
    }

    fn cut(&self, host: usize) {
        ip(&["link", "set", &self.line(host), "down"]).unwrap();
    }

    fn mend(&self, host: usize) {
        ip(&["link", "set", &self.line(host), "up"]).unwrap();
    }

    /// Nothing that host 1 sends to host 2 arrives, and the other way round.
    fn cut_members_apart(&self) {
        for (here, there) in [(1, 2), (2, 1)] {
            ip(&["-n", &self.space(here), "route", "add", "blackhole", &Self::address(there)]).unwrap();
        }
    }

    fn mend_members(&self) {
        for (here, there) in [(1, 2), (2, 1)] {
            ip(&["-n", &self.space(here), "route", "del", "blackhole", &Self::address(there)]).unwrap();
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in 0..3 {
            let _ = ip(&["netns", "del", &self.space(host)]);
            let _ = ip(&["link", "del", &self.line(host)]);
        }
        let _ = ip(&["link", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let said = Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&said.stderr)))
}

#[test]
fn a_cut_line_is_noticed_on_both_ends_and_the_job_goes_on_when_it_is_mended() {
    let net = match Net::new() {
        Ok(net) => net,
        Err(reason) if std::env::var("SHOPBELL_NAMESPACES").is_ok_and(|wanted| wanted == "1") => {
            panic!("network namespaces cannot be made: {reason}");
        }
        Err(reason) => {
            println!("skipped: network namespaces cannot be made here: {reason}");
            return;
        }
    };
    let hosts = (0..3).map(|host| format!("{}:7100", Net::address(host))).collect();
    let mut cluster = Cluster::at(mall(), hosts);
    cluster.within =
        (0..3).map(|host| ["ip", "netns", "exec", &net.space(host)].map(str::to_owned).to_vec()).collect();
    cluster.start_all();
    cluster.wait_for_offers();

    // Between the head and a member.
    net.cut(1);
    let began = Instant::now();
    for process in 0..3 {
        let code = cluster.ended_within(process, NOTICED.saturating_sub(began.elapsed()));
        assert_eq!(code, Some(3), "{}", cluster.logs());
    }
    println!("a cut line was noticed by all after {} ms", began.elapsed().as_millis());
    net.mend(1);
    let before = cluster.mall.text("offers.jsonl").len();
    cluster.supervise();
    let began = Instant::now();
    while cluster.mall.text("offers.jsonl").len() <= before {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", cluster.logs());
        assert!(!cluster.supervise(), "the mall is too small: it has ended already");
        std::thread::sleep(Duration::from_millis(2));
    }

    // Between two members: each of them is well, as far as the head can see.
    net.cut_members_apart();
    let began = Instant::now();
    for process in 0..3 {
        let code = cluster.ended_within(process, NOTICED.saturating_sub(began.elapsed()));
        assert_eq!(code, Some(3), "{}", cluster.logs());
    }
    println!("members cut apart were noticed by all after {} ms", began.elapsed().as_millis());
    net.mend_members();
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after cut lines");
}
