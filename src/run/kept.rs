//! What a job finds when it starts again, and what it keeps for the next time.
//!
//! Invariant: the newest good checkpoint and the journal after it say everything that was acknowledged; nothing
//! on disk is passed over without being told. Cost: reads the state once, with as many threads as workers.

use super::RunError;
use super::beginning;
use super::fault::Faults;
use crate::checkpoint::{self, Checkpoint, Store};
use crate::cluster::RestoredRow;
use crate::config::{ClockKind, State};
use crate::intake::Duplicates;
use crate::journal::{self, Journal};
use crate::sink::Position;
use crate::sink::webhook::OutboxValue;
use crate::stored::{FORMAT, Place, Row, Ruling, ShadowSet, read_row};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shopbell_dataflows::kept::{KeptKey, Restored, is_bucket_of};
use shopbell_model::time::{Duration, Time};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What a checkpoint says besides rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The version of everything stored.
    pub(super) format: u16,
    /// The last record of the journal that the rows stand for.
    pub(super) sequence: u64,
    /// Events so far.
    pub(super) arrival: u64,
    /// How far the clock had come.
    pub(super) clock: Time,
    /// Whose clock it is.
    pub(super) clock_kind: String,
    /// Milliseconds between ticks.
    pub(super) grid: u64,
    /// How far each source was read.
    pub(super) read: BTreeMap<String, Place>,
    /// The generation of copies that are remembered, and when the next one begins.
    pub(super) generation: u64,
    pub(super) turns: Time,
    /// How much each sink was given that can be gone on with, by [`Sink::position`](crate::sink::Sink::position).
    pub(super) output: BTreeMap<String, Position>,
    /// The rules in force.
    pub(super) ruling: Ruling,
    /// Rules that are only looked at, where they were given to the running job.
    #[serde(default)]
    pub(super) shadow: Option<ShadowSet>,
    /// The last persons forgotten of whom older files may still say something.
    #[serde(default)]
    pub(super) erasing: Option<Erasing>,
}

/// Where somebody was forgotten: what is older on disk has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Erasing {
    /// The tick.
    pub(super) tick: Time,
    /// The record of the journal that asks for it.
    pub(super) sequence: u64,
}

impl Meta {
    /// Reads what a checkpoint says.
    pub(super) fn read(said: &Value) -> Result<Meta, RunError> {
        Meta::knows(said)?;
        Meta::deserialize(said).map_err(|error| RunError::Meta { reason: error.to_string() })
    }

    /// Whether this version wrote it: of another one's, nothing else is looked at.
    fn knows(said: &Value) -> Result<(), RunError> {
        #[derive(Deserialize)]
        struct Version {
            format: u16,
        }
        let version =
            Version::deserialize(said).map_err(|error| RunError::Meta { reason: error.to_string() })?;
        match version.format {
            FORMAT => Ok(()),
            found => Err(RunError::Format { found, known: FORMAT }),
        }
    }

    /// Whether a journal that begins with record `first` can follow.
    pub(super) fn is_followed_from(&self, first: u64) -> Result<(), RunError> {
        let needed = self.sequence.saturating_add(1);
        // Without a checkpoint the journal must reach back to the beginning.
        if needed < first { Err(RunError::Gap { needed, first }) } else { Ok(()) }
    }

    /// Whether the state can be gone on with under other settings.
    pub(super) fn same_settings(&self, wanted: &Meta) -> Result<(), RunError> {
        let pairs = [
            ("the clock", self.clock_kind.clone(), wanted.clock_kind.clone()),
            ("ticks of milliseconds", self.grid.to_string(), wanted.grid.to_string()),
        ];
        for (what, kept, wanted) in pairs {
            if kept != wanted {
                return Err(RunError::Settings { what, kept, wanted });
            }
        }
        Ok(())
    }
}

/// What receivers are still to get, by name.
pub(super) type Outboxes = BTreeMap<String, Vec<(u64, OutboxValue)>>;

/// Everything that was kept.
pub(super) struct Kept {
    pub(super) journal: Journal,
    pub(super) store: Store,
    pub(super) meta: Meta,
    /// One for each worker of this process.
    pub(super) restored: Vec<Restored>,
    /// Where the rows of other processes' workers are.
    pub(super) checkpoint: Option<Arc<Checkpoint>>,
    /// The tick of the checkpoint; none where there was none.
    pub(super) restored_at: Option<Time>,
    pub(super) duplicates: Duplicates,
    pub(super) outboxes: Outboxes,
}

pub(super) fn clock_name(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Wall => "wall",
        ClockKind::Events => "events",
    }
}

/// Opens what was kept, or begins to keep. It must have been kept under the same settings as are `wanted`.
pub(super) fn open(
    state: &State,
    wanted: &Meta,
    retention: Duration,
    (workers, peers): (usize, usize),
    faults: &Faults,
) -> Result<Kept, RunError> {
    crate::durable::make_folder(&state.folder)
        .map_err(|error| RunError::System { what: "the folder of `[state]`", error })?;
    // Before anything is opened: that puts ends right and removes what is left over.
    let checkpoints = state.folder.join("checkpoints");
    let metas = checkpoint::metas(&checkpoints)?;
    metas.iter().try_for_each(Meta::knows)?;
    let journal = state.folder.join("journal");
    beginning::look(&state.folder, wanted, metas.is_empty() && holds_files(&journal))?;
    beginning::write(&state.folder, wanted)?;
    let settings = journal::Settings {
        segment_bytes: state.segment as u64,
        sync: state.sync,
        probe: faults.probe(),
        ..Default::default()
    };
    let (journal, report) = Journal::open(journal, settings)?;
    for warning in &report.warnings {
        tracing::warn!(%warning, "journal");
    }
    if let Some(cut) = &report.cut {
        tracing::info!(bytes = cut.bytes, "the journal ended within a write that nobody was told of");
    }
    let mut store =
        Store::open(&checkpoints, checkpoint::Settings { hook: faults.hook(), ..Default::default() })?;
    let found = store.newest_good()?;
    for skipped in &found.skipped {
        let error = &skipped.error;
        tracing::error!(
            checkpoint = skipped.number,
            code = error.code(),
            "a checkpoint is passed over: {error}"
        );
    }
    let (mut meta, mut restored, mut duplicates) = (wanted.clone(), Vec::new(), Duplicates::new(retention));
    let mut outboxes = Outboxes::new();
    if let Some(checkpoint) = &found.checkpoint {
        meta = Meta::read(checkpoint.meta())?;
        meta.same_settings(wanted)?;
        duplicates.restore(meta.generation, meta.turns);
        restored = read_rows(checkpoint, (workers, peers), &mut duplicates, &mut outboxes)?;
        if faults.loses("ledger") {
            let is_kept = |(key, _): &(KeptKey, _)| !matches!(key, KeptKey::Said(..));
            restored.iter_mut().for_each(|restored| restored.rows.retain(is_kept));
        }
    }
    meta.is_followed_from(journal.first())?;
    let restored_at = found.checkpoint.as_ref().map(|checkpoint| checkpoint.tick());
    let checkpoint = found.checkpoint;
    Ok(Kept { journal, store, meta, restored, checkpoint, restored_at, duplicates, outboxes })
}

fn holds_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
}

/// Reads the rows of every worker here, each on a thread of its own, and the copies of all.
fn read_rows(
    checkpoint: &Checkpoint,
    (workers, peers): (usize, usize),
    duplicates: &mut Duplicates,
    outboxes: &mut Outboxes,
) -> Result<Vec<Restored>, RunError> {
    let mut all = Vec::with_capacity(workers);
    let (mut facts, mut copies) = (0, 0);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..workers)
            .map(|worker| threads.spawn(move || read_share(checkpoint, worker, (workers, peers))))
            .collect();
        for reader in readers {
            let share = reader.join().map_err(|_| RunError::DeliveryLost)??;
            (facts, copies) = (facts + share.restored.rows.len(), copies + share.copies.len());
            for (fingerprint, generation) in share.copies {
                duplicates.restore_copy(fingerprint, generation);
            }
            for (receiver, number, value) in share.messages {
                outboxes.entry(receiver).or_default().push((number, value));
            }
            all.push(share.restored);
        }
        let (checkpoint, tick) = (checkpoint.number(), checkpoint.tick());
        tracing::info!(checkpoint, tick, facts, events = copies, "the state was read");
        Ok(all)
    })
}

/// What one worker's thread read.
struct Share {
    restored: Restored,
    copies: Vec<(u128, u64)>,
    messages: Vec<(String, u64, OutboxValue)>,
}

fn read_share(
    checkpoint: &Checkpoint,
    worker: usize,
    (workers, peers): (usize, usize),
) -> Result<Share, RunError> {
    let restored = Restored { tick: checkpoint.tick(), rows: Vec::new() };
    let mut share = Share { restored, copies: Vec::new(), messages: Vec::new() };
    // The first bucket also holds what every worker has; copies and messages are known here only.
    let is_read =
        |bucket| bucket == 0 || is_bucket_of(bucket, worker, peers) || is_bucket_of(bucket, worker, workers);
    for row in checkpoint.rows(is_read) {
        let row = row?;
        match read_row(&row.key, row.value.as_deref().unwrap_or_default())? {
            Row::Fact(key, value) if key.is_for(worker, peers) => share.restored.rows.push((key, value)),
            Row::Copy(fingerprint, generation) if is_bucket_of(row.bucket, worker, workers) => {
                share.copies.push((fingerprint, generation));
            }
            Row::Outbox(receiver, number, value) if is_bucket_of(row.bucket, worker, workers) => {
                share.messages.push((receiver, number, value));
            }
            _ => {}
        }
    }
    Ok(share)
}

/// Gives the rows of a worker of another process, as they are stored.
pub(super) fn share_rows(
    checkpoint: &Checkpoint,
    worker: usize,
    peers: usize,
    give: &mut dyn FnMut(RestoredRow) -> Result<(), RunError>,
) -> Result<(), RunError> {
    for row in checkpoint.rows(|bucket| bucket == 0 || is_bucket_of(bucket, worker, peers)) {
        let row = row?;
        let value = row.value.unwrap_or_default();
        if matches!(read_row(&row.key, &value)?, Row::Fact(key, _) if key.is_for(worker, peers)) {
            give((row.key, value))?;
        }
    }
    Ok(())
}
