use super::*;
use crate::facts::Totals;
use crate::key::{Brand, LocationId, Text};
use crate::rules::samples::Sample;

fn value(sample: &Sample, name: &str) -> Result<String, Fault> {
    derived(name, &sample.view()).and_then(Datum::print)
}

#[test]
fn every_name_has_a_value_of_somebody_who_did_everything() {
    let mut eva = Sample::eva();
    let today = day_of(eva.view().now);
    let (shop, other) = (LocationId::new(&Brand::default(), "a"), LocationId::new(&Brand::default(), "b"));
    let (shop, other) = (Whereabouts::Shop(shop), Whereabouts::Shop(other));
    let channel = |kind: &str| Whereabouts::Channel(Text::from(kind));
    eva.customer.totals = Totals { orders: 3, spend: 123_400, last_order: Some(eva.view().now - 3 * DAY) };
    eva.customer.hold_out = true;
    eva.customer.favourite_category = Some(Text::from("diving"));
    eva.customer.nearest_location = Some(LocationId::new(&Brand::new("b"), "s1"));
    eva.customer.noticed = vec![
        (shop.clone(), today - 30),
        (shop.clone(), today - 29),
        (shop, today),
        (other.clone(), today),
        (other, today + 1),
        (channel("cookie"), today - 29),
        (channel("cookie"), today - 1),
        (channel("device"), today - 30),
        (channel("wechat"), today),
    ];
    let expected = [
        ("channels_30d", "3"),
        ("days_since_last_order", "3"),
        ("favourite_category", "diving"),
        ("hold_out", "true"),
        ("lifetime_spend", "12.34"),
        ("nearest_location", "s1"),
        ("orders", "3"),
        ("visits_30d", "3"),
    ];
    assert_eq!(NAMES, expected.map(|(name, _)| name));
    for (name, expected) in expected {
        assert_eq!(value(&eva, name).as_deref(), Ok(expected), "{name}");
    }
    assert_eq!(value(&eva, "tier"), Err(Fault::Missing));
}

#[test]
fn of_somebody_who_did_nothing_numbers_are_zero() {
    let eva = Sample::eva();
    for (name, expected) in [
        ("orders", Ok("0")),
        ("hold_out", Ok("false")),
        ("visits_30d", Ok("0")),
        ("channels_30d", Ok("0")),
        ("days_since_last_order", Err(Fault::Missing)),
        ("favourite_category", Err(Fault::Missing)),
    ] {
        assert_eq!(value(&eva, name), expected.map(str::to_owned), "{name}");
    }
}
