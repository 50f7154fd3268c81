//! What somebody did: how long it is kept, what is kept together, how much.

use super::*;
use shopbell_model::event::{Purchase, PushOutcome};
use shopbell_model::facts::{CartChange, SignKind};

/// The facts of persons in short, sorted as text.
fn kept(world: &World) -> Vec<String> {
    let short = |fact: &PersonFact| match fact {
        PersonFact::Cart(moved) => {
            let item = moved.item.as_ref().map_or("all", ItemId::as_str);
            format!("{} {:?} {item}", moved.at.time - START, moved.change)
        }
        PersonFact::Wish(wish) => format!("{} wish {} {}", wish.at.time - START, wish.item, wish.wanted),
        PersonFact::View(view) => format!("{} view {}", view.at.time - START, view.item),
        PersonFact::Bought(bought) => format!("{} bought {}", bought.at.time - START, bought.transaction),
        PersonFact::Sign(sign) => format!("{} {:?} {}", sign.at.time - START, sign.kind, sign.location),
        PersonFact::Outcome(offer, outcome) => format!("{offer} {outcome:?}"),
        PersonFact::Totals(totals) => format!("{} in all", totals.orders),
        other => format!("{other:?}"),
    };
    let mut kept: Vec<String> = world.persons().into_iter().map(short).collect();
    kept.sort();
    kept
}

fn add(time: Time, name: &str) -> Event {
    act(START + time, "card:1", Act::AddToCart(vec![line(name, None)]))
}

fn view(time: Time, name: &str) -> Event {
    act(START + time, "card:1", Act::View(vec![line(name, None)]))
}

#[test]
fn a_fact_goes_when_it_is_older_than_its_retention() {
    let cases: [(Act, Time); 6] = [
        (Act::View(vec![line("x", None)]), 7 * DAY),
        (Act::Enter(location("s")), DAY),
        (Act::CheckIn(location("s")), DAY),
        (Act::AddToCart(vec![line("x", None)]), 30 * DAY),
        (Act::AddToWishlist(vec![line("x", None)]), 365 * DAY),
        (Act::Push(PushOutcome::Opened, Text::from("o")), 30 * DAY),
    ];
    for (what, span) in cases {
        let mut world = World::one();
        world.tick(START + 1, [act(START + 1, "card:1", what.clone())]);
        world.until(START + 1 + span);
        assert_eq!(world.persons().len(), 1, "{what:?}");
        world.until(START + 2 + span);
        assert_eq!(world.persons().len(), 0, "{what:?}");
    }
}

#[test]
fn a_fact_that_came_after_its_time_is_never_seen() {
    let mut world = World::one();
    world.tick(START + 8 * DAY, [view(1, "x")]);
    assert_eq!(kept(&world), [""; 0]);
    world.tick(START + 8 * DAY, [view(DAY, "x")]);
    assert_eq!(kept(&world), [format!("{DAY} view x")]);
}

/// Else a line that is added to every week would lose its beginning, and be another line.
#[test]
fn moves_of_a_line_are_kept_as_long_as_the_youngest() {
    let mut world = World::one();
    world.tick(START + 1, [add(1, "x"), add(1, "y")]);
    world.tick(START + 20 * DAY, [add(20 * DAY, "x")]);
    world.until(START + 49 * DAY);
    assert_eq!(kept(&world), ["1 Add(1) x".to_owned(), format!("{} Add(1) x", 20 * DAY)]);
    // A late one joins them, though older than its own time.
    world.tick(START + 49 * DAY, [add(10 * DAY, "x")]);
    assert_eq!(kept(&world).len(), 3);
    world.until(START + 50 * DAY + 1);
    assert_eq!(kept(&world), [""; 0]);
}

#[test]
fn a_handle_keeps_a_thousand_facts_the_oldest_but_the_first_go_first() {
    let mut world = World::one();
    for count in 0..1000 {
        world.tick(START + 10_000, [view(100 + (count * 7) % 1000, "x")]);
    }
    assert_eq!((world.persons().len(), world.counts.dropped_facts), (1000, 0));
    world.tick(START + 10_000, [view(5000, "new"), view(5001, "new"), view(1, "old")]);
    assert_eq!((world.persons().len(), world.counts.dropped_facts), (1000, 3));
    let kept = kept(&world);
    assert!(!kept.iter().any(|fact| fact == "101 view x" || fact == "102 view x" || fact == "1 view old"));
    assert!(kept.iter().any(|fact| fact == "100 view x") && kept.iter().any(|fact| fact == "103 view x"));
    // Another handle has a thousand of its own.
    let other = act(START + 3, "card:2", Act::View(vec![line("x", None)]));
    world.tick(START + 10_000, [other]);
    assert_eq!(world.persons().len(), 1001);
}

#[test]
fn a_flood_of_one_kind_leaves_the_others_alone() {
    let bought = act(
        START + 1,
        "card:1",
        Act::Purchase(Purchase {
            transaction: Text::from("t"),
            items: vec![line("x", None)],
            value: None,
            location: None,
            at_till: false,
        }),
    );
    let mut world = World::one();
    world.tick(START + 10_000, [bought, add(2, "cart")]);
    world.tick(START + 10_000, (0..1500).map(|count| view(100 + count, &format!("v{count}"))));
    let facts = kept(&world);
    assert!(
        facts.iter().any(|fact| fact == "1 bought t") && facts.iter().any(|fact| fact == "2 Add(1) cart")
    );
    // The totals of all purchases are no part of the thousand.
    assert_eq!((facts.len(), world.counts.dropped_facts), (1001, 502));
}

/// Half of a line would be another line, or one that was taken out.
#[test]
fn moves_of_a_line_go_together() {
    let lines = |count: usize| (0..count).map(|number| line(&format!("a{number}"), None)).collect::<Vec<_>>();
    let mut world = World::one();
    world.tick(START + 10_000, [act(START + 1, "card:1", Act::AddToCart(lines(700)))]);
    world.tick(START + 10_000, [act(START + 2, "card:1", Act::RemoveFromCart(lines(700)))]);
    let facts = kept(&world);
    let of = |what: &str| facts.iter().filter(|fact| fact.contains(what)).count();
    assert!(of("Remove") > 300, "{}", of("Remove"));
    assert!(facts.len() <= 1000 && of("Add") <= of("Remove"), "{} {}", of("Add"), of("Remove"));
}

#[test]
fn an_outcome_is_one_fact_however_often_it_is_told() {
    let told = |time, outcome| act(START + time, "device:1", Act::Push(outcome, Text::from("o")));
    let mut world = World::one();
    world.tick(
        START + 9,
        [told(1, PushOutcome::Opened), told(2, PushOutcome::Opened), told(3, PushOutcome::Failed)],
    );
    assert_eq!(kept(&world), ["o Failed", "o Opened"]);
}

#[test]
fn a_purchase_at_a_till_is_a_sign_too() {
    let bought = |time, at_till| {
        let location = Some(location("s"));
        let items = vec![line("x", Some(2))];
        let purchase = Purchase { transaction: Text::from("t"), items, value: None, location, at_till };
        act(START + time, "card:1", Act::Purchase(purchase))
    };
    let mut world = World::one();
    world.tick(START + 9, [bought(1, true)]);
    let seen = format!("1 {:?} s", SignKind::Seen);
    assert_eq!(kept(&world), [seen, "1 bought t".to_owned(), "1 in all".to_owned()]);
}

/// Shops count pieces by repeating a line: each piece counts.
#[test]
fn equal_lines_of_one_event_add_up() {
    let two = vec![line("x", Some(2)), line("y", None), line("x", Some(2)), line("x", None)];
    let mut world = World::one();
    let acts = [Act::AddToCart(two.clone()), Act::RemoveFromCart(two.clone()), Act::View(two.clone())];
    let acts = acts.into_iter().chain([Act::BeginCheckout(two.clone()), Act::AddToWishlist(two)]);
    world.tick(START + 9, acts.zip(1..).map(|(what, time)| act(START + time, "card:1", what)));
    let mut expected = vec![
        format!("1 {:?} x", CartChange::Add(5)),
        format!("1 {:?} y", CartChange::Add(1)),
        format!("2 {:?} x", CartChange::Take(4)),
        format!("2 {:?} x", CartChange::Remove),
        format!("2 {:?} y", CartChange::Remove),
        "3 view x".to_owned(),
        "3 view y".to_owned(),
        format!("4 {:?} x", CartChange::Checkout),
        format!("4 {:?} y", CartChange::Checkout),
        "5 wish x true".to_owned(),
        "5 wish y true".to_owned(),
    ];
    expected.sort();
    assert_eq!(kept(&world), expected);
}
