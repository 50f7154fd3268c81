//! The file that says where each process is: one `host:port` a line, process 0 first.

use super::ClusterError;
use std::path::Path;

/// The hosts of `processes` processes. Blank lines and what follows `#` do not count.
pub fn read_hosts(path: &Path, processes: usize) -> Result<Vec<String>, ClusterError> {
    let wrong = |reason: String| ClusterError::Hosts { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse(&text, processes).map_err(wrong)
}

fn parse(text: &str, processes: usize) -> Result<Vec<String>, String> {
    let mut hosts: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let host = line.split('#').next().unwrap_or_default().trim();
        if host.is_empty() {
            continue;
        }
        let port = host.rsplit_once(':').filter(|(name, _)| !name.is_empty());
        if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
            return Err(format!("line {}: `{host}` is not host:port", number + 1));
        }
        if hosts.iter().any(|other| other == host) {
            return Err(format!("line {}: `{host}` stands there twice", number + 1));
        }
        hosts.push(host.to_owned());
    }
    if hosts.len() < processes {
        return Err(format!("{} hosts for {processes} processes", hosts.len()));
    }
    hosts.truncate(processes);
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_count_and_what_is_wrong_is_named() {
        let text = "# ours\nhead:9000\n\n  member-1:9000 # the other one\n[::1]:9001\n";
        assert_eq!(parse(text, 2).unwrap(), ["head:9000", "member-1:9000"]);
        assert_eq!(parse(text, 3).unwrap()[2], "[::1]:9001");
        for (text, reason) in [
            (text, "3 hosts for 4 processes"),
            ("head:9000\nhead:9000\n", "line 2: `head:9000` stands there twice"),
            ("head\n", "line 1: `head` is not host:port"),
            (":80\n", "line 1: `:80` is not host:port"),
            ("head:0\n", "line 1: `head:0` is not host:port"),
            ("head:70000\n", "line 1: `head:70000` is not host:port"),
        ] {
            assert_eq!(parse(text, 4).unwrap_err(), reason);
        }
        let missing = read_hosts(Path::new("/nowhere/hosts"), 2).unwrap_err();
        assert_eq!(missing.code(), "cluster-hosts");
    }
}
