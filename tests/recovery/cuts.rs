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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NextLife {
    /// With an error that has a name, this one, and a hint.
    Refused(String),
    /// With the bytes of a replay.
    SaidTheSame,
}

impl Stored {
    pub(super) fn new() -> Stored {
        Stored::with_checkpoints_every("20ms")
    }

    /// With few of them the journal is all that there is.
    fn with_checkpoints_every(span: &str) -> Stored {
        let mall = Mall::new(8_000, 5);
        mall.configure(&format!("checkpoint_every = \"{span}\"\nsegment = \"64KiB\""));
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
        let code = log.split_once("error[").and_then(|(_, rest)| rest.split_once(']'));
        let (code, _) = code.unwrap_or_else(|| panic!("{after}: {log}"));
        assert!(log.contains("hint:"), "{after}: {log}");
        NextLife::Refused(code.to_owned())
    }
}

fn copy(mall: &Mall, from: &str, to: &str) {
    let copied = Command::new("cp").arg("-r").arg(mall.path(from)).arg(mall.path(to)).status();
    assert!(copied.unwrap().success());
}

fn files(mall: &Mall) -> Vec<PathBuf> {
    let of = |folder: &str| std::fs::read_dir(mall.path(folder)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = of("state/journal").chain(of("state/checkpoints")).collect();
    files.push(mall.path("state/state.json"));
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
        "state.json" => "beginning",
        "durable" => "mark",
        name if name.starts_with("journal-") => "segment",
        name if name.starts_with("run-") => "run",
        name if name.starts_with("checkpoint-") => "manifest",
        name => panic!("no test knows {name}"),
    }
}

/// How lives ended, by kind of file.
type Ends = BTreeMap<(&'static str, NextLife), u64>;

/// Goes through every way of cutting every kind of file at least once.
fn cuts(state: &Stored, count: u64, random: &mut Random, ends: &mut Ends) {
    let mut kinds: BTreeMap<&'static str, Vec<&PathBuf>> = BTreeMap::new();
    state.files.iter().for_each(|file| kinds.entry(kind(file)).or_default().push(file));
    // A torn end is none of the others'.
    let last = kinds.get_mut("segment").and_then(Vec::pop).unwrap();
    kinds.insert("last segment", vec![last]);
    kinds.retain(|_, files| !files.is_empty());
    let every: Vec<(&'static str, Cut)> =
        kinds.keys().flat_map(|kind| CUTS.iter().map(|how| (*kind, *how))).collect();
    for count in 0..count.max(every.len() as u64) {
        let (kind, how) = every[count as usize % every.len()];
        let of_kind = &kinds[kind];
        state.put_back();
        let what = cut(of_kind[random.below(of_kind.len() as u64) as usize], how, random);
        *ends.entry((kind, state.next_life(&what))).or_default() += 1;
    }
}

#[test]
fn a_file_that_is_cut_or_gone_is_found_or_changes_nothing() {
    let (count, mut random) = (setting("SHOPBELL_CUTS", 40), Random(setting("SHOPBELL_CUTS_SEED", 1)));
    let (mut ends, mut of_journal) = (Ends::new(), Ends::new());
    cuts(&Stored::new(), count * 5 / 8, &mut random, &mut ends);
    // Where there is no checkpoint every segment is needed.
    cuts(&Stored::with_checkpoints_every("1h"), count * 3 / 8, &mut random, &mut of_journal);
    println!("{ends:?}; without checkpoints {of_journal:?}");
    // Older checkpoints help against damage to the newest one; nothing does against damage to the journal.
    let came = |ends: &Ends, kind: &str, how: &dyn Fn(&NextLife) -> bool| {
        assert!(ends.keys().any(|(of, end)| *of == kind && how(end)), "not so with any {kind}: {ends:?}");
    };
    came(&ends, "manifest", &|end| *end == NextLife::SaidTheSame);
    came(&ends, "run", &|end| *end == NextLife::SaidTheSame);
    came(&of_journal, "beginning", &|end| *end == NextLife::Refused("state-meta".to_owned()));
    for ends in [&ends, &of_journal] {
        came(ends, "mark", &|end| matches!(end, NextLife::Refused(_)));
        // Not only where it is gone: also where it ends before what was durable.
        came(ends, "last segment", &|end| *end == NextLife::Refused("journal-lost".to_owned()));
    }
    let segments: Vec<_> = of_journal.keys().filter(|(kind, _)| *kind == "segment").collect();
    assert!(
        !segments.is_empty() && segments.iter().all(|(_, end)| *end != NextLife::SaidTheSame),
        "{of_journal:?}"
    );
}
