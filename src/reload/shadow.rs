//! What the shadow set says, as it is told to whoever asks.
//!
//! Invariant: numbers are those of candidates that stand: reasons for an offer, before any policy. Cost: a copy of the
//! tally of the rules that differ.

use super::Change;
use serde::Serialize;
use shopbell_dataflows::shadow::{Judged, Tally, Verdict};
use shopbell_model::key::Person;
use shopbell_model::time::format_rfc3339;

/// What would be otherwise if the shadow set were in force.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowReport {
    /// Since when it is looked at.
    pub since: String,
    /// How its rules differ from those in force.
    pub change: Change,
    /// Over all rules.
    pub all: Numbers,
    /// By rule, those for which nothing stands left out.
    pub rules: Vec<RuleReport>,
}

/// Reasons for offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// That would come.
    pub would_add: i64,
    /// That would go.
    pub would_drop: i64,
    /// That would have another score.
    pub would_rescore: i64,
    /// That would stay as they are, of rules that differ.
    pub same: i64,
}

/// What would be otherwise because of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Its id.
    pub id: String,
    /// How many.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// Some of them.
    pub samples: Vec<Sample>,
}

/// One candidate for which something would be otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// What: `add`, `drop` or `rescore`.
    pub would: &'static str,
    /// The offer it would be.
    pub offer_id: String,
    /// Whose it is.
    pub person: String,
    /// Its score under the rules in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Its score under the shadow set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_score: Option<u8>,
}

impl ShadowReport {
    pub(super) fn new(since: u64, change: Change, tally: &Tally) -> ShadowReport {
        let (mut all, mut rules) = (Numbers::default(), Vec::with_capacity(tally.len()));
        for (id, of_rule) in tally {
            let numbers = Numbers {
                would_add: of_rule.add,
                would_drop: of_rule.drop,
                would_rescore: of_rule.rescore,
                same: of_rule.same,
            };
            all.would_add += numbers.would_add;
            all.would_drop += numbers.would_drop;
            all.would_rescore += numbers.would_rescore;
            all.same += numbers.same;
            let samples = of_rule.samples.iter().map(|(judged, person)| Sample::new(judged, person));
            rules.push(RuleReport { id: id.to_string(), numbers, samples: samples.collect() });
        }
        ShadowReport { since: format_rfc3339(since), change, all, rules }
    }
}

impl Sample {
    fn new(judged: &Judged, person: &Person) -> Sample {
        let (would, score, would_score) = match judged.verdict {
            Verdict::Add(score) => ("add", None, Some(score)),
            Verdict::Drop(score) => ("drop", Some(score), None),
            Verdict::Rescore(from, to) => ("rescore", Some(from), Some(to)),
            Verdict::Same(score) => ("same", Some(score), Some(score)),
        };
        let (offer_id, person) = (judged.offer_id.to_string(), person.as_str().to_owned());
        Sample { would, offer_id, person, score, would_score }
    }
}
