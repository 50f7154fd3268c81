//! One test through an engine of its own, tick by tick.
//!
//! Invariant: a tick is decided before the next one is fed, so that an event about an offer can name the offer.

use crate::config::Config;
use crate::runtime::{Engine, EngineError, Job, Tick, settings};
use shopbell_model::event::{Body, Event};
use shopbell_model::key::Text;
use shopbell_model::offer::{Message, News};
use shopbell_model::rules::{Rule, RuleTest};
use shopbell_model::shared::Shared;
use shopbell_model::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

/// What was seen.
pub(super) struct Played {
    /// What the engine said.
    pub(super) came: Vec<Message>,
    /// Lines of events about an offer that was not there.
    pub(super) strays: Vec<usize>,
}

pub(super) fn play(test: &RuleTest, rules: &[Shared<Rule>]) -> Result<Played, EngineError> {
    let config = config(test);
    let job = Job {
        workers: 1,
        grid: 1,
        unfinished: 2,
        settings: settings(&config, rules),
        rules: rules.to_vec(),
        keep: None,
        restored: Vec::new(),
    };
    let delivered: Arc<Mutex<Vec<Message>>> = Arc::default();
    let deliver = Arc::clone(&delivered);
    let mut engine = Engine::start(job, move |_, messages| {
        deliver.lock().unwrap_or_else(PoisonError::into_inner).extend(messages);
    })?;
    let (mut clock, mut strays) = (0, Vec::new());
    let mut waiting: Vec<(u64, Event)> = Vec::new();
    for (place, given) in test.given.iter().enumerate() {
        let now = given.event.time.max(clock);
        if now > clock {
            feed(&mut engine, clock, &mut waiting)?;
            // What is due before this event is decided before it.
            engine.submit(Vec::new(), now)?;
            engine.wait_for(now)?;
            clock = now;
        }
        let event = match &given.offer_of {
            None => given.event.clone(),
            Some(rule) => {
                let known = delivered.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(offer_id) = latest(&known, rule, &given.event) else {
                    strays.push(given.line);
                    continue;
                };
                given.about(&offer_id)
            }
        };
        waiting.push((place as u64 + 1, event));
    }
    feed(&mut engine, clock, &mut waiting)?;
    let end = test.until.max(clock) + 1;
    engine.submit(Vec::new(), end)?;
    engine.wait_for(end)?;
    engine.stop()?;
    let came = std::mem::take(&mut *delivered.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Played { came, strays })
}

/// Feeds the events of a tick and waits for what follows from them.
fn feed(engine: &mut Engine, time: u64, events: &mut Vec<(u64, Event)>) -> Result<(), EngineError> {
    if events.is_empty() {
        return Ok(());
    }
    engine.submit(vec![Tick { time, events: std::mem::take(events) }], time + 1)?;
    engine.wait_for(time + 1)
}

/// The latest offer of a rule to the person an event is about.
fn latest(came: &[Message], rule: &Text, event: &Event) -> Option<Text> {
    let Body::Person { handle, .. } = &event.body else { return None };
    let offer = came.iter().rev().find(
        |message| matches!(&message.news, News::Made(made) if made.rule == *rule && made.handles.contains(handle)),
    );
    offer.map(|message| message.offer_id.clone())
}

/// The settings of a test: its own, or the defaults.
fn config(test: &RuleTest) -> Config {
    let mut config = Config::default();
    let policy = &test.policy;
    let caps = policy.cap.iter().chain(policy.channel_caps.iter().map(|(_, cap)| cap));
    let longest =
        caps.map(|cap| cap.within).chain(policy.cooldown).chain(policy.hold).max().unwrap_or(Duration(0));
    config.retention.ledger = config.retention.ledger.max(longest);
    config.retention.pools = config.retention.pools.max(config.retention.ledger);
    // An offer is known no longer than what was bought on it.
    config.retention.purchases = config.retention.purchases.max(config.retention.ledger);
    config.policy = policy.clone();
    config.presence = test.presence.clone();
    config.learning = test.learning.clone();
    // What was kept back explains why an offer did not come.
    config.output.suppressed = true;
    config
}
