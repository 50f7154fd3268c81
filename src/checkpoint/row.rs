//! A row of the state, and where it stands.
//!
//! Invariant: rows stand in order of (bucket, key), bytes compared as unsigned numbers; a run holds
//! a place at most once.

use super::error::Error;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 16 * 1024;
/// Longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;

/// A row that was set or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The bucket the key belongs to: a function of the key, chosen by the caller.
    pub bucket: u8,
    /// At most [`MAX_KEY_BYTES`].
    pub key: Vec<u8>,
    /// At most [`MAX_VALUE_BYTES`]; none for a deleted row.
    pub value: Option<Vec<u8>>,
}

/// Where a row stands in the order.
pub(super) type Place<'a> = (u8, &'a [u8]);

impl Row {
    pub(super) fn place(&self) -> Place<'_> {
        (self.bucket, &self.key)
    }

    /// Refuses what could not be read back.
    pub(super) fn check(&self) -> Result<(), Error> {
        let value = self.value.as_ref().map_or(0, Vec::len);
        for (what, bytes, most) in [("key", self.key.len(), MAX_KEY_BYTES), ("value", value, MAX_VALUE_BYTES)]
        {
            if bytes > most {
                return Err(Error::RowTooLarge { what, bucket: self.bucket, bytes, most });
            }
        }
        Ok(())
    }
}
