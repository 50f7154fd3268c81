//! Large states: killed after their last checkpoint, and taken up by two workers and by one.

use crate::Bench;
use crate::beat::beat;
use crate::disk::{Newest, Sizes, newest, sizes};
use crate::error::MeasureError;
use crate::job::{Job, Wanted};
use crate::material::{Clock, Config, crowd, mall};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// From one beat to the next.
const BEAT: Duration = Duration::from_millis(500);

/// What came out.
pub(crate) struct Restart {
    /// Whose state it was.
    pub(crate) whose: String,
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

/// A mall's day, by its own time: most events are readings, and few of its customers leave anything to be kept.
pub(crate) fn of_mall(bench: &Bench) -> Result<Restart, MeasureError> {
    let arguments = &bench.arguments;
    let file = mall(bench, "mall.jsonl", arguments.customers, arguments.events)?;
    let whose = format!("a mall of {} customers", arguments.customers);
    measure(bench, whose, &file, Clock::Events, &bench.arguments.rules("rules"))
}

/// Customers of whom each has something in the cart, and a fifth an offer that stands.
pub(crate) fn of_crowd(bench: &Bench) -> Result<Restart, MeasureError> {
    let (file, rules) = crowd(bench)?;
    let customers = bench.arguments.customers;
    let whose = format!("{customers} customers, each with a cart, {} with an offer", customers / 5);
    let restart = measure(bench, whose, &file, Clock::Wall, &rules)?;
    let offers = read(&bench.path("offers.jsonl"))?;
    let made = offers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
    if made != customers / 5 {
        return Err(MeasureError::Void(format!("{made} offers instead of {}", customers / 5)));
    }
    Ok(restart)
}

fn measure(
    bench: &Bench,
    whose: String,
    file: &PathBuf,
    clock: Clock,
    rules: &Path,
) -> Result<Restart, MeasureError> {
    // HTTP keeps it alive when the file is read.
    let config = Config { events: Some((file, clock)), http: true, state: true }.write(bench)?;
    let wanted = |workers| Wanted { config: &config, rules: rules.to_path_buf(), workers };
    bench.tell(&format!("{whose}: the first life, up to its last checkpoint"));
    let mut job = Job::start(&bench.shopbell, &wanted(2))?;
    let address = job.says("running")?.text("http");
    let events = job.says("read to its end")?.number("events");
    let state = bench.path("state");
    settled(&mut job, (clock == Clock::Events).then_some(&*address), &state, file)?;
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
    Ok(Restart { whose, events, facts, known, sizes, starts })
}

/// Waits until there is a checkpoint of the whole file; by the clock of events it lets time go on at `beats`. The last
/// lines of the file may be second copies, which nobody keeps.
fn settled(job: &mut Job, beats: Option<&str>, state: &Path, file: &Path) -> Result<(), MeasureError> {
    let length = std::fs::metadata(file).map_err(MeasureError::io("look at", file))?.len();
    let is_whole = |now: &Newest| now.read + 4096 > length && !now.unfinished;
    let (mut seconds, mut waiting) = (0, Vec::new());
    while !is_whole(&newest(state)) {
        seconds += 1;
        waiting.extend(beats.map(|address| beat(address, seconds)).transpose()?);
        let since = Instant::now();
        job.watch(|| since.elapsed() < BEAT && !is_whole(&newest(state)))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, MeasureError> {
    std::fs::read(path).map_err(MeasureError::io("read", path))
}
