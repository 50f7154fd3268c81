//! The moments of writing at which a test, or the engine's own crash test, may step in.
//!
//! Invariant: a point is called directly before the step it names. An error from the hook counts as
//! the failure of that step; a hook may also end the process, or copy the folder as a crash would
//! leave it. Cost: none without a hook.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A step that can fail or be the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failpoint {
    /// Before a run or manifest is created under its temporary name.
    Create,
    /// Inside a checkpoint: before each block, index or manifest is written.
    Write,
    /// Before a file is synced to the disk.
    SyncFile,
    /// Before a run gets its name.
    RenameRun,
    /// Before a manifest gets its name: after this step the checkpoint is there.
    RenameManifest,
    /// Before the folder is synced to the disk; after a rename or a removal.
    SyncDirectory,
    /// When a checkpoint is written whole, before the caller hears of it.
    Done,
    /// Before each file that is removed.
    Remove,
}

impl Failpoint {
    /// All points.
    pub const ALL: [Failpoint; 8] = [
        Failpoint::Create,
        Failpoint::Write,
        Failpoint::SyncFile,
        Failpoint::RenameRun,
        Failpoint::RenameManifest,
        Failpoint::SyncDirectory,
        Failpoint::Done,
        Failpoint::Remove,
    ];

    /// Stable name, for settings of a crash test.
    pub fn name(self) -> &'static str {
        match self {
            Failpoint::Create => "create",
            Failpoint::Write => "write",
            Failpoint::SyncFile => "sync-file",
            Failpoint::RenameRun => "rename-run",
            Failpoint::RenameManifest => "rename-manifest",
            Failpoint::SyncDirectory => "sync-directory",
            Failpoint::Done => "done",
            Failpoint::Remove => "remove",
        }
    }

    /// The point of that name.
    pub fn named(name: &str) -> Option<Failpoint> {
        Failpoint::ALL.into_iter().find(|point| point.name() == name)
    }
}

type Step = dyn Fn(Failpoint) -> io::Result<()> + Send + Sync;

/// What is called at each point; nothing by default. Clones share it.
#[derive(Clone, Default)]
pub struct Hook(Option<Arc<Step>>);

impl Hook {
    /// Calls `step` at each point, on the thread that writes.
    pub fn new(step: impl Fn(Failpoint) -> io::Result<()> + Send + Sync + 'static) -> Hook {
        Hook(Some(Arc::new(step)))
    }

    pub(super) fn at(&self, point: Failpoint) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |step| step(point))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Hook(set)" } else { "Hook(none)" })
    }
}
