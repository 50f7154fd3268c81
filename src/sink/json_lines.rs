//! Offers as JSON Lines, in a file or on standard output.
//!
//! Invariant: the bytes are the messages in their order, each with one newline; nothing else is
//! written between them. A reader that goes away is [`SinkError::ClosedPipe`], so that
//! `shopbell … | head` can end in good order. Cost: one copy into a buffer.

use super::continued::Continued;
use super::{Position, Sink, SinkError, TickOutput};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What the position of a file that is gone on with is kept under.
pub const FILE: &str = "file";

/// When lines are handed to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// After each tick: somebody reads along.
    EachTick,
    /// When the buffer is full, and at the end.
    WhenFull,
}

/// Writes messages as lines.
pub struct JsonLines {
    name: String,
    writer: Writer,
    flush: Flush,
}

enum Writer {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Continued(Continued),
}

impl JsonLines {
    /// To any writer.
    pub fn new(name: impl Into<String>, writer: Box<dyn Write + Send>, flush: Flush) -> Self {
        let writer = Writer::Plain(BufWriter::with_capacity(256 * 1024, writer));
        JsonLines { name: name.into(), writer, flush }
    }

    /// To standard output.
    pub fn standard_output(flush: Flush) -> Self {
        Self::new("standard output", Box::new(std::io::stdout()), flush)
    }

    /// To a new file; an old one of that name is emptied.
    pub fn create(path: &Path, flush: Flush) -> Result<Self, SinkError> {
        let file = File::create(path).map_err(|error| open_failed(path, error))?;
        Ok(Self::new(path.display().to_string(), Box::new(file), flush))
    }

    /// To the end of a file. Where it ends within a line (the process was killed while writing) that
    /// line is ended first.
    pub fn append(path: &Path, flush: Flush) -> Result<Self, SinkError> {
        let file = open_at_end(path).map_err(|error| open_failed(path, error))?;
        Ok(Self::new(path.display().to_string(), Box::new(file), flush))
    }

    /// To a file of which `kept` bytes are known: what it holds beyond that is what is said again now, and is not
    /// written a second time.
    pub fn continued(path: &Path, kept: u64, flush: Flush) -> Result<Self, SinkError> {
        let writer = Writer::Continued(Continued::open(path, kept)?);
        Ok(JsonLines { name: path.display().to_string(), writer, flush })
    }

    fn failed(&self, error: std::io::Error) -> SinkError {
        let name = self.name.clone();
        match error.kind() {
            ErrorKind::BrokenPipe => SinkError::ClosedPipe { name },
            _ => SinkError::Write { name, error },
        }
    }
}

fn open_failed(path: &Path, error: std::io::Error) -> SinkError {
    SinkError::Open { path: path.to_owned(), error }
}

fn open_at_end(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // A pipe or a device has no length and no last byte to look at.
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

impl Sink for JsonLines {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver(&mut self, output: &TickOutput) -> Result<(), SinkError> {
        for message in &output.messages {
            let line = message.json.as_bytes();
            match &mut self.writer {
                Writer::Continued(file) => file.line(line)?,
                Writer::Plain(writer) => {
                    let written = writer.write_all(line).and_then(|()| writer.write_all(b"\n"));
                    written.map_err(|error| self.failed(error))?;
                }
            }
        }
        if self.flush == Flush::EachTick && !output.messages.is_empty() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        match &mut self.writer {
            Writer::Continued(file) => file.flush(),
            Writer::Plain(writer) => writer.flush().map_err(|error| self.failed(error)),
        }
    }

    fn position(&self) -> Option<(&'static str, Position)> {
        match &self.writer {
            Writer::Continued(file) => Some((FILE, Position { at: file.position(), digest: 0 })),
            Writer::Plain(_) => None,
        }
    }

    fn keep(&mut self) -> Result<(), SinkError> {
        match &mut self.writer {
            Writer::Continued(file) => file.keep(),
            Writer::Plain(_) => self.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{Message, MessageKind};

    fn output(lines: &[&str]) -> TickOutput {
        let message = |line: &&str| Message {
            key: "card:1".into(),
            offer_id: "o".into(),
            kind: MessageKind::Made,
            channel: "sms".into(),
            valid_until: None,
            forgotten: false,
            json: (*line).into(),
        };
        TickOutput { tick: 1, messages: lines.iter().map(message).collect() }
    }

    #[test]
    fn every_tick_is_there_when_it_was_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offers.jsonl");
        let mut sink = JsonLines::create(&path, Flush::EachTick).unwrap();
        sink.deliver(&output(&["{\"a\":1}", "{\"a\":2}"])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{\"a\":2}\n");
        let mut late = JsonLines::append(&path, Flush::WhenFull).unwrap();
        late.deliver(&output(&["{}"])).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().ends_with("{}\n"));
        late.flush().unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("}\n{}\n"));
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offers.jsonl");
        std::fs::write(&path, "{}\n{\"torn").unwrap();
        let mut sink = JsonLines::append(&path, Flush::EachTick).unwrap();
        sink.deliver(&output(&["{}"])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{\"torn\n{}\n");
    }

    #[test]
    fn errors_have_names() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut sink = JsonLines::new("standard output", Box::new(writer), Flush::EachTick);
        let error = sink.deliver(&output(&["{}"])).unwrap_err();
        assert_eq!(error.code(), "output-closed");
        let error = JsonLines::create(Path::new("/nowhere/offers.jsonl"), Flush::EachTick).err().unwrap();
        assert_eq!(error.code(), "output-open");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut sink = JsonLines::new("full", Box::new(full), Flush::EachTick);
        assert_eq!(sink.deliver(&output(&["{}"])).unwrap_err().code(), "output-write");
    }
}
