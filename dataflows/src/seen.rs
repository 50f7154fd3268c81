//! What a rule's expressions see of a situation.
//!
//! Invariant: a function of the situation, the place it is about and the due time.

use crate::rows::{Kind, Scene, Situation, Wanted};
use shopbell_model::facts::Place;
use shopbell_model::key::LocationId;
use shopbell_model::time::{Duration, Time};
use shopbell_model::view::{HistoryView, ItemView, LocationView, View, VisitView};

/// Calls `with` on the view of a situation, of the place it is about, and of one of its articles where given.
pub(crate) fn see<A>(
    situation: &Situation,
    place: Option<&Place>,
    wanted: Option<&Wanted>,
    due: Time,
    with: impl FnOnce(&View<'_>) -> A,
) -> A {
    let item = wanted.map(|wanted| item_view(wanted, place.map(|place| &place.location)));
    let visit = match &situation.scene {
        Scene::Zone(_, visit) => Some(VisitView {
            start: visit.start.time,
            dwell: Duration(due.saturating_sub(visit.start.time)),
            zone: Some(visit.zone.zone.clone()),
        }),
        Scene::Visit(visit, _, _) => Some(VisitView { start: visit.start, dwell: visit.dwell, zone: None }),
        Scene::CheckIn(_, sign, _) => Some(VisitView {
            start: sign.at.time,
            dwell: Duration(due.saturating_sub(sign.at.time)),
            zone: None,
        }),
        Scene::Line(_)
        | Scene::Cart(_)
        | Scene::Browse(_)
        | Scene::Purchase(..)
        | Scene::Near(..)
        | Scene::Request(_)
        | Scene::Lapse(_)
        | Scene::Segment(_)
        | Scene::Interest => None,
    };
    let location = place.map(|place| LocationView {
        location: place.location.clone(),
        name: place.name.clone(),
        kind: place.kind,
        tz: place.tz.clone(),
    });
    with(&View {
        customer: &situation.customer,
        item: item.as_ref(),
        cart: &situation.cart,
        visit: visit.as_ref(),
        location: location.as_ref(),
        history: HistoryView::default(),
        now: due,
    })
}

fn item_view(wanted: &Wanted, location: Option<&LocationId>) -> ItemView {
    let article = wanted.article.as_deref();
    let catalogue = article.and_then(|article| article.catalogue.as_deref());
    let detail = &wanted.detail;
    ItemView {
        item: wanted.item.clone(),
        name: catalogue.and_then(|catalogue| catalogue.name.clone()),
        category: catalogue
            .and_then(|catalogue| catalogue.category.clone())
            .or_else(|| detail.category.clone()),
        variant: detail.variant.clone(),
        price: article.and_then(|article| article.price()).or(detail.price),
        list_price: catalogue.and_then(|catalogue| catalogue.list_price),
        quantity: wanted.quantity,
        stock: article.and_then(|article| article.stock_at(location)).map_or(0, |stock| stock.quantity),
        in_cart: wanted.is(Kind::Cart),
        in_wishlist: wanted.is(Kind::Wishlist),
        viewed: wanted.is(Kind::Viewed),
        discontinued: catalogue.is_some_and(|catalogue| catalogue.discontinued),
    }
}
