//! The operator in its loop: what it commits to comes back, and what commits to nothing costs no round.

use super::*;
use crate::samples::{found, handle, line, line_rule};
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::iterate::Variable;
use shopbell_model::offer::News;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::probe::Probe;

/// Changes of grounds by tick.
type Step = (Time, Ground, isize);

/// Feeds all steps at once, with the ledger's loop closed; the messages by tick, and the rounds it took.
fn run(rule: &Shared<Rule>, steps: Vec<Step>) -> (Vec<(Time, String)>, usize) {
    let rule = rule.clone();
    timely::execute_directly(move |worker| {
        let mut grounds: InputSession<Time, (Person, Ground), isize> = InputSession::new();
        let mut rules: InputSession<Time, Shared<Rule>, isize> = InputSession::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let probe: ProbeHandle<Time> = worker.dataflow(|scope| {
            let (said, back) = Variable::new(scope, 1);
            let back = back.map(|(handle, fact)| (Person::named_by(&handle), Ground::Fact(handle, fact)));
            let decided = decisions(
                grounds.to_collection(scope).concat(back),
                rules.to_collection(scope),
                DecideSettings::default(),
                Clock::new(1),
                (&Desk::default(), RulesInForce::default()),
                |_| {},
            );
            said.set(decided.facts);
            let noted = Rc::clone(&seen);
            let told = decided.messages.inspect(move |message| {
                let what = match &message.news {
                    News::Made(_) => "made".to_owned(),
                    News::Withdrawn(reason, _) => reason.as_str().to_owned(),
                    News::Suppressed { policy, .. } => policy.to_string(),
                };
                noted.borrow_mut().push((message.tick, what));
            });
            told.probe().0
        });
        rules.insert(rule);
        let card = Person::named_by(&handle("card:1"));
        let mut end = 1;
        for (tick, ground, diff) in steps {
            grounds.update_at((card.clone(), ground), tick, diff);
            end = end.max(tick + 10);
        }
        rules.advance_to(end);
        rules.flush();
        grounds.advance_to(end);
        grounds.flush();
        let mut rounds = 0;
        while probe.less_than(&end) && rounds < 10_000 {
            worker.step();
            rounds += 1;
        }
        (seen.take(), rounds)
    })
}

fn candidate(rule: &Shared<Rule>) -> Ground {
    Ground::Candidate(Shared::new(found(&line(&[0], &[]), rule).remove(0)))
}

#[test]
fn grounds_that_commit_to_nothing_cost_no_rounds() {
    let rule = line_rule("r", "", "");
    let handles = |from: u64, to: u64| {
        (from..to).map(|tick| (tick, Ground::Handle(handle(&format!("cookie:{tick}"))), 1))
    };
    let (told, rounds) = run(&rule, handles(1, 1_000).collect());
    assert!(told.is_empty());
    assert!(rounds < 20, "{rounds} rounds");
    // From the candidate on every change may sway, and has its turn.
    let steps: Vec<Step> = handles(1, 300).chain([(200, candidate(&rule), 1)]).collect();
    let (told, rounds) = run(&rule, steps);
    assert_eq!(told, [(200, "made".to_owned())]);
    assert!((100..1_000).contains(&rounds), "{rounds} rounds");
}

#[test]
fn what_was_noted_before_a_candidate_came_is_not_forgotten() {
    let rule = line_rule("r", "", "");
    // A refusal of a later tick comes first, when there is nothing yet that it could sway.
    let refused = shopbell_model::facts::Consent {
        channel: None,
        category: None,
        at: shopbell_model::facts::Moment { time: 1, arrival: 1 },
        granted: false,
    };
    let refused = Ground::Fact(handle("card:1"), PersonFact::Consent(Shared::new(refused)));
    let steps = vec![(50, refused, 1), (1, Ground::Handle(handle("card:1")), 1), (20, candidate(&rule), 1)];
    assert_eq!(run(&rule, steps).0, [(20, "made".to_owned()), (50, "consent".to_owned())]);
}

#[test]
fn an_offer_whose_candidate_goes_is_withdrawn_at_that_tick() {
    let rule = line_rule("r", "", "");
    let steps = vec![
        (1, Ground::Handle(handle("card:1")), 1),
        (20, candidate(&rule), 1),
        (30, candidate(&rule), -1),
        (40, candidate(&rule), 1),
    ];
    assert_eq!(run(&rule, steps).0, [(20, "made".to_owned()), (30, "late_event".to_owned())]);
}
