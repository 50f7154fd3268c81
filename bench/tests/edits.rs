//! The command that measures edits of rules, in seconds instead of minutes, so that it cannot rot. It needs the engine
//! beside it: `cargo test --workspace` builds that, for this package alone `cargo build -p shopbell` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

#[test]
fn a_small_measurement_tells_everything() {
    let output = Command::new(env!("CARGO_BIN_EXE_edits"))
        .args([
            "--load",
            env!("CARGO_BIN_EXE_load"),
            "--customers",
            "2000",
            "--rate",
            "2000",
            "--seconds",
            "3",
        ])
        .args(["--reloads", "20"])
        .output()
        .unwrap();
    let [report, log] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(0), "{log}");
    let rows =
        |with: &str| report.lines().filter(|line| line.starts_with('|') && line.contains(with)).count();
    assert_eq!((rows("| offers made | 400 |"), rows("| offers withdrawn | 400 |")), (4, 4), "{report}");
    assert_eq!(rows("12 changes, 8 broken or torn files"), 1, "{report}");
    let offers = report.lines().filter(|line| {
        line.starts_with("| nothing | ") && !line.contains("offers") || line.contains("the edits above")
    });
    let offers = offers.filter_map(|line| line.split('|').nth(5)?.trim().parse::<u64>().ok());
    assert!(offers.clone().count() == 2 && offers.min() > Some(10), "{report}");
}
