//! What follows from an attempt's outcome: a pure decision.
//!
//! Only 2xx is success. 410 ends the subscription. What may pass (no answer, 408, 429, 5xx) is tried
//! again until `retry_for` is over; what will hardly pass (a redirect, another 4xx: the receiver does
//! not want this message) a few times only, so that it does not hold up the messages behind it.

use std::fmt;
use std::time::Duration;

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was an answer, perhaps with a wish when to come again.
    Status { status: u16, retry_after: Option<Duration> },
    /// There was none, in time or at all.
    Unreachable,
    /// The address is private.
    RefusedAddress,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Status { status, .. } => write!(f, "answered with {status}"),
            Outcome::Unreachable => f.write_str("no answer in time, or no connection"),
            Outcome::RefusedAddress => f.write_str("its address is private"),
        }
    }
}

/// What to do then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is delivered.
    Delivered,
    /// Try again, after a random part of `within`.
    Again { within: Duration },
    /// Nobody sends anything for `pause`; then try again, after a random part of `within`.
    Pause { pause: Duration, within: Duration },
    /// Leave this message.
    GiveUp,
    /// The receiver wants no more.
    End,
}

/// How often and how long to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Bound of the first wait; it doubles with each attempt.
    pub(super) first: Duration,
    /// Bound of all waits, and of what a receiver may wish for.
    pub(super) longest: Duration,
    /// How long to try in all.
    pub(super) retry_for: Duration,
    /// Attempts at a message that the receiver does not want.
    pub(super) unwanted: u32,
}

impl Patience {
    /// Half a second, doubling up to five minutes, for `retry_for`.
    pub(super) fn new(retry_for: Duration) -> Self {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(300));
        Patience { first, longest, retry_for, unwanted: 5 }
    }

    /// Decides after the `attempt`-th attempt (from 1), `elapsed` after the first began.
    pub(super) fn judge(&self, outcome: Outcome, attempt: u32, elapsed: Duration) -> Verdict {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let within = self.first.saturating_mul(doubled).min(self.longest);
        let again = if elapsed < self.retry_for { Verdict::Again { within } } else { Verdict::GiveUp };
        match outcome {
            Outcome::Status { status: 200..=299, .. } => Verdict::Delivered,
            Outcome::Status { status: 410, .. } => Verdict::End,
            Outcome::Status { status: 429 | 503, retry_after: Some(wish) } => match again {
                Verdict::Again { within } => Verdict::Pause { pause: wish.min(self.longest), within },
                other => other,
            },
            Outcome::Status { status: 408 | 429 | 500..=599, .. } => again,
            Outcome::Status { .. } if attempt >= self.unwanted => Verdict::GiveUp,
            Outcome::Status { .. } | Outcome::Unreachable | Outcome::RefusedAddress => again,
        }
    }
}

/// Reads `Retry-After`: seconds, or a date.
pub(super) fn retry_after(header: &str, unix_seconds: u64) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    let moment = u64::try_from(date.as_second()).ok()?;
    Some(Duration::from_secs(moment.saturating_sub(unix_seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn judge(status: u16, attempt: u32, elapsed: Duration) -> Verdict {
        Patience::new(HOUR).judge(Outcome::Status { status, retry_after: None }, attempt, elapsed)
    }

    #[test]
    fn only_2xx_is_success() {
        for status in [200, 202, 204, 299] {
            assert_eq!(judge(status, 1, HOUR * 9), Verdict::Delivered);
        }
        for status in [100, 199, 300, 302, 304, 400, 404, 429, 500, 503] {
            assert!(matches!(judge(status, 1, Duration::ZERO), Verdict::Again { .. }), "{status}");
        }
        assert_eq!(judge(410, 1, Duration::ZERO), Verdict::End);
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let within = |attempt| match judge(500, attempt, Duration::ZERO) {
            Verdict::Again { within } => within.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [within(1), within(2), within(5), within(10), within(99)],
            [500, 1000, 8000, 256_000, 300_000]
        );
        assert_eq!(judge(500, 1, HOUR), Verdict::GiveUp);
        assert_eq!(Patience::new(HOUR).judge(Outcome::Unreachable, 50, HOUR), Verdict::GiveUp);
    }

    #[test]
    fn what_is_not_wanted_is_left_after_a_few_attempts() {
        assert!(matches!(judge(400, 4, Duration::ZERO), Verdict::Again { .. }));
        assert_eq!(judge(400, 5, Duration::ZERO), Verdict::GiveUp);
        assert_eq!(judge(301, 5, Duration::ZERO), Verdict::GiveUp);
        assert!(matches!(judge(503, 5, Duration::ZERO), Verdict::Again { .. }));
    }

    #[test]
    fn a_receiver_may_say_when_to_come_again() {
        let busy =
            |status, seconds| Outcome::Status { status, retry_after: Some(Duration::from_secs(seconds)) };
        let patience = Patience::new(HOUR);
        let pause = |outcome| match patience.judge(outcome, 1, Duration::ZERO) {
            Verdict::Pause { pause, .. } => pause.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!((pause(busy(429, 7)), pause(busy(503, 7))), (7, 7));
        assert_eq!(pause(busy(429, 1_000_000)), 300);
        assert_eq!(patience.judge(busy(429, 7), 1, HOUR), Verdict::GiveUp);
        assert_eq!(retry_after(" 120 ", 0), Some(Duration::from_secs(120)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after(date, 784_111_777 - 30), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(date, 784_111_777 + 30), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", 0), None);
    }
}
