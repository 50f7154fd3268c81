//! JSON Lines from a file or standard input, as raw records.
//!
//! Invariant: positions are line numbers from 1, blank lines counted and skipped; `\r\n` ends a line
//! like `\n`; a byte order mark at the beginning is dropped. A line longer than the limit is passed
//! on cut to one byte more than the limit (so that decoding refuses it as too large, by the same
//! rule as everywhere) and the rest of it is skipped without being kept.
//! Cost: one copy a line; memory is bounded by the chunk's size plus one line.

use super::{Chunk, Progress, Source, SourceError};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes after which a chunk is handed over.
const CHUNK_BYTES: usize = 256 * 1024;

/// Lines of one input.
pub struct JsonLines<R> {
    name: String,
    reader: BufReader<R>,
    limit: usize,
    line: u64,
    /// Bytes of the whole input that were read.
    consumed: u64,
    current: Vec<u8>,
    interactive: bool,
}

impl<R: Read + Send> JsonLines<R> {
    /// Lines of `reader`, at most `limit` bytes each.
    pub fn new(name: impl Into<String>, reader: R, limit: usize) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        JsonLines {
            name: name.into(),
            reader,
            limit,
            line: 0,
            consumed: 0,
            current: Vec::new(),
            interactive: false,
        }
    }

    /// Hands over what is there instead of waiting for a full chunk: for input that trickles.
    pub fn interactive(mut self) -> Self {
        self.interactive = true;
        self
    }

    /// Reads one line into `current`, without its end; `false` at the end of the input.
    fn read_line(&mut self) -> std::io::Result<bool> {
        self.current.clear();
        let mut any = false;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(any);
            }
            any = true;
            let newline = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..newline.unwrap_or(available.len())).unwrap_or_default();
            let room = (self.limit + 2).saturating_sub(self.current.len());
            self.current.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
            let used = part.len() + usize::from(newline.is_some());
            self.reader.consume(used);
            self.consumed += used as u64;
            if newline.is_some() {
                return Ok(true);
            }
        }
    }
}

impl<R: Read + Send> Source for JsonLines<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<Progress, SourceError> {
        chunk.clear();
        while chunk.bytes.len() < CHUNK_BYTES {
            let more = self.read_line().map_err(|error| SourceError::Read {
                name: self.name.clone(),
                line: self.line,
                error,
            })?;
            if !more {
                return Ok(Progress::End);
            }
            self.line += 1;
            let mut line = self.current.as_slice();
            if self.line == 1 {
                line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            }
            // One that was cut is passed on as it is: trimmed it could be blank, and lost.
            if line.len() <= self.limit + 1 {
                line = line.trim_ascii();
            }
            if !line.is_empty() {
                chunk.push(self.line, line.get(..line.len().min(self.limit + 1)).unwrap_or_default());
            }
            if self.interactive && !chunk.is_empty() && self.reader.buffer().is_empty() {
                break;
            }
        }
        Ok(Progress::More)
    }

    fn position(&self) -> Option<u64> {
        Some(self.consumed)
    }
}

/// The lines of a file.
pub fn open_file(path: &Path, limit: usize) -> Result<JsonLines<File>, SourceError> {
    let failed = |error| SourceError::Open { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    // A folder can be opened as well, and fails only when it is read.
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(SourceError::Folder { path: path.to_owned() });
    }
    Ok(JsonLines::new(path.display().to_string(), file, limit))
}

/// The lines of a file after its first `read` bytes.
pub fn open_file_at(path: &Path, limit: usize, read: u64) -> Result<JsonLines<File>, SourceError> {
    let mut lines = open_file(path, limit)?;
    let failed = |error| SourceError::Read { name: path.display().to_string(), line: 0, error };
    let length = lines.reader.get_ref().metadata().map_err(failed)?.len();
    if length < read {
        return Err(SourceError::Shorter { path: path.to_owned(), length, read });
    }
    // Read, not sought: lines are counted.
    while lines.consumed < read {
        let available = lines.reader.fill_buf().map_err(failed)?;
        let left = usize::try_from(read - lines.consumed).unwrap_or(usize::MAX);
        let part = available.get(..left.min(available.len())).unwrap_or_default();
        let used = part.len();
        if used == 0 {
            break;
        }
        lines.line += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        lines.reader.consume(used);
        lines.consumed += used as u64;
    }
    Ok(lines)
}

/// The lines of standard input.
pub fn standard_input(limit: usize) -> JsonLines<std::io::Stdin> {
    JsonLines::new("stdin", std::io::stdin(), limit).interactive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], limit: usize) -> Vec<(u64, Vec<u8>)> {
        let mut source = JsonLines::new("test", input, limit);
        let (mut chunk, mut found) = (Chunk::default(), Vec::new());
        loop {
            let progress = source.read(&mut chunk).unwrap();
            found.extend(chunk.records().map(|(position, raw)| (position, raw.to_vec())));
            if progress == Progress::End {
                return found;
            }
        }
    }

    #[test]
    fn lines_keep_their_numbers() {
        let found = all(b"\xef\xbb\xbf{}\r\n\n  \n[1]\nlast", 100);
        assert_eq!(found, [(1, b"{}".to_vec()), (4, b"[1]".to_vec()), (5, b"last".to_vec())]);
        assert_eq!(all(b"", 100), []);
        assert_eq!(all(b"\n", 100), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_unharmed() {
        let mut input = vec![b'x'; 1_000_000];
        input.extend_from_slice(b"\n12345\r\n123456\n");
        let found = all(&input, 5);
        assert_eq!(found, [(1, b"xxxxxx".to_vec()), (2, b"12345".to_vec()), (3, b"123456".to_vec())]);
    }

    #[test]
    fn blanks_do_not_hide_a_line_that_is_too_long() {
        let input = format!("{}{{}}\n", " ".repeat(100));
        assert_eq!(all(input.as_bytes(), 5), [(1, b"      ".to_vec())]);
    }

    #[test]
    fn chunks_end_between_lines() {
        let line = format!("{}\n", "y".repeat(1000));
        let input = line.repeat(1000);
        let mut source = JsonLines::new("test", input.as_bytes(), 5000);
        let mut chunk = Chunk::default();
        assert_eq!(source.read(&mut chunk).unwrap(), Progress::More);
        assert!(chunk.len() < 300, "{}", chunk.len());
        assert!(chunk.records().all(|(_, raw)| raw.len() == 1000));
        assert_eq!(all(input.as_bytes(), 5000).len(), 1000);
    }

    #[test]
    fn input_that_trickles_is_handed_over_as_it_comes() {
        struct Trickle(Vec<&'static [u8]>);
        impl Read for Trickle {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                if self.0.is_empty() {
                    return Ok(0);
                }
                let part = self.0.remove(0);
                buffer[..part.len()].copy_from_slice(part);
                Ok(part.len())
            }
        }
        let mut source = JsonLines::new("test", Trickle(vec![b"1\n2\n", b"3", b"\n"]), 10).interactive();
        let mut chunk = Chunk::default();
        let mut lengths = Vec::new();
        while source.read(&mut chunk).unwrap() == Progress::More {
            lengths.push(chunk.len());
        }
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = open_file(Path::new("/nowhere/events.jsonl"), 10).err().unwrap();
        assert_eq!(error.code(), "source-open");
        assert!(error.to_string().contains("/nowhere/events.jsonl"));
    }
}
