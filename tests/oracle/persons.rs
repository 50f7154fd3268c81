//! Who is who: links of one brand to sets of handles, from scratch.

use super::config::Identity;
use super::event::{Act, Event, Time};
use std::collections::{BTreeMap, BTreeSet};

/// The sets of handles of all that were ever named in `events` (of one brand).
pub(crate) fn persons(events: &[&Event], identity: &Identity) -> Vec<BTreeSet<String>> {
    let mut handles: BTreeSet<String> = BTreeSet::new();
    // Pair of handles → the latest word on it: (time, arrival, linked).
    let mut words: BTreeMap<(String, String), (Time, usize, bool)> = BTreeMap::new();
    for event in events.iter().filter(|event| !event.handle.is_empty()) {
        handles.insert(event.handle.clone());
        let (other, linked) = match &event.act {
            Act::Link(other) => (other, true),
            Act::Unlink(other) => (other, false),
            _ => continue,
        };
        handles.insert(other.clone());
        if *other == event.handle {
            continue;
        }
        let pair = (other.min(&event.handle).clone(), other.max(&event.handle).clone());
        let word = (event.time, event.seq, linked);
        let latest = words.entry(pair).or_insert(word);
        *latest = (*latest).max(word);
    }
    words.retain(|_, (_, _, linked)| *linked);
    let links_of = |handle: &String| words.keys().filter(|(a, b)| a == handle || b == handle).count();
    let may_link = |handle: &String| {
        links_of(handle) <= identity.max_links && !identity.blocked.contains(&handle.as_str())
    };
    let mut links: Vec<(Time, &String, &String)> = words
        .iter()
        .filter(|((a, b), _)| may_link(a) && may_link(b))
        .map(|((a, b), word)| (word.0, a, b))
        .collect();
    links.sort();

    let mut sets: Vec<BTreeSet<String>> =
        handles.iter().map(|handle| BTreeSet::from([handle.clone()])).collect();
    for (_, a, b) in links {
        let (Some(left), Some(right)) =
            (sets.iter().position(|s| s.contains(a)), sets.iter().position(|s| s.contains(b)))
        else {
            continue;
        };
        if left != right && sets[left].len() + sets[right].len() <= identity.max_handles {
            let joined = sets[left].union(&sets[right]).cloned().collect();
            sets[left] = joined;
            sets.remove(right);
        }
    }
    sets
}

/// Place of a handle's kind among the kinds, from the most durable to the most fleeting.
pub(crate) fn rank(handle: &str) -> usize {
    const KINDS: [&str; 9] =
        ["card", "member", "customer", "phone", "email", "wechat", "", "device", "cookie"];
    let kind = handle.split(':').next().unwrap_or_default();
    KINDS.iter().position(|known| *known == kind).unwrap_or(6)
}

/// The handle that names a person.
pub(crate) fn name(handles: &BTreeSet<String>) -> String {
    handles.iter().min_by_key(|handle| (rank(handle), handle.as_str())).cloned().unwrap_or_default()
}
