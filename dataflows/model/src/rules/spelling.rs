//! "Did you mean …": the known word nearest to one that is not known.
//!
//! Cost: the product of both lengths a candidate, and only when something is wrong.

/// The candidate nearest to `word`: at most a third of its letters wrong, and the first of equals.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (letters.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&letters, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
fn distance(word: &[char], candidate: &str) -> usize {
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=word.len()).collect();
    let mut letter_above = None;
    for (line, letter) in candidate.chars().flat_map(char::to_lowercase).enumerate() {
        let mut left = line + 1;
        let mut row = vec![left];
        let mut own_before = None;
        for (column, own) in word.iter().enumerate() {
            let mut best = at(&above, column) + usize::from(*own != letter);
            best = best.min(at(&above, column + 1) + 1).min(left + 1);
            if column > 0 && letter_above == Some(*own) && own_before == Some(letter) {
                best = best.min(at(&before, column - 1) + 1);
            }
            row.push(best);
            left = best;
            own_before = Some(*own);
        }
        letter_above = Some(letter);
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let words = ["idle", "idle_from", "per", "where"];
        assert_eq!(nearest("idel", words), Some("idle"));
        assert_eq!(nearest("idlle", words), Some("idle"));
        assert_eq!(nearest("wher", words), Some("where"));
        assert_eq!(nearest("Per", words), Some("per"));
        assert_eq!(nearest("idle_form", words), Some("idle_from"));
        assert_eq!(nearest("ielx", words), None);
        assert_eq!(nearest("zebra_crossing", words), None);
        assert_eq!(nearest("", words), None);
    }
}
