//! What is left of carts, wish lists and views: all moves of a line (of a wish), and all views of an article, are kept until the
//! newest of them is too old.
//!
//! What was dropped once does not come back with a later move.

use super::config::Config;
use super::event::{Act, Event, Line, Time};
use super::interest::Kind;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What is kept together, of a handle: moves of one article in the cart or on the wish list, views of it; a checkout of
/// everything is about none.
type Key = (Kind, Option<String>);

/// What of some events is no longer kept.
#[derive(Debug, Default)]
pub(crate) struct Dropped(BTreeSet<(usize, Key)>);

/// How long it is kept, and what it is about.
fn moves(event: &Event, config: &Config) -> Option<(Time, Kind, Vec<Option<String>>)> {
    let items = |lines: &[Line]| lines.iter().map(|(item, _)| Some(item.clone())).collect();
    match &event.act {
        Act::Checkout(lines) if lines.is_empty() => Some((config.carts_kept, Kind::Cart, vec![None])),
        Act::Add(lines) | Act::Remove(lines) | Act::Checkout(lines) => {
            Some((config.carts_kept, Kind::Cart, items(lines)))
        }
        Act::Wish(lines) | Act::Unwish(lines) => Some((config.wishlists_kept, Kind::Wish, items(lines))),
        Act::View(lines) => Some((config.views_kept, Kind::View, items(lines))),
        _ => None,
    }
}

/// When a move is too old by itself.
pub(crate) fn end_of_move(event: &Event, config: &Config) -> Option<Time> {
    moves(event, config).map(|(span, ..)| event.time + span + 1)
}

impl Dropped {
    /// What is dropped of events, given in order of arrival, by that time.
    pub(crate) fn of(arrived: &[&Event], config: &Config, clock: Time) -> Dropped {
        let mut groups: BTreeMap<(&String, Key), (Time, Vec<usize>)> = BTreeMap::new();
        let mut dropped = Dropped::default();
        for event in arrived {
            dropped.drop_old(&mut groups, event.before);
            let Some((span, kind, items)) = moves(event, config) else { continue };
            for item in items {
                let (ends, members) = groups.entry((&event.handle, (kind, item))).or_default();
                *ends = (*ends).max(event.time + span + 1);
                members.push(event.seq);
            }
        }
        dropped.drop_old(&mut groups, clock);
        dropped
    }

    fn drop_old(&mut self, groups: &mut BTreeMap<(&String, Key), (Time, Vec<usize>)>, clock: Time) {
        groups.retain(|(_, key), (ends, members)| {
            if *ends <= clock {
                self.0.extend(members.iter().map(|seq| (*seq, key.clone())));
            }
            *ends > clock
        });
    }

    /// What is left of an event.
    pub(crate) fn rest_of<'a>(&self, event: &'a Event, config: &Config) -> Cow<'a, Event> {
        let Some((_, kind, items)) = moves(event, config) else { return Cow::Borrowed(event) };
        let is_gone = |item: &Option<String>| self.0.contains(&(event.seq, (kind, item.clone())));
        if !items.iter().any(is_gone) {
            return Cow::Borrowed(event);
        }
        let mut rest = event.clone();
        let keep = |lines: &mut Vec<Line>| lines.retain(|(item, _)| !is_gone(&Some(item.clone())));
        match &mut rest.act {
            Act::Add(lines)
            | Act::Remove(lines)
            | Act::Wish(lines)
            | Act::Unwish(lines)
            | Act::View(lines) => keep(lines),
            Act::Checkout(lines) => {
                keep(lines);
                // Without any it would be one of everything.
                if lines.is_empty() {
                    rest.act = Act::Other;
                }
            }
            _ => {}
        }
        rest.said.retain(|said| !is_gone(&Some(said.item.clone())));
        Cow::Owned(rest)
    }
}
