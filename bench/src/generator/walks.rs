//! Walks through shops: entering, perhaps checking in, passing zones, leaving.
//!
//! A phone hears the beacons of its own zone strongly (−55…−69 dBm, now and then faded) and those of
//! the neighbours weakly (−78…−92 dBm, now and then nearly as strong as its own), about one reading a
//! second. A zone lasts 20 to 79 readings, a walk 1 to 7 zones.
//! Invariant: no customer is on two walks at once: the slot is the customer's number modulo the
//! number of slots.

use super::catalogue::{BEACONS, Catalogue, ZONES};
use super::line::{Line, Stamp, Subject};
use super::random::Random;
use super::sessions::Sessions;
use super::{Mall, SLOTS, per_mille};

const SOURCE: &str = "shop";
const OWN_ZONE: u32 = per_mille(750);
const FADED: u32 = per_mille(50);
const REFLECTED: u32 = per_mille(40);
const CHECKS_IN: u32 = per_mille(250);
/// New walks of somebody who was in the web shop not long ago.
const AFTER_BROWSING: u32 = per_mille(400);

#[derive(Clone, Copy)]
enum Stage {
    Entering,
    CheckingIn,
    Inside,
}

struct Walk {
    customer: u32,
    shop: u32,
    zone: u32,
    stage: Stage,
    readings_left: u32,
    zones_left: u32,
}

/// The walks under way.
pub(super) struct Walks {
    slots: Vec<Walk>,
    customers: u32,
    shops: u32,
}

impl Walks {
    pub(super) fn new(mall: &Mall, catalogue: &Catalogue, random: &mut Random) -> Self {
        let customers = mall.customers.max(1);
        // As many as give each phone one reading a second of event time.
        let rate = mall.events.saturating_mul(700) / mall.span_ms.max(1);
        let count = u32::try_from(rate).unwrap_or(u32::MAX).min(SLOTS).clamp(1, customers);
        let mut walks = Walks { slots: Vec::new(), customers, shops: catalogue.shops };
        for slot in 0..count {
            let customer = one_of_slot(slot, count, customers, random);
            let walk = walks.begin(customer, random);
            walks.slots.push(walk);
        }
        walks
    }

    fn begin(&self, customer: u32, random: &mut Random) -> Walk {
        Walk {
            customer,
            shop: random.below(self.shops),
            zone: random.below(ZONES),
            stage: Stage::Entering,
            readings_left: readings(random),
            zones_left: random.below(7),
        }
    }

    /// Writes what the next walker's phone tells.
    pub(super) fn next(
        &mut self,
        line: &mut Line,
        stamp: Stamp,
        sessions: &mut Sessions,
        random: &mut Random,
    ) {
        let count = self.slots.len() as u32;
        let slot = random.below(count);
        let Some(walk) = self.slots.get_mut(slot as usize) else { return };
        let device = Subject::Device(walk.customer);
        match walk.stage {
            Stage::Entering => {
                line.open(SOURCE, "store.enter", stamp, device);
                line.location(walk.shop).close();
                walk.stage = if random.chance(CHECKS_IN) { Stage::CheckingIn } else { Stage::Inside };
            }
            Stage::CheckingIn => {
                line.open(SOURCE, "store.check_in", stamp, Subject::Card(walk.customer));
                line.location(walk.shop).close();
                walk.stage = Stage::Inside;
            }
            Stage::Inside if walk.readings_left == 0 && walk.zones_left == 0 => {
                line.open(SOURCE, "store.leave", stamp, device);
                line.location(walk.shop).close();
                let recent =
                    if random.chance(AFTER_BROWSING) { sessions.take_ended(slot, count) } else { None };
                let customer = recent.unwrap_or_else(|| one_of_slot(slot, count, self.customers, random));
                let walk = self.begin(customer, random);
                if let Some(ended) = self.slots.get_mut(slot as usize) {
                    *ended = walk;
                }
            }
            Stage::Inside => {
                if walk.readings_left == 0 {
                    walk.zones_left -= 1;
                    walk.readings_left = readings(random);
                    walk.zone = (walk.zone + 1 + random.below(3)) % ZONES;
                }
                walk.readings_left = walk.readings_left.saturating_sub(1);
                let (zone, dbm) = heard(walk.zone, random);
                line.open(SOURCE, "sensor.beacon", stamp, device);
                line.text("\"beacon\":\"").beacon(walk.shop, zone, random.below(BEACONS));
                line.text("\",\"rssi\":-").number(dbm.into()).close();
            }
        }
    }
}

fn readings(random: &mut Random) -> u32 {
    20 + random.below(60)
}

/// A zone that a phone in `zone` hears, and how weakly.
fn heard(zone: u32, random: &mut Random) -> (u32, u32) {
    if random.chance(OWN_ZONE) {
        let faded = random.chance(FADED);
        return (zone, if faded { 80 + random.below(13) } else { 55 + random.below(15) });
    }
    let neighbour = if random.next_u32() & 1 == 0 { zone + 1 } else { zone + ZONES - 1 } % ZONES;
    let reflected = random.chance(REFLECTED);
    (neighbour, if reflected { 68 + random.below(6) } else { 78 + random.below(15) })
}

/// A customer whose number belongs to a slot.
pub(super) fn one_of_slot(slot: u32, slots: u32, customers: u32, random: &mut Random) -> u32 {
    // `slots` is at most `customers`, so every slot has at least one.
    let choices = (customers - slot).div_ceil(slots);
    slot + slots * random.below(choices)
}
