//! Rows with their numbers, sorted: what is kept of a key.
//!
//! Purpose: a million persons have a handful of rows each in every operator, and a few keys have thousands. Invariant: each row
//! is there once, with a number that is not zero, in order. Cost: few rows lie beside one another and take the room
//! they need; from [`MANY`] on they are a tree, so that a hot key costs a logarithm a row.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Rows from which on they are a tree.
const MANY: usize = 64;

/// Rows with their numbers.
#[derive(Debug)]
pub(crate) struct Rows<V>(Form<V>);

#[derive(Debug)]
enum Form<V> {
    Few(Vec<(V, isize)>),
    Many(BTreeMap<V, isize>),
}

impl<V> Default for Rows<V> {
    fn default() -> Self {
        Rows(Form::Few(Vec::new()))
    }
}

impl<V> Rows<V> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Few(rows) => rows.len(),
            Form::Many(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&V, isize)> {
        let (few, many) = match &self.0 {
            Form::Few(rows) => (rows.as_slice(), None),
            Form::Many(rows) => (Default::default(), Some(rows)),
        };
        let few = few.iter().map(|(row, count)| (row, *count));
        few.chain(many.into_iter().flatten().map(|(row, count)| (row, *count)))
    }

    /// Those that are there, in order.
    pub(crate) fn present(&self) -> impl Iterator<Item = &V> {
        self.iter().filter(|(_, count)| *count > 0).map(|(row, _)| row)
    }
}

impl<V: Ord> Rows<V> {
    /// Adds to a row's number; a row whose number is zero is gone.
    pub(crate) fn add(&mut self, row: V, diff: isize) {
        match &mut self.0 {
            Form::Few(rows) => match rows.binary_search_by(|(known, _)| known.cmp(&row)) {
                Ok(place) => {
                    let Some((_, count)) = rows.get_mut(place) else { return };
                    *count += diff;
                    if *count == 0 {
                        rows.remove(place);
                    }
                }
                Err(_) if rows.len() >= MANY => {
                    let mut many: BTreeMap<V, isize> = std::mem::take(rows).into_iter().collect();
                    many.insert(row, diff);
                    self.0 = Form::Many(many);
                }
                Err(place) => {
                    // By itself a first row would take the room of four.
                    if rows.len() < 4 {
                        rows.reserve_exact(1);
                    }
                    rows.insert(place, (row, diff));
                }
            },
            Form::Many(rows) => match rows.entry(row) {
                Entry::Vacant(place) => {
                    place.insert(diff);
                }
                Entry::Occupied(mut known) => {
                    *known.get_mut() += diff;
                    if *known.get() == 0 {
                        known.remove();
                        if rows.is_empty() {
                            *self = Rows::default();
                        }
                    }
                }
            },
        }
    }

    /// Whether a row is there.
    pub(crate) fn contains(&self, row: &V) -> bool {
        match &self.0 {
            Form::Few(rows) => {
                let place = rows.binary_search_by(|(known, _)| known.cmp(row));
                place.ok().and_then(|place| rows.get(place)).is_some_and(|(_, count)| *count > 0)
            }
            Form::Many(rows) => rows.get(row).is_some_and(|count| *count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn few_and_many_are_what_a_tree_is(changes in proptest::collection::vec((0u16..150, -2isize..3), 0..400)) {
            let (mut rows, mut tree): (Rows<u16>, BTreeMap<u16, isize>) = Default::default();
            for (row, diff) in changes.into_iter().filter(|(_, diff)| *diff != 0) {
                rows.add(row, diff);
                *tree.entry(row).or_default() += diff;
                tree.retain(|_, count| *count != 0);
                prop_assert_eq!(rows.contains(&row), tree.get(&row).is_some_and(|count| *count > 0));
                prop_assert_eq!(rows.len(), tree.len());
                prop_assert_eq!(rows.is_empty(), tree.is_empty());
            }
            prop_assert!(rows.iter().eq(tree.iter().map(|(row, count)| (row, *count))));
            let present = tree.iter().filter(|(_, count)| **count > 0).map(|(row, _)| row);
            prop_assert!(rows.present().eq(present));
        }
    }

    #[test]
    fn many_rows_that_all_go_take_no_room() {
        let mut rows = Rows::default();
        (0..200).for_each(|row| rows.add(row, 1));
        assert!(matches!(rows.0, Form::Many(_)));
        (0..200).for_each(|row| rows.add(row, -1));
        assert!(rows.is_empty() && matches!(rows.0, Form::Few(_)));
    }
}
