use super::*;
use crate::rules::samples::ALL;
use proptest::prelude::*;

/// Each bad condition with the code and the character it is reported at.
#[test]
fn what_is_wrong_is_named_at_its_character() {
    let deep = format!("{}true", "true == (".repeat(64)) + &")".repeat(64);
    let brackets = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let long = format!("true // {}", "x".repeat(limits::EXPRESSION_BYTES));
    let sum = format!("1{} > 0", "+1".repeat(70));
    for (text, code, at) in [
        ("", "expression.syntax", 0),
        ("item.price >", "expression.syntax", 12),
        ("item.price > > 1", "expression.syntax", 13),
        ("'ä' == 'open", "expression.syntax", 7),
        ("item.stock = 1", "expression.syntax", 11),
        ("item.stock > 99999999999999999999", "expression.syntax", 13),
        ("if", "expression.syntax", 0),
        (long.as_str(), "expression.too_long", 0),
        (deep.as_str(), "expression.too_deep", 9 * 63),
        (brackets.as_str(), "expression.too_deep", 65),
        (sum.as_str(), "expression.too_deep", 2 * 7 - 1),
        ("itm.price > 1", "expression.unknown_name", 0),
        ("diving == item.category", "expression.unknown_name", 0),
        ("item.prise > 1", "expression.unknown_field", 5),
        ("'äöü' == item. nam", "expression.unknown_field", 15),
        ("cart.total > 1", "expression.unknown_field", 5),
        ("item.price.units > 1", "expression.operands", 11),
        ("customer.address.city == 'x'", "expression.operands", 17),
        ("now.hour > 3", "expression.operands", 4),
        ("item == 'x'", "expression.not_a_value", 0),
        ("has(item)", "expression.syntax", 4),
        ("matches(item.name, 'x')", "expression.unsupported", 0),
        ("item.name.matches('x')", "expression.unsupported", 10),
        ("item.price == null", "expression.unsupported", 14),
        ("item.stock > 1u", "expression.unsupported", 13),
        ("b'x' == 'x'", "expression.unsupported", 0),
        ("{'a': 1}['a'] > 0", "expression.unsupported", 8),
        ("Item{a: 1} == 1", "expression.unsupported", 4),
        ("[1, 2] == 1", "expression.unsupported", 0),
        ("[1, 2].exists(x, x > 1)", "expression.unsupported", 13),
        ("item.category in item.stock", "expression.unsupported", 21),
        ("1 in item.category", "expression.unsupported", 9),
        ("type(item.price) == 'x'", "expression.unsupported", 0),
        ("sqrt(2) > 1", "expression.unknown_function", 0),
        ("item.name.startswith('x')", "expression.unknown_function", 10),
        ("now . getHour () > 1", "expression.unknown_function", 6),
        ("size() > 1", "expression.arguments", 0),
        ("min(1) > 1", "expression.arguments", 0),
        ("item.name.contains('a', 'b')", "expression.arguments", 10),
        ("visit.dwell.getHours('UTC') > 1", "expression.arguments", 12),
        ("item.name + 1 == 'x'", "expression.operands", 10),
        ("item.in_cart + 1 > 0", "expression.operands", 13),
        ("item.price > 'ten'", "expression.operands", 11),
        ("item.name == 1", "expression.operands", 10),
        ("visit.dwell > 10", "expression.operands", 12),
        ("customer.since < now", "expression.operands", 15),
        ("item.stock && true", "expression.operands", 11),
        ("!item.stock", "expression.operands", 0),
        ("-item.name == 'x'", "expression.operands", 0),
        ("item.price % 2 == 0", "expression.operands", 11),
        ("now + now > now", "expression.operands", 4),
        ("item.category in ['a', 1]", "expression.operands", 23),
        ("item.category in []", "expression.operands", 14),
        ("(item.in_cart ? 1 : 'a') == 1", "expression.operands", 14),
        ("item.stock ? true : false", "expression.operands", 11),
        ("max(1, 'a') == 1", "expression.operands", 0),
        ("item.name.getHours() > 1", "expression.operands", 10),
        ("item.stock.startsWith('x')", "expression.operands", 11),
        ("  item.price", "expression.result", 2),
        ("item.name", "expression.result", 0),
        ("visit.dwell > duration('ten minutes')", "expression.literal", 23),
        ("now > timestamp('2026-11-11')", "expression.literal", 16),
        ("now.getHours('Europe/Brelin') > 1", "expression.literal", 13),
        ("now.getHours('+1:00') > 1", "expression.literal", 13),
    ] {
        let errors = compile(text, &ALL, Purpose::Condition).expect_err(text);
        let first = &errors[0];
        assert_eq!((first.problem.code(), first.offset), (code, at), "{text}: {errors:?}");
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(!first.problem.hint().is_empty(), "{text}");
        let message = first.problem.to_string();
        assert!(message.starts_with(|c: char| !c.is_uppercase()), "{message}");
    }
}

#[test]
fn all_errors_of_an_expression_are_given() {
    let errors = compile("itm.price > 1 && item.nam == 1 || sqrt(1)", &ALL, Purpose::Condition).unwrap_err();
    let codes: Vec<&str> = errors.iter().map(|one| one.problem.code()).collect();
    assert_eq!(codes, ["expression.unknown_name", "expression.unknown_field", "expression.unknown_function"]);
    assert_eq!(errors[0].problem.hint(), "did you mean `item`?");
    assert_eq!(errors[1].problem.hint(), "did you mean `item.name`?");
}

#[test]
fn what_a_situation_does_not_have_is_refused() {
    let bare = Scope { situation: "checked_in", item: false, visit: false, zone: false, location: false };
    for path in ["item.price", "visit.dwell", "visit.zone", "location.id"] {
        for text in [format!("{path} == {path}"), format!("has({path})")] {
            let errors = compile(&text, &bare, Purpose::Condition).unwrap_err();
            assert_eq!(errors[0].problem.code(), "expression.not_available", "{text}");
            assert!(compile(&text, &ALL, Purpose::Condition).is_ok(), "{text}");
        }
    }
    assert!(compile("cart.lines > 1 && customer.vip && now > now", &bare, Purpose::Condition).is_ok());
}

#[test]
fn every_field_of_the_table_compiles() {
    for info in FIELDS {
        let purpose = match info.available {
            Available::Score => Purpose::Points,
            _ => Purpose::Print,
        };
        let expr = compile(&info.path(), &ALL, purpose).unwrap();
        assert_eq!(expr, Expr::Field(info.field), "{}", info.path());
        assert!(!info.doc.is_empty());
        for other in [Purpose::Print, Purpose::Condition] {
            let found = compile(&format!("{} == 1", info.path()), &ALL, other);
            let codes = found.err().into_iter().flatten().map(|one| one.problem.code());
            let refused = codes.into_iter().any(|code| code == "expression.only_in_score");
            assert_eq!(refused, info.available == Available::Score, "{}", info.path());
        }
    }
}

#[test]
fn points_are_numbers() {
    for (text, fits) in
        [("1", true), ("1.5", true), ("item.price", true), ("customer.x", true), ("true", false)]
    {
        let compiled = compile(text, &ALL, Purpose::Points);
        assert_eq!(compiled.is_ok(), fits, "{text}");
    }
}

#[test]
fn depth_is_bounded_and_reached() {
    let nested = |levels: usize| format!("{}true{}", "!(true && ".repeat(levels), ")".repeat(levels));
    assert!(compile(&nested(31), &ALL, Purpose::Condition).is_ok());
    let errors = compile(&nested(40), &ALL, Purpose::Condition).unwrap_err();
    assert_eq!(errors[0].problem, ExpressionProblem::TooDeep);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Tokens of the language in any order: compiled or refused, never a panic.
    #[test]
    fn any_text_compiles_or_is_refused(words in prop::collection::vec(prop::sample::select(vec![
        "item", ".", "price", "customer", "x", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "%", "!",
        "&&", "||", "?", ":", ",", "1", "2.5", "'s'", "\"", "'", "has", "size", "in", "<", "==", "null",
        "1u", "b'x'", "`", "\\", "exists", "now", "getHours", "ä", "\n", "//", "min", " ", "timestamp",
    ]), 0..25)) {
        let text = words.concat();
        for purpose in [Purpose::Condition, Purpose::Points, Purpose::Print] {
            if let Err(errors) = compile(&text, &ALL, purpose) {
                prop_assert!(!errors.is_empty());
                for one in errors {
                    prop_assert!(one.offset <= text.chars().count(), "{:?}", one);
                }
            }
        }
    }
}
