//! Stored files that are cut short, emptied or gone.
//!
//! `SHOPBELL_CUTS` sets how many files are damaged, one at a time (40); `SHOPBELL_CUTS_SEED` the seed (1). The first of
//! them go through every way of cutting every kind of file.

use super::Mall;
use super::faults::{begin, life};
use super::kills::{Random, remove, setting};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a job that crashed has left on disk and said.
pub(super) struct Stored {
    mall: Mall,
    offers: String,
    /// What is not empty, in order.
    pub(super) files: Vec<PathBuf>,
}

/// How the life after a damage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NextLife {
    /// With an error that has a name and a hint.
    Refused,
    /// With the bytes of a replay.
    SaidTheSame,
}

impl Stored {
    pub(super) fn new() -> Stored {
        let mall = Mall::new(8_000, 5);
        mall.configure("checkpoint_every = \"20ms\"\nsegment = \"64KiB\"");
        begin(&mall);
        assert!(!life(&mall, "crash:delivered:25").success());
        let (offers, files) = (mall.text("offers.jsonl"), files(&mall));
        assert!(files.len() > 4, "{files:?}");
        copy(&mall, "state", "kept");
        Stored { mall, offers, files }
    }

    /// As the crash left it.
    pub(super) fn put_back(&self) {
        remove(&self.mall, "state");
        copy(&self.mall, "kept", "state");
        std::fs::write(self.mall.path("offers.jsonl"), &self.offers).unwrap();
    }

    /// Starts a life on what is there: it ends by name, or says what a replay says.
    pub(super) fn next_life(&self, after: &str) -> NextLife {
        let mall = &self.mall;
        let status = mall.start(2).wait().unwrap();
        if status.success() {
            assert!(mall.text("offers.jsonl") == mall.text("expected.jsonl"), "{after}: other offers");
            return NextLife::SaidTheSame;
        }
        let log = mall.text("log");
        assert_eq!(status.code(), Some(3), "{after}: {log}");
        assert!(log.contains("error[") && log.contains("hint:"), "{after}: {log}");
        NextLife::Refused
    }
}

fn copy(mall: &Mall, from: &str, to: &str) {
    let copied = Command::new("cp").arg("-r").arg(mall.path(from)).arg(mall.path(to)).status();
    assert!(copied.unwrap().success());
}

fn files(mall: &Mall) -> Vec<PathBuf> {
    let of = |folder: &str| std::fs::read_dir(mall.path(folder)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = of("state/journal").chain(of("state/checkpoints")).collect();
    files.retain(|file| std::fs::metadata(file).unwrap().len() > 0);
    files.sort();
    files
}

/// How much of a file is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Removed,
    Emptied,
    OneByte,
    Half,
    AllButOneByte,
    Anywhere,
}

const CUTS: [Cut; 6] =
    [Cut::Removed, Cut::Emptied, Cut::OneByte, Cut::Half, Cut::AllButOneByte, Cut::Anywhere];

/// Cuts it, and says where.
fn cut(file: &Path, how: Cut, random: &mut Random) -> String {
    let length = std::fs::metadata(file).unwrap().len();
    let left = match how {
        Cut::Removed => {
            std::fs::remove_file(file).unwrap();
            return format!("{} removed", file.display());
        }
        Cut::Emptied => 0,
        Cut::OneByte => 1,
        Cut::Half => length / 2,
        Cut::AllButOneByte => length - 1,
        Cut::Anywhere => random.below(length),
    };
    std::fs::File::options().write(true).open(file).unwrap().set_len(left).unwrap();
    format!("{} cut from {length} to {left} bytes", file.display())
}

/// What a file is by its name.
fn kind(file: &Path) -> &'static str {
    match file.file_name().unwrap().to_str().unwrap() {
        "durable" => "mark",
        name if name.starts_with("journal-") => "segment",
        name if name.starts_with("run-") => "run",
        name if name.starts_with("checkpoint-") => "manifest",
        name => panic!("no test knows {name}"),
    }
}

#[test]
fn a_file_that_is_cut_or_gone_is_found_or_changes_nothing() {
    let state = Stored::new();
    let mut random = Random(setting("SHOPBELL_CUTS_SEED", 1));
    let mut kinds: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    state.files.iter().for_each(|file| kinds.entry(kind(file)).or_default().push(file));
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), ["manifest", "mark", "run", "segment"]);
    let every: Vec<(&str, Cut)> =
        kinds.keys().flat_map(|kind| CUTS.iter().map(|how| (*kind, *how))).collect();
    let mut ends: BTreeMap<(&str, NextLife), u64> = BTreeMap::new();
    for count in 0..setting("SHOPBELL_CUTS", 40).max(every.len() as u64) {
        let (kind, how) = every[count as usize % every.len()];
        let of_kind = &kinds[kind];
        state.put_back();
        let what = cut(of_kind[random.below(of_kind.len() as u64) as usize], how, &mut random);
        *ends.entry((kind, state.next_life(&what))).or_default() += 1;
    }
    println!("{ends:?}");
    // Older checkpoints help against damage to the newest one; nothing does against damage to the journal's mark.
    for ended in [
        ("manifest", NextLife::SaidTheSame),
        ("run", NextLife::SaidTheSame),
        ("mark", NextLife::Refused),
        ("segment", NextLife::Refused),
    ] {
        assert!(ends.contains_key(&ended), "never {ended:?}: {ends:?}");
    }
}
