//! Persons after words and forgettings are those of the words that are left.

use super::super::tests::limits;
use super::*;
use proptest::prelude::*;
use shopbell_model::key::{Brand, Person};

fn handle(number: u8) -> Handle {
    Handle::new(
        &Brand::default(),
        ["card:1", "cookie:1", "device:1", "phone:1", "wechat:1", "till:1"][usize::from(number)],
    )
}

fn word(one: u8, other: u8, time: Time, arrival: u64, linked: bool) -> Word {
    let (low, high) = (handle(one).min(handle(other)), handle(one).max(handle(other)));
    Word::Link { low, high, at: Moment { time, arrival }, linked }
}

/// A registry with what it reported, and what it kept.
struct World {
    registry: Registry,
    reported: BTreeMap<Renaming, isize>,
    kept: BTreeMap<(Handle, Handle), (Moment, bool)>,
}

impl World {
    fn new() -> World {
        let mut registry = Registry::new(limits(3, 4, &["wechat:1"]));
        registry.keep_track();
        World { registry, reported: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// One tick, with those before it in which something goes by itself.
    fn tick(&mut self, tick: Time, words: Vec<Word>) -> BTreeSet<Handle> {
        while let Some(earlier) = self.registry.next().filter(|earlier| *earlier < tick) {
            self.note(earlier, Vec::new());
        }
        self.note(tick, words)
    }

    fn note(&mut self, tick: Time, words: Vec<Word>) -> BTreeSet<Handle> {
        let told = self.registry.tick(tick, words, tick + 1);
        for (renaming, diff) in told.renamings {
            *self.reported.entry(renaming).or_default() += diff;
        }
        self.reported.retain(|_, sum| *sum != 0);
        self.registry.keep(|pair, said| match said {
            Some(said) => drop(self.kept.insert(pair, said)),
            None => drop(self.kept.remove(&pair)),
        });
        told.forgotten
    }

    fn person(&self, number: u8) -> Person {
        let is = |((of, _), sum): &(&Renaming, &isize)| *of == handle(number) && **sum > 0;
        let named = self.reported.iter().find(is).map(|((_, person), _)| person.clone());
        named.unwrap_or_else(|| Person::named_by(&handle(number)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_is_left_is_what_the_other_words_say(
        drawn in prop::collection::vec((0u8..6, 0u8..6, 0u64..40, 0u8..12, any::<bool>()), 1..60),
    ) {
        let mut world = World::new();
        // Words that are left, in the order they came.
        let mut left: Vec<Word> = Vec::new();
        let (mut tick, mut words, mut asked) = (100, Vec::new(), Vec::new());
        for (arrival, (one, other, time, what, closes)) in drawn.into_iter().enumerate() {
            if what == 0 {
                asked.push(handle(one));
                words.push(Word::Forget(handle(one)));
            } else if one != other {
                words.push(word(one, other, time, arrival as u64, what > 3));
            }
            if !closes {
                continue;
            }
            left.extend(words.iter().filter(|word| matches!(word, Word::Link { .. })).cloned());
            let forgotten = world.tick(tick, std::mem::take(&mut words));
            // Whoever was asked for is forgotten, with the person that it was by the words up to now.
            let mut afresh = World::new();
            afresh.tick(1, left.clone());
            let persons: BTreeSet<Person> = asked.drain(..).map(|handle| {
                (0..6).find(|number| super::tests::handle(*number) == handle).map(|number| afresh.person(number)).unwrap()
            }).collect();
            let expected: BTreeSet<Handle> =
                (0..6).filter(|number| persons.contains(&afresh.person(*number))).map(handle).collect();
            prop_assert_eq!(&forgotten, &expected);
            left.retain(|word| match word {
                Word::Link { low, high, .. } => !forgotten.contains(low) && !forgotten.contains(high),
                Word::Forget(_) => false,
            });
            // For everybody else that is so in the tick itself, for the forgotten from the next one on.
            let mut afresh = World::new();
            afresh.tick(1, left.clone());
            prop_assert_eq!(&world.kept, &afresh.kept);
            for number in (0..6).filter(|number| !forgotten.contains(&handle(*number))) {
                prop_assert_eq!(world.person(number), afresh.person(number));
            }
            tick += 1;
            world.tick(tick, Vec::new());
            prop_assert_eq!(&world.reported, &afresh.reported);
            prop_assert_eq!(world.registry.counts(), afresh.registry.counts());
            tick += 5;
        }
        prop_assert!(world.registry.next().is_none_or(|next| next <= tick));
    }
}

#[test]
fn the_forgotten_stay_one_person_in_their_tick() {
    let mut world = World::new();
    world.tick(100, vec![word(0, 1, 100, 1, true)]);
    assert_eq!(world.person(1), Person::named_by(&handle(0)));
    let forgotten = world.tick(200, vec![Word::Forget(handle(1)), word(1, 2, 200, 2, true)]);
    assert_eq!(forgotten, [handle(0), handle(1), handle(2)].into());
    assert_eq!(world.person(2), Person::named_by(&handle(0)));
    assert!(world.kept.is_empty(), "and nothing is kept of them");
    // What is said in the next tick is new.
    world.tick(201, vec![word(2, 3, 100, 3, true)]);
    assert_eq!(
        [0, 1, 2, 3].map(|number| world.person(number)),
        [0, 1, 3, 3].map(|number| Person::named_by(&handle(number)))
    );
    assert!(world.registry.links.apart_from(&handle(0)).next().is_none());
}
