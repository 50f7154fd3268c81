//! What a person is interested in: cart lines, carts, wishes and views, with their beginnings and ends.

use super::event::{Act, Event, Line, Said, Time};
use super::rules::Kinds;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where an interest comes from, in the order that breaks ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Cart,
    Wish,
    View,
}

/// Why an interest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Bought,
    Removed,
}

/// One life of an interest in an item. `activities` are (time, handle) of a cart line's.
#[derive(Clone, Debug)]
pub(crate) struct Interest {
    pub(crate) kind: Kind,
    pub(crate) item: String,
    pub(crate) start: Time,
    /// Its beginning in the order of facts.
    pub(crate) began: (Time, usize),
    pub(crate) anchor: String,
    pub(crate) quantity: i64,
    pub(crate) activities: Vec<(Time, String)>,
    /// What was said of the item since, with the place of each event.
    pub(crate) said: Vec<((Time, usize), Said)>,
    /// Why and, in the order of facts, when it ended.
    pub(crate) ended: Option<(End, (Time, usize))>,
}

/// One life of a whole cart.
#[derive(Clone, Debug)]
pub(crate) struct Cart {
    pub(crate) start: Time,
    pub(crate) anchor: String,
    pub(crate) activities: Vec<(Time, String)>,
    pub(crate) ended: Option<End>,
}

/// All interests and carts of a person, ended ones too, in the order they began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interests {
    pub(crate) all: Vec<Interest>,
    pub(crate) carts: Vec<Cart>,
}

/// Folds what a person did with articles, given in order of (time, arrival).
pub(crate) fn interests(events: &[Cow<'_, Event>]) -> Interests {
    let mut state = Interests::default();
    for event in events {
        match &event.act {
            Act::View(items) => {
                items.iter().for_each(|line| state.begin(Kind::View, event, line));
            }
            Act::Wish(items) => items.iter().for_each(|line| state.begin(Kind::Wish, event, line)),
            Act::Unwish(items) => {
                items.iter().for_each(|(item, _)| state.end(&[Kind::Wish], item, End::Removed, event));
            }
            Act::Add(items) => items.iter().for_each(|line| state.add(event, line)),
            Act::Remove(items) => items.iter().for_each(|line| state.remove(event, line)),
            Act::Purchase { items, .. } => {
                let kinds = [Kind::Cart, Kind::Wish, Kind::View];
                items.iter().for_each(|(item, _)| state.end(&kinds, item, End::Bought, event));
            }
            Act::Checkout(items) => {
                let meant =
                    |item: &&String| items.is_empty() || items.iter().any(|(listed, _)| listed == *item);
                let lines: Vec<String> = state.lines().into_iter().map(|line| line.item.clone()).collect();
                lines.iter().filter(meant).for_each(|item| state.activity(item, event));
            }
            _ => {}
        }
        let kind = match &event.act {
            Act::View(_) => Kind::View,
            Act::Wish(_) => Kind::Wish,
            Act::Add(_) | Act::Remove(_) | Act::Checkout(_) => Kind::Cart,
            _ => continue,
        };
        for open in state.open_mut(kind) {
            let lines = event.said.iter().filter(|said| said.item == open.item);
            open.said.extend(lines.map(|said| (event.order(), said.clone())));
        }
    }
    state
}

impl Interests {
    fn open_mut(&mut self, kind: Kind) -> impl Iterator<Item = &mut Interest> {
        self.all.iter_mut().filter(move |i| i.kind == kind && i.ended.is_none())
    }

    /// Begins an interest unless there is one.
    fn begin(&mut self, kind: Kind, event: &Event, (item, quantity): &Line) {
        if self.open(kind, item).is_none() {
            let (start, anchor) = (event.time, event.handle.clone());
            let activities = vec![(start, anchor.clone())];
            let quantity = quantity.unwrap_or(1);
            self.all.push(Interest {
                kind,
                item: item.clone(),
                start,
                began: event.order(),
                anchor,
                quantity,
                activities,
                said: Vec::new(),
                ended: None,
            });
        }
    }

    fn add(&mut self, event: &Event, line: &Line) {
        let mut grown = false;
        for open in self.open_mut(Kind::Cart).filter(|i| i.item == line.0) {
            open.quantity += line.1.unwrap_or(1);
            grown = true;
        }
        if grown {
            return self.activity(&line.0, event);
        }
        self.begin(Kind::Cart, event, line);
        let (start, anchor) = (event.time, event.handle.clone());
        match self.cart_mut() {
            Some(cart) => cart.activities.push((start, anchor)),
            None => {
                let activities = vec![(start, anchor.clone())];
                self.carts.push(Cart { start, anchor, activities, ended: None });
            }
        }
    }

    fn remove(&mut self, event: &Event, (item, quantity): &Line) {
        let Some(line) = self.open_mut(Kind::Cart).find(|i| i.item == *item) else { return };
        match quantity {
            Some(pieces) if line.quantity > *pieces => {
                line.quantity -= pieces;
                self.activity(item, event);
            }
            _ => self.end(&[Kind::Cart], item, End::Removed, event),
        }
    }

    /// Activity of an open line is activity of the cart.
    fn activity(&mut self, item: &str, event: &Event) {
        let moment = (event.time, event.handle.clone());
        if let Some(line) = self.open_mut(Kind::Cart).find(|i| i.item == item) {
            line.activities.push(moment.clone());
        }
        if let Some(cart) = self.cart_mut() {
            cart.activities.push(moment);
        }
    }

    fn end(&mut self, kinds: &[Kind], item: &str, why: End, event: &Event) {
        let mut line_ended = false;
        for open in
            self.all.iter_mut().filter(|i| kinds.contains(&i.kind) && i.item == item && i.ended.is_none())
        {
            open.ended = Some((why, event.order()));
            line_ended |= open.kind == Kind::Cart;
        }
        let lines_left = self.open_mut(Kind::Cart).next().is_some();
        if let (true, Some(cart)) = (line_ended, self.cart_mut()) {
            if lines_left {
                cart.activities.push((event.time, event.handle.clone()));
            } else {
                cart.ended = Some(why);
            }
        }
    }

    fn cart_mut(&mut self) -> Option<&mut Cart> {
        self.carts.iter_mut().find(|cart| cart.ended.is_none())
    }

    /// The open interest of that kind in that item.
    pub(crate) fn open(&self, kind: Kind, item: &str) -> Option<&Interest> {
        self.all.iter().find(|i| i.kind == kind && i.item == item && i.ended.is_none())
    }

    /// What events of its line, or else of its wish, or else of the viewed interest said of the item.
    pub(crate) fn said(&self, item: &str) -> Said {
        let open = [Kind::Cart, Kind::Wish, Kind::View].into_iter().find_map(|kind| self.open(kind, item));
        let mut by_event: BTreeMap<(Time, usize), Said> = BTreeMap::new();
        for (order, said) in open.into_iter().flat_map(|interest| &interest.said) {
            by_event.entry(*order).or_default().take(said, true);
        }
        let mut known = Said::default();
        by_event.values().for_each(|said| known.take(said, false));
        known
    }

    /// Whether the item was in the cart just before that place in the order of facts.
    pub(crate) fn in_cart(&self, item: &str, before: (Time, usize)) -> bool {
        let mut lines = self.all.iter().filter(|i| i.kind == Kind::Cart && i.item == item);
        lines.any(|line| line.began < before && line.ended.is_none_or(|(_, ended)| ended >= before))
    }

    /// Open lines of the cart, by item.
    pub(crate) fn lines(&self) -> Vec<&Interest> {
        self.all.iter().filter(|i| i.kind == Kind::Cart && i.ended.is_none()).collect()
    }

    /// The life of every item of interest: of its open interests the first.
    pub(crate) fn lives(&self, kinds: &Kinds) -> Vec<&Interest> {
        let mut open: Vec<&Interest> =
            self.all.iter().filter(|i| i.ended.is_none() && kinds.has(i.kind)).collect();
        open.sort_by(|a, b| {
            (&a.item, a.start, &a.anchor, a.kind).cmp(&(&b.item, b.start, &b.anchor, b.kind))
        });
        open.dedup_by(|later, first| later.item == first.item);
        open
    }
}
