//! Engines that begin with what others kept: the answer is that of one that was never stopped.
//!
//! Here nothing is on disk: rows go from engine to engine as bytes. What it shows is that the rows are all
//! that later answers need, whatever the number of workers on either side.

use super::compare::job;
use super::engine::{Engine as _, Job, Shopbell};
use super::random::scripts;
use shopbell::intake::{CloudEventsJson, DecodedChunk, Outcome, Sequencer};
use shopbell::output::render;
use shopbell::runtime::{Engine, KeptRows, Tick, settings};
use shopbell::source::Chunk;
use shopbell::stored::{Row, read_row};
use shopbell_dataflows::kept::Restored;
use shopbell_model::offer::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// All ticks of a script, and where its clock ends.
pub(super) fn ticks(job: &Job) -> (Vec<Tick>, u64) {
    let config = shopbell::config::Config::parse(&job.config, std::path::Path::new("test.toml")).unwrap();
    let decoder = CloudEventsJson { wall_clock: shopbell::wall_clock, limits: config.limits };
    let mut chunk = Chunk::default();
    job.events.iter().enumerate().for_each(|(line, event)| chunk.push(line as u64, event.as_bytes()));
    let clock = shopbell_dataflows::clock::Clock::new(job.tick_ms);
    let mut sequencer = Sequencer::new(clock, config.retention.duplicates);
    let mut ticks = Vec::new();
    for outcome in DecodedChunk::decode(&chunk, &decoder).outcomes {
        let Outcome::Event(fingerprint, event) = outcome else { panic!("not an event") };
        ticks.extend(sequencer.take(fingerprint, event));
    }
    ticks.extend(sequencer.last());
    (ticks, sequencer.now().max(job.until.unwrap_or(0)))
}

/// Rows of facts by key, as bytes.
type Stored = BTreeMap<Vec<u8>, Vec<u8>>;

fn shares(stored: &Stored, tick: u64, workers: usize) -> Vec<Restored> {
    (0..workers)
        .map(|worker| {
            let rows = stored.iter().filter_map(|(key, value)| match read_row(key, value).unwrap() {
                Row::Fact(key, value) => key.is_for(worker, workers).then_some((key, value)),
                Row::Copy(..) | Row::Outbox(..) => None,
            });
            Restored { tick, rows: rows.collect() }
        })
        .collect()
}

/// The script's lines where the engine is stopped after every `every` ticks; each life has its own number
/// of workers.
pub(super) fn with_restarts(job: &Job, every: usize, workers: &[usize]) -> (Vec<String>, usize) {
    let config = shopbell::config::Config::parse(&job.config, std::path::Path::new("test.toml")).unwrap();
    let set = shopbell_model::rules::load(&job.rules).unwrap();
    let rules = shopbell::replay::shared_rules(&set);
    let (ticks, end) = ticks(job);
    let mut ticks = ticks.into_iter().peekable();
    let (mut stored, mut said, mut lives, mut restored_at) = (Stored::new(), Vec::new(), 0, 0);
    loop {
        let workers = workers[lives % workers.len()];
        let (keep, kept) = crossbeam_channel::unbounded::<KeptRows>();
        let heard: Arc<Mutex<Vec<(u64, Message)>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let start = shopbell::runtime::Job {
            workers,
            grid: job.tick_ms,
            unfinished: 4,
            settings: settings(&config, &rules),
            rules: rules.clone(),
            keep: Some(keep),
            restored: shares(&stored, restored_at, workers),
        };
        let mut engine = Engine::start(start, move |tick, messages| {
            hears.lock().unwrap().extend(messages.into_iter().map(|message| (tick, message)));
        })
        .unwrap();
        lives += 1;
        let share: Vec<Tick> = ticks.by_ref().take(every).collect();
        let last = share.last().map_or(restored_at, |tick| tick.time);
        let next = ticks.peek().map(|tick| tick.time);
        let until = match next {
            Some(next) => {
                engine.submit(share, next).unwrap();
                restored_at = engine.keep().unwrap();
                engine.submit(Vec::new(), next + 2).unwrap();
                engine.wait_for(next + 2).unwrap();
                for part in kept.iter().take(workers) {
                    assert_eq!(part.tick, restored_at);
                    for row in part.rows.unwrap() {
                        match row.value {
                            Some(value) => drop(stored.insert(row.key, value)),
                            None => drop(stored.remove(&row.key)),
                        }
                    }
                }
                next
            }
            None => {
                let mut share = share;
                let final_tick = share.pop();
                engine.submit(share, last).unwrap();
                engine.wait_for(last).unwrap();
                let clock = engine.clock().clone();
                clock.stop_at(end);
                let after = clock.tick_of(end) + 1;
                engine.submit(final_tick.into_iter().collect(), after).unwrap();
                engine.wait_for(after).unwrap();
                after
            }
        };
        engine.stop().unwrap();
        // What comes later is said again by the next one.
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        said.extend(heard.into_iter().filter(|(tick, _)| *tick < until).map(|(_, message)| message));
        if next.is_none() {
            let said = said.iter().map(|message| render(message).unwrap());
            return (said.map(|message| message.json.to_string()).collect(), lives);
        }
    }
}

#[test]
fn nobody_notices_that_engines_were_stopped_and_others_went_on() {
    let (mut which, mut all) = (0, 0);
    scripts(|name, replay| {
        which += 1;
        let job = job(replay, 1);
        let undisturbed = Shopbell.replay(&job).unwrap();
        let every = [3, 7, 20][which % 3];
        let (restarted, lives) =
            with_restarts(&job, every, &[[2, 1, 4], [1, 3, 2], [4, 2, 1]][which / 3 % 3]);
        all += lives;
        assert_same(&format!("{name}: stopped after every {every} ticks"), &undisturbed, &restarted);
    });
    assert!(all > which, "engines were stopped");
}

/// Fails with the first line that differs.
pub(super) fn assert_same(name: &str, undisturbed: &[String], restarted: &[String]) {
    let differs = undisturbed.iter().zip(restarted).find(|(a, b)| a != b);
    assert!(
        differs.is_none() && undisturbed.len() == restarted.len(),
        "{name}: {} and {} lines, first {differs:#?}",
        undisturbed.len(),
        restarted.len()
    );
}
