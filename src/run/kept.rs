//! What a job finds when it starts again, and what it keeps for the next time.
//!
//! Invariant: the newest good checkpoint and the journal after it say everything that was acknowledged; nothing
//! on disk is passed over without being told. Cost: reads the state once, with as many threads as workers.

use super::RunError;
use super::fault::Faults;
use crate::checkpoint::{self, Checkpoint, Store};
use crate::config::{ClockKind, State};
use crate::intake::Duplicates;
use crate::journal::{self, Journal};
use crate::sink::Position;
use crate::stored::{FORMAT, Place, Row, RuleTexts, read_row};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shopbell_dataflows::kept::{Restored, is_bucket_of};
use shopbell_model::time::{Duration, Time};
use std::collections::BTreeMap;

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
    /// The rules in force: names and texts of their files.
    pub(super) rules: RuleTexts,
}

impl Meta {
    /// Reads what a checkpoint says.
    pub(super) fn read(said: &Value) -> Result<Meta, RunError> {
        let meta: Meta =
            Meta::deserialize(said).map_err(|error| RunError::Meta { reason: error.to_string() })?;
        if meta.format == FORMAT {
            Ok(meta)
        } else {
            Err(RunError::Format { found: meta.format, known: FORMAT })
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

/// Everything that was kept.
pub(super) struct Kept {
    pub(super) journal: Journal,
    pub(super) store: Store,
    pub(super) meta: Meta,
    /// One for each worker.
    pub(super) restored: Vec<Restored>,
    /// The tick of the checkpoint; none where there was none.
    pub(super) restored_at: Option<Time>,
    pub(super) duplicates: Duplicates,
}

pub(super) fn clock_name(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Wall => "wall",
        ClockKind::Events => "events",
    }
}

/// Opens what was kept, or begins to keep.
pub(super) fn open(
    state: &State,
    retention: Duration,
    workers: usize,
    faults: &Faults,
) -> Result<Kept, RunError> {
    std::fs::create_dir_all(&state.folder)
        .map_err(|error| RunError::System { what: "the folder of `[state]`", error })?;
    let settings = journal::Settings {
        segment_bytes: state.segment as u64,
        sync: state.sync,
        probe: faults.probe(),
        ..Default::default()
    };
    let (journal, report) = Journal::open(state.folder.join("journal"), settings)?;
    for warning in &report.warnings {
        tracing::warn!(%warning, "journal");
    }
    if let Some(cut) = &report.cut {
        tracing::info!(bytes = cut.bytes, "the journal ended within a write that nobody was told of");
    }
    let mut store = Store::open(
        &state.folder.join("checkpoints"),
        checkpoint::Settings { hook: faults.hook(), ..Default::default() },
    )?;
    let found = store.newest_good()?;
    for skipped in &found.skipped {
        let error = &skipped.error;
        tracing::error!(
            checkpoint = skipped.number,
            code = error.code(),
            "a checkpoint is passed over: {error}"
        );
    }
    let (mut meta, mut restored, mut duplicates) = (Meta::default(), Vec::new(), Duplicates::new(retention));
    if let Some(checkpoint) = &found.checkpoint {
        meta = Meta::read(checkpoint.meta())?;
        duplicates.restore(meta.generation, meta.turns);
        restored = read_rows(checkpoint, workers, &mut duplicates)?;
    }
    meta.is_followed_from(journal.first())?;
    let restored_at = found.checkpoint.as_ref().map(|checkpoint| checkpoint.tick());
    Ok(Kept { journal, store, meta, restored, restored_at, duplicates })
}

/// Reads every worker's rows, each on a thread of its own.
fn read_rows(
    checkpoint: &Checkpoint,
    workers: usize,
    duplicates: &mut Duplicates,
) -> Result<Vec<Restored>, RunError> {
    let mut all = Vec::with_capacity(workers);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..workers)
            .map(|worker| threads.spawn(move || read_share(checkpoint, worker, workers)))
            .collect();
        for reader in readers {
            let (restored, copies) = reader.join().map_err(|_| RunError::DeliveryLost)??;
            for (fingerprint, generation) in copies {
                duplicates.restore_copy(fingerprint, generation);
            }
            all.push(restored);
        }
        Ok(all)
    })
}

type Share = (Restored, Vec<(u128, u64)>);

fn read_share(checkpoint: &Checkpoint, worker: usize, workers: usize) -> Result<Share, RunError> {
    let (mut restored, mut copies) = (Restored { tick: checkpoint.tick(), rows: Vec::new() }, Vec::new());
    // The first bucket also holds what every worker has.
    for row in checkpoint.rows(|bucket| bucket == 0 || is_bucket_of(bucket, worker, workers)) {
        let row = row?;
        match read_row(&row.key, row.value.as_deref().unwrap_or_default())? {
            Row::Fact(key, value) if key.is_for(worker, workers) => restored.rows.push((key, value)),
            Row::Copy(fingerprint, generation) if is_bucket_of(row.bucket, worker, workers) => {
                copies.push((fingerprint, generation));
            }
            _ => {}
        }
    }
    Ok((restored, copies))
}
