//! The output file of the engine, counted as it grows.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Messages so far of the rule that is edited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) made: u64,
    pub(crate) withdrawn: u64,
}

/// Reads what is new at each look. The load's offers are left out by their channel; none of them is withdrawn in time.
pub(crate) struct Offers {
    path: PathBuf,
    read: u64,
    /// A line that is not whole yet.
    rest: Vec<u8>,
    counts: Counts,
}

impl Offers {
    pub(crate) fn new(path: PathBuf) -> Offers {
        Offers { path, read: 0, rest: Vec::new(), counts: Counts::default() }
    }

    /// Reads on. A file that cannot be read has nothing new.
    pub(crate) fn look(&mut self) -> Counts {
        let mut bytes = std::mem::take(&mut self.rest);
        if let Ok(mut file) = std::fs::File::open(&self.path)
            && file.seek(SeekFrom::Start(self.read)).is_ok()
        {
            let before = bytes.len();
            // What was read before an error counts.
            let _ = file.read_to_end(&mut bytes);
            self.read += (bytes.len() - before) as u64;
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = bytes.split_at(whole);
        for line in lines.split(|byte| *byte == b'\n') {
            let has = |text: &[u8]| line.windows(text.len()).any(|window| window == text);
            if has(b"\"offer.withdrawn\"") && has(b"\"reason\":\"rule\"") {
                self.counts.withdrawn += 1;
            } else if has(b"\"rule\":\"dear\"") {
                self.counts.made += 1;
            }
        }
        self.rest = rest.to_vec();
        self.counts
    }
}
