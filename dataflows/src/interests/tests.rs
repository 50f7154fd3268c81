//! Tables: what somebody did, and the interests and carts that follow.

use super::*;
use shopbell_model::key::Brand;
use shopbell_model::value::Value;

/// A fact under a handle.
type Step = (&'static str, PersonFact);

fn handle(text: &str) -> Handle {
    Handle::new(&Brand::default(), text)
}

fn item(name: &str) -> ItemId {
    ItemId::new(&Brand::default(), name)
}

/// Nothing in a table happens at the same time unless its arrival says which came first.
fn at(time: Time) -> Moment {
    Moment { time, arrival: time }
}

fn event(time: Time) -> EventRef {
    EventRef { source: Text::from("test"), id: Text::from(time.to_string()) }
}

fn moved(time: Time, name: Option<&str>, change: CartChange) -> Step {
    let moved = CartMove {
        at: at(time),
        item: name.map(item),
        change,
        detail: Detail::default(),
        event: event(time),
    };
    ("card:1", PersonFact::Cart(Shared::new(moved)))
}

fn add(time: Time, name: &str) -> Step {
    moved(time, Some(name), CartChange::Add(1))
}

fn take(time: Time, name: &str, quantity: u32) -> Step {
    moved(time, Some(name), CartChange::Take(quantity))
}

fn remove(time: Time, name: &str) -> Step {
    moved(time, Some(name), CartChange::Remove)
}

fn checkout(time: Time, name: Option<&str>) -> Step {
    moved(time, name, CartChange::Checkout)
}

fn buy(time: Time, name: &str) -> Step {
    let items = vec![(item(name), 1, Detail::default())];
    let bought =
        Bought { at: at(time), transaction: Text::from("t"), items, location: None, event: event(time) };
    ("card:1", PersonFact::Bought(Shared::new(bought)))
}

fn wish(time: Time, name: &str, wanted: bool) -> Step {
    let wish = Wish { at: at(time), item: item(name), wanted, detail: Detail::default(), event: event(time) };
    ("card:1", PersonFact::Wish(Shared::new(wish)))
}

fn view(time: Time, name: &str) -> Step {
    let viewed = Viewed { at: at(time), item: item(name), detail: Detail::default(), event: event(time) };
    ("card:1", PersonFact::View(Shared::new(viewed)))
}

fn under(who: &'static str, (_, fact): Step) -> Step {
    (who, fact)
}

fn derived(steps: &[Step]) -> Vec<Derived> {
    let steps: Vec<(Handle, &PersonFact)> = steps.iter().map(|(who, fact)| (handle(who), fact)).collect();
    let facts: Vec<(&Handle, &PersonFact)> = steps.iter().map(|(who, fact)| (who, *fact)).collect();
    let mut rows = Vec::new();
    let person = Person::named_by(&handle("card:1"));
    let (demand, policy) = (Demand::everything(), Policy::default());
    derive(
        &person,
        &facts,
        &Ways { leave_after: Duration(600), visits: Duration(86_400_000), demand, policy },
        &mut |row| rows.push(row),
    );
    rows
}

/// Interests and carts in short: what, its start and anchor, its pieces, its activity, its end.
fn short(steps: &[Step]) -> Vec<String> {
    let activity = |activity: &[(Time, Handle)]| {
        activity.iter().map(|(time, _)| time.to_string()).collect::<Vec<_>>().join(" ")
    };
    let row = |row: Derived| match row {
        Derived::Interest(interest) => {
            let Life { start, anchor, kind, event } = &interest.life;
            assert_eq!(event.id, start.to_string(), "the event is the one that began it");
            let end = interest.end.map_or(String::new(), |(time, end)| format!(" {end:?} {time}"));
            let (name, quantity) = (&interest.item, interest.quantity);
            Some(format!(
                "{kind:?} {name} {start} {anchor} ×{quantity} [{}]{end}",
                activity(&interest.activity)
            ))
        }
        Derived::Cart(cart) => {
            let Life { start, anchor, .. } = &cart.life;
            let end = cart.end.map_or(String::new(), |end| format!(" {end:?}"));
            Some(format!("all {start} {anchor} [{}]{end}", activity(&cart.activity)))
        }
        _ => None,
    };
    let mut rows: Vec<String> = derived(steps).into_iter().filter_map(row).collect();
    rows.sort();
    rows
}

#[test]
fn lives_of_lines_and_carts() {
    let cases: Vec<(&str, Vec<Step>, Vec<&str>)> = vec![
        (
            "adds to a line are its activity",
            vec![add(1, "x"), add(5, "x")],
            vec!["Cart x 1 card:1 ×2 [1 5]", "all 1 card:1 [1 5]"],
        ),
        (
            "order is that of time, whatever the order of facts",
            vec![remove(9, "x"), add(5, "x"), add(1, "x")],
            vec!["Cart x 1 card:1 ×2 [] Removed 9", "all 1 card:1 [] Removed"],
        ),
        (
            "a partial removal is activity",
            vec![add(1, "x"), add(2, "x"), take(7, "x", 1)],
            vec!["Cart x 1 card:1 ×1 [1 2 7]", "all 1 card:1 [1 2 7]"],
        ),
        (
            "taking the last piece ends the line",
            vec![add(1, "x"), add(2, "x"), take(7, "x", 2)],
            vec!["Cart x 1 card:1 ×2 [] Removed 7", "all 1 card:1 [] Removed"],
        ),
        (
            "taking more than there is ends it too",
            vec![add(1, "x"), take(7, "x", 5)],
            vec!["Cart x 1 card:1 ×1 [] Removed 7", "all 1 card:1 [] Removed"],
        ),
        ("nothing can be taken out of nothing", vec![take(1, "x", 1), remove(2, "x"), buy(3, "x")], vec![]),
        (
            "an add after the end begins another life of line and cart",
            vec![add(1, "x"), buy(3, "x"), add(6, "x")],
            vec![
                "Cart x 1 card:1 ×1 [] Bought 3",
                "Cart x 6 card:1 ×1 [6]",
                "all 1 card:1 [] Bought",
                "all 6 card:1 [6]",
            ],
        ),
        (
            "a line's beginning and end are activity of the cart that goes on",
            vec![add(1, "x"), add(4, "y"), remove(8, "x")],
            vec!["Cart x 1 card:1 ×1 [] Removed 8", "Cart y 4 card:1 ×1 [4]", "all 1 card:1 [1 4 8]"],
        ),
        (
            "the cart ends as its last line does",
            vec![add(1, "x"), add(2, "y"), buy(3, "x"), remove(4, "y")],
            vec![
                "Cart x 1 card:1 ×1 [] Bought 3",
                "Cart y 2 card:1 ×1 [] Removed 4",
                "all 1 card:1 [] Removed",
            ],
        ),
        (
            "checkout is activity of the lines it lists",
            vec![add(1, "x"), add(2, "y"), checkout(5, Some("x"))],
            vec!["Cart x 1 card:1 ×1 [1 5]", "Cart y 2 card:1 ×1 [2]", "all 1 card:1 [1 2 5]"],
        ),
        (
            "of all lines where it lists none",
            vec![add(1, "x"), add(2, "y"), checkout(5, None)],
            vec!["Cart x 1 card:1 ×1 [1 5]", "Cart y 2 card:1 ×1 [2 5]", "all 1 card:1 [1 2 5]"],
        ),
        (
            "and of nothing without such a line",
            vec![checkout(1, None), checkout(2, Some("x")), add(3, "x"), checkout(4, Some("y"))],
            vec!["Cart x 3 card:1 ×1 [3]", "all 3 card:1 [3]"],
        ),
        (
            "all handles fill one cart, whose anchor is the first's",
            vec![under("cookie:1", add(1, "x")), add(2, "y"), under("cookie:1", remove(3, "x"))],
            vec!["Cart x 1 cookie:1 ×1 [] Removed 3", "Cart y 2 card:1 ×1 [2]", "all 1 cookie:1 [1 2 3]"],
        ),
    ];
    for (name, steps, expected) in cases {
        assert_eq!(short(&steps), expected, "{name}");
    }
}

#[test]
fn wishes_and_views() {
    let cases: Vec<(&str, Vec<Step>, Vec<&str>)> = vec![
        (
            "the first wish counts, until it is taken back",
            vec![wish(1, "x", true), wish(3, "x", true), wish(5, "x", false), wish(7, "x", true)],
            vec!["Wishlist x 1 card:1 ×1 [] Removed 5", "Wishlist x 7 card:1 ×1 []"],
        ),
        (
            "the first view since the last purchase",
            vec![view(1, "x"), view(2, "x"), buy(4, "x"), view(6, "x"), view(7, "x")],
            vec!["Viewed x 1 card:1 ×1 [] Bought 4", "Viewed x 6 card:1 ×1 []"],
        ),
        (
            "a purchase ends every interest in the article, and in no other",
            vec![view(1, "x"), wish(2, "x", true), add(3, "x"), view(4, "y"), buy(5, "x")],
            vec![
                "Cart x 3 card:1 ×1 [] Bought 5",
                "Viewed x 1 card:1 ×1 [] Bought 5",
                "Viewed y 4 card:1 ×1 []",
                "Wishlist x 2 card:1 ×1 [] Bought 5",
                "all 3 card:1 [] Bought",
            ],
        ),
        (
            "a removal from the cart leaves wishes and views",
            vec![wish(1, "x", true), add(2, "x"), remove(3, "x")],
            vec!["Cart x 2 card:1 ×1 [] Removed 3", "Wishlist x 1 card:1 ×1 []", "all 2 card:1 [] Removed"],
        ),
    ];
    for (name, steps, expected) in cases {
        assert_eq!(short(&steps), expected, "{name}");
    }
}

#[test]
fn of_the_same_time_the_first_in_the_log_is_the_first() {
    let first = |(who, fact): Step, arrival| match fact {
        PersonFact::Cart(moved) => {
            let at = Moment { time: 5, arrival };
            (who, PersonFact::Cart(Shared::new(CartMove { at, event: event(5), ..(*moved).clone() })))
        }
        other => (who, other),
    };
    let kept = short(&[first(add(5, "x"), 2), first(remove(5, "x"), 1)]);
    assert_eq!(kept, ["Cart x 5 card:1 ×1 [5]", "all 5 card:1 [5]"]);
    let ended = short(&[first(add(5, "x"), 1), first(remove(5, "x"), 2)]);
    assert_eq!(ended, ["Cart x 5 card:1 ×1 [] Removed 5", "all 5 card:1 [] Removed"]);
}

#[test]
fn attributes_are_the_last_ones_said_under_any_handle() {
    let say = |who, time, name: &str, value: Option<i64>| {
        let value = value.map(Value::Int);
        let attribute = Attribute { name: Text::from(name), at: at(time), value };
        (who, PersonFact::Attribute(Shared::new(attribute)))
    };
    let steps = [
        say("card:1", 5, "spend", Some(5)),
        say("cookie:1", 9, "spend", Some(9)),
        say("card:1", 1, "visits", Some(1)),
        say("cookie:1", 2, "visits", None),
    ];
    let customers: Vec<_> = derived(&steps)
        .into_iter()
        .filter_map(|row| match row {
            Derived::Customer(customer) => Some(customer.attributes.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(customers, [vec![(Text::from("spend"), Value::Int(9))]]);
    assert_eq!(derived(&[say("card:1", 1, "visits", None)]), []);
}

/// The same with a category.
fn of((who, fact): Step, category: &str) -> Step {
    let say = |detail: &mut Detail| detail.category = Some(Text::from(category));
    let fact = match fact {
        PersonFact::View(view) => {
            let mut view = (*view).clone();
            say(&mut view.detail);
            PersonFact::View(Shared::new(view))
        }
        PersonFact::Cart(moved) => {
            let mut moved = (*moved).clone();
            say(&mut moved.detail);
            PersonFact::Cart(Shared::new(moved))
        }
        PersonFact::Bought(bought) => {
            let mut bought = (*bought).clone();
            bought.items.iter_mut().for_each(|(_, _, detail)| say(detail));
            PersonFact::Bought(Shared::new(bought))
        }
        other => other,
    };
    (who, fact)
}

#[test]
fn tastes_are_what_was_bought_and_is_wanted_with_the_category_said_last() {
    let tastes = |steps: &[Step]| {
        let row = |row: Derived| match row {
            Derived::Tastes(tastes) => Some(tastes),
            _ => None,
        };
        let tastes: Vec<_> = derived(steps).into_iter().filter_map(row).collect();
        let said = |taste: &Taste| format!("{} {}", taste.item, taste.said.as_deref().unwrap_or("-"));
        tastes.iter().flat_map(|tastes| tastes.iter().map(said)).collect::<Vec<_>>()
    };
    assert_eq!(tastes(&[under("card:1", remove(1, "A"))]), [""; 0], "nothing to do with it");
    assert_eq!(
        tastes(&[
            of(view(2, "A"), "late"),
            under("phone:1", of(add(1, "A"), "early")),
            buy(3, "A"),
            of(buy(4, "B"), "b"),
            wish(5, "B", true),
            wish(6, "C", true),
            wish(7, "C", false),
            of(view(8, "D"), "z"),
            of(view(8, "D"), "d"),
            of(add(9, "E"), "e"),
            of(remove(10, "E"), "gone"),
        ]),
        ["A late", "B b", "D z"]
    );
}
