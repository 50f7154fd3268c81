use super::*;
use crate::rules::samples::{ALL, Sample};
use proptest::prelude::*;

fn rendered(text: &str) -> String {
    parse(text, &ALL).unwrap_or_else(|errors| panic!("{text}: {errors:?}")).render(&Sample::eva().view())
}

#[test]
fn expressions_are_printed_in_their_place() {
    for (text, expected) in [
        ("", ""),
        ("plain { text } with ä", "plain { text } with ä"),
        ("Hello {{ customer.name }}!", "Hello Eva!"),
        (
            "{{item.name}}: {{ item.price }} (-{{ int(item.discount_percent) }} %)",
            "Tauchmaske „Blau“: 79.90 (-20 %)",
        ),
        ("size {{ item.variant }}.", "size ."),
        ("{{ \"}}\" }}{{ '{{' }}", "}}{{"),
        ("{{ customer.orders > 10 ? 'dear ' : '' }}Eva", "dear Eva"),
        ("{{ 1 }}}", "1}"),
        ("{{ 'it\\'s }}' }} it's {{ 2 }}", "it's }} it's 2"),
        ("{{ cart.value }} {{ 20.0 }} {{ 1.50 }}", "239.70 20 1.5"),
    ] {
        assert_eq!(rendered(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_found_at_its_character() {
    for (text, code, at) in [
        ("ä {{ item.name", "template.unbalanced", 2),
        ("ä }} {{ item.name }}", "template.unbalanced", 2),
        ("{{ {{ item.name }} }}", "template.unbalanced", 0),
        ("{{ }}", "expression.syntax", 3),
        ("ä {{ itm.name }}", "expression.unknown_name", 5),
        ("{{ item.nam }}", "expression.unknown_field", 8),
        ("{{ 'open }}", "expression.syntax", 3),
    ] {
        let errors = parse(text, &ALL).expect_err(text);
        let (offset, problem) = &errors[0];
        assert_eq!((problem.code(), *offset), (code, at), "{text}: {errors:?}");
    }
    assert_eq!(parse("}} {{ a }} {{ b }}", &ALL).unwrap_err().len(), 3);
    let long = parse(&"x".repeat(limits::TEMPLATE_BYTES + 1), &ALL).unwrap_err();
    assert_eq!(long[0].1.code(), "template.too_long");
}

#[test]
fn output_is_cut_at_a_character() {
    let mut sample = Sample::eva();
    sample.item.name = Some(Text::from("ä".repeat(5000)));
    let template = parse("x{{ item.name }}{{ item.name }}", &ALL).unwrap();
    let text = template.render(&sample.view());
    assert_eq!(text.len(), limits::TEXT_BYTES - 1);
    assert!(text.ends_with('ä'));
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_refused(text in "[-{}a.i'\" ä+1]{0,40}") {
        if let Ok(template) = parse(&text, &ALL) {
            template.render(&Sample::eva().view());
        }
    }

    /// Text without braces in pairs is printed as it stands.
    #[test]
    fn plain_text_stays(text in "[a-zä€ .]{0,40}") {
        prop_assert_eq!(parse(&text, &ALL).unwrap().render(&Sample::eva().view()), text);
    }
}
