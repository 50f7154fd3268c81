//! What is known of an article, in one row: catalogue, stock everywhere, shelves; and of a place.
//!
//! Invariant: a function of the article's facts. Cost: an article's facts are read again when one of
//! them changes, and whoever has to do with the article is looked at again; the fold lets through only
//! changes of stock that some rule can tell apart.

use crate::by_key::by_key;
use crate::joined::joined;
use crate::rows::{Article, Derived};
use differential_dataflow::VecCollection;
use shopbell_model::facts::{Subject, SubjectFact};
use shopbell_model::key::Person;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

/// One row an article or place.
pub fn inventory<'scope>(
    facts: VecCollection<'scope, Time, (Subject, SubjectFact)>,
) -> VecCollection<'scope, Time, (Subject, Derived)> {
    by_key(facts, "Inventory", |subject, facts, known| match subject {
        Subject::Item(item) => {
            let mut article =
                Article { item: item.clone(), catalogue: None, stock: Vec::new(), shelves: Vec::new() };
            for (fact, _) in facts {
                match fact {
                    SubjectFact::Catalogue(catalogue) => article.catalogue = Some(catalogue.clone()),
                    SubjectFact::Stock(stock) => article.stock.push(stock.clone()),
                    SubjectFact::Shelf(zone) => article.shelves.push(zone.clone()),
                    SubjectFact::Place(_) => {}
                }
            }
            known.push(Derived::Article(Shared::new(article)));
        }
        Subject::Location(_) => {
            for (fact, _) in facts {
                if let SubjectFact::Place(place) = fact {
                    known.push(Derived::Place(place.clone()));
                }
            }
        }
    })
}

/// Brings what is known of articles and places to the persons who have to do with them.
pub fn surroundings<'scope>(
    derived: VecCollection<'scope, Time, (Person, Derived)>,
    inventory: VecCollection<'scope, Time, (Subject, Derived)>,
) -> VecCollection<'scope, Time, (Person, Derived)> {
    let asked = derived.flat_map(|(person, derived)| match derived {
        Derived::About(subject) => Some((subject, person)),
        _ => None,
    });
    joined(inventory, asked, "Surroundings", |_, known, person| Some((person.clone(), known.clone())))
}
