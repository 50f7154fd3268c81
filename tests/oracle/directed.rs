//! Directed scripts.

use super::config::Config;
use super::replay::{Replay, Ticks, answer};
use super::rules::{Rule, When};
use super::script::json_lines;
#[test]
fn first() {
    let r = Replay {
        events: json_lines("10:00:00 cookie:1 add mask\n10:20:00 cookie:1 buy t1 mask"),
        rules: vec![Rule::new(
            "idle",
            When::CartAbandoned { idle: 60000, per_item: false, first_add: false },
        )],
        config: Config::default(),
        grid: 1,
        until: None,
    };
    println!("{:#?}", answer(&r, Ticks::Due));
    println!("{} {}", r.config.toml(), r.rules[0].toml());
}
