//! What the ledger says of offers that hold something.
//!
//! Invariant: a row for each offer that holds something, and for each thing heard that may end that; of other offers
//! nothing. Cost: what ended any offer is kept under its id, beside those that hold something.

use crate::joined::joined;
use differential_dataflow::VecCollection;
use serde::{Deserialize, Serialize};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Brand, Handle, Text};
use shopbell_model::pool::Holding;
use shopbell_model::time::Time;

/// Something the ledger says of an offer that holds something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The offer.
    pub offer: (Brand, Text),
    /// What is said.
    pub said: Said,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Said {
    /// It was sent, and holds this.
    Sent(Holding),
    /// It was taken back.
    Withdrawn,
    /// It was redeemed.
    Redeemed,
}

/// What the ledger says of offers that hold something.
pub fn held<'scope>(
    ledger: VecCollection<'scope, Time, (Handle, PersonFact)>,
) -> VecCollection<'scope, Time, Held> {
    let sent = ledger.clone().flat_map(|(handle, fact)| match fact {
        PersonFact::Sent(sent) => {
            sent.holding.as_ref().map(|holding| ((handle.brand(), sent.offer_id.clone()), holding.clone()))
        }
        _ => None,
    });
    let over = ledger.flat_map(|(handle, fact)| match fact {
        PersonFact::Withdrawn(offer, ..) => Some(((handle.brand(), offer), Said::Withdrawn)),
        PersonFact::Outcome(offer, PushOutcome::Redeemed) => Some(((handle.brand(), offer), Said::Redeemed)),
        _ => None,
    });
    let ended = joined(sent.clone(), over, "Held", |offer, _, said| {
        Some(Held { offer: offer.clone(), said: said.clone() })
    });
    sent.map(|(offer, holding)| Held { offer, said: Said::Sent(holding) }).concat(ended)
}
