//! Why an end at Kafka cannot go on.

use thiserror::Error;

/// Why an end at Kafka cannot go on. Partitions are named as positions are: `kafka:TOPIC/PARTITION`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// No broker answers.
    #[error("no kafka broker of {brokers} answers: {reason}")]
    Unreachable {
        /// Those that were configured.
        brokers: String,
        /// What was last heard.
        reason: String,
    },
    /// A broker does not let us in, or not do what we need.
    #[error("kafka refuses {what}: {reason}")]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        reason: String,
    },
    /// A client could not be made.
    #[error("the kafka client cannot be set up: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
    /// There is no such topic.
    #[error("the kafka topic {topic} is not there")]
    UnknownTopic {
        /// Its name.
        topic: String,
    },
    /// Records that were not read yet are gone.
    #[error(
        "{partition} begins at offset {low} now, but was read to {position}: the records between are gone"
    )]
    Truncated {
        /// The partition.
        partition: String,
        /// How far it was read.
        position: u64,
        /// Where it begins.
        low: u64,
    },
    /// It is another topic than the one that was read.
    #[error("{partition} is not what was read before: {reason}")]
    Recreated {
        /// The partition.
        partition: String,
        /// How that is known.
        reason: String,
    },
    /// Records of the topic may vanish, or did.
    #[error("{topic} is compacted: {reason}")]
    Compacted {
        /// The topic, or the partition.
        topic: String,
        /// How that is known.
        reason: String,
    },
    /// A record cannot be read.
    #[error("reading {partition} failed at offset {position}: {reason}")]
    Read {
        /// The partition.
        partition: String,
        /// The record.
        position: u64,
        /// What went wrong.
        reason: String,
    },
    /// A refused record could not be put aside.
    #[error("a dead letter cannot be written to the kafka topic {topic}: {reason}")]
    DeadLetters {
        /// The topic of dead letters.
        topic: String,
        /// Why not.
        reason: String,
    },
    /// Offers could not be written.
    #[error("offers cannot be written to the kafka topic {topic}: {reason}")]
    Undelivered {
        /// The topic of offers.
        topic: String,
        /// Why not.
        reason: String,
    },
    /// The topic of progress is of no use.
    #[error("the kafka topic {topic} for progress is of no use: {reason}")]
    Progress {
        /// Its name.
        topic: String,
        /// Why.
        reason: String,
    },
    /// Another job took our place.
    #[error("another job writes with the transactional id {id}")]
    Fenced {
        /// The id of both.
        id: String,
    },
    /// What was written is not what is decided now.
    #[error("the {count} messages in the kafka topic {topic} are not those that this state leads to")]
    Diverged {
        /// The topic of offers.
        topic: String,
        /// How many were compared.
        count: u64,
    },
    /// Less was written than the state knows of.
    #[error("the kafka topic {topic} has {committed} messages of this job, but {known} were written before")]
    OutputShorter {
        /// The topic of offers.
        topic: String,
        /// What progress says.
        committed: u64,
        /// What the state says.
        known: u64,
    },
    /// A fault that a test asked for.
    #[error("{0}")]
    Fault(String),
}

impl Error {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Unreachable { .. } => "kafka-unreachable",
            Error::Refused { .. } => "kafka-refused",
            Error::Setup { .. } => "kafka-setup",
            Error::UnknownTopic { .. } => "kafka-unknown-topic",
            Error::Truncated { .. } => "kafka-truncated",
            Error::Recreated { .. } => "kafka-recreated",
            Error::Compacted { .. } => "kafka-compacted",
            Error::Read { .. } => "kafka-read",
            Error::DeadLetters { .. } => "kafka-dead-letters",
            Error::Undelivered { .. } => "kafka-undelivered",
            Error::Progress { .. } => "kafka-progress",
            Error::Fenced { .. } => "kafka-fenced",
            Error::Diverged { .. } => "kafka-diverged",
            Error::OutputShorter { .. } => "kafka-output-shorter",
            Error::Fault(_) => "fault",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unreachable { .. } => {
                "check `[kafka] brokers` and that one of them runs; starting again is safe, with `[state]` nothing \
                 is lost"
            }
            Error::Refused { .. } => "check user, password, certificates and the access lists of the brokers",
            Error::Setup { .. } => "check `[kafka]`; files of certificates must be PEM and readable",
            Error::UnknownTopic { .. } => {
                "make it first, or correct its name; here topics are not made by being used"
            }
            Error::Truncated { .. } => {
                "read more often than the topic forgets (retention.ms); to accept the loss, remove the folder of \
                 `[state]` and begin anew"
            }
            Error::Recreated { .. } => {
                "bring the topic back, or remove the folder of `[state]` to begin anew with this one"
            }
            Error::Compacted { .. } => {
                "events need a topic with cleanup.policy=delete: records must not vanish"
            }
            Error::Read { .. } => "look at the record with the tools of kafka; it may be damaged",
            Error::DeadLetters { .. } => "check the topic and its max.message.bytes",
            Error::Undelivered { .. } => "check the topic, its max.message.bytes and the access lists",
            Error::Progress { .. } => {
                "make it with one partition and cleanup.policy=compact, or let the job make it"
            }
            Error::Fenced { .. } => {
                "one job at a time has a transactional id: stop the other one, or give this one another \
                 `[output.kafka] transactional_id`"
            }
            Error::Diverged { .. } | Error::OutputShorter { .. } => {
                "topic, progress topic, `transactional_id` and the folder of `[state]` belong together: bring them \
                 back as they were, or begin anew with another topic or id"
            }
            Error::Fault(_) => "",
        }
    }

    /// Whether whoever started the job can put it right in the configuration or around it.
    pub fn is_setup(&self) -> bool {
        matches!(self, Error::Setup { .. } | Error::UnknownTopic { .. } | Error::Refused { .. })
    }
}
