//! What a state takes on the disk, by kind of file.

use crate::error::MeasureError;
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
    /// Whether something is half written.
    pub(crate) unfinished: bool,
}

/// Looks for it.
pub(crate) fn newest(state: &Path) -> Newest {
    let mut found = Newest::default();
    // Before the first one there is no folder.
    let _ = each(&state.join("checkpoints"), |name, _| {
        if name.ends_with(".json") {
            found.manifest = found.manifest.take().max(Some(name.to_owned()));
        }
        found.unfinished |= name.ends_with(".tmp");
    });
    found
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
