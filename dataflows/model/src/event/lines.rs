//! JSON Lines: one event a line.
//!
//! Invariant: every byte of the input belongs to exactly one line; blank lines are skipped but
//! counted, and a line that is too long costs no more memory than the longest that is allowed, and
//! one refusal. The last line needs no end. A byte-order mark before the first line is skipped.
//! Cost: a line that lies whole in the reader's buffer is still copied once; no allocation per line.

use super::refusal::Refusal;
use std::io::{BufRead, ErrorKind, Result};

/// One line that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number, from 1.
    pub line: u64,
    /// The offset of its first byte (before trimming) from the beginning of the input.
    pub offset: u64,
    /// What it holds, without surrounding whitespace; of a line that is too long, its beginning.
    pub bytes: &'a [u8],
    /// Set where the line is too long.
    pub refusal: Option<Refusal>,
}

/// Lines of a reader, one after the other. Not an `Iterator`: a record borrows the one buffer.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    limit: usize,
    line: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes, the line feed not counted.
    pub fn new(reader: R, limit: usize) -> Self {
        Lines { reader, limit, line: 0, offset: 0, buffer: Vec::new() }
    }

    /// Goes on where another left off: `reader` stands at `offset`, behind `line` lines.
    pub fn resumed(reader: R, limit: usize, line: u64, offset: u64) -> Self {
        Lines { reader, limit, line, offset, buffer: Vec::new() }
    }

    /// Bytes read so far, through the end of the last line: where to resume.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Lines read so far, blank ones included.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The next line that is not blank; `None` at the end of the input.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            let offset = self.offset;
            let length = self.fill()?;
            if self.offset == offset {
                return Ok(None);
            }
            self.line += 1;
            if length > self.limit as u64 || !trimmed(&self.buffer, offset).is_empty() {
                let bytes = trimmed(&self.buffer, offset);
                let too_large = Refusal::TooLarge { bytes: length, limit: self.limit };
                let refusal = (length > self.limit as u64).then_some(too_large);
                return Ok(Some(Record { line: self.line, offset, bytes, refusal }));
            }
        }
    }

    /// Reads through the next line's end, keeping at most `limit` bytes; the line's full length.
    fn fill(&mut self) -> Result<u64> {
        self.buffer.clear();
        let mut length = 0_u64;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', available);
            let content = available.get(..end.unwrap_or(available.len())).unwrap_or(available);
            let room = self.limit.saturating_sub(self.buffer.len()).min(content.len());
            self.buffer.extend_from_slice(content.get(..room).unwrap_or(content));
            length += content.len() as u64;
            let (read, ended) = (content.len() + usize::from(end.is_some()), available.is_empty());
            self.reader.consume(read);
            self.offset += read as u64;
            if end.is_some() || ended {
                return Ok(length);
            }
        }
    }
}

fn trimmed(line: &[u8], offset: u64) -> &[u8] {
    let line = if offset == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    line.trim_ascii()
}

#[cfg(test)]
mod tests;
