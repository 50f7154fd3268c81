//! A file of offers that is gone on with after a crash, to the byte.
//!
//! Invariant: what the file holds beyond what a checkpoint knows of was written by this job, so it is what is
//! said again now: it is compared, not written a second time; a line that was cut off is written anew. Anything
//! else in it is an error, never skipped. Cost: what is compared is read once.

use super::SinkError;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug)]
pub(super) struct Continued {
    path: PathBuf,
    writer: BufWriter<File>,
    /// Where the next line begins.
    position: u64,
    /// What is there already, with the number of bytes that are left of it.
    known: Option<(BufReader<File>, u64)>,
}

impl Continued {
    /// Opens a file of which `kept` bytes are known; it is made where nothing is known and it is not there.
    pub(super) fn open(path: &Path, kept: u64) -> Result<Continued, SinkError> {
        let failed = |error| SinkError::Open { path: path.to_owned(), error };
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        // What a checkpoint knows to be in it must not be lost with its name.
        crate::durable::sync_name(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if length < kept {
            return Err(SinkError::Shorter { path: path.to_owned(), length, kept });
        }
        let known = if length > kept {
            let mut there = File::open(path).map_err(failed)?;
            there.seek(SeekFrom::Start(kept)).map_err(failed)?;
            Some((BufReader::new(there), length - kept))
        } else {
            None
        };
        Ok(Continued { path: path.to_owned(), writer: BufWriter::new(file), position: kept, known })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn failed(&self, error: std::io::Error) -> SinkError {
        let name = self.name();
        match error.kind() {
            ErrorKind::BrokenPipe => SinkError::ClosedPipe { name },
            _ => SinkError::Write { name, error },
        }
    }

    /// Writes a line, unless it is there.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), SinkError> {
        let is_known = self.compare(line)?;
        if !is_known {
            let written = self.writer.write_all(line).and_then(|()| self.writer.write_all(b"\n"));
            written.map_err(|error| self.failed(error))?;
        }
        self.position += line.len() as u64 + 1;
        Ok(())
    }

    /// Whether the line is there; what is there of it alone is removed.
    fn compare(&mut self, line: &[u8]) -> Result<bool, SinkError> {
        let Some((there, left)) = &mut self.known else { return Ok(false) };
        let count = (line.len() as u64 + 1).min(*left);
        let mut found = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        if let Err(error) = there.read_exact(&mut found) {
            return Err(self.failed(error));
        }
        let expected = line.iter().chain(b"\n");
        if !found.iter().eq(expected.take(found.len())) {
            return Err(SinkError::Diverged { name: self.name(), position: self.position });
        }
        *left -= count;
        let whole = found.len() == line.len() + 1;
        if !whole {
            let cut = self.writer.get_ref().set_len(self.position);
            cut.map_err(|error| self.failed(error))?;
        }
        if self.known.as_ref().is_some_and(|(_, left)| *left == 0) {
            self.known = None;
        }
        Ok(whole)
    }

    /// Hands over what was written.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        self.writer.flush().map_err(|error| self.failed(error))
    }

    /// Bytes that were delivered.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Makes it outlive the machine.
    pub(super) fn keep(&mut self) -> Result<(), SinkError> {
        self.flush()?;
        self.writer.get_ref().sync_data().map_err(|error| self.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offers.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn what_is_there_is_not_written_again_wherever_it_was_cut() {
        let whole = "a\nbb\nccc\n";
        for length in 2..=whole.len() {
            let (_folder, path) = file(&whole[..length]);
            let mut output = Continued::open(&path, 2).unwrap();
            for line in ["bb", "ccc", "d"] {
                output.line(line.as_bytes()).unwrap();
            }
            output.keep().unwrap();
            assert_eq!(output.position(), 11);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nbb\nccc\nd\n", "cut at {length}");
        }
    }

    #[test]
    fn what_differs_and_what_is_missing_is_an_error() {
        let (_folder, path) = file("a\nbb\nxx");
        let mut output = Continued::open(&path, 2).unwrap();
        output.line(b"bb").unwrap();
        let diverged = output.line(b"xy").unwrap_err();
        assert!(matches!(diverged, SinkError::Diverged { position: 5, .. }), "{diverged}");
        let shorter = Continued::open(&path, 100).unwrap_err();
        assert_eq!(shorter.code(), "output-shorter");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nbb\nxx");
    }

    #[test]
    fn a_new_file_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offers.jsonl");
        let mut output = Continued::open(&path, 0).unwrap();
        output.line(b"a").unwrap();
        output.keep().unwrap();
        assert_eq!(output.position(), 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
    }
}
