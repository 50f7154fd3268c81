//! The configuration: as the oracle needs it, and as the TOML text the engine is given.

use super::event::{Act, Time};
use std::fmt::Write;

/// A minute in milliseconds.
pub(crate) const MINUTE: Time = 60_000;
/// An hour in milliseconds.
pub(crate) const HOUR: Time = 60 * MINUTE;
/// A day in milliseconds.
pub(crate) const DAY: Time = 24 * HOUR;

/// `[presence]`; levels in hundredths of a dBm.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(crate) enter: i64,
    pub(crate) exit: i64,
    pub(crate) exit_after: Time,
    pub(crate) window: usize,
    pub(crate) strongest: bool,
    pub(crate) leave_after: Time,
    pub(crate) lateness: Time,
    /// `[retention] visits`.
    pub(crate) visits_kept: Time,
}

/// `[identity]`.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) max_links: usize,
    pub(crate) max_handles: usize,
    pub(crate) blocked: Vec<&'static str>,
}

/// So many within a span.
pub(crate) type Cap = (usize, Time);

/// `[policy]`; what is `None` or empty is not written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) cap: Option<Cap>,
    pub(crate) channel_caps: Vec<(&'static str, Cap)>,
    /// Minutes of the day: start, end.
    pub(crate) quiet_hours: Option<(u64, u64)>,
    pub(crate) tz: Option<&'static str>,
    pub(crate) hold_out_percent: u64,
    pub(crate) min_score: i64,
    pub(crate) cooldown: Option<Time>,
    pub(crate) hold: Option<Time>,
    pub(crate) opt_in: bool,
    pub(crate) channels: Vec<&'static str>,
}

/// `[learning]`; rates in basis points.
#[derive(Clone, Debug)]
pub(crate) struct Learning {
    pub(crate) every: Time,
    pub(crate) segment: Option<&'static str>,
    pub(crate) start_rate: u64,
    pub(crate) weight: u64,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) presence: Presence,
    pub(crate) identity: Identity,
    pub(crate) policy: Policy,
    /// `[retention] carts`.
    pub(crate) carts_kept: Time,
    /// `[retention] wishlists`.
    pub(crate) wishlists_kept: Time,
    /// `[retention] views`.
    pub(crate) views_kept: Time,
    /// `[retention] purchases`.
    pub(crate) purchases_kept: Time,
    /// `[retention] activity`.
    pub(crate) activity_kept: Time,
    /// `[retention] days`.
    pub(crate) days_kept: Time,
    /// `[retention] segments`.
    pub(crate) segments_kept: Time,
    /// `[retention] ledger`.
    pub(crate) ledger_kept: Time,
    /// `[retention] pools`.
    pub(crate) pools_kept: Time,
    pub(crate) learning: Option<Learning>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            presence: Presence {
                enter: -7000,
                exit: -7500,
                exit_after: 10_000,
                window: 1,
                strongest: true,
                leave_after: 10 * MINUTE,
                lateness: 30_000,
                visits_kept: DAY,
            },
            identity: Identity { max_links: 16, max_handles: 64, blocked: Vec::new() },
            policy: Policy { channels: vec!["web", "sms", "push"], ..Policy::default() },
            carts_kept: 3650 * DAY,
            wishlists_kept: 3650 * DAY,
            views_kept: 7 * DAY,
            purchases_kept: 3650 * DAY,
            activity_kept: 400 * DAY,
            days_kept: 62 * DAY,
            segments_kept: 31 * DAY,
            ledger_kept: 3650 * DAY,
            pools_kept: 3650 * DAY,
            learning: None,
        }
    }
}

/// A span as rule files write it.
pub(crate) fn span(millis: Time) -> String {
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}

/// A cap as rule files write it.
pub(crate) fn cap_text((count, within): Cap) -> String {
    format!("{count} per {}", span(within))
}

impl Config {
    /// How long it is kept what somebody reported of an offer.
    pub(crate) fn report_kept(&self, act: &Act) -> Option<Time> {
        match act {
            Act::Redeemed(_) => Some(self.pools_kept),
            Act::Reached(_) | Act::Clicked(_) | Act::Failed(_) => Some(self.ledger_kept),
            _ => None,
        }
    }

    /// The text the engine is given.
    pub(crate) fn toml(&self) -> String {
        let (presence, identity, policy) = (&self.presence, &self.identity, &self.policy);
        let mut text = String::from("[presence]\n");
        let mode = if presence.strongest { "strongest" } else { "all" };
        let _ = writeln!(text, "enter_rssi = {}\nexit_rssi = {}", presence.enter / 100, presence.exit / 100);
        let _ = writeln!(text, "exit_after = {:?}\nwindow = {}", span(presence.exit_after), presence.window);
        let _ = writeln!(text, "mode = {mode:?}\nleave_after = {:?}", span(presence.leave_after));
        let _ = writeln!(text, "lateness = {:?}\n\n[identity]", span(presence.lateness));
        let _ = writeln!(text, "max_links = {}\nmax_handles = {}", identity.max_links, identity.max_handles);
        let _ = writeln!(text, "blocked = {:?}\n\n[retention]", identity.blocked);
        // What the oracle never lets go.
        let _ = writeln!(text, "duplicates = \"3650d\"");
        let _ = writeln!(
            text,
            "carts = {:?}\nwishlists = {:?}\nviews = {:?}\npurchases = {:?}\nvisits = {:?}\nactivity = {:?}\ndays = {:?}\nsegments = {:?}\nledger = {:?}\npools = {:?}\n",
            span(self.carts_kept),
            span(self.wishlists_kept),
            span(self.views_kept),
            span(self.purchases_kept),
            span(presence.visits_kept),
            span(self.activity_kept),
            span(self.days_kept),
            span(self.segments_kept),
            span(self.ledger_kept),
            span(self.pools_kept)
        );
        if let Some(learning) = &self.learning {
            let Learning { every, segment, start_rate, weight } = learning;
            let _ = writeln!(text, "[learning]\nevery = {:?}", span(*every));
            let _ = writeln!(text, "start_rate = {start_rate}\nweight = {weight}");
            if let Some(segment) = segment {
                let _ = writeln!(text, "segment = {segment:?}");
            }
        }
        let _ = writeln!(
            text,
            "[policy]\nhold_out_percent = {}\nmin_score = {}",
            policy.hold_out_percent, policy.min_score
        );
        let _ = writeln!(text, "consent = {:?}", if policy.opt_in { "opt_in" } else { "opt_out" });
        if !policy.channels.is_empty() {
            let _ = writeln!(text, "channels = {:?}", policy.channels);
        }
        if let Some(cap) = policy.cap {
            let _ = writeln!(text, "cap = {:?}", cap_text(cap));
        }
        if let Some((start, end)) = policy.quiet_hours {
            let clock = |minutes: u64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            let _ = writeln!(text, "quiet_hours = \"{}-{}\"", clock(start), clock(end));
        }
        if let Some(tz) = policy.tz {
            let _ = writeln!(text, "tz = {tz:?}");
        }
        if let Some(cooldown) = policy.cooldown {
            let _ = writeln!(text, "cooldown = {:?}", span(cooldown));
        }
        if let Some(hold) = policy.hold {
            let _ = writeln!(text, "hold = {:?}", span(hold));
        }
        let caps: Vec<String> = policy
            .channel_caps
            .iter()
            .map(|(channel, cap)| format!("{channel} = {:?}", cap_text(*cap)))
            .collect();
        if !caps.is_empty() {
            let _ = writeln!(text, "channel_caps = {{ {} }}", caps.join(", "));
        }
        text
    }
}
