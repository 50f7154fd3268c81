use super::*;
use crate::sink::webhook::Condition;
use crate::sink::{Message, MessageKind};
use shopbell_model::event::Body;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Brand, EventRef, Handle, LocationId, Person, Text};
use shopbell_model::offer::{About, Because, Episode, Evidence, Passed, Sent};
use shopbell_model::pool::{Holding, Pool};
use shopbell_model::rules::Cap;
use shopbell_model::shared::Shared;
use shopbell_model::time::Duration;

fn level(id: &str, quantity: i64) -> Event {
    let brand = Brand::default();
    let (location, item) = (LocationId::new(&brand, "a"), shopbell_model::key::ItemId::new(&brand, "A"));
    let reference = EventRef { source: Text::from("erp"), id: Text::from(id) };
    Event { reference, brand, time: 5, body: Body::StockLevel { location, item, quantity } }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn ticks_of_the_journal_are_read_back() {
    let events = [(7, level("1", 3)), (8, level("2", -4))];
    let read = vec![("a.jsonl".to_owned(), Place { position: 512, mark: 7 })];
    let bytes = journal_tick(10, 9, &events, &read).unwrap();
    let events = events.into_iter().map(|(_, event)| event).collect();
    let expected = JournalTick { tick: 10, clock: 9, first: 7, events, read };
    assert_eq!(read_entry(&bytes).unwrap(), Entry::Tick(expected));
    assert_eq!(read_entry(&bytes[..bytes.len() - 1]).unwrap_err().code(), "stored-unreadable");
    let open = journal_open(10, 9, &[(7, level("1", 3))]).unwrap();
    let expected =
        JournalTick { tick: 10, clock: 9, first: 7, events: vec![level("1", 3)], read: Vec::new() };
    assert_eq!(read_entry(&open).unwrap(), Entry::Open(expected));
    assert!(!holds_rules(&open));
    let texts = vec![("a.toml".to_owned(), "# none".to_owned())];
    let beside = Some(vec![("cart".to_owned(), "0123".to_owned())]);
    let rules = Ruling { texts, before: Some(Vec::new()), beside };
    let rules_bytes = journal_rules(&rules).unwrap();
    assert!(holds_rules(&rules_bytes) && !holds_rules(&bytes));
    assert_eq!(read_entry(&rules_bytes).unwrap(), Entry::Rules(rules));
    let shadow = ShadowSet { texts: vec![("s.toml".to_owned(), "# none".to_owned())], since: 5 };
    for shadow in [Some(shadow), None] {
        let bytes = journal_shadow(shadow.as_ref()).unwrap();
        assert!(holds_rules(&bytes));
        assert_eq!(read_entry(&bytes).unwrap(), Entry::Shadow(shadow));
    }
}

fn waiting() -> OutboxValue {
    let message = Message {
        key: "p".into(),
        offer_id: "o".into(),
        kind: MessageKind::Withdrawn,
        channel: "sms".into(),
        valid_until: Some(9),
        forgotten: true,
        json: "{}".into(),
    };
    OutboxValue::Message(3, message.into(), true)
}

/// An offer that was sent, with all that it rested on.
fn sent() -> (KeptKey, PersonFact) {
    let handle = |text| Handle::new(&Brand::default(), text);
    let event = EventRef { source: Text::from("app"), id: Text::from("1") };
    let (anchor, text) = (handle("card:1"), Text::from("check_in|card:1|l|5"));
    let cap = Cap { count: 3, within: Duration(7) };
    let because = Because {
        score: 40,
        terms: vec![(Text::from("40"), 40)],
        events: vec![Evidence { event, handle: anchor.clone() }],
        passed: vec![Passed::MinScore(4), Passed::Cap(1, cap)],
        over: vec![(Text::from("other"), 30)],
    };
    let sent = Sent {
        offer_id: Text::from("o"),
        rule: Text::from("r"),
        rule_version: Text::from("v"),
        category: None,
        at: 5,
        channel: Text::from("sms"),
        ends: 9,
        episode: Episode {
            anchor: anchor.clone(),
            text,
            handles: vec![anchor.clone()],
            about: About::CheckIn,
        },
        items: Vec::new(),
        person: Person::named_by(&anchor),
        because,
        priority: 2,
        replaceable: true,
        replaces: None,
        holding: None,
        segment: Text::from("gold"),
    };
    let fact = PersonFact::Sent(Shared::new(sent));
    (KeptKey::of_ledger(&anchor, &fact).unwrap(), fact)
}

/// What version 5 writes. Where this has to change, so has [`FORMAT`].
#[test]
fn the_format_is_that_of_version_5() {
    let read = [("a.jsonl".to_owned(), Place { position: 512, mark: 0x0102_0304_0506_0708 })];
    let tick = journal_tick(10, 9, &[(7, level("1", 3))], &read).unwrap();
    let row = fact_row(&KeptKey::Handle(Handle::new(&Brand::new("b"), "card:1")), None).unwrap();
    let message = outbox_row("crm", 7, Some(&waiting())).unwrap();
    let condition = Condition { disabled_since: Some(5), last_error: Some((6, "e".into())) };
    let receiver = outbox_row("crm", 0, Some(&OutboxValue::Receiver(condition))).unwrap();
    let holding = Holding {
        offer: Text::from("o"),
        made: 5,
        parts: vec![(Pool::Units(Brand::new("b"), Text::from("r")), 1)],
        ends: 9,
        ..Holding::default()
    };
    let holds = PersonFact::Holds(Shared::new(holding));
    let holds_key = KeptKey::of_ledger(&Handle::new(&Brand::default(), "card:1"), &holds).unwrap();
    let holds = fact_row(&holds_key, Some(KeptValueRef::Said(&holds, 9))).unwrap();
    let (key, sent) = sent();
    let offer = fact_row(&key, Some(KeptValueRef::Said(&sent, 9))).unwrap();
    let shadow = ShadowSet { texts: vec![("s.toml".to_owned(), "# none".to_owned())], since: 5 };
    let open = journal_open(10, 9, &[(7, level("1", 3))]).unwrap();
    // The same as a tick, but for its kind and for what was read.
    assert!(open.starts_with(&[3, 0, 0, 0]) && tick.starts_with(&[0; 4]));
    let (events, nothing_read) = open[4..].split_at(open.len() - 12);
    assert!(tick[4..].starts_with(events) && nothing_read == [0; 8]);
    let golden = [
        (hex(&journal_shadow(Some(&shadow)).unwrap()), GOLDEN_SHADOW),
        (hex(&journal_shadow(None).unwrap()), "0200000000"),
        (hex(offer.value.as_deref().unwrap()), GOLDEN_OFFER),
        (hex(&holds.key), GOLDEN_HOLDS_KEY),
        (hex(holds.value.as_deref().unwrap()), GOLDEN_HOLDS),
        (hex(&tick), GOLDEN_TICK),
        (hex(&row.key), GOLDEN_HANDLE),
        (hex(&copy_row(1 << 120 | 2, 3).key), "0101000000000000000000000000000002"),
        (hex(&message.key), "0263726d0000000000000007"),
        (hex(message.value.as_deref().unwrap()), GOLDEN_MESSAGE),
        (hex(receiver.value.as_deref().unwrap()), GOLDEN_RECEIVER),
    ];
    for (bytes, expected) in golden {
        assert_eq!(bytes, expected);
    }
    assert_eq!((FORMAT, row.value), (5, None));
}

const GOLDEN_SHADOW: &str =
    "020000000101000000000000000600000000000000732e746f6d6c060000000000000023206e6f6e650500000000000000";
const GOLDEN_OFFER: &str = "010000001100000001000000000000006f0100000000000000720100000000000000760005000000000000000300000000000000736d730400000000000000676f6c6409000000000000000600000000000000636172643a311300000000000000636865636b5f696e7c636172643a317c6c7c3501000000000000000600000000000000636172643a310500000000000000000000000600000000000000636172643a3102000000010000280100000000000000020000000000000034302800000000000000010000000000000003000000000000006170700100000000000000310600000000000000636172643a31020000000000000001000000040700000001000000030000000700000000000000010000000000000005000000000000006f746865721e0900000000000000";
const GOLDEN_HOLDS_KEY: &str =
    "00070000000600000000000000636172643a3101000000000000006f050000000500000000000000";
const GOLDEN_HOLDS: &str = "010000001800000001000000000000006f0500000000000000010000000000000000000000010000000000000062010000000000000072010000000000000001010009000000000000000900000000000000";
const GOLDEN_TICK: &str = "000000000a00000000000000090000000000000007000000000000000100000000000000030000000000000065727001000000000000\
    00310000000000000000050000000000000001000000010000000000000061010000000000000041030000000000000001000000000000000700000000000000612e6a736f6e6c00020000000000000807060504030201";
const GOLDEN_MESSAGE: &str = "01000000030000000000000001000000000000007001000000000000006f010000000300000000000000736d730109000000000000000102000000000000007b7d01";
const GOLDEN_RECEIVER: &str = "00000000010500000000000000010600000000000000010000000000000065";
const GOLDEN_HANDLE: &str = "00000000000800000000000000621f636172643a31";

#[test]
fn rows_are_read_back_and_others_refused() {
    let handle = Handle::new(&Brand::default(), "card:1");
    let said = PersonFact::Withdrawn(Text::from("offer"), shopbell_model::offer::Reason::Bought, 8);
    let key = KeptKey::of_ledger(&handle, &said).unwrap();
    let row = fact_row(&key, Some(KeptValueRef::Said(&said, 9))).unwrap();
    assert_eq!(row.bucket, key.bucket());
    let value = row.value.unwrap();
    let Row::Fact(read, KeptValue::Said(fact, since)) = read_row(&row.key, &value).unwrap() else { panic!() };
    assert_eq!((read, fact, since), (key, said, 9));

    let copy = copy_row(u128::MAX - 1, 4);
    let value = copy.value.unwrap();
    assert!(
        matches!(read_row(&copy.key, &value).unwrap(), Row::Copy(fingerprint, 4) if fingerprint == u128::MAX - 1)
    );
    assert!(is_forgotten_copy(&copy.key, &value, 5) && !is_forgotten_copy(&copy.key, &value, 4));
    assert!(!is_forgotten_copy(&row.key, &value, 5));

    let message = outbox_row("crm", 7, Some(&waiting())).unwrap();
    let sent = message.value.unwrap();
    let Row::Outbox(receiver, number, value_read) = read_row(&message.key, &sent).unwrap() else { panic!() };
    assert_eq!((receiver.as_str(), number, value_read), ("crm", 7, waiting()));
    assert_eq!(outbox_row("crm", 7, None).unwrap().value, None);

    for (key, value) in [
        (&b""[..], &b""[..]),
        (&[7], b""),
        (&[2, 9], b""),
        (&[2, 255, 0, 0, 0, 0, 0, 0, 0, 1], &sent),
        (&message.key, b"1"),
        (&[1, 2], &value),
        (&copy.key, b"1"),
        (&row.key, b""),
    ] {
        assert_eq!(read_row(key, value).unwrap_err().code(), "stored-unreadable");
    }
}
