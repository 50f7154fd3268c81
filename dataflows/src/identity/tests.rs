//! Kinds of test: after every change the persons are those of a union-find from scratch over the
//! links that stand (`agrees_…`); limits at their edges; work a login costs where a handle has many.

use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, Text};
use std::time::{Duration, Instant};

const NAMES: [&str; 10] = [
    "card:1", "card:2", "phone:1", "email:1", "wechat:1", "till:1", "till:2", "cookie:1", "cookie:2",
    "device:1",
];

fn handle(text: &str) -> Handle {
    Handle::new(&Brand::default(), text)
}

fn link(a: &str, b: &str, time: Time) -> Link {
    let (low, high) = if handle(a) < handle(b) { (a, b) } else { (b, a) };
    Link { at: Moment { time, arrival: 0 }, low: handle(low), high: handle(high) }
}

pub(super) fn limits(max_links: u32, max_handles: u32, blocked: &[&str]) -> Identity {
    Identity { max_links, max_handles, blocked: blocked.iter().map(|text| Text::from(*text)).collect() }
}

/// The links that stand, the persons as reported so far, and the operator's part under test.
struct World {
    limits: Identity,
    persons: Persons,
    links: BTreeMap<(Handle, Handle), Moment>,
    reported: BTreeMap<(Handle, Person), isize>,
}

impl World {
    fn new(limits: Identity) -> Self {
        let persons = Persons::new(limits.clone());
        World { limits, persons, links: BTreeMap::new(), reported: BTreeMap::new() }
    }

    /// What the fold does: the pair's old link goes, the new one comes.
    fn say(&mut self, link: Link, linked: bool) {
        let pair = (link.low.clone(), link.high.clone());
        if let Some(at) = self.links.remove(&pair) {
            self.persons.update(&Link { at, ..link.clone() }, -1);
        }
        if linked {
            self.persons.update(&link, 1);
            self.links.insert(pair, link.at);
        }
    }

    fn settle(&mut self) {
        let reported = &mut self.reported;
        self.persons.settle(|renaming, diff| *reported.entry(renaming).or_default() += diff);
        reported.retain(|_, sum| *sum != 0);
    }

    /// The person of every handle that is not named by itself, as the sum of all reports.
    fn renamed(&self) -> BTreeMap<Handle, Person> {
        let mut renamed = BTreeMap::new();
        for ((handle, person), sum) in &self.reported {
            if *person == Person::named_by(handle) {
                assert_eq!(*sum, -1, "{handle} gives up its own name once");
                continue;
            }
            assert_eq!(*sum, 1, "{handle} is {person} once");
            assert!(renamed.insert(handle.clone(), person.clone()).is_none(), "{handle} is two persons");
            let own = (handle.clone(), Person::named_by(handle));
            assert_eq!(self.reported.get(&own), Some(&-1), "{handle} is still itself");
        }
        assert_eq!(renamed.len() * 2, self.reported.len(), "a name is given up for another");
        renamed
    }

    /// The same from scratch.
    fn expected(&self) -> (BTreeMap<Handle, Person>, IdentityCounts) {
        let mut degrees: BTreeMap<&Handle, u32> = BTreeMap::new();
        for (low, high) in self.links.keys() {
            *degrees.entry(low).or_default() += 1;
            *degrees.entry(high).or_default() += 1;
        }
        let nobody = |handle: &Handle| degrees[handle] > self.limits.max_links || self.limits.blocks(handle);
        let mut counting: Vec<_> = self.links.iter().map(|((low, high), at)| (at.time, low, high)).collect();
        counting.retain(|(_, low, high)| !nobody(low) && !nobody(high));
        counting.sort();
        let mut sets: Vec<BTreeSet<&Handle>> =
            degrees.keys().map(|handle| BTreeSet::from([*handle])).collect();
        let mut capped = 0;
        for (_, low, high) in counting {
            let place = |handle| sets.iter().position(|set| set.contains(handle)).unwrap();
            let (one, other) = (place(low), place(high));
            if one == other {
                continue;
            }
            if sets[one].len() + sets[other].len() > self.limits.max_handles as usize {
                capped += 1;
                continue;
            }
            let moved = std::mem::take(&mut sets[other]);
            sets[one].extend(moved);
            sets.remove(other);
        }
        let mut renamed = BTreeMap::new();
        for set in &sets {
            let best = set.iter().min_by_key(|handle| (handle.rank(), handle.as_str())).unwrap();
            for member in set.iter().filter(|member| *member != best) {
                renamed.insert((*member).clone(), Person::named_by(best));
            }
        }
        let shared_handles = degrees.values().filter(|degree| **degree > self.limits.max_links).count();
        (renamed, IdentityCounts { shared_handles, capped_links: capped })
    }

    fn person(&self, text: &str) -> String {
        let own = Person::named_by(&handle(text));
        self.renamed().get(&handle(text)).unwrap_or(&own).to_string()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Links said, said again at another time and taken back, some changes at once; degrees and caps
    /// are crossed in both directions because the limits are small.
    #[test]
    fn agrees_with_a_union_find_from_scratch(
        steps in prop::collection::vec((0usize..10, 0usize..10, 0u64..12, 0u8..10, any::<bool>()), 1..90),
        max_links in 1u32..5,
        max_handles in 2u32..6,
        block in any::<bool>(),
    ) {
        let blocked: &[&str] = if block { &["till:*", "wechat:1"] } else { &[] };
        let mut world = World::new(limits(max_links, max_handles, blocked));
        for (a, b, time, kind, at_once) in steps {
            if a == b {
                continue;
            }
            world.say(link(NAMES[a], NAMES[b], time), kind < 6);
            if at_once {
                continue;
            }
            world.settle();
            let (renamed, counts) = world.expected();
            prop_assert_eq!(world.renamed(), renamed);
            prop_assert_eq!(world.persons.counts(), counts);
        }
    }
}

#[test]
fn a_handle_with_one_link_too_many_links_nobody_until_one_goes() {
    let mut world = World::new(limits(2, 64, &[]));
    for (time, other) in ["cookie:1", "cookie:2"].iter().enumerate() {
        world.say(link("till:1", other, time as Time), true);
    }
    world.settle();
    assert_eq!(world.person("cookie:2"), "till:1");
    world.say(link("till:1", "card:1", 9), true);
    world.settle();
    assert_eq!((world.person("cookie:1"), world.person("cookie:2")), ("cookie:1".into(), "cookie:2".into()));
    assert_eq!(world.persons.counts().shared_handles, 1);
    world.say(link("till:1", "cookie:2", 9), false);
    world.settle();
    assert_eq!((world.person("cookie:1"), world.person("cookie:2")), ("card:1".into(), "cookie:2".into()));
    assert_eq!(world.persons.counts(), IdentityCounts::default());
}

#[test]
fn the_cap_takes_the_links_that_came_first() {
    let mut world = World::new(limits(16, 3, &[]));
    world.say(link("card:1", "cookie:1", 3), true);
    world.say(link("cookie:2", "cookie:1", 2), true);
    world.say(link("device:1", "cookie:2", 1), true);
    world.settle();
    assert_eq!((world.person("cookie:1"), world.person("card:1")), ("device:1".into(), "card:1".into()));
    assert_eq!(world.persons.counts().capped_links, 1);
    // Said again later, the first link comes last.
    world.say(link("device:1", "cookie:2", 4), true);
    world.settle();
    assert_eq!((world.person("cookie:2"), world.person("device:1")), ("card:1".into(), "device:1".into()));
    world.say(link("card:1", "cookie:1", 3), false);
    world.settle();
    assert_eq!(world.persons.counts().capped_links, 0);
}

#[test]
fn links_of_equal_time_are_taken_by_their_handles() {
    let mut world = World::new(limits(16, 2, &[]));
    world.say(link("email:1", "phone:1", 5), true);
    world.say(link("card:1", "email:1", 5), true);
    world.settle();
    assert_eq!((world.person("email:1"), world.person("phone:1")), ("card:1".into(), "phone:1".into()));
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
/// Time that `count` logins take, each settled by itself; `device` names the device of a login.
fn logins(count: u32, device: impl Fn(u32) -> String) -> Duration {
    let mut persons = Persons::new(Identity::default());
    let links: Vec<Link> =
        (0..count).map(|i| link(&device(i), &format!("card:{i:06}"), Time::from(i))).collect();
    let began = Instant::now();
    for link in links.iter() {
        persons.update(link, 1);
        persons.settle(|_, _| {});
    }
    for link in links.iter().rev() {
        persons.update(link, -1);
        persons.settle(|_, _| {});
    }
    assert_eq!(persons.counts(), IdentityCounts::default());
    assert!(persons.links.is_empty() && persons.renamed.is_empty() && persons.touched.is_empty());
    began.elapsed()
}

/// A login that looked at the kiosk's other links would take a thousand times as long as one of a
/// device of its own.
#[test]
fn a_login_at_a_kiosk_costs_no_more_the_fifty_thousandth_time() {
    let apart = logins(50_000, |i| format!("device:{i:06}"));
    let kiosk = logins(50_000, |_| "device:kiosk".to_owned());
    assert!(kiosk < apart * 20, "kiosk {kiosk:?}, devices of their own {apart:?}");
}
