//! The end of the job: nothing accepted is lost; told twice, it ends at once.

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_event_that_was_accepted_is_answered_before_the_end() {
    for config in ["", "[engine]\ntick = \"700ms\"\n"] {
        let job = Job::start(CHECKED_IN, config);
        let accepted = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (address, accepted) = (job.address, &accepted);
                scope.spawn(move || {
                    for n in 0.. {
                        let subject = format!("phone:{thread}-{n}");
                        let event = check_in(&subject, &subject);
                        match request(address, "POST /v1/events", &format!("{event}\n")) {
                            Ok(answer) if answer.status == 202 => {
                                accepted.lock().unwrap().insert(subject);
                            }
                            Ok(answer) => {
                                assert_eq!(answer.status, 503, "{answer:?}");
                                assert!(answer.body.contains("engine-stopping"), "{answer:?}");
                                return;
                            }
                            Err(_) => return,
                        }
                    }
                });
            }
            wait_for("some events", || (accepted.lock().unwrap().len() > 100).then_some(()));
            job.process.signal("-TERM");
        });
        let mut job = job;
        assert_eq!(job.process.wait().code(), Some(0), "{}", job.process.log());
        let accepted = accepted.into_inner().unwrap();
        let made: Vec<Value> = job.process.offers();
        let answered: BTreeSet<String> =
            made.iter().map(|offer| offer["subject"].as_str().unwrap().to_owned()).collect();
        assert_eq!(made.len(), answered.len());
        let lost: Vec<&String> = accepted.difference(&answered).collect();
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), accepted.len());
    }
}

#[test]
fn what_is_not_due_yet_does_not_come_true_by_stopping() {
    // With ticks a day apart the last one lies ahead of the clock, and of the due time.
    let rules = ABANDONED.replace("300ms", "5s");
    for config in ["", "[engine]\ntick = \"1d\"\n"] {
        let job = Job::start(&rules, config);
        job.accept(&[cart("1", "phone:1")]);
        let process = job.stop();
        assert_eq!(process.offers(), Vec::<Value>::new());
    }
}

#[test]
fn told_twice_it_ends_at_once_and_meanwhile_takes_nothing() {
    let mut job = Job::start(CHECKED_IN, "");
    // Half a request: the server waits for the rest of it, for a while.
    let mut half = TcpStream::connect(job.address).unwrap();
    half.write_all(b"POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n{").unwrap();
    assert_eq!(job.get("/healthz").status, 200);
    job.process.signal("-INT");
    job.process.wait_for_log("finishing what was accepted");
    let began = Instant::now();
    job.process.signal("-TERM");
    assert_eq!(job.process.wait().code(), Some(3), "{}", job.process.log());
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Killed, however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As when what the log is piped into ends first.
#[test]
fn a_job_whose_log_nobody_reads_any_more_goes_on_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("test.toml"), CHECKED_IN).unwrap();
    std::fs::write(folder.path().join("shopbell.toml"), "[http]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    for arguments in [&[][..], &["--log-json"]] {
        let child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["run", "--workers", "1", "--rules"])
            .arg(&rules)
            .arg("--config")
            .arg(folder.path().join("shopbell.toml"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Killed(child);
        let mut log = BufReader::new(child.0.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(log.any(|line| line.contains("http://")));
        drop(log);
        for signal in ["-HUP", "-TERM"] {
            std::thread::sleep(Duration::from_millis(300));
            assert!(
                Command::new("kill").arg(signal).arg(child.0.id().to_string()).status().unwrap().success()
            );
        }
        let status = wait_for("the end of the process", || child.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}
