//! What failed is kept over restarts; list, replay, drop.

use super::receiver::{Answers, Receiver};
use super::{Shop, wait_for, webhook};
use shopbell::checkpoint::{self, Store};
use std::time::Duration;

fn subjects(receiver: &Receiver) -> Vec<String> {
    let subject =
        |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["subject"].to_string();
    let mut subjects: Vec<String> =
        receiver.arrivals().iter().filter(|arrival| arrival.taken).map(|a| subject(&a.body)).collect();
    subjects.sort();
    subjects
}

fn phones(ids: std::ops::Range<u32>) -> Vec<String> {
    let mut phones: Vec<String> = ids.map(|id| format!("\"phone:{id}\"")).collect();
    phones.sort();
    phones
}

#[test]
fn a_receiver_that_is_gone_stays_disabled_over_restarts_until_it_is_replayed() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::With(410), 1));
    let config = webhook("crm", &receiver, "");
    let life = shop.start(&config);
    life.check_in(0..5);
    let said = life.wait_until("crm", 0, 5);
    assert_eq!((&said["disabled"], &said["last_error"]), (&true.into(), &"answered with 410".into()));
    life.stop();

    receiver.answer(Answers::With(200));
    let asked = receiver.arrivals().len();
    let life = shop.start(&config);
    assert_eq!(life.of("crm")["disabled_since"], said["disabled_since"]);
    life.check_in(5..7);
    life.wait_until("crm", 0, 7);
    drop(life);
    // Killed: the last two come again from the journal or a checkpoint.
    let life = shop.start(&config);
    life.wait_until("crm", 0, 7);
    assert_eq!(receiver.arrivals().len(), asked);
    let (code, listed, _) = life.webhooks(&["list"]);
    assert_eq!(code, Some(0));
    assert!(listed.starts_with("crm: 0 waiting, 7 failed, disabled since 20"), "{listed}");
    assert!(listed.trim_end().ends_with("Z: answered with 410"), "{listed}");

    let (code, _, said) = life.webhooks(&["replay", "nobody"]);
    assert!(code == Some(1) && said.contains("error[webhook-unknown]"), "{said}");
    let (code, said, _) = life.webhooks(&["replay", "crm"]);
    assert_eq!((code, said.as_str()), (Some(0), "crm: 7 replayed\n"));
    life.wait_until("crm", 0, 0);
    assert_eq!(subjects(&receiver), phones(0..7));
    life.check_in(7..8);
    wait_for("one more", || (subjects(&receiver) == phones(0..8)).then_some(()));
    life.stop();
    let life = shop.start(&config);
    assert_eq!(life.of("crm")["disabled"], false);
    life.stop();
    assert_eq!(subjects(&receiver), phones(0..8));
}

#[test]
fn a_command_outlives_a_kill_though_nothing_happens() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::With(410), 1));
    let config = webhook("crm", &receiver, "");
    let life = shop.start(&config);
    life.check_in(0..3);
    life.wait_until("crm", 0, 3);
    // Time goes on for the ledger, for checkpoints: wait until it stands still.
    let checkpoints = || {
        std::fs::read_dir(shop.path("state/checkpoints"))
            .unwrap()
            .flatten()
            .map(|file| file.file_name())
            .max()
    };
    let settled = || {
        wait_for("nothing more to keep", || {
            let before = checkpoints();
            std::thread::sleep(Duration::from_millis(700));
            (checkpoints() == before).then_some(before)
        })
    };
    let before = settled();
    receiver.answer(Answers::With(503));
    assert_eq!(life.webhooks(&["replay", "crm"]).1, "crm: 3 replayed\n");
    life.wait_until("crm", 3, 0);
    assert_ne!(settled(), before);
    drop(life);
    let life = shop.start(&config);
    let said = life.wait_until("crm", 3, 0);
    assert_eq!(said["disabled"], false);
}

#[test]
fn what_does_not_fit_is_kept_and_can_be_replayed() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::With(503), 1));
    let config = webhook("crm", &receiver, "max_queue = 3\nmax_failed = 10");
    let life = shop.start(&config);
    life.check_in(0..10);
    life.wait_until("crm", 3, 7);
    life.stop();
    receiver.answer(Answers::With(200));
    let life = shop.start(&config);
    life.wait_until("crm", 0, 7);
    assert_eq!(subjects(&receiver).len(), 3);
    assert_eq!(life.webhooks(&["replay", "crm"]).1, "crm: 7 replayed\n");
    life.wait_until("crm", 0, 0);
    assert_eq!(subjects(&receiver), phones(0..10));
    life.stop();
}

#[test]
fn a_receiver_that_is_not_configured_any_more_keeps_its_messages_until_they_are_dropped() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::With(503), 1));
    let config = webhook("crm", &receiver, "");
    let life = shop.start(&config);
    life.check_in(0..4);
    life.wait_until("crm", 4, 0);
    life.stop();

    let life = shop.start("");
    let said = life.of("crm");
    assert_eq!((&said["configured"], &said["waiting"]), (&false.into(), &4.into()));
    life.check_in(4..5);
    let log = life.stop();
    assert_eq!(log.matches("not configured").count(), 1, "{log}");

    receiver.answer(Answers::With(200));
    let life = shop.start(&config);
    life.wait_until("crm", 0, 0);
    assert_eq!(subjects(&receiver), phones(0..4));
    receiver.answer(Answers::With(503));
    life.check_in(5..8);
    life.wait_until("crm", 3, 0);
    life.stop();

    let life = shop.start("");
    assert_eq!(life.webhooks(&["drop", "crm"]).1, "crm: 3 dropped\n");
    assert_eq!(life.of("crm"), serde_json::Value::Null);
    let log = life.stop();
    assert!(log.contains("not configured"), "{log}");
    receiver.answer(Answers::With(200));
    let life = shop.start(&config);
    life.wait_until("crm", 0, 0);
    life.stop();
    assert_eq!(subjects(&receiver), phones(0..4));
}

#[test]
fn what_is_sent_at_an_end_in_good_order_is_not_sent_again() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::Slowly(50), 1));
    let config = webhook("crm", &receiver, "");
    let life = shop.start(&config);
    life.check_in(0..60);
    let log = life.stop();
    assert_eq!(subjects(&receiver), phones(0..60), "{log}");
    receiver.answer(Answers::With(200));
    let life = shop.start(&config);
    life.check_in(60..61);
    life.wait_until("crm", 0, 0);
    life.stop();
    assert_eq!(subjects(&receiver), phones(0..61));
}

/// Rows of outboxes in the newest checkpoint: those that hold something, and all, deleted ones too.
fn outbox_rows(shop: &Shop, compact: bool) -> usize {
    let mut store = Store::open(&shop.path("state/checkpoints"), checkpoint::Settings::default()).unwrap();
    if compact {
        store.newest_good().unwrap();
        store.compact(|_, _, _| true).unwrap();
    }
    let newest = store.newest_good().unwrap().checkpoint.unwrap();
    let rows = newest.rows(|bucket| bucket == 0).map(Result::unwrap);
    rows.filter(|row| row.key.first() == Some(&2) && (compact || row.value.is_some())).count()
}

#[test]
fn what_was_delivered_leaves_the_checkpoints() {
    let (shop, receiver) = (Shop::new(), Receiver::start(Answers::With(503), 1));
    let config = webhook("crm", &receiver, "");
    let life = shop.start(&config);
    life.check_in(0..50);
    life.wait_until("crm", 50, 0);
    life.stop();
    assert_eq!(outbox_rows(&shop, false), 50);
    receiver.answer(Answers::With(200));
    let life = shop.start(&config);
    life.wait_until("crm", 0, 0);
    life.stop();
    assert_eq!((outbox_rows(&shop, false), outbox_rows(&shop, true)), (0, 0));
    assert_eq!(subjects(&receiver), phones(0..50));
}
