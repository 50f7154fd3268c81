//! Numbers of the running process, for `/metrics`.
//!
//! Invariant: every metric is named here and registered once; labels have few values each (codes,
//! kinds, configured names), never an id. Cost: an update is one or two atomic additions; families
//! with labels are looked up under a read lock, so hot paths keep the counter that
//! [`Metrics::source_events`] and [`Metrics::webhook`] hand out.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Metric, Registry, Unit};
use shopbell_dataflows::allot::PoolNumbers;
use shopbell_model::pool::Pool;
use shopbell_model::value::Money;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A label with a name of our own choosing.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub struct $name {
            $(
                /// The label's value.
                pub $field: $type,
            )+
        }
    };
}

label!(/** The source that events came from. */ SourceLabel { source: String });
label!(/** A refusal's code. */ CodeLabel { code: &'static str });
label!(/** `made`, `withdrawn` or `suppressed`. */ KindLabel { kind: &'static str });
label!(/** Why an offer was withdrawn. */ ReasonLabel { reason: String });
label!(/** What came of a change of rules. */ OutcomeLabel { outcome: &'static str });
label!(/** A partition of a topic. */ PartitionLabel { topic: String, partition: i32 });
label!(/** Units of a rule, or a budget. */ PoolLabel { kind: &'static str, name: String, brand: String, what: &'static str });
label!(/** A rule, with its brand. */ RuleLabel { brand: String, rule: String });
label!(/** A configured webhook. */ WebhookLabel { webhook: String });

/// All metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    events: Family<SourceLabel, Counter>,
    dead_letters: Family<CodeLabel, Counter>,
    refused_requests: Family<CodeLabel, Counter>,
    skipped: Family<CodeLabel, Counter>,
    offers: Family<KindLabel, Counter>,
    withdrawals: Family<ReasonLabel, Counter>,
    reloads: Family<OutcomeLabel, Counter>,
    webhooks: [Family<WebhookLabel, Counter>; 6],
    webhook_states: [Family<WebhookLabel, Gauge>; 3],
    kafka_lag: Family<PartitionLabel, Gauge>,
    pools: Family<PoolLabel, Gauge<f64, AtomicU64>>,
    learned: [Family<RuleLabel, Gauge>; 3],
    /// Trouble that clients of Kafka told of.
    pub kafka_errors: Counter,
    /// Second copies of events.
    pub duplicates: Counter,
    /// Events of a type that is not known.
    pub unknown_types: Counter,
    /// From an event's arrival to the offer that follows from it.
    pub event_to_offer: Histogram,
    /// From a tick's start to its complete result.
    pub tick: Histogram,
    /// Writing a checkpoint.
    pub checkpoint: Histogram,
    /// Ticks under way.
    pub unfinished_ticks: Gauge,
    /// Events that wait for the engine.
    pub queued_events: Gauge,
    /// Rows that wait for their due time.
    pub waiting_deadlines: Gauge,
    /// Handles with too many links to mean one person.
    pub shared_handles: Gauge,
    /// Persons who would have more handles than allowed.
    pub capped_persons: Gauge,
    /// Clients of the offer stream.
    pub streams: Gauge,
    /// Clients of the offer stream that were too slow and let go.
    pub streams_dropped: Counter,
}

/// What is counted about one webhook.
#[derive(Clone, Debug)]
pub struct WebhookMetrics {
    /// Delivered: answered with 2xx.
    pub delivered: Counter,
    /// Attempts that failed.
    pub failures: Counter,
    /// Failed since too many waited.
    pub overflowed: Counter,
    /// Given up after all attempts, or since the receiver ended the subscription.
    pub given_up: Counter,
    /// Attempts refused since the address is private.
    pub refused: Counter,
    /// Failed messages that were dropped: too many, or over.
    pub dropped: Counter,
    /// Waiting or under way.
    pub waiting: Gauge,
    /// Failed and kept.
    pub failed: Gauge,
    /// 1 where the receiver is disabled.
    pub disabled: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Fresh metrics, all zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessMemory));
        let r = registry.sub_registry_with_prefix("shopbell");
        let webhooks = [
            ("webhook_delivered", "Offers a webhook receiver accepted"),
            ("webhook_failures", "Failed attempts to deliver to a webhook receiver"),
            ("webhook_overflows", "Offers that failed since too many waited for their receiver"),
            ("webhook_given_up", "Offers given up after all attempts"),
            ("webhook_refused_addresses", "Attempts refused since the receiver's address is private"),
            ("webhook_dropped", "Offers that failed and were dropped: too many, or over"),
        ]
        .map(|(name, help)| family(r, name, help));
        let webhook_states = [
            ("webhook_waiting", "Offers that wait for a webhook receiver"),
            ("webhook_failed", "Offers that failed and are kept for a webhook receiver"),
            ("webhook_disabled", "Whether a webhook receiver is disabled"),
        ]
        .map(|(name, help)| family(r, name, help));
        let metrics = Metrics {
            events: family(r, "events", "Accepted events"),
            dead_letters: family(r, "dead_letters", "Refused input, by code"),
            refused_requests: family(r, "http_refusals", "Requests answered with an error, by code"),
            skipped: family(
                r,
                "skipped",
                "Events that could not be used, and facts too old to keep, by code",
            ),
            offers: family(r, "offers", "Offers made, withdrawn and suppressed"),
            withdrawals: family(r, "withdrawals", "Offers withdrawn, by reason"),
            reloads: family(r, "rule_reloads", "Changes of rules while the job ran, by outcome"),
            webhook_states,
            kafka_lag: family(r, "kafka_lag", "Records of a partition that are not handed over yet"),
            pools: family(
                r,
                "pool",
                "Units and money there are, are held and used, and offers that ask for some",
            ),
            learned: [
                ("offers_accepted", "Offers of a rule that were taken up, of those the ledger knows"),
                (
                    "offers_answered",
                    "Offers of a rule that were taken up or refused, of those the ledger knows",
                ),
                ("accept_rate_basis_points", "How often offers of a rule are taken up, smoothed"),
            ]
            .map(|(name, help)| family(r, name, help)),
            kafka_errors: family(r, "kafka_errors", "Trouble that clients of Kafka told of"),
            duplicates: family(r, "duplicates", "Second copies of events"),
            unknown_types: family(r, "unknown_types", "Events of a type that is not known"),
            event_to_offer: histogram(r, "event_to_offer", "From an event's arrival to its offer"),
            tick: histogram(r, "tick", "From a tick's start to its complete result"),
            checkpoint: histogram(r, "checkpoint", "Writing a checkpoint"),
            unfinished_ticks: family(r, "unfinished_ticks", "Ticks under way"),
            queued_events: family(r, "queued_events", "Events that wait for the engine"),
            waiting_deadlines: family(r, "waiting_deadlines", "Rows that wait for their due time"),
            shared_handles: family(r, "shared_handles", "Handles with too many links to mean one person"),
            capped_persons: family(r, "capped_persons", "Persons held at the most handles allowed"),
            streams: family(r, "streams", "Clients of the offer stream"),
            streams_dropped: family(r, "streams_dropped", "Clients of the offer stream let go for slowness"),
            webhooks,
            registry: Arc::new(Registry::default()),
        };
        Metrics { registry: Arc::new(registry), ..metrics }
    }

    /// The counter of a source's accepted events, to be kept by that source.
    pub fn source_events(&self, source: &str) -> Counter {
        self.events.get_or_create_owned(&SourceLabel { source: source.to_owned() })
    }

    /// Counts a dead letter.
    pub fn dead_letter(&self, code: &'static str) {
        self.dead_letters.get_or_create(&CodeLabel { code }).inc();
    }

    /// Counts a request that was answered with an error.
    pub fn refused_request(&self, code: &'static str) {
        self.refused_requests.get_or_create(&CodeLabel { code }).inc();
    }

    /// So many events or facts were skipped for that reason, from the start until now.
    pub fn skipped(&self, code: &'static str, total: u64) {
        self.skipped.get_or_create(&CodeLabel { code }).inner().fetch_max(total, Ordering::Relaxed);
    }

    /// One more was skipped for that reason.
    pub fn skip(&self, code: &'static str) {
        self.skipped.get_or_create(&CodeLabel { code }).inc();
    }

    /// So many records of a partition are still to be handed over.
    pub fn kafka_lag(&self, topic: &str, partition: i32, lag: i64) {
        let label = PartitionLabel { topic: topic.to_owned(), partition };
        self.kafka_lag.get_or_create(&label).set(lag);
    }

    /// What there is of units and budgets, and what became of it. What is no longer known is left out.
    pub fn pools(&self, pools: &[PoolNumbers]) {
        self.pools.clear();
        for PoolNumbers { pool, capacity, held, used, asking } in pools {
            let (kind, scale) = match pool {
                Pool::Units(..) => ("units", 1.0),
                Pool::Budget(..) => ("budget", Money::SCALE as f64),
            };
            let (name, brand) = (pool.name().to_string(), pool.brand().as_str().to_owned());
            let amount = |amount: &i128| *amount as f64 / scale;
            let numbers = [
                ("capacity", amount(capacity)),
                ("held", amount(held)),
                ("used", amount(used)),
                ("asking", *asking as f64),
            ];
            for (what, number) in numbers {
                let label = PoolLabel { kind, name: name.clone(), brand: brand.clone(), what };
                self.pools.get_or_create(&label).set(number);
            }
        }
    }

    /// What was learned of a rule.
    pub fn learned(&self, brand: &str, rule: &str, accepted: u64, answered: u64, rate: u32) {
        let label = RuleLabel { brand: brand.to_owned(), rule: rule.to_owned() };
        for (family, number) in self.learned.iter().zip([accepted, answered, u64::from(rate)]) {
            family.get_or_create(&label).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// Counts messages of a kind that were delivered to the sinks.
    pub fn offers(&self, kind: &'static str, count: u64) {
        self.offers.get_or_create(&KindLabel { kind }).inc_by(count);
    }

    /// Counts a withdrawal.
    pub fn withdrawal(&self, reason: &str) {
        self.withdrawals.get_or_create(&ReasonLabel { reason: reason.to_owned() }).inc();
    }

    /// Rules were to come into force: `applied` or `refused`.
    pub fn reload(&self, outcome: &'static str) {
        self.reloads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// The metrics of one webhook, to be kept by it.
    pub fn webhook(&self, name: &str) -> WebhookMetrics {
        let label = WebhookLabel { webhook: name.to_owned() };
        let [delivered, failures, overflowed, given_up, refused, dropped] =
            self.webhooks.each_ref().map(|family| family.get_or_create_owned(&label));
        let [waiting, failed, disabled] =
            self.webhook_states.each_ref().map(|family| family.get_or_create_owned(&label));
        WebhookMetrics {
            delivered,
            failures,
            overflowed,
            given_up,
            refused,
            dropped,
            waiting,
            failed,
            disabled,
        }
    }

    /// All metrics in the text format of OpenMetrics.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn family<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn histogram(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let metric = Histogram::default();
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

/// Upper bounds of the buckets in microseconds: 1-2-5 steps from 50 µs to 60 s.
const BOUNDS: [u64; 19] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// A distribution of durations. The client's own histogram takes a lock at each observation; this
/// one does three relaxed additions, so that a scrape may see one observation half.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    /// One more than bounds: the last one has none.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// Adds an observation.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.0.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let total = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum_micros.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, total, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Memory of this process, read when asked for; absent where the system does not tell.
#[derive(Debug)]
struct ProcessMemory;

impl Collector for ProcessMemory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(bytes) = resident_bytes() else { return Ok(()) };
        let gauge = ConstGauge::new(bytes);
        let help = "Memory of this process that is in RAM";
        let descriptor = encoder.encode_descriptor(
            "process_resident_memory",
            help,
            Some(&Unit::Bytes),
            gauge.metric_type(),
        )?;
        gauge.encode(descriptor)
    }
}

/// Bytes of this process in RAM.
pub fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_the_conventional_ones() {
        let metrics = Metrics::new();
        metrics.source_events("http").inc_by(3);
        metrics.dead_letter("not-json");
        metrics.offers("made", 2);
        metrics.withdrawal("bought");
        metrics.skipped("unknown-beacon", 2);
        metrics.skipped("unknown-beacon", 5);
        metrics.duplicates.inc();
        metrics.unknown_types.inc();
        metrics.waiting_deadlines.set(7);
        metrics.webhook("crm").overflowed.inc();
        metrics.webhook("crm").waiting.set(4);
        metrics.kafka_lag("events", 2, 9);
        metrics.skip("tombstone");
        let pool = Pool::Budget(shopbell_model::key::Brand::new("acme"), "spring".into(), Some(20_000));
        metrics.pools(&[PoolNumbers { pool, capacity: 1_000_000, held: 125_000, used: 0, asking: 3 }]);
        metrics.learned("", "voucher", 3, 7, 650);
        let text = metrics.text().unwrap();
        for line in [
            "shopbell_events_total{source=\"http\"} 3",
            "shopbell_dead_letters_total{code=\"not-json\"} 1",
            "shopbell_offers_total{kind=\"made\"} 2",
            "shopbell_withdrawals_total{reason=\"bought\"} 1",
            "shopbell_skipped_total{code=\"unknown-beacon\"} 5",
            "shopbell_duplicates_total 1",
            "shopbell_unknown_types_total 1",
            "shopbell_waiting_deadlines 7",
            "shopbell_webhook_overflows_total{webhook=\"crm\"} 1",
            "shopbell_webhook_waiting{webhook=\"crm\"} 4",
            "shopbell_kafka_lag{topic=\"events\",partition=\"2\"} 9",
            "shopbell_skipped_total{code=\"tombstone\"} 1",
            "shopbell_pool{kind=\"budget\",name=\"spring\",brand=\"acme\",what=\"held\"} 12.5",
            "shopbell_pool{kind=\"budget\",name=\"spring\",brand=\"acme\",what=\"asking\"} 3.0",
            "shopbell_offers_accepted{brand=\"\",rule=\"voucher\"} 3",
            "shopbell_offers_answered{brand=\"\",rule=\"voucher\"} 7",
            "shopbell_accept_rate_basis_points{brand=\"\",rule=\"voucher\"} 650",
            "shopbell_unfinished_ticks 0",
            "shopbell_shared_handles 0",
            "shopbell_capped_persons 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_duration_is_in_its_bucket_and_all_above() {
        let metrics = Metrics::new();
        metrics.tick.observe(Duration::from_micros(50));
        metrics.tick.observe(Duration::from_micros(51));
        metrics.tick.observe(Duration::from_secs(100));
        let text = metrics.text().unwrap();
        let bucket = |bound: &str| {
            let start = format!("shopbell_tick_seconds_bucket{{le=\"{bound}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(start.as_str())).map(str::to_owned)
        };
        assert_eq!(bucket("0.00005").as_deref(), Some("1"), "{text}");
        assert_eq!(bucket("0.0001").as_deref(), Some("2"));
        assert_eq!(bucket("60.0").as_deref(), Some("2"));
        assert_eq!(bucket("+Inf").as_deref(), Some("3"));
        assert!(text.contains("shopbell_tick_seconds_count 3"));
        assert!(text.contains("shopbell_tick_seconds_sum 100.000101"));
    }

    #[test]
    fn the_process_knows_its_memory() {
        let bytes = resident_bytes().unwrap();
        assert!(bytes > 1 << 20, "{bytes}");
        let text = Metrics::new().text().unwrap();
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
        assert!(!text.contains("shopbell_process"), "{text}");
    }
}
