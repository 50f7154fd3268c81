//! What tests of matching and decisions start from: a person, rules as they are written, a cart line.

use crate::matching::{Draft, look};
use crate::rows::{Candidate, Interest, Kind, Life, Scene, Situation, Wanted};
use shopbell_model::facts::Detail;
use shopbell_model::key::{Brand, EventRef, Handle, ItemId, Person, Text};
use shopbell_model::rules::{Rule, load};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::value::Value;
use shopbell_model::view::{CartView, CustomerView};

pub(crate) fn handle(text: &str) -> Handle {
    Handle::new(&Brand::default(), text)
}

pub(crate) fn person() -> Person {
    Person::named_by(&handle("card:1"))
}

/// The rule `id` with these lines, and these tables behind them.
pub(crate) fn rule(id: &str, lines: &str, tables: &str) -> Shared<Rule> {
    let text = format!("[rule.{id}]\n{lines}\n[rule.{id}.offer]\ntitle = \"t\"\n{tables}");
    let set = load(&[("test.toml".to_owned(), text)]).unwrap();
    Shared::new((*set.rules[0]).clone())
}

/// A rule about a line after ten seconds.
pub(crate) fn line_rule(id: &str, lines: &str, tables: &str) -> Shared<Rule> {
    rule(id, &format!("when = \"cart_abandoned\"\nper = \"item\"\nidle = \"10s\"\n{lines}"), tables)
}

/// An open cart line of `x` with activity at these times.
pub(crate) fn line(activity: &[Time], attributes: &[(&str, &str)]) -> Shared<Situation> {
    let item = ItemId::new(&Brand::default(), "x");
    let event = EventRef { source: Text::from("test"), id: Text::from("1") };
    let life = Life { start: activity[0], anchor: handle("card:1"), kind: Kind::Cart, event };
    let interest = Interest {
        item: item.clone(),
        life: life.clone(),
        quantity: 1,
        detail: Detail::default(),
        activity: activity.iter().map(|time| (*time, handle("card:1"))).collect(),
        end: None,
    };
    let wanted = Wanted { item, lives: vec![life], quantity: 1, detail: Detail::default(), article: None };
    let text = |(name, value): &(&str, &str)| (Text::from(*name), Value::Text(Text::from(*value)));
    let customer =
        CustomerView { attributes: attributes.iter().map(text).collect(), ..CustomerView::of(person()) };
    Shared::new(Situation {
        scene: Scene::Line(Shared::new(interest)),
        items: vec![Shared::new(wanted)],
        customer: Shared::new(customer),
        cart: CartView::default(),
        place: None,
    })
}

/// What the rule finds there.
pub(crate) fn found(situation: &Shared<Situation>, rule: &Shared<Rule>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let learning = shopbell_model::learning::Learning::default();
    look(&person(), situation, &rule.clone().into(), &learning, &mut |draft: Draft<'_>| {
        found.push(draft.candidate());
    });
    found
}
