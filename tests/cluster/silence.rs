//! Processes that say nothing any more, and lines that carry nothing any more.
//!
//! The namespaces need root and iproute2; where they cannot be made the test says so by name and passes, unless
//! `SHOPBELL_NAMESPACES=1` wants them.

use super::Cluster;
use crate::recovery::Mall;
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

#[test]
fn a_stopped_member_is_noticed_and_the_job_goes_on_without_what_it_says_later() {
    let mut cluster = Cluster::new(mall(), 2);
    cluster.start_all();
    cluster.wait_for_offers();
    cluster.signal(1, "-STOP");
    let began = Instant::now();
    assert_eq!(cluster.ended_within(0, NOTICED), Some(3), "{}", cluster.logs());
    println!("noticed after {} ms", began.elapsed().as_millis());
    assert!(cluster.log(0).contains("error[cluster-lost]"), "{}", cluster.log(0));
    // It wakes up to a job that is gone.
    cluster.signal(1, "-CONT");
    assert_eq!(cluster.ended_within(1, NOTICED), Some(3), "{}", cluster.logs());
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after a member that was stopped");
}

#[test]
fn a_stopped_head_is_noticed_by_its_members() {
    let mut cluster = Cluster::new(mall(), 2);
    cluster.start_all();
    cluster.wait_for_offers();
    cluster.signal(0, "-STOP");
    assert_eq!(cluster.ended_within(1, NOTICED), Some(3), "{}", cluster.logs());
    cluster.signal(0, "-CONT");
    assert_eq!(cluster.ended_within(0, NOTICED), Some(3), "{}", cluster.logs());
    cluster.run_to_the_end();
    cluster.said_what_a_replay_says(&"after a head that was stopped");
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
