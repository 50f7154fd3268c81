//! How much is read and held.

use super::*;

fn keys(store: &mut Store, tick: u64, buckets: std::ops::Range<u8>) {
    let row = |bucket: u8, number: u32| set(bucket, &format!("{number:05}"), "0123456789");
    let rows = buckets.flat_map(|bucket| (0..200).map(move |number| row(bucket, number))).collect();
    store.write(tick, &json!(0), vec![rows]).unwrap();
}

#[test]
fn a_bucket_touches_only_its_blocks() {
    let place = folder();
    let mut store = Store::open(place.path(), Settings { block_bytes: 240, ..small() }).unwrap();
    keys(&mut store, 1, 10..20);
    let checkpoint = store.newest().unwrap().unwrap();
    // Ten rows of 24 bytes a block, twenty blocks a bucket.
    assert_eq!(checkpoint.rows(|_| true).blocks_ahead(), 200);
    assert_eq!(checkpoint.rows(|bucket| bucket == 13).blocks_ahead(), 20);
    assert_eq!(checkpoint.rows(|bucket| bucket % 2 == 0).blocks_ahead(), 100);
    assert_eq!(checkpoint.rows(|bucket| bucket < 10).blocks_ahead(), 0);
    let rows: Vec<Row> = checkpoint.rows(|bucket| bucket == 13).map(Result::unwrap).collect();
    assert_eq!(rows.len(), 200);
    assert!(rows.iter().all(|row| row.bucket == 13));
    // Buckets that share blocks count them once.
    let place = folder();
    let mut store = Store::open(place.path(), Settings { block_bytes: 480 * 8, ..small() }).unwrap();
    keys(&mut store, 1, 0..10);
    assert_eq!(store.newest().unwrap().unwrap().rows(|bucket| bucket < 2).blocks_ahead(), 3);
}

#[test]
fn one_block_a_run_is_held() {
    let place = folder();
    let mut store = Store::open(place.path(), Settings { block_bytes: 240, ..small() }).unwrap();
    (1..=4).for_each(|tick| keys(&mut store, tick, 0..10));
    let mut rows = store.newest().unwrap().unwrap().rows(|_| true);
    let (mut held, mut count) = (0, 0);
    while let Some(row) = rows.next() {
        row.unwrap();
        held = held.max(rows.rows_held());
        count += 1;
    }
    assert_eq!(count, 2_000);
    assert!((10..=40).contains(&held), "{held} rows of 8,000 were held");
    // Compacting holds as little; what it writes has as many blocks as one run.
    let base = store.compact(|bucket, _, _| bucket != 3).unwrap().unwrap();
    assert_eq!(base.rows(|_| true).blocks_ahead(), 180);
}
