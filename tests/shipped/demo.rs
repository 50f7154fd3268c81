//! The demo: its offers as promised, the same with any number of workers, and told by the command.

use super::files::root;
use serde_json::Value;
use shopbell::demo::Material;
use shopbell::replay::{InMemory, in_memory};
use std::process::{Command, Output};

/// Person, kind and rule (or reason, or policy) of every decision, by the clock. Jun (card:9102) bought
/// the mask first: nothing but his receipt.
const PROMISED: [&str; 25] = [
    "10:05:00 card:8801 made saved_price_drop on push",
    "14:10:00 card:8801 made check_in_voucher on push",
    "14:16:00 card:8801 made tell_associate on associate",
    "14:16:20 card:8801 made right_here on wechat",
    "14:25:30 card:8801 withdrawn right_here: left",
    "14:30:00 card:8801 suppressed running_low: channel_cap",
    "14:33:00 card:8801 made tell_associate on associate",
    "14:37:30 card:8801 withdrawn tell_associate: left",
    "14:42:00 card:8801 made receipt_suggestion on receipt",
    "14:42:00 card:8801 withdrawn saved_price_drop: bought",
    "14:58:00 card:8801 made near_the_shop on push",
    "14:59:00 card:8801 made manager_offer on wechat",
    "15:00:00 card:8801 suppressed cart_reminder: channel_cap",
    "15:00:00 card:8801 suppressed extra_offer: channel_cap",
    "15:06:00 card:8801 withdrawn near_the_shop: rule",
    "16:05:00 card:9333 made check_in_voucher on push",
    "16:06:00 card:9333 made tell_associate on associate",
    "16:07:30 card:9333 withdrawn tell_associate: left",
    "16:26:00 card:9333 made come_back on push",
    "16:40:00 card:9102 made receipt_suggestion on receipt",
    "16:50:30 card:9215 made extra_offer on wechat",
    "16:50:30 card:9215 suppressed cart_reminder: channel_cap",
    "16:51:10 card:9215 made receipt_suggestion on receipt",
    "16:51:10 card:9215 withdrawn extra_offer: bought",
    "17:10:00 card:9333 withdrawn come_back: bought",
];

fn replayed(workers: usize) -> Vec<String> {
    let material = Material::embedded();
    let job = InMemory {
        events: material.events.lines().map(str::to_owned).collect(),
        rules: material.rules,
        config: material.config.1,
        workers,
        tick_ms: 1,
        until: shopbell_model::time::parse_rfc3339("2025-06-14T18:00:00+08:00").map(|time| time as u64),
    };
    in_memory(&job).unwrap()
}

/// Lines of output in the shorthand of [`PROMISED`], sorted.
fn shorthand(lines: &[String]) -> Vec<String> {
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rule_of = |id: &Value| {
        let made =
            events.iter().find(|event| event["data"]["offer_id"] == *id && event["type"] == "offer.made");
        made.unwrap()["data"]["rule"].as_str().unwrap()
    };
    let mut short: Vec<String> = events
        .iter()
        .map(|event| {
            let (data, person) = (&event["data"], event["subject"].as_str().unwrap());
            let text = |key: &str| data[key].as_str().unwrap();
            let clock: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            let clock = clock.in_tz("Asia/Shanghai").unwrap().strftime("%H:%M:%S").to_string();
            match event["type"].as_str().unwrap() {
                "offer.made" => format!("{clock} {person} made {} on {}", text("rule"), text("channel")),
                "offer.withdrawn" => {
                    format!("{clock} {person} withdrawn {}: {}", rule_of(&data["offer_id"]), text("reason"))
                }
                _ => format!("{clock} {person} suppressed {}: {}", text("rule"), text("policy")),
            }
        })
        .collect();
    short.sort();
    short
}

#[test]
fn the_story_has_the_offers_it_promises() {
    assert_eq!(shorthand(&replayed(1)), PROMISED);
}

#[test]
fn workers_do_not_change_the_story() {
    let one = replayed(1);
    assert_eq!(one, replayed(2));
    assert_eq!(one, replayed(4));
}

/// The redeemed offers in the events are named by id: they must be those that were made.
#[test]
fn outcomes_belong_to_offers_of_the_story() {
    let made = replayed(1);
    let material = Material::embedded();
    let events = material.events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let outcomes: Vec<Value> =
        events.filter(|event| event["type"].as_str().unwrap().starts_with("push.")).collect();
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes {
        let id = outcome["data"]["offer_id"].as_str().unwrap();
        assert!(made.iter().any(|line| line.contains(id)), "no offer {id}");
    }
}

fn shopbell(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_shopbell")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn standard_output(arguments: &[&str]) -> String {
    String::from_utf8(shopbell(arguments).stdout).unwrap()
}

#[test]
fn the_command_decides_what_a_replay_decides() {
    let lines: Vec<String> = standard_output(&["demo", "--json"]).lines().map(str::to_owned).collect();
    assert_eq!(lines, replayed(1));
}

/// Without the line breaks and columns of the telling.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_telling_names_steps_reasons_and_what_is_missing() {
    let text = standard_output(&["demo", "--repeat", "3"]);
    for step in 1..=8 {
        assert!(text.contains(&format!("\n{step}  ")), "step {step} is not told:\n{text}");
    }
    for told in [
        "\"Buy the Reef diving mask, get ear plugs\"",
        "because 14:51:00 Eva is to get an extra offer: Lin asks for manager_offer on Reef diving mask 14:59:00 Eva may have it, says Ms Zhou",
        "beats   cart_reminder (35)",
        "withdrawn extra_offer for Mei on wechat: it was bought (bought)",
        "enough on this channel for now (channel_cap)",
        "(late: it was at 16:23:00)",
        "Not in this version: order flow",
        "p50",
        "for 3 copies of everybody",
    ] {
        assert!(in_one_line(&text).contains(&in_one_line(told)), "not told: {told}\n{text}");
    }
    let (_, of_mei) = text.split_once("Mei buys it just after").unwrap();
    let place = |told: &str| of_mei.find(told).unwrap_or_else(|| panic!("not told: {told}"));
    assert!(
        place("► offer extra_offer") < place("· kept back cart_reminder"),
        "what won is told after what lost"
    );
    assert!(!text.contains('\u{1b}'), "colour where there is no terminal");
}

/// The first `text` block of the README is what the demo prints, but for what `...` stands for.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, block) = readme.split_once("```text\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let text = standard_output(&["demo", "--repeat", "0"]);
    let told: std::collections::BTreeSet<&str> = text.lines().collect();
    assert!(block.lines().count() > 20);
    for line in block.lines().filter(|line| *line != "...") {
        assert!(told.contains(line), "the README shows what the demo does not print: {line}");
    }
}

#[test]
fn edited_files_change_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my-demo");
    let written = path.to_str().unwrap();
    shopbell(&["demo", "--write", written]);
    assert_eq!(standard_output(&["demo", "--from", written, "--json"]), standard_output(&["demo", "--json"]));
    let again =
        Command::new(env!("CARGO_BIN_EXE_shopbell")).args(["demo", "--write", written]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "written over");

    let wishes = path.join("rules/wishes.toml");
    let text = std::fs::read_to_string(&wishes).unwrap();
    std::fs::write(&wishes, text.replace("lifetime_spend > 5000", "lifetime_spend > 6000")).unwrap();
    let offers = standard_output(&["demo", "--from", written, "--json"]);
    let extra =
        |offers: &str| offers.lines().filter(|line| line.contains("\"rule\":\"extra_offer\"")).count();
    // Mei spent 5,600: she is reminded instead.
    assert_eq!(extra(&offers), 1, "{offers}");
    assert!(root().join("config/demo/rules/wishes.toml").exists());
}
