//! Opening, watching and closing.

use super::*;
use std::sync::mpsc;

#[test]
fn a_second_handle_is_refused() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    let refused = Journal::open(folder.path(), small()).unwrap_err();
    assert_eq!(refused.code(), "journal-locked");
    assert!(refused.to_string().contains(folder.path().to_str().unwrap()));
    assert!(Journal::open(folder.path(), small()).is_err());
    journal.close().unwrap();
    Journal::open(folder.path(), small()).unwrap();
}

#[test]
fn dropping_writes_what_waits() {
    let folder = folder();
    let (journal, report) = Journal::open(folder.path().join("new/one"), small()).unwrap();
    assert_eq!((report.first, report.last.sequence, report.segments), (1, 0, 1));
    for sequence in 1..=20 {
        journal.append(sequence, b"something").unwrap();
    }
    drop(journal);
    let (journal, report) = Journal::open(folder.path().join("new/one"), small()).unwrap();
    assert_eq!(report.last, Position { sequence: 20, tick: 20 });
    assert_eq!((report.cut, report.after_mark, report.warnings), (None, 0, vec![]));
    assert_eq!(journal.durable(), report.last);
}

#[test]
fn bad_appends_leave_the_journal_as_it_was() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    journal.append(7, b"a").unwrap();
    assert_eq!(journal.append(6, b"b").unwrap_err().code(), "journal-tick-back");
    assert_eq!(journal.append(7, &[0; 65]).unwrap_err().code(), "journal-too-long");
    assert_eq!(journal.wait_durable(2).unwrap_err().code(), "journal-beyond");
    assert_eq!(journal.append(7, &[0; 64]).unwrap(), 2);
    assert_eq!(journal.close().unwrap().sequence, 2);
}

#[test]
fn watchers_are_told_the_present_and_each_commit() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    fill(&journal, 3);
    let (tell, told) = mpsc::channel();
    journal.watch(move |outcome| tell.send(outcome.unwrap()).unwrap());
    assert_eq!(told.recv().unwrap().sequence, 3);
    for sequence in 4..=9 {
        fill(&journal, sequence);
        assert_eq!(told.recv().unwrap(), Position { sequence, tick: sequence * 10 });
    }
    journal.close().unwrap();
    assert!(told.recv().is_err());
}

#[test]
fn a_watcher_that_panics_leaves_nobody_waiting() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    journal.watch(|outcome| assert!(outcome.unwrap().sequence < 1, "on purpose"));
    journal.append(1, b"a").unwrap();
    let mut appended = Ok(0);
    while appended.is_ok() {
        appended = journal.append(1, b"b");
    }
    assert_eq!(appended.unwrap_err().code(), "journal-writer-gone");
    assert_eq!(journal.forget_before(1).unwrap_err().code(), "journal-writer-gone");
    assert_eq!(journal.close().unwrap_err().code(), "journal-writer-gone");
}

#[test]
fn the_last_handle_can_be_dropped_by_a_watcher() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    let (give, take) = mpsc::channel::<Journal>();
    journal.watch(move |_| drop(take.try_recv()));
    journal.append(1, b"a").unwrap();
    give.send(journal).unwrap();
    // The lock is released when the thread has written everything.
    let opened = std::iter::repeat_with(|| Journal::open(folder.path(), small())).find_map(|opened| {
        std::thread::yield_now();
        opened.ok()
    });
    assert_eq!(opened.unwrap().1.last.sequence, 1);
}

#[test]
fn reading_knows_its_bounds() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    fill(&journal, 20);
    assert!(segments(folder.path()).len() > 4);
    let before = segments(folder.path()).len();
    let removed = journal.forget_before(10).unwrap();
    assert!(removed > 0 && segments(folder.path()).len() == before - removed);
    let first = journal.first();
    assert!(first <= 10);
    let expected: Vec<Record> = (first..=20).map(record).collect();
    assert_eq!(collect(journal.read(first)).unwrap(), expected);
    assert_eq!(collect(read(folder.path(), &small(), first)).unwrap(), expected);
    assert_eq!(collect(journal.read(21)).unwrap(), vec![]);
    for from in [0, 1, first - 1] {
        assert_eq!(collect(journal.read(from)).unwrap_err().code(), "journal-forgotten");
        assert_eq!(collect(read(folder.path(), &small(), from)).unwrap_err().code(), "journal-forgotten");
    }
    assert_eq!(collect(journal.read(22)).unwrap_err().code(), "journal-beyond");
    assert_eq!(collect(read(folder.path(), &small(), 22)).unwrap_err().code(), "journal-beyond");
    // The last segment stays, and with it the sequence.
    journal.forget_before(u64::MAX).unwrap();
    assert_eq!(segments(folder.path()).len(), 1);
    journal.close().unwrap();
    assert_eq!(Journal::open(folder.path(), small()).unwrap().1.last, Position { sequence: 20, tick: 200 });
}

/// Opens with every operation from then on noted: short names, files without their folder.
fn noted(folder: &Path) -> (Journal, Arc<std::sync::Mutex<Vec<String>>>) {
    let notes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let taking = Arc::clone(&notes);
    let probe = hook(move |operation, path| {
        let file = path.extension().map_or("mark or folder", |_| "segment");
        taking.lock().unwrap().push(format!("{operation:?} {file}"));
        Ok(())
    });
    (Journal::open(folder, Settings { sync: true, probe, ..small() }).unwrap().0, notes)
}

const SETTLED: [&str; 3] =
    ["Write { bytes: 62 } mark or folder", "Write { bytes: 62 } mark or folder", "Sync mark or folder"];

#[test]
fn forgetting_is_noted_before_it_is_done() {
    // A folder whose name has no extension.
    let folder = tempfile::Builder::new().prefix("journal").tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    fill(&journal, 9);
    journal.close().unwrap();
    let (journal, notes) = noted(folder.path());
    assert_eq!(journal.forget_before(9).unwrap(), 2);
    let removed = ["Remove segment", "Remove segment", "SyncFolder mark or folder"];
    assert_eq!(*notes.lock().unwrap(), [SETTLED, removed].concat());
}

#[test]
fn what_is_kept_behind_the_mark_is_written_and_synced_once_more() {
    let folder = tempfile::Builder::new().prefix("journal").tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    fill(&journal, 2);
    journal.close().unwrap();
    let path = segments(folder.path()).pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let record = record(3);
    layout::encode_record(&mut bytes, Position { sequence: 3, tick: record.tick }, &record.payload);
    bytes.push(1);
    std::fs::write(&path, bytes).unwrap();
    let (journal, notes) = noted(folder.path());
    let repaired = ["Truncate segment", "Write { bytes: 33 } segment", "Sync segment"];
    assert_eq!(*notes.lock().unwrap(), [repaired, SETTLED].concat());
    assert_eq!(journal.durable(), Position { sequence: 3, tick: 30 });
}

/// Looking takes no lock and says what opening says, also of the torn end of a write.
#[test]
fn an_inspection_says_what_opening_would() {
    let folder = folder();
    assert!(inspect(folder.path(), &small()).is_none());
    let (journal, _) = Journal::open(folder.path(), small()).unwrap();
    let seen = inspect(folder.path(), &small()).unwrap();
    assert_eq!((seen.begins, seen.ends(), seen.records, seen.first), (1, 0, 0, None));
    fill(&journal, 10);
    journal.forget_before(5).unwrap();
    let first = journal.first();
    let seen = inspect(folder.path(), &small()).unwrap();
    journal.close().unwrap();
    let last = segments(folder.path()).pop().unwrap();
    let torn = [std::fs::read(&last).unwrap(), b"torn".to_vec()].concat();
    std::fs::write(&last, torn).unwrap();
    let of_torn = inspect(folder.path(), &small()).unwrap();
    let bytes: u64 = segments(folder.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!((of_torn.bytes, seen.bytes), (bytes, bytes - 4));
    let (_, report) = Journal::open(folder.path(), small()).unwrap();
    assert!(first > 1 && report.cut.is_some());
    for seen in [seen, of_torn] {
        assert_eq!(
            (seen.begins, seen.last, seen.segments),
            (report.first, Some(report.last), report.segments)
        );
        assert_eq!((seen.first.unwrap().sequence, seen.records), (first, 11 - first));
        assert!(seen.error.is_none());
    }
    std::fs::remove_file(folder.path().join("durable")).unwrap();
    let error = inspect(folder.path(), &small()).unwrap().error.unwrap();
    assert_eq!(error.code(), "journal-mark-missing");
}

#[test]
fn a_segment_that_was_begun_lets_everything_before_it_go() {
    let folder = folder();
    let (journal, _) = Journal::open(folder.path(), Settings { segment_bytes: 1 << 20, ..small() }).unwrap();
    journal.append(10, b"before").unwrap();
    journal.append(20, b"before").unwrap();
    assert_eq!(journal.forget_before(3).unwrap(), 0, "a segment that is written to stays");
    journal.begin_segment().unwrap();
    journal.begin_segment().unwrap();
    assert_eq!((journal.forget_before(3).unwrap(), journal.first()), (1, 3));
    let there = |folder: &Path| {
        let bytes =
            |path: &std::path::PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        segments(folder).iter().map(bytes).collect::<String>()
    };
    assert!(!there(folder.path()).contains("before"));
    drop(journal);
    let (journal, report) = Journal::open(folder.path(), small()).unwrap();
    assert_eq!((report.first, report.last, report.warnings), (3, Position { sequence: 2, tick: 20 }, vec![]));
    assert_eq!(journal.append(19, b"x").unwrap_err().code(), "journal-tick-back");
    journal.append(20, b"after").unwrap();
    journal.close().unwrap();
    assert!(there(folder.path()).contains("after"));
}
