//! What the ledger says of offers that hold something.
//!
//! Invariant: a row for each offer that holds something, and for each thing heard that may end that; of other offers
//! nothing. Cost: what was redeemed at all is kept under its id, beside offers that hold something.

use crate::joined::joined;
use differential_dataflow::VecCollection;
use serde::{Deserialize, Serialize};
use shopbell_model::event::PushOutcome;
use shopbell_model::facts::PersonFact;
use shopbell_model::key::{Brand, Handle, Text};
use shopbell_model::pool::Holding;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

/// Something the ledger says of an offer that holds something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The offer, with the tick in which it was made.
    pub offer: (Brand, Text, Time),
    /// What is said.
    pub said: Said,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Said {
    /// It was sent, and holds this.
    Sent(Shared<Holding>),
    /// It was taken back.
    Withdrawn,
    /// It was redeemed.
    Redeemed,
}

/// What the ledger says of offers that hold something, and which of them were redeemed.
pub fn held<'scope>(
    ledger: VecCollection<'scope, Time, (Handle, PersonFact)>,
    outcomes: VecCollection<'scope, Time, ((Brand, Text), PushOutcome)>,
) -> VecCollection<'scope, Time, Held> {
    let said = ledger.flat_map(|(handle, fact)| match fact {
        PersonFact::Holds(holding) => Some((handle.brand(), holding.clone(), Said::Sent(holding))),
        PersonFact::TakenBack(holding) => Some((handle.brand(), holding, Said::Withdrawn)),
        _ => None,
    });
    let sent = said.clone().flat_map(|(brand, holding, said)| {
        matches!(said, Said::Sent(_)).then(|| ((brand, holding.offer.clone()), holding.made))
    });
    let redeemed = outcomes.filter(|(_, outcome)| *outcome == PushOutcome::Redeemed);
    let redeemed = joined(sent, redeemed, "Held", |(brand, offer), made, _| {
        Some(Held { offer: (brand.clone(), offer.clone(), *made), said: Said::Redeemed })
    });
    said.map(|(brand, holding, said)| Held { offer: (brand, holding.offer.clone(), holding.made), said })
        .concat(redeemed)
}
