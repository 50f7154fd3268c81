//! Why an offer's candidate is gone, if it is gone.
//!
//! Invariant: the first reason of docs/semantics.md that applies, from what is known of the person now;
//! consent, rules and unlinked handles are for whoever decides, and come before.

use super::Known;
use crate::matching::price_drops;
use crate::rows::{Asked, End, Interest, Kind, Step, Wanted};
use shopbell_model::facts::Bought;
use shopbell_model::key::{EventRef, Handle, ItemId, Text};
use shopbell_model::offer::{About, Idle, Reason, Sent};
use shopbell_model::rules::{Interests, When};
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;

const CART: Interests = Interests { cart: true, wishlist: false, viewed: false, none: false };

/// The reason for which the offer would be withdrawn now.
pub(super) fn why_gone(known: &Known<'_>, sent: &Sent, when: Option<&When>, now: Time) -> Reason {
    if let Some(end) = interest_ended(known, sent) {
        return match end {
            End::Bought => Reason::Bought,
            End::Removed => Reason::Removed,
        };
    }
    let anchor = &sent.episode.anchor;
    let idles =
        |activity: &[(Time, Handle)], idle: &Option<Idle>| idle.is_none_or(|idle| has_idled(activity, idle));
    let stands = match &sent.episode.about {
        About::Line(start, idle) => {
            let mut lines = known.lines.iter().filter(|line| sent.items.first() == Some(&line.item));
            lines.any(|line| {
                line.life.start == *start && line.life.anchor == *anchor && idles(&line.activity, idle)
            })
        }
        About::Cart(start, idle) => known.carts.iter().any(|cart| {
            cart.end.is_none()
                && cart.life.start == *start
                && cart.life.anchor == *anchor
                && idles(&cart.activity, idle)
        }),
        About::Browse { since, idle, min_views, within } => {
            let mut browses = known.browses.iter().filter(|browse| sent.items.first() == Some(&browse.item));
            browses.any(|browse| {
                let mut abandoned = browse.abandoned(*idle, *min_views, *within);
                abandoned.any(|(step, _)| step.time == *since && step.handle == *anchor)
            })
        }
        About::Zone { zone, start, interest, in_stock } => {
            let visit = known.zones.iter().find(|(handle, visit)| {
                *handle == anchor && visit.zone == *zone && visit.start.time == *start
            });
            if visit.is_some_and(|(_, visit)| visit.last.is_some()) {
                return Reason::Left;
            }
            let there = Some(&zone.location);
            let has = |wanted: &Wanted| {
                let stock = wanted.article.as_ref().and_then(|article| article.stock_at(there));
                stock.is_some_and(|stock| stock.quantity > 0)
            };
            let mut offered = sent.items.iter().filter_map(|item| known.wanted.get(item));
            if *in_stock && offered.any(|wanted| wanted.life(*interest).is_some() && !has(wanted)) {
                return Reason::OutOfStock;
            }
            let on_shelf = |wanted: &Shared<Wanted>| {
                wanted.article.as_ref().is_some_and(|article| article.shelves.contains(zone))
            };
            let counts = |wanted: &Shared<Wanted>| {
                wanted.life(*interest).is_some() && on_shelf(wanted) && (!in_stock || has(wanted))
            };
            visit.is_some() && (interest.none || known.wanted.values().any(counts))
        }
        About::Visit { location, start, after, min_dwell, interest, .. } => {
            let visit = known.shops.iter().find(|visit| {
                visit.location == *location && visit.start == *start && visit.anchor == *anchor
            });
            visit.filter(|visit| visit.dwell >= *min_dwell).and_then(|visit| visit.end).is_some_and(|end| {
                let due = end.saturating_add(after.0);
                let in_time =
                    |wanted: &Shared<Wanted>| wanted.life(*interest).is_some_and(|life| life.start <= due);
                let bought = known.first_purchase(*start).is_some_and(|time| time <= due);
                // A visit that turned out to go on ends later, and is due again then.
                due <= now && !bought && (interest.none || known.wanted.values().any(in_time))
            })
        }
        // Neither ends but by being unknown again.
        About::CheckIn => known.check_ins.iter().any(|(handle, sign, _)| rests_on(sent, handle, &sign.event)),
        About::Purchase => known.bought.iter().any(|(handle, bought)| rests_on(sent, handle, &bought.event)),
        About::Near { location, start, within } => {
            let mut nears = known.nears.iter().filter(|(handle, near)| {
                *handle == anchor
                    && near.location == *location
                    && near.start.time == *start
                    && near.within == *within
            });
            match nears.next() {
                Some((_, near)) if near.last.is_some() => return Reason::Left,
                near => near.is_some(),
            }
        }
        About::Request { request, at, approval } => {
            of_request(known, anchor, request, *at).any(|asked| !approval || asked.approval().is_some())
        }
        About::Lapse(Idle { since, idle }) => known
            .lapses
            .iter()
            .any(|lapse| lapse.since.time == *since && lapse.anchor == *anchor && lapse.lasts(*idle)),
        About::Segment(since) => {
            let stays = match (known.course, when) {
                (Some(course), Some(When::SegmentEntered { segment })) => course.stays(segment),
                _ => Vec::new(),
            };
            let is_it = |step: &Step| step.time == *since && step.handle == *anchor;
            match stays.iter().rev().find(|stay| stay.entry.is_some_and(is_it)) {
                Some(stay) if stay.left.is_some() => return Reason::Left,
                stay => stay.is_some(),
            }
        }
        About::Stock { start, interest, location, returned, at_most } => {
            let wanted = sent.items.first().and_then(|item| known.wanted.get(item));
            let wanted = wanted.filter(|wanted| wanted.life(*interest).is_some());
            let article = wanted.and_then(|wanted| wanted.article.as_ref());
            let Some(stock) = article.and_then(|article| article.stock_at(location.as_ref())) else {
                return Reason::LateEvent;
            };
            let since = returned.unwrap_or(*start);
            if stock.quantity <= 0 || stock.returned.is_some_and(|again| again > since) {
                return Reason::OutOfStock;
            }
            stock.returned == *returned
                && at_most.is_none_or(|most| stock.quantity <= i64::from(most))
                && is_life(wanted, *interest, anchor, *start)
        }
        About::Price { start, interest, since, by_basis_points } => {
            let wanted = sent.items.first().and_then(|item| known.wanted.get(item));
            let catalogue = wanted
                .and_then(|wanted| wanted.article.as_ref())
                .and_then(|article| article.catalogue.as_ref());
            let prices = catalogue.map_or(&[][..], |catalogue| &catalogue.prices);
            match price_drops(prices, *start, *by_basis_points) {
                (Some(last), true) if last == *since => is_life(wanted, *interest, anchor, *start),
                (Some(last), _) if last >= *since => return Reason::Price,
                _ => return Reason::LateEvent,
            }
        }
    };
    if stands { Reason::Rule } else { Reason::LateEvent }
}

/// Whether it is that event of the anchor that the offer follows from.
fn rests_on(sent: &Sent, handle: &Handle, event: &EventRef) -> bool {
    *handle == sent.episode.anchor && sent.because.events.iter().any(|evidence| evidence.event == *event)
}

/// Whether the idle period is one still: it began with an activity, and none broke it.
fn has_idled(activity: &[(Time, Handle)], Idle { since, idle }: Idle) -> bool {
    let Some(index) = activity.iter().position(|(time, _)| *time == since) else { return false };
    activity.get(index + 1).is_none_or(|(next, _)| *next > since.saturating_add(idle.0))
}

/// Whether the interest that counts is the one the offer was about.
fn is_life(wanted: Option<&Shared<Wanted>>, interest: Interests, anchor: &Handle, start: Time) -> bool {
    let life = wanted.and_then(|wanted| wanted.life(interest));
    life.is_some_and(|life| life.anchor == *anchor && life.start == start)
}

/// How the interests ended that the offer rests on, where all did.
fn interest_ended(known: &Known<'_>, sent: &Sent) -> Option<End> {
    let anchor = &sent.episode.anchor;
    match &sent.episode.about {
        About::Line(start, _) => life_ended(known, sent, CART, anchor, *start),
        About::Cart(start, _) => {
            let same = |cart: &&&Shared<crate::rows::CartLife>| {
                cart.life.start == *start && cart.life.anchor == *anchor
            };
            let cart = known.carts.iter().find(same).and_then(|cart| cart.end);
            cart.or_else(|| every_item_ended(known, &sent.items, CART))
        }
        About::Browse { since, .. } => {
            let of_item = |(_, bought): &(&Handle, &Shared<Bought>)| {
                let listed = bought.items.iter().any(|(item, _, _)| sent.items.first() == Some(item));
                listed && bought.at.time >= *since
            };
            known.bought.iter().any(of_item).then_some(End::Bought)
        }
        About::Visit { start, until, interest, .. } => {
            if known.first_purchase(*start).is_some_and(|time| time <= *until) {
                return Some(End::Bought);
            }
            if interest.none { None } else { every_item_ended(known, &sent.items, *interest) }
        }
        About::Zone { interest, .. } if interest.none => None,
        About::Zone { interest, .. } => every_item_ended(known, &sent.items, *interest),
        About::Stock { start, interest, .. } | About::Price { start, interest, .. } => {
            life_ended(known, sent, *interest, anchor, *start)
        }
        About::Request { request, at, approval } => {
            let refused = |asked: &Asked| asked.decision.as_ref().is_some_and(|(_, last)| !last.approved);
            let refused = of_request(known, anchor, request, *at).any(refused);
            (*approval && refused).then_some(End::Removed)
        }
        About::CheckIn | About::Purchase | About::Near { .. } | About::Lapse(_) | About::Segment(_) => None,
    }
}

/// The requests of that episode.
fn of_request<'a>(
    known: &'a Known<'_>,
    anchor: &'a Handle,
    request: &'a Text,
    at: Time,
) -> impl Iterator<Item = &'a Asked> {
    let asked = known.requests.iter().map(|asked| &***asked);
    asked.filter(move |asked| {
        let of = &asked.request;
        asked.handle == *anchor && of.request == *request && of.at.time == at
    })
}

/// How one life of interest in the offer's article ended; of several that began together all must
/// have, and bought counts before removed.
fn life_ended(
    known: &Known<'_>,
    sent: &Sent,
    interests: Interests,
    anchor: &Handle,
    start: Time,
) -> Option<End> {
    let item = sent.items.first()?;
    let same = |kind: Kind, life_start: Time, life_anchor: &Handle| {
        kind.counts_in(interests) && life_start == start && life_anchor == anchor
    };
    let open = known
        .wanted
        .get(item)
        .is_some_and(|wanted| wanted.lives.iter().any(|life| same(life.kind, life.start, &life.anchor)));
    if open {
        return None;
    }
    let ended = known.ended.iter().filter(|interest| {
        interest.item == *item && same(interest.life.kind, interest.life.start, &interest.life.anchor)
    });
    ended.filter_map(|interest| interest.end.map(|(_, end)| end)).min()
}

/// How interest in every one of these articles ended last; nothing while one of them is wanted.
fn every_item_ended(known: &Known<'_>, items: &[ItemId], interests: Interests) -> Option<End> {
    let wanted =
        |item: &ItemId| known.wanted.get(item).is_some_and(|wanted| wanted.life(interests).is_some());
    if items.iter().any(wanted) {
        return None;
    }
    let last_end = |item: &ItemId| {
        let counts =
            |interest: &&&Shared<Interest>| interest.item == *item && interest.life.kind.counts_in(interests);
        let ends = known.ended.iter().filter(counts).filter_map(|interest| interest.end);
        ends.max_by_key(|(time, _)| *time).map(|(_, end)| end)
    };
    let ends: Option<Vec<End>> = items.iter().map(last_end).collect();
    ends?.into_iter().min()
}
