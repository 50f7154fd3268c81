use super::*;
use crate::replay::{InMemory, in_memory};
use shopbell_model::event::encode;
use shopbell_model::rules::load;

const RULES: &str = "[rule.reminder]\nwhen = 'cart_abandoned'\nidle = '10m'\nscore = 40\n\
                     offer = { title = 'Still there', coupon = 'C' }\npolicy = { cap = '1 per 1d' }\n\
                     [rule.hello]\nwhen = 'checked_in'\noffer = { title = 'Hello' }\n";
/// Two reminders, one of them kept back, one taken back; and a check-in.
const GIVEN: &str = "given = ['10:00 wechat:1 web.add_to_cart mask', '10:00 wechat:2 web.add_to_cart fins',\n\
                     '10:20 wechat:1 web.purchase mask', '10:21 wechat:1 web.add_to_cart fins', '10:30 wechat:2 store.check_in shop']\n\
                     until = '11:00'\n";

fn set(tests: &str) -> RuleSet {
    let text = format!("{RULES}{tests}");
    load(&[("rules.toml".to_owned(), text.clone())]).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

fn outcomes(tests: &str) -> Vec<Outcome> {
    prove(&set(tests), 2).unwrap()
}

fn told(tests: &str) -> String {
    let set = set(tests);
    let mut out = Vec::new();
    for (test, outcome) in set.tests.iter().zip(prove(&set, 2).unwrap()) {
        tell::tell(&mut out, test, &outcome).unwrap();
    }
    anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
}

const ALL: &str = "{ at = '10:10', offer = 'reminder', who = 'wechat:1', channel = 'wechat', score = 40, coupon = 'C',\n\
                   title = 'Still there', body = '', items = ['mask'], valid_until = '+1d 10:10' },\n\
                   { at = '10:10', offer = 'reminder', who = 'wechat:2' },\n\
                   { at = '10:20', withdrawn = 'reminder', who = 'wechat:1', reason = 'bought' },\n\
                   { at = '10:30', offer = 'hello', location = 'shop', score = 50 },\n\
                   { at = '10:31', kept_back = 'reminder', who = 'wechat:1', policy = 'rule_cap', score = 40 }";

#[test]
fn what_is_expected_is_compared_and_nothing_else_may_come() {
    let test = |expect: &str| format!("[[test]]\nname = 'n'\n{GIVEN}{expect}\n");
    let without = |part: &str| {
        assert!(ALL.contains(part), "{part}");
        format!("expect = [{}]", ALL.replace(part, ""))
    };
    let with = |from: &str, to: &str| {
        assert!(ALL.contains(from), "{from}");
        format!("expect = [{}]", ALL.replacen(from, to, 1))
    };
    let missing = |expected: usize, wrong: &[&str]| Difference::Missing {
        expected,
        nearest: (!wrong.is_empty()).then(|| (0, wrong.iter().map(|&line| line.to_owned()).collect())),
    };
    // Places of messages depend on offer ids: only that there is one is compared.
    let shape = |difference: &Difference| match difference {
        Difference::Missing { expected, nearest } => {
            Difference::Missing { expected: *expected, nearest: nearest.clone().map(|(_, wrong)| (0, wrong)) }
        }
        Difference::Unexpected(_) => Difference::Unexpected(0),
        Difference::NoOffer(line) => Difference::NoOffer(*line),
    };
    for (expect, differences) in [
        (with("'reminder'", "'reminder'"), vec![]),
        (without(", who = 'wechat:2'"), vec![]),
        // In any order; what was kept back need not be said.
        (
            with("{ at = '10:10', offer = 'reminder', who = 'wechat:2' },", ""),
            vec![Difference::Unexpected(0)],
        ),
        (
            with("{ at = '10:20', withdrawn = 'reminder', who = 'wechat:1', reason = 'bought' },", ""),
            vec![Difference::Unexpected(0)],
        ),
        (
            without(
                ",\n{ at = '10:31', kept_back = 'reminder', who = 'wechat:1', policy = 'rule_cap', score = 40 }",
            ),
            vec![],
        ),
        ("expect = []\n".to_owned(), vec![Difference::Unexpected(0); 4]),
        ("expect = [{ offer = 'hello' }]\nothers = true".to_owned(), vec![]),
        // Every word counts.
        (with("at = '10:10'", "at = '10:11'"), vec![missing(0, &["at: 10:10, not 10:11"])]),
        (with("who = 'wechat:1'", "who = 'wechat:3'"), vec![missing(0, &["who: wechat:1, not wechat:3"])]),
        (with("channel = 'wechat'", "channel = 'push'"), vec![missing(0, &["channel: wechat, not push"])]),
        (with("score = 40", "score = 41"), vec![missing(0, &["score: 40, not 41"])]),
        (with("coupon = 'C'", "coupon = 'D'"), vec![missing(0, &["coupon: C, not D"])]),
        (with("'Still there'", "'Still'"), vec![missing(0, &["title: Still there, not Still"])]),
        (with("body = ''", "body = 'b'"), vec![missing(0, &["body: none, not b"])]),
        (with("['mask']", "['mask', 'fins']"), vec![missing(0, &["items: mask, not mask fins"])]),
        (with("'+1d 10:10'", "'11:00'"), vec![missing(0, &["valid_until: +1d 10:10, not 11:00"])]),
        (with("'bought'", "'removed'"), vec![missing(2, &["reason: bought, not removed"])]),
        (
            with("'shop', score = 50", "'mall', score = 51"),
            vec![missing(3, &["score: 50, not 51", "location: shop, not mall"])],
        ),
        (with("'rule_cap'", "'cap'"), vec![missing(4, &["policy: rule_cap, not cap"])]),
        (with("'rule_cap', score = 40", "'rule_cap', score = 41"), vec![missing(4, &["score: 40, not 41"])]),
        // One message answers one expectation.
        (format!("expect = [{ALL}, {{ offer = 'hello' }}]"), vec![missing(5, &[])]),
        (format!("expect = [{ALL}, {{ withdrawn = 'hello' }}]"), vec![missing(5, &[])]),
    ] {
        let text = test(&expect);
        let outcome = outcomes(&text).remove(0);
        let found: Vec<Difference> = outcome.differences.iter().map(shape).collect();
        assert_eq!(found, differences, "{text}");
    }
}

/// The first expectation fits both offers, the second only one: whoever takes the first that fits is wrong.
#[test]
fn a_loose_expectation_leaves_a_strict_one_its_offer() {
    for who in ["wechat:1", "wechat:2"] {
        let expect = format!(
            "expect = [{{ offer = 'reminder' }}, {{ offer = 'reminder', who = '{who}' }}]\nothers = true"
        );
        let outcome = outcomes(&format!("[[test]]\nname = 'n'\n{GIVEN}{expect}\n")).remove(0);
        assert_eq!(outcome.differences, [], "{who}");
    }
}

#[test]
fn events_about_an_offer_name_its_rule() {
    let redeemed = |when: &str, who: &str| {
        format!(
            "[[test]]\nname = 'n'\nexpect = [{{ offer = 'reminder' }}]\ngiven = ['10:00 wechat:1 web.add_to_cart mask',\n\
             '{when} {who} push.redeemed reminder', '10:20 wechat:1 web.purchase mask']\n"
        )
    };
    let differences = |text: &str| outcomes(text).remove(0).differences;
    assert_eq!(differences(&redeemed("10:15", "wechat:1")), [], "what is redeemed is not taken back");
    // Nothing was offered to the one yet, and nothing ever to the other: then it is taken back.
    for (when, who) in [("10:05", "wechat:1"), ("10:15", "wechat:2")] {
        let found = differences(&redeemed(when, who));
        assert!(matches!(found[..], [Difference::NoOffer(14), Difference::Unexpected(_)]), "{found:?}");
    }
}

#[test]
fn a_test_says_what_differs_and_why() {
    let text = told(&format!(
        "[[test]]\nname = 'it holds'\n{GIVEN}expect = [{ALL}]\n[[test]]\nname = 'it does not'\n{GIVEN}\
         expect = [{{ offer = 'reminder', at = '10:10', who = 'wechat:2', score = 50 }}, {{ offer = 'hello' }}, {{ withdrawn = 'hello' }}]\n"
    ));
    let expected = "\
ok    it holds rules.toml:10
FAIL  it does not rules.toml:21
        expected    10:10 offer reminder for wechat:2, score 50 (line 26)
        came        10:10 offer reminder for wechat:2, on wechat, score 40, \"Still there\"
          +40 to start with
          score: 40, not 50
        expected    withdrawn hello (line 26)
        did not come
";
    // Which of two reminders is the nearest: the one that differs least.
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("        unexpected  10:10 offer reminder for wechat:1"), "{text}");
    assert!(text.contains("        unexpected  10:20 withdrawn reminder for wechat:1, as bought"), "{text}");
    assert!(
        text.ends_with("        kept back   10:31 kept back reminder for wechat:1, by rule_cap, score 40\n"),
        "{text}"
    );
}

#[test]
fn rules_are_those_named_also_where_they_are_not_used() {
    let off = "[rule.off]\nwhen = 'checked_in'\nenabled = false\noffer = { title = 'Off' }\n";
    let given = "given = ['10:00 wechat:1 store.check_in shop']\n";
    let tests = format!(
        "{off}[[test]]\nname = 'all'\n{given}expect = [{{ offer = 'off' }}, {{ offer = 'hello' }}]\n\
         [[test]]\nname = 'one'\nrules = ['hello']\n{given}expect = [{{ offer = 'hello' }}]\n"
    );
    assert_eq!(outcomes(&tests).iter().map(|outcome| outcome.differences.len()).sum::<usize>(), 0);
    let untested: Vec<_> = untested(&set(&tests)).iter().map(|rule| rule.id.to_string()).collect();
    assert_eq!(untested, ["reminder"]);
}

#[test]
fn settings_of_a_test_are_its_own() {
    let test = |settings: &str, expect: &str| {
        format!(
            "[[test]]\nname = 'n'\nday = 2026-11-14\ntz = 'Asia/Shanghai'\ngiven = ['22:00 wechat:1 store.check_in shop']\nexpect = [{expect}]\n{settings}\n"
        )
    };
    let quiet = "[test.policy]\nquiet_hours = '21:00-08:00'\ntz = 'Asia/Shanghai'";
    let tests = [
        test("", "{ offer = 'hello', at = '22:00' }"),
        test(quiet, "{ kept_back = 'hello', at = '22:00', policy = 'quiet_hours' }"),
        test(
            "[test.policy]\nchannels = ['lamp']\n[test.channels]\nlamp = ''",
            "{ offer = 'hello', channel = 'lamp' }",
        ),
        test("", "{ offer = 'hello', at = '22:00', channel = 'wechat' }"),
    ];
    let outcomes = outcomes(&tests.concat());
    assert!(outcomes.iter().all(|outcome| outcome.differences.is_empty()), "{outcomes:#?}");
}

/// What a test sees is what a replay gives, byte for byte.
#[test]
fn a_test_sees_what_a_replay_gives() {
    let set = set(&format!("[[test]]\nname = 'n'\n{GIVEN}expect = [{ALL}]\n"));
    let outcome = prove(&set, 1).unwrap().remove(0);
    let test = &set.tests[0];
    let job = InMemory {
        events: test.given.iter().map(|given| encode(&given.event)).collect(),
        rules: vec![("rules.toml".to_owned(), RULES.to_owned())],
        config: "[output]\nsuppressed = true\n".to_owned(),
        workers: 2,
        tick_ms: 1,
        until: Some(test.until),
    };
    let came: Vec<String> =
        outcome.came.iter().map(|message| crate::output::render(message).unwrap().json.to_string()).collect();
    assert_eq!(came, in_memory(&job).unwrap());
    assert_eq!(came.len(), 5);
}
