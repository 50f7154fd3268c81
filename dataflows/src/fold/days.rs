//! On which days somebody was noticed, and where: visits to shops and channels of weeks.
//!
//! Invariant: there is a day of a handle at a place, or on its own channel, exactly while something of that day is known
//! that was noticed there, whatever the order in which it came, and until `[retention] days` is over. A zone visit that
//! turns out not to have begun leaves nothing. To the graphs a day goes once.
//! Cost: a look at the newest days of the handle for what repeats; 12 bytes a day and place. Days do not all go at
//! midnight: each handle has its own time of the day, so that a million of them are no burst.

use super::{Changes, FoldCounts, Timer};
use crate::wheel::Wheel;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shopbell_model::event::Act;
use shopbell_model::facts::{Noticed, PersonFact};
use shopbell_model::key::{Handle, LocationId};
use shopbell_model::time::{DAY, Duration, Time, day_of};

/// Days that a handle keeps, each place by itself; beyond that the oldest go first. A bot is not a customer.
const MOST: usize = 1000;

/// The number that stands for the handle's own channel.
const OWN: u32 = 0;

/// A day at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    day: u32,
    place: u32,
    /// Zone visits that began there.
    starts: u16,
    /// Whether something else was noticed too.
    acted: bool,
}

/// What is kept of one handle.
#[derive(Debug, Default)]
struct Marks {
    /// By day.
    marks: Vec<Mark>,
    /// When the timer is set to; 0 for not at all.
    wakes: Time,
}

/// A day as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptDay {
    noticed: Noticed,
    starts: u16,
    acted: bool,
}

/// Places by number, with how many marks each has; numbers of those without one are used again.
#[derive(Debug, Default)]
struct Places {
    places: Vec<(LocationId, u32)>,
    numbers: FxHashMap<LocationId, u32>,
    free: Vec<u32>,
}

/// Days by handle.
#[derive(Debug)]
pub(super) struct Days {
    by_handle: FxHashMap<Handle, Marks>,
    places: Places,
    keep: Duration,
    /// Whether a rule asks for them.
    asked: bool,
}

/// What is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// That somebody did something.
    Acted,
    /// That a zone visit began.
    Began,
    /// That one did not, as was thought.
    BeganNot,
}

/// Where an act says that somebody was: in that shop, or (`None`) on the handle's own channel. Nothing by itself is
/// said by what a sensor hears, nor by what others do.
pub(super) fn noticed_by(act: &Act) -> Option<Option<&LocationId>> {
    match act {
        Act::Enter(location)
        | Act::Leave(location)
        | Act::CheckIn(location)
        | Act::TryItem(location, _)
        | Act::Assist(location, ..) => Some(Some(location)),
        Act::Purchase(purchase) if purchase.at_till => Some(purchase.location.as_ref()),
        Act::Reading(..) | Act::Rfid { .. } | Act::Geo(..) => None,
        act => super::activity::is_own(act).then_some(None),
    }
}

/// The part of a day by which the days of a handle go later than midnight.
fn own_time(handle: &Handle) -> Time {
    let hash = Sha256::new().chain_update(handle.brand().as_str()).chain_update("\u{1f}days\u{1f}");
    let hash = hash.chain_update(handle.as_str()).finalize();
    hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte)) % DAY
}

impl Places {
    fn number(&mut self, location: &LocationId) -> u32 {
        if let Some(number) = self.numbers.get(location) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.places.push((location.clone(), 0));
            self.places.len() as u32
        });
        if let Some(place) = self.places.get_mut(number as usize - 1) {
            *place = (location.clone(), 0);
        }
        self.numbers.insert(location.clone(), number);
        number
    }

    /// The place of that number; none for [`OWN`].
    fn place(&self, number: u32) -> Option<&LocationId> {
        let index = (number as usize).checked_sub(1)?;
        self.places.get(index).map(|(location, _)| location)
    }

    /// Notes that there is a mark more, or less.
    fn uses(&mut self, number: u32, more: bool) {
        let Some(index) = (number as usize).checked_sub(1) else { return };
        let Some((location, uses)) = self.places.get_mut(index) else { return };
        *uses = if more { uses.saturating_add(1) } else { uses.saturating_sub(1) };
        if *uses == 0 {
            self.numbers.remove(location);
            self.free.push(number);
        }
    }
}

impl Days {
    pub(super) fn new(keep: Duration, asked: bool) -> Self {
        Days { by_handle: FxHashMap::default(), places: Places::default(), keep, asked }
    }

    /// Takes in what was noticed at that time.
    pub(super) fn note(
        &mut self,
        handle: &Handle,
        time: Time,
        place: Option<&LocationId>,
        notice: Notice,
        (timers, counts): (&mut Wheel<Timer>, &mut FoldCounts),
        out: &mut Changes,
    ) {
        let day = day_of(time);
        let number = match place {
            None => OWN,
            // Of a place without a number there is nothing to take back.
            Some(place) if notice == Notice::BeganNot => match self.places.numbers.get(place) {
                Some(number) => *number,
                None => return,
            },
            Some(place) => self.places.number(place),
        };
        let known = match self.by_handle.get_mut(handle) {
            Some(known) => known,
            None if notice == Notice::BeganNot => return,
            None => self.by_handle.entry(handle.clone()).or_default(),
        };
        let same = |mark: &&mut Mark| mark.day == day && mark.place == number;
        if let Some(mark) = known.marks.iter_mut().rev().take_while(|mark| mark.day >= day).find(same) {
            match notice {
                Notice::Acted => mark.acted = true,
                Notice::Began => mark.starts = mark.starts.saturating_add(1),
                Notice::BeganNot => mark.starts = mark.starts.saturating_sub(1),
            }
            if mark.starts == 0 && !mark.acted {
                self.drop_marks(handle, |mark| mark.day == day && mark.place == number, out);
            }
            return;
        }
        if notice == Notice::BeganNot {
            // Its time was over before.
            return;
        }
        let at = known.marks.partition_point(|mark| mark.day <= day);
        let (starts, acted) = (u16::from(notice == Notice::Began), notice == Notice::Acted);
        known.marks.insert(at, Mark { day, place: number, starts, acted });
        self.places.uses(number, true);
        self.tell(handle, day, number, 1, out);
        self.wake(handle, timers);
        self.limit(handle, counts, out);
    }

    /// What is kept of a handle.
    pub(super) fn of(&self, handle: &Handle) -> Option<Vec<KeptDay>> {
        let kept = |mark: &Mark| KeptDay {
            noticed: Noticed { day: mark.day, location: self.places.place(mark.place).cloned() },
            starts: mark.starts,
            acted: mark.acted,
        };
        Some(self.by_handle.get(handle)?.marks.iter().map(kept).collect())
    }

    /// Puts back what was kept of a handle.
    pub(super) fn restore(
        &mut self,
        handle: &Handle,
        days: Vec<KeptDay>,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let mut marks = Vec::with_capacity(days.len());
        for KeptDay { noticed: Noticed { day, location }, starts, acted } in days {
            let place = location.as_ref().map_or(OWN, |place| self.places.number(place));
            self.places.uses(place, true);
            self.tell(handle, day, place, 1, out);
            marks.push(Mark { day, place, starts, acted });
        }
        self.by_handle.insert(handle.clone(), Marks { marks, wakes: 0 });
        self.wake(handle, timers);
    }

    /// Drops all that is kept of a handle.
    pub(super) fn forget(&mut self, handle: &Handle, timers: &mut Wheel<Timer>, out: &mut Changes) {
        let wakes = self.by_handle.get(handle).map_or(0, |known| known.wakes);
        if wakes != 0 {
            timers.update(wakes, Timer::Days(handle.clone()), -1);
        }
        self.drop_marks(handle, |_| true, out);
        self.by_handle.remove(handle);
    }

    /// Drops days whose time is over.
    pub(super) fn expire(
        &mut self,
        handle: &Handle,
        now: Time,
        timers: &mut Wheel<Timer>,
        out: &mut Changes,
    ) {
        let own = own_time(handle);
        let keep = self.keep;
        self.drop_marks(handle, |mark| end_of(mark.day, keep, own) <= now, out);
        let Some(known) = self.by_handle.get_mut(handle) else { return };
        known.wakes = 0;
        if known.marks.is_empty() {
            self.by_handle.remove(handle);
        } else {
            self.wake(handle, timers);
        }
    }

    /// Sets the timer to the end of the oldest day. One that comes too early looks again.
    fn wake(&mut self, handle: &Handle, timers: &mut Wheel<Timer>) {
        let Some(known) = self.by_handle.get_mut(handle) else { return };
        let Some(oldest) = known.marks.first().map(|mark| mark.day) else { return };
        let next = end_of(oldest, self.keep, own_time(handle));
        if known.wakes == 0 || next < known.wakes {
            if known.wakes != 0 {
                timers.update(known.wakes, Timer::Days(handle.clone()), -1);
            }
            known.wakes = next;
            timers.update(next, Timer::Days(handle.clone()), 1);
        }
    }

    /// Drops the oldest day of a handle that has too many; of several of a day the one of the least place.
    fn limit(&mut self, handle: &Handle, counts: &mut FoldCounts, out: &mut Changes) {
        let Some(known) = self.by_handle.get(handle).filter(|known| known.marks.len() > MOST) else { return };
        let oldest = known.marks.first().map(|mark| mark.day);
        let of_oldest = known.marks.iter().filter(|mark| Some(mark.day) == oldest);
        let least = of_oldest.min_by_key(|mark| self.places.place(mark.place)).copied();
        self.drop_marks(handle, |mark| Some(*mark) == least, out);
        counts.dropped_facts += 1;
    }

    fn drop_marks(&mut self, handle: &Handle, is_over: impl Fn(&Mark) -> bool, out: &mut Changes) {
        let Some(known) = self.by_handle.get_mut(handle) else { return };
        let over: Vec<Mark> = known.marks.extract_if(.., |mark| is_over(mark)).collect();
        for Mark { day, place, .. } in over {
            self.tell(handle, day, place, -1, out);
            self.places.uses(place, false);
        }
    }

    fn tell(&self, handle: &Handle, day: u32, place: u32, diff: isize, out: &mut Changes) {
        if self.asked {
            let location = self.places.place(place).cloned();
            out.person(handle, PersonFact::Noticed(Noticed { day, location }), diff);
        }
    }
}

/// The first moment at which a day is over for good.
fn end_of(day: u32, keep: Duration, own_time: Time) -> Time {
    (Time::from(day) + 1).saturating_mul(DAY).saturating_add(keep.0).saturating_add(own_time)
}

#[cfg(test)]
mod tests;
