//! Persons who were forgotten: their handles are looked for in every byte of the state folder, as text and as
//! hexadecimal digits. Before they are forgotten the same search finds all of them, so that it can fail.

use super::Mall;
use super::accepted::{Life, RULES};
use super::each_file;
use super::faults::{goes_on, life};
use super::kills::{Lives, Random, lives, remove};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PERSONS: usize = 6;

/// Values of a person's handles: no other text has them in it.
fn values(person: usize) -> [String; 4] {
    [
        format!("zq{person}-4711-0815"),
        format!("{person}zqe7b1c9d2-cookie-longer-than-what-is-stored-in-place"),
        format!("\u{540d}\u{5b57}zq{person}"),
        format!("zq{person}.m\u{fc}ller@example.org"),
    ]
}

fn handles(person: usize) -> [String; 4] {
    let [card, cookie, wechat, email] = values(person);
    [format!("card:{card}"), format!("cookie:{cookie}"), format!("wechat:{wechat}"), format!("email:{email}")]
}

/// Which of the persons' handles, by value, some byte of a folder's files tells.
fn found(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_file(folder, &mut |path, bytes| {
        let text = format!("{} {}", path.display(), String::from_utf8_lossy(&bytes));
        found.extend((0..PERSONS).flat_map(values).filter(|value| {
            let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
            [value.clone(), hex.to_uppercase(), hex].iter().any(|form| text.contains(form))
        }));
    });
    found
}

#[test]
fn the_search_finds_what_is_there_in_any_form() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let [card, cookie, wechat, email] = values(1);
    let digits = |value: &str| value.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let binary = [&[0xe5, 0xff, 0][..], wechat.as_bytes(), &[0xe5]].concat();
    let files = [("a", card.into_bytes()), ("in/b", digits(&cookie).into_bytes()), ("in/c", binary)];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    std::fs::write(folder.path().join(digits(&email).to_uppercase()), "").unwrap();
    assert_eq!(found(folder.path()), values(1).into());
}

fn everybody() -> BTreeSet<String> {
    (0..PERSONS).flat_map(values).collect()
}

/// Lines to put into a mall: at how many hundredths of it, and what.
fn script() -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for person in 0..PERSONS {
        let [card, cookie, wechat, email] = handles(person);
        let stays = format!("card:stays-{person}");
        let item = |number: usize| format!("{{\"items\":[{{\"item_id\":\"sku-{}\"}}]}}", person * 7 + number);
        let with = |handle: &str| format!("{{\"with\":\"{handle}\"}}");
        let mut say = |at: usize, kind: &str, who: &str, data: &str| {
            lines.push((at + person, format!("\"type\":\"{kind}\",\"subject\":\"{who}\",\"data\":{data}")));
        };
        // Somebody who stays has an offer, after two hours, with evidence of the one who goes.
        say(2, "web.add_to_cart", &stays, &item(1));
        say(2, "crm.link", &stays, &with(&email));
        say(3, "web.add_to_cart", &email, &item(2));
        say(78, "crm.unlink", &email, &with(&stays));
        say(5, "web.add_to_cart", &cookie, &item(3));
        say(5, "web.login", &cookie, &with(&card));
        say(6, "web.add_to_wishlist", &card, &item(4));
        say(6, "crm.link", &wechat, &with(&card));
        say(7, "store.check_in", &wechat, "{\"location\":\"shop-1\"}");
        for _ in 0..3 {
            say(8, "sensor.beacon", &wechat, "{\"beacon\":\"02:5b:00:00:12:00\",\"rssi\":-50}");
        }
        say(8, "crm.profile", &card, "{\"attributes\":{\"tier\":\"gold\"}}");
        say(9, "crm.consent", &card, "{\"granted\":true}");
        say(79, "crm.link", &email, &with(&card));
        say(33, "web.view_item", &email, &item(5));
        say(33, "crm.unlink", "cookie:of-nobody", &with(&cookie));
        let [asks, last] = [[&card, &cookie, &wechat, &email][person % 4], &cookie];
        if person + 1 == PERSONS {
            say(95, "crm.forget", last, "{}");
        } else {
            say(84 + person * 2, "crm.forget", asks, "{}");
        }
    }
    lines
}

/// A mall with these persons in it, and the number of lines before the first of them is forgotten.
fn mall(events: usize, seed: u64) -> (Mall, usize) {
    let mall = Mall::new(events, seed);
    let text = mall.text("events.jsonl");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines.len();
    let mut more = script();
    more.sort_by_key(|(at, _)| *at);
    let mut before = None;
    for (number, (at, said)) in more.into_iter().enumerate().rev() {
        // The last one is the very last event.
        let place = if at >= 100 { count } else { count * at / 100 };
        let time = time(&lines[place - 1]);
        if said.contains("crm.forget") {
            before = Some((place, number));
        }
        let line = format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{number}\",\"source\":\"script\",\"time\":\"{time}\",{said}}}"
        );
        lines.insert(place, line);
    }
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    std::fs::write(mall.path("events.jsonl"), text).unwrap();
    mall.replay();
    let expected = mall.text("expected.jsonl");
    let forgotten = expected.lines().filter(|line| line.contains("\"reason\":\"forgotten\"")).count();
    assert!(forgotten >= PERSONS, "offers are withdrawn as forgotten: {forgotten}");
    let evidence =
        |line: &&str| line.contains("\"subject\":\"card:stays-") && line.contains("\"cart_reminder\"");
    let of_both =
        expected.lines().filter(evidence).filter(|line| line.matches("\"source\":\"script\"").count() > 1);
    assert!(of_both.count() > 0, "an offer of somebody who stays rests on what somebody did who goes");
    let (place, number) = before.unwrap();
    (mall, place + number)
}

fn time(line: &str) -> String {
    let (_, rest) = line.split_once("\"time\":\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Runs the job up to where the first person is forgotten, and shows that the search finds all of them there.
fn up_to_the_first(mall: &Mall, lines: usize) {
    let all = mall.text("events.jsonl");
    // A stop in good order ends a tick: it must be a whole one.
    let times: Vec<String> = all.lines().take(lines + 1).map(time).collect();
    let lines = (1..=lines).rev().find(|place| times[*place] != times[*place - 1]).unwrap();
    let half: String = all.lines().take(lines).flat_map(|line| [line, "\n"]).collect();
    assert!(!half.contains("crm.forget"));
    std::fs::write(mall.path("events.jsonl"), half).unwrap();
    assert!(mall.start(2).wait().unwrap().success(), "{}", mall.text("log"));
    assert_eq!(found(&mall.path("state")), everybody());
    std::fs::write(mall.path("events.jsonl"), all).unwrap();
}

#[test]
fn no_file_tells_of_the_forgotten_once_the_job_has_ended() {
    let (mall, lines) = mall(24_000, 3);
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"128KiB\"");
    up_to_the_first(&mall, lines);
    assert!(mall.start(1).wait().unwrap().success(), "{}", mall.text("log"));
    assert!(mall.text("offers.jsonl") == mall.text("expected.jsonl"), "other offers");
    assert_eq!(found(&mall.path("state")), BTreeSet::new());
    // Who stays is still there.
    let runs = std::fs::read_dir(mall.path("state/checkpoints")).unwrap().map(|file| file.unwrap().path());
    let text: Vec<u8> = runs.flat_map(|path| std::fs::read(path).unwrap()).collect();
    let text = String::from_utf8_lossy(&text);
    assert!((0..PERSONS).all(|person| text.contains(&format!("stays-{person}"))));
    // And a start from there has nothing to say.
    goes_on(&mall, "the erasure");
}

#[test]
fn kills_on_the_way_leave_no_trace_either() {
    let (mall, _) = mall(30_000, 4);
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"256KiB\"");
    let (mut random, mut sum) = (Random(3), Lives::default());
    while sum.kills < 10 {
        remove(&mall, "offers.jsonl");
        remove(&mall, "state");
        lives(&mall, &Mall::rules(), &mut random, &mut sum);
        let said = mall.text("offers.jsonl");
        assert!(said == mall.text("expected.jsonl"), "{sum:?}: other offers; log: {}", mall.text("log"));
        assert_eq!(found(&mall.path("state")), BTreeSet::new(), "{sum:?}");
    }
    println!("{sum:?}");
    assert!(sum.with_checkpoint > 0, "{sum:?}");
}

#[test]
fn a_crash_at_any_moment_of_an_erasure_is_made_good() {
    let (mall, lines) = mall(12_000, 5);
    mall.configure("checkpoint_every = \"1h\"");
    up_to_the_first(&mall, lines);
    let keep = |from: &str, to: &str| {
        remove(&mall, to);
        let copied = Command::new("cp").arg("-r").arg(mall.path(from)).arg(mall.path(to)).status();
        assert!(copied.unwrap().success());
    };
    keep("state", "kept");
    keep("offers.jsonl", "kept-offers.jsonl");
    // One checkpoint at the end, its compaction, and what goes after it.
    let moments: [(&str, u64); 8] = [
        ("checkpoint-create", 4),
        ("checkpoint-write", 4),
        ("checkpoint-rename-run", 2),
        ("checkpoint-rename-manifest", 2),
        ("checkpoint-sync-directory", 5),
        ("checkpoint-remove", 3),
        ("journal-create", 1),
        ("journal-remove", 1),
    ];
    for (moment, last) in moments {
        for count in 1..=last {
            let fault = format!("crash:{moment}:{count}");
            keep("kept", "state");
            keep("kept-offers.jsonl", "offers.jsonl");
            assert!(!life(&mall, &fault).success(), "{fault} never came: {}", mall.text("log"));
            goes_on(&mall, &fault);
            assert_eq!(found(&mall.path("state")), BTreeSet::new(), "{fault}");
        }
    }
}

#[test]
fn a_job_that_runs_forgets_with_its_next_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("rules")).unwrap();
    std::fs::write(path.join("rules/test.toml"), RULES.replace("sms", "associate")).unwrap();
    let config = "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
                  [state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";
    std::fs::write(path.join("job.toml"), config).unwrap();
    let mut job = Life::start(path);
    let send = |kind: &str, who: &str, data: &str| {
        let now = shopbell_model::time::format_rfc3339(shopbell::wall_clock());
        let id = format!("{kind} {data} {}", who.len());
        let status = job.send(&format!(
            "{{\"specversion\":\"1.0\",\"id\":{},\"source\":\"test\",\"type\":\"{kind}\",\"subject\":\"{who}\",\
             \"time\":\"{now}\",\"data\":{data}}}\n",
            serde_json::Value::from(id)
        ));
        assert!(status.contains("202"), "{status}");
    };
    let [card, cookie, wechat, email] = handles(0);
    for other in [&cookie, &wechat, &email] {
        send("crm.link", &card, &format!("{{\"with\":\"{other}\"}}"));
        send("store.check_in", other, "{\"location\":\"l\"}");
    }
    send("store.check_in", "card:stays", "{\"location\":\"l\"}");
    std::thread::sleep(Duration::from_millis(400));
    let state = path.join("state");
    assert_eq!(found(&state), values(0).into());
    send("crm.forget", &email, "{}");
    let begun = Instant::now();
    while !found(&state).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", found(&state));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(job.child.try_wait().unwrap().is_none(), "the job runs on");
    let said = std::fs::read_to_string(path.join("offers.jsonl")).unwrap();
    let with = |text: &str| said.lines().filter(|line| line.contains(text)).count();
    assert_eq!((with("\"offer.made\""), with("\"reason\":\"forgotten\"")), (4, 3), "{said}");
}
