//! Rows driven through the operator by hand: when they come out, and that they cost what they should.

use super::*;
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::iterate::Variable;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::probe::Probe;
use timely::worker::Worker;

/// One thing done to the input.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The input goes on to that time, and everything before it is worked off.
    To(Time),
    /// A row that is due then, so many times.
    Row(&'static str, Time, isize),
    /// Nothing due later fires.
    StopAt(Time),
}

use Step::{Row, StopAt, To};

/// Rows that came out as (time, row) with the sum of their differences, but for sums of zero, and
/// the last report. In the end the input is closed.
fn run(grid: u64, steps: &'static [Step]) -> (Vec<(Time, &'static str, isize)>, Waiting) {
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let waiting = Arc::new(Mutex::new((0, None)));
    let (noted, reported) = (Arc::clone(&seen), Arc::clone(&waiting));
    timely::execute_directly(move |worker: &mut Worker| {
        let clock = Clock::new(grid);
        let mut rows: InputSession<Time, (&'static str, Time), isize> = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let rows = rows.to_collection(scope);
            let report = move |now| *reported.lock().unwrap() = now;
            let released = when_due(rows, clock.clone(), "When due", report);
            let note = move |(row, time, diff): &(&'static str, Time, isize)| {
                *noted.lock().unwrap().entry((*time, *row)).or_insert(0) += *diff;
            };
            released.inner.inspect(note).probe().0
        });
        for step in steps {
            match *step {
                To(time) => {
                    rows.advance_to(time);
                    rows.flush();
                    // Bounded, because what lies behind the horizon never lets the time of its tick end.
                    for _ in 0..100 {
                        if probe.less_than(&time) {
                            worker.step();
                        }
                    }
                    for _ in 0..4 {
                        worker.step();
                    }
                }
                Row(row, due, diff) => rows.update((row, due), diff),
                StopAt(moment) => clock.stop_at(moment),
            }
        }
    });
    let seen = seen.lock().unwrap().clone();
    let seen = seen.into_iter().map(|((time, row), sum)| (time, row, sum)).filter(|(_, _, sum)| *sum != 0);
    (seen.collect(), *waiting.lock().unwrap())
}

#[test]
fn a_row_comes_out_when_it_is_due_and_not_before() {
    let early = run(1, &[To(10), Row("a", 100, 1), To(100)]);
    assert_eq!(early, (vec![], (1, Some(100))));
    let due = run(1, &[To(10), Row("a", 100, 1), To(101)]);
    assert_eq!(due, (vec![(100, "a", 1)], (0, None)));
}

#[test]
fn a_row_that_is_due_already_comes_out_at_its_own_time() {
    let rows = run(1, &[To(50), Row("past", 10, 1), Row("now", 50, 1), Row("next", 51, 1), To(51)]);
    assert_eq!(rows, (vec![(50, "now", 1), (50, "past", 1)], (1, Some(51))));
}

#[test]
fn a_row_taken_back_before_it_is_due_is_never_seen() {
    let rows = run(1, &[To(10), Row("a", 100, 1), To(20), Row("a", 100, -1), To(30), To(500)]);
    assert_eq!(rows, (vec![], (0, None)));
    // In the tick in which it is due, too.
    let rows = run(1, &[To(10), Row("a", 100, 1), To(100), Row("a", 100, -1), To(500)]);
    assert_eq!(rows.0, []);
    // One of two stays; one moved to another due time is seen there alone.
    let rows = run(
        1,
        &[
            To(10),
            Row("a", 100, 2),
            Row("b", 100, 1),
            To(20),
            Row("a", 100, -1),
            Row("b", 100, -1),
            Row("b", 150, 1),
            To(500),
        ],
    );
    assert_eq!(rows.0, [(100, "a", 1), (150, "b", 1)]);
}

#[test]
fn a_row_taken_back_after_it_was_due_goes_at_once() {
    let rows = run(1, &[To(10), Row("a", 100, 1), To(200), Row("a", 100, -1), To(201)]);
    assert_eq!(rows.0, [(100, "a", 1), (200, "a", -1)]);
}

#[test]
fn due_times_fall_on_the_grid() {
    let rows = run(
        100,
        &[To(200), Row("on", 300, 1), Row("after", 301, 1), Row("before", 299, 1), To(300), To(301)],
    );
    assert_eq!(rows, (vec![(300, "before", 1), (300, "on", 1)], (1, Some(301))));
    let rows = run(100, &[To(200), Row("a", 250, 1), To(300), Row("a", 250, -1), To(900)]);
    assert_eq!(rows.0, [], "taken back in the tick of its due time");
}

#[test]
fn nothing_fires_that_is_due_behind_the_horizon() {
    let steps = &[To(200), Row("in", 340, 1), Row("out", 341, 1), StopAt(340), To(401)];
    assert_eq!(run(100, steps), (vec![(400, "in", 1)], (1, Some(341))));
    // Nor when the job ends and the input closes.
    let rows = run(1, &[To(10), Row("a", 100, 1), To(20)]);
    assert_eq!(rows.0, []);
}

/// Ten million would do the same, in forty times the time.
#[test]
fn three_hundred_thousand_rows_due_at_once_come_out_in_portions() {
    const ROWS: u64 = 300_000;
    let (largest, total) = timely::execute_directly(|worker: &mut Worker| {
        let mut rows: InputSession<Time, (u64, Time), isize> = InputSession::new();
        let seen = Rc::new(RefCell::new(0));
        let (probe, counted) = worker.dataflow(|scope| {
            let counted = Rc::clone(&seen);
            let released = when_due(rows.to_collection(scope), Clock::new(1), "When due", |_| {});
            let count = released.inspect(move |_| *counted.borrow_mut() += 1);
            (count.inner.probe().0, Rc::clone(&seen))
        });
        for row in 0..ROWS {
            // Half of them at one moment, the others in the second before.
            let due = if row % 2 == 0 { 10_000 } else { 9_000 + row % 1000 };
            rows.update((row, due), 1);
        }
        rows.advance_to(5_000);
        rows.flush();
        worker.step_while(|| probe.less_than(&5_000));
        assert_eq!(*counted.borrow(), 0);
        rows.advance_to(20_000);
        rows.flush();
        let (mut largest, mut before) = (0, 0);
        while probe.less_than(&20_000) {
            worker.step();
            let now = *counted.borrow();
            largest = largest.max(now - before);
            before = now;
        }
        (largest, before)
    });
    assert_eq!(total, ROWS as usize);
    assert!(largest <= PORTION, "{largest} rows in one step");
}

/// Rows whose release makes the next row, through a loop that adds a millisecond: time must jump from
/// one due time to the next. An operator that held its frontier in between would let it crawl.
#[test]
fn in_a_loop_time_jumps_from_due_time_to_due_time() {
    const DAY: Time = 86_400_000;
    let (rounds, seen) = timely::execute_directly(|worker: &mut Worker| {
        let mut rows: InputSession<Time, (u32, Time), isize> = InputSession::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let probe: ProbeHandle<Time> = worker.dataflow(|scope| {
            let (said, back) = Variable::new(scope, 1);
            let first = rows.to_collection(scope);
            let released = when_due(first.concat(back), Clock::new(1), "When due", |_| {});
            let noted = Rc::clone(&seen);
            let released =
                released.inspect(move |(row, time, diff)| noted.borrow_mut().push((*row, *time, *diff)));
            // Each asks for the next, a day later.
            let next =
                released.clone().flat_map(|row| (row < 5).then(|| (row + 1, DAY * Time::from(row + 2))));
            said.set(next);
            released.inner.probe().0
        });
        rows.update((0, DAY), 1);
        rows.advance_to(10 * DAY);
        rows.flush();
        let mut rounds = 0;
        while probe.less_than(&(10 * DAY)) && rounds < 10_000 {
            worker.step();
            rounds += 1;
        }
        (rounds, seen.take())
    });
    let expected: Vec<_> = (0..6).map(|row| (row, DAY * Time::from(row + 1), 1)).collect();
    assert_eq!(seen, expected);
    assert!(rounds < 200, "{rounds} rounds for six rows");
}
