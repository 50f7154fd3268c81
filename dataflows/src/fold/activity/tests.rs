use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, Text};
use std::collections::BTreeSet;

const MINUTE: Time = LEAST_PAUSE.0;

fn handle() -> Handle {
    Handle::new(&Brand::default(), "phone:1")
}

fn event(arrival: u64) -> EventRef {
    EventRef { source: Text::from("app"), id: Text::from(format!("{arrival}")) }
}

/// Activities of a handle, told of at the times given; what stands, as (first, last).
fn stands(changes: &Changes) -> BTreeSet<(Time, Option<Time>)> {
    let mut facts: Vec<(&Active, isize)> = Vec::new();
    for ((_, fact), diff) in &changes.persons {
        let Some(PersonFact::Active(active)) = fact else { panic!() };
        match facts.iter_mut().find(|(known, _)| **known == **active) {
            Some((_, sum)) => *sum += diff,
            None => facts.push((active, *diff)),
        }
    }
    assert!(facts.iter().all(|(_, sum)| (0..=1).contains(sum)), "a fact is there once");
    let there = facts.into_iter().filter(|(_, sum)| *sum == 1);
    there.map(|(active, _)| (active.first, active.last.as_ref().map(|(last, _)| last.time))).collect()
}

fn run(timers: &mut Wheel<Timer>, activities: &mut Activities, now: Time, out: &mut Changes) {
    let mut due = Vec::new();
    while timers.pop(now, usize::MAX, &mut due).is_some() {
        for (timer, _) in due.drain(..) {
            let Timer::Activity(handle) = timer else { panic!() };
            activities.expire(handle, now, timers, out);
        }
    }
}

#[test]
fn what_goes_on_is_told_twice_however_much_is_done() {
    let mut activities = Activities::new(Some(Duration(10 * MINUTE)), Duration(1_000 * MINUTE));
    let (mut timers, mut out) = (Wheel::default(), Changes::default());
    for step in 0..1000 {
        let at = Moment { time: MINUTE * 100 + step * 50_000, arrival: step };
        run(&mut timers, &mut activities, at.time, &mut out);
        activities.act(&handle(), at, &event(step), &mut timers, &mut out);
    }
    let last = MINUTE * 100 + 999 * 50_000;
    assert_eq!(out.persons.len(), 1, "it began");
    run(&mut timers, &mut activities, last + 10 * MINUTE - 1, &mut out);
    assert_eq!(stands(&out), BTreeSet::from([(MINUTE * 100, None)]));
    run(&mut timers, &mut activities, last + 10 * MINUTE, &mut out);
    assert_eq!((stands(&out), out.persons.len()), (BTreeSet::from([(MINUTE * 100, Some(last))]), 3));
    run(&mut timers, &mut activities, last + 1_000 * MINUTE, &mut out);
    assert_eq!(stands(&out).len(), 1);
    run(&mut timers, &mut activities, last + 1_000 * MINUTE + 1, &mut out);
    assert_eq!((stands(&out).len(), activities.by_handle.len(), timers.len()), (0, 0, 0));
}

#[test]
fn nothing_is_told_where_no_rule_asks_and_memory_is_bounded() {
    let mut activities = Activities::new(None, Duration(1_000_000 * MINUTE));
    let (mut timers, mut out) = (Wheel::default(), Changes::default());
    for step in 0..1000 {
        let at = Moment { time: (step + 1) * (2 * MINUTE + step), arrival: step };
        activities.act(&handle(), at, &event(step), &mut timers, &mut out);
    }
    let kept = activities.of(&handle()).unwrap();
    assert_eq!((out.persons.len(), kept.stretches.len(), timers.len()), (0, MOST, 1));
    // The longest pauses, which are the last ones, are those that are left.
    assert_eq!(kept.stretches[1].first, (1000 - 63 + 1) * (2 * MINUTE + 1000 - 63));
    activities.forget(&handle(), &mut timers, &mut out);
    assert!(timers.is_empty() && activities.by_handle.is_empty());
}

proptest! {
    /// In whatever order activities come: the stretches between pauses longer than the one asked for, and
    /// the last of them open until that pause has passed. Half of the fold is put back from what was kept.
    #[test]
    fn stretches_are_those_between_pauses(
        steps in prop::collection::vec((0u64..4 * MINUTE, prop::bool::weighted(0.2), 0u64..9 * MINUTE), 1..40),
        pause in 1u64..4,
        restart in 0usize..40,
    ) {
        let (pause, keep) = (Duration(pause * MINUTE), Duration(20 * MINUTE));
        let mut activities = Activities::new(Some(pause), keep);
        let (mut timers, mut out) = (Wheel::default(), Changes::default());
        let (mut now, mut done) = (100 * MINUTE, Vec::new());
        for (index, (step, late, by)) in steps.into_iter().enumerate() {
            if index == restart && let Some(kept) = activities.of(&handle()) {
                let kept = bincode_free_copy(kept);
                activities = Activities::new(Some(pause), keep);
                (timers, out) = (Wheel::default(), Changes::default());
                activities.restore(&handle(), kept, &mut timers, &mut out);
            }
            now += step;
            let time = if late { now - by } else { now };
            activities.act(&handle(), Moment { time, arrival: index as u64 }, &event(0), &mut timers, &mut out);
            done.push(time);
            run(&mut timers, &mut activities, now, &mut out);
            done.sort_unstable();
            let mut expected: Vec<(Time, Time)> = Vec::new();
            for time in &done {
                match expected.last_mut().filter(|(_, last)| *time <= *last + pause.0) {
                    Some((_, last)) => *last = *time,
                    None => expected.push((*time, *time)),
                }
            }
            let told = stands(&out);
            for (place, (first, last)) in expected.iter().enumerate() {
                let open = place + 1 == expected.len() && now < *last + pause.0;
                let end = (!open).then_some(*last);
                let same = |told: &&(Time, Option<Time>)| told.1 == end && (told.0 <= *last);
                let found: Vec<_> = told.iter().filter(same).filter(|told| told.0 >= *first).collect();
                prop_assert_eq!(found.len(), usize::from(open || *last + keep.0 >= now), "{:?} of {:?}", (first, last), told);
            }
        }
    }
}

fn bincode_free_copy(kept: &Activity) -> Activity {
    Activity { stretches: kept.stretches.clone(), open: kept.open, told: Vec::new(), wakes: 0 }
}
