//! Prints nanoseconds per decoded event, for each of a few events of a typical job.
//!
//! `cargo run --release -p shopbell-model --example decode_speed`
#![allow(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement: prints, reads the clock, and knows its list"
)]

use shopbell_model::event::{Decoded, Limits, Lines, decode, encode_into};
use std::hint::black_box;
use std::time::Instant;

const NOW: u64 = 1_795_348_800_000;
const ROUNDS: u32 = 200_000;

fn main() {
    let wrap = |kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"8f14e45f-ceea-467f-ab5c-2b1d6a0c9a11","source":"gateway/shop-12/7","type":"{kind}","subject":"device:b827eb93a1f0","time":"2026-11-22T11:59:58.125Z","data":{data}}}"#
        )
    };
    let items = |count: usize| {
        let line = r#"{"item_id":"mask-4711","quantity":1,"price":59.90,"item_category":"diving"}"#;
        format!(r#"{{"items":[{}]}}"#, vec![line; count].join(","))
    };
    let uuid = r#"{"uuid":"F7826DA6-4FA2-4E98-8024-BC5B71E0893E","major":12,"minor":407,"rssi":-67}"#;
    let events = [
        ("beacon by mac", wrap("sensor.beacon", r#"{"beacon":"AC:23:3F:A1:00:07","rssi":-67.5}"#)),
        ("beacon by uuid", wrap("sensor.beacon", uuid)),
        ("view of one item", wrap("web.view_item", &items(1))),
        ("cart of ten items", wrap("web.begin_checkout", &items(10))),
        ("stock level", wrap("stock.level", r#"{"location":"shop-12","item_id":"mask-4711","quantity":14}"#)),
        ("refused: no subject", wrap("web.view_item", &items(1)).replace("subject", "object")),
        ("unknown type", wrap("web.dance", &items(1))),
    ];
    let limits = Limits::default();
    println!("{:<22}{:>8}{:>12}", "event", "bytes", "ns/event");
    for (name, text) in &events {
        let spent = best(|| {
            let _ = black_box(decode(black_box(text.as_bytes()), NOW, &limits));
        });
        println!("{name:<22}{:>8}{spent:>12.0}", text.len());
    }
    let (_, text) = &events[2];
    if let Ok(Decoded::Event(event)) = decode(text.as_bytes(), NOW, &limits) {
        let mut out = String::new();
        let spent = best(|| {
            out.clear();
            encode_into(black_box(&event), &mut out);
        });
        println!("{:<22}{:>8}{spent:>12.0}", "encoding that view", out.len());
    }
    let file = format!("{text}\n").repeat(1000);
    let spent = best(|| {
        let mut lines = Lines::new(black_box(file.as_bytes()), limits.event_bytes);
        for _ in 0..1000 {
            let _ = black_box(lines.next_record());
        }
    });
    println!("{:<22}{:>8}{:>12.0}", "reading its line", text.len(), spent / 1000.0);
}

/// Nanoseconds a call: the best of five runs, so that a busy machine does not count.
fn best(mut call: impl FnMut()) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let mut rounds = 0;
        while rounds < ROUNDS && start.elapsed().as_millis() < 400 {
            for _ in 0..100 {
                call();
            }
            rounds += 100;
        }
        least = least.min(start.elapsed().as_nanos() as f64 / f64::from(rounds));
    }
    least
}
