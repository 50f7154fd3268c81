//! Carts of a tracker's fixture: what the engine derives against what Snowplow's own models say, each
//! difference with its reason.

use super::super::reference::carts::snowplow_carts;
use super::{World, events, folder, settings};
use shopbell::import::{Format, ImportOptions};
use shopbell_dataflows::demand::Demand;
use shopbell_dataflows::interests::{Ways, derive};
use shopbell_dataflows::rows::{CartLife, Derived, End};
use shopbell_model::event::{Act, Body};
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Person};
use shopbell_model::policy::Policy;
use shopbell_model::settings::Presence;
use shopbell_model::shared::Shared;
use shopbell_model::time::Duration;
use std::collections::BTreeMap;

/// What an event does to a cart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    created: bool,
    emptied: bool,
    transacted: bool,
}

/// The engine's answer for an event.
struct Answer {
    turn: Turn,
    /// Whether there was a cart before it.
    before: bool,
    /// Whether there is one after it.
    after: bool,
}

/// Why the engine's answer is another than theirs; `None` where no known reason applies.
fn reason(theirs: Turn, ours: &Answer) -> Option<&'static str> {
    let Answer { turn, before, after } = ours;
    if theirs.created && !turn.created {
        return before.then_some("added to a cart that has lines");
    }
    if turn.created && !theirs.created {
        return (!before).then_some("the total told is not the price of what was added");
    }
    if theirs.emptied && !turn.emptied {
        return Some(if *before && *after { "other lines are left" } else { "there was no line to remove" });
    }
    if turn.emptied && !theirs.emptied {
        return (!after).then_some("the last line went, though a total is told");
    }
    if theirs.transacted && !turn.transacted {
        return Some(if *before && *after {
            "other lines are left unbought"
        } else {
            "there was no cart to buy"
        });
    }
    None
}

/// The differences by reason, events by the first digits of their ids.
const DIFFERENCES: [(&str, &[&str]); 7] = [
    (
        "added to a cart that has lines",
        &[
            "1012864d", "295db59c", "39c33001", "483eb5ba", "61b7682d", "6a1b893e", "6da9be9e", "7c20b70f",
            "87284568", "919f437a", "9602543b", "cf762ca2", "ec098e49", "f65604b8",
        ],
    ),
    ("the total told is not the price of what was added", &["11b3a24b", "3aa2815a"]),
    ("other lines are left", &["135b0300", "5ba0c2a3", "8001071d", "ab8bcdec"]),
    ("there was no line to remove", &["b68c29cd"]),
    ("the last line went, though a total is told", &["5a079040"]),
    ("other lines are left unbought", &["4baaa6ee", "67b2e6dd"]),
    ("there was no cart to buy", &["ab06d353"]),
];
/// Carts created and transacted.
type Carts = (u64, u64);
/// Sessions: theirs and ours.
const SESSIONS: [(&str, Carts, Carts); 5] = [
    ("0a42e1e2", (5, 3), (3, 3)),
    ("8466766a", (2, 2), (1, 0)),
    ("996606dc", (8, 1), (1, 1)),
    ("bbcf9fb2", (0, 0), (1, 0)),
    ("c04bddd7", (0, 1), (1, 0)),
];

fn carts_of(world: &World, handle: &Handle) -> Vec<Shared<CartLife>> {
    let facts: Vec<(&Handle, &PersonFact)> = world
        .persons
        .keys()
        .filter(|(owner, _)| owner == handle)
        .filter_map(|(owner, fact)| fact.as_ref().map(|fact| (owner, fact)))
        .collect();
    let mut carts = Vec::new();
    let (demand, policy) = (Demand::everything(), Policy::default());
    let ways =
        Ways { leave_after: Duration::from_secs(600), visits: Duration::from_secs(86_400), demand, policy };
    derive(&Person::named_by(handle), &facts, &ways, &mut |row| {
        if let Derived::Cart(cart) = row {
            carts.push(cart);
        }
    });
    carts
}

#[test]
fn carts_are_those_of_snowplow_but_for_named_differences() {
    let Some(folder) =
        folder("carts_are_those_of_snowplow_but_for_named_differences", "snowplow_ecommerce_fixture")
    else {
        return;
    };
    let options = ImportOptions { logins: false, ..ImportOptions::default() };
    let events = events(Format::Snowplow, &[folder.join("source")], &options);
    let expected = snowplow_carts(&folder.join("expected"));
    let mut world = World::new(&settings(Presence::default()), 1);
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    for event in &events {
        let Body::Person { handle, act } = &event.body else { panic!("{event:?}") };
        let before = carts_of(&world, handle);
        world.tick(event.time.max(world.clock), std::slice::from_ref(event), &mut |_, _, _| {});
        let after = carts_of(&world, handle);
        if !matches!(act, Act::AddToCart(_) | Act::RemoveFromCart(_) | Act::Purchase(_)) {
            assert_eq!(before.len(), after.len(), "{event:?}");
            continue;
        }
        let ended =
            |carts: &[Shared<CartLife>], end| carts.iter().filter(|cart| cart.end == Some(end)).count();
        let turn = Turn {
            created: after.iter().any(|cart| cart.life.event == event.reference),
            emptied: ended(&after, End::Removed) > ended(&before, End::Removed),
            transacted: ended(&after, End::Bought) > ended(&before, End::Bought),
        };
        let open = |carts: &[Shared<CartLife>]| carts.iter().any(|cart| cart.end.is_none());
        let answer = Answer { turn, before: open(&before), after: open(&after) };
        answers.insert(event.reference.id.to_string(), answer);
    }
    assert_eq!(answers.len(), expected.interactions.len());

    let mut differences: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut sessions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (id, interaction) in &expected.interactions {
        let ours = &answers[id];
        let (created, emptied, transacted) =
            (interaction.created, interaction.emptied, interaction.transacted);
        let theirs = Turn { created, emptied, transacted };
        let counts = sessions.entry(&interaction.session).or_default();
        counts.0 += u64::from(ours.turn.created);
        counts.1 += u64::from(ours.turn.transacted);
        if ours.turn != theirs {
            let reason = reason(theirs, ours).unwrap_or_else(|| panic!("{id} differs, and nothing says why"));
            println!("{} {} {}: {reason}", &interaction.time[..19], interaction.action, &id[..8]);
            differences.entry(reason).or_default().push(&id[..8]);
        }
    }
    let mut abandoned = Vec::new();
    for (id, session) in &expected.sessions {
        let (created, transacted) = sessions[id.as_str()];
        if (created > transacted) != session.abandoned {
            let theirs = (session.created, session.transacted);
            println!("session {}: theirs {theirs:?}, ours {:?}", &id[..8], (created, transacted));
            abandoned.push((&id[..8], theirs, (created, transacted)));
        }
    }
    println!("{} cart events, {} sessions with carts", expected.interactions.len(), expected.sessions.len());
    let known: BTreeMap<&str, Vec<&str>> =
        DIFFERENCES.iter().map(|(reason, ids)| (*reason, ids.to_vec())).collect();
    assert_eq!(differences, known);
    assert_eq!(abandoned, SESSIONS);
}
