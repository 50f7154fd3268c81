//! A worker that panics is told at once, though the others would wait for it for ever.

use super::*;
use shopbell::config::Config;
use shopbell::replay::shared_rules;
use shopbell::runtime::{Engine, EngineError, Job, Progress, Tick, settings};
use shopbell_model::event::{Decoded, Limits, decode};
use std::sync::mpsc;

#[test]
fn the_engine_does_not_wait_for_a_worker_that_is_gone() {
    let rules = shopbell_model::rules::load(&[("test.toml".to_owned(), CHECKED_IN.to_owned())]).unwrap();
    let rules = shared_rules(&rules);
    let settings = settings(&Config::default(), &rules);
    let job = Job { workers: 2, grid: 1, unfinished: 4, settings, rules, keep: None, restored: Vec::new() };
    let mut engine = Engine::start(job, |_, _| panic!("on purpose")).unwrap();
    let (tell, told) = mpsc::channel();
    assert!(engine.board().watch(move |progress| tell.send(progress).unwrap()));
    let now = shopbell::wall_clock();
    let raw = check_in("1", "phone:1").to_string();
    let Ok(Decoded::Event(event)) = decode(raw.as_bytes(), now, &Limits::default()) else { panic!("{raw}") };
    let time = event.time;
    engine.submit(vec![Tick { time, events: vec![(1, event)] }], time + 1).unwrap();
    assert!(matches!(engine.wait_for(time + 1), Err(EngineError::WorkerLost)));
    assert!(engine.board().has_ended());
    while told.recv_timeout(PATIENCE).unwrap() != Progress::Ended {}
}
