//! What keeps a job from starting is named, with the exit code of wrong use.

use super::*;

fn refused(rules: &str, config: &str, code: i32, text: &str) {
    let mut process = Process::start(rules, config, &[], &[]);
    assert_eq!(process.wait().code(), Some(code), "{}", process.log());
    process.wait_for_log(text);
}

#[test]
fn a_job_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("http.listen = \"{}\"\n", taken.local_addr().unwrap());
    refused(CHECKED_IN, &listen, 2, "error[http-listen]");
    refused(CHECKED_IN, "[source]\nfiles = [\"nothing.jsonl\"]\n", 2, "error[source-open]");
    let folder = "http.listen = \"127.0.0.1:0\"\n[source]\nfiles = [\"rules\"]\n";
    refused(CHECKED_IN, folder, 2, "error[source-folder]");
    refused(CHECKED_IN, "output.file = \"no/such/folder/o\"\n", 2, "error[output-open]");
    let webhook = "[[webhook]]\nurl = \"https://shop.example\"\nsecret = \"env:SHOPBELL_NOT_SET\"\n";
    refused(CHECKED_IN, webhook, 2, "error[secret-not-set]");
    refused("[rule.x]\nwhen = \"never\"\n", "", 1, "test.toml:2:");
    refused(CHECKED_IN, "[engine]\nworker = 2\n", 1, "shopbell.toml:2:1");
}

#[test]
fn the_rules_folder_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |config: &str| {
        std::fs::write(folder.path().join("shopbell.toml"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_shopbell"));
        command.arg("run").arg("--config").arg(folder.path().join("shopbell.toml"));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run("");
    assert!(code == Some(2) && said.contains("error[no-rules]"), "{said}");
    let (code, said) = run("[engine]\nrules = \"nowhere\"\n");
    assert!(code == Some(2) && said.contains("error[rules-folder]") && said.contains("nowhere"), "{said}");
}

#[test]
fn the_configuration_of_the_repository_starts_a_job() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/shopbell.toml");
    let config = std::fs::read_to_string(config).unwrap();
    let config = config.replace("127.0.0.1:8080", "127.0.0.1:0");
    let mut process = Process::start(CHECKED_IN, &config, &[], &[]);
    process.wait_for_log("1 rules, 2 workers, offers to standard output, /v1/offers");
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
}

#[test]
fn a_closed_standard_output_ends_the_job_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("test.toml"), CHECKED_IN).unwrap();
    std::fs::write(folder.path().join("shopbell.toml"), "[source]\nstdin = true\n[http]\nlisten = \"off\"\n")
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["run", "--workers", "1", "--rules"])
        .arg(folder.path().join("test.toml"))
        .arg("--config")
        .arg(folder.path().join("shopbell.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Somebody reads one offer and goes: standard input stays open all the time.
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "{}", check_in("1", "phone:1")).unwrap();
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("\"subject\":\"phone:1\""), "{line}");
    drop(lines);
    writeln!(input, "{}", check_in("2", "phone:2")).unwrap();
    let status = wait_for("the end", || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.code() == Some(3) && said.contains("error[output-closed]"), "{said}");
    drop(input);
}
