//! A receiver of webhooks that answers as it is told and keeps what came.

use super::SECRET;
use crate::recovery::kills::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answers {
    With(u16),
    /// With 200, after so many milliseconds.
    Slowly(u64),
    /// Mostly well; else 500, 429, nothing in time, or a connection that breaks before or after the body.
    AtRandom,
}

/// A request whose body came whole.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) id: String,
    pub(super) body: String,
    /// Whether it was answered with 2xx.
    pub(super) taken: bool,
}

struct State {
    answers: Answers,
    random: Random,
    arrivals: Vec<Arrival>,
    /// What went wrong on purpose, by kind.
    faults: BTreeMap<&'static str, u32>,
}

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(super) fn start(answers: Answers, seed: u64) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (random, arrivals, faults) = (Random(seed), Vec::new(), BTreeMap::new());
        let state = Arc::new(Mutex::new(State { answers, random, arrivals, faults }));
        let shared = Arc::clone(&state);
        // They end with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Receiver { address, state }
    }

    pub(super) fn answer(&self, answers: Answers) {
        self.state.lock().unwrap().answers = answers;
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.state.lock().unwrap().arrivals.clone()
    }

    pub(super) fn faults(&self) -> BTreeMap<&'static str, u32> {
        self.state.lock().unwrap().faults.clone()
    }

    /// How often each message was answered with 2xx.
    pub(super) fn taken(&self) -> BTreeMap<String, u32> {
        let mut taken = BTreeMap::new();
        for arrival in self.arrivals().into_iter().filter(|arrival| arrival.taken) {
            *taken.entry(arrival.id).or_default() += 1;
        }
        taken
    }
}

/// One request on a connection; an error where the other end is gone.
fn serve(stream: &TcpStream, shared: &Mutex<State>) -> std::io::Result<()> {
    let fault = {
        let mut state = shared.lock().unwrap();
        let fault = match (state.answers, state.random.below(40)) {
            (Answers::With(_) | Answers::Slowly(_), _) => None,
            (Answers::AtRandom, 0) => Some("broken before"),
            (Answers::AtRandom, 1) => Some("broken after"),
            (Answers::AtRandom, 2) => Some("late"),
            (Answers::AtRandom, 3..=5) => Some("500"),
            (Answers::AtRandom, 6) => Some("429"),
            (Answers::AtRandom, _) => None,
        };
        fault.iter().for_each(|fault| *state.faults.entry(fault).or_default() += 1);
        fault
    };
    if fault == Some("broken before") {
        return Ok(());
    }
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_ascii_lowercase(), value.to_owned())),
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let Some(length) = headers.get("content-length") else { return Ok(()) };
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body)?;
    verify(&headers, &body);
    let mut state = shared.lock().unwrap();
    let status = match (fault, state.answers) {
        (None, Answers::With(status)) => status,
        (None, Answers::Slowly(_)) => 200,
        (None, Answers::AtRandom) => 204,
        (Some("500"), _) => 500,
        (Some("429"), _) => 429,
        _ => 0,
    };
    let (id, body) = (headers["webhook-id"].clone(), String::from_utf8(body).unwrap());
    state.arrivals.push(Arrival { id, body, taken: (200..300).contains(&status) });
    let answers = state.answers;
    drop(state);
    if let Answers::Slowly(milliseconds) = answers {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }
    if fault == Some("late") {
        std::thread::sleep(Duration::from_millis(400));
    }
    let mut stream = stream;
    match status {
        0 => Ok(()),
        _ => write!(stream, "HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

/// A wrong signature ends the connection, so that the message never counts as taken.
fn verify(headers: &BTreeMap<String, String>, body: &[u8]) {
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", headers["webhook-id"], headers["webhook-timestamp"]).as_bytes());
    mac.update(body);
    let signature = headers["webhook-signature"].strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
}
