use super::*;
use crate::rules::samples::{ALL, Sample, load_one};
use proptest::prelude::*;
use std::sync::Arc;

fn rule(score: &str) -> Arc<Rule> {
    let text =
        format!("[rule.a]\nwhen = \"zone_entered\"\nscore = '''{score}'''\n[rule.a.offer]\ntitle = \"t\"\n");
    load_one(&text).unwrap_or_else(|errors| panic!("{score}: {errors:?}")).rules[0].clone()
}

fn scored(score: &str) -> (u8, Vec<(String, i64)>) {
    let scored = rule(score).score(&Sample::eva().view());
    (scored.score, scored.terms.into_iter().map(|(text, points)| (text.into(), points)).collect())
}

#[test]
fn a_score_is_explained_by_its_terms_as_written() {
    let (score, terms) = scored("40 + (customer.vip ? 20 : 0)\n  - item.price / 10 + item.stock");
    // 40 + 20 − 7.99 + 3 = 55.01
    assert_eq!(score, 55);
    let expected = [("40", 40), ("(customer.vip ? 20 : 0)", 20), ("-item.price / 10", -8), ("item.stock", 3)];
    assert_eq!(terms, expected.map(|(text, points)| (text.to_owned(), points)));
}

#[test]
fn terms_are_rounded_apart_and_the_sum_once() {
    let (score, terms) = scored("0.5 + 0.5 + 0.5");
    assert_eq!(score, 2);
    assert_eq!(terms.iter().map(|(_, points)| *points).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(scored("1 - 3.5 + 3").0, 1);
    assert_eq!(scored("-0.5 + 0").1[0].1, -1);
}

#[test]
fn a_score_is_clamped_and_what_is_missing_counts_nothing() {
    assert_eq!(scored("90 + 20").0, 100);
    assert_eq!(scored("10 - 20").0, 0);
    let (score, terms) = scored("30 + customer.nobody * 2 + 1 / 0 + customer.name");
    assert_eq!(score, 30);
    assert_eq!(terms.iter().map(|(_, points)| *points).collect::<Vec<_>>(), [30, 0, 0, 0]);
    assert_eq!(scored("0.0 / 0.0 + 7").0, 7);
    // Infinity is held at the limit, so that another term cannot make it no number.
    assert_eq!(scored("1.0 / 0 - 1.0 / 0 + 9").0, 9);
    assert_eq!(scored("customer.vip ? 10 + 5 : 0").1.len(), 1);
}

#[test]
fn a_rule_without_score_has_fifty_and_a_number_is_a_score() {
    let rule = |score: &str| {
        let text = format!("[rule.a]\nwhen = \"checked_in\"\n{score}\n[rule.a.offer]\ntitle = \"t\"\n");
        load_one(&text).unwrap().rules[0].score(&Sample::eva().view())
    };
    assert_eq!(rule(""), Scored { score: 50, terms: vec![(Text::from("50"), 50)] });
    assert_eq!(rule("score = 70").score, 70);
}

#[test]
fn a_condition_that_fails_to_have_a_value_is_no() {
    for (condition, expected) in [
        ("customer.vip", true),
        ("customer.nobody", false),
        ("!customer.nobody", false),
        ("customer.orders", false),
        ("has(customer.nobody) || item.stock < 5", true),
        ("1 / 0 == 1 || true", true),
    ] {
        let text = format!(
            "[rule.a]\nwhen = \"zone_entered\"\nwhere = \"{condition}\"\n[rule.a.offer]\ntitle = \"t\"\n"
        );
        let set = load_one(&text).unwrap();
        assert_eq!(set.rules[0].passes(&Sample::eva().view()), expected, "{condition}");
    }
}

proptest! {
    /// Whatever the terms, the score is the clamped rounded sum of what they are worth.
    #[test]
    fn the_sum_is_clamped(values in prop::collection::vec(-200_i64..200, 1..8)) {
        let text = values.iter().map(|value| format!("({value})")).collect::<Vec<_>>().join(" + ");
        let (score, terms) = scored(&text);
        let sum: i64 = values.iter().sum();
        prop_assert_eq!(i64::from(score), sum.clamp(0, 100));
        prop_assert_eq!(terms.iter().map(|(_, points)| *points).collect::<Vec<_>>(), values);
    }

    /// Splitting changes nothing: the terms sum to what the whole is worth.
    #[test]
    fn terms_sum_to_the_whole(a in 0_i64..50, b in 0_i64..50, c in 0_i64..50, d in 1_i64..9) {
        let text = format!("{a} - {b} * {d} + ({c} - {b}) - -{d}");
        let whole = compile(&text, &ALL, Purpose::Points).unwrap();
        let sample = Sample::eva();
        let value = evaluate(&whole, &sample.view()).unwrap().number().unwrap();
        let sum: f64 = terms(&text, &ALL).unwrap().iter().map(|term| term.value(&sample.view())).sum();
        prop_assert_eq!(sum, value);
    }
}
