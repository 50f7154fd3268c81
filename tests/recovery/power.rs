//! Losses of power: what was written and not synced is gone.
//!
//! A job runs with `power.c` loaded, which keeps what was synced. After a SIGKILL the folder is laid out anew from that:
//! of names those that a synced folder had, of bytes those that a synced file had. Nothing is asked of the engine, so
//! a sync that it does not do, or does too late, is seen whatever it believes. `SHOPBELL_LOSSES` sets how often power is
//! lost at least (12), `SHOPBELL_LOSSES_SEED` the seed (1).

use super::accepted::{Life, RULES};
use super::kills::{killed_after, remove, setting};
use super::{Mall, Random};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a folder would be after a loss of power.
pub(super) struct Power {
    folder: PathBuf,
    /// Beside the folder: what is held there has its second name on the same disk.
    image: tempfile::TempDir,
    library: PathBuf,
}

/// What a loss took.
#[derive(Debug, Default)]
struct Lost {
    /// Bytes of files that stayed.
    bytes: u64,
    /// Files that came, went or got another name without a sync of their folder.
    names: u64,
}

impl Power {
    /// Everything that is in the folder by now outlives all losses.
    pub(super) fn over(folder: &Path) -> Power {
        let image = tempfile::tempdir().unwrap();
        let library = image.path().join("power.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recovery/power.c");
        let made =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(made.expect("a C compiler named cc").success());
        let power = Power { folder: folder.to_owned(), image, library };
        power.keep(folder);
        power
    }

    /// What a job is started with to be watched.
    pub(super) fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.library.clone()), ("SHOPBELL_POWER", self.image.path().to_owned())]
    }

    fn kept(&self, inode: u64, kind: &str) -> PathBuf {
        self.image.path().join(format!("{inode}.{kind}"))
    }

    /// Keeps all that is in a folder, as if it had been synced.
    fn keep(&self, folder: &Path) {
        let mut names = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (found, name) = (entry.metadata().unwrap(), entry.file_name().into_string().unwrap());
            let kind = if found.is_dir() { 'd' } else { 'f' };
            names += &format!("{kind} {} {name}\n", found.ino());
            if found.is_dir() {
                self.keep(&entry.path());
            } else {
                fs::copy(entry.path(), self.kept(found.ino(), "data")).unwrap();
                fs::hard_link(entry.path(), self.kept(found.ino(), "held")).unwrap();
            }
        }
        fs::write(self.kept(fs::metadata(folder).unwrap().ino(), "names"), names).unwrap();
    }

    /// Lets the power go: the folder holds what was synced. `luck` says of each file whether what was not is there all the
    /// same, as it may be.
    fn lose(&self, mut luck: impl FnMut() -> bool) -> Lost {
        let mut lost = Lost::default();
        let made = tempfile::tempdir_in(self.folder.parent().unwrap()).unwrap();
        self.lay_out(&self.folder, made.path(), &mut luck, &mut lost);
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        for entry in fs::read_dir(made.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::rename(&path, self.folder.join(path.file_name().unwrap())).unwrap();
        }
        // What is kept so far belongs to files that are no more.
        for entry in fs::read_dir(self.image.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != self.library {
                fs::remove_file(path).unwrap();
            }
        }
        self.keep(&self.folder);
        lost
    }

    fn lay_out(&self, folder: &Path, to: &Path, luck: &mut impl FnMut() -> bool, lost: &mut Lost) {
        let inode = fs::metadata(folder).unwrap().ino();
        let names = fs::read_to_string(self.kept(inode, "names")).unwrap_or_default();
        let mut now: BTreeMap<String, u64> = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            now.insert(entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino());
        }
        let mut synced = 0;
        for line in names.lines() {
            let mut parts = line.splitn(3, ' ');
            let (kind, inode, name) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let inode: u64 = inode.parse().unwrap();
            synced += u64::from(now.get(name) == Some(&inode));
            if kind == "d" {
                fs::create_dir(to.join(name)).unwrap();
                // No folder is renamed or removed while a job runs.
                self.lay_out(&folder.join(name), &to.join(name), luck, lost);
                continue;
            }
            let bytes = fs::read(self.kept(inode, "data")).unwrap_or_default();
            let current = fs::read(self.kept(inode, "held")).unwrap_or_default();
            if bytes != current && !luck() {
                lost.bytes += (current.len() as u64).abs_diff(bytes.len() as u64).max(1);
                fs::write(to.join(name), bytes).unwrap();
            } else {
                fs::write(to.join(name), current).unwrap();
            }
        }
        lost.names += now.len() as u64 + names.lines().count() as u64 - 2 * synced;
    }
}

/// Accepts check-ins over HTTP, loses power right after each answer, and tells of how many there is an offer in the end.
fn offered_of_accepted(state: &str) -> (usize, Lost) {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("job");
    fs::create_dir_all(path.join("rules")).unwrap();
    fs::write(path.join("rules/test.toml"), RULES).unwrap();
    let config = format!(
        "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
         [state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n{state}"
    );
    fs::write(path.join("job.toml"), config).unwrap();
    let power = Power::over(path);
    let mut sum = Lost::default();
    for round in 0..6 {
        let life = Life::start_with(path, &power.variables());
        let status = life.post(round * 10..(round + 1) * 10);
        assert!(status.contains("202"), "{status}");
        if round % 2 == 1 {
            std::thread::sleep(Duration::from_millis(250));
        }
        drop(life);
        let lost = power.lose(|| false);
        sum.bytes += lost.bytes;
        sum.names += lost.names;
    }
    let life = Life::start(path);
    let offered = || {
        let said = fs::read_to_string(path.join("offers.jsonl")).unwrap_or_default();
        (0..60).filter(|id| said.contains(&format!("\"subject\":\"phone:{id}\""))).count()
    };
    let begun = Instant::now();
    while offered() < 60 && begun.elapsed() < Duration::from_secs(if state.is_empty() { 30 } else { 2 }) {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(life);
    (offered(), sum)
}

#[test]
fn what_was_accepted_before_power_was_lost_is_offered_after_it() {
    let (offered, lost) = offered_of_accepted("");
    println!("{lost:?}");
    assert_eq!(offered, 60);
    assert!(lost.bytes > 0, "{lost:?}: nothing was lost that was not synced");
}

/// The control: a journal that does not sync.
#[test]
fn a_journal_that_does_not_sync_is_seen_when_power_is_lost() {
    let (offered, lost) = offered_of_accepted("sync = false\n");
    assert!(offered < 60, "{lost:?}: nobody would notice that 202 is said of what is in no file");
}

/// Every sync takes its time, so that an answer that does not wait for one is before it.
#[test]
fn what_an_operator_was_told_of_rules_holds_after_power_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("job");
    fs::create_dir_all(path.join("rules")).unwrap();
    fs::write(path.join("rules/test.toml"), RULES).unwrap();
    let config = "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
                  [state]\nfolder = \"state\"\ncheckpoint_every = \"1h\"\n";
    fs::write(path.join("job.toml"), config).unwrap();
    drop(Life::start(path));
    let power = Power::over(path);
    let mut variables = power.variables().to_vec();
    variables.push(("SHOPBELL_POWER_WAITS", "150".into()));
    let other = RULES.replace("Welcome", "Good to see you");
    let in_force = |life: &Life| life.answer("GET /v1/rules", "").contains("\"beside_folder\":true");
    let is_looked_at = |life: &Life| life.answer("GET /v1/rules/shadow", "").contains("200 OK");
    // What is asked for, and whether other rules are then in force, and some looked at.
    let steps = [
        ("PUT /v1/rules/shadow", false, true),
        ("POST /v1/rules/shadow/promote", true, false),
        ("PUT /v1/rules/shadow", true, true),
        ("DELETE /v1/rules/shadow", true, false),
    ];
    for (request, promoted, shadowed) in steps {
        let life = Life::start_with(path, &variables);
        let answer = life.request(request, if request.starts_with("PUT") { &other } else { "" });
        assert!(answer.contains("200"), "{request}: {answer}");
        drop(life);
        power.lose(|| false);
        let life = Life::start_with(path, &power.variables());
        assert_eq!((in_force(&life), is_looked_at(&life)), (promoted, shadowed), "{request}");
        drop(life);
        power.lose(|| false);
    }
}

#[test]
fn a_job_that_loses_power_says_what_one_says_that_never_did() {
    let wanted = setting("SHOPBELL_LOSSES", 12);
    let mut random = Random(setting("SHOPBELL_LOSSES_SEED", 1));
    let mall = Mall::new(40_000, 7);
    let expected = mall.text("expected.jsonl");
    mall.configure("checkpoint_every = \"50ms\"\nsegment = \"4KiB\"");
    let (mut losses, mut sum, mut with_checkpoint) = (0, Lost::default(), 0);
    while losses < wanted {
        remove(&mall, "offers.jsonl");
        remove(&mall, "state");
        let power = Power::over(&mall.path(""));
        let mut patience = 500;
        loop {
            let mut job = mall.start_watched(1 + random.below(3), &power.variables());
            let until = Duration::from_millis(20 + random.below(patience));
            patience += 80;
            let finished = killed_after(&mut job, until).is_none();
            // A checkpoint has its name only when all of it is on the disk.
            assert!(!mall.text("log").contains("a checkpoint is passed over"), "{}", mall.text("log"));
            if finished {
                break;
            }
            losses += 1;
            let lost = power.lose(|| random.below(4) == 0);
            (sum.bytes, sum.names) = (sum.bytes + lost.bytes, sum.names + lost.names);
            let checkpoints = fs::read_dir(mall.path("state/checkpoints"));
            with_checkpoint += u64::from(checkpoints.is_ok_and(|mut kept| {
                kept.any(|file| file.unwrap().path().extension().is_some_and(|kind| kind == "json"))
            }));
        }
        let said = mall.text("offers.jsonl");
        let differs = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert!(said == expected, "{losses}: line {differs:?} differs; log: {}", mall.text("log"));
    }
    println!("{losses} losses, {with_checkpoint} with a checkpoint, {sum:?}");
    assert!(
        with_checkpoint > 0 && sum.bytes > 0,
        "{with_checkpoint}, {sum:?}: no loss came at an interesting moment"
    );
}
