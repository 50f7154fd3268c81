//! The fold's facts as rows, and back.
//!
//! Invariant: a fold that took up the rows of another gives the same differences from then on, whatever
//! comes. Cost: what is kept of the keys that changed.

use super::activity::Activity;
use super::catalogue::{Article as Described, Shelf, Spot};
use super::history::History;
use super::nearby::{Places, Stays};
use super::profile::Profile;
use super::readings::{Tracker, Zones};
use super::stock::Article as Stocked;
use super::{Changes, Fold};
use crate::kept::KeptKey;
use serde::{Deserialize, Serialize};
use shopbell_model::facts::{Moment, Totals};

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
        profile: Option<Profile>,
        tracker: Option<Box<Tracker>>,
        stays: Option<Stays>,
        totals: Option<Totals>,
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
        profile: Option<&'a Profile>,
        tracker: Option<&'a Tracker>,
        stays: Option<&'a Stays>,
        totals: Option<&'a Totals>,
    },
    Link(Moment, bool),
    Stock(&'a Stocked),
    Article(&'a Described),
    Place(&'a Spot),
    Shelf(&'a Shelf),
    Zones(&'a Zones, &'a Places),
}

impl Fold {
    /// Notes from now on which keys change.
    pub fn keep_track(&mut self) {
        self.touched.get_or_insert_default();
    }

    /// Gives the keys that changed since the last call, with what is kept of them now.
    pub fn keep(&mut self, mut give: impl FnMut(&KeptKey, Option<FoldValueRef<'_>>)) {
        let touched = self.touched.as_mut().map(std::mem::take).unwrap_or_default();
        for key in touched {
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
                known.then_some(ValueRef::Handle { seen, history, activity, profile, tracker, stays, totals })
            }
            KeptKey::Stock(item) => self.stock.of(item).map(ValueRef::Stock),
            KeptKey::Article(item) => self.catalogue.article(item).map(ValueRef::Article),
            KeptKey::Place(location) => self.catalogue.place(location).map(ValueRef::Place),
            KeptKey::Shelf(zone) => self.catalogue.shelf(zone).map(ValueRef::Shelf),
            KeptKey::Zones => Some(ValueRef::Zones(self.readings.zones(), &self.nearby.places)),
            KeptKey::Link(..) | KeptKey::Said(..) => None,
        }
    }

    /// Takes up a row that another fold gave. A row whose value is of another kind than its key changes
    /// nothing; false is returned for it.
    pub fn restore(&mut self, key: KeptKey, value: FoldValue, out: &mut Changes) -> bool {
        match (key, *value.0) {
            (
                KeptKey::Handle(handle),
                Value::Handle { seen, history, activity, profile, tracker, stays, totals },
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
                if let Some(profile) = profile {
                    self.profiles.restore(&handle, profile, out);
                }
                if let Some(tracker) = tracker {
                    self.readings.restore(&handle, *tracker, &mut self.timers, out);
                }
                if let Some(totals) = totals {
                    self.totals.restore(&handle, totals, out);
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
