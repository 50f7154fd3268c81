//! Tables: every policy and everything that can be lacking is named, with when it is over where time lifts it.

use super::*;
use crate::decide::Ground;
use crate::rows::{
    Article, Asked, Browse, BrowseStep, CartLife, Derived, End, Interest, Kind, Lapse, Life, ShopVisit,
};
use crate::samples::{handle, person, rule};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::{
    Bought, Catalogue, Consent, Decision, Detail, Moment, Near, PersonFact, Request, Sign, SignKind, Stock,
    ZoneVisit,
};
use shopbell_model::key::{Brand, EventRef, LocationId, Text, ZoneId};
use shopbell_model::offer::{About, Because, Episode, Reason, offer_id};
use shopbell_model::policy::{Policy, QuietHours};
use shopbell_model::rules::Cap;
use shopbell_model::time::Duration;
use shopbell_model::value::{Money, Value};
use shopbell_model::view::CustomerView;

const CART: &str = "when = \"cart_abandoned\"\nper = \"item\"\nidle = \"10s\"";
const START: Time = 1000;
const DUE: Time = 11_000;

fn event(id: &str) -> EventRef {
    EventRef { source: Text::from("test"), id: Text::from(id) }
}

fn at(time: Time) -> Moment {
    Moment { time, arrival: time }
}

fn location() -> LocationId {
    LocationId::new(&Brand::default(), "s")
}

fn zone() -> ZoneId {
    ZoneId { location: location(), zone: Text::from("z") }
}

/// Interest in `x` of a kind, since then.
fn wants(kind: Kind, start: Time) -> Derived {
    let activity = if kind == Kind::Cart { vec![(start, handle("card:1"))] } else { Vec::new() };
    let life = Life { start, anchor: handle("card:1"), kind, event: event("1") };
    let item = ItemId::new(&Brand::default(), "x");
    Derived::Interest(Shared::new(Interest {
        item,
        life,
        quantity: 1,
        detail: Detail::default(),
        activity,
        end: None,
    }))
}

/// What is known of `x`: pieces in stock there and everywhere, since when again, prices.
fn article(quantity: i64, returned: Option<Time>, prices: &[(Time, i64)]) -> Derived {
    let stock = |location| Stock { location, quantity, returned };
    let prices = prices.iter().map(|(time, price)| (*time, Money(*price))).collect();
    Derived::Article(Shared::new(Article {
        item: ItemId::new(&Brand::default(), "x"),
        catalogue: Some(Shared::new(Catalogue { prices, ..Catalogue::default() })),
        stock: vec![stock(None), stock(Some(location()))],
        shelves: vec![zone()],
    }))
}

fn in_zone() -> Derived {
    let visit = ZoneVisit { zone: zone(), start: at(START), last: None, event: event("2") };
    Derived::Zone(handle("card:1"), Shared::new(visit))
}

fn left(dwell: u64) -> Derived {
    let (anchor, end) = (handle("card:1"), Some(START + dwell));
    let (location, event) = (location(), event("3"));
    Derived::Shop(Shared::new(ShopVisit {
        location,
        start: START,
        anchor,
        event,
        end,
        dwell: Duration(dwell),
        until: Time::MAX,
    }))
}

fn bought(time: Time) -> Derived {
    let item = (ItemId::new(&Brand::default(), "y"), 1, Detail::default());
    let bought = Bought {
        at: at(time),
        transaction: Text::from("t"),
        items: vec![item],
        location: None,
        event: event("4"),
    };
    Derived::Bought(handle("card:1"), Shared::new(bought))
}

fn checked_in() -> Derived {
    let sign = Sign { at: at(START), location: location(), kind: SignKind::CheckIn, event: event("5") };
    Derived::CheckIn(handle("card:1"), Shared::new(sign), Time::MAX)
}

fn profile(name: &str, value: Value) -> Derived {
    let attributes = vec![(Text::from(name), value)];
    Derived::Customer(Shared::new(CustomerView { attributes, ..CustomerView::of(person()) }))
}

fn viewed(times: &[Time]) -> Derived {
    let step = |time: &Time| BrowseStep { time: *time, handle: handle("card:1"), viewed: Some(event("6")) };
    let item = ItemId::new(&Brand::default(), "x");
    Derived::Browse(Shared::new(Browse { item, steps: times.iter().map(step).collect() }))
}

fn near(place: &str, within: u32) -> Derived {
    let location = LocationId::new(&Brand::default(), place);
    let near = Near { location, within, start: at(START), last: None, event: event("7") };
    Derived::Near(handle("card:1"), Shared::new(near))
}

/// A request for an offer of the rule, and the decision on it.
fn asked(rule: &str, decision: Option<(bool, Time)>) -> Derived {
    let request = Request {
        at: at(START),
        request: Text::from("q"),
        location: location(),
        rule: Text::from(rule),
        items: Vec::new(),
        event: event("8"),
        until: 20_000,
    };
    let decision = decision.map(|(approved, time)| {
        let decision = Decision { at: at(time), request: Text::from("q"), approved, event: event("9") };
        (handle("associate:9"), Shared::new(decision))
    });
    Derived::Request(Shared::new(Asked { handle: handle("card:1"), request: Shared::new(request), decision }))
}

fn silent(next: Option<Time>) -> Derived {
    let (since, anchor, event) = (at(START), handle("card:1"), event("10"));
    Derived::Lapse(Shared::new(Lapse { since, anchor, event, next }))
}

/// What the rule says of the person.
fn view(
    rule: &Shared<Rule>,
    background: Vec<Derived>,
    facts: Vec<PersonFact>,
    policy: Policy,
    now: Time,
) -> RuleView {
    let mut rows = vec![Ground::Handle(handle("card:1")), Ground::Background(Shared::new(background))];
    rows.extend(facts.into_iter().map(|fact| Ground::Fact(handle("card:1"), fact)));
    let mut versions = Versions::default();
    versions.update(rule, 1);
    let settings = DecideSettings::new(policy);
    rules(&person(), &Grounds::new(rows.iter()), (&versions, &RulesInForce::default()), &settings, now)
        .remove(0)
}

fn told(lines: &str, background: Vec<Derived>, now: Time) -> (Verdict, String) {
    let view = view(&rule("r", lines, ""), background, Vec::new(), Policy::default(), now);
    let case = &view.cases[0];
    assert_eq!(case.verdict, view.verdict);
    (case.verdict, case.why.clone())
}

#[test]
fn what_is_lacking_is_named() {
    use Verdict::{Condition, Lacks, NoSituation, NotDue, Over, WouldBeMade};
    let in_cart = || vec![wants(Kind::Cart, START)];
    let zone_rule = "when = \"zone_entered\"";
    let left_rule = "when = \"store_left\"\nmin_dwell = \"10m\"\nafter = \"2m\"";
    let back = "when = \"back_in_stock\"\ninterest = [\"wishlist\"]";
    let low = "when = \"running_low\"\nat_most = 3\ninterest = [\"wishlist\"]";
    let fell = "when = \"price_dropped\"\nby_percent = 10\ninterest = [\"wishlist\"]";
    let gold = "when = \"segment_entered\"\nsegment = 'customer.tier == \"gold\"'";
    let lapsed = "when = \"lapsed\"\nidle = \"1m\"";
    let browse = "when = \"browse_abandoned\"\nidle = \"10s\"";
    let nearby = "when = \"nearby\"\nwithin = 200";
    let requested = "when = \"requested\"";
    let (minute, ten_minutes) = (60_000, 600_000);
    let wish = || wants(Kind::Wishlist, 50);
    type Told<'a> = (&'a str, String, Vec<Derived>, Time, Verdict, &'a str);
    let with = |lines: &str, more: &str| format!("{lines}\n{more}");
    let cases: Vec<Told<'_>> = vec![
        ("no line", CART.into(), vec![], DUE, NoSituation, "nothing is in the cart"),
        ("idle to come", CART.into(), in_cart(), DUE - 1, NotDue, "due at 1970-01-01T00:00:11"),
        ("idle is over", CART.into(), in_cart(), DUE, WouldBeMade, "made in the next tick"),
        (
            "the rule begins later",
            with(CART, "from = 1970-01-01T00:00:20Z"),
            in_cart(),
            DUE,
            NotDue,
            "the rule begins at 1970-01-01T00:00:20",
        ),
        (
            "the rule is over",
            with(CART, "until = 1970-01-01T00:00:11Z"),
            in_cart(),
            DUE,
            Over,
            "no offers from 1970-01-01T00:00:11",
        ),
        (
            "a moment before that",
            with(CART, "until = 1970-01-01T00:00:11.001Z"),
            in_cart(),
            DUE,
            WouldBeMade,
            "",
        ),
        ("another brand", with(CART, "brand = \"acme\""), in_cart(), DUE, Lacks, "for the brand acme"),
        (
            "the condition",
            with(CART, "where = 'item.quantity > 0 && item.stock > 5'"),
            vec![wants(Kind::Cart, START), article(4, None, &[])],
            DUE,
            Condition,
            "`item.stock > 5` does not hold: item.stock is 4",
        ),
        (
            "a value is missing",
            with(CART, "where = 'customer.tier == \"gold\"'"),
            in_cart(),
            DUE,
            Condition,
            "customer.tier is missing",
        ),
        (
            "a value is another",
            with(CART, "where = 'customer.tier == \"gold\"'"),
            vec![wants(Kind::Cart, START), profile("tier", Value::Text(Text::from("blue")))],
            DUE,
            Condition,
            "customer.tier is blue",
        ),
        (
            "not in the segment",
            gold.into(),
            vec![profile("tier", Value::Text(Text::from("blue")))],
            DUE,
            Condition,
            "`customer.tier == \"gold\"` does not hold: customer.tier is blue",
        ),
        (
            "in it since long ago",
            gold.into(),
            vec![profile("tier", Value::Text(Text::from("gold")))],
            DUE,
            Lacks,
            "entered too long ago",
        ),
        ("of whom nothing is known", gold.into(), vec![], DUE, Condition, "customer.tier is missing"),
        ("no zone", zone_rule.into(), in_cart(), DUE, NoSituation, "in no zone"),
        (
            "nothing on the shelf",
            zone_rule.into(),
            vec![in_zone()],
            DUE,
            Lacks,
            "no interest that the rule counts",
        ),
        (
            "not in stock there",
            zone_rule.into(),
            vec![in_zone(), wants(Kind::Cart, 50), article(0, None, &[])],
            DUE,
            Lacks,
            "no article of interest is in stock",
        ),
        (
            "another zone",
            with(zone_rule, "zones = [\"y\"]"),
            vec![in_zone(), wants(Kind::Cart, 50), article(1, None, &[])],
            DUE,
            Lacks,
            "s/z is none of the rule's zones",
        ),
        (
            "there",
            zone_rule.into(),
            vec![in_zone(), wants(Kind::Cart, 50), article(1, None, &[])],
            DUE,
            WouldBeMade,
            "",
        ),
        ("no visit", left_rule.into(), in_cart(), DUE, NoSituation, "no visit to a shop has ended"),
        (
            "too short",
            left_rule.into(),
            vec![left(ten_minutes - 1), wants(Kind::Cart, 50)],
            2 * ten_minutes,
            Lacks,
            "the visit took 599999ms, the rule asks for 10m",
        ),
        (
            "bought something",
            left_rule.into(),
            vec![left(ten_minutes), wants(Kind::Cart, 50), bought(2000)],
            2 * ten_minutes,
            Lacks,
            "something was bought at 1970-01-01T00:00:02",
        ),
        (
            "wanted later",
            left_rule.into(),
            vec![left(ten_minutes), wants(Kind::Cart, 2 * ten_minutes)],
            2 * ten_minutes,
            Lacks,
            "the interest began later",
        ),
        (
            "has just left",
            left_rule.into(),
            vec![left(ten_minutes), wants(Kind::Cart, 50)],
            START + ten_minutes,
            NotDue,
            "due at",
        ),
        ("no check-in", "when = \"checked_in\"".into(), in_cart(), DUE, NoSituation, "no check-in"),
        (
            "a visit without an article",
            with("when = \"checked_in\"", "where = 'location.id == \"t\"'"),
            vec![checked_in()],
            DUE,
            Condition,
            "location.id is s",
        ),
        ("no purchase", "when = \"purchased\"".into(), in_cart(), DUE, NoSituation, "no purchase"),
        (
            "a purchase long ago",
            "when = \"purchased\"\nwithin = \"5m\"".into(),
            vec![bought(START)],
            START + 300_001,
            Over,
            "its time was over",
        ),
        (
            "a purchase just now",
            "when = \"purchased\"\nwithin = \"5m\"".into(),
            vec![bought(START)],
            START + 300_000,
            WouldBeMade,
            "",
        ),
        ("no wish", back.into(), vec![], DUE, NoSituation, "no article is of interest (on the wish list)"),
        (
            "another interest",
            back.into(),
            vec![wants(Kind::Cart, START), article(1, Some(60), &[])],
            DUE,
            Lacks,
            "no interest that the rule counts",
        ),
        ("nothing known of it", back.into(), vec![wish()], DUE, Lacks, "say anything of the article"),
        ("out of stock", back.into(), vec![wish(), article(0, None, &[])], DUE, Lacks, "in stock"),
        (
            "never out of stock",
            back.into(),
            vec![wish(), article(1, None, &[])],
            DUE,
            Lacks,
            "did not come back into stock",
        ),
        ("back", back.into(), vec![wish(), article(1, Some(60), &[])], DUE, WouldBeMade, ""),
        ("none left", low.into(), vec![wish(), article(0, None, &[])], DUE, Lacks, "in stock"),
        ("plenty", low.into(), vec![wish(), article(4, None, &[])], DUE, Lacks, "there are more than 3"),
        (
            "as dear as ever",
            fell.into(),
            vec![wish(), article(1, None, &[(1, 100), (60, 91)])],
            DUE,
            Lacks,
            "the price is not that much lower",
        ),
        ("cheaper", fell.into(), vec![wish(), article(1, None, &[(1, 100), (60, 90)])], DUE, WouldBeMade, ""),
        ("nobody silent", lapsed.into(), in_cart(), DUE, NoSituation, "not silent for that long"),
        (
            "silent, but not for long",
            lapsed.into(),
            vec![silent(Some(START + minute))],
            DUE,
            Lacks,
            "no pause was as long as 1m",
        ),
        ("silent until then", lapsed.into(), vec![silent(None)], START + minute - 1, NotDue, "due at"),
        ("silent", lapsed.into(), vec![silent(None)], START + minute, WouldBeMade, ""),
        (
            "silent for months",
            lapsed.into(),
            vec![silent(None)],
            START + minute + 30 * 86_400_000 + 1,
            Over,
            "its time was over",
        ),
        ("not looked at", browse.into(), in_cart(), DUE, NoSituation, "no article was looked at"),
        (
            "looked at once",
            browse.into(),
            vec![wants(Kind::Viewed, START), viewed(&[START])],
            DUE,
            Lacks,
            "not looked at often enough",
        ),
        (
            "just looked at again",
            browse.into(),
            vec![wants(Kind::Viewed, 50), viewed(&[50, START])],
            DUE - 1,
            NotDue,
            "due at",
        ),
        (
            "looked at and left alone",
            browse.into(),
            vec![wants(Kind::Viewed, 50), viewed(&[50, START])],
            DUE,
            WouldBeMade,
            "",
        ),
        ("far away", nearby.into(), in_cart(), DUE, NoSituation, "near no such place"),
        (
            "not so near",
            nearby.into(),
            vec![near("s", 1000)],
            DUE,
            Lacks,
            "s is within 1000 metres, the rule asks for 200",
        ),
        (
            "near another place",
            with(nearby, "location = \"t\""),
            vec![near("s", 200)],
            DUE,
            Lacks,
            "s is another place than the rule's",
        ),
        ("near", nearby.into(), vec![near("s", 200)], DUE, WouldBeMade, ""),
        ("no request", requested.into(), in_cart(), DUE, NoSituation, "nobody asked for an offer of it"),
        (
            "another rule's",
            requested.into(),
            vec![asked("other", None)],
            DUE,
            Lacks,
            "an offer of other was asked for",
        ),
        (
            "a request that waits",
            requested.into(),
            vec![asked("r", None)],
            19_999,
            Lacks,
            "request q waits for approval, and expires at 1970-01-01T00:00:20",
        ),
        (
            "one that waited too long",
            requested.into(),
            vec![asked("r", None)],
            20_000,
            Over,
            "request q expired at 1970-01-01T00:00:20.000Z, nobody approved it",
        ),
        (
            "a refused one",
            requested.into(),
            vec![asked("r", Some((false, 2000)))],
            19_999,
            Lacks,
            "request q was refused at 1970-01-01T00:00:02",
        ),
        (
            "a refused one that is over",
            requested.into(),
            vec![asked("r", Some((false, 2000)))],
            20_000,
            Over,
            "request q was refused at 1970-01-01T00:00:02",
        ),
        ("an approved one", requested.into(), vec![asked("r", Some((true, 2000)))], 19_999, WouldBeMade, ""),
        (
            "an approved one that is over",
            requested.into(),
            vec![asked("r", Some((true, 2000)))],
            20_000,
            Over,
            "its time was over at 1970-01-01T00:00:20",
        ),
        (
            "one that needs no approval",
            with(requested, "approval = false"),
            vec![asked("r", None)],
            DUE,
            WouldBeMade,
            "",
        ),
    ];
    let mut unreached = BTreeSet::new();
    for (name, lines, background, now, verdict, why) in cases {
        let told = told(&lines, background, now);
        assert_eq!(told.0, verdict, "{name}: {}", told.1);
        assert!(told.1.contains(why), "{name}: {}", told.1);
        if ![WouldBeMade, NotDue].contains(&verdict) {
            unreached.insert(situation(&rule("r", &lines, "").when));
        }
    }
    // Of each situation it is told why it is not there.
    assert_eq!(unreached.len(), 13, "{unreached:?}");
}

/// Its name. A situation that is added has to be added here, and to the table above.
fn situation(when: &When) -> &'static str {
    match when {
        When::CartAbandoned { .. } => "cart_abandoned",
        When::BrowseAbandoned { .. } => "browse_abandoned",
        When::ZoneEntered { .. } => "zone_entered",
        When::StoreLeft { .. } => "store_left",
        When::CheckedIn => "checked_in",
        When::BackInStock { .. } => "back_in_stock",
        When::RunningLow { .. } => "running_low",
        When::PriceDropped { .. } => "price_dropped",
        When::Purchased { .. } => "purchased",
        When::Nearby { .. } => "nearby",
        When::Requested { .. } => "requested",
        When::Lapsed { .. } => "lapsed",
        When::SegmentEntered { .. } => "segment_entered",
    }
}

/// An offer of the rule about the line that began at `START`, or about another one.
fn sent(rule: &Shared<Rule>, start: Time, at: Time) -> Sent {
    let text = Text::from(format!("line|card:1|x|{start}|{start}"));
    Sent {
        priority: 0,
        replaceable: false,
        replaces: None,
        holding: None,
        segment: Text::default(),
        offer_id: offer_id(&Brand::default(), &rule.id, &text),
        rule: rule.id.clone(),
        rule_version: rule.version.clone(),
        category: None,
        at,
        channel: Text::from("card"),
        ends: at + 20_000,
        episode: Episode {
            anchor: handle("card:1"),
            text,
            handles: vec![handle("card:1")],
            about: About::Line(start, None),
        },
        items: vec![ItemId::new(&Brand::default(), "x")],
        person: person(),
        because: Because { score: 7, ..Because::default() },
    }
}

#[test]
fn every_policy_that_objects_is_named_with_its_end() {
    let plain = rule("r", CART, "");
    let category = rule("r", CART, "[rule.r.policy]\ncategory = \"promo\"");
    let limited = rule("r", CART, "[rule.r.policy]\ncap = \"1 per 1h\"");
    let pausing = rule("r", CART, "[rule.r.policy]\ncooldown = \"1h\"");
    let elsewhere = rule("r", CART, "channels = [\"sms\"]");
    let cap = Cap::parse("1 per 1h");
    let free = Policy::default;
    let refused = PersonFact::Consent(Shared::new(Consent {
        channel: None,
        category: Some(Text::from("promo")),
        at: at(1),
        granted: false,
    }));
    let earlier = |rule: &Shared<Rule>| PersonFact::Sent(Shared::new(sent(rule, 1, 5000)));
    let hour = Some(At(5000 + 3_600_000));
    let capped = Policy { cap, ..free() };
    let channel =
        Policy { channel_caps: cap.map(|cap| (Text::from("card"), cap)).into_iter().collect(), ..free() };
    let quiet = Policy { quiet_hours: QuietHours::parse("00:00-01:00"), ..free() };
    let none: Vec<PersonFact> = Vec::new();
    type Case<'a> = (&'a str, &'a Shared<Rule>, Policy, Vec<PersonFact>, Option<At>);
    let cases: Vec<Case<'_>> = vec![
        ("hold_out", &plain, Policy { hold_out_percent: 100, ..free() }, none.clone(), None),
        ("min_score", &plain, Policy { min_score: 100, ..free() }, none.clone(), None),
        ("consent", &category, free(), vec![refused], None),
        ("no_channel", &elsewhere, free(), none.clone(), None),
        ("quiet_hours", &plain, quiet, none.clone(), Some(At(3_600_000))),
        ("cooldown", &pausing, free(), vec![earlier(&pausing)], hour),
        ("rule_cap", &limited, free(), vec![earlier(&limited)], hour),
        ("cap", &plain, capped, vec![earlier(&plain)], hour),
        ("channel_cap", &plain, channel, vec![earlier(&plain)], hour),
    ];
    for (policy, rule, settings, facts, until) in cases {
        let mut facts = facts;
        // What counts against it is over, and is no offer that stands.
        let over = facts.iter().filter_map(|fact| match fact {
            PersonFact::Sent(sent) => {
                Some(PersonFact::Withdrawn(sent.offer_id.clone(), Reason::Removed, 6000))
            }
            _ => None,
        });
        let over: Vec<PersonFact> = over.collect();
        facts.extend(over);
        let view = view(rule, vec![wants(Kind::Cart, START)], facts, settings, DUE);
        let case = view
            .cases
            .iter()
            .find(|case| case.verdict == Verdict::KeptBack)
            .unwrap_or_else(|| panic!("{policy}: {view:?}"));
        assert_eq!((case.policy.as_deref(), case.until), (Some(policy), until), "{view:?}");
        assert!(case.why.starts_with(&format!("kept back by {policy}")), "{}", case.why);
        assert_eq!(view.verdict, Verdict::KeptBack);
    }
}

#[test]
fn an_offer_that_was_made_is_told_with_what_became_of_it() {
    let rule = rule("r", CART, "");
    let made = || PersonFact::Sent(Shared::new(sent(&rule, START, DUE)));
    let id = sent(&rule, START, DUE).offer_id;
    let withdrawn = PersonFact::Withdrawn(id.clone(), Reason::Bought, 12_000);
    let redeemed = PersonFact::Outcome(id.clone(), PushOutcome::Redeemed);
    let delivered = PersonFact::Outcome(id.clone(), PushOutcome::Delivered);
    let cases: [(&str, Vec<PersonFact>, Time, Verdict, &str); 5] = [
        (
            "it stands",
            vec![made(), delivered],
            DUE + 20_000,
            Verdict::Made,
            "holds until 1970-01-01T00:00:31",
        ),
        ("it is over", vec![made()], DUE + 20_001, Verdict::MadeBefore, "ended at 1970-01-01T00:00:31"),
        (
            "it was withdrawn",
            vec![made(), withdrawn],
            DUE,
            Verdict::MadeBefore,
            "withdrawn at 1970-01-01T00:00:12.000Z: bought",
        ),
        ("it was redeemed", vec![made(), redeemed], DUE, Verdict::MadeBefore, "redeemed"),
        ("it was not made", vec![], DUE, Verdict::WouldBeMade, "next tick"),
    ];
    for (name, facts, now, verdict, why) in cases {
        let view = view(&rule, vec![wants(Kind::Cart, START)], facts, Policy::default(), now);
        let case = &view.cases[0];
        assert_eq!(
            (view.verdict, case.offer_id.as_ref(), view.cases.len()),
            (verdict, Some(&id), 1),
            "{name}"
        );
        assert!(case.why.contains(why), "{name}: {}", case.why);
    }
    // One that stands of a line that is gone, too, until the withdrawal is decided.
    let view = view(&rule, vec![], vec![made()], Policy::default(), DUE);
    assert_eq!((view.verdict, view.cases.len()), (Verdict::Made, 1));
}

#[test]
fn the_case_nearest_to_an_offer_comes_first_and_few_are_listed() {
    let rule =
        rule("r", "when = \"running_low\"\nat_most = 3\ninterest = [\"cart\"]\nwhere = 'item.stock > 1'", "");
    let mut background = Vec::new();
    for number in 0..20 {
        let item = ItemId::new(&Brand::default(), &format!("i{number:02}"));
        let life = Life { start: 5, anchor: handle("card:1"), kind: Kind::Cart, event: event("1") };
        let interest = Interest {
            item: item.clone(),
            life,
            quantity: 1,
            detail: Detail::default(),
            activity: vec![(5, handle("card:1"))],
            end: None,
        };
        background.push(Derived::Interest(Shared::new(interest)));
        let stock = vec![Stock {
            location: None,
            quantity: if number == 19 { 2 } else { 1 + number % 2 * 8 },
            returned: None,
        }];
        background.push(Derived::Article(Shared::new(Article {
            item,
            catalogue: None,
            stock,
            shelves: Vec::new(),
        })));
    }
    // Neither ended interests nor carts are situations.
    let life = Life { start: 5, anchor: handle("card:1"), kind: Kind::Cart, event: event("1") };
    background.push(Derived::Cart(Shared::new(CartLife {
        life,
        end: Some(End::Removed),
        activity: Vec::new(),
    })));
    let view = view(&rule, background, Vec::new(), Policy::default(), DUE);
    let verdicts: Vec<Verdict> = view.cases.iter().map(|case| case.verdict).collect();
    assert_eq!(verdicts[..2], [Verdict::WouldBeMade, Verdict::Condition]);
    assert_eq!((view.cases.len(), view.left_out), (8, 12));
    assert_eq!(view.cases[0].items, ["i19"]);
}
