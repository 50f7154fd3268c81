//! `[kafka]`, `[source.kafka]` and `[output.kafka]`: brokers, topics of events, a topic of offers.
//!
//! Invariant: nothing goes unencrypted to another machine unless that was allowed in so many words; what a build
//! cannot do is refused here, not when the job runs.

use super::check::{secret, some_path};
use super::problem::Problem;
use super::reader::Section;
use super::{Config, SecretReference};
use std::net::Ipv6Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// `[kafka]`: how brokers are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port` of some of them.
    pub brokers: Vec<String>,
    /// Encryption and login.
    pub security: Security,
    /// Certificates that are trusted, in PEM; those of the system where absent.
    pub ca: Option<PathBuf>,
    /// Our certificate, in PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM.
    pub key: Option<PathBuf>,
    /// Who logs in; present where [`Security::is_login`].
    pub login: Option<Login>,
}

/// Encryption and login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Neither: `"plaintext"`.
    #[default]
    Plaintext,
    /// TLS: `"ssl"`.
    Ssl,
    /// A login without TLS: `"sasl_plaintext"`.
    SaslPlaintext,
    /// Both: `"sasl_ssl"`.
    SaslSsl,
}

impl Security {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Security::Plaintext => "plaintext",
            Security::Ssl => "ssl",
            Security::SaslPlaintext => "sasl_plaintext",
            Security::SaslSsl => "sasl_ssl",
        }
    }

    fn parse(text: &str) -> Option<Security> {
        let all = [Security::Plaintext, Security::Ssl, Security::SaslPlaintext, Security::SaslSsl];
        all.into_iter().find(|security| security.as_str() == text)
    }

    /// Whether somebody logs in.
    pub fn is_login(self) -> bool {
        matches!(self, Security::SaslPlaintext | Security::SaslSsl)
    }

    /// Whether nobody on the way can read along.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Security::Ssl | Security::SaslSsl)
    }
}

/// Who logs in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: &'static str,
    /// The name.
    pub user: String,
    /// Where the password is.
    pub password: SecretReference,
}

/// `[source.kafka]`: topics of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSource {
    /// Their names.
    pub topics: Vec<String>,
    /// Whether what was there before the first start is left out.
    pub from_end: bool,
    /// Whether reading ends where the topics ended when the job started.
    pub until_end: bool,
    /// The topic for what was refused.
    pub dead_letters: Option<String>,
}

/// `[output.kafka]`: a topic of offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaOutput {
    /// Its name.
    pub topic: String,
    /// Whether each message is there once; else at least once.
    pub exactly_once: bool,
    /// Who writes: one job at a time.
    pub transactional_id: String,
    /// The topic that says how far that is.
    pub progress: String,
}

const BROKER: &str = "a broker as in \"kafka-1.example:9092\" or \"[::1]:9092\"";
const TOPIC: &str = "the name of a topic: up to 249 letters, digits, `.`, `_` and `-`";

/// Host and port.
fn broker(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match inner {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        }
    };
    good.then_some((inner.unwrap_or(host), port))
}

/// Whether it never leaves this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

fn is_topic(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..250).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(known)
}

pub(super) fn brokers(section: Option<Section<'_, '_>>, folder: &Path) -> Option<Kafka> {
    let mut section = section?;
    let mut brokers: Vec<(String, bool, Range<usize>)> = Vec::new();
    if section.value("brokers").is_none() {
        section.note(section.span(), Problem::Missing { key: "brokers", section: "[kafka]".into() });
    }
    for (text, span) in section.texts("brokers").unwrap_or_default() {
        match broker(text) {
            Some((host, _)) => brokers.push((text.to_owned(), is_loopback(host), span)),
            None => {
                let (key, value) = ("brokers".into(), text.into());
                section.note(span, Problem::Invalid { key, value, expected: BROKER });
            }
        }
    }
    const SECURITY: &str = "\"plaintext\", \"ssl\", \"sasl_plaintext\" or \"sasl_ssl\"";
    let security = section.parsed("security", SECURITY, Security::parse).unwrap_or_default();
    if security != Security::Plaintext && !cfg!(feature = "kafka-tls") {
        let span = section.value("security").map_or(section.span(), toml::Spanned::span);
        section.note(span, Problem::NotBuilt { value: security.as_str().to_owned() });
    }
    let allowed = section.flag("allow_plaintext", false);
    if !security.is_encrypted() && !allowed {
        for (broker, _, span) in brokers.iter().filter(|(_, loopback, _)| !loopback) {
            section.note(span.clone(), Problem::NotEncrypted { broker: broker.clone() });
        }
    }
    let [ca, certificate, key] = ["ca", "certificate", "key"].map(|key| {
        let path = section.parsed(key, "the path of a file in PEM", |path| some_path(path, folder));
        if path.is_some() && !security.is_encrypted() {
            let span = section.value(key).map_or(section.span(), toml::Spanned::span);
            section.note(span, Problem::OutOfPlace { key, why: "`security` has no TLS" });
        }
        path
    });
    if certificate.is_some() != key.is_some() {
        let needed = "both, `certificate` and `key`";
        section.note(section.span(), Problem::Needs { section: "[kafka]", needed });
    }
    let login = if security.is_login() { login(&mut section, folder) } else { no_login(&mut section) };
    section.finish();
    let brokers = brokers.into_iter().map(|(broker, ..)| broker).collect();
    Some(Kafka { brokers, security, ca, certificate, key, login })
}

fn login(section: &mut Section<'_, '_>, folder: &Path) -> Option<Login> {
    let mechanism =
        section.parsed("mechanism", "\"SCRAM-SHA-256\" or \"SCRAM-SHA-512\"", |text| match text {
            "SCRAM-SHA-256" => Some("SCRAM-SHA-256"),
            "SCRAM-SHA-512" => Some("SCRAM-SHA-512"),
            _ => None,
        });
    let user = section.needed("user", "a name").map(|(user, _)| user.to_owned());
    let password = secret(section, "password", folder);
    Some(Login { mechanism: mechanism.unwrap_or("SCRAM-SHA-512"), user: user?, password: password? })
}

fn no_login(section: &mut Section<'_, '_>) -> Option<Login> {
    for key in ["mechanism", "user", "password"] {
        if let Some(value) = section.value(key) {
            section.note(value.span(), Problem::OutOfPlace { key, why: "`security` has no login" });
        }
    }
    None
}

fn topic(section: &mut Section<'_, '_>, key: &'static str) -> Option<String> {
    section.parsed(key, TOPIC, |name| is_topic(name).then(|| name.to_owned()))
}

pub(super) fn source(section: Option<Section<'_, '_>>) -> Option<KafkaSource> {
    let mut section = section?;
    let mut topics: Vec<String> = Vec::new();
    let named = section.texts("topics").unwrap_or_default();
    if named.is_empty() {
        section.note(section.span(), Problem::Missing { key: "topics", section: "[source.kafka]".into() });
    }
    for (name, span) in named {
        if is_topic(name) {
            topics.push(name.to_owned());
        } else {
            let (key, value) = ("topics".into(), name.into());
            section.note(span, Problem::Invalid { key, value, expected: TOPIC });
        }
    }
    let either =
        |text: &str, no: &str| if text == "end" { Some(true) } else { (text == no).then_some(false) };
    let from = section.parsed("from", "\"beginning\" or \"end\"", |text| either(text, "beginning"));
    let until = section.parsed("until", "\"never\" or \"end\"", |text| either(text, "never"));
    let dead_letters = topic(&mut section, "dead_letters");
    // What is refused would be read again, and refused again.
    if let Some(name) = dead_letters.as_ref().filter(|name| topics.contains(name)) {
        section.note(section.span(), Problem::Twice { key: "dead_letters".into(), value: name.clone() });
    }
    section.finish();
    let (from_end, until_end) = (from.unwrap_or(false), until.unwrap_or(false));
    Some(KafkaSource { topics, from_end, until_end, dead_letters })
}

pub(super) fn output(section: Option<Section<'_, '_>>) -> Option<KafkaOutput> {
    let mut section = section?;
    if section.value("topic").is_none() {
        section.note(section.span(), Problem::Missing { key: "topic", section: "[output.kafka]".into() });
    }
    let name = topic(&mut section, "topic").unwrap_or_default();
    let exactly_once =
        section.parsed("delivery", "\"exactly_once\" or \"at_least_once\"", |text| match text {
            "exactly_once" => Some(true),
            "at_least_once" => Some(false),
            _ => None,
        });
    let id = section.parsed("transactional_id", "a name", |id| (!id.is_empty()).then(|| id.to_owned()));
    let progress = topic(&mut section, "progress").unwrap_or_else(|| format!("{name}-progress"));
    if progress == name {
        section.note(section.span(), Problem::Twice { key: "progress".into(), value: name.clone() });
    }
    section.finish();
    Some(KafkaOutput {
        topic: name,
        exactly_once: exactly_once.unwrap_or(true),
        transactional_id: id.unwrap_or_else(|| "shopbell".to_owned()),
        progress,
    })
}

/// What must be there together.
pub(super) fn agree(config: &Config, root: &Section<'_, '_>) {
    let place = |table: &'static str| root.place_of(&[table, "kafka"]);
    let needs = |table, section, needed| root.note(place(table), Problem::Needs { section, needed });
    if config.kafka.is_none() {
        if config.source.kafka.is_some() {
            needs("source", "[source.kafka]", "[kafka] with `brokers`");
        }
        if config.output.kafka.is_some() {
            needs("output", "[output.kafka]", "[kafka] with `brokers`");
        }
    }
    if config.state.is_none() && config.output.kafka.as_ref().is_some_and(|output| output.exactly_once) {
        let needed = "[state], or `delivery = \"at_least_once\"`";
        needs("output", "`delivery` = \"exactly_once\"", needed);
    }
}

#[cfg(test)]
mod tests;
