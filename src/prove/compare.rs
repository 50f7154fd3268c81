//! What was expected against what came.
//!
//! Invariant: each message answers to one expectation at most, and as many expectations as possible are answered,
//! in whatever order they are written. What nobody expected is a difference, unless the test lets others come; what
//! policy kept back never is. Cost: expectations × messages × expectations, each few.

use shopbell_model::key::{Handle, ItemId, Text};
use shopbell_model::offer::{Made, Message, News};
use shopbell_model::rules::RuleTest;
use shopbell_model::rules::testing::{Expected, Moments, OfferClaim, What};
use shopbell_model::time::Time;
use std::collections::BTreeMap;

/// Where a test does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// That expectation, by its place, was not met; the message that comes nearest, by its place, differs so.
    Missing {
        /// Place among the expectations.
        expected: usize,
        /// Place among the messages, and what is different about it.
        nearest: Option<(usize, Vec<String>)>,
    },
    /// Nobody expected that message, by its place.
    Unexpected(usize),
    /// The event in that line is about an offer that was not there.
    NoOffer(usize),
}

/// All differences: what is missing first, then what came besides.
pub fn compare(test: &RuleTest, came: &[Message]) -> Vec<Difference> {
    let offers = offers_of(came);
    let wrong: Vec<Vec<Option<Vec<String>>>> = test
        .expect
        .iter()
        .map(|expected| came.iter().map(|message| against(test, expected, message, &offers)).collect())
        .collect();
    let answers = assign(&wrong, came.len());
    let free = |place: &usize| !answers.contains(&Some(*place));
    let mut taken = Vec::new();
    let mut differences = Vec::new();
    for (expected, row) in wrong.iter().enumerate() {
        if answers.get(expected).is_none_or(Option::is_none) {
            let candidates = (0..came.len()).filter(|place| free(place) && !taken.contains(place));
            let nearest = candidates
                .filter_map(|place| Some((place, row.get(place)?.clone()?)))
                .min_by_key(|(_, wrong)| wrong.len());
            taken.extend(nearest.as_ref().map(|(place, _)| *place));
            differences.push(Difference::Missing { expected, nearest });
        }
    }
    if !test.others {
        let told = |message: &Message| !matches!(message.news, News::Suppressed { .. });
        let rest = came
            .iter()
            .enumerate()
            .filter(|(place, message)| told(message) && free(place) && !taken.contains(place));
        differences.extend(rest.map(|(place, _)| Difference::Unexpected(place)));
    }
    differences
}

/// For each expectation the message that answers it: a greatest matching, by augmenting paths.
fn assign(wrong: &[Vec<Option<Vec<String>>>], messages: usize) -> Vec<Option<usize>> {
    let mut owner: Vec<Option<usize>> = vec![None; messages];
    for expected in 0..wrong.len() {
        augment(expected, wrong, &mut owner, &mut vec![false; messages]);
    }
    let mut answers = vec![None; wrong.len()];
    for (message, expected) in owner.iter().enumerate() {
        if let Some(answer) = expected.and_then(|expected| answers.get_mut(expected)) {
            *answer = Some(message);
        }
    }
    answers
}

fn augment(
    expected: usize,
    wrong: &[Vec<Option<Vec<String>>>],
    owner: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some(row) = wrong.get(expected) else { return false };
    for (message, wrong_here) in row.iter().enumerate() {
        if !wrong_here.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        match tried.get_mut(message) {
            Some(tried) if !*tried => *tried = true,
            _ => continue,
        }
        let free = match owner.get(message).copied().flatten() {
            None => true,
            Some(other) => augment(other, wrong, owner, tried),
        };
        if free {
            if let Some(owner) = owner.get_mut(message) {
                *owner = Some(expected);
            }
            return true;
        }
    }
    false
}

/// Each offer that came, by its id.
pub(super) fn offers_of(came: &[Message]) -> BTreeMap<&Text, &Made> {
    let made = came.iter().filter_map(|message| match &message.news {
        News::Made(made) => Some((&message.offer_id, &**made)),
        News::Withdrawn(..) | News::Suppressed { .. } => None,
    });
    made.collect()
}

/// What is different about a message of the same kind and rule; `None` for one of another.
fn against(
    test: &RuleTest,
    expected: &Expected,
    message: &Message,
    offers: &BTreeMap<&Text, &Made>,
) -> Option<Vec<String>> {
    let offer = offers.get(&message.offer_id);
    let rule = match (&expected.what, &message.news) {
        (What::Offer(_), News::Made(made)) => &made.rule,
        (What::Withdrawn(_), News::Withdrawn(..)) => &offer?.rule,
        (What::KeptBack { .. }, News::Suppressed { rule, .. }) => rule,
        _ => return None,
    };
    if *rule != expected.rule {
        return None;
    }
    let mut wrong = Vec::new();
    let mut same = |name: &str, wanted: Option<String>, found: String| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            wrong.push(format!("{name}: {}, not {}", shown(&found), shown(&wanted)));
        }
    };
    same("at", expected.at.map(|at| test.moments.text(at)), test.moments.text(message.tick));
    if let Some(who) = &expected.who {
        let known = |handle: &Handle| handle.as_str() == who;
        let is = message.person.as_str() == who
            || message.made_for.as_str() == who
            || offer.is_some_and(|made| made.handles.iter().any(known));
        if !is {
            same("who", Some(who.to_string()), message.person.to_string());
        }
    }
    match (&expected.what, &message.news) {
        (What::Offer(claim), News::Made(made)) => offer_differences(claim, made, &test.moments, &mut same),
        (What::Withdrawn(reason), News::Withdrawn(found, _)) => {
            same("reason", reason.map(|reason| reason.as_str().to_owned()), found.as_str().to_owned());
        }
        (What::KeptBack { policy, score }, News::Suppressed { policy: found, score: points, .. }) => {
            same("policy", policy.map(str::to_owned), found.to_string());
            same("score", score.map(|score| score.to_string()), points.to_string());
        }
        _ => {}
    }
    Some(wrong)
}

fn offer_differences(
    claim: &OfferClaim,
    made: &Made,
    moments: &Moments,
    same: &mut dyn FnMut(&str, Option<String>, String),
) {
    let OfferClaim { score, channel, title, body, coupon, items, location, zone, valid_until } = claim;
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
    let moment = |time: Time| moments.text(time);
    same("score", score.map(|score| score.to_string()), made.score.to_string());
    same("channel", text(channel), made.channel.to_string());
    same("title", text(title), made.title.to_string());
    same("body", text(body), made.body.to_string());
    same("coupon", text(coupon), made.coupon.as_deref().unwrap_or_default().to_owned());
    let found: Vec<&str> = made.items.iter().map(ItemId::as_str).collect();
    same("items", items.as_ref().map(|items| items.join(" ")), found.join(" "));
    let place = made.location.as_ref().map(ToString::to_string).unwrap_or_default();
    same("location", text(location), place);
    same("zone", text(zone), made.zone.as_deref().unwrap_or_default().to_owned());
    same("valid_until", valid_until.map(moment), moment(made.valid_until));
}

fn shown(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}
