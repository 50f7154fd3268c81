//! The command that measures recovery, in seconds instead of minutes, so that it cannot rot. It needs the engine beside it:
//! `cargo test --workspace` builds that, for this package alone `cargo build -p shopbell` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

fn measured(more: &[&str]) -> (Option<i32>, String, String) {
    let rules = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(env!("CARGO_BIN_EXE_recovery"))
        .args(["--rules", rules, "--load", env!("CARGO_BIN_EXE_load")])
        .args(["--customers", "3000", "--events", "20000", "--file-events", "8000", "--pairs", "1"])
        .args(["--rate", "2000", "--seconds", "2", "--live-pairs", "1", "--checkpoint-ms", "200"])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The numbers of the row of a table that begins so.
fn row(report: &str, name: &str, nth: usize) -> Vec<f64> {
    let rows: Vec<&str> = report.lines().filter(|line| line.starts_with(&format!("| {name} |"))).collect();
    let cells = rows.get(nth).unwrap_or_else(|| panic!("no row {name} in {report}")).split('|').skip(2);
    cells.filter_map(|cell| cell.trim().split(' ').next()?.parse().ok()).collect()
}

#[test]
fn a_small_measurement_tells_everything() {
    let (code, report, log) = measured(&[]);
    assert_eq!(code, Some(0), "{log}");
    for (workers, state) in [("2", 0), ("1", 0), ("2", 1), ("1", 1)] {
        let [read, ready, peak] = row(&report, workers, state)[..] else { panic!("{report}") };
        assert!(0.0 < read && read <= ready && peak > 0.0, "{report}");
    }
    let lines = report.lines().filter(|line| line.contains("events read"));
    let numbers: Vec<f64> =
        lines.flat_map(|line| line.split(' ')).filter_map(|word| word.parse().ok()).collect();
    let [events, facts, known, of_crowd, crowd, crowd_known] = numbers[..] else { panic!("{numbers:?}") };
    assert!(events == 20_000.0 && facts > 500.0 && known > 19_000.0, "{numbers:?}");
    // Everybody has a cart, a fifth an offer, and there are a hundred articles.
    assert!(of_crowd == 3100.0 && crowd >= 3700.0 && crowd_known == 3100.0, "{numbers:?}");
    for state in ["without `[state]`", "with"] {
        let [seconds, median, rate, peak] = row(&report, state, 0)[..] else { panic!("{report}") };
        assert!(seconds > 0.0 && seconds == median && rate > 100.0 && peak > 0.0, "{report}");
        let [p50, p99, p999] = row(&report, state, 1)[..] else { panic!("{report}") };
        assert!(0.0 < p50 && p50 <= p99 && p99 <= p999, "{report}");
    }
    assert_eq!(row(&report, "ratio of medians", 0).len(), 3, "{report}");
    assert!(!report.contains("NaN") && report.contains("recovery --rules"), "{report}");
}

#[test]
fn what_cannot_be_measured_is_said_by_name() {
    for (more, name) in [
        (["--shopbell", "nowhere"], "measure-no-program"),
        (["--file-events", "0"], "measure-arguments"),
        (["--rules", "nowhere"], "measure-process"),
    ] {
        let (code, report, log) = measured(&more);
        assert!(code.is_some_and(|code| code > 1) && report.is_empty(), "{code:?} {report}");
        assert!(log.contains(&format!("[{name}]")), "{more:?}: {log}");
    }
}
