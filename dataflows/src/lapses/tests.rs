use super::*;
use shopbell_model::facts::Moment;
use shopbell_model::key::{Brand, EventRef, Text};
use shopbell_model::time::{Duration, Time};

fn stretch(first: Time, last: Option<(Time, u64)>) -> Active {
    let event = |arrival| EventRef { source: Text::from("app"), id: Text::from(format!("{arrival}")) };
    Active { first, last: last.map(|(time, arrival)| (Moment { time, arrival }, event(arrival))) }
}

fn found(stretches: &[(&str, Active)]) -> Vec<(String, Time, Option<Time>)> {
    let named: Vec<(Handle, &Active)> =
        stretches.iter().map(|(name, active)| (Handle::new(&Brand::default(), name), active)).collect();
    let borrowed: Vec<(&Handle, &Active)> = named.iter().map(|(handle, active)| (handle, *active)).collect();
    let lapses = lapses(&borrowed).into_iter();
    lapses.map(|lapse| (lapse.anchor.to_string(), lapse.since.time, lapse.next)).collect()
}

#[test]
fn a_pause_lasts_until_any_handle_does_something() {
    let (a, b) = ("card:1", "phone:1");
    let of = |name: &str, since, next| (name.to_owned(), since, next);
    assert_eq!(found(&[(a, stretch(1, Some((5, 1))))]), [of(a, 5, None)]);
    assert_eq!(found(&[(a, stretch(1, None))]), []);
    let two = [(a, stretch(1, Some((5, 1)))), (b, stretch(9, None))];
    assert_eq!(found(&two), [of(a, 5, Some(9))]);
    // What goes on under the other handle hides it.
    assert_eq!(found(&[(a, stretch(1, Some((5, 1)))), (b, stretch(3, None))]), []);
    let both =
        [(a, stretch(1, Some((5, 1)))), (b, stretch(3, Some((7, 2)))), (a, stretch(20, Some((20, 4))))];
    assert_eq!(found(&both), [of(b, 7, Some(20)), of(a, 20, None)]);
    // At the same moment: what arrived first.
    assert_eq!(found(&[(a, stretch(1, Some((5, 3)))), (b, stretch(5, Some((5, 2))))]), [of(b, 5, None)]);
    let lapse = |next| Lapse {
        since: Moment { time: 5, arrival: 0 },
        anchor: Handle::new(&Brand::default(), a),
        event: EventRef { source: Text::default(), id: Text::default() },
        next,
    };
    assert!(lapse(Some(9)).lasts(Duration(3)) && !lapse(Some(9)).lasts(Duration(4)));
}
