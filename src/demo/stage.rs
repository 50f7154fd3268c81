//! The stage: events of a text through the engine, one tick at a time, by their own clock.
//!
//! Invariant: nothing waits for real time; what is decided is what `replay` with `--tick 1ms` decides.
//! How: before a tick the clock goes on to it, so that what was due in between is decided and not
//! counted; then the tick alone is fed, and the time until its offers are there as JSON is taken.
//! Cost: two round trips through the dataflow a tick, where a replay keeps it busy.

use super::DemoError;
use crate::config::Config;
use crate::intake::{Duplicates, fingerprint};
use crate::output::render;
use crate::runtime::{Engine, Job, Tick, settings};
use shopbell_model::event::{Decoded, Event, decode};
use shopbell_model::offer::{Message, News};
use shopbell_model::rules::Rule;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What can be seen on the stage.
#[derive(Clone, Debug)]
pub enum Happening {
    /// An event arrived while the clock showed that time.
    Arrived(Time, Event),
    /// Something was decided; the same as JSON.
    Decided(Message, Arc<str>),
}

impl Happening {
    /// When it was, by the engine's clock.
    pub fn time(&self) -> Time {
        match self {
            Happening::Arrived(clock, _) => *clock,
            Happening::Decided(message, _) => message.tick,
        }
    }
}

/// How long a tick with events took to its last offer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Offers made in that tick.
    pub offers: usize,
    /// From feeding its events to its last offer as JSON.
    pub took: Duration,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Play {
    /// The configuration.
    pub config: Config,
    /// The rules.
    pub rules: Vec<Shared<Rule>>,
    /// Worker threads.
    pub workers: usize,
    /// How far the clock goes after the last event.
    pub until: Option<Time>,
}

/// Decodes events, one a line, into ticks of one millisecond. Unknown types are left out.
pub fn ticks(text: &str, config: &Config) -> Result<Vec<Tick>, DemoError> {
    let wall_clock = crate::wall_clock();
    let mut copies = Duplicates::new(config.retention.duplicates);
    let (mut clock, mut arrival) = (0, 0);
    let mut ticks: Vec<Tick> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let decoded = decode(line.as_bytes(), wall_clock, &config.limits).map_err(|refusal| {
            let (reason, hint) = (refusal.to_string(), refusal.hint().to_owned());
            DemoError::Event { line: index + 1, reason, hint }
        })?;
        let Decoded::Event(event) = decoded else { continue };
        clock = event.time.max(clock);
        if !copies.is_new(fingerprint(&event), clock) {
            continue;
        }
        arrival += 1;
        match ticks.last_mut().filter(|tick| tick.time == clock) {
            Some(tick) => tick.events.push((arrival, event)),
            None => ticks.push(Tick { time: clock, events: vec![(arrival, event)] }),
        }
    }
    Ok(ticks)
}

/// What came out of a tick, and when it was there.
type Delivered = (Instant, Result<Vec<(Message, Arc<str>)>, serde_json::Error>);

/// Plays ticks; `see` is shown what happens, in order. Gives the latency of every tick with offers.
pub fn play(play: Play, ticks: Vec<Tick>, mut see: impl FnMut(Happening)) -> Result<Vec<Answer>, DemoError> {
    let settings = settings(&play.config, &play.rules);
    let job = Job { workers: play.workers, grid: 1, unfinished: 2, settings, rules: play.rules };
    let delivered: Arc<Mutex<Vec<Delivered>>> = Arc::default();
    let deliver = Arc::clone(&delivered);
    let mut engine = Engine::start(job, move |_, messages| {
        let with_json = |message: Message| render(&message).map(|rendered| (message, rendered.json));
        let messages = messages.into_iter().map(with_json).collect();
        deliver.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), messages));
    })?;
    // Takes what was delivered: offers made, and when the last of them was there.
    let take = |see: &mut dyn FnMut(Happening)| -> Result<Option<(usize, Instant)>, DemoError> {
        let mut last = None;
        let all = std::mem::take(&mut *delivered.lock().unwrap_or_else(PoisonError::into_inner));
        for (at, messages) in all {
            let messages = messages?;
            let made = messages.iter().filter(|(message, _)| matches!(message.news, News::Made(_))).count();
            if made > 0 {
                last = Some((made + last.map_or(0, |(before, _)| before), at));
            }
            messages.into_iter().for_each(|(message, json)| see(Happening::Decided(message, json)));
        }
        Ok(last)
    };
    let mut answers = Vec::new();
    let mut end = play.until.unwrap_or(0);
    for tick in ticks {
        let now = tick.time;
        engine.submit(Vec::new(), now)?;
        engine.wait_for(now)?;
        take(&mut see)?;
        tick.events.iter().for_each(|(_, event)| see(Happening::Arrived(now, event.clone())));
        let fed = Instant::now();
        engine.submit(vec![tick], now + 1)?;
        engine.wait_for(now + 1)?;
        if let Some((offers, at)) = take(&mut see)? {
            answers.push(Answer { offers, took: at.saturating_duration_since(fed) });
        }
        end = end.max(now);
    }
    engine.submit(Vec::new(), end + 1)?;
    engine.wait_for(end + 1)?;
    take(&mut see)?;
    engine.stop()?;
    Ok(answers)
}
