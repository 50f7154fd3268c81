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
        let now = event.time.max(clock);
        // A copy changes nothing, not even the clock.
        if !copies.is_new(fingerprint(&event), now) {
            continue;
        }
        clock = now;
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
    let job = Job {
        workers: play.workers,
        grid: 1,
        unfinished: 2,
        settings,
        rules: play.rules,
        keep: None,
        restored: Vec::new(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "[rule.reminder]\nwhen = \"cart_abandoned\"\nidle = \"10m\"\n\
                        [rule.reminder.offer]\ntitle = \"Still there\"\n\
                        [rule.hello]\nwhen = \"checked_in\"\n[rule.hello.offer]\ntitle = \"Hello\"\n";
    const EVENTS: &str = r#"{"specversion":"1.0","id":"1","source":"a","type":"web.add_to_cart","subject":"email:1","time":"2025-01-01T10:00:00Z","data":{"items":[{"item_id":"mask"}]}}
{"specversion":"1.0","id":"2","source":"a","type":"store.check_in","subject":"email:1","time":"2025-01-01T10:00:00Z","data":{"location":"shop"}}
{"specversion":"1.0","id":"1","source":"a","type":"web.add_to_cart","subject":"email:1","time":"2025-01-01T10:05:00Z","data":{"items":[{"item_id":"mask"}]}}

{"specversion":"1.0","id":"3","source":"a","type":"web.search","subject":"email:1","time":"2025-01-01T09:59:00Z","data":{"query":"late"}}
"#;
    const TEN: Time = 1_735_725_600_000;

    fn played(until: Option<Time>) -> (Vec<Time>, Vec<Answer>) {
        let set = shopbell_model::rules::load(&[("rules.toml".to_owned(), RULE.to_owned())]).unwrap();
        let config = Config::default();
        let events = ticks(EVENTS, &config).unwrap();
        let rules = crate::replay::shared_rules(&set);
        let mut decided = Vec::new();
        let answers = play(Play { config, rules, workers: 1, until }, events, |happening| {
            if let Happening::Decided(message, _) = happening {
                decided.push(message.tick);
            }
        });
        (decided, answers.unwrap())
    }

    #[test]
    fn ticks_hold_each_event_once_at_the_clock_it_arrived() {
        let ticks = ticks(EVENTS, &Config::default()).unwrap();
        let shape: Vec<(Time, usize)> = ticks.iter().map(|tick| (tick.time, tick.events.len())).collect();
        // The copy of the first is left out and does not move the clock; the late one arrives at ten.
        assert_eq!(shape, [(TEN, 3)]);
    }

    #[test]
    fn timers_go_off_until_the_end_and_are_no_latency() {
        let (decided, answers) = played(Some(TEN + 600_000));
        assert_eq!(decided, [TEN, TEN + 600_000]);
        assert_eq!(answers.iter().map(|answer| answer.offers).collect::<Vec<_>>(), [1]);
        assert_eq!(played(Some(TEN + 599_999)).0, [TEN]);
        assert_eq!(played(None).0, [TEN]);
    }

    #[test]
    fn a_wrong_event_is_named_by_its_line() {
        let wrong = ticks("\n{}\n", &Config::default()).unwrap_err();
        assert!(matches!(&wrong, DemoError::Event { line: 2, .. }), "{wrong}");
        assert_eq!(wrong.code(), "demo-event");
    }
}
