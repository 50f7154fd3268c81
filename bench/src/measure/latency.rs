//! What the load generator says of a run.

use super::error::MeasureError;
use serde_json::Value;

/// The quantiles that are told, by the names that `load` gives them.
pub const QUANTILES: [&str; 3] = ["p50", "p99", "p99.9"];

/// How long offers took.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Milliseconds from an event to its offer, in the order of [`QUANTILES`].
    pub quantiles: [f64; 3],
    /// Events that were sent.
    pub events: u64,
    /// Offers that were made.
    pub offers: u64,
}

impl Latency {
    /// Reads a report.
    ///
    /// # Errors
    /// A run in which something was refused, or nothing offered, is not worth a figure.
    pub fn read(report: &[u8]) -> Result<Latency, MeasureError> {
        let report: Value = serde_json::from_slice(report).unwrap_or_default();
        let number = |path: &str| report.pointer(path).and_then(Value::as_f64);
        let (events, taken) = (number("/events"), number("/answers/202/events"));
        if events.is_none() || events != taken {
            return Err(MeasureError::Void(format!("not every event was taken: {report}")));
        }
        let milliseconds =
            QUANTILES.map(|name| number(&format!("/event_to_offer_us/{name}")).map(|micro| micro / 1000.0));
        let [Some(p50), Some(p99), Some(p999)] = milliseconds else {
            return Err(MeasureError::Void(format!("no offer was made: {report}")));
        };
        let events = events.unwrap_or_default() as u64;
        Ok(Latency {
            quantiles: [p50, p99, p999],
            events,
            offers: number("/offers/made").unwrap_or_default() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use serde_json::json;

    #[test]
    fn a_run_in_which_something_is_missing_is_void() {
        let report = json!({ "events": 10, "answers": { "202": { "events": 10 } }, "offers": { "made": 3 },
            "event_to_offer_us": { "p50": 1500, "p99": 2000, "p99.9": 2500 } });
        let read = |report: &serde_json::Value| Latency::read(report.to_string().as_bytes());
        let latency = read(&report).unwrap();
        assert_eq!((latency.quantiles, latency.events, latency.offers), ([1.5, 2.0, 2.5], 10, 3));
        for (place, worse) in [("/answers/202/events", json!(9)), ("/event_to_offer_us/p99", json!(null))] {
            let mut report = report.clone();
            *report.pointer_mut(place).unwrap() = worse;
            assert!(read(&report).is_err(), "{place}");
        }
        assert!(Latency::read(b"").is_err());
    }
}
