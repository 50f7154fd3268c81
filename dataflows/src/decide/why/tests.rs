//! All that is derived of a person is told: what goes on and what is over.

use super::*;
use crate::courses::course as course_of;
use crate::decide::Ground;
use crate::rows::{Interest, Lapse, Life};
use crate::samples::{handle, person, rule};
use shopbell_model::facts::{
    Base, Change, Changed, Decision, Detail, Moment, Near, Past, PersonFact, Request, Totals, ZoneVisit,
};
use shopbell_model::key::{Brand, EventRef, LocationId, ZoneId};
use shopbell_model::shared::Shared;

fn event() -> EventRef {
    EventRef { source: Text::from("test"), id: Text::from("1") }
}

fn at(time: Time) -> Moment {
    Moment { time, arrival: time }
}

fn location(name: &str) -> LocationId {
    LocationId::new(&Brand::default(), name)
}

fn zone(name: &str, start: Time, last: Option<Time>) -> Derived {
    let zone = ZoneId { location: location("s"), zone: Text::from(name) };
    Derived::Zone(handle("card:1"), Shared::new(ZoneVisit { zone, start: at(start), last, event: event() }))
}

fn near(name: &str, start: Time, last: Option<Time>) -> Derived {
    let near = Near { location: location(name), within: 200, start: at(start), last, event: event() };
    Derived::Near(handle("card:1"), Shared::new(near))
}

fn interest(kind: Kind, end: Option<(Time, End)>) -> Derived {
    let life = Life { start: 1000, anchor: handle("card:1"), kind, event: event() };
    let (item, detail, activity) =
        (ItemId::new(&Brand::default(), "x"), Detail::default(), vec![(1000, handle("card:1"))]);
    Derived::Interest(Shared::new(Interest { item, life, quantity: 2, detail, activity, end }))
}

fn asked(id: &str, time: Time, approved: Option<bool>) -> Derived {
    let decided = |approved| Decision { at: at(9000), request: Text::from(id), approved, event: event() };
    let decision = approved.map(|approved| (handle("card:1"), Shared::new(decided(approved))));
    let request = Request {
        at: at(time),
        request: Text::from(id),
        location: location("s"),
        rule: Text::from("r"),
        items: vec![(ItemId::new(&Brand::default(), "x"), 1, Detail::default())],
        event: event(),
        until: time + 1000,
    };
    Derived::Request(Shared::new(Asked { handle: handle("card:1"), request: Shared::new(request), decision }))
}

fn silent(since: Time, next: Option<Time>) -> Derived {
    Derived::Lapse(Shared::new(Lapse { since: at(since), anchor: handle("card:1"), event: event(), next }))
}

fn told(background: Vec<Derived>) -> PersonView {
    let rows = [Ground::Handle(handle("card:1")), Ground::Background(Shared::new(background))];
    person_view(&person(), &Grounds::new(rows.iter()), 20_000)
}

#[test]
fn what_goes_on_and_what_is_over_is_told() {
    let told = told(vec![
        zone("b", 3000, None),
        zone("a", 1000, Some(2000)),
        near("t", 2000, Some(4000)),
        near("s", 1000, None),
        interest(Kind::Cart, None),
        interest(Kind::Wishlist, Some((5000, End::Removed))),
        interest(Kind::Viewed, Some((6000, End::Bought))),
        asked("q1", 1000, Some(true)),
        asked("q2", 2000, None),
        asked("q3", 3000, Some(false)),
        silent(1000, Some(3000)),
        silent(4000, None),
    ]);
    let stay = |zone: &str, since, last: Option<Time>| StayView {
        location: "s".to_owned(),
        zone: Text::from(zone),
        since: At(since),
        last: last.map(At),
    };
    assert_eq!(told.zones, [stay("a", 1000, Some(2000)), stay("b", 3000, None)]);
    let place = |name: &str, since, last: Option<Time>| NearView {
        location: name.to_owned(),
        within: 200,
        since: At(since),
        last: last.map(At),
    };
    assert_eq!(told.near, [place("s", 1000, None), place("t", 2000, Some(4000))]);
    assert_eq!((told.cart.len(), told.cart[0].quantity), (1, 2));
    assert!(told.wishlist.is_empty() && told.viewed.is_empty());
    let ended = |interest: &str, until, how: &str| EndedView {
        item_id: "x".to_owned(),
        interest: interest.to_owned(),
        since: At(1000),
        until: At(until),
        how: how.to_owned(),
    };
    assert_eq!(told.ended, [ended("viewed", 6000, "bought"), ended("wishlist", 5000, "removed")]);
    let request = |id: &str, at, approved: Option<bool>| RequestView {
        request_id: Text::from(id),
        rule: Text::from("r"),
        location: "s".to_owned(),
        items: vec!["x".to_owned()],
        at: At(at),
        until: At(at + 1000),
        decision: approved.map(|approved| DecisionView { approved, at: At(9000) }),
    };
    let requests =
        [request("q3", 3000, Some(false)), request("q2", 2000, None), request("q1", 1000, Some(true))];
    assert_eq!(told.requests, requests);
    let pause = |since, until: Option<Time>| PauseView { since: At(since), until: until.map(At) };
    assert_eq!(told.pauses, [pause(4000, None), pause(1000, Some(3000))]);
}

/// What is told of segments of somebody who has these facts.
fn segments_of(facts: &[PersonFact], segment: &str) -> Vec<SegmentView> {
    let mut versions = Versions::default();
    let lines = format!("when = \"segment_entered\"\nsegment = '{segment}'");
    versions.update(&rule("r", &lines, ""), 1);
    versions.update(&rule("other", "when = \"checked_in\"", ""), 1);
    let card = handle("card:1");
    let facts: Vec<_> = facts.iter().map(|fact| (&card, fact)).collect();
    let course = course_of(&person(), &facts).map(|course| Derived::Course(Shared::new(course)));
    let rows = [Ground::Background(Shared::new(course.into_iter().collect()))];
    segments(&person(), &Grounds::new(rows.iter()), &versions)
}

#[test]
fn the_last_stay_in_a_segment_is_told() {
    let bought = |time: Time| Change {
        at: at(time),
        event: event(),
        what: Changed::Bought(Shared::new(Totals { orders: 1, spend: 0, last_order: Some(time) })),
    };
    let past = |base: Option<Base>, changes: Vec<Change>| {
        [PersonFact::Past(Shared::new(Past { base: base.map(Box::new), changes }))]
    };
    let changes = || vec![bought(1000), bought(2000), bought(3000)];
    let stay = |entered: Option<Time>, left: Option<Time>, segment: &str| {
        let (rule, segment) = (Text::from("r"), segment.to_owned());
        vec![SegmentView { rule, segment, entered: entered.map(At), left: left.map(At) }]
    };
    for (segment, entered, left) in
        [("customer.orders > 1", Some(2000), None), ("customer.orders == 2", Some(2000), Some(3000))]
    {
        assert_eq!(segments_of(&past(None, changes()), segment), stay(entered, left, segment));
    }
    assert_eq!(segments_of(&past(None, changes()), "customer.orders > 3"), [], "never entered");
    let long_ago = Base { totals: Totals { orders: 7, ..Totals::default() }, ..Base::default() };
    let segment = "customer.orders > 3";
    assert_eq!(segments_of(&past(Some(long_ago), changes()), segment), stay(None, None, segment));
    assert_eq!(segments_of(&[], segment), [], "of whom nothing is known");
}
