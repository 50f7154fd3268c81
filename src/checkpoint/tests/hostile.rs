//! Lengths that cannot be, with checksums that are right.

use super::super::bytes::Bytes;
use super::super::error::Damage;
use super::super::index::{BlockEntry, Footer, Index};
use super::super::manifest::Manifest;
use super::*;
use proptest::prelude::*;
use std::os::unix::fs::FileExt;

fn sealed(bytes: &[u8], rows: u32, first: (u8, &[u8])) -> BlockEntry {
    let (length, checksum) = (bytes.len() as u32, crc32c::crc32c(bytes));
    BlockEntry { offset: 12, length, checksum, rows, first: Edge::at(first) }
}

fn raw(bucket: u8, key_length: u32, value_length: u32, rest: &[u8]) -> Vec<u8> {
    [&[bucket][..], &key_length.to_le_bytes(), &value_length.to_le_bytes(), rest].concat()
}

#[test]
fn a_block_with_impossible_rows_is_refused() {
    let good = [raw(1, 1, 1, b"ax"), raw(1, 1, u32::MAX, b"b")].concat();
    assert_eq!(block::decode(&good, &sealed(&good, 2, (1, b"a")), None).unwrap().len(), 2);
    let content = Err(Damage::Content { part: "block" });
    for (what, bytes) in [
        ("key beyond the end", raw(1, 99, 0, b"a")),
        ("absurd key", raw(1, u32::MAX, 0, b"a")),
        ("absurd value", raw(1, 1, u32::MAX - 1, b"a")),
        ("value beyond the end", raw(1, 1, 5, b"a")),
        ("half a head", [&good[..], &[1, 0]].concat()),
        ("one row less", raw(1, 1, 1, b"ax")),
        ("one row more", [&good[..], &raw(2, 0, 0, b"")].concat()),
        ("out of order", [raw(1, 1, 1, b"ax"), raw(1, 0, 0, b"")].concat()),
        ("the same twice", [raw(1, 1, 1, b"ax"), raw(1, 1, 1, b"ay")].concat()),
        ("another first row", [raw(0, 1, 1, b"ax"), raw(1, 1, 1, b"ay")].concat()),
    ] {
        assert_eq!(block::decode(&bytes, &sealed(&bytes, 2, (1, b"a")), None), content, "{what}");
    }
    let overtaken = sealed(&[], 1, (1, b"b"));
    assert_eq!(block::decode(&good, &sealed(&good, 2, (1, b"a")), Some(&overtaken)), content);
}

#[test]
fn an_index_with_impossible_lengths_is_refused() {
    let entry = sealed(&[0; 18], 2, (1, b"a"));
    let mut good = Index { blocks: vec![entry.clone()], buckets: vec![] };
    good.note_in(0, 1);
    assert_eq!(Index::decode(&good.encode()).unwrap(), good);
    let mut absurd = good.encode();
    absurd[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Index::decode(&absurd), Err(Damage::Length { part: "index" }));
    let changed = |change: fn(&mut Index)| {
        let mut index = good.clone();
        change(&mut index);
        Index::decode(&index.encode())
    };
    let content = Err(Damage::Content { part: "index" });
    assert_eq!(changed(|index| index.blocks[0].length = u32::MAX), content);
    assert_eq!(changed(|index| index.blocks[0].rows = 3), content);
    assert_eq!(changed(|index| index.blocks[0].rows = 0), content);
    assert_eq!(changed(|index| index.buckets[0].end = 2), content);
    assert_eq!(changed(|index| index.buckets[0].end = 0), content);
    assert_eq!(changed(|index| index.buckets[0].first = u32::MAX), content);
    assert_eq!(changed(|index| index.buckets.push(index.buckets[0])), content);
    assert_eq!(changed(|index| index.blocks.push(index.blocks[0].clone())), content);
}

/// Forges the end of a run, checksums and manifest included.
fn forge(change: impl Fn(&mut Index, &mut Footer)) -> Error {
    let place = folder();
    open(place.path()).write(1, &json!(0), vec![vec![set(1, "a", "x"), set(2, "b", "y")]]).unwrap();
    let (run, path) = (place.path().join(names::run(1)), place.path().join(names::manifest(1)));
    let mut manifest = Manifest::read(&path, 1).unwrap();
    let bytes = fs::read(&run).unwrap();
    let (_, end) = bytes.split_at(bytes.len() - 32);
    let (mut footer, _) = Footer::decode(end).unwrap();
    let at = bytes.len() - 32 - footer.index_bytes as usize;
    let mut index = Index::decode(&bytes[at..bytes.len() - 32]).unwrap();
    let before = footer;
    change(&mut index, &mut footer);
    let encoded = index.encode();
    if footer == before {
        footer.index_bytes = encoded.len() as u64;
        footer.index_checksum = crc32c::crc32c(&encoded);
    }
    let (end, checksum) = footer.encode();
    fs::write(&run, [&bytes[..at], &encoded, &end].concat()).unwrap();
    let summary = &mut manifest.runs[0];
    summary.bytes = fs::metadata(&run).unwrap().len();
    (summary.checksum, summary.rows, summary.deletions) = (checksum, footer.rows, footer.deletions);
    fs::write(&path, manifest.encode().unwrap()).unwrap();
    let mut found = open(place.path()).newest_good().unwrap();
    assert!(found.checkpoint.is_none());
    found.skipped.remove(0).error
}

#[test]
fn a_forged_run_is_refused_by_name() {
    let code = |change: fn(&mut Index, &mut Footer)| forge(change).code();
    assert_eq!(code(|_, footer| footer.index_bytes = u64::MAX), "checkpoint-length");
    assert_eq!(code(|_, footer| footer.index_bytes = 1 << 27), "checkpoint-length");
    assert_eq!(code(|_, footer| footer.index_checksum ^= 1), "checkpoint-checksum");
    assert_eq!(code(|_, footer| footer.rows += 1), "checkpoint-content");
    assert_eq!(code(|_, footer| footer.deletions += 1), "checkpoint-content");
    assert_eq!(code(|index, _| index.blocks[0].length += 1), "checkpoint-length");
    assert_eq!(code(|index, _| index.blocks[0].rows = 1), "checkpoint-content");
    assert_eq!(code(|index, _| index.blocks[0].checksum ^= 1), "checkpoint-checksum");
    assert_eq!(code(|index, _| index.blocks[0].first.bucket = 0), "checkpoint-content");
    assert_eq!(code(|index, _| index.buckets.truncate(1)), "checkpoint-content");
    assert_eq!(code(|index, _| index.blocks.clear()), "checkpoint-content");
}

/// A file that is large without taking room, and whose index would have to be held in memory.
#[test]
fn an_index_beyond_the_limit_is_not_read() {
    let place = folder();
    open(place.path()).write(1, &json!(0), vec![vec![set(1, "a", "x")]]).unwrap();
    let (run, path) = (place.path().join(names::run(1)), place.path().join(names::manifest(1)));
    let index_bytes = (256 << 20) + 1;
    let (footer, checksum) = Footer { index_bytes, index_checksum: 0, rows: 1, deletions: 0 }.encode();
    let file = fs::File::options().write(true).open(run).unwrap();
    file.write_all_at(&footer, 12 + index_bytes).unwrap();
    let mut manifest = Manifest::read(&path, 1).unwrap();
    (manifest.runs[0].bytes, manifest.runs[0].checksum) = (12 + index_bytes + 32, checksum);
    fs::write(&path, manifest.encode().unwrap()).unwrap();
    let found = open(place.path()).newest_good().unwrap();
    assert_eq!(found.skipped[0].error.code(), "checkpoint-length");
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let place = folder();
    open(place.path()).write(1, &json!(0), vec![vec![set(1, "a", "x")]]).unwrap();
    let path = place.path().join(names::manifest(1));
    let good = Manifest::read(&path, 1).unwrap();
    let cases: [fn(&mut Manifest); 5] = [
        |manifest| manifest.checkpoint = 2,
        |manifest| manifest.runs.push(manifest.runs[0].clone()),
        |manifest| manifest.runs[0].run = u64::MAX,
        |manifest| manifest.runs[0].tick = 2,
        |manifest| manifest.runs[0].deletions = 2,
    ];
    for change in cases {
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(&path, bad.encode().unwrap()).unwrap();
        assert_eq!(Manifest::read(&path, 1).unwrap_err().code(), "checkpoint-content", "{bad:?}");
    }
    // It makes sense, but the run has another size, number of rows or range.
    let cases: [fn(&mut Manifest); 4] = [
        |manifest| manifest.runs[0].bytes += 1,
        |manifest| manifest.runs[0].rows += 1,
        |manifest| manifest.runs[0].lowest = None,
        |manifest| manifest.runs[0].highest = Some(Edge { bucket: 1, key: "b".into() }),
    ];
    for change in cases {
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(&path, bad.encode().unwrap()).unwrap();
        let found = open(place.path()).newest_good().unwrap();
        assert_eq!(found.skipped[0].error.code(), "checkpoint-other-run", "{bad:?}");
    }
    // Larger than any manifest, without taking its room on disk or in memory.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(Manifest::read(&path, 1).unwrap_err().code(), "checkpoint-length");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in 0u32..20) {
        let first = Bytes(&bytes).u8().unwrap_or_default();
        let _ = block::decode(&bytes, &sealed(&bytes, rows, (first, &[])), None);
        let _ = Footer::decode(&bytes);
        if let Ok(index) = Index::decode(&bytes) {
            prop_assert_eq!(index.encode(), bytes);
        }
    }
}
