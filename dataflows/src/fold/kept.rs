//! The fold's facts as rows, and back.
//!
//! Invariant: a fold that took up the rows of another gives the same differences from then on, whatever
//! comes. What is held is given as it was when it was held, in any portions: a key that changes before its turn is given
//! first. Cost: what is kept of the keys that changed, and two copies of each key.

use super::activity::Activity;
use super::catalogue::{Article as Described, Shelf, Spot};
use super::days::KeptDay;
use super::history::History;
use super::nearby::{Places, Stays};
use super::nearest::Whereabouts;
use super::profile::Profile;
use super::readings::{Tracker, Zones};
use super::stock::Article as Stocked;
use super::{Changes, Fold};
use crate::kept::KeptKey;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Moment, Past, Totals};
use std::fmt;
use std::rc::Rc;

/// What is kept of a key.
#[derive(Debug, Deserialize)]
pub struct FoldValue(Box<Value>);

/// The same, where it is.
#[derive(Debug, Serialize)]
pub struct FoldValueRef<'a>(ValueRef<'a>);

impl FoldValue {
    /// The last word on a pair of handles, where it is one.
    pub(crate) fn as_link(&self) -> Option<(Moment, bool)> {
        match *self.0 {
            Value::Link(at, linked) => Some((at, linked)),
            _ => None,
        }
    }
}

impl FoldValueRef<'_> {
    /// The last word on a pair of handles. Identity keeps those.
    pub(crate) fn link(at: Moment, linked: bool) -> Self {
        FoldValueRef(ValueRef::Link(at, linked))
    }
}

#[derive(Debug, Deserialize)]
enum Value {
    Handle {
        seen: bool,
        history: Option<History>,
        activity: Option<Activity>,
        days: Option<Vec<KeptDay>>,
        profile: Option<Profile>,
        tracker: Option<Box<Tracker>>,
        stays: Option<Stays>,
        nearest: Option<Whereabouts>,
        totals: Option<Totals>,
        past: Option<Past>,
    },
    Link(Moment, bool),
    Stock(Stocked),
    Article(Described),
    Place(Spot),
    Shelf(Shelf),
    Zones(Zones, Places),
}

/// Variants and fields as in [`Value`], in the same order.
#[derive(Debug, Serialize)]
enum ValueRef<'a> {
    Handle {
        seen: bool,
        history: Option<&'a History>,
        activity: Option<&'a Activity>,
        days: Option<Vec<KeptDay>>,
        profile: Option<&'a Profile>,
        tracker: Option<&'a Tracker>,
        stays: Option<&'a Stays>,
        nearest: Option<&'a Whereabouts>,
        totals: Option<&'a Totals>,
        past: Option<&'a Past>,
    },
    Link(Moment, bool),
    Stock(&'a Stocked),
    Article(&'a Described),
    Place(&'a Spot),
    Shelf(&'a Shelf),
    Zones(&'a Zones, &'a Places),
}

/// Takes what is kept of a key; nothing where it is gone.
pub type Give = Rc<dyn Fn(&KeptKey, Option<FoldValueRef<'_>>)>;

/// Which keys are to be kept.
pub(super) struct Track {
    /// Those that changed since the last hold, and in which order they did first.
    changed: FxHashSet<KeptKey>,
    order: Vec<KeptKey>,
    /// Those that are held: neither given yet nor changed since.
    giving: FxHashSet<KeptKey>,
    /// All that were held, but for those that `keep_on` came by.
    left: Vec<KeptKey>,
    give: Give,
}

impl fmt::Debug for Track {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Track").field("changed", &self.changed).field("giving", &self.giving).finish()
    }
}

impl Fold {
    /// Notes from now on which keys change. `give` takes what is kept of them.
    pub fn keep_track(&mut self, give: Give) {
        let (changed, order, giving, left) = Default::default();
        self.track.get_or_insert(Track { changed, order, giving, left, give });
    }

    /// Holds the keys that changed since the last call, as they are now, to be given. What was held before and is not
    /// given yet would be lost: [`Fold::keep_on`] comes first.
    pub fn hold(&mut self) {
        let Some(track) = &mut self.track else { return };
        track.giving = std::mem::take(&mut track.changed);
        track.left = std::mem::take(&mut track.order);
    }

    /// Gives what is held, until it is enough; whether all of it was given.
    pub fn keep_on(&mut self, mut is_enough: impl FnMut() -> bool) -> bool {
        let Some(mut track) = self.track.take() else { return true };
        while let Some(key) = track.left.pop() {
            if track.giving.remove(&key) {
                (track.give)(&key, self.value(&key).map(FoldValueRef));
                if is_enough() {
                    break;
                }
            }
        }
        let all = track.left.is_empty();
        self.track = Some(track);
        all
    }

    /// The key is about to change.
    pub(super) fn touch(&mut self, key: impl FnOnce() -> KeptKey) {
        let Some(track) = &mut self.track else { return };
        let key = key();
        let give = track.giving.remove(&key).then(|| Rc::clone(&track.give));
        if !track.changed.contains(&key) {
            track.order.push(key.clone());
            track.changed.insert(key.clone());
        }
        if let Some(give) = give {
            give(&key, self.value(&key).map(FoldValueRef));
        }
    }

    fn value(&self, key: &KeptKey) -> Option<ValueRef<'_>> {
        match key {
            KeptKey::Handle(handle) => {
                let seen = self.seen.contains(handle);
                let (history, profile) = (self.histories.of(handle), self.profiles.of(handle));
                let (activity, tracker) = (self.activities.of(handle), self.readings.of(handle));
                let known = seen || history.is_some() || profile.is_some() || tracker.is_some();
                let (stays, totals) = (self.nearby.of(handle), self.totals.of(handle));
                let known = known || activity.is_some() || stays.is_some() || totals.is_some();
                let days = self.days.of(handle);
                let nearest = self.nearest.of(handle);
                let past = self.pasts.of(handle);
                let known = known || days.is_some() || nearest.is_some();
                let of_handle = ValueRef::Handle {
                    seen,
                    history,
                    activity,
                    days,
                    profile,
                    tracker,
                    stays,
                    nearest,
                    totals,
                    past,
                };
                known.then_some(of_handle)
            }
            KeptKey::Stock(item) => self.stock.of(item).map(ValueRef::Stock),
            KeptKey::Article(item) => self.catalogue.article(item).map(ValueRef::Article),
            KeptKey::Place(location) => self.catalogue.place(location).map(ValueRef::Place),
            KeptKey::Shelf(zone) => self.catalogue.shelf(zone).map(ValueRef::Shelf),
            KeptKey::Zones => Some(ValueRef::Zones(self.readings.zones(), &self.nearby.places)),
            KeptKey::Link(..) | KeptKey::Said(..) | KeptKey::Learned(..) => None,
        }
    }

    /// Takes up a row that another fold gave. A row whose value is of another kind than its key changes
    /// nothing; false is returned for it.
    pub fn restore(&mut self, key: KeptKey, value: FoldValue, out: &mut Changes) -> bool {
        match (key, *value.0) {
            (
                KeptKey::Handle(handle),
                Value::Handle {
                    seen,
                    history,
                    activity,
                    days,
                    profile,
                    tracker,
                    stays,
                    nearest,
                    totals,
                    past,
                },
            ) => {
                if seen && self.seen.insert(handle.clone()) {
                    out.persons.push(((handle.clone(), None), 1));
                }
                if let Some(history) = history {
                    self.histories.restore(&handle, history, &mut self.timers, out);
                }
                if let Some(activity) = activity {
                    self.activities.restore(&handle, activity, &mut self.timers, out);
                }
                if let Some(days) = days {
                    self.days.restore(&handle, days, &mut self.timers, out);
                }
                if let Some(profile) = profile {
                    self.profiles.restore(&handle, profile, out);
                }
                if let Some(tracker) = tracker {
                    self.readings.restore(&handle, *tracker, &mut self.timers, out);
                }
                if let Some(totals) = totals {
                    self.totals.restore(&handle, totals, out);
                }
                if let Some(nearest) = nearest {
                    self.nearest.restore(&handle, nearest, &mut self.timers, out);
                }
                if let Some(past) = past {
                    self.pasts.restore(&handle, past, &mut self.timers, out);
                }
                if let Some(stays) = stays {
                    self.nearby.restore(&handle, stays, &mut self.timers, out);
                }
            }
            (KeptKey::Stock(item), Value::Stock(article)) => self.stock.restore(&item, article, out),
            (KeptKey::Article(item), Value::Article(article)) => {
                self.catalogue.restore_article(&item, article, out);
            }
            (KeptKey::Place(location), Value::Place(spot)) => {
                self.catalogue.restore_place(&location, spot, out);
            }
            (KeptKey::Shelf(zone), Value::Shelf(shelf)) => self.catalogue.restore_shelf(&zone, shelf, out),
            (KeptKey::Zones, Value::Zones(zones, places)) => {
                self.readings.restore_zones(zones);
                self.nearby.places = places;
            }
            _ => return false,
        }
        true
    }
}
