//! Faults at named moments, for tests of recovery through the real binary.
//!
//! `SHOPBELL_FAULT=crash:journal-sync:3` ends the process, as a kill does, the third time that moment comes;
//! `full:journal-write:3` lets that write fail as on a full disk. Moments: `journal-create`, `-write`, `-sync`,
//! `-sync-folder`, `-truncate`, `-rename`, `-remove`; `checkpoint-create`, `-write`, `-sync-file`,
//! `-rename-run`, `-rename-manifest`, `-sync-directory`, `-done`, `-remove`; `released` (durable, not yet
//! delivered), `delivered`, `webhook-answered` (with 2xx, not yet noted), `catching-up`; of a transaction towards Kafka
//! `kafka-begin`, `kafka-produced` (sent, not yet committed), `kafka-committed` (nothing else knows of it yet), and
//! `kafka-progress` (fenced, progress not yet read).
//!
//! Controls of the tests that compare, each a promise switched off: `SHOPBELL_FAULT=lose:ledger` restores a state without
//! what was said before; `lose:fencing` writes to Kafka under a transactional id that no other job has, `lose:other-life`
//! takes what another job wrote into progress for nothing. Cost: nothing where the variable is not set.

use crate::checkpoint::Hook;
use crate::journal::{Fault, Operation, Probe};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable.
const VARIABLE: &str = "SHOPBELL_FAULT";

#[derive(Debug)]
struct Planned {
    moment: String,
    kind: Kind,
    /// How often the moment is still to come.
    left: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Crash,
    Full,
    Lose,
}

/// The fault that was asked for, if one was. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Option<Arc<Planned>>);

impl Faults {
    /// As the environment says.
    pub(super) fn from_environment() -> Faults {
        Faults(std::env::var(VARIABLE).ok().and_then(|text| planned(&text)).map(Arc::new))
    }

    /// The moment has come.
    pub(super) fn at(&self, moment: &str) -> Result<(), Error> {
        let Some(planned) = self.0.as_ref().filter(|planned| planned.moment == moment) else { return Ok(()) };
        let left = planned.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        match (left, planned.kind) {
            (Ok(1), Kind::Crash) => std::process::abort(),
            // A disk that is full stays full.
            (Ok(1) | Err(_), Kind::Full) => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Whether something is to be left out of what is restored.
    pub(super) fn loses(&self, what: &str) -> bool {
        self.0.as_ref().is_some_and(|planned| planned.kind == Kind::Lose && planned.moment == what)
    }

    /// For the store of checkpoints.
    pub(super) fn hook(&self) -> Hook {
        let Some(_) = &self.0 else { return Hook::default() };
        let faults = self.clone();
        Hook::new(move |point| faults.at(&format!("checkpoint-{}", point.name())))
    }

    /// For the journal.
    pub(super) fn probe(&self) -> Option<Arc<dyn Probe>> {
        self.0.as_ref().map(|_| Arc::new(self.clone()) as Arc<dyn Probe>)
    }
}

impl Probe for Faults {
    fn before(&self, operation: Operation, _: &Path) -> Result<(), Fault> {
        let moment = match operation {
            Operation::Create => "journal-create",
            Operation::Write { .. } => "journal-write",
            Operation::Sync => "journal-sync",
            Operation::SyncFolder => "journal-sync-folder",
            Operation::Truncate => "journal-truncate",
            Operation::Rename => "journal-rename",
            Operation::Remove => "journal-remove",
        };
        self.at(moment).map_err(|error| Fault { written: 7, error })
    }
}

fn planned(text: &str) -> Option<Planned> {
    let mut parts = text.split(':');
    let kind = match parts.next()? {
        "crash" => Kind::Crash,
        "full" => Kind::Full,
        "lose" => Kind::Lose,
        _ => return None,
    };
    let moment = parts.next()?.to_owned();
    let left = parts.next().map_or(Some(1), |count| count.parse().ok())?;
    Some(Planned { moment, kind, left: AtomicU64::new(left) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_stays_full_from_the_moment_on() {
        let faults = Faults(planned("full:journal-write:3").map(Arc::new));
        let failed = [0; 4].map(|_| faults.at("journal-write").is_err());
        assert_eq!(failed, [false, false, true, true]);
        assert!(faults.at("journal-sync").is_ok());
        for text in ["", "full", "melt:journal-write:1", "crash:released:often"] {
            assert!(planned(text).is_none(), "{text}");
        }
    }
}
