//! TLS and SCRAM, with a real broker: who may in, and who may not.

use super::broker::free_port;
use super::records::{WELCOME, check_in};
use super::*;
use std::path::Path;

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A certificate of the broker, and a user, in a folder.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem");
    openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr");
    openssl(
        folder,
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out broker.crt",
    );
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem",
    );
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    std::fs::write(folder.join("broker.pem"), text("broker.key") + &text("broker.crt")).unwrap();
}

#[test]
fn tls_and_scram_let_in_who_knows_the_password_and_trust_whom_they_should() {
    if is_left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let secure = (port + 1..).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    let broker = Broker::start_with(
        port,
        &[
            "listener.name.other.ssl.keystore.type=PEM",
            &format!(
                "listener.name.other.ssl.keystore.location={}",
                folder.path().join("broker.pem").display()
            ),
            "listener.name.other.sasl.enabled.mechanisms=SCRAM-SHA-512",
            "listener.name.other.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
        ],
        &["--listener", &format!("SASL_SSL:{secure}")],
    );
    let jars = std::env::var("SHOPBELL_KAFKA_LIB")
        .unwrap_or_else(|_| format!("{}/target/kafka/lib", env!("CARGO_MANIFEST_DIR")));
    let user = Command::new("java")
        .args([
            "-cp",
            &format!("{jars}/*"),
            "kafka.admin.ConfigCommand",
            "--bootstrap-server",
            &broker.address(),
        ])
        .args(["--alter", "--add-config", "SCRAM-SHA-512=[password=open sesame]"])
        .args(["--entity-type", "users", "--entity-name", "shopbell"])
        .output()
        .unwrap();
    assert!(user.status.success(), "{}", String::from_utf8_lossy(&user.stderr));

    let (topic, offers) = (broker.topic("events", 1, &[]), broker.topic("offers", 1, &[]));
    let events: Vec<String> = (0..10).map(|second| check_in(second, "phone:1")).collect();
    broker.produce_lines(&topic, 0, events.iter().map(String::as_str));
    let config = format!(
        "security = \"sasl_ssl\"\nca = \"{}\"\nuser = \"shopbell\"\npassword = \"file:password\"\n\
         [engine]\nclock = \"events\"\n[http]\nlisten = \"off\"\n[output]\nfile = \"off\"\n[output.kafka]\n\
         topic = \"{offers}\"\n[state]\n[source.kafka]\ntopics = [\"{topic}\"]\nuntil = \"end\"\n",
        folder.path().join("ca.pem").display()
    );
    let job = Job::new(&format!("127.0.0.1:{secure}"), &config, Some(WELCOME));
    std::fs::write(job.path("password"), "close sesame\n").unwrap();
    job.fails("kafka-refused");
    assert!(!job.log().contains("sesame"), "{}", job.log());
    std::fs::write(job.path("password"), "open sesame\n").unwrap();
    job.succeeds();
    assert_eq!(broker.read(&offers, true).len(), 10);

    // A broker whose certificate is of somebody else is not spoken to.
    let config = std::fs::read_to_string(job.path("job.toml")).unwrap();
    std::fs::write(job.path("job.toml"), config.replace("ca.pem", "other.pem")).unwrap();
    let mut life = job.start(1, "");
    wait_for("a word about it", || job.log().contains("certificate verify failed").then_some(()));
    signal(&life, "-TERM");
    assert_eq!(ended(&mut life, &|| job.log()).code(), Some(3), "{}", job.log());
    assert_eq!(broker.read(&offers, true).len(), 10);
}
