//! Spans of rules that reach further than what is kept.
//!
//! Purpose: a rule whose `idle` is longer than carts are remembered never speaks, and a `cooldown` longer than the ledger
//! looks back no further than that; both look right. Invariant: pure; what is told is so whatever happens.

use super::{Rule, When};
use crate::key::Text;
use crate::settings::Retention;
use crate::time::Duration;
use std::fmt;

/// A span that reaches too far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooFar {
    /// The rule.
    pub rule: Text,
    /// Its key.
    pub key: &'static str,
    /// What the span comes to.
    pub span: Duration,
    /// The key of `[retention]` that is shorter.
    pub kept: &'static str,
    /// What that is.
    pub for_only: Duration,
    /// Whether the rule never speaks because of that; otherwise it only looks back less far than it says.
    pub is_silent: bool,
}

impl fmt::Display for TooFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooFar { rule, key, span, kept, for_only, is_silent } = self;
        let then = if *is_silent { "never makes an offer" } else { "looks back no further than that" };
        write!(f, "`{rule}` {then}: its `{key}` comes to {span}, and `[retention] {kept}` is {for_only}")
    }
}

impl Rule {
    /// Spans that reach further than what is kept; a visit ends after `leave_after` without a sign.
    pub fn too_far(&self, retention: &Retention, leave_after: Duration) -> Vec<TooFar> {
        let mut found = Vec::new();
        let mut note = |key, span: Duration, kept, for_only: Duration, is_silent| {
            if span > for_only {
                found.push(TooFar { rule: self.id.clone(), key, span, kept, for_only, is_silent });
            }
        };
        match &self.when {
            When::CartAbandoned { idle, .. } => note("idle", *idle, "carts", retention.carts, true),
            When::BrowseAbandoned { idle, .. } => note("idle", *idle, "views", retention.views, true),
            When::StoreLeft { min_dwell, after, .. } => {
                let spans = min_dwell.0.saturating_add(after.0).saturating_add(leave_after.0);
                note("min_dwell` and `after", Duration(spans), "visits", retention.visits, true);
            }
            When::Lapsed { idle } => note("idle", *idle, "activity", retention.activity, true),
            _ => {}
        }
        let back = [
            ("policy.cooldown", self.policy.cooldown),
            ("policy.cap", self.policy.cap.map(|cap| cap.within)),
        ];
        for (key, span) in back {
            span.into_iter().for_each(|span| note(key, span, "ledger", retention.ledger, false));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load;

    #[test]
    fn what_reaches_further_than_what_is_kept_is_told() {
        let cases = [
            ("when = 'cart_abandoned'\nidle = '30d'", ""),
            (
                "when = 'cart_abandoned'\nidle = '31d'",
                "`r` never makes an offer: its `idle` comes to 31d, and `[retention] carts` is 30d",
            ),
            (
                "when = 'browse_abandoned'\nidle = '8d'",
                "`r` never makes an offer: its `idle` comes to 8d, and `[retention] views` is 7d",
            ),
            (
                "when = 'lapsed'\nidle = '401d'",
                "`r` never makes an offer: its `idle` comes to 401d, and `[retention] activity` is 400d",
            ),
            ("when = 'store_left'\nafter = '22h'", ""),
            (
                "when = 'store_left'\nmin_dwell = '10m'\nafter = '24h'",
                "`r` never makes an offer: its `min_dwell` and `after` comes to 1460m, and `[retention] visits` is 1d",
            ),
            (
                "when = 'checked_in'\npolicy.cooldown = '60d'",
                "`r` looks back no further than that: its `policy.cooldown` comes to 60d, and `[retention] ledger` is 30d",
            ),
            (
                "when = 'checked_in'\npolicy.cap = '1 per 90d'",
                "`r` looks back no further than that: its `policy.cap` comes to 90d, and `[retention] ledger` is 30d",
            ),
            ("when = 'checked_in'\npolicy.cap = '1 per 30d'", ""),
        ];
        for (rule, expected) in cases {
            let text = format!("[rule.r]\n{rule}\noffer = {{ title = 't' }}\n");
            let set = load(&[("r.toml".to_owned(), text)]).unwrap();
            let told = set.rules[0].too_far(&Retention::default(), Duration::from_secs(600));
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            assert_eq!(told.join("\n"), expected, "{rule}");
        }
    }
}
