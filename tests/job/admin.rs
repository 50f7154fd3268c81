//! Routes of operators, closed with a token.

use super::*;

const TOKEN: &str = "a-token-of-operators";
const STATE: &str = "[state]\nfolder = \"state\"\ncheckpoint_every = \"100ms\"\n";

/// All that shows what is personal or changes what is in force.
const CLOSED: [&str; 10] = [
    "GET /v1/offers/0123456789abcdef0123456789abcdef/why",
    "GET /v1/persons/phone:1",
    "GET /v1/webhooks",
    "POST /v1/webhooks/crm/replay",
    "POST /v1/webhooks/crm/drop",
    "GET /v1/rules",
    "POST /v1/rules/reload",
    "GET /v1/rules/shadow",
    "DELETE /v1/rules/shadow",
    "POST /v1/rules/rollback",
];

fn with_token(job: &Job, line: &str, token: &str) -> Answer {
    request_with(job.address, line, &format!("authorization: Bearer {token}\r\n"), "").unwrap()
}

fn code(answer: &Answer) -> String {
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(json["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{answer:?}");
    json["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_closed_route_answers_only_who_shows_the_token() {
    let config = format!("admin_token = \"env:ADMIN\"\n{STATE}");
    let job = Job::with(CHECKED_IN, &config, &[("ADMIN", TOKEN)]);
    for line in CLOSED {
        let refused = request(job.address, line, "").unwrap();
        assert_eq!((refused.status, code(&refused).as_str()), (401, "token-needed"), "{line}");
        assert!(refused.head.contains("www-authenticate: bearer\r\n"), "{refused:?}");
        for wrong in ["another-token-of-operators", "a-token-of-operator", "a-token-of-operators-", ""] {
            let refused = with_token(&job, line, wrong);
            assert_eq!(refused.status, 401, "{line} with {wrong}");
            assert!(refused.head.contains("www-authenticate: bearer\r\n"), "{refused:?}");
        }
        let basic = format!("authorization: Basic {TOKEN}\r\n");
        assert_eq!(request_with(job.address, line, &basic, "").unwrap().status, 401, "{line}");
        let two = format!("authorization: Bearer {TOKEN}\r\nauthorization: Bearer {TOKEN}x\r\n");
        assert_eq!(request_with(job.address, line, &two, "").unwrap().status, 401, "{line}");
        let answered = with_token(&job, line, TOKEN);
        assert!(answered.status != 401, "{line}: {answered:?}");
    }
    // Who does not show it has changed nothing.
    let rules =
        "[rule.other]\nwhen = \"checked_in\"\n[rule.other.offer]\ntitle = \"t\"\nchannels = [\"sms\"]\n";
    assert_eq!(request(job.address, "PUT /v1/rules/shadow", rules).unwrap().status, 401);
    assert_eq!(request(job.address, "POST /v1/rules/shadow/promote", "").unwrap().status, 401);
    assert_eq!(code(&with_token(&job, "GET /v1/rules/shadow", TOKEN)), "no-shadow");
    let header = format!("authorization: Bearer {TOKEN}\r\n");
    assert_eq!(request_with(job.address, "PUT /v1/rules/shadow", &header, rules).unwrap().status, 200);

    // Events go in, offers come out, and how the job is can be seen as before.
    job.accept(&[check_in("1", "phone:1")]);
    job.process.wait_for_offer("offer.made", "phone:1");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(job.get(path).status, 200, "{path}");
    }
    let mut stream = TcpStream::connect(job.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /v1/offers HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    drop(stream);

    // It stands nowhere: not in the log, not in anything that is kept.
    let process = job.stop();
    assert!(!process.log().contains(TOKEN), "{}", process.log());
    let mut folders = vec![process.path("")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()), "{path:?}");
            }
        }
    }
    assert!(files > 5, "{files}");
}

#[test]
fn commands_show_the_token() {
    let job = Job::with(CHECKED_IN, "admin_token = \"env:ADMIN\"\n", &[("ADMIN", TOKEN)]);
    job.accept(&[check_in("1", "phone:1")]);
    job.process.wait_for_offer("offer.made", "phone:1");
    let url = format!("http://{}", job.address);
    let file = job.process.path("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let from_file = format!("file:{}", file.display());
    let explain = ["explain", "--person", "phone:1", "--url", &url];
    let list = ["webhooks", "list", "--server", &url];
    let said = |command: &[&str], more: &[&str], environment: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(command)
            .args(more)
            .env_remove("SHOPBELL_TOKEN")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for command in [&explain[..], &list[..]] {
        let (status, error) = said(command, &[], &[]);
        assert!(status == 1 && error.contains("error[token-needed]"), "{error}");
        let (status, error) = said(command, &[], &[("SHOPBELL_TOKEN", "another-token-here")]);
        assert!(status == 1 && error.contains("error[token-wrong]"), "{error}");
        for (more, environment) in [
            (&[][..], &[("SHOPBELL_TOKEN", TOKEN)][..]),
            (&["--token", "env:MINE"], &[("MINE", TOKEN), ("SHOPBELL_TOKEN", "another-token-here")]),
            (&["--token", from_file.as_str()], &[]),
        ] {
            let (status, error) = said(command, more, environment);
            assert_eq!((status, error.as_str()), (0, ""), "{more:?}");
        }
        let (status, error) = said(command, &["--token", TOKEN], &[]);
        assert!(status == 2 && error.contains("error[literal-token]") && !error.contains(TOKEN), "{error}");
        let (status, error) = said(command, &["--token", "env:UNSET"], &[]);
        assert!(status == 2 && error.contains("error[secret-not-set]"), "{error}");
    }
    job.stop();
}

#[test]
fn a_job_without_its_token_does_not_start_and_an_open_one_says_so() {
    for (reference, value, code) in [
        ("env:ADMIN_UNSET", "", "secret-not-set"),
        ("file:no-such-file", "", "secret-unreadable"),
        ("env:ADMIN", "too-short", "secret-short"),
        ("env:ADMIN", "long-enough-as-a-token short", "secret-short"),
    ] {
        let config = format!("[http]\nlisten = \"127.0.0.1:0\"\nadmin_token = \"{reference}\"\n");
        let mut process = Process::start(CHECKED_IN, &config, &[], &[("ADMIN", value)]);
        assert_eq!(process.wait().code(), Some(2), "{}", process.log());
        process.wait_for_log(&format!("error[{code}]"));
    }
    for (listen, token, warned) in
        [("0.0.0.0:0", "", 1), ("0.0.0.0:0", "admin_token = \"env:ADMIN\"\n", 0), ("127.0.0.1:0", "", 0)]
    {
        let config = format!("output.file = \"off\"\n[http]\nlisten = \"{listen}\"\n{token}");
        let environment = [("ADMIN", "an-older-token-of-ours a-token-of-operators")];
        let process = Process::start(CHECKED_IN, &config, &[], &environment);
        let job = Job::found(process);
        let warnings = job.process.log().matches("set `[http] admin_token`").count();
        assert_eq!(warnings, warned, "{}", job.process.log());
        // An old token counts beside the new one.
        let address = SocketAddr::from(([127, 0, 0, 1], job.address.port()));
        let asked = |token: &str| {
            let header = format!("authorization: Bearer {token}\r\n");
            request_with(address, "GET /v1/rules", &header, "").unwrap().status
        };
        let expected = if token.is_empty() { [200; 3] } else { [200, 200, 401] };
        assert_eq!(["an-older-token-of-ours", TOKEN, "a-third-token-of-ours"].map(asked), expected);
        job.stop();
    }
}
