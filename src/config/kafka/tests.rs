//! What is accepted and what is refused, with its place.

use super::*;
use crate::config::ConfigError;

fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse(text, Path::new("etc/shopbell.toml"))
}

const LOCAL: &str = "[kafka]\nbrokers = [\"127.0.0.1:9092\"]\n";

#[test]
fn what_is_written_is_what_is_read() {
    let text = format!(
        "{LOCAL}[state]\n[source.kafka]\ntopics = [\"a\", \"b\"]\nfrom = \"end\"\nuntil = \"end\"\n\
         dead_letters = \"refused\"\n[output.kafka]\ntopic = \"offers\"\n"
    );
    let config = parse(&text).unwrap();
    let source = config.source.kafka.unwrap();
    assert_eq!(
        (source.topics, source.from_end, source.until_end),
        (vec!["a".into(), "b".into()], true, true)
    );
    assert_eq!(source.dead_letters.as_deref(), Some("refused"));
    let output = config.output.kafka.unwrap();
    assert!(output.exactly_once);
    assert_eq!((output.transactional_id.as_str(), output.progress.as_str()), ("shopbell", "offers-progress"));
    assert_eq!(config.kafka.unwrap().brokers, ["127.0.0.1:9092"]);
}

#[test]
fn every_table_says_what_it_cannot_take() {
    let cases = [
        ("[kafka]\n", "config-missing-key"),
        ("[kafka]\nbrokers = [\"a\"]", "config-invalid-value"),
        ("[kafka]\nbrokers = [\"::1:9092\"]", "config-invalid-value"),
        ("[kafka]\nbrokers = [\"a,b:9092\"]", "config-invalid-value"),
        ("[kafka]\nbrokers = [\"localhost:0\"]", "config-invalid-value"),
        ("[kafka]\nbrokers = [\"kafka.example:9092\"]", "config-not-encrypted"),
        ("[kafka]\nbrokers = [\"[::1]:9092\"]\nsecurity = \"none\"", "config-invalid-value"),
        ("[kafka]\nbrokers = [\"[::1]:9092\"]\nuser = \"a\"", "config-out-of-place"),
        ("[kafka]\nbrokers = [\"[::1]:9092\"]\nca = \"a.pem\"", "config-out-of-place"),
        ("[source.kafka]\ntopics = [\"a\"]", "config-needs"),
        ("[kafka]\nbrokers = [\"localhost:1\"]\n[source.kafka]\n", "config-missing-key"),
        ("[kafka]\nbrokers = [\"localhost:1\"]\n[source.kafka]\ntopics = [\"a b\"]", "config-invalid-value"),
        (
            "[kafka]\nbrokers = [\"localhost:1\"]\n[source.kafka]\ntopics = [\"a\"]\ndead_letters = \"a\"",
            "config-twice",
        ),
        ("[kafka]\nbrokers = [\"localhost:1\"]\n[output.kafka]\ntopic = \"a\"", "config-needs"),
        ("[kafka]\nbrokers = [\"localhost:1\"]\n[state]\n[output.kafka]\n", "config-missing-key"),
        (
            "[kafka]\nbrokers = [\"localhost:1\"]\n[state]\n[output.kafka]\ntopic = \"a\"\nprogress = \"a\"",
            "config-twice",
        ),
    ];
    for (text, code) in cases {
        let found = parse(text).expect_err(text);
        let codes: Vec<_> = found.iter().map(ConfigError::code).collect();
        assert_eq!(codes, [code], "{text}");
        assert!(found.iter().all(|error| !error.hint().is_empty() && error.line > 0));
    }
}

#[test]
fn what_is_not_encrypted_leaves_the_machine_only_where_that_is_allowed() {
    for (broker, alone) in [("localhost", true), ("127.9.0.1", true), ("[::1]", true), ("10.0.0.1", false)] {
        let text = format!("[kafka]\nbrokers = [\"{broker}:9092\"]\n");
        assert_eq!(parse(&text).is_ok(), alone, "{broker}");
        assert!(parse(&format!("{text}allow_plaintext = true\n")).is_ok(), "{broker}");
    }
}

#[cfg(not(feature = "kafka-tls"))]
#[test]
fn a_build_without_tls_says_how_to_build_one() {
    let found = parse(&format!("{LOCAL}security = \"ssl\"\n")).unwrap_err();
    assert_eq!((found[0].code(), found[0].line), ("config-not-built", 3));
    assert!(found[0].hint().contains("--features kafka-tls"));
}

#[cfg(feature = "kafka-tls")]
#[test]
fn a_login_needs_a_name_and_a_place_of_its_password() {
    let codes = |text: &str| parse(text).unwrap_err().iter().map(ConfigError::code).collect::<Vec<_>>();
    let sasl = format!("{LOCAL}security = \"sasl_ssl\"\n");
    assert_eq!(codes(&sasl), ["config-missing-key"; 2]);
    assert_eq!(codes(&format!("{sasl}user = \"a\"\npassword = \"hunter2\"\n")), ["config-literal-secret"]);
    assert_eq!(codes(&format!("{LOCAL}security = \"ssl\"\nkey = \"a.pem\"\n")), ["config-needs"]);
    let good = format!("{sasl}user = \"a\"\npassword = \"env:A\"\nmechanism = \"SCRAM-SHA-256\"\n");
    let login = parse(&good).unwrap().kafka.unwrap().login.unwrap();
    assert_eq!((login.mechanism, login.user.as_str()), ("SCRAM-SHA-256", "a"));
    let plain = "[kafka]\nbrokers = [\"10.0.0.1:1\"]\nsecurity = \"sasl_plaintext\"\nuser = \"a\"\npassword = \"env:A\"";
    assert_eq!(codes(plain), ["config-not-encrypted"]);
}
