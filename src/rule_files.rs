//! Rule files on disk: which of a folder count, and what they say.
//!
//! Invariant: a folder is read whole or not at all, in the order of names. Cost: reads every file.

use crate::stored::RuleTexts;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use thiserror::Error;

/// Bytes of all rule files together at most.
const MOST_BYTES: u64 = 64 << 20;

/// Why rule files could not be read.
#[derive(Debug, Error)]
pub enum RuleFilesError {
    /// The folder.
    #[error("the rules folder {} cannot be read: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// One of the files.
    #[error("{} cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Together they are too large.
    #[error("the rule files of {} have more than {MOST_BYTES} bytes", path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
    },
}

impl RuleFilesError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RuleFilesError::Folder { .. } => "rules-folder",
            RuleFilesError::File { .. } => "file-read",
            RuleFilesError::TooLarge { .. } => "rules-too-large",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            RuleFilesError::Folder { .. } => "give a folder of .toml files, or one file",
            RuleFilesError::File { .. } => "check that it is a text file in UTF-8 and may be read",
            RuleFilesError::TooLarge { .. } => "keep only rule files there",
        }
    }
}

/// The rule files of a folder (or one file), sorted by name.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, RuleFilesError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = |error| RuleFilesError::Folder { path: path.to_owned(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| extension == "toml") && counts(&file) {
            files.push(file);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether it is a file of the set. What cannot be looked at is one: as broken it is told, as absent its rules would be
/// taken out of force.
fn counts(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(found) => found.is_file(),
        // Emacs marks a file that is being edited by a link of that name, which leads nowhere.
        Err(_) if file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".#")) => false,
        // Gone since the folder was listed.
        Err(_) => std::fs::symlink_metadata(file).is_ok(),
    }
}

/// Name and text of each file.
pub fn texts(files: &[PathBuf]) -> Result<RuleTexts, RuleFilesError> {
    let mut bytes = 0;
    let text = |file: &PathBuf| {
        let cannot = |error| RuleFilesError::File { path: file.clone(), error };
        bytes += std::fs::metadata(file).map_err(cannot)?.len();
        if bytes > MOST_BYTES {
            return Err(RuleFilesError::TooLarge { path: file.clone() });
        }
        std::fs::read_to_string(file).map(|text| (file.display().to_string(), text)).map_err(cannot)
    };
    files.iter().map(text).collect()
}

/// What tells that files of a folder changed, without reading them: another file under the same name may have the same
/// length and time.
pub type Look = Vec<(PathBuf, Option<Looks>)>;

/// A file's device and number, its length, and when it was changed last.
type Looks = (u64, u64, u64, Option<SystemTime>);

/// How the rule files of a folder look now.
pub fn look(path: &Path) -> Result<Look, RuleFilesError> {
    let look = |file: PathBuf| {
        let seen = std::fs::metadata(&file).ok();
        let looks = seen.map(|seen| (seen.dev(), seen.ino(), seen.len(), seen.modified().ok()));
        (file, looks)
    };
    Ok(files(path)?.into_iter().map(look).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_cannot_be_looked_at_counts_and_folders_and_locks_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.toml"), "").unwrap();
        std::fs::write(at("note.txt"), "").unwrap();
        std::fs::create_dir(at("folder.toml")).unwrap();
        for (target, link) in [("b.toml", "link.toml"), ("gone", "a.toml"), ("me@host.1:2", ".#b.toml")] {
            symlink(target, at(link)).unwrap();
        }
        let found = files(folder.path()).unwrap();
        assert_eq!(found, ["a.toml", "b.toml", "link.toml"].map(at));
        assert_eq!(texts(&found).unwrap_err().code(), "file-read");
        // It is looked at again when there is something to read.
        let before = look(folder.path()).unwrap();
        std::fs::write(at("gone"), "").unwrap();
        assert_ne!(look(folder.path()).unwrap(), before);
        assert_eq!(texts(&files(folder.path()).unwrap()).unwrap().len(), 3);
    }
}
