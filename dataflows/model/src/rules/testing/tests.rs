use super::*;
use crate::event::{Act, Body};
use crate::rules::samples::load_one;
use crate::rules::{RuleSet, load};
use proptest::prelude::*;

const RULE: &str = "[rule.hello]\nwhen = 'checked_in'\noffer = { title = 't' }\n";

/// A rule, and a test with these lines from the fifth on.
fn with(lines: &str) -> String {
    format!("{RULE}[[test]]\n{lines}\n")
}

/// The same where the test is whole but for its events.
fn given(events: &str) -> String {
    with(&format!("name = 'n'\nexpect = []\ngiven = [{events}]"))
}

fn loaded(text: &str) -> RuleSet {
    load_one(text).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

#[test]
fn what_is_wrong_is_found_in_its_line_and_column() {
    let line = |event: &str| given(&format!("\"{event}\""));
    let expect = |claim: &str| with(&format!("name = 'n'\ngiven = []\nexpect = [{claim}]"));
    let more = |lines: &str| with(&format!("name = 'n'\ngiven = []\nexpect = []\n{lines}"));
    let cases: Vec<(String, &str)> = vec![
        (with(""), "4:1 key.missing, 4:1 key.missing, 4:1 key.missing"),
        (with("name = ''\ngiven = 3\nexpect = {}"), "5:8 value.invalid, 6:9 value.type, 7:10 value.type"),
        (with("name = 'n'\ngiven = []\nexpects = []"), "4:1 key.missing, 7:1 key.unknown"),
        // Times.
        (line("later phone:1 crm.forget"), "7:11 test.time"),
        (line("25:00 phone:1 crm.forget"), "7:11 test.time"),
        (line("+2x phone:1 crm.forget"), "7:11 test.time"),
        (line(""), "7:11 test.time"),
        (more("day = 2025-13-01"), "8:7 toml.syntax"),
        (more("day = 'monday'"), "8:7 test.day"),
        (more("day = 1999-12-31"), "8:7 test.day"),
        (more("tz = 'Berlin'"), "8:6 test.time_zone"),
        (more("until = 'noon'"), "8:9 test.time"),
        (with("name = 'n'\nexpect = []\ngiven = ['10:00 a:1 crm.forget']\nuntil = '9:00'"), "8:9 test.until"),
        (
            with("name = 'n'\ngiven = []\nexpect = [{ offer = 'hello', at = '10:00' }]\nuntil = '9:00'"),
            "8:9 test.until",
        ),
        // Events as lines.
        (line("10:00"), "7:16 test.event_type"),
        (line("10:00 phone:1"), "7:24 test.event_type"),
        (line("10:00 phone:1 web.add_to_card mask"), "7:25 test.event_type"),
        (line("10:00 web.view_item mask"), "7:17 test.line"),
        (line("10:00 phone:1 stock.level riverside mask 3"), "7:25 test.line"),
        (line("10:00 stock.level riverside mask"), "7:43 test.line"),
        (line("10:00 stock.level riverside mask 3 4"), "7:46 test.line"),
        (line("10:00 stock.level riverside mask three"), "7:10 test.event"),
        (line("10:00 catalog.item mask pirce=3"), "7:35 test.line"),
        (line("10:00 catalog.item mask price=3 price=4"), "7:43 test.line"),
        (line("10:00 catalog.item mask name='Reef mask"), "7:40 test.line"),
        (line("10:00 catalog.item mask price='3 yuan'"), "7:10 test.event"),
        (line("10:00 phone:1 web.view_item"), "7:10 test.event"),
        (line("10:00 phone:1 web.view_item mask*x"), "7:39 test.line"),
        (line("10:00 phone:1 web.view_item mask@x"), "7:39 test.line"),
        (line("10:00 phone:1 web.view_item mask*0"), "7:10 test.event"),
        (line("10:00 phone:1 crm.consent yes"), "7:37 test.line"),
        (line("10:00 phone:1 crm.link phone:1"), "7:10 test.event"),
        (line("10:00 phone:1 sensor.beacon b-1 loud"), "7:10 test.event"),
        (line("10:00 phone:1 store.offer_decision r"), "7:25 test.line"),
        (line("10:00 phone:1 push.redeemed helo"), "7:10 test.no_such_rule"),
        (line(&format!("10:00 phone:1 web.search {}", "x".repeat(4096))), "7:10 test.line_too_long"),
        // Events as tables.
        (given("3"), "7:10 value.type"),
        (given("{ at = '10:00' }"), "7:10 key.missing"),
        (given("{ at = '10:00', type = 'web.view' }"), "7:33 test.event_type"),
        (given("{ at = '10:00', who = 'eva', type = 'crm.forget' }"), "7:32 value.invalid"),
        (given("{ at = '10:00', who = 'a:1', type = 'web.view_item', data = 3 }"), "7:70 value.type"),
        (given("{ at = '10:00', type = 'crm.forget' }"), "7:10 test.event"),
        (given("{ at = '10:00', typ = 'crm.forget', type = 'crm.forget', who = 'a:1' }"), "7:26 key.unknown"),
        // Expectations.
        (expect("3"), "7:11 value.type"),
        (expect("{ at = '10:00' }"), "7:11 test.expectation"),
        (expect("{ offer = 'hello', withdrawn = 'hello' }"), "7:11 test.expectation"),
        (expect("{ offer = 'helo' }"), "7:21 test.no_such_rule"),
        (expect("{ offer = 'hello', score = 101 }"), "7:38 value.invalid"),
        (expect("{ offer = 'hello', reason = 'bought' }"), "7:30 key.unknown"),
        (expect("{ offer = 'hello', at = 'x' }"), "7:35 test.time"),
        (expect("{ offer = 'hello', who = 'eva' }"), "7:36 value.invalid"),
        (expect("{ withdrawn = 'hello', reason = 'gone' }"), "7:43 value.unknown"),
        (expect("{ kept_back = 'hello', policy = 'caps' }"), "7:43 value.unknown"),
        // Rules.
        (more("rules = []"), "8:9 value.invalid"),
        (more("rules = ['hallo']"), "8:10 test.no_such_rule"),
        (more("others = true"), "8:10 test.cannot_fail"),
        (more("others = 'yes'"), "8:10 value.type"),
        // Settings.
        (more("policy = { cap = '3 a week' }"), "8:18 value.invalid"),
        (more("policy = { channel_caps = { sms = '0 per 1d' } }"), "8:35 value.invalid"),
        (more("policy = { quiet_hours = 'night' }"), "8:26 value.invalid"),
        (more("policy = { consent = 'opt' }"), "8:22 value.unknown"),
        (more("policy = { tz = 'Berlin' }"), "8:17 value.invalid"),
        (more("policy = { min_score = 101 }"), "8:24 value.invalid"),
        (more("policy = { min = 1 }"), "8:12 key.unknown"),
        (more("channels = { receipt = 3 }"), "8:24 value.type"),
        (more("presence = { mode = 'any' }"), "8:21 value.unknown"),
        (more("presence = { enter_rssi = -70, exit_rssi = -60 }"), "8:44 value.invalid"),
        (more("presence = { enter_rssi = -300 }"), "8:27 value.invalid"),
        (more("presence = { exit_after = '0s' }"), "8:27 value.duration"),
    ];
    for (text, expected) in cases {
        let errors = load_one(&text).expect_err(&text);
        let found: Vec<String> =
            errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.code())).collect();
        assert_eq!(found.join(", "), expected, "{text}\n{errors:#?}");
        for error in &errors {
            assert!(!error.hint().is_empty() && !error.to_string().contains('\n'), "{error}");
        }
    }
}

#[test]
fn hints_say_how_it_is_written() {
    for (event, expected) in [
        ("10:00 phone:1 web.add_to_card mask", "did you mean `web.add_to_cart`?"),
        ("10:00 stock.level riverside mask", "write \"TIME stock.level LOCATION ITEM QUANTITY\""),
        ("10:00 crm.forget", "write \"TIME WHO crm.forget\""),
        ("10:00 phone:1 push.redeemed helo", "did you mean `hello`?"),
    ] {
        let errors = load_one(&given(&format!("\"{event}\""))).unwrap_err();
        assert_eq!(errors[0].hint(), expected, "{event}");
    }
}

/// A line and a table that mean the same, for every type that can be written as a line.
#[test]
fn a_line_is_a_short_form_of_a_table() {
    let pairs = [
        ("a:1 web.view_item mask", "data = { items = [{ item_id = 'mask' }] }"),
        (
            "a:1 web.add_to_cart mask*2 fins@19.90 'wet suit'",
            "data = { items = [{ item_id = 'mask', quantity = 2 }, { item_id = 'fins', price = 19.90 }, { item_id = 'wet suit' }] }",
        ),
        (
            "a:1 web.remove_from_cart mask*1@3",
            "data = { items = [{ item_id = 'mask', quantity = 1, price = 3 }] }",
        ),
        ("a:1 web.add_to_wishlist mask", "data = { items = [{ item_id = 'mask' }] }"),
        ("a:1 web.remove_from_wishlist mask", "data = { items = [{ item_id = 'mask' }] }"),
        ("a:1 web.begin_checkout", "data = { items = [] }"),
        (
            "a:1 web.purchase mask transaction_id=t value=3.5 location=shop",
            "data = { items = [{ item_id = 'mask' }], transaction_id = 't', value = 3.5, location = 'shop' }",
        ),
        (
            "a:1 web.refund mask transaction_id=t",
            "data = { items = [{ item_id = 'mask' }], transaction_id = 't' }",
        ),
        ("a:1 web.search reef mask", "data = { query = 'reef mask' }"),
        ("a:1 web.login", "data = {}"),
        ("a:1 web.login b:2", "data = { with = 'b:2' }"),
        ("a:1 store.enter shop", "data = { location = 'shop' }"),
        ("a:1 store.leave shop", "data = { location = 'shop' }"),
        ("a:1 store.check_in 'the shop'", "data = { location = 'the shop' }"),
        ("a:1 store.try_item shop mask", "data = { location = 'shop', items = [{ item_id = 'mask' }] }"),
        ("a:1 store.purchase shop mask", "data = { location = 'shop', items = [{ item_id = 'mask' }] }"),
        ("a:1 store.assist shop staff=Li", "data = { location = 'shop', staff = 'Li', items = [] }"),
        ("a:1 sensor.beacon B-1 -70.5", "data = { beacon = 'b-1', rssi = -70.5 }"),
        ("a:1 sensor.wifi ap -70", "data = { ap = 'ap', rssi = -70 }"),
        ("a:1 sensor.rfid gate 0xff", "data = { read_point = 'gate', epc = '0xff' }"),
        ("a:1 sensor.geo 31.2 121.5 accuracy_m=8", "data = { lat = 31.2, lon = 121.5, accuracy_m = 8 }"),
        ("stock.level shop mask 3", "data = { location = 'shop', item_id = 'mask', quantity = 3 }"),
        ("stock.delta shop mask +3", "data = { location = 'shop', item_id = 'mask', delta = 3 }"),
        ("stock.delta shop mask -3", "data = { location = 'shop', item_id = 'mask', delta = -3 }"),
        (
            "catalog.item mask name='2000' category=Diving price=420 list_price=450 discontinued=true",
            "data = { item_id = 'mask', name = '2000', category = 'Diving', price = 420, list_price = 450, discontinued = true }",
        ),
        (
            "catalog.location shop tz=Asia/Shanghai",
            "data = { location = 'shop', kind = 'store', tz = 'Asia/Shanghai' }",
        ),
        ("catalog.zone shop z b-1 b-2", "data = { location = 'shop', zone = 'z', beacons = ['b-1', 'b-2'] }"),
        ("catalog.shelf shop z mask", "data = { location = 'shop', zone = 'z', items = ['mask'] }"),
        (
            "a:1 crm.profile name='Eva M' years=6 vip=true old=null text='6'",
            "data = { attributes = { name = 'Eva M', years = 6, vip = true, text = '6' } }",
        ),
        ("a:1 crm.link b:2", "data = { with = 'b:2' }"),
        ("a:1 crm.unlink b:2", "data = { with = 'b:2' }"),
        ("a:1 crm.consent refused channel=sms", "data = { granted = false, channel = 'sms' }"),
        ("a:1 crm.consent granted category=offers", "data = { granted = true, category = 'offers' }"),
        ("a:1 crm.forget", "data = {}"),
        ("a:1 push.opened hello", "data = { offer_id = 'hello' }"),
    ];
    for (line, data) in pairs {
        let (who, kind) =
            line.split_once(' ').filter(|(who, _)| who.contains(':')).map_or(("", line), |parts| parts);
        let kind = kind.split(' ').next().unwrap();
        let who = if who.is_empty() { String::new() } else { format!("who = '{who}', ") };
        let table = format!("{{ at = '+10h', {who}type = '{kind}', {data} }}");
        let set = loaded(&given(&format!("\"10:00 {line}\", {table}")));
        let [short, long] = &set.tests[0].given[..] else { panic!("{line}") };
        let (mut one, mut other) = (short.event.clone(), long.event.clone());
        assert_ne!(one.reference, other.reference, "two events, not a copy");
        one.reference = other.reference.clone();
        // TOML has no null: what deletes an attribute can be written in a line only.
        for event in [&mut one, &mut other] {
            if let Body::Person { act: Act::Profile(attributes), .. } = &mut event.body {
                attributes.retain(|(_, value)| value.is_some());
            }
        }
        assert_eq!(one, other, "{line}");
    }
    let set = loaded(&given("\"10:00 a:1 push.redeemed hello\", \"10:00 a:1 crm.profile old=null\""));
    assert_eq!(set.tests[0].given[0].offer_of.as_deref(), Some("hello"));
    let Body::Person { act: Act::Profile(attributes), .. } = &set.tests[0].given[1].event.body else {
        panic!()
    };
    assert_eq!(attributes[..], [(Text::from("old"), None)]);
}

#[test]
fn a_test_has_its_rules_its_clock_and_its_settings() {
    let text = with(
        "name = 'all'\nday = 2026-11-14\ntz = 'Asia/Shanghai'\nbrand = 'reef'\n\
         given = ['10:00 a:1 store.check_in shop']\n\
         expect = [{ at = '10:00:20', kept_back = 'hello', who = 'a:1', policy = 'cap', score = 7 }]\nothers = true\n\
         [test.policy]\ncap = '1 per 2d'\nchannel_caps = { sms = '1 per 7d' }\nquiet_hours = '21:00-08:00'\n\
         min_score = 9\nconsent = 'opt_in'\nchannels = ['sms']\n[test.channels]\nreceipt = ''\nsms = 'telephone'\n\
         [test.presence]\nenter_rssi = -60\nexit_after = '90s'\nmode = 'all'",
    );
    let set = loaded(&format!(
        "{text}\n[rule.off]\nwhen = 'checked_in'\nenabled = false\noffer = {{ title = 't' }}\n"
    ));
    let test = &set.tests[0];
    assert_eq!((test.name.as_str(), test.line, test.others), ("all", 4, true));
    // A test says what a rule does, not whether it is used.
    assert_eq!(test.rules, ["hello", "off"]);
    // Ten o'clock in Shanghai is two in UTC.
    assert_eq!(test.given[0].event.time, 1_794_621_600_000);
    assert_eq!(test.given[0].event.brand.as_str(), "reef");
    assert_eq!(test.until, 1_794_621_620_000);
    assert_eq!(test.expect[0].what, What::KeptBack { policy: Some("cap"), score: Some(7) });
    assert_eq!((test.expect[0].at, test.expect[0].who.as_deref()), (Some(test.until), Some("a:1")));
    assert_eq!(test.policy.cap.unwrap().to_string(), "1 per 2d");
    assert_eq!(test.policy.channel_cap("sms").unwrap().to_string(), "1 per 7d");
    assert_eq!(test.policy.quiet_hours.unwrap().to_string(), "21:00-08:00");
    assert_eq!((test.policy.min_score, test.policy.opt_in), (9, true));
    assert_eq!(test.policy.address_kind("receipt"), None);
    assert_eq!(test.policy.address_kind("sms"), Some("telephone"));
    assert_eq!(test.policy.channels, ["sms"]);
    assert_eq!((test.presence.enter_rssi.0, test.presence.exit_rssi.0), (-6000, -6500));
    assert_eq!(test.presence.exit_after.0, 90_000);
    assert_ne!(test.presence.mode, Presence::default().mode);
}

#[test]
fn rules_of_other_files_are_named_and_known() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let other = "[rule.other]\nwhen = 'checked_in'\noffer = { title = 't' }\n";
    let test = with("name = 'n'\nrules = ['other']\ngiven = []\nexpect = [{ offer = 'other' }]");
    // The file with the rule comes later.
    assert!(load(&[file("a", &test), file("b", other)]).is_ok());
    assert_eq!(load(&[file("a", &test)]).unwrap_err().len(), 2);
    let alone = with("name = 'n'\ngiven = []\nexpect = [{ offer = 'other' }]");
    let wrong_too = format!("{other}x = 3\n");
    let errors = load(&[file("a", &alone), file("b", &wrong_too)]).unwrap_err();
    let found: Vec<_> = errors.iter().map(|error| (error.file.as_str(), error.code())).collect();
    assert_eq!(found, [("a", "test.rule_not_in_test"), ("b", "key.unknown")], "in the order of the files");
    let errors = load(&[file("a", &alone), file("b", other)]).unwrap_err();
    assert_eq!(errors[0].code(), "test.rule_not_in_test");
}

#[test]
fn limits_hold() {
    let many = |count: usize, one: &str| vec![one; count].join(", ");
    let events = |count| given(&many(count, "'10:00 a:1 crm.forget'"));
    assert_eq!(loaded(&events(limits::TEST_EVENTS)).tests[0].given.len(), limits::TEST_EVENTS);
    assert_eq!(load_one(&events(limits::TEST_EVENTS + 1)).unwrap_err()[0].code(), "test.too_many_entries");
    let claims =
        |count| with(&format!("name = 'n'\ngiven = []\nexpect = [{}]", many(count, "{ offer = 'hello' }")));
    assert!(load_one(&claims(limits::TEST_EXPECTATIONS)).is_ok());
    assert_eq!(
        load_one(&claims(limits::TEST_EXPECTATIONS + 1)).unwrap_err()[0].code(),
        "test.too_many_entries"
    );
    let tests = |count: usize| format!("{RULE}{}", "[[test]]\nname='n'\ngiven=[]\nexpect=[]\n".repeat(count));
    assert!(load_one(&tests(limits::TESTS)).is_ok());
    assert_eq!(load_one(&tests(limits::TESTS + 1)).unwrap_err()[0].code(), "test.too_many");
}

proptest! {
    #[test]
    fn no_line_panics(line in "[0-9:+dh]{0,8} ?[a-z:1]{0,6} ?(web.add_to_cart|stock.level|crm.profile|push.opened|catalog.zone|é)? ?[a-z0-9*@='é -]{0,24}") {
        let _ = load_one(&given(&serde_json::to_string(&line).unwrap()));
    }
}
