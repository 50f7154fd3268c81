//! The index and footer of a run: where its blocks are, and what each begins with.
//!
//! Invariant: blocks follow each other without gaps, so their offsets are sums of their lengths. The
//! index holds the checksum of each block, the footer that of the index, and the manifest that of
//! the footer: one checksum stands for the whole file. (A checksum over the file including its own
//! checksums would cancel out: a CRC followed by its CRC is a constant.)
//! Cost: in memory about the first key and 60 bytes a block.

use super::block::ROW_HEAD;
use super::bytes::{Bytes, length};
use super::error::Damage;
use super::manifest::Edge;
use super::row::{MAX_KEY_BYTES, MAX_VALUE_BYTES};

/// `SHOPBRUN` and the version.
pub(super) const HEADER_BYTES: u64 = 12;
/// What a footer takes.
pub(super) const FOOTER_BYTES: u64 = 32;
/// Largest index that is written or read: enough for a hundred gigabytes with short keys.
pub(super) const MAX_INDEX_BYTES: u64 = 256 * 1024 * 1024;
/// Largest block: a full one and the largest row.
pub(super) const MAX_BLOCK_BYTES: usize = MAX_BLOCK_TARGET + ROW_HEAD + MAX_KEY_BYTES + MAX_VALUE_BYTES;
/// Largest setting of a block's size.
pub(super) const MAX_BLOCK_TARGET: usize = 1024 * 1024;
/// Bytes of a block's entry beside its key.
const BLOCK_ENTRY: usize = 17;

/// Where a block is, and what it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockEntry {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) checksum: u32,
    pub(super) rows: u32,
    pub(super) first: Edge,
}

/// The blocks that hold rows of a bucket: from `first` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketEntry {
    pub(super) bucket: u8,
    pub(super) first: u32,
    pub(super) end: u32,
}

/// All blocks of a run, and the blocks of each bucket it has rows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) blocks: Vec<BlockEntry>,
    pub(super) buckets: Vec<BucketEntry>,
}

/// A set of buckets.
#[derive(Clone, Debug)]
pub(super) struct Buckets([bool; 256]);

impl Buckets {
    pub(super) fn of(mut wanted: impl FnMut(u8) -> bool) -> Buckets {
        Buckets(std::array::from_fn(|bucket| u8::try_from(bucket).is_ok_and(&mut wanted)))
    }

    pub(super) fn contains(&self, bucket: u8) -> bool {
        self.0.get(usize::from(bucket)).copied().unwrap_or_default()
    }
}

impl Index {
    /// Notes that the block under way, which is the next to be added, has a row of this bucket.
    pub(super) fn note(&mut self, bucket: u8) {
        self.note_in(length(self.blocks.len()), bucket);
    }

    /// Notes that a block has a row of this bucket; blocks and buckets come in order.
    pub(super) fn note_in(&mut self, block: u32, bucket: u8) {
        match self.buckets.last_mut().filter(|entry| entry.bucket == bucket) {
            Some(entry) => entry.end = block + 1,
            None => self.buckets.push(BucketEntry { bucket, first: block, end: block + 1 }),
        }
    }

    /// Numbers of the blocks that hold rows of these buckets, in order, each once.
    pub(super) fn blocks_of(&self, wanted: &Buckets) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        for entry in self.buckets.iter().filter(|entry| wanted.contains(entry.bucket)) {
            let after = chosen.last().map_or(0, |last| last + 1);
            chosen.extend((entry.first as usize).max(after)..entry.end as usize);
        }
        chosen
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut into = Vec::new();
        into.extend(length(self.blocks.len()).to_le_bytes());
        for block in &self.blocks {
            into.extend(block.length.to_le_bytes());
            into.extend(block.checksum.to_le_bytes());
            into.extend(block.rows.to_le_bytes());
            into.push(block.first.bucket);
            into.extend(length(block.first.key.len()).to_le_bytes());
            into.extend(&block.first.key);
        }
        // At most 256.
        into.extend(u16::try_from(self.buckets.len()).unwrap_or(u16::MAX).to_le_bytes());
        for entry in &self.buckets {
            into.push(entry.bucket);
            into.extend(entry.first.to_le_bytes());
            into.extend(entry.end.to_le_bytes());
        }
        into
    }

    /// Reads what [`Index::encode`] wrote, once its checksum was found right.
    pub(super) fn decode(bytes: &[u8]) -> Result<Index, Damage> {
        let index = Index::decode_parts(Bytes(bytes)).ok_or(Damage::Length { part: "index" })?;
        if index.is_sound() { Ok(index) } else { Err(Damage::Content { part: "index" }) }
    }

    fn decode_parts(mut left: Bytes<'_>) -> Option<Index> {
        let mut offset = HEADER_BYTES;
        let count = left.u32()? as usize;
        let mut blocks = Vec::with_capacity(count.min(left.len() / BLOCK_ENTRY));
        for _ in 0..count {
            let (length, checksum, rows) = (left.u32()?, left.u32()?, left.u32()?);
            let first = Edge { bucket: left.u8()?, key: left.string(MAX_KEY_BYTES)?.to_vec() };
            blocks.push(BlockEntry { offset, length, checksum, rows, first });
            offset = offset.checked_add(length.into())?;
        }
        let mut buckets = Vec::new();
        for _ in 0..left.u16()? {
            buckets.push(BucketEntry { bucket: left.u8()?, first: left.u32()?, end: left.u32()? });
        }
        left.is_empty().then_some(Index { blocks, buckets })
    }

    fn is_sound(&self) -> bool {
        let blocks = self.blocks.iter().all(|block| {
            let length = block.length as usize;
            block.rows > 0 && length <= MAX_BLOCK_BYTES && block.rows as usize <= length / ROW_HEAD
        });
        let buckets = self
            .buckets
            .iter()
            .all(|entry| entry.first < entry.end && entry.end <= length(self.blocks.len()));
        let places = self.blocks.iter().zip(self.blocks.iter().skip(1));
        let entries = self.buckets.iter().zip(self.buckets.iter().skip(1));
        blocks
            && buckets
            && places.into_iter().all(|(one, next)| one.first.place() < next.first.place())
            && entries.into_iter().all(|(one, next)| one.bucket < next.bucket && one.end <= next.first + 1)
    }

    /// Where the blocks end and the index begins.
    pub(super) fn end_of_blocks(&self) -> u64 {
        self.blocks.last().map_or(HEADER_BYTES, |block| block.offset + u64::from(block.length))
    }
}

/// The last bytes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) index_bytes: u64,
    pub(super) index_checksum: u32,
    pub(super) rows: u64,
    pub(super) deletions: u64,
}

impl Footer {
    /// The bytes, and the checksum in them, which stands for the whole run.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let mut into = Vec::new();
        into.extend(self.index_bytes.to_le_bytes());
        into.extend(self.index_checksum.to_le_bytes());
        into.extend(self.rows.to_le_bytes());
        into.extend(self.deletions.to_le_bytes());
        let checksum = crc32c::crc32c(&into);
        into.extend(checksum.to_le_bytes());
        (into, checksum)
    }

    /// The footer and its checksum.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Footer, u32), Damage> {
        let mut left = Bytes(bytes);
        let read = |left: &mut Bytes<'_>| {
            let (index_bytes, index_checksum) = (left.u64()?, left.u32()?);
            Some(Footer { index_bytes, index_checksum, rows: left.u64()?, deletions: left.u64()? })
        };
        let footer = read(&mut left).ok_or(Damage::Length { part: "footer" })?;
        let (encoded, checksum) = footer.encode();
        if encoded == bytes { Ok((footer, checksum)) } else { Err(Damage::Checksum { part: "footer" }) }
    }
}
