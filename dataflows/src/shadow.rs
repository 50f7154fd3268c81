//! A second set of rules over the same facts: what would be otherwise if it were in force.
//!
//! Purpose: to try rules on everybody who lives now, before anybody hears of it. Invariant: nothing here leads to an
//! offer; the tally is that of the candidates that stand, by rule: only under the shadow set (`add`), only under the one
//! in force (`drop`), under both with another score (`rescore`) or with the same one (`same`). Rules that are in both
//! sets are not looked at: nothing is otherwise because of them. Cost: the candidates of rules that differ, once more;
//! nothing where there is no shadow set.

use crate::by_key::by_key;
use crate::rows::Candidate;
use differential_dataflow::VecCollection;
use serde::{Deserialize, Serialize};
use shopbell_model::key::{Person, Text};
use shopbell_model::rules::Role;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;

/// Samples of a rule at most.
const SAMPLES: usize = 20;

/// What would become of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would come, with this score.
    Add(u8),
    /// It would go, and has this score.
    Drop(u8),
    /// Its score would be another one: from, to.
    Rescore(u8, u8),
    /// It would stay as it is.
    Same(u8),
}

/// A candidate, and what would become of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Judged {
    /// Its rule, by id.
    pub rule: Text,
    /// What would become of it.
    pub verdict: Verdict,
    /// The offer it would be.
    pub offer_id: Text,
}

/// What would be otherwise because of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfRule {
    /// Candidates that would come.
    pub add: i64,
    /// Candidates that would go.
    pub drop: i64,
    /// Candidates that would have another score.
    pub rescore: i64,
    /// Candidates that would stay as they are.
    pub same: i64,
    /// Some of those for which something would be otherwise, with their persons.
    pub samples: BTreeSet<(Judged, Person)>,
}

/// What would be otherwise, by rule.
pub type Tally = BTreeMap<Text, OfRule>;

/// Compares the candidates of rules that differ. `report` is told the tally when it changes, on the first worker.
pub(crate) fn shadow(
    candidates: VecCollection<'_, Time, (Person, Shared<Candidate>)>,
    mut report: impl FnMut(&Tally) + 'static,
) {
    let judged = by_key(candidates, "Shadow", |_, rows, judged| {
        judge(rows.iter().map(|(candidate, _)| &**candidate), judged);
    });
    let to_first = Exchange::new(|_: &((Person, Judged), Time, isize)| 0);
    let mut tally = Tally::new();
    judged.inner.sink(to_first, "Shadow: tally", move |(input, _)| {
        let mut changed = false;
        input.for_each(|_, rows| {
            for ((person, judged), _, diff) in rows.drain(..) {
                count(&mut tally, person, judged, diff);
                changed = true;
            }
        });
        if changed {
            report(&tally);
        }
    });
}

/// What would become of the candidates of one person.
fn judge<'a>(candidates: impl Iterator<Item = &'a Candidate>, judged: &mut Vec<Judged>) {
    let mut offers: BTreeMap<&Text, (&Text, Option<u8>, Option<u8>)> = BTreeMap::new();
    for candidate in candidates {
        let Candidate { offer_id, rule, score, .. } = candidate;
        let (_, going, coming) = offers.entry(offer_id).or_insert((&rule.id, None, None));
        match rule.role {
            Role::Going => *going = (*going).max(Some(*score)),
            Role::Coming => *coming = (*coming).max(Some(*score)),
            Role::InForce => {}
        }
    }
    judged.extend(offers.into_iter().filter_map(|(offer_id, (rule, going, coming))| {
        let verdict = match (going, coming) {
            (None, Some(score)) => Verdict::Add(score),
            (Some(score), None) => Verdict::Drop(score),
            (Some(from), Some(to)) if from != to => Verdict::Rescore(from, to),
            (Some(score), Some(_)) => Verdict::Same(score),
            (None, None) => return None,
        };
        Some(Judged { rule: rule.clone(), verdict, offer_id: offer_id.clone() })
    }));
}

fn count(tally: &mut Tally, person: Person, judged: Judged, diff: isize) {
    let (rule, verdict) = (judged.rule.clone(), judged.verdict);
    let of_rule = tally.entry(rule.clone()).or_default();
    let number = match verdict {
        Verdict::Add(_) => &mut of_rule.add,
        Verdict::Drop(_) => &mut of_rule.drop,
        Verdict::Rescore(..) => &mut of_rule.rescore,
        Verdict::Same(_) => &mut of_rule.same,
    };
    *number += diff as i64;
    if diff < 0 {
        of_rule.samples.remove(&(judged, person));
    } else if of_rule.samples.len() < SAMPLES && !matches!(verdict, Verdict::Same(_)) {
        of_rule.samples.insert((judged, person));
    }
    let OfRule { add, drop, rescore, same, .. } = of_rule;
    if [*add, *drop, *rescore, *same] == [0; 4] {
        tally.remove(&rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{found, line, line_rule, person};
    use shopbell_model::rules::Rule;

    fn candidates(rule: &Shared<Rule>, role: Role, start: Time) -> Vec<Candidate> {
        let rule = Shared::new(Rule { role, ..(**rule).clone() });
        found(&line(&[start], &[]), &rule)
    }

    #[test]
    fn each_candidate_has_one_verdict_and_taking_it_back_leaves_nothing() {
        let (old, new) = (line_rule("r", "score = '40'", ""), line_rule("r", "score = '70'", ""));
        let mut rows = Vec::new();
        rows.extend(candidates(&old, Role::Going, 1));
        rows.extend(candidates(&new, Role::Coming, 1));
        rows.extend(candidates(&old, Role::Going, 2));
        rows.extend(candidates(&new, Role::Coming, 3));
        rows.extend(candidates(&old, Role::Going, 4));
        rows.extend(candidates(&old, Role::Coming, 4));
        rows.extend(candidates(&old, Role::InForce, 5));
        let mut judged = Vec::new();
        judge(rows.iter(), &mut judged);
        let mut verdicts: Vec<Verdict> = judged.iter().map(|judged| judged.verdict).collect();
        verdicts.sort_unstable();
        let expected = [Verdict::Add(70), Verdict::Drop(40), Verdict::Rescore(40, 70), Verdict::Same(40)];
        assert_eq!(verdicts, expected);

        let mut tally = Tally::new();
        for one in &judged {
            count(&mut tally, person(), one.clone(), 1);
        }
        let of_rule = &tally["r"];
        assert_eq!((of_rule.add, of_rule.drop, of_rule.rescore, of_rule.same), (1, 1, 1, 1));
        assert_eq!(of_rule.samples.len(), 3, "what stays is no sample");
        for one in judged {
            count(&mut tally, person(), one, -1);
        }
        assert_eq!(tally, Tally::new());
    }

    #[test]
    fn samples_are_bounded_and_counts_are_not() {
        let rule = line_rule("r", "", "");
        let rows: Vec<Candidate> =
            (0..100).flat_map(|start| candidates(&rule, Role::Coming, start)).collect();
        let (mut judged, mut tally) = (Vec::new(), Tally::new());
        judge(rows.iter(), &mut judged);
        judged.into_iter().for_each(|one| count(&mut tally, person(), one, 1));
        assert_eq!((tally["r"].add, tally["r"].samples.len()), (100, SAMPLES));
    }
}
