//! Hostile files: nothing acknowledged is lost without a word, and nothing panics.

use super::*;
use std::fs;
use std::path::PathBuf;

const RECORDS: u64 = 9;

/// A closed journal of three segments.
fn closed() -> tempfile::TempDir {
    let folder = folder();
    let settings = Settings { waiting_bytes: 0, ..small() };
    let (journal, _) = Journal::open(folder.path(), settings).unwrap();
    fill(&journal, RECORDS);
    journal.close().unwrap();
    assert_eq!(segments(folder.path()).len(), 3);
    folder
}

/// The same after a crash: two more records whole and one torn, none of them under the mark.
fn crashed() -> tempfile::TempDir {
    let folder = closed();
    let last = segments(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    for sequence in RECORDS + 1..=RECORDS + 3 {
        let Record { tick, payload, .. } = record(sequence);
        layout::encode_record(&mut bytes, Position { sequence, tick }, &payload);
    }
    bytes.truncate(bytes.len() - 3);
    fs::write(&last, bytes).unwrap();
    folder
}

/// Puts a changed mark into both slots.
fn change_mark(folder: &Path, change: impl Fn(&mut layout::Mark)) {
    let mut mark = mark::load(folder).unwrap().unwrap().mark;
    change(&mut mark);
    let slots = [layout::encode_slot(0, &mark), layout::encode_slot(1, &mark)].concat();
    fs::write(folder.join("durable"), slots).unwrap();
}

fn damaged_open(folder: &Path) -> Result<Report, JournalError> {
    let (journal, report) = Journal::open(folder, small())?;
    let found = collect(journal.read(1))?;
    assert!(found.len() as u64 >= RECORDS, "acknowledged records are gone: {report:?}");
    assert_eq!(found.len() as u64, report.last.sequence);
    assert!(found.into_iter().eq((1..=report.last.sequence).map(record)));
    Ok(report)
}

/// A reader either fails or gives all that was acknowledged, as it was.
fn damaged_read(folder: &Path) {
    if let Ok(found) = collect(read(folder, &small(), 1)) {
        assert!(found.len() as u64 >= RECORDS);
        assert!(found.iter().enumerate().all(|(index, found)| *found == record(index as u64 + 1)));
    }
}

/// Tries every change of every file on the same folder; `judge` says whether the report fits.
fn every_damage(original: &Path, judge: impl Fn(&Path, &Report)) -> (usize, usize) {
    let folder = folder();
    copy(original, folder.path());
    let mut outcomes = (0, 0);
    let files: Vec<PathBuf> =
        segments(folder.path()).into_iter().chain([folder.path().join("durable")]).collect();
    for file in &files {
        let whole = fs::read(file).unwrap();
        let flips = (0..whole.len() * 8).map(|bit| {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
        for bytes in flips.chain(cuts) {
            fs::write(file, &bytes).unwrap();
            damaged_read(folder.path());
            match damaged_open(folder.path()) {
                Ok(report) => {
                    judge(file, &report);
                    outcomes.0 += 1;
                    // Opening put things right.
                    copy(original, folder.path());
                }
                Err(error) => {
                    assert!(!error.hint().is_empty());
                    assert_eq!(fs::read(file).unwrap(), bytes, "changed on disk in spite of {error}");
                    outcomes.1 += 1;
                }
            }
        }
        fs::write(file, &whole).unwrap();
    }
    outcomes
}

#[test]
fn every_damage_of_a_closed_journal_is_told() {
    let original = closed();
    let (opened, refused) = every_damage(original.path(), |file, report| {
        assert!(file.ends_with("durable"), "{} was damaged unnoticed: {report:?}", file.display());
        assert!(matches!(report.warnings[..], [Warning::MarkSlotDamaged { .. }]));
        assert_eq!((report.last.sequence, &report.cut), (RECORDS, &None));
    });
    assert!(opened >= 2 * 62 * 8 && refused > 2_000, "{opened} {refused}");
}

#[test]
fn every_damage_of_a_crashed_journal_spares_what_was_acknowledged() {
    let original = crashed();
    let last = segments(original.path()).pop().unwrap().file_name().unwrap().to_owned();
    let (opened, refused) = every_damage(original.path(), |file, report| {
        if file.ends_with("durable") {
            assert_eq!(report.warnings.len(), 1);
        } else {
            // Only the end of the last segment, behind the mark.
            assert!(file.ends_with(&last), "{} was damaged unnoticed: {report:?}", file.display());
            let between = report.cut.is_none() && report.last.sequence < RECORDS + 3;
            assert!(between || report.cut.is_some());
        }
    });
    assert!(opened > 500 && refused > 2_000, "{opened} {refused}");
}

#[test]
fn a_torn_end_is_cut_off_and_told() {
    let folder = crashed();
    let report = damaged_open(folder.path()).unwrap();
    assert_eq!((report.last.sequence, report.after_mark), (RECORDS + 2, 2));
    let cut = report.cut.unwrap();
    assert_eq!(cut.bytes, layout::record_bytes(record(RECORDS + 3).payload.len()) as u64 - 3);
    assert_eq!(fs::metadata(&cut.file).unwrap().len(), cut.offset);
    let report = damaged_open(folder.path()).unwrap();
    assert_eq!((report.cut, report.after_mark, report.last.sequence), (None, 0, RECORDS + 2));
}

#[test]
fn damage_before_the_last_segment_is_no_torn_end_even_behind_the_mark() {
    let folder = closed();
    let paths = segments(folder.path());
    // As if the mark had been written long ago.
    change_mark(folder.path(), |mark| {
        mark.segment = 1;
        mark.length = layout::HEADER_BYTES;
        mark.last = Position::default();
    });
    let whole = fs::read(&paths[0]).unwrap();
    fs::write(&paths[0], &whole[..whole.len() - 1]).unwrap();
    assert_eq!(damaged_open(folder.path()).unwrap_err().code(), "journal-damaged");
    fs::write(&paths[0], whole).unwrap();
    assert_eq!(damaged_open(folder.path()).unwrap().after_mark, RECORDS);
}

#[test]
fn missing_renamed_and_doubled_segments_are_named() {
    type Change = fn(&[PathBuf], &Path);
    let changes: [(&str, Change); 12] = [
        ("journal-missing-segment", |paths, _| fs::remove_file(&paths[0]).unwrap()),
        ("journal-gap", |paths, _| fs::remove_file(&paths[1]).unwrap()),
        ("journal-missing-segment", |paths, _| fs::remove_file(&paths[2]).unwrap()),
        ("journal-missing-segment", |paths, _| paths.iter().for_each(|path| fs::remove_file(path).unwrap())),
        ("journal-misnamed", |paths, _| {
            fs::rename(&paths[2], paths[2].with_file_name("journal-7.log")).unwrap()
        }),
        ("journal-missing-segment", |paths, _| {
            fs::rename(&paths[2], paths[2].with_file_name(segment::name(99))).unwrap();
        }),
        ("journal-gap", |paths, _| {
            fs::rename(&paths[1], paths[1].with_file_name(segment::name(5))).unwrap();
        }),
        ("journal-gap", |paths, _| {
            fs::copy(&paths[1], paths[1].with_file_name(segment::name(6))).unwrap();
        }),
        ("journal-misnamed", |paths, _| {
            fs::copy(&paths[0], &paths[1]).unwrap();
        }),
        ("journal-mark-missing", |_, folder| fs::remove_file(folder.join("durable")).unwrap()),
        ("journal-mark-damaged", |_, folder| fs::write(folder.join("durable"), [1; 124]).unwrap()),
        ("journal-unknown-version", |paths, _| {
            let mut bytes = fs::read(&paths[1]).unwrap();
            bytes[8] = 9;
            let crc = crc32c::crc32c(&bytes[..18]).to_le_bytes();
            bytes[18..22].copy_from_slice(&crc);
            fs::write(&paths[1], bytes).unwrap();
        }),
    ];
    for (index, (code, change)) in changes.into_iter().enumerate() {
        let folder = closed();
        change(&segments(folder.path()), folder.path());
        let error = damaged_open(folder.path()).unwrap_err();
        assert_eq!(error.code(), code, "change {index}: {error}");
        assert!(collect(read(folder.path(), &small(), 1)).is_err(), "change {index}");
    }
}

#[test]
fn forgetting_that_was_interrupted_is_finished() {
    let folder = closed();
    let kept = folder.path().join("kept");
    let paths = segments(folder.path());
    fs::copy(&paths[0], &kept).unwrap();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    assert_eq!(journal.forget_before(5).unwrap(), 1);
    let first = journal.first();
    journal.close().unwrap();
    fs::rename(&kept, &paths[0]).unwrap();
    assert_eq!(collect(read(folder.path(), &small(), 1)).unwrap_err().code(), "journal-forgotten");
    let (_, report) = Journal::open(folder.path(), small()).unwrap();
    assert_eq!(report.warnings, [Warning::ForgetUnfinished { segments: 1 }]);
    assert_eq!((report.first, paths[0].exists()), (first, false));
}

#[test]
fn absurd_lengths_allocate_nothing() {
    for (record_bytes, behind_mark) in [(64, false), (u32::MAX, false), (u32::MAX, true)] {
        let folder = closed();
        let path = segments(folder.path()).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let offset = if behind_mark { bytes.len() } else { layout::HEADER_BYTES as usize };
        bytes.resize(bytes.len() + 30, 0);
        bytes[offset..offset + 4].copy_from_slice(&[255; 4]);
        fs::write(&path, bytes).unwrap();
        let opened = Journal::open(folder.path(), Settings { record_bytes, ..small() });
        match opened {
            Ok((_, report)) => assert!(behind_mark && report.cut.unwrap().bytes == 30),
            Err(JournalError::Damaged { flaw, .. }) => {
                let bounded = matches!(flaw, Flaw::Length { got: u32::MAX, most: 64 });
                let within_file = matches!(flaw, Flaw::Incomplete { .. });
                assert!(!behind_mark && if record_bytes == 64 { bounded } else { within_file });
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_mark_that_does_not_fit_is_named() {
    let changes: [fn(&mut layout::Mark); 3] =
        [|mark| mark.length -= 1, |mark| mark.last.sequence -= 1, |mark| mark.last.sequence += 1];
    for change in changes {
        let folder = closed();
        change_mark(folder.path(), change);
        assert_eq!(damaged_open(folder.path()).unwrap_err().code(), "journal-mark-disagrees");
    }
}

#[test]
fn an_end_lost_between_two_records_is_named() {
    let folder = closed();
    let path = segments(folder.path()).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - layout::record_bytes(9)]).unwrap();
    assert_eq!(damaged_open(folder.path()).unwrap_err().code(), "journal-lost");
    assert_eq!(collect(read(folder.path(), &small(), 1)).unwrap_err().code(), "journal-lost");
}

#[test]
fn whole_records_out_of_order_are_not_taken() {
    let last = Position { sequence: RECORDS, tick: RECORDS * 10 };
    for (position, expected) in [
        (Position { sequence: RECORDS, ..last }, Flaw::Sequence { expected: RECORDS + 1, got: RECORDS }),
        (
            Position { sequence: RECORDS + 2, ..last },
            Flaw::Sequence { expected: RECORDS + 1, got: RECORDS + 2 },
        ),
        (Position { sequence: RECORDS + 1, tick: 89 }, Flaw::Tick { before: 90, got: 89 }),
    ] {
        let folder = closed();
        let path = segments(folder.path()).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        layout::encode_record(&mut bytes, position, b"stray");
        fs::write(&path, &bytes).unwrap();
        assert_eq!(damaged_open(folder.path()).unwrap().cut.unwrap().flaw, expected);
        // The same under the mark is damage.
        fs::write(&path, &bytes).unwrap();
        change_mark(folder.path(), |mark| mark.length = bytes.len() as u64);
        assert_eq!(damaged_open(folder.path()).unwrap_err().code(), "journal-damaged");
    }
}
