use super::*;
use crate::key::Text;
use crate::rules::compile::{Purpose, compile};
use crate::rules::expr::Arithmetic;
use crate::rules::fields::FIELDS;
use crate::rules::samples::{ALL, Sample};
use crate::value::{Number, Value};
use proptest::prelude::*;

fn printed(text: &str) -> String {
    let sample = Sample::eva();
    let expr = compile(text, &ALL, Purpose::Print).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let again = expr.to_string();
    assert_eq!(compile(&again, &ALL, Purpose::Print).as_ref(), Ok(&expr), "{text} is printed as {again}");
    match evaluate(&expr, &sample.view()).and_then(Datum::print) {
        Ok(text) => text,
        Err(fault) => format!("!{}", fault.code().strip_prefix("evaluate.").unwrap()),
    }
}

/// Each expression with its value, worked out by hand from the sample.
#[test]
fn expressions_have_the_value_the_language_gives_them() {
    for (text, expected) in [
        // Numbers.
        ("1 + 2 * 3", "7"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 / 2.0", "3.5"),
        ("1 + 0.5", "1.5"),
        ("2.0 * 10", "20"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("-(3)", "-3"),
        ("9223372036854775807 + 1", "!range"),
        ("-9223372036854775808 - 1", "!range"),
        ("-(-9223372036854775808)", "!range"),
        ("-9223372036854775808 / -1", "!range"),
        ("9223372036854775807 * 2", "!range"),
        ("1 / 0", "!division_by_zero"),
        ("1 % 0", "!division_by_zero"),
        ("1.0 / 0", "!division_by_zero"),
        ("1 / 0.0", "!division_by_zero"),
        ("1e300", "1e300"),
        ("0x1F", "31"),
        // Comparison, exact between types.
        ("1 == 1.0", "true"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("9223372036854775807 < 9223372036854775808.0", "true"),
        ("-1 > -1.5", "true"),
        ("1 < 1.5 && 1.5 < 2", "true"),
        ("'a' < 'b'", "true"),
        ("false < true", "true"),
        ("0.0 / 0.0 < 1.0", "!division_by_zero"),
        ("1e300 * 1e300 > 1.0", "true"),
        // Money.
        ("item.price", "79.90"),
        ("item.list_price - item.price", "20"),
        ("item.price * 2", "159.80"),
        ("item.price + 2.20", "82.10"),
        ("2.20 - item.price", "-77.70"),
        ("item.price + 2.20 > 82.10", "false"),
        ("item.price + 0.00001", "79.90001000000001"),
        ("item.price / 0", "!division_by_zero"),
        ("item.price / (item.price - 79.9)", "!division_by_zero"),
        ("item.price * 0.5", "39.95"),
        ("item.price == 79.9", "true"),
        ("item.price > 79", "true"),
        ("79 > item.price", "false"),
        ("item.price + 1", "80.90"),
        ("item.price / item.list_price > 0.79", "true"),
        ("item.price + 922337203685477580", "!range"),
        ("item.discount_percent", "20.02"),
        ("cart.value", "239.70"),
        ("int(item.price)", "79"),
        ("double(item.price) + 0", "79.9"),
        // Logic and what is missing.
        ("true && false || true", "true"),
        ("!item.in_wishlist", "true"),
        ("item.variant == 'blue'", "!missing"),
        ("item.variant == 'blue' || true", "true"),
        ("true || item.variant == 'blue'", "true"),
        ("item.variant == 'blue' && false", "false"),
        ("false || item.variant == 'blue'", "!missing"),
        ("true && item.variant == 'blue' && true", "!missing"),
        ("has(item.variant)", "false"),
        ("has(item.price) && has(item.id)", "true"),
        ("has(customer.name)", "true"),
        ("has(customer.nickname)", "false"),
        ("has(customer.nickname) ? customer.nickname : 'friend'", "friend"),
        ("customer.vip && customer.orders >= 10", "true"),
        ("customer.orders && false", "false"),
        ("customer.orders && true", "!type"),
        ("customer.vip ? 1 : 2.5", "1"),
        ("(customer.vip ? 1 : 2.5) / 2", "0.5"),
        // Attributes.
        ("customer.id", "card:4711"),
        ("customer.lifetime_spend > 5000", "true"),
        ("customer.lifetime_spend / 2", "2700.25"),
        ("customer.orders / 5", "2"),
        ("double(customer.orders) / 5", "2.4"),
        ("customer.name == 1", "false"),
        ("customer.name != 1", "true"),
        ("customer.name < 1", "!type"),
        ("customer.name + '!'", "Eva!"),
        ("customer.orders + '!'", "!type"),
        ("customer['shoe-size'] + 1", "40"),
        ("customer.`shoe-size`", "39"),
        ("timestamp(customer.since) < now", "true"),
        ("timestamp(customer.name)", "!unreadable"),
        ("int(customer.name)", "!unreadable"),
        // Lists.
        ("item.category in ['diving', 'hiking']", "true"),
        ("item.category in ['hiking']", "false"),
        ("item.quantity in [1, 2.0]", "true"),
        ("customer.name in ['Eva', 'Adam']", "true"),
        ("1 in [1, item.stock / 0]", "!division_by_zero"),
        ("'diving' in customer.tags", "true"),
        ("'new in town' in customer.tags", "true"),
        ("'new' in customer.tags", "false"),
        ("'div' in customer.tags", "false"),
        ("item.category in customer.tags", "true"),
        ("1 in customer.tags", "false"),
        ("'Eva' in customer.name", "true"),
        ("true in customer.vip", "true"),
        ("'x' in customer.nothing", "!missing"),
        ("'b' in 'a,b , c'", "true"),
        ("!('c' in 'a,b , c')", "false"),
        // Text.
        ("size(item.name)", "17"),
        ("'Grüße'.size()", "5"),
        ("item.name.startsWith('Tauch')", "true"),
        ("item.name.endsWith('Blau')", "false"),
        ("item.name.contains('„')", "true"),
        ("'a' + 'b' == 'ab'", "true"),
        (r"'it\'s \u00e4'", "it's ä"),
        ("string(1.50) + string(true)", "1.5true"),
        ("int('42') + int(1.9) + int(-1.9)", "42"),
        ("int(1e19)", "!range"),
        ("double('2.5')", "2.5"),
        ("min(3, 1, 2) + max(1, 5)", "6"),
        ("max(1, 2.5)", "2.5"),
        ("max(item.price, item.list_price)", "99.90"),
        ("min('b', 'a')", "a"),
        // Time.
        ("now", "2026-11-14T11:30:15.25Z"),
        ("now.getHours()", "11"),
        ("now.getHours('Europe/Berlin')", "12"),
        ("now.getHours(location.tz)", "12"),
        ("now.getHours('-03:30')", "8"),
        ("now.getMinutes('-03:30')", "0"),
        ("now.getHours(customer.name)", "!unreadable"),
        ("now.getDayOfWeek()", "6"),
        ("now.getDate()", "14"),
        ("now.getDayOfMonth()", "13"),
        ("now.getMonth()", "10"),
        ("now.getFullYear()", "2026"),
        ("now.getDayOfYear()", "317"),
        ("now.getSeconds()", "15"),
        ("now.getMilliseconds()", "250"),
        ("timestamp('2026-11-14T23:30:00Z').getDayOfWeek('Asia/Shanghai')", "0"),
        ("visit.dwell", "10m12s345ms"),
        ("visit.dwell >= duration('10m')", "true"),
        ("visit.dwell.getMinutes()", "10"),
        ("now - visit.start == visit.dwell", "true"),
        ("visit.start + duration('1h') > now", "true"),
        ("duration('90m') == duration('1.5h')", "true"),
        ("timestamp('2026-11-14T12:30:15.250+01:00') == now", "true"),
        ("timestamp(1794655815) < now", "true"),
        ("int(now)", "1794655815"),
        // Places.
        ("visit.zone + '@' + location.id + '/' + location.kind", "diving@berlin-1/store"),
        ("location.name", "Berlin Mitte"),
        ("cart.lines + cart.quantity", "5"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
    }
}

/// Depth is bounded by the compiler, so the deepest that loads is the deepest that is evaluated.
#[test]
fn long_chains_are_one_level() {
    let chain = vec!["customer.orders > 3"; 150].join(" && ");
    let Expr::All(operands) = compile(&chain, &ALL, Purpose::Condition).unwrap() else { panic!() };
    assert_eq!(operands.len(), 150);
    assert_eq!(printed(&chain), "true");
}

#[test]
fn joined_texts_are_bounded() {
    let sample = Sample::eva();
    let long = Expr::Text(Text::from("x".repeat(5000)));
    let joined = Expr::Arithmetic(Arithmetic::Add, Box::new([long.clone(), long]));
    assert_eq!(evaluate(&joined, &sample.view()), Err(Fault::TooLong));
}

/// An empty view: every field of what does not exist is missing, none panics.
#[test]
fn what_does_not_exist_is_missing() {
    let sample = Sample::eva();
    let bare = View { item: None, visit: None, location: None, ..sample.view() };
    for info in FIELDS {
        let always = matches!(info.object, "customer" | "cart" | "history" | "now");
        let expr = Expr::Field(info.field);
        assert_eq!(evaluate(&expr, &bare).is_ok(), always, "{}", info.path());
        assert_eq!(evaluate(&Expr::HasField(info.field), &bare), Ok(Datum::Bool(always)), "{}", info.path());
    }
}

/// The value of each field is of the type the table promises.
#[test]
fn fields_have_the_type_of_the_table() {
    use crate::rules::fields::Type;
    let mut sample = Sample::eva();
    sample.item.variant = Some(Text::from("blue"));
    for info in FIELDS {
        let expr = Expr::Field(info.field);
        let found = match evaluate(&expr, &sample.view()).unwrap() {
            Datum::Bool(_) => Type::Bool,
            Datum::Int(_) => Type::Int,
            Datum::Double(_) => Type::Double,
            Datum::Money(_) => Type::Money,
            Datum::Text(_) => Type::Text,
            Datum::Duration(_) => Type::Duration,
            Datum::Timestamp(_) => Type::Timestamp,
        };
        assert_eq!(found, info.of, "{}", info.path());
    }
}

/// Expressions of any shape, typed or not: evaluation must stand what the compiler never makes.
fn any_expr() -> impl Strategy<Value = Expr> {
    let fields: Vec<Field> = FIELDS.iter().map(|info| info.field).collect();
    let names = prop::sample::select(vec!["name", "orders", "vip", "since", "nobody"]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(Expr::Bool),
        any::<i64>().prop_map(Expr::Int),
        any::<f64>().prop_map(|number| Expr::Double(Number(number))),
        any::<i64>().prop_map(Expr::Duration),
        any::<i64>().prop_map(Expr::Timestamp),
        "[a-zA-Z0-9:+/ä.-]{0,12}".prop_map(|text| Expr::Text(Text::from(text))),
        prop::sample::select(fields.clone()).prop_map(Expr::Field),
        prop::sample::select(fields).prop_map(Expr::HasField),
        names.prop_map(|name| Expr::Attribute(Text::from(name))),
    ];
    let functions: Vec<Function> = [
        Function::Size,
        Function::Int,
        Function::Double,
        Function::Text,
        Function::Duration,
        Function::Timestamp,
        Function::Min,
        Function::Max,
        Function::StartsWith,
        Function::EndsWith,
        Function::Contains,
    ]
    .into_iter()
    .chain(TimePart::ALL.into_iter().map(|(_, part)| Function::Part(part)))
    .collect();
    let arithmetics = prop::sample::select(vec![
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::Remainder,
    ]);
    let comparisons = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ]);
    leaf.prop_recursive(6, 64, 4, move |inner| {
        let pair = (inner.clone(), inner.clone()).prop_map(|(a, b)| Box::new([a, b]));
        prop_oneof![
            inner.clone().prop_map(|expr| Expr::Not(Box::new(expr))),
            inner.clone().prop_map(|expr| Expr::Negate(Box::new(expr))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Any),
            (arithmetics.clone(), pair.clone()).prop_map(|(operator, pair)| Expr::Arithmetic(operator, pair)),
            pair.clone().prop_map(Expr::Among),
            (comparisons.clone(), pair).prop_map(|(operator, pair)| Expr::Compare(operator, pair)),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| Expr::Choose(Box::new([a, b, c]))),
            (inner.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(value, list)| Expr::OneOf(Box::new(value), list)),
            (prop::sample::select(functions.clone()), prop::collection::vec(inner, 0..4))
                .prop_map(|(function, arguments)| Expr::Call(function, arguments)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any expression over any view ends without a panic, twice the same, and prints or faults.
    #[test]
    fn evaluation_is_total_and_repeatable(
        expr in any_expr(),
        (item, visit, location) in any::<(bool, bool, bool)>(),
        (price, stock, now) in any::<(i64, i64, u64)>(),
        attribute in prop_oneof![
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(|number| Value::Number(Number(number))),
            ".{0,8}".prop_map(|text| Value::Text(Text::from(text))),
        ],
    ) {
        let mut sample = Sample::eva();
        sample.item.price = Some(Money(price));
        sample.item.list_price = Some(Money(price.wrapping_mul(3)));
        sample.item.stock = stock;
        sample.customer.attributes = vec![(Text::from("orders"), attribute)];
        let whole = sample.view();
        let view = View {
            item: whole.item.filter(|_| item),
            visit: whole.visit.filter(|_| visit),
            location: whole.location.filter(|_| location),
            now,
            ..whole
        };
        let first = evaluate(&expr, &view).and_then(Datum::print);
        let second = evaluate(&expr, &view).and_then(Datum::print);
        prop_assert_eq!(first, second);
    }

    /// Comparison is an order: of two numbers exactly one of <, ==, > holds.
    #[test]
    fn numbers_compare_one_way(a in any::<i64>(), b in prop_oneof![
        any::<i64>().prop_map(|b| b as f64),
        any::<f64>().prop_filter("a number", |b| !b.is_nan()),
    ]) {
        let (int, double) = (Datum::Int(a), Datum::Double(b));
        let ways = [Comparison::Less, Comparison::Equal, Comparison::Greater];
        let holds = ways.iter().filter(|way| compare(**way, &int, &double) == Ok(true)).count();
        prop_assert_eq!(holds, 1);
        prop_assert_eq!(int.order(&double).map(Ordering::reverse), double.order(&int));
    }
}
