//! Rule files on disk: which of a folder count, and what they say.
//!
//! Invariant: a folder counts whole or not at all, in the order of names; all that is wrong with its files is told at
//! once. Cost: reads every file.

use crate::stored::RuleTexts;
use shopbell_model::rules::{self, RuleError, RuleSet};
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

/// One of the things that are wrong with rule files.
#[derive(Debug, Error)]
pub enum Wrong {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] RuleFilesError),
    /// What it says is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl Wrong {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Wrong::File(error) => error.code(),
            Wrong::Rule(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Wrong::File(error) => error.hint().to_owned(),
            Wrong::Rule(error) => error.hint(),
        }
    }

    /// File, line and column, the latter from 1; 0 where the whole file is meant.
    pub fn place(&self) -> (String, usize, usize) {
        match self {
            Wrong::File(
                RuleFilesError::Folder { path, .. }
                | RuleFilesError::File { path, .. }
                | RuleFilesError::TooLarge { path },
            ) => (path.display().to_string(), 0, 0),
            Wrong::Rule(error) => (error.file.clone(), error.line, error.column),
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

/// Name and text of each file, and why others have none: what is wrong with these is not to hide what is wrong with those.
pub fn texts(files: &[PathBuf]) -> (RuleTexts, Vec<RuleFilesError>) {
    let (mut texts, mut unread) = (RuleTexts::new(), Vec::new());
    let mut bytes = 0;
    for file in files {
        let text = std::fs::metadata(file).and_then(|found| {
            bytes += found.len();
            if bytes > MOST_BYTES { Ok(None) } else { std::fs::read_to_string(file).map(Some) }
        });
        match text {
            Ok(Some(text)) => texts.push((file.display().to_string(), text)),
            Ok(None) => {
                unread.push(RuleFilesError::TooLarge { path: file.clone() });
                break;
            }
            Err(error) => unread.push(RuleFilesError::File { path: file.clone(), error }),
        }
    }
    (texts, unread)
}

/// The rules of files with the texts, or everything that is wrong with any of them.
pub fn load(files: &[PathBuf]) -> Result<(RuleSet, RuleTexts), Vec<Wrong>> {
    let (texts, unread) = texts(files);
    let mut wrong: Vec<Wrong> = unread.into_iter().map(Wrong::from).collect();
    match rules::load(&texts) {
        Ok(set) if wrong.is_empty() => return Ok((set, texts)),
        Ok(_) => {}
        Err(errors) => wrong.extend(errors.into_iter().map(Wrong::from)),
    }
    Err(wrong)
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
        let wrong = load(&found).unwrap_err();
        let told: Vec<_> = wrong.iter().map(|error| (error.code(), error.place().0)).collect();
        assert_eq!(told, [("file-read", at("a.toml").display().to_string())]);
        // It is looked at again when there is something to read.
        let before = look(folder.path()).unwrap();
        std::fs::write(at("gone"), "").unwrap();
        assert_ne!(look(folder.path()).unwrap(), before);
        assert_eq!(load(&files(folder.path()).unwrap()).unwrap().1.len(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_read_hides_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.toml"), b"\xff").unwrap();
        std::fs::write(at("b.toml"), "[rule.b]\nwhen = \"never\"\n").unwrap();
        std::fs::write(at("c.toml"), b"\xff").unwrap();
        let large = std::fs::File::create(at("d.toml")).unwrap();
        large.set_len(MOST_BYTES).unwrap();
        std::fs::write(at("e.toml"), "[rule.e]\nwhen = \"never\"\n").unwrap();
        let wrong = load(&files(folder.path()).unwrap()).unwrap_err();
        let told: Vec<_> = wrong.iter().map(|error| (error.code(), error.place())).collect();
        let of = |name: &str, line, column| (at(name).display().to_string(), line, column);
        for expected in [
            ("file-read", of("a.toml", 0, 0)),
            ("file-read", of("c.toml", 0, 0)),
            ("rules-too-large", of("d.toml", 0, 0)),
            ("when.unknown", of("b.toml", 2, 8)),
        ] {
            assert!(told.contains(&expected), "{told:?}");
        }
    }
}
