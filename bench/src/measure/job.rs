//! The engine as a process: started, listened to, killed or told to stop, and looked at from outside.
//!
//! Invariant: a moment is when the line that tells of it was read here, counted from the start of the process. A process
//! does not outlive its `Job`. Cost: a thread for the log, and a look at its memory every ten milliseconds.

use super::error::MeasureError;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1200);
const LOOK: Duration = Duration::from_millis(10);

/// A line of the log.
pub struct Said {
    /// Since the start.
    pub after: Duration,
    fields: Value,
}

impl Said {
    /// A field of it that is text; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A field of it that is a number; 0 where there is none.
    pub fn number(&self, name: &str) -> u64 {
        self.fields.get(name).and_then(Value::as_u64).unwrap_or_default()
    }
}

/// A running job.
pub struct Job {
    child: Child,
    began: Instant,
    lines: Receiver<(Duration, String)>,
    last: String,
    /// The most memory that it had, in bytes.
    pub peak: u64,
}

/// What it is to be.
pub struct Wanted<'a> {
    /// Its configuration.
    pub config: &'a Path,
    /// The folder of its rules.
    pub rules: PathBuf,
    /// Worker threads.
    pub workers: usize,
}

impl Job {
    /// Starts it.
    pub fn start(shopbell: &Path, wanted: &Wanted<'_>) -> Result<Job, MeasureError> {
        let began = Instant::now();
        let mut child = Command::new(shopbell)
            .args(["run", "--log-json", "--workers", &wanted.workers.to_string(), "--config"])
            .arg(wanted.config)
            .arg("--rules")
            .arg(&wanted.rules)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(MeasureError::io("start", shopbell))?;
        let (tell, lines) = channel();
        if let Some(log) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(log).lines().map_while(Result::ok) {
                    if tell.send((began.elapsed(), line)).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Job { child, began, lines, last: String::new(), peak: 0 })
    }

    /// Waits until it says so.
    pub fn says(&mut self, message: &'static str) -> Result<Said, MeasureError> {
        loop {
            self.look();
            match self.lines.recv_timeout(LOOK) {
                Ok((after, line)) => {
                    let said: Option<Value> = serde_json::from_str(&line).ok();
                    let fields = said.and_then(|mut said| said.get_mut("fields").map(Value::take));
                    self.last = line;
                    if let Some(fields) = fields
                        && fields.get("message").and_then(Value::as_str) == Some(message)
                    {
                        return Ok(Said { after, fields });
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.began.elapsed() < PATIENCE => {}
                Err(_) => return Err(self.failed(message)),
            }
        }
    }

    /// Goes on as long as `wanted` says so.
    pub fn watch(&mut self, mut wanted: impl FnMut() -> bool) -> Result<(), MeasureError> {
        while wanted() {
            self.look();
            if self.is_over()?.is_some() || self.began.elapsed() > PATIENCE {
                return Err(self.failed("the job ended too early, or never"));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits for its end in good order; how long it lived.
    pub fn ends(&mut self) -> Result<Duration, MeasureError> {
        loop {
            self.look();
            match self.is_over()? {
                Some(status) if status.success() => return Ok(self.began.elapsed()),
                None if self.began.elapsed() < PATIENCE => std::thread::sleep(LOOK),
                _ => return Err(self.failed("the job should have ended in good order")),
            }
        }
    }

    /// Tells it to stop, and waits for that.
    pub fn stop(&mut self) -> Result<(), MeasureError> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        told.map_err(MeasureError::io("call", Path::new("kill")))?;
        self.ends().map(drop)
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<(), MeasureError> {
        self.look();
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(MeasureError::io("kill", Path::new("the job")))
    }

    fn is_over(&mut self) -> Result<Option<ExitStatus>, MeasureError> {
        self.child.try_wait().map_err(MeasureError::io("wait for", Path::new("the job")))
    }

    /// Sees how much memory it has had. A system that does not tell leaves zero.
    fn look(&mut self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
        self.peak = self.peak.max(kibibytes.unwrap_or_default() * 1024);
    }

    fn failed(&mut self, what: &'static str) -> MeasureError {
        // What it said last tells why.
        while let Ok((_, line)) = self.lines.recv_timeout(Duration::from_millis(100)) {
            self.last = line;
        }
        MeasureError::Process { what, log: self.last.clone() }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
