//! What a folder of state was begun with: its format and what its ticks mean, before there is any checkpoint to say so.
//!
//! Invariant: the file is on the disk before anything else of the state is, so that what follows is never read as something else;
//! its last field is the checksum of all bytes before that. Checkpoints say the same of themselves, and are asked too. Cost: a small file, once.

use super::RunError;
use super::kept::Meta;
use crate::durable;
use crate::stored::FORMAT;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Name of the file.
const NAME: &str = "state.json";
/// Its name while it is made.
const NEW_NAME: &str = "state.json.new";
const BEFORE_CHECKSUM: &str = ",\n  \"checksum\": \"";
const AFTER_CHECKSUM: &str = "\"\n}\n";

/// What stands in it.
#[derive(Debug, Serialize, Deserialize)]
struct Beginning {
    /// The version of everything stored.
    format: u16,
    /// Whose clock it is.
    clock: String,
    /// Milliseconds between ticks.
    tick: u64,
}

/// Looks whether a state can be gone on with, and changes nothing. Where it is all in a journal, it must say how it was begun.
pub(super) fn check(folder: &Path, is_all_journal: bool) -> Result<(), RunError> {
    begun(folder, is_all_journal).map(drop)
}

/// The same under these settings.
pub(super) fn look(folder: &Path, wanted: &Meta, is_all_journal: bool) -> Result<(), RunError> {
    let Some(begun) = begun(folder, is_all_journal)? else { return Ok(()) };
    let meta = Meta { clock_kind: begun.clock, grid: begun.tick, ..Meta::default() };
    meta.same_settings(wanted)
}

fn begun(folder: &Path, is_all_journal: bool) -> Result<Option<Beginning>, RunError> {
    let begun = read(folder)?;
    if begun.is_none() && is_all_journal {
        let reason = format!(
            "there is a journal and no `{NAME}`: it is lost, or a version before format 5 made the state"
        );
        return Err(RunError::Meta { reason });
    }
    Ok(begun)
}

/// Writes it where it is missing.
pub(super) fn write(folder: &Path, wanted: &Meta) -> Result<(), RunError> {
    let path = folder.join(NAME);
    if path.exists() {
        return Ok(());
    }
    let begun = Beginning { format: FORMAT, clock: wanted.clock_kind.clone(), tick: wanted.grid };
    let write = || -> io::Result<()> {
        let text = serde_json::to_string_pretty(&begun)?;
        let summed = text.trim_end_matches(['\n', '}']).to_owned() + BEFORE_CHECKSUM;
        let checksum = crc32c::crc32c(summed.as_bytes());
        let new = folder.join(NEW_NAME);
        let mut file = File::create(&new)?;
        file.write_all(format!("{summed}{checksum:08x}{AFTER_CHECKSUM}").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        durable::sync_name(&path)
    };
    write().map_err(|error| RunError::System { what: "the beginning of the state", error })
}

fn read(folder: &Path) -> Result<Option<Beginning>, RunError> {
    #[derive(Deserialize)]
    struct Version {
        format: u16,
    }
    let bytes = match std::fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::System { what: "the beginning of the state", error }),
    };
    let damaged = || RunError::Meta { reason: format!("`{NAME}` is damaged") };
    let wrong = |error: serde_json::Error| RunError::Meta { reason: format!("`{NAME}`: {error}") };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let sum =
        text.strip_suffix(AFTER_CHECKSUM).and_then(|text| text.split_at_checked(text.len().checked_sub(8)?));
    let is_whole =
        |(summed, sum): &(&str, &str)| format!("{:08x}", crc32c::crc32c(summed.as_bytes())) == *sum;
    sum.filter(is_whole).ok_or_else(damaged)?;
    let version: Version = serde_json::from_str(text).map_err(wrong)?;
    if version.format != FORMAT {
        return Err(RunError::Format { found: version.format, known: FORMAT });
    }
    serde_json::from_str(text).map(Some).map_err(wrong)
}
