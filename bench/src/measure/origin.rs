//! Where and with what something was measured: what every report says at its beginning.

use crate::rfc3339::Rfc3339;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Now, as in RFC 3339.
pub fn now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut time = Vec::new();
    Rfc3339::default().write(u64::try_from(now.as_millis()).unwrap_or_default(), &mut time);
    String::from_utf8_lossy(&time).into_owned()
}

/// The arguments that this program was given.
pub fn arguments() -> String {
    std::env::args().skip(1).collect::<Vec<String>>().join(" ")
}

/// Version, kind of build, and commit.
pub fn build(shopbell: &Path) -> String {
    let kind = if cfg!(debug_assertions) { "debug" } else { "release" };
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]));
    format!("{}, a {kind} build of commit `{commit}`", said(Command::new(shopbell).arg("--version")))
}

/// Cores, processor and memory.
pub fn machine() -> String {
    let of = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = of("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = of("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    format!("{cores} cores of {processor}, memory {memory}")
}

/// What a command says; what has no answer is unknown.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.ok().filter(|said| !said.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
