//! Tables: falls of price, idle periods, and what passes `where`. Two implementations agree after every tick: what has moved, and
//! all rules looked for in all situations from scratch.

use super::*;
use crate::rows::Article;
use crate::rows::{Life, Scene, Wanted};
use crate::samples::{found, handle, line, line_rule, person, rule};
use proptest::prelude::*;
use shopbell_model::facts::{Catalogue, Detail, Stock};
use shopbell_model::key::Brand;
use shopbell_model::key::{EventRef, Handle, ItemId, LocationId};
use shopbell_model::offer::offer_id;
use shopbell_model::rules::Rule;
use shopbell_model::value::Money;
use shopbell_model::view::{CartView, CustomerView};

/// Prices by time, the beginning of the interest, percent in hundredths; when the last run of low
/// prices began, and whether it goes on.
type Fall = (&'static str, &'static [(Time, i64)], Time, u32, (Option<Time>, bool));

#[test]
fn the_last_run_of_prices_below_the_one_in_force() {
    let cases: [Fall; 14] = [
        ("no price", &[], 5, 1000, (None, false)),
        ("one price", &[(1, 100)], 5, 1000, (None, false)),
        ("exactly by the percentage", &[(1, 100), (9, 90)], 5, 1000, (Some(9), true)),
        ("not quite", &[(1, 1000), (9, 901)], 5, 1000, (None, false)),
        ("before the interest", &[(1, 100), (4, 50)], 5, 1000, (None, false)),
        ("at its very beginning", &[(1, 100), (5, 50)], 5, 1000, (None, false)),
        ("counted from what was in force then", &[(1, 100), (4, 50), (9, 46)], 5, 1000, (None, false)),
        ("the first known after it is the base", &[(7, 100), (9, 90)], 5, 1000, (Some(9), true)),
        ("a fall within a run is the same run", &[(1, 100), (7, 90), (9, 80)], 5, 1000, (Some(7), true)),
        ("small steps add up", &[(1, 100), (7, 95), (9, 90)], 5, 1000, (Some(9), true)),
        ("over again", &[(1, 100), (7, 90), (9, 95)], 5, 1000, (Some(7), false)),
        ("another run", &[(1, 100), (7, 90), (9, 95), (11, 90)], 5, 1000, (Some(11), true)),
        ("half a percent", &[(1, 1000), (9, 995)], 5, 50, (Some(9), true)),
        ("to nothing", &[(1, 100), (9, 0)], 5, 10_000, (Some(9), true)),
    ];
    for (name, prices, start, by, expected) in cases {
        let prices: Vec<_> = prices.iter().map(|(time, price)| (*time, Money(*price))).collect();
        assert_eq!(price_drops(&prices, start, by), expected, "{name}");
    }
}

/// Due times and episodes that a rule finds in an open line with activity at these times.
fn idle(activity: &[Time], lines: &str) -> Vec<(Time, String)> {
    let candidates = found(&line(activity, &[]), &line_rule("r", lines, ""));
    candidates.into_iter().map(|candidate| (candidate.due, candidate.episode.text.to_string())).collect()
}

#[test]
fn every_idle_period_is_an_episode() {
    let last = |activity: &[Time]| idle(activity, "");
    let episode = |since: Time| (since + 10_000, format!("line|card:1|x|1000|{since}"));
    assert_eq!(last(&[1000]), [episode(1000)]);
    assert_eq!(last(&[1000, 10_999, 30_000]), [episode(10_999), episode(30_000)]);
    // Activity at the very moment is in time, one later is not.
    assert_eq!(last(&[1000, 11_000]), [episode(11_000)]);
    assert_eq!(last(&[1000, 11_001]), [episode(1000), episode(11_001)]);
    let first = idle(&[1000, 11_000, 30_000], "idle_from = \"first_add\"");
    assert_eq!(first, [(11_000, "line|card:1|x|1000".to_owned())]);
}

#[test]
fn a_rule_of_another_brand_or_kind_finds_nothing() {
    let (situation, brand) = (line(&[1000], &[]), Brand::new("acme"));
    assert_eq!(found(&situation, &line_rule("r", "brand = \"acme\"", "")).len(), 0);
    assert_eq!(found(&situation, &rule("r", "when = \"checked_in\"", "")).len(), 0);
    let other = Person::named_by(&Handle::new(&brand, "card:1"));
    let mut count = 0;
    let in_force = InForce::from(line_rule("r", "brand = \"acme\"", ""));
    look(&other, &situation, &in_force, &Learning::default(), &mut |_: Draft<'_>| count += 1);
    assert_eq!(count, 1);
}

#[test]
fn the_offer_is_named_by_rule_and_episode_and_scored_by_the_rule() {
    let candidates = found(
        &line(&[1000], &[("tier", "gold")]),
        &line_rule("r", "where = 'customer.tier == \"gold\"'\nscore = '30 + 80'", ""),
    );
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };
    assert_eq!(candidate.offer_id, offer_id(&Brand::default(), "r", "line|card:1|x|1000|1000"));
    assert_eq!((candidate.score, candidate.items.len()), (100, 1));
    assert_eq!(candidate.episode.handles, [handle("card:1")]);
    let none = found(
        &line(&[1000], &[("tier", "blue")]),
        &line_rule("r", "where = 'customer.tier == \"gold\"'", ""),
    );
    assert_eq!(none.len(), 0);
}

/// Interest in an article with this stock there (place, pieces, return) and these prices.
fn article(stock: &[(Option<&str>, i64, Option<Time>)], prices: &[(Time, i64)]) -> Shared<Situation> {
    let brand = Brand::default();
    let item = ItemId::new(&brand, "x");
    let event = EventRef { source: Text::from("test"), id: Text::from("1") };
    let life = |kind, start| Life { start, anchor: handle("card:1"), kind, event: event.clone() };
    let stock = stock.iter().map(|(place, quantity, returned)| Stock {
        location: place.map(|place| LocationId::new(&brand, place)),
        quantity: *quantity,
        returned: *returned,
    });
    let catalogue = Catalogue {
        prices: prices.iter().map(|(time, price)| (*time, Money(*price))).collect(),
        ..Catalogue::default()
    };
    let article = Article {
        item: item.clone(),
        catalogue: Some(Shared::new(catalogue)),
        stock: stock.collect(),
        shelves: Vec::new(),
    };
    let wanted = Wanted {
        item,
        lives: vec![life(crate::rows::Kind::Cart, 50), life(crate::rows::Kind::Viewed, 20)],
        quantity: 1,
        detail: Detail::default(),
        article: Some(Shared::new(article)),
    };
    Shared::new(Situation {
        scene: Scene::Interest,
        items: vec![Shared::new(wanted)],
        customer: Shared::new(CustomerView::of(person())),
        cart: CartView::default(),
        place: None,
    })
}

#[test]
fn changes_of_an_article_of_interest() {
    let back = "when = \"back_in_stock\"\ninterest = [\"cart\"]";
    let seen = "when = \"back_in_stock\"\ninterest = [\"cart\", \"viewed\"]";
    let there = "when = \"back_in_stock\"\ninterest = [\"cart\"]\nlocation = \"s\"";
    let low = "when = \"running_low\"\nat_most = 3\ninterest = [\"cart\"]";
    let fell = "when = \"price_dropped\"\nby_percent = 10\ninterest = [\"cart\"]";
    let stock: &[_] = &[(None, 5, Some(60)), (Some("s"), 2, Some(70))];
    type Case<'a> = (
        &'a str,
        &'a str,
        &'a [(Option<&'a str>, i64, Option<Time>)],
        &'a [(Time, i64)],
        Option<(Time, &'a str)>,
    );
    let cases: [Case<'_>; 15] = [
        ("a return since the interest began", back, stock, &[], Some((60, "back|card:1|x|50|*|60"))),
        ("in one place", there, stock, &[], Some((70, "back|card:1|x|50|s|70"))),
        ("at its very beginning", back, &[(None, 5, Some(50))], &[], Some((50, "back|card:1|x|50|*|50"))),
        ("before it", back, &[(None, 5, Some(49))], &[], None),
        (
            "but not before the earliest",
            seen,
            &[(None, 5, Some(49))],
            &[],
            Some((49, "back|card:1|x|20|*|49")),
        ),
        ("no return", back, &[(None, 5, None)], &[], None),
        ("none there", back, &[(None, 0, Some(60))], &[], None),
        ("nothing known there", there, &[(None, 5, Some(60))], &[], None),
        ("few", low, &[(None, 3, None)], &[], Some((50, "low|card:1|x|50|*|0"))),
        ("few since a return", low, &[(None, 1, Some(60))], &[], Some((50, "low|card:1|x|50|*|60"))),
        ("not few enough", low, &[(None, 4, None)], &[], None),
        ("none is not few", low, &[(None, 0, None)], &[], None),
        ("a fall of price", fell, &[], &[(1, 100), (60, 90)], Some((60, "price|card:1|x|50|60"))),
        ("over again", fell, &[], &[(1, 100), (60, 90), (70, 100)], None),
        ("before it", fell, &[], &[(1, 100), (40, 90)], None),
    ];
    for (name, lines, stock, prices, expected) in cases {
        let found: Vec<_> = found(&article(stock, prices), &rule("r", lines, ""))
            .into_iter()
            .map(|candidate| (candidate.due, candidate.episode.text.to_string()))
            .collect();
        let expected: Vec<_> = expected.into_iter().map(|(due, text)| (due, text.to_owned())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// Rules of which some are versions of each other: other conditions, scores, texts, kinds.
fn versions() -> Vec<Shared<Rule>> {
    let gold = "where = 'customer.tier == \"gold\"'";
    vec![
        line_rule("a", "", ""),
        line_rule("a", gold, ""),
        line_rule("a", "score = '20 + (customer.tier == \"gold\" ? 30 : 0)'", ""),
        line_rule("a", gold, "coupon = 'C'"),
        rule("a", "when = 'back_in_stock'", ""),
        line_rule("b", "where = 'customer.tier != \"gold\"'", ""),
        line_rule("b", "idle_from = 'first_add'", ""),
    ]
}

fn situations() -> Vec<(Person, Shared<Situation>)> {
    let other = Person::named_by(&handle("card:2"));
    vec![
        (person(), line(&[1000], &[("tier", "gold")])),
        (person(), line(&[1000, 30_000], &[("tier", "blue")])),
        (other.clone(), line(&[2000], &[])),
        (other, article(&[(None, 5, Some(60))], &[])),
    ]
}

/// What does not cancel out, and how many differences there were.
type Moved = (BTreeMap<(Person, Shared<Candidate>), isize>, usize);

fn moved(kinds: &mut FxHashMap<SceneKind, Kind>, changes: Vec<Change>) -> Moved {
    let (mut sum, mut count) = (BTreeMap::new(), 0);
    turn(kinds, changes, &Learning::default(), &mut |person, candidate, diff| {
        *sum.entry((person, candidate)).or_default() += diff;
        count += 1;
    });
    sum.retain(|_, diff| *diff != 0);
    (sum, count)
}

proptest! {
    /// Each tick: which versions of `a` and `b` are in force, where any is, and which situations stand.
    #[test]
    fn what_moves_is_the_difference_of_two_looks_from_scratch(
        ticks in prop::collection::vec((0usize..6, 5usize..8, prop::collection::vec(any::<bool>(), 4)), 1..12),
    ) {
        let (versions, situations) = (versions(), situations());
        let scratch = |rules: &[usize], standing: &[bool]| {
            let mut found = BTreeMap::new();
            for (person, situation) in standing.iter().zip(&situations).filter(|(stands, _)| **stands).map(|(_, one)| one) {
                for rule in rules.iter().filter_map(|rule| versions.get(*rule)) {
                    look(person, situation, &rule.clone().into(), &Learning::default(), &mut |draft: Draft<'_>| {
                        *found.entry((person.clone(), Shared::new(draft.candidate()))).or_default() += 1isize;
                    });
                }
            }
            found
        };
        let (mut kinds, mut before) = (FxHashMap::default(), (Vec::new(), vec![false; 4]));
        for (a, b, standing) in ticks {
            // Number 5 of `a` and 7 of `b` are none.
            let rules: Vec<usize> = [(a, 5), (b, 7)].into_iter().filter(|(rule, none)| rule != none).map(|(rule, _)| rule).collect();
            let mut changes = Vec::new();
            for (list, diff) in [(&before.0, -1), (&rules, 1)] {
                let there = list.iter().filter_map(|rule: &usize| versions.get(*rule));
                changes.extend(there.map(|rule| Change::Rule(rule.clone().into(), diff)));
            }
            for ((was, is), (person, situation)) in before.1.iter().zip(&standing).zip(&situations) {
                let diff = isize::from(*is) - isize::from(*was);
                if diff != 0 {
                    changes.push(Change::Situation(person.clone(), situation.clone(), diff));
                }
            }
            let (moved, _) = moved(&mut kinds, changes);
            let mut expected = scratch(&rules, &standing);
            for (row, count) in scratch(&before.0, &before.1) {
                *expected.entry(row).or_default() -= count;
            }
            expected.retain(|_, count| *count != 0);
            prop_assert_eq!(moved, expected);
            before = (rules, standing);
        }
    }
}

#[test]
fn an_edit_moves_nobody_for_whom_it_changes_nothing() {
    let (versions, mut kinds) = (versions(), FxHashMap::default());
    let all = situations().into_iter().map(|(person, situation)| Change::Situation(person, situation, 1));
    let begin = all.chain([Change::Rule(versions[0].clone().into(), 1)]).collect();
    let edit = |old: usize, new: usize| {
        let [old, new] =
            [(old, -1), (new, 1)].map(|(at, diff)| Change::Rule(versions[at].clone().into(), diff));
        vec![old, new]
    };
    // A line of gold, two idle periods of blue, one line of who knows.
    assert_eq!(moved(&mut kinds, begin).1, 4);
    assert_eq!(moved(&mut kinds, edit(0, 1)).1, 3, "whoever is not gold goes, gold stays as it is");
    assert_eq!(moved(&mut kinds, edit(1, 3)).1, 2, "another offer is another candidate");
    assert_eq!(moved(&mut kinds, edit(3, 3)).1, 0);
}
