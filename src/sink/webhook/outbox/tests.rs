//! By table: what becomes of messages. By property: rows as of a tick against a model.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn message(key: &str, id: &str, kind: MessageKind) -> Message {
    let valid_until = (kind == MessageKind::Made).then_some(100);
    Message {
        key: key.into(),
        offer_id: id.into(),
        kind,
        channel: "sms".into(),
        valid_until,
        forgotten: false,
        json: format!("{id} {kind:?}").into(),
    }
}

fn made(key: &str, id: &str) -> Arc<Message> {
    Arc::new(message(key, id, MessageKind::Made))
}

fn withdrawn(key: &str, id: &str, forgotten: bool) -> Arc<Message> {
    Arc::new(Message { forgotten, ..message(key, id, MessageKind::Withdrawn) })
}

fn outbox(waiting: usize, failed: Option<usize>) -> Outbox {
    Outbox::new(1, Bounds { waiting, failed })
}

/// What waits and what failed, as they would go out.
fn held(outbox: &Outbox) -> (Vec<String>, Vec<String>) {
    let (failed, waiting): (Vec<_>, Vec<_>) = outbox.entries.values().partition(|entry| entry.failed);
    let texts = |entries: Vec<&Entry>| entries.iter().map(|entry| entry.message.json.to_string()).collect();
    (texts(waiting), texts(failed))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn an_offer_that_failed_goes_when_it_is_withdrawn_and_one_that_waits_goes_first() {
    let mut outbox = outbox(10, Some(10));
    for id in ["a", "b"] {
        outbox.add(1, made("p", id));
    }
    outbox.give_up(1);
    outbox.add(2, withdrawn("p", "a", false));
    outbox.add(2, withdrawn("p", "b", false));
    assert_eq!(held(&outbox), (texts(&["b Made", "a Withdrawn", "b Withdrawn"]), vec![]));
    assert_eq!(outbox.first(0), Some(2));
}

#[test]
fn what_failed_waits_again_in_its_order_before_what_came_later() {
    let mut outbox = outbox(2, Some(10));
    let added: Vec<Added> = ["a", "b", "c"].map(|id| outbox.add(1, made("p", id))).to_vec();
    assert_eq!(added, [Added::Waits(0), Added::Waits(0), Added::Overflowed]);
    outbox.give_up(1);
    outbox.add(2, made("p", "d"));
    assert_eq!(held(&outbox), (texts(&["b Made", "d Made"]), texts(&["a Made", "c Made"])));
    assert_eq!(outbox.replay(0), 2);
    assert_eq!(held(&outbox), (texts(&["a Made", "b Made", "c Made", "d Made"]), vec![]));
    assert_eq!((outbox.first(0), outbox.waiting(), outbox.failed()), (Some(1), 4, 0));
    // Nobody may send it twice, though its row was told.
    outbox.delivered(1);
    assert_eq!((outbox.waits(1), outbox.first(0)), (None, Some(2)));
}

#[test]
fn a_disabled_receiver_gets_nothing_until_it_is_replayed() {
    let mut outbox = outbox(10, Some(10));
    outbox.add(1, made("p", "a"));
    assert_eq!(outbox.disable(7), 1);
    assert_eq!((outbox.disable(9), outbox.condition().disabled_since), (0, Some(7)));
    assert_eq!(outbox.add(2, made("p", "b")), Added::Disabled);
    assert_eq!((outbox.first(0), outbox.waits(1)), (None, None));
    let rows = outbox.changes(2);
    let mut again = self::outbox(10, Some(10));
    again.restore(rows.into_iter().map(|(number, value)| (number, value.unwrap())));
    assert_eq!(again.condition().disabled_since, Some(7));
    assert_eq!(again.add(3, made("p", "c")), Added::Disabled);
    assert_eq!(again.replay(0), 3);
    assert_eq!(held(&again).0, texts(&["a Made", "b Made", "c Made"]));
    assert_eq!(again.condition().disabled_since, None);
}

#[test]
fn without_state_what_failed_is_not_kept() {
    let mut outbox = outbox(1, None);
    outbox.add(1, made("p", "a"));
    assert_eq!(outbox.add(1, made("p", "b")), Added::Overflowed);
    outbox.give_up(1);
    assert_eq!(held(&outbox), (vec![], vec![]));
    let messages = outbox.changes(9).iter().filter(|(number, _)| *number != RECEIVER).count();
    assert_eq!((outbox.take_dropped(), messages), (0, 0));
}

#[test]
fn the_oldest_and_what_is_over_is_dropped_and_counted() {
    let mut outbox = outbox(10, Some(2));
    outbox.disable(1);
    for id in ["a", "b", "c"] {
        outbox.add(1, made("p", id));
    }
    assert_eq!((held(&outbox).1, outbox.take_dropped()), (texts(&["b Made", "c Made"]), 1));
    outbox.expire(100);
    assert_eq!(outbox.failed(), 2);
    // Another one's end is later; a withdrawal has none.
    outbox.add(2, Arc::new(Message { valid_until: Some(200), ..message("p", "d", MessageKind::Made) }));
    outbox.add(2, withdrawn("p", "e", false));
    outbox.take_dropped();
    // By the clock, or by the last tick.
    let again = outbox.replay(101);
    assert_eq!((again, held(&outbox).0), (2, texts(&["d Made", "e Withdrawn"])));
    outbox.disable(1);
    outbox.add(201, withdrawn("p", "f", false));
    outbox.expire(0);
    assert_eq!((held(&outbox).1, outbox.take_dropped()), (texts(&["e Withdrawn", "f Withdrawn"]), 1));
}

#[test]
fn who_is_forgotten_has_no_offers_left_but_withdrawals() {
    let mut outbox = outbox(10, Some(10));
    for (key, id) in [("p", "a"), ("p", "b"), ("q", "c")] {
        outbox.add(1, made(key, id));
    }
    outbox.add(2, withdrawn("p", "z", false));
    outbox.give_up(1);
    outbox.changes(2);
    for id in ["a", "b"] {
        outbox.add(3, withdrawn("p", id, true));
    }
    let left = ["c Made", "z Withdrawn", "a Withdrawn", "b Withdrawn"];
    assert_eq!(held(&outbox), (texts(&left), vec![]));
    // What a checkpoint had of them goes with the next one.
    let gone: Vec<OutboxRow> = outbox.changes(2).into_iter().filter(|(_, value)| value.is_none()).collect();
    assert_eq!(gone, [(1, None), (2, None)]);
}

#[test]
fn dropping_leaves_nothing_and_closing_not_even_the_receiver() {
    let mut outbox = outbox(10, Some(10));
    outbox.add(1, made("p", "a"));
    outbox.add(1, made("p", "b"));
    outbox.give_up(1);
    outbox.changes(1);
    assert_eq!((outbox.clear(), outbox.waiting(), outbox.failed()), (2, 0, 0));
    outbox.close();
    assert_eq!(outbox.changes(1), [(RECEIVER, None), (1, None), (2, None)]);
}

/// A step of the model: what lanes, ticks, checkpoints and people do.
#[derive(Clone, Debug)]
enum Step {
    Add {
        key: u8,
        withdraws: Option<u8>,
        forgotten: bool,
    },
    NextTick,
    Deliver(u8),
    GiveUp(u8),
    Disable,
    Replay,
    Clear,
    /// A checkpoint as of so many ticks ago, and whether the process ends after it.
    Keep {
        ago: u8,
        crash: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let keep = (0_u8..4, any::<bool>(), any::<bool>());
    prop_oneof![
        8 => (0_u8..3, proptest::option::of(any::<u8>()), any::<bool>())
            .prop_map(|(key, withdraws, forgotten)| Step::Add { key, withdraws, forgotten }),
        3 => Just(Step::NextTick),
        5 => any::<u8>().prop_map(Step::Deliver),
        3 => any::<u8>().prop_map(Step::GiveUp),
        1 => Just(Step::Disable),
        1 => Just(Step::Replay),
        1 => Just(Step::Clear),
        4 => keep.prop_map(|(ago, one, other)| Step::Keep { ago, crash: one && other }),
    ]
}

/// What is not delivered, without any index: tick, message, whether it failed.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    held: Vec<(u64, Arc<Message>, bool)>,
    disabled: bool,
}

const WAITING: usize = 4;
const FAILED: usize = 5;

impl Model {
    fn add(&mut self, tick: u64, message: Arc<Message>) {
        if message.kind == MessageKind::Withdrawn {
            self.held.retain(|(_, held, failed)| {
                let offer = held.kind == MessageKind::Made;
                let same = offer && *failed && held.offer_id == message.offer_id;
                !(same || message.forgotten && offer && held.key == message.key)
            });
        }
        let waiting = self.held.iter().filter(|(_, _, failed)| !failed).count();
        self.held.push((tick, message, self.disabled || waiting >= WAITING));
        self.hold_bound();
    }

    fn hold_bound(&mut self) {
        while self.held.iter().filter(|(_, _, failed)| *failed).count() > FAILED {
            let oldest = self.held.iter().position(|(_, _, failed)| *failed).unwrap();
            self.held.remove(oldest);
        }
    }

    /// The place of the one that a pick means, of those that wait.
    fn pick(&self, pick: u8) -> Option<usize> {
        let waiting: Vec<usize> = (0..self.held.len()).filter(|place| !self.held[*place].2).collect();
        (!waiting.is_empty()).then(|| waiting[usize::from(pick) % waiting.len()])
    }

    fn as_of(&self, tick: u64) -> Vec<(u64, Arc<Message>, bool)> {
        self.held.iter().filter(|(of, ..)| *of <= tick).cloned().collect()
    }
}

fn number_of(outbox: &Outbox, message: &Arc<Message>) -> u64 {
    let found = outbox.entries.iter().find(|(_, entry)| Arc::ptr_eq(&entry.message, message));
    *found.unwrap().0
}

proptest! {
    /// Whatever happens between checkpoints, their rows put together are what was not delivered of ticks up to
    /// theirs; and what starts from them with the later ticks again is where the other one was.
    #[test]
    fn rows_say_what_is_not_delivered_as_of_their_tick(steps in vec(step(), 1..120)) {
        let bounds = Bounds { waiting: WAITING, failed: Some(FAILED) };
        let (mut outbox, mut model) = (Outbox::new(2, bounds), Model::default());
        let (mut stored, mut tick, mut kept, mut offers) = (BTreeMap::new(), 10, 0, 0_u32);
        for step in steps {
            match step {
                Step::Add { key, withdraws, forgotten } => {
                    offers += 1;
                    let key = format!("p{key}");
                    let message = match withdraws {
                        Some(back) => {
                            let offer = format!("o{}", offers.saturating_sub(1 + u32::from(back) % 3));
                            withdrawn(&key, &offer, forgotten)
                        }
                        None => Arc::new(Message {
                            valid_until: None,
                            ..message(&key, &format!("o{offers}"), MessageKind::Made)
                        }),
                    };
                    outbox.add(tick, Arc::clone(&message));
                    model.add(tick, message);
                }
                Step::NextTick => tick += 1,
                Step::Deliver(pick) => {
                    if let Some(place) = model.pick(pick) {
                        let (_, message, _) = model.held.remove(place);
                        outbox.delivered(number_of(&outbox, &message));
                    }
                }
                Step::GiveUp(pick) => {
                    if let Some(place) = model.pick(pick) {
                        outbox.give_up(number_of(&outbox, &model.held[place].1));
                        model.held[place].2 = true;
                        model.hold_bound();
                    }
                }
                Step::Disable => {
                    outbox.disable(1);
                    model.disabled = true;
                    model.held.iter_mut().for_each(|held| held.2 = true);
                    model.hold_bound();
                }
                Step::Replay => {
                    outbox.replay(0);
                    model.disabled = false;
                    model.held.iter_mut().for_each(|held| held.2 = false);
                }
                Step::Clear => {
                    outbox.clear();
                    model.held.clear();
                }
                Step::Keep { ago, crash } => {
                    kept = kept.max(tick - u64::from(ago));
                    for (number, value) in outbox.changes(kept) {
                        match value {
                            Some(value) => drop(stored.insert(number, value)),
                            None => drop(stored.remove(&number)),
                        }
                    }
                    let mut rows = stored.clone();
                    let disabled = match rows.remove(&RECEIVER) {
                        Some(OutboxValue::Receiver(condition)) => condition.disabled_since.is_some(),
                        other => { prop_assert_eq!(other, None); false }
                    };
                    prop_assert_eq!(disabled, model.disabled);
                    let said: Vec<_> = rows.into_values().map(|value| match value {
                        OutboxValue::Message(tick, message, failed) => (tick, message, failed),
                        OutboxValue::Receiver(_) => panic!("one receiver"),
                    }).collect();
                    prop_assert_eq!(&said, &model.as_of(kept));
                    if crash {
                        outbox = Outbox::new(2, bounds);
                        outbox.restore(stored.clone());
                        let later: Vec<_> = model.held.split_off(said.len());
                        prop_assert!(later.iter().all(|(of, ..)| *of > kept));
                        // The model takes the restored ones up, so that they are found again.
                        model.held = outbox.entries.values()
                            .map(|entry| (entry.tick, Arc::clone(&entry.message), entry.failed)).collect();
                        for (of, message, _) in later {
                            outbox.add(of, Arc::clone(&message));
                            model.add(of, message);
                        }
                    }
                }
            }
            let (waiting, failed): (Vec<_>, Vec<_>) = model.held.iter().partition(|(_, _, failed)| !failed);
            prop_assert_eq!((outbox.waiting(), outbox.failed()), (waiting.len(), failed.len()));
            for lane in 0..2 {
                let first = waiting.iter().find(|(_, message, _)| outbox.lane(&message.key) == lane);
                prop_assert_eq!(outbox.first(lane).and_then(|number| outbox.waits(number)),
                    first.map(|(_, message, _)| Arc::clone(message)));
            }
        }
    }
}
