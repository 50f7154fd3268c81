use super::*;
use crate::config::Config;
use crate::intake::CloudEventsJson;
use crate::replay::shared_rules;
use crate::sink::{Message, MessageKind};
use crate::source::JsonLines;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `[rule.NAME]` with these lines and that offer.
fn rule(name: &str, lines: &str, offer: &str) -> String {
    format!("[rule.{name}]\n{lines}\noffer = {{ {offer} }}\n")
}

const CHECK_IN: &str = "when = 'checked_in'";

fn old_rules() -> String {
    [
        rule("hello", CHECK_IN, "title = 'Hello'"),
        rule("points", "when = 'checked_in'\nscore = '20 + 30'", "title = 'Points'"),
        rule("words", CHECK_IN, "title = 'Words'"),
        rule("way", CHECK_IN, "title = 'Way'"),
        rule("only_old", CHECK_IN, "title = 'Old <b>&amp;</b>'"),
        rule("late", "when = 'cart_abandoned'\nidle = '10m'", "title = 'Late'"),
        rule(
            "stocked",
            "when = 'cart_abandoned'\nidle = '10m'\nwhere = 'item.stock > 0'",
            "title = 'Stocked'",
        ),
    ]
    .concat()
}

fn new_rules() -> String {
    [
        rule("hello", CHECK_IN, "title = 'Hello'"),
        rule("points", "when = 'checked_in'\nscore = '20 + 40'", "title = 'Points'"),
        rule("words", CHECK_IN, "title = 'Other words'"),
        rule("way", CHECK_IN, "title = 'Way', channels = ['lamp']"),
        rule("only_new", CHECK_IN, "title = 'New'"),
        rule("late", "when = 'cart_abandoned'\nidle = '20m'", "title = 'Late'"),
        rule("stocked", "when = 'cart_abandoned'\nidle = '10m'", "title = 'Stocked'"),
    ]
    .concat()
}

fn events() -> String {
    let event = |id: u64, at: &str, who: &str, kind: &str, data: Value| {
        json!({ "specversion": "1.0", "id": id.to_string(), "source": "t", "type": kind, "subject": who,
                "time": format!("2025-03-03T{at}:00Z"), "data": data })
        .to_string()
    };
    let items = json!({ "items": [{ "item_id": "mask" }], "transaction_id": "t" });
    let stock = |quantity: u64| json!({ "location": "shop", "item_id": "mask", "quantity": quantity });
    [
        event(1, "09:00", "wechat:0", "stock.level", stock(1)),
        event(2, "10:00", "wechat:1", "store.check_in", json!({ "location": "shop" })),
        event(3, "10:00", "wechat:3", "web.add_to_cart", items.clone()),
        event(4, "10:00", "wechat:4", "web.add_to_cart", items.clone()),
        event(5, "10:05", "wechat:2", "store.check_in", json!({ "location": "shop" })),
        event(6, "10:15", "wechat:4", "web.purchase", items),
        event(7, "10:30", "wechat:0", "stock.level", stock(0)),
    ]
    .join("\n")
}

fn compared(old: &str, new: &str, workers: usize) -> Difference {
    let text = "[channels]\nlamp = ''\n";
    let config = Config::parse(text, std::path::Path::new("test.toml")).unwrap();
    let until = shopbell_model::time::parse_rfc3339("2025-03-03T11:00:00Z").map(|time| time as u64);
    let input = |rules: &str| {
        let set = shopbell_model::rules::load(&[("r.toml".to_owned(), rules.to_owned())]).unwrap();
        let source = JsonLines::new("memory", std::io::Cursor::new(events()), config.limits.event_bytes);
        let (config, rules) = (config.clone(), shared_rules(&set));
        Input { plan: Plan { config, rules, workers, grid: 1, until }, sources: vec![Box::new(source)] }
    };
    let decoder: Arc<dyn Decode> =
        Arc::new(CloudEventsJson { wall_clock: crate::wall_clock, limits: config.limits });
    diff(input(old), input(new), &decoder, 3, |_| {}).unwrap()
}

/// Counted by hand. wechat:1 and 2 check in; 3 and 4 have the mask in the cart from ten o'clock on; 4 buys it at a
/// quarter past, and at half past it is sold out.
#[test]
fn a_small_history_is_compared_as_by_hand() {
    let difference = compared(&old_rules(), &new_rules(), 1);
    let tally = &difference.tally;
    let pair = |old, new| Both { old, new };
    let of = |offers, same| Counts { offers, same, ..Counts::default() };
    let expected = [
        ("hello", of(pair(2, 2), 2)),
        // Made at ten past, and for 3 at twenty past; 4 bought in between.
        ("late", Counts { dropped: 1, changed: 1, moved: 1, withdrawals: pair(1, 0), ..of(pair(2, 1), 0) }),
        ("only_new", Counts { added: 2, ..of(pair(0, 2), 0) }),
        ("only_old", Counts { dropped: 2, ..of(pair(2, 0), 0) }),
        ("points", Counts { changed: 2, rescored: 2, ..of(pair(2, 2), 0) }),
        // Both take back what 4 bought; only the old rules take back from 3 what is sold out: their
        // condition no longer holds.
        ("stocked", Counts { withdrawals: pair(2, 1), withdrawn: 1, ..of(pair(2, 2), 2) }),
        ("way", Counts { changed: 2, rerouted: 2, ..of(pair(2, 2), 0) }),
        ("words", Counts { changed: 2, reworded: 2, ..of(pair(2, 2), 0) }),
    ];
    let expected: BTreeMap<String, Counts> =
        expected.into_iter().map(|(rule, counts)| (rule.to_owned(), counts)).collect();
    assert_eq!(tally.rules, expected);
    let total = tally.total();
    assert_eq!(
        (total.offers, total.same, total.dropped, total.added, total.changed),
        (pair(14, 13), 4, 3, 2, 7)
    );
    let at = |text: &str| shopbell_model::time::parse_rfc3339(text).unwrap() as u64;
    assert_eq!(tally.hours, BTreeMap::from([(at("2025-03-03T10:00:00Z"), pair(14, 13))]));
    assert_eq!(tally.scores, BTreeMap::from([(50, pair(14, 11)), (60, pair(0, 2))]));
    let reasons = [("bought".to_owned(), pair(2, 1)), ("rule".to_owned(), pair(1, 0))];
    assert_eq!(tally.reasons, BTreeMap::from(reasons));

    let samples = |rule: &str| tally.samples.get(rule).map_or(&[][..], Vec::as_slice);
    assert!(samples("hello").is_empty());
    let [dropped, moved] = samples("late") else { panic!("{:?}", samples("late")) };
    assert_eq!((dropped.change, dropped.person.as_str()), (Change::Dropped, "wechat:4"));
    assert_eq!(dropped.offers.old.as_ref().unwrap().0, at("2025-03-03T10:10:00Z"));
    assert_eq!((moved.change, moved.person.as_str()), (Change::Changed, "wechat:3"));
    let times = (moved.offers.old.as_ref().unwrap().0, moved.offers.new.as_ref().unwrap().0);
    assert_eq!(times, (at("2025-03-03T10:10:00Z"), at("2025-03-03T10:20:00Z")));
    let points = samples("points")[0].offers.new.as_ref().unwrap();
    assert_eq!(points.1.because.score[1], Term { term: "40".to_owned(), points: 40 });
    let [taken] = samples("stocked") else { panic!("{:?}", samples("stocked")) };
    assert_eq!((taken.change, taken.person.as_str()), (Change::Withdrawn, "wechat:3"));
    let old = Some((at("2025-03-03T10:30:00Z"), "rule".to_owned()));
    assert_eq!(taken.withdrawals, Both { old, new: None });
}

#[test]
fn the_same_rules_do_not_differ() {
    let difference = compared(&old_rules(), &format!("# a comment\n{}", old_rules()), 1);
    let total = difference.tally.total();
    assert_eq!(
        (total.offers, total.same, total.withdrawals),
        (Both { old: 14, new: 14 }, 14, Both { old: 3, new: 3 })
    );
    assert!(!total.differ() && difference.tally.samples.is_empty());
}

#[test]
fn workers_change_nothing_and_sides_can_be_swapped() {
    let one = tell::as_json(&compared(&old_rules(), &new_rules(), 1));
    assert_eq!(one, tell::as_json(&compared(&old_rules(), &new_rules(), 2)));
    let back = tell::as_json(&compared(&new_rules(), &old_rules(), 1));
    for (there, here) in
        [("dropped", "added"), ("added", "dropped"), ("changed", "changed"), ("same", "same")]
    {
        assert_eq!(one["total"][there], back["total"][here], "{there}");
    }
    assert_eq!(one["total"]["withdrawn_differently"], back["total"]["withdrawn_differently"]);
}

#[test]
fn the_table_and_the_samples_tell_it() {
    let mut out = Vec::new();
    tell::tell(&mut out, &compared(&old_rules(), &new_rules(), 1)).unwrap();
    let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
    for told in [
        "late             2        1        0        1        0        1",
        "all rules       14       13        4        3        2        7",
        "of the changed: 2 with another score, 2 in other words, 2 on another channel, 1 at another time",
        "    - 2025-03-03 10:00:00Z on wechat, score 50: \"Points\"\n      +20 to start with   +30 to start with\n",
        "    + 2025-03-03 10:00:00Z on wechat, score 60: \"Points\"\n      +20 to start with   +40 to start with\n",
        "  taken back differently for wechat:3",
        "    - 2025-03-03 10:30:00Z taken back: rule\n    + not taken back\n",
    ] {
        assert!(text.contains(told), "not told: {told}\n{text}");
    }
}

/// Every tag that opens is closed, in order.
fn assert_balanced(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("a tag is open: {part}"));
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{part}");
        } else if !tag.ends_with('/') && !["!doctype", "meta", "br"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_stands_alone_and_holds_no_foreign_markup() {
    let difference = compared(&old_rules(), &new_rules(), 1);
    let html = page::page(&difference, "old\"><script>", "new");
    assert_balanced(&html);
    let small = html.to_lowercase();
    for foreign in ["<script", "http:", "https:", "src=", "href=", "url(", "@import", "<b>&amp;"] {
        assert!(!small.contains(foreign), "{foreign}");
    }
    for shown in [
        "old&quot;&gt;&lt;script&gt;",
        "\"old &lt;b&gt;&amp;amp;&lt;/b&gt;\"".replace('"', "&quot;").as_str(),
        "<title>03-03 10:00: 14 old, 13 new</title>",
        "<title>60–64: 0 old, 2 new</title>",
        "<td>late</td><td>2</td><td>1</td><td>0</td><td>1</td><td>0</td><td>1</td>",
        "prefers-color-scheme:dark",
        "width=device-width",
        "+40 to start with",
    ] {
        assert!(small.contains(shown), "{shown}\n{html}");
    }
    assert_eq!(html, page::page(&compared(&old_rules(), &new_rules(), 2), "old\"><script>", "new"));
}

#[test]
fn a_long_history_makes_no_long_page() {
    let mut difference = compared(&old_rules(), &old_rules(), 1);
    let hours = &mut difference.tally.hours;
    let first = *hours.keys().next().unwrap();
    for hour in 1..20_000 {
        hours.insert(first + hour * 3_600_000, Both { old: 1, new: 2 });
    }
    let html = page::page(&difference, "old", "new");
    assert!(html.len() < 100_000, "{}", html.len());
    assert_balanced(&html);
    // All of them are in it: the heights are of counts whose sum is known.
    let sum: u64 = html
        .split("<title>")
        .filter_map(|part| {
            part.split_once(" old, ").filter(|(title, _)| title.contains(" 00:") || title.contains(':'))
        })
        .filter_map(|(title, _)| {
            title.rsplit(' ').next()?.parse::<u64>().ok().filter(|_| !title.contains('–'))
        })
        .sum();
    assert_eq!(sum, 14 + 19_999);
}

/// An offer on one side: made at a tick with a score, taken back at a later one.
type Half = Option<(u64, u8, Option<u64>)>;

fn half() -> impl Strategy<Value = Half> {
    prop::option::of((1_u64..4, 50_u8..52, prop::option::of(4_u64..6)))
}

proptest! {
    /// Against counting with everything at hand.
    #[test]
    fn streams_are_counted_as_with_everything_at_hand(offers in prop::collection::vec((half(), half()), 0..12)) {
        let message = |id: usize, kind: MessageKind, json: Value| Message {
            key: "a:1".to_owned(), offer_id: format!("{id:032x}"), kind, channel: String::new(), valid_until: None,
            forgotten: false, json: json.to_string().into(),
        };
        let made = |id: usize, score: u8| message(id, MessageKind::Made, json!({ "data": {
            "rule": "r", "person": "a:1", "channel": "c", "address": "1", "score": score, "title": "t", "body": "",
            "items": [], "valid_until": "x", "because": { "score": [] } } }));
        let taken = |id: usize| message(id, MessageKind::Withdrawn, json!({ "data": { "reason": "bought" } }));
        let mut tally = Tally::new(2);
        for tick in 1..6 {
            let said = |side: fn(&(Half, Half)) -> Half| -> Vec<Message> {
                let of = |(id, offer): (usize, &(Half, Half))| {
                    let (at, score, withdrawn) = side(offer)?;
                    let made = (at == tick).then(|| made(id, score));
                    Some(made.into_iter().chain((withdrawn == Some(tick)).then(|| taken(id))).collect::<Vec<_>>())
                };
                offers.iter().enumerate().filter_map(of).flatten().collect()
            };
            tally.tick(tick, &Both { old: said(|offer| offer.0), new: said(|offer| offer.1) }).unwrap();
        }
        tally.finish();
        let mut expected = Counts::default();
        for (old, new) in &offers {
            expected.offers.old += u64::from(old.is_some());
            expected.offers.new += u64::from(new.is_some());
            expected.withdrawals.old += u64::from(old.is_some_and(|(_, _, taken)| taken.is_some()));
            expected.withdrawals.new += u64::from(new.is_some_and(|(_, _, taken)| taken.is_some()));
            match (old, new) {
                (Some(_), None) => expected.dropped += 1,
                (None, Some(_)) => expected.added += 1,
                (Some((at, score, taken)), Some((new_at, new_score, new_taken))) => {
                    let same = at == new_at && score == new_score;
                    expected.same += u64::from(same);
                    expected.changed += u64::from(!same);
                    expected.moved += u64::from(at != new_at);
                    expected.rescored += u64::from(score != new_score);
                    expected.withdrawn += u64::from(taken != new_taken);
                }
                (None, None) => {}
            }
        }
        prop_assert_eq!(tally.total(), expected);
        for change in Change::ALL {
            let shown = tally.samples.values().flatten().filter(|sample| sample.change == change).count() as u64;
            let all = match change {
                Change::Dropped => tally.total().dropped,
                Change::Added => tally.total().added,
                Change::Changed => tally.total().changed,
                Change::Withdrawn => tally.total().withdrawn,
            };
            prop_assert_eq!(shown, all.min(2), "{:?}", change);
        }
    }

    #[test]
    fn nothing_escaped_is_markup(text in any::<String>()) {
        let safe = page::escape(&text);
        prop_assert!(!safe.contains(['<', '>', '"', '\'']));
        let back = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        prop_assert!(text.chars().any(char::is_control) || back == text);
    }
}
