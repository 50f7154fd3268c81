//! A process or a machine that stops at any moment.

use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// The folder at one moment.
#[derive(Clone, Default)]
struct Image {
    acknowledged: u64,
    /// What is about to be done.
    next: Option<(Operation, PathBuf)>,
    /// What a process that starts now would find.
    now: Contents,
    /// What the disk has for sure.
    synced: Contents,
}

/// Takes an image before each operation.
#[derive(Default)]
struct Camera {
    images: Vec<Image>,
    synced: Contents,
    before: Option<(Operation, PathBuf)>,
}

impl Camera {
    fn click(&mut self, operation: Operation, path: &Path, folder: &Path, acknowledged: u64) {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let now: Contents = files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
        match self.before.replace((operation, path.to_path_buf())) {
            Some((Operation::Sync, path)) => drop(self.synced.insert(path.clone(), now[&path].clone())),
            Some((Operation::Rename, path)) => {
                // A life that syncs nothing has nothing there.
                let content = self.synced.remove(&path);
                content.into_iter().for_each(|content| {
                    self.synced.insert(path.with_file_name("durable"), content);
                });
            }
            Some((Operation::Remove, path)) => drop(self.synced.remove(&path)),
            _ => {}
        }
        self.images.push(Image { acknowledged, next: self.before.clone(), now, synced: self.synced.clone() });
    }
}

/// Images of a life with commits, rolls and forgetting.
fn images() -> &'static [Image] {
    static IMAGES: OnceLock<Vec<Image>> = OnceLock::new();
    IMAGES.get_or_init(|| live(true))
}

fn live(sync: bool) -> Vec<Image> {
    let folder = folder();
    let camera = Arc::new(Mutex::new(Camera::default()));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let (for_probe, for_watch) = (Arc::clone(&acknowledged), Arc::clone(&acknowledged));
    let (taking, place) = (Arc::clone(&camera), folder.path().to_path_buf());
    let probe = hook(move |operation, path| {
        let acknowledged = for_probe.load(Ordering::SeqCst);
        taking.lock().unwrap().click(operation, path, &place, acknowledged);
        Ok(())
    });
    let settings = Settings { sync, probe, ..small() };
    let (journal, _) = Journal::open(folder.path(), settings).unwrap();
    journal.watch(move |durable| for_watch.store(durable.unwrap().sequence, Ordering::SeqCst));
    for sequence in 1..=24 {
        // Some batches of one record, some of more.
        let Record { tick, payload, .. } = record(sequence);
        journal.append(tick, &payload).unwrap();
        if sequence % 3 == 0 {
            journal.wait_durable(sequence).unwrap();
        }
        if sequence % 12 == 0 {
            journal.forget_before(sequence - 5).unwrap();
        }
        if sequence == 17 {
            // All of it goes.
            journal.begin_segment().unwrap();
            journal.forget_before(sequence + 1).unwrap();
            assert_eq!(journal.first(), sequence + 1);
        }
    }
    journal.close().unwrap();
    let images = camera.lock().unwrap().images.clone();
    assert!(images.len() > 60 && images.iter().any(|image| image.acknowledged >= 21));
    images
}

/// What is wrong with a journal that is opened with these files, if anything is: `acknowledged` records must be there.
fn wrong_with(contents: &Contents, acknowledged: u64) -> Option<String> {
    let folder = folder();
    for (path, bytes) in contents {
        fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    let (journal, report) = match Journal::open(folder.path(), small()) {
        Ok(opened) => opened,
        Err(error) => return Some(error.to_string()),
    };
    if report.last.sequence < acknowledged || report.first > acknowledged + 1 {
        return Some(format!("{acknowledged} gone, {report:?}"));
    }
    fill(&journal, report.last.sequence + 3);
    let found = collect(journal.read(report.first)).unwrap();
    if !found.into_iter().eq((report.first..=report.last.sequence + 3).map(record)) {
        return Some("other records".to_owned());
    }
    journal.close().unwrap();
    let (_, report) = Journal::open(folder.path(), small()).unwrap();
    let told = (report.cut, report.warnings);
    (told != (None, vec![])).then(|| format!("{told:?}"))
}

#[test]
fn a_process_that_stops_at_any_moment_loses_nothing_acknowledged() {
    for (moment, image) in images().iter().enumerate() {
        assert_eq!(wrong_with(&image.now, image.acknowledged), None, "moment {moment}");
    }
}

/// What is wrong after a loss of power at any moment: the moment, and what.
fn wrong_without_power(images: &[Image]) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    for (moment, image) in images.iter().enumerate() {
        // Of what was not synced, the disk has any part: here none, a part, or all but a hole.
        for part in 0..4 {
            let mut contents = image.synced.clone();
            for (path, now) in &image.now {
                let Some(kept) = contents.get_mut(path) else { continue };
                if path.extension().is_some() && now.len() > kept.len() {
                    let new = &now[kept.len()..];
                    kept.extend(&new[..new.len() * part / 3]);
                    if part == 3 {
                        let hole = kept.len() - new.len();
                        kept[hole..hole + new.len().min(9)].fill(0);
                    }
                }
            }
            wrong.extend(wrong_with(&contents, image.acknowledged).map(|what| (moment, what)));
        }
    }
    wrong
}

#[test]
fn a_machine_that_stops_at_any_moment_loses_nothing_acknowledged() {
    assert_eq!(wrong_without_power(images()), []);
}

/// The control: the test above would see it if nothing were synced.
#[test]
fn a_machine_that_stops_loses_what_a_journal_that_does_not_sync_acknowledged() {
    let wrong = wrong_without_power(&live(false));
    let moments: std::collections::BTreeSet<usize> = wrong.iter().map(|(moment, _)| *moment).collect();
    assert!(moments.len() > 10, "{wrong:?}");
}

#[test]
fn the_synced_mark_is_never_older_than_the_segment_written_to() {
    let mut commits = 0;
    for image in images() {
        let Some((Operation::Write { bytes }, path)) = &image.next else { continue };
        if path.extension().is_some_and(|extension| extension == "log")
            && *bytes as u64 > layout::HEADER_BYTES
        {
            let slots = image.synced.iter().find(|(path, _)| path.ends_with("durable")).unwrap().1;
            for slot in slots.chunks(layout::SLOT_BYTES) {
                let (_, mark) = layout::decode_slot(slot).unwrap();
                assert!(path.ends_with(segment::name(mark.segment)));
            }
            commits += 1;
        }
    }
    assert!(commits > 7);
}
