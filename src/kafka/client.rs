//! Clients of the brokers: their settings, and what they tell by the way.
//!
//! Invariant: no client joins a group or commits an offset; nothing a client says is logged more than once in half a
//! minute, and no secret ever is. Cost: a client has a thread for itself and one for each broker.

use super::error::Error;
use super::{PATIENCE, REQUEST, Surroundings};
use crate::config::kafka::{Kafka, Security};
use crate::config::{SecretError, SecretReference};
use crate::metrics::Metrics;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, ProducerContext};
use rdkafka::statistics::Statistics;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often the same kind of trouble is logged.
const SPARSELY: Duration = Duration::from_secs(30);

/// The brokers, as the configuration names them.
#[derive(Clone)]
pub struct Remote {
    base: ClientConfig,
    brokers: String,
    /// For requests of administration, which are futures.
    runtime: Handle,
}

/// What every client tells. Clones are the same.
#[derive(Clone)]
pub(super) struct Context(Arc<Told>);

struct Told {
    metrics: Metrics,
    logged: Mutex<Option<Instant>>,
    last: Mutex<Option<(Code, String)>>,
    /// The first message that could not be delivered.
    undelivered: Mutex<Option<Code>>,
    /// The next offset of each partition that is read, for its lag.
    next: Mutex<BTreeMap<(String, i32), u64>>,
}

impl Remote {
    /// From `[kafka]`. `environment` looks up a variable.
    pub fn new(
        kafka: &Kafka,
        runtime: &Handle,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Remote, SecretError> {
        let brokers = kafka.brokers.join(",");
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", &brokers)
            .set("client.id", "shopbell")
            .set("security.protocol", kafka.security.as_str())
            .set("socket.timeout.ms", "10000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set_log_level(RDKafkaLogLevel::Warning);
        let paths = [
            ("ssl.ca.location", &kafka.ca),
            ("ssl.certificate.location", &kafka.certificate),
            ("ssl.key.location", &kafka.key),
        ];
        for (key, path) in paths {
            if let Some(path) = path {
                base.set(key, path.display().to_string());
            }
        }
        if let Some(login) = kafka.login.as_ref().filter(|_| kafka.security != Security::Plaintext) {
            let password = SecretReference::resolve(&login.password, environment)?;
            base.set("sasl.mechanism", login.mechanism)
                .set("sasl.username", &login.user)
                .set("sasl.password", password.reveal());
        }
        Ok(Remote { base, brokers, runtime: runtime.clone() })
    }

    /// A consumer that reads committed records from where it is told. Librdkafka wants a group's name for `assign`;
    /// nobody joins that group.
    pub(super) fn consumer(&self, context: Context) -> Result<BaseConsumer<Context>, Error> {
        let mut config = self.base.clone();
        config
            .set("group.id", "shopbell-joins-no-group")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "2048")
            .set("queued.min.messages", "2000")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("statistics.interval.ms", "2000");
        config.create_with_context(context).map_err(setup)
    }

    /// A client that asks and reads nothing. `committed` is about the ends of partitions.
    pub(super) fn asking(&self, context: Context, committed: bool) -> Result<BaseConsumer<Context>, Error> {
        let mut config = self.base.clone();
        config.set("isolation.level", if committed { "read_committed" } else { "read_uncommitted" });
        config.create_with_context(context).map_err(setup)
    }

    /// A producer whose messages arrive once and in order as long as it lives; with a transactional id where one is
    /// given.
    pub(super) fn producer(
        &self,
        context: Context,
        id: Option<&str>,
    ) -> Result<BaseProducer<Context>, Error> {
        let mut config = self.base.clone();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .set("message.max.bytes", "16777216")
            .set("queue.buffering.max.kbytes", "65536");
        match id {
            Some(id) => config.set("transactional.id", id).set("transaction.timeout.ms", "60000"),
            // A message is never given up while the broker is away.
            None => config.set("message.timeout.ms", "0"),
        };
        config.create_with_context(context).map_err(setup)
    }

    /// Waits for a broker and says how many partitions a topic has.
    pub(super) fn partitions(
        &self,
        asking: &BaseConsumer<Context>,
        topic: &str,
        around: &Surroundings,
    ) -> Result<i32, Error> {
        let metadata = self.patiently(asking, around, || asking.fetch_metadata(Some(topic), REQUEST))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.filter(|found| found.error().is_none() && !found.partitions().is_empty()) {
            Some(found) => Ok(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)),
            None => match found.and_then(|found| found.error()).map(Code::from) {
                Some(code) if is_refusal(code) => {
                    Err(Error::Refused { what: format!("topic {topic}"), reason: code.to_string() })
                }
                _ => Err(Error::UnknownTopic { topic: topic.to_owned() }),
            },
        }
    }

    /// Asks until there is an answer; at most as long as a start waits.
    pub(super) fn patiently<T>(
        &self,
        asking: &BaseConsumer<Context>,
        around: &Surroundings,
        mut ask: impl FnMut() -> Result<T, KafkaError>,
    ) -> Result<T, Error> {
        let (begun, context) = (Instant::now(), asking.context());
        loop {
            let error = match ask() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // What it has to tell it tells when it is asked.
            while asking.poll(Duration::from_millis(20)).is_some() {}
            if let Some((_, reason)) = context.last().filter(|(code, _)| is_refusal(*code)) {
                return Err(Error::Refused { what: "the connection".to_owned(), reason });
            }
            if begun.elapsed() >= PATIENCE || (around.stopping)() {
                return Err(self.unreachable(context, &error.to_string()));
            }
            context.trouble(&error.to_string());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A setting of a topic; none where nobody tells it.
    pub(super) fn setting_of(&self, topic: &str, key: &str) -> Option<String> {
        let admin: AdminClient<rdkafka::client::DefaultClientContext> = self.base.create().ok()?;
        let options = AdminOptions::new().request_timeout(Some(REQUEST));
        let topics = [ResourceSpecifier::Topic(topic)];
        let told = self.runtime.block_on(admin.describe_configs(&topics, &options)).ok()?;
        let told = told.into_iter().next()?.ok()?;
        told.get(key)?.value.clone()
    }

    /// Makes a topic of one partition that keeps the last record of each key.
    pub(super) fn make_compacted(&self, topic: &str) -> Result<(), String> {
        use rdkafka::admin::{NewTopic, TopicReplication};
        let admin: AdminClient<rdkafka::client::DefaultClientContext> =
            self.base.create().map_err(|error| error.to_string())?;
        let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
        let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
        let made = self.runtime.block_on(admin.create_topics([&new], &options));
        match made.map_err(|error| error.to_string())?.into_iter().next() {
            Some(Ok(_)) | Some(Err((_, Code::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(code.to_string()),
            None => Err("nobody answered".to_owned()),
        }
    }

    pub(super) fn unreachable(&self, context: &Context, reason: &str) -> Error {
        let heard = context.last().map_or_else(|| reason.to_owned(), |(_, heard)| heard);
        Error::Unreachable { brokers: self.brokers.clone(), reason: heard }
    }
}

fn setup(error: KafkaError) -> Error {
    Error::Setup { reason: error.to_string() }
}

/// Trouble that does not end by waiting.
pub(super) fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

impl Context {
    pub(super) fn new(metrics: &Metrics) -> Context {
        Context(Arc::new(Told {
            metrics: metrics.clone(),
            logged: Mutex::default(),
            last: Mutex::default(),
            undelivered: Mutex::default(),
            next: Mutex::default(),
        }))
    }

    /// Counts trouble, and logs it now and then.
    pub(super) fn trouble(&self, what: &str) {
        self.0.metrics.kafka_errors.inc();
        let mut logged = self.0.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|logged| logged.elapsed() >= SPARSELY) {
            *logged = Some(Instant::now());
            tracing::warn!("kafka: {what}; going on trying");
        }
    }

    /// Trouble that was told is over, and so is what became of messages of former producers.
    pub(super) fn is_well(&self) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.take_undelivered();
    }

    /// The last trouble that was told.
    pub(super) fn last(&self) -> Option<(Code, String)> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first message that could not be delivered since this was asked.
    pub(super) fn take_undelivered(&self) -> Option<Code> {
        self.0.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How far a partition was handed over.
    pub(super) fn read_to(&self, topic: &str, partition: i32, next: u64) {
        let mut all = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((topic.to_owned(), partition), next);
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "librdkafka: {message}");
    }

    fn stats(&self, statistics: Statistics) {
        let next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        for ((topic, partition), next) in next.iter() {
            let told = statistics.topics.get(topic).and_then(|topic| topic.partitions.get(partition));
            if let Some(end) = told.and_then(|told| u64::try_from(told.ls_offset).ok()) {
                let lag = i64::try_from(end.saturating_sub(*next)).unwrap_or(i64::MAX);
                self.0.metrics.kafka_lag(topic, *partition, lag);
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code().filter(|code| *code != Code::PartitionEOF) {
            let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
            // Why a broker let nobody in says more than that all brokers are away now.
            if !last.as_ref().is_some_and(|(code, _)| is_refusal(*code)) {
                *last = Some((code, reason.to_owned()));
            }
            drop(last);
            self.trouble(reason);
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
            self.0.undelivered.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(code);
        }
    }
}
