//! A large state: killed after its last checkpoint, and taken up by two workers and by one.

use crate::Bench;
use crate::beat::beat;
use crate::disk::{Newest, Sizes, newest, sizes};
use crate::error::MeasureError;
use crate::job::{Job, Wanted};
use crate::material::{Config, mall};
use std::path::Path;
use std::time::{Duration, Instant};

/// From one beat to the next.
const BEAT: Duration = Duration::from_millis(500);

/// What came out.
pub(crate) struct Restart {
    /// Events that were read, copies among them.
    pub(crate) events: u64,
    /// Rows of facts, and of events that are known so that their copies are.
    pub(crate) facts: u64,
    pub(crate) known: u64,
    pub(crate) sizes: Sizes,
    pub(crate) starts: Vec<Start>,
}

/// One start.
pub(crate) struct Start {
    pub(crate) workers: usize,
    pub(crate) rows_read: Duration,
    pub(crate) ready: Duration,
    pub(crate) peak: u64,
}

pub(crate) fn measure(bench: &Bench) -> Result<Restart, MeasureError> {
    let arguments = &bench.arguments;
    let file = mall(bench, "mall.jsonl", arguments.customers, arguments.events)?;
    // HTTP keeps it alive when the file is read.
    let config = Config { events: Some(&file), http: true, state: true }.write(bench)?;
    let wanted = |workers| Wanted { config: &config, rules: bench.rules("rules"), workers };
    bench.tell("the first life, up to its last checkpoint");
    let mut job = Job::start(&bench.shopbell, &wanted(2))?;
    let address = job.says("running")?.text("http");
    let events = job.says("read to its end")?.number("events");
    let state = bench.path("state");
    settled(&mut job, &address, &state, &file)?;
    job.kill()?;
    let said = read(&bench.path("offers.jsonl"))?;
    let sizes = sizes(&state)?;
    let (mut starts, mut facts, mut known) = (Vec::new(), 0, 0);
    for workers in [2, 1] {
        bench.tell(&format!("a start with {workers} workers"));
        let mut job = Job::start(&bench.shopbell, &wanted(workers))?;
        let found = job.says("the state was read")?;
        let ready = job.says("running")?.after;
        (facts, known) = (found.number("facts"), found.number("events"));
        job.kill()?;
        starts.push(Start { workers, rows_read: found.after, ready, peak: job.peak });
    }
    if !read(&bench.path("offers.jsonl"))?.starts_with(&said) {
        return Err(MeasureError::Void("other offers after the restarts".to_owned()));
    }
    Ok(Restart { events, facts, known, sizes, starts })
}

/// Lets time go on until there is a checkpoint of the whole file. Its last lines may be second copies, which nobody keeps.
fn settled(job: &mut Job, address: &str, state: &Path, file: &Path) -> Result<(), MeasureError> {
    let length = std::fs::metadata(file).map_err(MeasureError::io("look at", file))?.len();
    let is_whole = |now: &Newest| now.read + 4096 > length && !now.unfinished;
    let (mut seconds, mut waiting) = (0, Vec::new());
    while !is_whole(&newest(state)) {
        seconds += 1;
        waiting.push(beat(address, seconds)?);
        let since = Instant::now();
        job.watch(|| since.elapsed() < BEAT && !is_whole(&newest(state)))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, MeasureError> {
    std::fs::read(path).map_err(MeasureError::io("read", path))
}
