//! What happens to an article that somebody wants.

use super::super::rules::Kinds;
use super::super::stock::{current_return, drops};
use super::super::world::{Brand, Person};
use super::{Basis, Situation, item, situation};

pub(super) fn back_in_stock(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    location: Option<&'static str>,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        let timeline = brand.catalogue.timeline(location, &life.item);
        let Some(since) = current_return(&timeline).filter(|since| *since >= start) else { continue };
        let episode = format!("back|{anchor}|{}|{start}|{}|{since}", life.item, location.unwrap_or("*"));
        let basis =
            Basis::Stock { anchor: anchor.clone(), start, interest: interest.clone(), since: Some(since) };
        let mut back = situation(episode, anchor, since, vec![item(life)], basis);
        back.place = location.map(str::to_owned);
        found.push(back);
    }
    found
}

pub(super) fn running_low(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    at_most: i64,
    location: Option<&'static str>,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        if !(1..=at_most).contains(&brand.catalogue.pieces(location, &life.item)) {
            continue;
        }
        let since = current_return(&brand.catalogue.timeline(location, &life.item));
        let (place, number) = (location.unwrap_or("*"), since.unwrap_or(0));
        let episode = format!("low|{anchor}|{}|{start}|{place}|{number}", life.item);
        let basis = Basis::Stock { anchor: anchor.clone(), start, interest: interest.clone(), since };
        let mut low = situation(episode, anchor, start, vec![item(life)], basis);
        low.place = location.map(str::to_owned);
        found.push(low);
    }
    found
}

pub(super) fn price_dropped(
    person: &Person<'_>,
    brand: &Brand<'_>,
    interest: &Kinds,
    basis_points: i64,
) -> Vec<Situation> {
    let mut found = Vec::new();
    for life in person.interests.lives(interest) {
        let (anchor, start) = (&life.anchor, life.start);
        let Some(prices) = brand.catalogue.prices.get(&life.item) else { continue };
        if !super::super::stock::dropped_now(prices, start, basis_points) {
            continue;
        }
        let Some(since) = drops(prices, start, basis_points).pop() else { continue };
        let episode = format!("price|{anchor}|{}|{start}|{since}", life.item);
        let basis =
            Basis::Price { anchor: anchor.clone(), start, interest: interest.clone(), since, basis_points };
        found.push(situation(episode, anchor, since, vec![item(life)], basis));
    }
    found
}
