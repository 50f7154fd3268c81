//! What a state takes on the disk, by kind of file.

use crate::error::MeasureError;
use serde_json::Value;
use std::path::Path;

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) journal: u64,
    pub(crate) runs: u64,
    pub(crate) manifests: u64,
}

/// Looks through a folder of state.
pub(crate) fn sizes(state: &Path) -> Result<Sizes, MeasureError> {
    let mut sizes = Sizes::default();
    each(&state.join("journal"), |_, bytes| sizes.journal += bytes)?;
    each(&state.join("checkpoints"), |name, bytes| {
        if name.ends_with(".json") {
            sizes.manifests += bytes;
        } else {
            sizes.runs += bytes;
        }
    })?;
    Ok(sizes)
}

/// What is newest among checkpoints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Newest {
    /// The name of its manifest.
    pub(crate) manifest: Option<String>,
    /// Bytes of the job's file that it stands for.
    pub(crate) read: u64,
    /// Whether something is half written.
    pub(crate) unfinished: bool,
}

/// Looks for it.
pub(crate) fn newest(state: &Path) -> Newest {
    let (mut found, folder) = (Newest::default(), state.join("checkpoints"));
    // Before the first one there is no folder.
    let _ = each(&folder, |name, _| {
        if name.ends_with(".json") {
            found.manifest = found.manifest.take().max(Some(name.to_owned()));
        }
        found.unfinished |= name.ends_with(".tmp");
    });
    found.read = found.manifest.as_ref().map_or(0, |name| read(&folder.join(name)));
    found
}

/// How far sources were read, as a manifest says.
fn read(manifest: &Path) -> u64 {
    // One that was removed meanwhile is not the newest any more.
    let text = std::fs::read(manifest).unwrap_or_default();
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    let places = said.pointer("/meta/read").and_then(Value::as_object);
    places.into_iter().flatten().filter_map(|(_, place)| place.get("position")?.as_u64()).sum()
}

fn each(folder: &Path, mut file: impl FnMut(&str, u64)) -> Result<(), MeasureError> {
    for entry in std::fs::read_dir(folder).map_err(MeasureError::io("look into", folder))? {
        let entry = entry.map_err(MeasureError::io("look into", folder))?;
        // A file that goes while it is looked at takes no room.
        if let (Ok(found), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) {
            file(&name, found.len());
        }
    }
    Ok(())
}
