//! `shopbell run` through its real ends: the built binary, sockets, files and signals.

mod admin;
mod ends;
mod explain;
mod inspect;
mod live;
mod pools;
mod reload;
mod setup;
mod shadow;
mod stop;
mod worker_panic;

use serde_json::{Value, json};
use shopbell_model::time::format_rfc3339;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Bound of every wait: far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every check-in is answered.
const CHECKED_IN: &str = r#"
    [rule.welcome]
    when = "checked_in"
    [rule.welcome.offer]
    title = "Welcome"
    channels = ["sms"]
"#;

/// A cart that lies for 300 ms.
const ABANDONED: &str = r#"
    [rule.cart]
    when = "cart_abandoned"
    idle = "300ms"
    [rule.cart.offer]
    title = "Your cart waits"
    valid = "1h"
    channels = ["sms"]
"#;

/// Something from the cart stands here.
const NEAR: &str = r#"
    [rule.near]
    when = "zone_entered"
    [rule.near.offer]
    title = "It is here"
    channels = ["sms"]
"#;

/// The process, in a folder of its own with `shopbell.toml`, `rules/` and `offers.jsonl`.
struct Process {
    child: Child,
    folder: tempfile::TempDir,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it. `config` holds what goes beside rules and output.
    fn start(rules: &str, config: &str, files: &[(&str, &str)], environment: &[(&str, &str)]) -> Process {
        Self::on(2, rules, config, files, environment)
    }

    /// The same with another number of workers.
    fn on(
        workers: usize,
        rules: &str,
        config: &str,
        files: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Process {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/test.toml"), rules).unwrap();
        std::fs::write(folder.path().join("shopbell.toml"), config).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let (child, log) = Process::launch(folder.path(), workers, &[], environment);
        Process { child, folder, log }
    }

    fn launch(
        folder: &std::path::Path,
        workers: usize,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> (Child, Arc<Mutex<String>>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["run", "--workers", &workers.to_string(), "--rules"])
            .arg(folder.join("rules"))
            .arg("--config")
            .arg(folder.join("shopbell.toml"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (written, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        (child, log)
    }

    /// Ends it and starts it again in the same folder.
    fn restart(&mut self, arguments: &[&str]) {
        self.signal("-TERM");
        assert_eq!(self.wait().code(), Some(0), "{}", self.log());
        (self.child, self.log) = Process::launch(self.folder.path(), 2, arguments, &[]);
    }

    /// Kills it and starts it again in the same folder.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
        (self.child, self.log) = Process::launch(self.folder.path(), 2, &[], &[]);
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the log holds a text.
    fn wait_for_log(&self, text: &str) -> String {
        wait_for(text, || Some(self.log()).filter(|log| log.contains(text)))
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.child.try_wait().unwrap())
    }

    /// The messages in the output file, each line being whole.
    fn offers(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("offers.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for a message of this type for this subject in the output file.
    fn wait_for_offer(&self, kind: &str, subject: &str) -> Value {
        let wanted = |offer: &Value| offer["type"] == kind && offer["subject"] == subject;
        wait_for(&format!("{kind} for {subject}"), || self.offers().into_iter().find(wanted))
    }

    fn count(&self, kind: &str, subject: &str) -> usize {
        let offers = self.offers();
        offers.iter().filter(|offer| offer["type"] == kind && offer["subject"] == subject).count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "log:\n{}\noffers: {:#?}", self.log(), self.offers());
        }
    }
}

/// A process that serves HTTP.
struct Job {
    process: Process,
    address: SocketAddr,
}

impl Job {
    fn start(rules: &str, config: &str) -> Job {
        Self::with(rules, config, &[])
    }

    /// `config` begins with what belongs into `[http]`.
    fn with(rules: &str, config: &str, environment: &[(&str, &str)]) -> Job {
        let config = format!("output.file = \"offers.jsonl\"\n[http]\nlisten = \"127.0.0.1:0\"\n{config}");
        Self::found(Process::start(rules, &config, &[], environment))
    }

    /// On so many workers; `config` is all of it.
    fn on(workers: usize, rules: &str, config: &str) -> Job {
        Self::found(Process::on(workers, rules, config, &[], &[]))
    }

    /// Where it listens.
    fn found(process: Process) -> Job {
        let log = process.wait_for_log("shopbell ");
        let address = log.split("http://").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        Job { process, address }
    }

    /// Ends it and starts it again in the same folder.
    fn restart(mut self, arguments: &[&str]) -> Job {
        self.process.restart(arguments);
        Self::found(self.process)
    }

    /// Kills it and starts it again in the same folder.
    fn kill(mut self) -> Job {
        self.process.kill();
        Self::found(self.process)
    }

    fn post(&self, events: &[Value]) -> Answer {
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        request(self.address, "POST /v1/events", &lines).unwrap()
    }

    fn accept(&self, events: &[Value]) {
        let answer = self.post(events);
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    fn get(&self, path: &str) -> Answer {
        request(self.address, &format!("GET {path}"), "").unwrap()
    }

    /// The value of a metric.
    fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
    }

    /// Ends it in good order.
    fn stop(mut self) -> Process {
        self.process.signal("-TERM");
        let status = self.process.wait();
        assert_eq!(status.code(), Some(0), "{}", self.process.log());
        self.process
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// One request on a connection of its own.
pub(crate) fn request(address: SocketAddr, line: &str, body: &str) -> std::io::Result<Answer> {
    request_with(address, line, "", body)
}

/// The same with more headers, each with its end of line.
pub(crate) fn request_with(
    address: SocketAddr,
    line: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\
         content-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // The server may answer before it read everything.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

/// Looks until there is something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An event that happens now.
fn event(id: &str, subject: &str, kind: &str, data: Value) -> Value {
    let time = format_rfc3339(shopbell::wall_clock());
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": "test", "type": kind, "time": time, "data": data,
    });
    if !subject.is_empty() {
        event["subject"] = subject.into();
    }
    event
}

fn check_in(id: &str, subject: &str) -> Value {
    event(id, subject, "store.check_in", json!({ "location": "s1" }))
}

fn cart(id: &str, subject: &str) -> Value {
    event(id, subject, "web.add_to_cart", json!({ "items": [{ "item_id": "mask", "price": 20 }] }))
}

fn purchase(id: &str, subject: &str) -> Value {
    let data = json!({ "transaction_id": id, "items": [{ "item_id": "mask" }] });
    event(id, subject, "web.purchase", data)
}

/// Milliseconds between an event and a message.
fn after(event: &Value, offer: &Value) -> i64 {
    let time = |value: &Value| -> jiff::Timestamp { value["time"].as_str().unwrap().parse().unwrap() };
    time(offer).as_millisecond() - time(event).as_millisecond()
}
