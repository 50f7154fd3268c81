//! A real broker for all tests of this run, started by the first and gone with the last.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A broker on this machine.
pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka")
}

/// Whether Kafka is left out, as was asked for. Where Java or Maven are missing and it was not, that is an error.
pub(crate) fn is_left_out() -> bool {
    if std::env::var("SHOPBELL_NO_KAFKA").is_ok_and(|value| value == "1") {
        println!("left out, as SHOPBELL_NO_KAFKA=1 wants it");
        return true;
    }
    for program in ["java", "mvn"] {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            found.is_ok(),
            "{program} is not there: install Java 17 and Maven, or leave these tests out with SHOPBELL_NO_KAFKA=1"
        );
    }
    false
}

/// A port that nobody has now, below those that systems give away.
pub(crate) fn free_port() -> u16 {
    let mut random = super::Random(u64::from(std::process::id()) ^ shopbell::wall_clock());
    (0..1000)
        .map(|_| 12_000 + random.below(8000) as u16)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

impl Broker {
    /// The one that all tests share.
    pub(crate) fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| Broker::start(free_port(), &[]))
    }

    /// One of its own; it goes with this process.
    pub(crate) fn start(port: u16, settings: &[&str]) -> Broker {
        Self::start_with(port, settings, &[])
    }

    /// The same with more options of the script.
    pub(crate) fn start_with(port: u16, settings: &[&str], options: &[&str]) -> Broker {
        let folder = std::env::temp_dir().join(format!("shopbell-kafka-{}-{port}", std::process::id()));
        let broker = Broker { port, folder };
        broker.start_script(settings, options);
        let (port, folder) = (port.to_string(), broker.folder.display().to_string());
        let end = format!(
            "(while kill -0 {} 2>/dev/null; do sleep 0.3; done; {} stop --port {port}; rm -rf '{folder}') &",
            std::process::id(),
            script().display()
        );
        let mut watch = Command::new("bash");
        watch.args(["-c", &end]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(watch.status().unwrap().success());
        broker
    }

    /// Starts it with the data that it has.
    pub(crate) fn start_again(&self, settings: &[&str]) {
        self.start_script(settings, &[]);
    }

    fn start_script(&self, settings: &[&str], options: &[&str]) {
        let (port, folder) = (self.port.to_string(), self.folder.display().to_string());
        let mut command = Command::new(script());
        command.args(["start", "--port", &port, "--dir", &folder]).args(options);
        settings.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        // Its own output must not hold the pipes of this test open.
        let log =
            std::fs::File::create(std::env::temp_dir().join(format!("shopbell-kafka-{port}.log"))).unwrap();
        let status =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(
            status.success(),
            "scripts/kafka start failed: see shopbell-kafka-{port}.log in the temporary folder"
        );
    }

    /// SIGKILL; returns when its port is free: memory of a process goes before its sockets do.
    pub(crate) fn kill(&self) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).unwrap();
        let killed = Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
        assert!(killed.success());
        let until = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(self.address()).is_ok() {
            assert!(Instant::now() < until, "{} listens after SIGKILL", self.address());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
