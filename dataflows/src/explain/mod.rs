//! Why an offer was made, what is known of a person, and why a rule makes no offer now.
//!
//! Purpose: questions that a worker answers from what its operators hold anyway, between two steps of the dataflow.
//! Invariant: nothing here decides or derives anything: situations, candidates and policies are asked of the very
//! functions that decisions are made with. Cost: nothing while nobody asks, but for the index of offers in
//! `decide`; an answer costs what deciding about that one person costs, times the rules in force.

mod views;

pub use views::{
    At, BecauseView, CaseView, ConsentView, DecisionView, EndedView, EventView, IdentityView, LineView,
    LinkView, MadeView, NearView, OfferState, OfferView, OverView, PauseView, PersonView, Plain, PolicyView,
    PurchaseView, RequestView, RuleView, SegmentView, SignView, StayView, TermView, ValueView, Verdict,
    VisitView, WantView, WithdrawnView,
};

use serde::{Deserialize, Serialize};
use shopbell_model::key::{Handle, Person, Text};
use shopbell_model::time::Time;
use std::cell::RefCell;

/// What a worker is asked. Times say how far the clock has come, where that is known outside of the dataflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// Why was that offer made, and what became of it?
    Offer(Text, Option<Time>),
    /// Who is behind a handle?
    Handle(Handle),
    /// What is known of a person?
    Person(Person, Option<Time>),
}

/// What the one worker that knows says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Of an offer; who made it one person is to be asked by a handle.
    Offer(Box<OfferView>),
    /// Of a handle.
    Identity(IdentityView),
    /// Of a person; as above.
    Person(Box<PersonView>),
}

/// Says what an operator knows of a question, if anything.
type Answer = Box<dyn Fn(&Question) -> Option<Reply>>;

/// Where the operators of one worker can be asked.
#[derive(Default)]
pub struct Desk {
    answers: RefCell<Vec<Answer>>,
}

impl Desk {
    /// Takes up an operator, when the graph is built.
    pub(crate) fn seat(&self, answer: impl Fn(&Question) -> Option<Reply> + 'static) {
        self.answers.borrow_mut().push(Box::new(answer));
    }

    /// What this worker knows. Not to be asked while the dataflow takes a step.
    pub fn ask(&self, question: &Question) -> Option<Reply> {
        self.answers.borrow().iter().find_map(|answer| answer(question))
    }
}
