//! Units and budgets: what is left of them, who asks, and who gets it. Added up afresh at every tick.

use super::decide::Sent;
use super::event::{Act, Time};
use super::forget::Forgotten;
use super::rules::Rule;
use super::world::{Brand, World};
use std::collections::{BTreeMap, BTreeSet};

/// Brand, person and offer id of what is asked for.
type Key = (String, String, String);
/// What is asked for, with its score and rule.
pub(crate) type Asks = BTreeMap<Key, (i64, Rule)>;

/// What asks of earlier ticks came to.
pub(crate) struct Answers {
    pub(crate) granted: BTreeSet<Key>,
    pub(crate) denied: BTreeSet<Key>,
    /// Offers that reached somebody.
    pub(crate) reached: BTreeSet<String>,
}

/// Pools that an offer of a rule needs: name, how much, and how much there is.
pub(crate) fn needs(rule: &Rule, brand: &str, clock: Time) -> Vec<(String, i64, i64)> {
    let units = rule.units.map(|units| (format!("{brand}/units/{}", rule.id), 1, units));
    let money = rule.budget.filter(|(_, cost)| *cost > 0).map(|(budget, cost)| {
        let day = budget.day_in.map(|tz| local(tz, clock).date().to_string());
        (format!("{brand}/budget/{}/{}", budget.name, day.unwrap_or_default()), cost, budget.amount)
    });
    units.into_iter().chain(money).collect()
}

fn local(tz: &str, clock: Time) -> jiff::Zoned {
    let moment = jiff::Timestamp::from_millisecond(clock as i64).expect("a moment of our age");
    moment.in_tz(tz).expect("a time zone")
}

/// When the budget of a rule begins anew.
pub(crate) fn midnight(rule: &Rule, clock: Time) -> Option<Time> {
    let tomorrow = local(rule.budget?.0.day_in?, clock).tomorrow().and_then(|day| day.start_of_day());
    tomorrow.ok().map(|zoned| zoned.timestamp().as_millisecond() as Time)
}

/// Whether an offer's part of its pools is still gone.
fn counts(sent: &Sent, redeemed: bool, clock: Time) -> bool {
    let comes_back = |why: &&str| match *why {
        "redeemed" => redeemed,
        "withdrawn" => sent.withdrawn.is_some() && !redeemed,
        _ => clock > sent.ends() && sent.withdrawn.is_none() && !redeemed,
    };
    !sent.rule.back.iter().any(comes_back)
}

impl Answers {
    /// The answers of a tick to what was asked before it, by what was sent before it and heard up to it. `holders` are offers
    /// that may hold something, also where the ledger knows them no more.
    pub(crate) fn of(
        asks: &Asks,
        ledger: &[Sent],
        holders: &[&Sent],
        world: &World<'_>,
        forgotten: &Forgotten,
        moments: &mut BTreeSet<Time>,
    ) -> Answers {
        let mut spent: BTreeMap<String, i64> = BTreeMap::new();
        for brand in &world.brands {
            for sent in holders.iter().filter(|sent| sent.brand == brand.name && !sent.holds.is_empty()) {
                moments.insert(sent.ends() + 1);
                // What the forgotten reported is gone in their tick, what they hold after it.
                let used = brand.persons.iter().flat_map(|person| &person.events).any(|event| {
                    matches!(&event.act, Act::Redeemed(id) if *id == sent.offer_id)
                        && !forgotten.has(&brand.name, &event.handle)
                });
                if counts(sent, used, world.clock) {
                    sent.holds.iter().for_each(|(pool, n)| *spent.entry(pool.clone()).or_default() += n);
                }
            }
        }
        let mut best: Vec<_> = asks.iter().collect();
        best.sort_by_key(|((_, _, offer), (score, rule))| (-score, -rule.priority, rule.id, offer.clone()));
        let (mut granted, mut denied) = (BTreeSet::new(), BTreeSet::new());
        for (key, (_, rule)) in best {
            let needs = needs(rule, &key.0, world.clock);
            let fits = |(pool, n, all): &(String, i64, i64)| spent.get(pool).unwrap_or(&0) + n <= *all;
            if needs.iter().all(fits) {
                needs.into_iter().for_each(|(pool, n, _)| *spent.entry(pool).or_default() += n);
                granted.insert(key.clone());
            } else {
                denied.insert(key.clone());
            }
        }
        let reached = world.brands.iter().flat_map(|brand| reached(brand, forgotten, ledger)).collect();
        Answers { granted, denied, reached }
    }
}

/// Offers that somebody said to have reached them.
fn reached(brand: &Brand<'_>, forgotten: &Forgotten, ledger: &[Sent]) -> Vec<String> {
    let events = brand.persons.iter().flat_map(|person| &person.events);
    let heard = events.filter_map(|event| match &event.act {
        Act::Reached(offer) | Act::Clicked(offer) | Act::Redeemed(offer) => Some((&event.handle, offer)),
        _ => None,
    });
    heard
        .filter(|(handle, offer)| {
            ledger.iter().any(|sent| {
                sent.offer_id == **offer
                    && sent.brand == brand.name
                    && forgotten.lets_count(&brand.name, handle, &sent.situation.anchor)
            })
        })
        .map(|(_, offer)| offer.clone())
        .collect()
}
