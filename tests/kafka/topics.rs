//! Topics as the tests fill and read them: with librdkafka, but by other settings than the job's.

use super::broker::Broker;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedHeaders, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A record, as it came out of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Broker {
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config
    }

    fn admin<T>(&self, ask: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> T) -> T {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ask(&admin, &options))
    }

    /// Makes a topic with a name of its own.
    pub(crate) fn topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = unique(name);
        self.make(&name, partitions, settings);
        name
    }

    pub(crate) fn make(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = self.admin(async |admin, options| admin.create_topics([&topic], options).await);
        made.unwrap().remove(0).unwrap();
        let asking: BaseConsumer = self.client().create().unwrap();
        let begun = Instant::now();
        while (0..partitions).any(|p| asking.fetch_watermarks(name, p, Duration::from_secs(1)).is_err()) {
            assert!(begun.elapsed() < PATIENCE);
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        let gone = self.admin(async |admin, options| admin.delete_topics(&[name], options).await);
        gone.unwrap().remove(0).unwrap();
    }

    /// Removes the records before an offset.
    pub(crate) fn truncate(&self, name: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, partition, Offset::Offset(before)).unwrap();
        self.admin(async |admin, options| admin.delete_records(&list, options).await).unwrap();
    }

    pub(crate) fn grow(&self, name: &str, partitions: usize) {
        let new = rdkafka::admin::NewPartitions::new(name, partitions);
        let grown = self.admin(async |admin, options| admin.create_partitions([&new], options).await);
        grown.unwrap().remove(0).unwrap();
    }

    /// Writes records: partition, key, value, headers.
    pub(crate) fn produce<'a>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (i32, Option<&'a str>, Option<&'a [u8]>, Vec<(&'a str, &'a [u8])>)>,
    ) {
        let producer: BaseProducer = self
            .client()
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("message.max.bytes", "2000000")
            .create()
            .unwrap();
        for (partition, key, value, headers) in records {
            let mut all = OwnedHeaders::new();
            for (key, value) in headers {
                all = all.insert(Header { key, value: Some(value) });
            }
            loop {
                let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).partition(partition);
                (record.key, record.payload, record.headers) = (key, value, Some(all.clone()));
                match producer.send(record) {
                    Ok(()) => break,
                    Err((error, _)) => {
                        let full = rdkafka::error::RDKafkaErrorCode::QueueFull;
                        assert_eq!(error.rdkafka_error_code(), Some(full));
                        producer.poll(Duration::from_millis(10));
                    }
                }
            }
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Writes lines to a partition, as structured events without a header.
    pub(crate) fn produce_lines<'a>(
        &self,
        topic: &str,
        partition: i32,
        lines: impl IntoIterator<Item = &'a str>,
    ) {
        self.produce(
            topic,
            lines.into_iter().map(|line| (partition, None, Some(line.as_bytes()), Vec::new())),
        );
    }

    /// Everything that is in a topic now, committed or not, by partition and offset.
    pub(crate) fn read(&self, topic: &str, committed: bool) -> Vec<Record> {
        let isolation = if committed { "read_committed" } else { "read_uncommitted" };
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation)
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let partitions = metadata.topics()[0].partitions().len() as i32;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut records, mut ended, begun) = (Vec::new(), 0, Instant::now());
        while ended < partitions {
            assert!(begun.elapsed() < PATIENCE, "{topic}: no end");
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{topic}: {error}"),
                Some(Ok(message)) => {
                    let text =
                        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                    let headers = message.headers().into_iter().flat_map(BorrowedHeaders::iter);
                    let headers = headers.map(|header| (header.key.to_owned(), text(header.value).unwrap()));
                    records.push(Record {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: text(message.key()),
                        value: text(message.payload()),
                        headers: headers.collect(),
                    });
                }
            }
        }
        records.sort();
        records
    }
}
