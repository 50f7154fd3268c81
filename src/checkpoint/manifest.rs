//! The manifest of a checkpoint: JSON that names its runs and carries the engine's positions.
//!
//! Invariant: the last field is the checksum of all bytes before its digits, and what follows the
//! digits is fixed: any changed bit is found. Only a manifest whose checksum is right is looked into.

use super::error::{Damage, Error};
use super::names::MAX_NUMBER;
use super::row::{MAX_KEY_BYTES, Place};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The version of manifests and runs that is written and read.
pub(super) const VERSION: u32 = 1;
/// Largest manifest that is written or read.
const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;
const BEFORE_CHECKSUM: &str = ",\n  \"checksum\": \"";
const AFTER_CHECKSUM: &str = "\"\n}\n";
const CHECKSUM_DIGITS: usize = 8;

/// The lowest or highest place of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Its bucket.
    pub bucket: u8,
    /// Its key; hexadecimal in JSON.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub key: Vec<u8>,
}

impl Edge {
    pub(super) fn at((bucket, key): Place<'_>) -> Edge {
        Edge { bucket, key: key.to_vec() }
    }

    pub(super) fn place(&self) -> Place<'_> {
        (self.bucket, &self.key)
    }
}

/// What a manifest says of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Number of its file.
    pub run: u64,
    /// The tick up to which it holds changes.
    pub tick: u64,
    /// Rows, deleted ones among them.
    pub rows: u64,
    /// Deleted rows.
    pub deletions: u64,
    /// Size of its file.
    pub bytes: u64,
    /// Stands for all bytes of the file.
    pub checksum: u32,
    /// The first row; none in an empty run.
    pub lowest: Option<Edge>,
    /// The last row.
    pub highest: Option<Edge>,
}

/// All that a manifest says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) checkpoint: u64,
    pub(super) tick: u64,
    /// Newest first.
    pub(super) runs: Vec<RunSummary>,
    pub(super) meta: Value,
}

impl Manifest {
    /// The bytes of the file; refused where they could not be read back.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let meta = |error: serde_json::Error| Error::Meta { reason: error.to_string() };
        let text = serde_json::to_string_pretty(self).map_err(meta)?;
        let fields = text.strip_suffix("\n}").unwrap_or(&text);
        let mut text = format!("{fields}{BEFORE_CHECKSUM}");
        let checksum = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("{checksum:08x}{AFTER_CHECKSUM}"));
        let bytes = text.len() as u64;
        if bytes > MAX_MANIFEST_BYTES {
            return Err(Error::TooLarge { what: "manifest", bytes, most: MAX_MANIFEST_BYTES });
        }
        // A deeply nested `meta` is written without complaint, and is not read.
        serde_json::from_str::<Manifest>(&text).map_err(meta)?;
        Ok(text.into_bytes())
    }

    /// Reads and checks the manifest of this number.
    pub(super) fn read(path: &Path, number: u64) -> Result<Manifest, Error> {
        let mut bytes = Vec::new();
        let read = |bytes: &mut Vec<u8>| File::open(path)?.take(MAX_MANIFEST_BYTES + 1).read_to_end(bytes);
        read(&mut bytes).map_err(Error::io("read", path))?;
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(Error::damaged(path)(Damage::Length { part: "manifest" }));
        }
        check_sum(&bytes).map_err(Error::damaged(path))?;
        let json =
            |error: serde_json::Error| Error::damaged(path)(Damage::Json { reason: error.to_string() });
        let version: Version = serde_json::from_slice(&bytes).map_err(json)?;
        if version.format != VERSION {
            let path = path.to_path_buf();
            return Err(Error::UnknownVersion { path, found: version.format, known: VERSION });
        }
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(json)?;
        if manifest.is_sound(number) {
            Ok(manifest)
        } else {
            Err(Error::damaged(path)(Damage::Content { part: "manifest" }))
        }
    }

    fn is_sound(&self, number: u64) -> bool {
        let numbers: BTreeSet<u64> = self.runs.iter().map(|run| run.run).collect();
        self.checkpoint == number
            && numbers.len() == self.runs.len()
            && numbers.last().is_none_or(|run| *run <= MAX_NUMBER)
            && self.runs.iter().all(|run| run.tick <= self.tick && run.deletions <= run.rows)
    }
}

/// What every version says in the same way.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

fn check_sum(bytes: &[u8]) -> Result<(), Damage> {
    let split = || {
        let before = bytes.strip_suffix(AFTER_CHECKSUM.as_bytes())?;
        before.split_at_checked(before.len().checked_sub(CHECKSUM_DIGITS)?)
    };
    let (summed, digits) = split().ok_or(Damage::Length { part: "manifest" })?;
    let expected = format!("{:08x}", crc32c::crc32c(summed));
    if digits == expected.as_bytes() { Ok(()) } else { Err(Damage::Checksum { part: "manifest" }) }
}

fn to_hex<S: Serializer>(key: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&text)
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let key: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    let key = key.filter(|key| key.len() <= MAX_KEY_BYTES);
    key.ok_or_else(|| serde::de::Error::custom("a key is not hexadecimal, or too long"))
}
