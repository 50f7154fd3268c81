//! The whole graph, put together.

use crate::allot::{PoolNumbers, allot, held};
use crate::clock::Clock;
use crate::decide::{DecideSettings, Ground, decisions};
use crate::explain::Desk;
use crate::fold::{FoldCounts, FoldRows, FoldSettings, Part, fold};
use crate::gather::gather;
use crate::identity::{Identified, IdentityCounts, LinkRows, Words, identity};
use crate::in_force::{in_force, noted};
use crate::interests::{Ways, interests};
use crate::inventory::{inventory, surroundings};
use crate::joined::joined;
use crate::kept::{Keep, KeptKey, KeptValue, Restored};
use crate::learning::{Began, Last, Published, RuleOf, answers, at_first, tally};
use crate::ledger::{LedgerRows, kept};
use crate::matching::matching;
use crate::persons::{of_persons, persons};
use crate::rows::{Candidate, Finding};
use crate::shadow::{Tally, shadow};
use crate::situations::situations;
use crate::when_due::{Waiting, when_due};
use differential_dataflow::operators::iterate::Variable;
use differential_dataflow::{AsCollection, VecCollection};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Brand, Handle, Person, Text};
use shopbell_model::learning::{Counts, Learning};
use shopbell_model::offer::Message;
use shopbell_model::rules::{Role, Rule};
use shopbell_model::settings::Identity;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::rc::Rc;
use timely::dataflow::Stream;
use timely::dataflow::operators::vec::ToStream;

/// Everything the graph needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How events become facts.
    pub fold: FoldSettings,
    /// How handles become persons.
    pub identity: Identity,
    /// How decisions are made.
    pub decide: DecideSettings,
    /// How accept rates are learned; not at all where absent.
    pub learning: Option<Learning>,
}

/// What goes on in the graph of one worker: for metrics, and for a ticker that sleeps.
pub trait Report {
    /// What the fold could not use.
    fn folded(&self, counts: FoldCounts);
    /// What the limits of identity stop.
    fn identified(&self, counts: IdentityCounts);
    /// Rows that wait in the named place, and when the next one is due.
    fn waiting(&self, place: &'static str, waiting: Waiting);
    /// What would be otherwise under the shadow set.
    fn shadowed(&self, tally: &Tally);
    /// How much there is, and is held and used, of everything there is only so much of. Told by the first worker.
    fn pools(&self, pools: Vec<PoolNumbers>);
    /// Offers of a rule that were answered, and its rate in basis points: at moments at which they changed.
    fn learned(&self, rule: &RuleOf, counts: Counts, rate: u32);
}

/// What is outside of one worker's graph, besides its streams.
pub struct Outside {
    /// Who is told what goes on.
    pub report: Rc<dyn Report>,
    /// Who takes the facts that are to outlive the process.
    pub keep: Rc<dyn Keep>,
    /// What the worker begins with.
    pub restored: Restored,
    /// Where the operators can be asked.
    pub desk: Rc<Desk>,
}

/// Builds the graph on one worker: parts of events, the words among them (see [`words_of`]) and rules in,
/// messages out.
///
/// [`words_of`]: crate::identity::words_of
///
/// `deliver` gets every tick's messages on the first worker; the returned stream's frontier says how
/// far that is.
pub fn offers<'scope>(
    parts: Stream<'scope, Time, Vec<Part>>,
    words: Words<'scope>,
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    settings: &Settings,
    clock: &Clock,
    outside: Outside,
    deliver: impl FnMut(Time, Vec<Message>) + 'static,
) -> Stream<'scope, Time, Vec<()>> {
    let scope = parts.scope();
    let Outside { report, keep, restored, desk } = outside;
    let (of_links, of_fold, of_ledger, of_learning) = apart_kept(restored);
    let waiting = |place: &'static str| {
        let report = Rc::clone(&report);
        move |waiting| report.waiting(place, waiting)
    };
    let Identified { renamings, forgotten } = {
        let (report, keep) = (Rc::clone(&report), Rc::clone(&keep));
        let report = move |counts| report.identified(counts);
        identity(words, &settings.identity, clock.clone(), of_links, keep, &desk, report)
    };
    let folded = {
        let (report, ends) = (Rc::clone(&report), waiting("fold"));
        let report = move |counts, next| {
            report.folded(counts);
            ends((0, next));
        };
        fold(parts, forgotten.clone(), &settings.fold, clock.clone(), of_fold, Rc::clone(&keep), report)
    };
    let (ledger, said) = Variable::new(scope, 1);
    let retention = &settings.fold.retention;
    let kept =
        kept(said, forgotten, of_ledger, retention, clock.clone(), Rc::clone(&keep), waiting("ledger"));
    let (outcomes, facts) = apart(folded.persons);
    let persons = persons(facts, renamings);
    let ways = Ways {
        leave_after: settings.fold.presence.leave_after,
        visits: settings.fold.retention.visits,
        demand: settings.fold.demand.clone(),
        policy: settings.decide.policy.clone(),
    };
    let derived = interests(persons.facts.clone(), ways);
    let inventory = inventory(folded.subjects);
    let known = surroundings(derived.clone(), inventory.clone());
    let findings = situations(derived.concat(known), settings.fold.demand.clone());
    let of_pools = |fact: &PersonFact| matches!(fact, PersonFact::Holds(_) | PersonFact::TakenBack(_));
    let holdings = kept.clone().filter(move |(_, fact)| of_pools(fact));
    let kept = kept.filter(move |(_, fact)| !of_pools(fact));
    let ledger_rows = kept.clone().concat(answered(outcomes.clone(), kept));
    let ledger_facts = of_persons(ledger_rows, persons.person_of.clone(), "Ledger");
    let rates = {
        // Where nothing is learned nothing is looked at.
        let facts = match settings.learning {
            Some(_) => persons.facts.clone().concat(ledger_facts.clone()),
            None => ledger_facts.clone().filter(|_| false),
        };
        learned(facts, rules.clone(), settings.learning.as_ref(), of_learning, clock, &report, keep)
    };
    let in_force = in_force(rules.clone(), rates, inventory);
    let known_rules = noted(in_force.clone());
    let learning = settings.learning.clone().unwrap_or_default();
    let candidates = matching(findings.clone(), in_force, learning);
    let candidates = within_time(candidates, clock, waiting);
    let looked_at = candidates.clone().flat_map(|(person, ground)| match ground {
        Ground::Candidate(candidate) if candidate.rule.role != Role::InForce => Some((person, candidate)),
        _ => None,
    });
    {
        let report = Rc::clone(&report);
        shadow(looked_at, move |tally| report.shadowed(tally));
    }
    let candidates = candidates.filter(|(_, ground)| match ground {
        Ground::Candidate(candidate) => candidate.rule.role == Role::InForce,
        _ => true,
    });
    let rules = rules.filter(|rule| rule.role == Role::InForce);

    let background = findings.flat_map(|(person, finding)| match finding {
        Finding::Background(background) => Some((person, Ground::Background(background))),
        Finding::Stands(_) => None,
    });
    let handles = persons.person_of.map(|(handle, person)| (person, Ground::Handle(handle)));
    let facts = persons
        .facts
        .filter(|(_, (_, fact))| matches!(fact, PersonFact::Consent(_) | PersonFact::Forgotten(_)));
    let facts =
        facts.concat(ledger_facts).map(|(person, (handle, fact))| (person, Ground::Fact(handle, fact)));
    let mut grounds = candidates.concat(background).concat(handles).concat(facts);
    let mut asking = None;
    if settings.decide.pools {
        let (variable, asks) = Variable::new(scope, 1);
        let answers = {
            let (report, waits) = (Rc::clone(&report), waiting("pools"));
            let report = move |pools: Option<Vec<_>>, next| {
                pools.into_iter().for_each(|pools| report.pools(pools));
                waits((0, next));
            };
            allot(asks, held(holdings, outcomes), rules.clone(), clock.clone(), report)
        };
        grounds = grounds.concat(answers);
        asking = Some(variable);
    }
    let wakes = waiting("objections");
    let wakes = move |next| wakes((0, next));
    let decided =
        decisions(grounds, rules, settings.decide.clone(), clock.clone(), (&desk, known_rules), wakes);
    ledger.set(decided.facts);
    if let Some(asking) = asking {
        asking.set(decided.asks);
    }
    gather(decided.messages, deliver)
}

/// Accept rates from the moment on at which they are in force; none where they are not learned.
fn learned<'scope>(
    facts: VecCollection<'scope, Time, (Person, (Handle, PersonFact))>,
    rules: VecCollection<'scope, Time, Shared<Rule>>,
    learning: Option<&Learning>,
    began: Began,
    clock: &Clock,
    report: &Rc<dyn Report>,
    keep: Rc<dyn Keep>,
) -> Option<VecCollection<'scope, Time, Published>> {
    let scope = facts.inner.scope();
    let facts = facts.flat_map(|(person, (_, fact))| match fact {
        PersonFact::Bought(_)
        | PersonFact::Forgotten(_)
        | PersonFact::Sent(_)
        | PersonFact::Withdrawn(..)
        | PersonFact::Outcome(..) => Some((person, fact)),
        _ => None,
    });
    let settings = learning.cloned().unwrap_or_default();
    let waiting = |place: &'static str| {
        let report = Rc::clone(report);
        move |waiting| report.waiting(place, waiting)
    };
    let period = settings.period(clock.grid());
    let first = at_first(&began, period);
    let answers = answers(facts, &settings, clock, waiting("answers"));
    let published = tally(answers, began, settings, clock.clone(), keep, Rc::clone(report));
    learning?;
    // What is published at a moment waits for the next one; on its way nothing before that waits for it.
    let (later, before_long) = Variable::new(scope, period.saturating_sub(1).max(1));
    later.set(published);
    // By itself that way is a period ahead of the clock: nothing may come true before its tick is there.
    let no_sooner = rules.flat_map(|_| None);
    let coming = before_long.concat(first.to_stream(scope).as_collection()).concat(no_sooner);
    Some(when_due(coming, clock.clone(), "When due: rates", waiting("rates")))
}

/// Rows of identity, of the fold, of the ledger and of what was learned.
fn apart_kept(restored: Restored) -> (LinkRows, FoldRows, LedgerRows, Began) {
    let (mut of_links, mut of_fold, mut of_ledger) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_learning: Vec<(RuleOf, Last)> = Vec::new();
    for (key, value) in restored.rows {
        match (key, value) {
            (KeptKey::Said(handle, ..), KeptValue::Said(fact, since)) => {
                of_ledger.push(((handle, fact), since));
            }
            (KeptKey::Learned(brand, rule), KeptValue::Learned(last)) => {
                of_learning.push(((brand, rule), last))
            }
            (key @ KeptKey::Link(..), KeptValue::Fold(value)) => of_links.push((key, value)),
            (key, KeptValue::Fold(value)) => of_fold.push((key, value)),
            // A value under another's key: nothing of ours.
            (_, KeptValue::Said(..) | KeptValue::Learned(..)) => {}
        }
    }
    let tick = restored.tick;
    ((tick, of_links), (tick, of_fold), (tick, of_ledger), (tick, of_learning))
}

/// Facts by handle, as the fold gives them.
type ByHandle<'scope> = VecCollection<'scope, Time, (Handle, Option<PersonFact>)>;

/// An offer. Its id tells brands apart already; what is reported in another brand must not reach it.
type OfferKey = (Brand, Text);

/// Outcomes of offers by offer, and the other facts.
fn apart(facts: ByHandle<'_>) -> (VecCollection<'_, Time, (OfferKey, PushOutcome)>, ByHandle<'_>) {
    let outcomes = facts.clone().flat_map(|(handle, fact)| match fact {
        Some(PersonFact::Outcome(offer, outcome)) => Some(((handle.brand(), offer), outcome)),
        _ => None,
    });
    (outcomes, facts.filter(|(_, fact)| !matches!(fact, Some(PersonFact::Outcome(..)))))
}

/// Outcomes by the handle that the offer belongs to, whoever reported them.
fn answered<'scope>(
    outcomes: VecCollection<'scope, Time, (OfferKey, PushOutcome)>,
    ledger: VecCollection<'scope, Time, (Handle, PersonFact)>,
) -> VecCollection<'scope, Time, (Handle, PersonFact)> {
    let anchors = ledger.flat_map(|(handle, fact)| match fact {
        PersonFact::Sent(sent) => Some(((handle.brand(), sent.offer_id.clone()), handle)),
        _ => None,
    });
    joined(outcomes, anchors, "Answered", |(_, offer), outcome, handle| {
        Some((handle.clone(), PersonFact::Outcome(offer.clone(), *outcome)))
    })
}

/// When a candidate begins to stand, and when it ends; none where it never stands.
fn times(candidate: &Candidate) -> Option<(Time, Option<Time>)> {
    let rule = &candidate.rule;
    // Not before the rule is in force.
    let from = candidate.due.max(rule.from.unwrap_or(0));
    // What was made before a rule is over keeps standing; what is only looked at would not be made.
    let over = rule.until.filter(|_| rule.role != Role::InForce);
    let until = candidate.until.into_iter().chain(over).min();
    until.is_none_or(|until| from < until).then_some((from, until))
}

/// Candidates from their due time until their end.
fn within_time<'scope, F: FnMut(Waiting) + 'static>(
    candidates: VecCollection<'scope, Time, (Person, Shared<Candidate>)>,
    clock: &Clock,
    waiting: impl Fn(&'static str) -> F,
) -> VecCollection<'scope, Time, (Person, Ground)> {
    let ground = |(person, candidate)| (person, Ground::Candidate(candidate));
    let starts = candidates.clone().flat_map(move |row| times(&row.1).map(|(from, _)| (ground(row), from)));
    let ends = candidates
        .flat_map(move |row| times(&row.1).and_then(|(_, until)| until).map(|until| (ground(row), until)));
    let started = when_due(starts, clock.clone(), "When due: candidates", waiting("candidates"));
    let ended = when_due(ends, clock.clone(), "When due: ends", waiting("ends"));
    started.concat(ended.negate())
}
