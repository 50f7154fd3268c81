//! What somebody who looks for candidates hears.

use super::look::Draft;
use shopbell_model::key::{Brand, ItemId, LocationId, Text, ZoneId};
use shopbell_model::rules::Unmet;
use shopbell_model::time::{Duration, Time};

/// Who is told what a rule finds in a situation, and what is lacking where it finds nothing.
pub(crate) trait Listener {
    /// There is a candidate.
    fn found(&mut self, draft: Draft<'_>);
    /// There could be one, but for this. Asked for by whoever wants to know why: nobody else need look.
    fn lacks(&mut self, _lack: impl FnOnce() -> Lack) {}
}

impl<F: FnMut(Draft<'_>)> Listener for F {
    fn found(&mut self, draft: Draft<'_>) {
        self(draft);
    }
}

/// Why a rule finds nothing in a situation of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It is for this brand.
    OtherBrand(Brand),
    /// It is for other zones than this.
    OtherZone(ZoneId),
    /// The visit was that long; it asks for a longer one.
    ShortVisit(Duration, Duration),
    /// Something was bought then.
    Bought(Time),
    /// No article of interest.
    NoInterest,
    /// None of interest that is in stock.
    NotInStock,
    /// None of interest that was so at the time.
    BeganLater,
    /// Nothing is known of the article.
    Unknown,
    /// It did not come back since the interest began.
    NoReturn,
    /// There are more than so many.
    Enough(u32),
    /// Its price is not that much lower than when the interest began.
    PriceNotLow,
    /// The condition does not hold, for that article where it is about one.
    Condition(Option<ItemId>, Option<Unmet>),
    /// It is for another place than this.
    OtherPlace(LocationId),
    /// A stay as near as other rules ask for: near that place within so many metres; it asks for so many.
    OtherDistance(LocationId, u32, u32),
    /// Nobody approved that request yet; until when it counts.
    Waits(Text, Time),
    /// That request was refused then; until when it would have counted.
    Refused(Text, Time, Time),
    /// An offer of that rule was asked for.
    OtherRequest(Text),
    /// The condition came true before all that is kept.
    EnteredLongAgo,
    /// The pause was shorter.
    ShortPause(Duration),
    /// It was not looked at often enough, or not left alone for long enough.
    NotLeftAlone,
    /// It ends with its beginning.
    NoTime,
}
