//! Webhooks through the built binary, with receivers over real connections that fail as they are told.
//!
//! Kinds of test held here:
//! - `kills`: SIGKILL at random moments and right after an answer, against a receiver that fails at random; what
//!   arrives is compared with what an undisturbed replay says. Copies and waiting across kills are counted: a test
//!   that saw none is red;
//! - `commands`: what failed is kept, and what list, replay and drop do, over restarts.

mod commands;
mod kills;
mod receiver;

use crate::recovery::SHOPBELL;
use receiver::Receiver;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bound of every wait: far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// `[[webhook]]` of a receiver.
fn webhook(name: &str, receiver: &Receiver, more: &str) -> String {
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"http://{}/hook\"\nsecret = \"env:SHOPBELL_TEST_SECRET\"\n\
         timeout = \"250ms\"\nallow_private = true\n{more}\n",
        receiver.address
    )
}

/// Looks until there is something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const RULES: &str = r#"
    [rule.welcome]
    when = "checked_in"
    [rule.welcome.offer]
    title = "Welcome"
    channels = ["sms"]
"#;

/// A folder that keeps a state from one life to the next.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Shop {
        let shop = Shop { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(shop.path("rules")).unwrap();
        std::fs::write(shop.path("rules/test.toml"), RULES).unwrap();
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A life with these receivers, once it takes events.
    fn start(&self, webhooks: &str) -> Life {
        let config = format!(
            "[engine]\nrules = \"rules\"\n[http]\nlisten = \"127.0.0.1:0\"\n[output]\nfile = \"offers.jsonl\"\n\
             [state]\nfolder = \"state\"\ncheckpoint_every = \"50ms\"\n{webhooks}"
        );
        std::fs::write(self.path("job.toml"), config).unwrap();
        let log = self.path("log");
        let child = Command::new(SHOPBELL)
            .args(["run", "--workers", "1", "--config"])
            .arg(self.path("job.toml"))
            .env("SHOPBELL_TEST_SECRET", SECRET)
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut life = Life { child, log, address: String::new() };
        life.address = wait_for("the start", || {
            let log = life.log();
            assert!(life.child.try_wait().unwrap().is_none(), "{log}");
            Some(log.split_once("runs: http://")?.1.split(',').next()?.to_owned())
        });
        life
    }
}

struct Life {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Life {
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Takes one check-in each of these.
    fn check_in(&self, ids: std::ops::Range<u32>) {
        let time = shopbell_model::time::format_rfc3339(shopbell::wall_clock());
        let event = |id| {
            serde_json::json!({
                "specversion": "1.0", "id": format!("{id}"), "source": "test", "type": "store.check_in",
                "subject": format!("phone:{id}"), "time": time, "data": { "location": "l" },
            })
        };
        let events: Vec<Value> = ids.map(event).collect();
        let url = format!("http://{}/v1/events", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Any would do: there is no TLS here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let status = runtime.block_on(async {
            let body = serde_json::to_string(&events).unwrap();
            reqwest::Client::new()
                .post(url)
                .body(body)
                .header("content-type", "application/json")
                .send()
                .await
        });
        assert_eq!(status.unwrap().status(), 202);
    }

    /// `shopbell webhooks`: its exit code, and what it said on both ends.
    fn webhooks(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let server = format!("http://{}", self.address);
        let output =
            Command::new(SHOPBELL).args(["webhooks", "--server", &server]).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// What is said of a receiver.
    fn of(&self, name: &str) -> Value {
        let (code, said, _) = self.webhooks(&["list", "--json"]);
        assert_eq!(code, Some(0));
        let said: Value = serde_json::from_str(&said).unwrap();
        let all = said["webhooks"].as_array().unwrap();
        all.iter().find(|webhook| webhook["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// Waits until so many messages wait and failed.
    fn wait_until(&self, name: &str, waiting: u64, failed: u64) -> Value {
        wait_for(&format!("{waiting} waiting and {failed} failed: {}", self.of(name)), || {
            Some(self.of(name)).filter(|said| said["waiting"] == waiting && said["failed"] == failed)
        })
    }

    /// Ends it in good order.
    fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).stdout(Stdio::null()).status().unwrap().success());
        let status = wait_for("the end", || self.child.try_wait().unwrap());
        assert!(status.success(), "{}", self.log());
        self.log()
    }
}

/// Killed, however the test ends.
impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
