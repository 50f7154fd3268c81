//! Names that outlive a loss of power.
//!
//! A file that was synced is still lost with its name, and that is of the folder. Invariant: when these return, the
//! names they are about are on the disk. Cost: a sync for each folder concerned.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a folder where it is missing, with all above it. Its own name is synced even where it was there: whoever
/// made it may not have come to that.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let parent = folder_of(path);
    if !path.is_dir() {
        if !parent.is_dir() {
            make_folder(parent)?;
        }
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    sync_names(parent)
}

/// Makes the name of a file last.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    sync_names(folder_of(path))
}

/// The folder that has this name in it.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
