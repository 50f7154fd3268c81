//! Whether an output would be written over what is read, or over another output.
//!
//! Purpose: no command destroys its own input. Invariant: what paths lead to is compared, not how they are spelt:
//! the file itself where there is one, otherwise the folder and the name it would get. What is no regular file, as
//! `/dev/null` or a pipe, may be used twice. Nothing is opened or made. Cost: a look at each path.

use std::fs::{canonicalize, metadata, read_link};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Links that are followed one after the other at most, as the system does.
const MOST_LINKS: usize = 40;

/// Why a command must not begin.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SameFileError {
    /// An output is a file that is read.
    #[error("{written} is the same file as {read}")]
    Read {
        /// The output: its option and path.
        written: String,
        /// What is read, likewise.
        read: String,
    },
    /// Two outputs are one file.
    #[error("{one} is the same file as {other}")]
    WrittenTwice {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
}

impl SameFileError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        "same-file"
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SameFileError::Read { .. } => "choose another file to write to: this one would be lost",
            SameFileError::WrittenTwice { .. } => "choose two files: one would overwrite the other",
        }
    }
}

/// The files of a command.
#[derive(Debug, Default)]
pub struct Uses {
    read: Vec<(Identity, String)>,
    written: Vec<(Identity, String)>,
}

impl Uses {
    /// Files that are read, as `option` says; `-` is standard input, which may be a file as well.
    pub fn reads<'a>(&mut self, option: &str, paths: impl IntoIterator<Item = &'a PathBuf>) {
        for path in paths {
            let leads_to = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
            self.read.extend(named(option, path, leads_to));
        }
    }

    /// A file that is written, as `option` says; `-` is standard output.
    pub fn writes(&mut self, option: &str, path: &Path) {
        if path != Path::new("-") {
            self.written.extend(named(option, path, path));
        }
    }

    /// Refuses to write over what is read or written.
    pub fn check(&self) -> Result<(), SameFileError> {
        for (number, (file, written)) in self.written.iter().enumerate() {
            let same = |uses: &[(Identity, String)]| {
                uses.iter().find(|(other, _)| other == file).map(|(_, name)| name.clone())
            };
            let written = written.clone();
            if let Some(read) = same(&self.read) {
                return Err(SameFileError::Read { written, read });
            }
            if let Some(one) = self.written.get(..number).and_then(same) {
                return Err(SameFileError::WrittenTwice { one, other: written });
            }
        }
        Ok(())
    }
}

fn named(option: &str, path: &Path, leads_to: &Path) -> Option<(Identity, String)> {
    Some((Identity::of(leads_to)?, format!("{option} {}", path.display())))
}

/// Whether both lead to the same regular file, or would.
pub fn same(one: &Path, other: &Path) -> bool {
    Identity::of(one).is_some_and(|one| Some(one) == Identity::of(other))
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A file: its device and number there.
    There(u64, u64),
    /// Nothing yet: where a file would be made.
    ToBe(PathBuf),
}

impl Identity {
    /// None for what may be used twice, and for what cannot be opened anyway.
    fn of(path: &Path) -> Option<Identity> {
        match metadata(path) {
            Ok(found) => found.is_file().then(|| Identity::There(found.dev(), found.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => to_be(path).map(Identity::ToBe),
            Err(_) => None,
        }
    }
}

/// Where a file would be made: a link that leads nowhere is followed.
fn to_be(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        let place = folder.join(path.file_name()?);
        match read_link(&place) {
            Ok(target) => path = folder.join(target),
            Err(_) => return Some(place),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_the_same_by_what_paths_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("a"), "").unwrap();
        std::fs::write(at("b"), "").unwrap();
        std::fs::hard_link(at("a"), at("hard")).unwrap();
        for (target, link) in [("a", "link"), ("new", "later"), ("later", "latest"), ("loop", "loop")] {
            symlink(target, at(link)).unwrap();
        }
        symlink("../sub", at("sub/self")).unwrap();
        for (one, other, are_same) in [
            ("a", "a", true),
            ("a", "sub/../a", true),
            ("a", "sub/self/../a", true),
            ("a", "link", true),
            ("link", "hard", true),
            ("a", "b", false),
            ("a", "new", false),
            ("new", "new", true),
            ("new", "./sub/../new", true),
            ("new", "later", true),
            ("latest", "later", true),
            ("new", "newer", false),
            ("new", "sub/new", false),
            ("loop", "loop", false),
            ("sub", "sub", false),
            ("no/such/folder", "no/such/folder", false),
            ("/dev/null", "/dev/null", false),
        ] {
            assert_eq!(same(&at(one), &at(other)), are_same, "{one} and {other}");
        }
    }

    #[test]
    fn both_uses_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new");
        let mut uses = Uses::default();
        uses.reads("--events", [&PathBuf::from("-"), &PathBuf::from("/dev/null")]);
        uses.writes("--out", Path::new("-"));
        uses.writes("--dead-letters", Path::new("-"));
        uses.writes("--out", &file);
        assert_eq!(uses.check(), Ok(()));
        uses.writes("--dead-letters", &file);
        let error = uses.check().unwrap_err();
        let file = file.display();
        assert_eq!(error.to_string(), format!("--out {file} is the same file as --dead-letters {file}"));
        assert!(error.code() == "same-file" && error.hint().contains("two files"));
    }
}
