//! Names of the files in a checkpoint folder.
//!
//! Invariant: a name is ours only if it reads back to itself; anything else in the folder is left
//! alone. Numbers have twenty digits, so names sort as numbers do.

/// Larger numbers are nobody's: counting on from one can never overflow.
pub(super) const MAX_NUMBER: u64 = u64::MAX / 2;

/// The file that one writer holds locked.
pub(super) const LOCK: &str = "lock";

/// A file of the folder, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Manifest(u64),
    Run(u64),
    /// Unfinished: a run or manifest under its temporary name.
    Temporary(u64),
}

pub(super) fn manifest(number: u64) -> String {
    format!("checkpoint-{number:020}.json")
}

pub(super) fn run(number: u64) -> String {
    format!("run-{number:020}.rows")
}

/// The name of a file until it is whole.
pub(super) fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

/// What a name stands for; none where it is not ours.
pub(super) fn read(name: &str) -> Option<Named> {
    let number = |prefix: &str, suffix: &str| {
        let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let number = digits.parse().ok().filter(|number| *number <= MAX_NUMBER)?;
        // `parse` also takes a sign.
        (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(number)
    };
    number("checkpoint-", ".json")
        .map(Named::Manifest)
        .or_else(|| number("run-", ".rows").map(Named::Run))
        .or_else(|| number("checkpoint-", ".json.tmp").map(Named::Temporary))
        .or_else(|| number("run-", ".rows.tmp").map(Named::Temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_read() {
        for number in [0, 7, MAX_NUMBER] {
            assert_eq!(read(&manifest(number)), Some(Named::Manifest(number)));
            assert_eq!(read(&run(number)), Some(Named::Run(number)));
            assert_eq!(read(&temporary(&run(number))), Some(Named::Temporary(number)));
            assert_eq!(read(&temporary(&manifest(number))), Some(Named::Temporary(number)));
        }
        for foreign in [
            LOCK.to_owned(),
            run(MAX_NUMBER + 1),
            "run-7.rows".to_owned(),
            "run-+0000000000000000007.rows".to_owned(),
            "run-99999999999999999999.rows".to_owned(),
            "run-00000000000000000007.rows.tmp.tmp".to_owned(),
            "checkpoint-00000000000000000007.rows".to_owned(),
        ] {
            assert_eq!(read(&foreign), None, "{foreign}");
        }
    }
}
