//! Tests of the configuration: defaults, every kind of problem, and the example file.

use super::*;
use shopbell_model::settings::PresenceMode;
use shopbell_model::value::Rssi;

fn problems(text: &str) -> Vec<ConfigError> {
    Config::parse(text, Path::new("etc/shopbell.toml")).expect_err("accepted what is wrong")
}

fn accepted(text: &str) -> Config {
    Config::parse(text, Path::new("etc/shopbell.toml"))
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(format!("{:?}", accepted("")), format!("{:?}", Config::default()));
}

#[test]
fn the_example_states_the_defaults() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/shopbell.toml"));
    let mut example = Config::load(file).unwrap();
    assert_eq!(example.engine.rules.take(), Some(file.with_file_name("rules")));
    assert_eq!(example.policy.tz.take().as_deref(), Some("UTC"));
    assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_example_is_right_with_every_line_switched_on() {
    let text = include_str!("../../config/shopbell.toml");
    let switched_on: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = accepted(&switched_on);
    assert_eq!(config.engine.workers, Some(2));
    assert_eq!(config.policy.cap.unwrap().to_string(), "3 per 1d");
    assert_eq!(config.policy.channel_cap("sms").unwrap().to_string(), "1 per 7d");
    assert_eq!(config.policy.quiet_hours.unwrap().to_string(), "21:00-08:00");
    let webhook = &config.webhooks[0];
    assert_eq!((webhook.name.as_str(), webhook.max_queue), ("crm", 10_000));
    assert_eq!(webhook.secret, SecretReference::Environment("CRM_WEBHOOK_SECRET".into()));
}

#[test]
fn what_is_written_is_what_is_read() {
    let config = accepted(
        r#"
        engine = { workers = 4, tick = "100ms", rules = "rules", queue_events = 0x10 }
        source = { files = ["a.jsonl", "/b.jsonl"], stdin = true, dead_letters = "dead.jsonl" }
        http = { listen = "off", max_body = "64KiB", streams = 0 }
        output = { file = "offers.jsonl", suppressed = true }
        channels = { sms = "mobile", kakao = "" }
        [presence]
        enter_rssi = -60.5
        mode = "all"
        [identity]
        blocked = ["phone:0", "device:kiosk-*"]
        [policy]
        consent = "opt_in"
        hold_out_percent = 10
        [[webhook]]
        url = "https://example.com:8443/hook"
        secret = "file:key"
        channels = ["sms"]
        "#,
    );
    assert_eq!((config.engine.workers_on(2), config.engine.workers_on(64)), (2, 4));
    assert_eq!((config.engine.tick, config.engine.queue_events), (Duration(100), 16));
    assert_eq!(config.source.files, [PathBuf::from("etc/a.jsonl"), PathBuf::from("/b.jsonl")]);
    assert_eq!(config.source.dead_letters, Some(PathBuf::from("etc/dead.jsonl")));
    assert_eq!((config.http.listen, config.http.max_body, config.http.streams), (None, 65_536, 0));
    assert_eq!(config.output.target, OutputTarget::File("etc/offers.jsonl".into()));
    assert_eq!(config.policy.address_kind("sms"), Some("mobile"));
    assert_eq!(config.policy.address_kind("kakao"), None);
    assert_eq!(config.policy.address_kind("push"), Some("device"));
    assert_eq!((config.presence.enter_rssi, config.presence.exit_rssi), (Rssi(-6050), Rssi(-6550)));
    assert_eq!(config.presence.mode, PresenceMode::All);
    assert!(config.identity.blocked.is_sorted() && config.identity.blocked.len() == 2);
    assert!(config.policy.opt_in && config.policy.hold_out_percent == 10);
    assert_eq!(config.webhooks[0].name, "example.com:8443");
    assert_eq!(config.webhooks[0].secret, SecretReference::File("etc/key".into()));
}

#[test]
fn all_problems_are_told_at_once_in_order_with_their_places() {
    let found = problems(
        "[engine]\nworker = 2\ntick = \"fast\"\n\n[http]\nmax_body = 8\nlisten = \"here\"\n[polcy]\ncap = 1\n",
    );
    let told: Vec<_> = found.iter().map(|e| (e.line, e.column, e.code())).collect();
    assert_eq!(
        told,
        [
            (2, 1, "config-unknown-key"),
            (3, 8, "config-invalid-value"),
            (6, 12, "config-wrong-type"),
            (7, 10, "config-invalid-value"),
            (8, 2, "config-unknown-key"),
        ]
    );
    assert_eq!(found[0].hint(), "did you mean `workers`?");
    assert_eq!(found[0].to_string(), "etc/shopbell.toml:2:1: unknown key `worker` in [engine]");
    assert_eq!(found[4].hint(), "did you mean `policy`?");
}

#[test]
fn every_table_says_what_it_cannot_take() {
    let cases = [
        ("[engine]\nworkers = 0", "config-out-of-range"),
        ("[engine]\nworkers = 99999999999999999999999", "config-out-of-range"),
        ("[engine]\ntick = \"0s\"", "config-invalid-value"),
        ("[engine]\ntick = 1", "config-wrong-type"),
        ("engine = 3", "config-wrong-type"),
        ("[source]\nfiles = [\"a\", \"a\"]", "config-twice"),
        ("[source]\nfiles = [1]", "config-wrong-type"),
        ("[source]\nfiles = \"a\"", "config-wrong-type"),
        ("[source]\nstdin = \"yes\"", "config-wrong-type"),
        ("[http]\nmax_body = \"2GiB\"", "config-invalid-value"),
        ("[http]\nmax_body = \"8\"", "config-invalid-value"),
        ("[presence]\nenter_rssi = 51", "config-out-of-range"),
        ("[presence]\nenter_rssi = \"loud\"", "config-wrong-type"),
        ("[presence]\nexit_rssi = -60", "config-exit-above-enter"),
        ("[presence]\nmode = \"loudest\"", "config-invalid-value"),
        ("[presence]\nwindow = 0", "config-out-of-range"),
        ("[identity]\nblocked = [\"kiosk\"]", "config-invalid-value"),
        ("[policy]\ncap = \"3 a day\"", "config-invalid-value"),
        ("[policy]\nchannel_caps = { sms = \"1\" }", "config-invalid-value"),
        ("[policy]\nchannel_caps = { sms = 1 }", "config-wrong-type"),
        ("[policy]\nquiet_hours = \"9-5\"", "config-invalid-value"),
        ("[policy]\ntz = \"Mars/Olympus\"", "config-invalid-value"),
        ("[policy]\nhold_out_percent = 101", "config-out-of-range"),
        ("[policy]\nconsent = \"maybe\"", "config-invalid-value"),
        ("[retention]\ndays = \"30d\"", "config-invalid-value"),
        ("[learning]\n[retention]\npurchases = \"1d\"", "config-purchases-too-short"),
        ("[learning]\nevery = \"1ms\"", "config-invalid-value"),
        ("[learning]\nstart_rate = 10001", "config-out-of-range"),
        ("[learning]\nweight = 0", "config-out-of-range"),
        ("[learning]\nrate = 1", "config-unknown-key"),
        ("[policy]\ncap = \"1 per 60d\"", "config-ledger-too-short"),
        ("[retention]\npools = \"29d\"", "config-invalid-value"),
        ("[retention]\nledger = \"500d\"\npools = \"499d\"", "config-invalid-value"),
        ("[policy]\nchannel_caps = { sms = \"1 per 31d\" }", "config-ledger-too-short"),
        ("[policy]\ncooldown = \"2d\"\n[retention]\nledger = \"1d\"", "config-ledger-too-short"),
        ("[retention]\nsegments = \"30d\"", "config-invalid-value"),
        ("[channels]\nsms = \"phone:\"", "config-invalid-value"),
        ("[limits]\ndepth = 1", "config-out-of-range"),
        ("[output]\nfile = \"\"", "config-invalid-value"),
        ("[output]\nfile = \"/no-such-file\"\n[source]\nfiles = [\"/no-such-file\"]", "config-same-file"),
        ("[source]\nfiles = [\"/no-such-file\"]\ndead_letters = \"/no-such-file\"", "config-same-file"),
        ("[[webhook]]\nurl = \"https://a.example\"", "config-missing-key"),
        ("[[webhook]]\nsecret = \"env:A\"", "config-missing-key"),
        ("[[webhook]]\nurl = \"ftp://a.example\"\nsecret = \"env:A\"", "config-invalid-value"),
        ("[[webhook]]\nurl = 1\nsecret = \"env:A\"", "config-wrong-type"),
        ("[[webhook]]\nurl = \"https://a.example\"\nsecret = \"whsec_MfKQ\"", "config-literal-secret"),
        ("[http]\nadmin_token = \"a-token\"", "config-literal-secret"),
        ("[webhook]\nurl = \"https://a.example\"", "config-wrong-type"),
        ("[engine\n", "config-syntax"),
    ];
    for (text, code) in cases {
        let found = problems(text);
        let codes: Vec<_> = found.iter().map(ConfigError::code).collect();
        assert!(codes.contains(&code), "{text}: {codes:?}");
        assert!(code == "config-syntax" || codes.len() == 1, "{text}: {codes:?}");
        assert!(!found[0].hint().is_empty());
    }
}

#[test]
fn two_webhooks_of_one_name_are_refused() {
    let one = "[[webhook]]\nurl = \"https://a.example/1\"\nsecret = \"env:A\"\n";
    let found = problems(&format!("{one}{one}"));
    assert_eq!((found[0].code(), found[0].line), ("config-twice", 4));
}

#[test]
fn a_wrong_webhook_is_still_read_to_its_end() {
    let found = problems("[[webhook]]\nsecret = \"whsec_x\"\ntimout = \"5s\"\nmax_queue = 0\n");
    let codes: Vec<_> = found.iter().map(ConfigError::code).collect();
    assert_eq!(
        codes,
        ["config-missing-key", "config-literal-secret", "config-unknown-key", "config-out-of-range"]
    );
}

#[test]
fn no_message_repeats_a_secret() {
    for text in [
        "[[webhook]]\nurl = \"https://a.example\"\nsecret = \"hunter2\"",
        "[http]\nadmin_token = \"hunter2\"",
        "[[webhook]]\nurl = \"https://me:hunter2@a.example\"\nsecret = \"env:A\"",
        "[[webhook]]\nurl = \"https://:hunter2@a.example\"\nsecret = \"env:A\"",
        "[[webhook]]\nurl = \"https://hunter2@a.example\"\nsecret = \"env:A\"",
        "[[webhook]]\nurl = \"https://a.example/#hunter2\"\nsecret = \"env:A\"",
    ] {
        for error in problems(text) {
            assert!(!format!("{error} {error:?} {}", error.hint()).contains("hunter2"));
        }
    }
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
}

#[test]
fn secrets_come_from_where_they_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "whsec_AAAA\n").unwrap();
    let environment = |name: &str| (name == "SET").then(|| "whsec_BBBB".to_owned());
    let resolve = |text: &str| SecretReference::parse(text, folder.path()).unwrap().resolve(environment);
    assert_eq!(resolve("file:key").unwrap().reveal(), "whsec_AAAA");
    assert_eq!(resolve("env:SET").unwrap().reveal(), "whsec_BBBB");
    assert_eq!(resolve("env:UNSET").unwrap_err().code(), "secret-not-set");
    assert_eq!(resolve("file:nothing").unwrap_err().code(), "secret-unreadable");
    for wrong in ["whsec_AAAA", "env:", "file:", "env:A B", "vault:x"] {
        assert_eq!(SecretReference::parse(wrong, folder.path()), None, "{wrong}");
    }
}

#[test]
fn a_file_that_is_not_there_is_a_problem_of_its_own() {
    let found = Config::load(Path::new("/nowhere/shopbell.toml")).unwrap_err();
    assert_eq!((found[0].code(), found[0].line), ("config-unreadable", 0));
}
