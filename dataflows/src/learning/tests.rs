//! What is counted, published and kept, driven by hand; what follows for offers is held against the oracle.

use super::*;
use crate::fold::FoldCounts;
use crate::identity::IdentityCounts;
use crate::kept::{Keep, Keeper, KeptKey, KeptValueRef};
use crate::offers::Report;
use differential_dataflow::input::InputSession;
use shopbell_model::learning::{Counts, Rates};

use shopbell_model::shared::Shared;
use shopbell_model::time::Duration;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::probe::Probe;
use timely::worker::Worker;

/// Every ten milliseconds; one offer weighs as much as what was expected, which is nothing.
fn learning() -> Learning {
    Learning { every: Duration(10), segment: None, start_rate: 0, weight: 1 }
}

fn rule(name: &str) -> RuleOf {
    (Brand::default(), Text::from(name))
}

fn answer(accepted: bool) -> Answer {
    (Text::default(), Text::from("sms"), accepted)
}

/// The rates of so many accepted of so many answered offers.
fn rates(accepted: u64, answered: u64) -> Option<Shared<Rates>> {
    let cells = [((Text::default(), Text::from("sms")), Counts { accepted, answered })];
    Some(Shared::new(Rates::of(&cells.into(), &learning())))
}

/// Asks for the rows of some ticks, and notes what it is given: tick, rule, row.
#[derive(Default)]
struct Asks {
    ticks: RefCell<VecDeque<Time>>,
    rows: RefCell<Vec<(Text, Last)>>,
    given: Arc<Mutex<Vec<(Time, Text, Last)>>>,
}

impl Keep for Asks {
    fn is_wanted(&self) -> bool {
        true
    }

    fn next(&self, keeper: Keeper) -> Option<Time> {
        assert_eq!(keeper, Keeper::Learning);
        self.ticks.borrow().front().copied()
    }

    fn begun(&self, _: Keeper) {}

    fn is_enough(&self) -> bool {
        false
    }

    fn row(&self, _: Keeper, key: &KeptKey, value: Option<KeptValueRef<'_>>) {
        let (KeptKey::Learned(_, rule), Some(KeptValueRef::Learned(last))) = (key, value) else { panic!() };
        self.rows.borrow_mut().push((rule.clone(), last.clone()));
    }

    fn done(&self, _: Keeper, tick: Time) {
        assert_eq!(self.ticks.borrow_mut().pop_front(), Some(tick));
        let rows =
            self.rows.borrow_mut().drain(..).map(|(rule, last)| (tick, rule, last)).collect::<Vec<_>>();
        self.given.lock().unwrap().extend(rows);
    }
}

struct Nobody;

impl Report for Nobody {
    fn folded(&self, _: FoldCounts) {}
    fn identified(&self, _: IdentityCounts) {}
    fn waiting(&self, _: &'static str, _: Waiting) {}
    fn learned(&self, _: &RuleOf, _: Counts, _: u32) {}
    fn shadowed(&self, _: &crate::shadow::Tally) {}
    fn pools(&self, _: Vec<crate::allot::PoolNumbers>) {}
}

/// What came out: at, rule, in force from, rates, difference.
type Out = Vec<(Time, Text, Time, Shared<Rates>, isize)>;

/// Answers at times, until a time; the clock may stop at a moment, and rows of some ticks are asked for.
fn run(
    began: Began,
    steps: &'static [(Time, &'static str, bool, isize)],
    until: Time,
    stop_at: Option<Time>,
    asked: &'static [Time],
) -> (Out, Vec<(Time, Text, Last)>) {
    let out: Arc<Mutex<Out>> = Arc::default();
    let given: Arc<Mutex<Vec<(Time, Text, Last)>>> = Arc::default();
    let (noted, kept) = (Arc::clone(&out), Arc::clone(&given));
    let began = Mutex::new(Some(began));
    timely::execute_directly(move |worker: &mut Worker| {
        let clock = Clock::new(1);
        let keep =
            Asks { ticks: RefCell::new(asked.iter().copied().collect()), given: kept, ..Asks::default() };
        let mut input: InputSession<Time, (RuleOf, Answer), isize> = InputSession::new();
        let probe = ProbeHandle::new();
        worker.dataflow(|scope| {
            let answers = input.to_collection(scope);
            let began = began.lock().unwrap().take().unwrap();
            let published = tally(answers, began, learning(), clock.clone(), Rc::new(keep), Rc::new(Nobody));
            let note = move |((((_, rule), rates), from), time, diff): &((Published, Time), Time, isize)| {
                noted.lock().unwrap().push((*time, rule.clone(), *from, rates.clone(), *diff));
            };
            published.inner.inspect(note).probe_with(&probe);
        });
        for (time, name, accepted, diff) in steps {
            input.advance_to(*time);
            input.update((rule(name), answer(*accepted)), *diff);
        }
        stop_at.into_iter().for_each(|moment| clock.stop_at(moment));
        input.advance_to(until);
        input.flush();
        for _ in 0..50 {
            worker.step();
        }
        assert!(!probe.less_than(&until), "nothing is held longer than it is needed");
    });
    let (mut out, given) = (out.lock().unwrap().clone(), given.lock().unwrap().clone());
    out.sort();
    (out, given)
}

fn out(time: Time, name: &str, from: Time, rates: Option<Shared<Rates>>, diff: isize) -> Out {
    rates.into_iter().map(|rates| (time, Text::from(name), from, rates, diff)).collect()
}

#[test]
fn counts_are_published_at_moments_and_in_force_from_the_next() {
    // 10 and what comes at it counts at 10, what comes after it at 20; at 30 nothing is left of it.
    let steps = &[
        (3, "a", true, 1),
        (10, "a", false, 1),
        (11, "a", false, 1),
        (25, "a", true, -1),
        (26, "a", false, -2),
    ];
    let (found, kept) = run((0, Vec::new()), steps, 31, None, &[9, 10, 29, 30]);
    let mut expected = out(10, "a", 20, rates(1, 2), 1);
    expected.extend(out(20, "a", 30, rates(1, 2), -1));
    expected.extend(out(20, "a", 30, rates(1, 3), 1));
    expected.extend(out(30, "a", 40, rates(1, 3), -1));
    expected.sort();
    assert_eq!(found, expected);
    let last = |at, rates, before| Last { at, rates, before };
    let name = Text::from("a");
    let expected = [
        (10, name.clone(), last(10, rates(1, 2), None)),
        (29, name.clone(), last(20, rates(1, 3), rates(1, 2))),
        (30, name, last(30, None, rates(1, 3))),
    ];
    assert_eq!(kept, expected);
}

#[test]
fn what_changes_nothing_that_is_seen_is_not_published() {
    // What comes and goes within a period, before anything was published and after.
    let steps = &[
        (3, "a", true, 1),
        (4, "a", true, -1),
        (4, "b", true, 1),
        (12, "b", false, 1),
        (13, "b", false, -1),
    ];
    let (found, _) = run((0, Vec::new()), steps, 25, None, &[]);
    assert_eq!(found, out(10, "b", 20, rates(1, 1), 1));
}

#[test]
fn nothing_is_published_behind_the_end_of_the_clock() {
    let (found, kept) = run((0, Vec::new()), &[(3, "a", true, 1)], 11, Some(9), &[10]);
    assert_eq!((found, kept), (Vec::new(), Vec::new()));
    let (found, _) = run((0, Vec::new()), &[(3, "a", true, 1)], 11, Some(10), &[]);
    assert_eq!(found, out(10, "a", 20, rates(1, 1), 1));
}

#[test]
fn a_restart_goes_on_from_what_was_published() {
    let last = Last { at: 10, rates: rates(1, 1), before: rates(0, 1) };
    let began = || (15, vec![(rule("a"), last.clone())]);
    let row = |rates: Option<Shared<Rates>>, from, diff| (((rule("a"), rates.unwrap()), from), 15, diff);
    let expected = [row(rates(0, 1), 0, 1), row(rates(0, 1), 20, -1), row(rates(1, 1), 20, 1)];
    assert_eq!(at_first(&began(), 10), expected);
    // The facts say the same as before: nothing is published again.
    let (found, kept) = run(began(), &[(15, "a", true, 1)], 25, None, &[21]);
    assert_eq!((found, kept), (Vec::new(), Vec::new()));
    // One answer came after the last moment, before the restart.
    let (found, _) = run(began(), &[(15, "a", true, 1), (15, "a", false, 1)], 25, None, &[]);
    let mut expected = out(20, "a", 30, rates(1, 1), -1);
    expected.extend(out(20, "a", 30, rates(1, 2), 1));
    expected.sort();
    assert_eq!(found, expected);
    // Nothing is known any more, though nobody says so again.
    let (found, kept) = run(began(), &[], 25, None, &[21]);
    assert_eq!(found, out(20, "a", 30, rates(1, 1), -1));
    assert_eq!(kept, [(21, Text::from("a"), Last { at: 20, rates: None, before: rates(1, 1) })]);
    // At a moment itself: what was published at it is not published twice.
    let began = (10, vec![(rule("a"), last.clone())]);
    assert_eq!(run(began, &[(10, "a", true, 1)], 20, None, &[]).0, Vec::new());
}
