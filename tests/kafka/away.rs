//! Brokers that die, or cannot be reached for a while; and an answer that is lost on the way.

use super::broker::free_port;
use super::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The number of the request that ends a transaction.
const END_TRANSACTION: i16 = 26;

/// Between clients and a broker that names it as its address.
#[derive(Clone)]
struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    broker: u16,
    /// Answers to the end of a transaction get lost.
    loses_ends: AtomicBool,
    lost: AtomicU64,
    /// Answers to the end of a transaction that were passed on.
    ends: AtomicU64,
    door: Mutex<Door>,
}

/// Under one lock, so that nobody slips through while it is being shut.
#[derive(Default)]
struct Door {
    is_shut: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    fn start(broker: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { broker, ..State::default() });
        let proxy = Proxy { port, state };
        let other = proxy.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                other.connect(stream.unwrap());
            }
        });
        proxy
    }

    fn connect(&self, client: TcpStream) {
        let state = Arc::clone(&self.state);
        let mut door = self.state.door.lock().unwrap();
        if door.is_shut {
            return;
        }
        let Ok(broker) = TcpStream::connect(("127.0.0.1", state.broker)) else { return };
        door.streams.extend([client.try_clone().unwrap(), broker.try_clone().unwrap()]);
        drop(door);
        let ends = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
        let (from, to, noted) = (client.try_clone().unwrap(), broker.try_clone().unwrap(), Arc::clone(&ends));
        std::thread::spawn(move || {
            frames(from, to, |frame| {
                if i16::from_be_bytes([frame[0], frame[1]]) == END_TRANSACTION {
                    noted.lock().unwrap().insert(frame[4..8].to_vec());
                }
                true
            });
        });
        std::thread::spawn(move || {
            frames(broker, client, |frame| {
                let is_end = ends.lock().unwrap().remove(&frame[..4]);
                let loses = is_end && state.loses_ends.load(Ordering::Acquire);
                let count = if loses { &state.lost } else { &state.ends };
                count.fetch_add(u64::from(is_end), Ordering::AcqRel);
                !loses
            });
        });
    }

    fn shut(&self, shut: bool) {
        let mut door = self.state.door.lock().unwrap();
        door.is_shut = shut;
        for stream in door.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Passes on what is led by its length, where it may pass.
fn frames(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut pass = || -> std::io::Result<()> {
        loop {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            from.read_exact(&mut frame)?;
            if may_pass(&frame) {
                to.write_all(&length)?;
                to.write_all(&frame)?;
            }
        }
    };
    let _ = pass();
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// A broker behind a proxy, with a history.
fn behind_a_proxy() -> (Broker, Proxy, History) {
    let port = free_port();
    let proxy = Proxy::start(port);
    let advertised = format!("advertised.listeners=BROKER://{}", proxy.address());
    let broker = Broker::start(port, &[&advertised]);
    let history = History::new(&broker, 12_000, 5);
    (broker, proxy, history)
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_its_lost_answers_change_nothing() {
    if is_left_out() {
        return;
    }
    let (broker, proxy, history) = behind_a_proxy();

    // Away for a while, in the middle.
    let (job, offers) = history.job(&broker, &proxy.address(), "checkpoint_every = \"100ms\"");
    let mut life = job.start(2, "");
    wait_for("the start", || job.log().contains("runs:").then_some(()));
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(250));
        proxy.shut(true);
        std::thread::sleep(Duration::from_millis(1500));
        assert!(life.try_wait().unwrap().is_none_or(|status| status.success()), "{}", job.log());
        proxy.shut(false);
    }
    assert!(ended(&mut life, &|| job.log()).success(), "{}", job.log());
    history.is_in(&broker.read(&offers, true), &job.log());

    // A job that waits for the answer to a commit, which is lost.
    let waits_in_vain = || {
        let (job, offers) = history.job(&broker, &proxy.address(), "checkpoint_every = \"100ms\"");
        let life = job.start(2, "");
        wait_for("the start", || job.log().contains("runs:").then_some(()));
        let before = proxy.state.lost.load(Ordering::Acquire);
        proxy.state.loses_ends.store(true, Ordering::Release);
        wait_for("a lost answer", || (proxy.state.lost.load(Ordering::Acquire) > before).then_some(()));
        (job, offers, life)
    };

    // For so long that the commit counts as unknown.
    let (job, offers, mut life) = waits_in_vain();
    wait_for("a commit given up", || job.log().contains("going on trying").then_some(()));
    proxy.state.loses_ends.store(false, Ordering::Release);
    assert!(ended(&mut life, &|| job.log()).success(), "{}", job.log());
    assert!(job.log().contains("a new producer goes on"), "{}", job.log());
    history.is_in(&broker.read(&offers, true), &job.log());

    // Told to stop while it stays away: it ends by name, and the next life has everything.
    let (job, offers, mut life) = waits_in_vain();
    proxy.shut(true);
    proxy.state.loses_ends.store(false, Ordering::Release);
    signal(&life, "-TERM");
    let begun = Instant::now();
    let status = ended(&mut life, &|| job.log());
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(3), "{}", job.log());
    assert!(job.log().contains("error[kafka-unreachable]"), "{}", job.log());
    proxy.shut(false);
    job.succeeds();
    history.is_in(&broker.read(&offers, true), &job.log());

    // A broker that dies and comes back.
    let (job, offers, mut life) = waits_in_vain();
    proxy.state.loses_ends.store(false, Ordering::Release);
    broker.kill();
    broker.start_again(&[&format!("advertised.listeners=BROKER://{}", proxy.address())]);
    assert!(ended(&mut life, &|| job.log()).success(), "{}", job.log());
    history.is_in(&broker.read(&offers, true), &job.log());
}

/// Mebibytes of memory that a process has.
fn memory(process: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Half a million events lie ready; with nobody to take the offers, only as much is read as fits.
#[test]
fn a_job_waits_in_bounded_memory_while_a_broker_is_away() {
    if is_left_out() {
        return;
    }
    let (broker, proxy, _) = behind_a_proxy();
    let offers = broker.topic("offers", 1, &[]);
    let config = format!(
        "[engine]\nclock = \"events\"\nunfinished_ticks = 2\nqueue_events = 1000\n[http]\nlisten = \"off\"\n\
         [source]\nfiles = [\"events.jsonl\"]\n[output]\nfile = \"off\"\n\
         [output.kafka]\ntopic = \"{offers}\"\n\
         [state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n"
    );
    let job = Job::new(&proxy.address(), &config, None);
    let generated = Command::new(SHOPBELL)
        .args(["generate", "--customers", "500", "--events", "500000", "--span", "3h", "--out"])
        .arg(job.path("events.jsonl"))
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(generated.success());
    let mut life = job.start(2, "");
    wait_for("a commit", || (proxy.state.ends.load(Ordering::Acquire) > 0).then_some(()));
    proxy.shut(true);
    assert!(!job.log().contains("read to its end"), "too fast for this test: {}", job.log());
    // It reads on until everything between the file and the broker is full, and then no further.
    let journal = || -> u64 {
        let files = std::fs::read_dir(job.path("state/journal")).unwrap();
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
    };
    // On a busy machine it may rest for seconds and still go on; one that does not wait comes to the end.
    let (early, late) = wait_for("a job that waits", || {
        let before = journal();
        std::thread::sleep(Duration::from_secs(3));
        let early = memory(&life);
        std::thread::sleep(Duration::from_secs(4));
        assert!(!job.log().contains("read to its end"), "it does not wait: {}", job.log());
        (journal() == before).then(|| (early, memory(&life)))
    });
    println!("{early} MiB, and {late} MiB four seconds later");
    assert!(late < early + 32, "{early} MiB, then {late} MiB");
    life.kill().unwrap();
    life.wait().unwrap();
}

#[test]
fn a_job_that_finds_no_broker_can_be_stopped_and_says_so() {
    let port = free_port();
    let config = "[http]\nlisten = \"off\"\n[state]\n[output.kafka]\ntopic = \"a\"\n";
    let job = Job::new(&format!("127.0.0.1:{port}"), config, None);
    let mut life = job.start(1, "");
    wait_for("a word about it", || job.log().contains("going on trying").then_some(()));
    signal(&life, "-TERM");
    assert_eq!(ended(&mut life, &|| job.log()).code(), Some(3), "{}", job.log());
    assert!(job.log().contains("error[kafka-unreachable]"), "{}", job.log());
}
