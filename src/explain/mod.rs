//! Why an offer was made, what is known of a person, why a rule makes no offer now.
//!
//! Purpose: puts the answers of workers together, for HTTP and for the command. Invariant: who asks waits for the
//! workers, they never wait for whoever asks. Cost: two questions an answer.

mod tell;

pub use tell::{tell_offer, tell_person};

use crate::runtime::{AskError, Asker};
use shopbell_dataflows::explain::{IdentityView, OfferView, PersonView, Question, Reply};
use shopbell_model::key::{Brand, Handle, Person};
use shopbell_model::time::Time;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest wait for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Why an offer was made, and what became of it; nothing where it is not known. `now` is the time, where the
/// clock goes on by itself.
pub fn offer(asker: &Asker, offer_id: &str, now: Option<Time>) -> Result<Option<OfferView>, AskError> {
    let deadline = Instant::now() + PATIENCE;
    let Some(Reply::Offer(mut view)) = ask(asker, &Question::Offer(offer_id.into(), now), deadline)? else {
        return Ok(None);
    };
    let named_by = Handle::new(&Brand::new(&view.brand), &view.person);
    view.links = identity(asker, &named_by, deadline)?.links;
    Ok(Some(*view))
}

/// What is known of the person behind a handle; nothing where that is not known.
pub fn person(asker: &Asker, handle: &Handle, now: Option<Time>) -> Result<Option<PersonView>, AskError> {
    let deadline = Instant::now() + PATIENCE;
    let IdentityView { person, shared, links } = identity(asker, handle, deadline)?;
    let Some(Reply::Person(view)) = ask(asker, &Question::Person(person, now), deadline)? else {
        return Ok(None);
    };
    Ok(Some(PersonView { links, shared, ..*view }))
}

fn ask(asker: &Asker, question: &Question, deadline: Instant) -> Result<Option<Reply>, AskError> {
    asker.ask(question, deadline.saturating_duration_since(Instant::now()))
}

/// Who is behind a handle: itself, where it is linked with nobody.
fn identity(asker: &Asker, handle: &Handle, deadline: Instant) -> Result<IdentityView, AskError> {
    Ok(match ask(asker, &Question::Handle(handle.clone()), deadline)? {
        Some(Reply::Identity(identity)) => identity,
        _ => IdentityView { person: Person::named_by(handle), shared: false, links: Vec::new() },
    })
}

/// Who can be asked just now, if anybody: a job's workers come and go. Clones are the same.
#[derive(Clone, Default)]
pub struct Inquiries(Arc<Mutex<Option<Asker>>>);

impl Inquiries {
    /// These workers can be asked from now on, or none.
    pub fn set(&self, asker: Option<Asker>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = asker;
    }

    /// Who can be asked now.
    pub fn asker(&self) -> Result<Asker, AskError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(AskError::NotRunning)
    }
}
