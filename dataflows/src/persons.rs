//! Facts re-keyed from the handle they were noticed under to the person behind it.
//!
//! Invariant: every fact of a handle is with exactly one person at any time; linking and unlinking
//! moves it, in the tick in which the link changes. Cost: one join over the facts of the handle that moves.

use crate::identity::Renaming;
use crate::joined::joined;
use differential_dataflow::VecCollection;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Handle, Person};
use shopbell_model::time::Time;

/// Facts and handles by person.
pub struct Persons<'scope> {
    /// Facts, with the handle each was noticed under.
    pub facts: VecCollection<'scope, Time, (Person, (Handle, PersonFact))>,
    /// The person of each handle.
    pub person_of: VecCollection<'scope, Time, (Handle, Person)>,
}

/// Brings facts by handle to persons. `facts` without a fact say that the handle exists.
pub fn persons<'scope>(
    facts: VecCollection<'scope, Time, (Handle, Option<PersonFact>)>,
    renamings: VecCollection<'scope, Time, Renaming>,
) -> Persons<'scope> {
    let own = facts.clone().flat_map(|(handle, fact)| {
        fact.is_none().then(|| {
            let person = Person::named_by(&handle);
            (handle, person)
        })
    });
    let person_of = own.concat(renamings);
    let facts = facts.flat_map(|(handle, fact)| fact.map(|fact| (handle, fact)));
    Persons { facts: of_persons(facts, person_of.clone(), "Persons"), person_of }
}

/// Facts by handle, by the person that the handle belongs to.
pub(crate) fn of_persons<'scope>(
    facts: VecCollection<'scope, Time, (Handle, PersonFact)>,
    person_of: VecCollection<'scope, Time, (Handle, Person)>,
    name: &str,
) -> VecCollection<'scope, Time, (Person, (Handle, PersonFact))> {
    joined(facts, person_of, name, |handle, fact, person| {
        Some((person.clone(), (handle.clone(), fact.clone())))
    })
}
