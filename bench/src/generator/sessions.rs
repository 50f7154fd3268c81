//! Visits of the web shop.
//!
//! Of its events 60 % are views, 20 % go into the cart, 5 % take out of it, 5 % go to the wish-list,
//! 5 % buy the cart, 5 % are searches, log-ins and checkouts. Where the mix asks for something that
//! needs a cart, a session that has one is looked for among a few; failing that, it is a view.
//! A log-in links the browser to the member card. A session has 5 to 34 events, one in ten seconds;
//! what is in its cart then stays there.

use super::catalogue::{Catalogue, ZONES};
use super::line::{Line, Stamp, Subject};
use super::random::Random;
use super::walks::one_of_slot;
use super::{Mall, SLOTS, per_mille};
use std::collections::VecDeque;

const SOURCE: &str = "web";
const FAVOURITE_CATEGORY: u32 = per_mille(750);
const SECOND_BROWSER: u32 = per_mille(200);
/// How many sessions are looked at to find one with a cart.
const LOOKS: u32 = 4;
const CART_LIMIT: usize = 8;
/// Customers remembered after a session, for a walk, and after a log-in, to have their phone linked.
const REMEMBERED: usize = 1024;

struct Session {
    customer: u32,
    browser: u8,
    category: u32,
    steps_left: u32,
    cart: Vec<u32>,
}

/// The sessions under way.
pub(super) struct Sessions {
    slots: Vec<Session>,
    customers: u32,
    /// The last customers whose sessions ended.
    ended: VecDeque<u32>,
    unlinked: VecDeque<u32>,
    transactions: u64,
}

#[derive(Clone, Copy)]
enum Step {
    View,
    Add,
    Remove,
    Wish,
    Purchase,
    Checkout,
    Search,
    Login,
}

impl Step {
    fn draw(random: &mut Random) -> Self {
        match random.below(1000) {
            0..600 => Step::View,
            600..800 => Step::Add,
            800..850 => Step::Remove,
            850..900 => Step::Wish,
            900..950 => Step::Purchase,
            950..965 => Step::Checkout,
            965..980 => Step::Search,
            _ => Step::Login,
        }
    }

    const fn needs_cart(self) -> bool {
        matches!(self, Step::Remove | Step::Purchase | Step::Checkout)
    }

    const fn kind(self) -> &'static str {
        match self {
            Step::View => "web.view_item",
            Step::Add => "web.add_to_cart",
            Step::Remove => "web.remove_from_cart",
            Step::Wish => "web.add_to_wishlist",
            Step::Purchase => "web.purchase",
            Step::Checkout => "web.begin_checkout",
            Step::Search => "web.search",
            Step::Login => "web.login",
        }
    }
}

impl Sessions {
    pub(super) fn new(mall: &Mall, random: &mut Random) -> Self {
        let customers = mall.customers.max(1);
        let rate = mall.events.saturating_mul(2500) / mall.span_ms.max(1);
        let count = u32::try_from(rate).unwrap_or(u32::MAX).min(SLOTS).clamp(1, customers);
        let slots = (0..count)
            .map(|slot| {
                let customer = one_of_slot(slot, count, customers, random);
                Session::begin(customer, Vec::new(), random)
            })
            .collect();
        Sessions { slots, customers, ended: VecDeque::new(), unlinked: VecDeque::new(), transactions: 0 }
    }

    /// Somebody whose session has ended and who belongs to a slot of the walks.
    pub(super) fn take_ended(&mut self, slot: u32, slots: u32) -> Option<u32> {
        let found = self.ended.iter().position(|customer| customer % slots == slot)?;
        self.ended.swap_remove_back(found)
    }

    /// Somebody who has logged in and whose phone is not linked yet.
    pub(super) fn take_unlinked(&mut self) -> Option<u32> {
        self.unlinked.pop_front()
    }

    /// Writes what the next visitor of the web shop does.
    pub(super) fn next(&mut self, line: &mut Line, stamp: Stamp, catalogue: &Catalogue, random: &mut Random) {
        let count = self.slots.len() as u32;
        let mut step = Step::draw(random);
        let mut slot = random.below(count);
        if step.needs_cart() {
            for _ in 0..LOOKS {
                if self.slots.get(slot as usize).is_some_and(|session| !session.cart.is_empty()) {
                    break;
                }
                slot = random.below(count);
            }
        }
        let Some(session) = self.slots.get_mut(slot as usize) else { return };
        if step.needs_cart() && session.cart.is_empty() {
            step = Step::View;
        }
        line.open(SOURCE, step.kind(), stamp, Subject::Cookie(session.customer, session.browser));
        match step {
            Step::View | Step::Wish => {
                let item = session.pick(catalogue, random);
                line.items(catalogue, &[item], None);
            }
            Step::Add => {
                let item = session.pick(catalogue, random);
                line.items(catalogue, &[item], Some(1));
                if session.cart.len() < CART_LIMIT && !session.cart.contains(&item) {
                    session.cart.push(item);
                }
            }
            Step::Remove => {
                let item = session.cart.pop().unwrap_or_default();
                line.items(catalogue, &[item], None);
            }
            Step::Checkout => {
                line.items(catalogue, &session.cart, Some(1));
            }
            Step::Purchase => {
                self.transactions += 1;
                let value = session.cart.iter().map(|item| catalogue.price(*item)).sum();
                line.text("\"transaction_id\":\"w").number(self.transactions).text("\",");
                line.items(catalogue, &session.cart, Some(1)).text(",\"value\":").cents(value);
                session.cart.clear();
            }
            Step::Search => {
                line.text("\"query\":\"zone ").number(u64::from(session.category) + 1).text("\"");
            }
            Step::Login => {
                line.text("\"with\":\"").handle(Subject::Card(session.customer)).text("\"");
                if self.unlinked.len() < REMEMBERED {
                    self.unlinked.push_back(session.customer);
                }
            }
        }
        line.close();
        session.steps_left = session.steps_left.saturating_sub(1);
        if session.steps_left == 0 {
            if self.ended.len() == REMEMBERED {
                self.ended.pop_front();
            }
            self.ended.push_back(session.customer);
            let customer = one_of_slot(slot, count, self.customers, random);
            let cart = std::mem::take(&mut session.cart);
            *session = Session::begin(customer, cart, random);
        }
    }
}

impl Session {
    /// `cart` is only lent for its memory.
    fn begin(customer: u32, mut cart: Vec<u32>, random: &mut Random) -> Self {
        cart.clear();
        Session {
            customer,
            browser: u8::from(random.chance(SECOND_BROWSER)),
            category: random.below(ZONES),
            steps_left: 5 + random.below(30),
            cart,
        }
    }

    fn pick(&self, catalogue: &Catalogue, random: &mut Random) -> u32 {
        let favourite = random.chance(FAVOURITE_CATEGORY);
        let category = if favourite { self.category } else { random.below(ZONES) };
        catalogue.pick(category, random)
    }
}

impl Line {
    /// `"items":[…]`, each with its price.
    fn items(&mut self, catalogue: &Catalogue, items: &[u32], quantity: Option<u64>) -> &mut Self {
        self.text("\"items\":[");
        for (position, item) in items.iter().enumerate() {
            self.text(if position == 0 { "{" } else { ",{" });
            self.item(*item).text(",\"price\":").cents(catalogue.price(*item));
            if let Some(quantity) = quantity {
                self.text(",\"quantity\":").number(quantity);
            }
            self.text("}");
        }
        self.text("]")
    }
}
