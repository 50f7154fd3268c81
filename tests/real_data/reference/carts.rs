//! What Snowplow's own models say of carts and sessions in their fixture.
//!
//! Their words: a cart is *created* by an add after which its total equals the added products'
//! prices, *emptied* by a removal that leaves a total of 0, *transacted* by a transaction. A session
//! *abandoned* its cart when more carts were created in it than transacted (so emptying a cart
//! counts as abandoning it). The engine's `cart_abandoned` is narrower: see the contract.

use std::collections::BTreeMap;
use std::path::Path;

/// One cart interaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CartInteraction {
    pub(crate) session: String,
    pub(crate) user: String,
    /// As written there, to the microsecond.
    pub(crate) time: String,
    pub(crate) action: String,
    pub(crate) created: bool,
    pub(crate) emptied: bool,
    pub(crate) transacted: bool,
    /// In ten-thousandths; transactions carry none.
    pub(crate) total: Option<i64>,
}

/// One session with cart events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CartSession {
    pub(crate) user: String,
    pub(crate) created: u64,
    pub(crate) emptied: u64,
    pub(crate) transacted: u64,
    pub(crate) abandoned: bool,
}

/// What is expected of the fixture's carts.
#[derive(Debug, Default)]
pub(crate) struct ExpectedCarts {
    /// By event id.
    pub(crate) interactions: BTreeMap<String, CartInteraction>,
    /// By session id; sessions without cart events are not listed.
    pub(crate) sessions: BTreeMap<String, CartSession>,
    /// Sessions of any kind.
    pub(crate) session_count: usize,
}

/// Loads the expected tables of the fixture's `expected` folder.
pub(crate) fn snowplow_carts(expected: &Path) -> ExpectedCarts {
    let mut carts = ExpectedCarts::default();
    for row in rows(&expected.join("snowplow_ecommerce_cart_interactions_expected.csv")) {
        let interaction = CartInteraction {
            session: row["domain_sessionid"].clone(),
            user: row["domain_userid"].clone(),
            time: row["derived_tstamp"].clone(),
            action: row["ecommerce_action_type"].clone(),
            created: is_true(&row["cart_created"]),
            emptied: is_true(&row["cart_emptied"]),
            transacted: is_true(&row["cart_transacted"]),
            total: amount(&row["cart_total_value"]),
        };
        assert!(carts.interactions.insert(row["event_id"].clone(), interaction).is_none());
    }
    for row in rows(&expected.join("snowplow_ecommerce_sessions_expected.csv")) {
        carts.session_count += 1;
        if row["session_cart_abandoned"].is_empty() {
            continue;
        }
        let session = CartSession {
            user: row["domain_userid"].clone(),
            created: row["number_carts_created"].parse().unwrap(),
            emptied: row["number_carts_emptied"].parse().unwrap(),
            transacted: row["number_carts_transacted"].parse().unwrap(),
            abandoned: is_true(&row["session_cart_abandoned"]),
        };
        assert!(carts.sessions.insert(row["domain_sessionid"].clone(), session).is_none());
    }
    carts
}

fn rows(file: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(file).unwrap().deserialize().map(Result::unwrap).collect()
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// An amount with at most four places, in ten-thousandths.
pub(crate) fn amount(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() {
        return None;
    }
    Some(format!("{whole}{fraction:0<4}").parse().unwrap())
}
