//! What two processes say to each other before anything else.
//!
//! | who | what |
//! |---|---|
//! | caller | `SBELLNET`, version, 32 random bytes, how many processes, from whom, to whom, what for, generation, life |
//! | callee | `SBELLNET`, version, 32 random bytes, HMAC-SHA256 of everything said so far |
//! | caller | HMAC-SHA256 of everything said so far |
//! | callee | one byte: come in, or why not |
//!
//! Invariant: each proves that it knows the secret by a message that only fits this conversation and its own
//! role; nothing is said to a stranger but 74 bytes that tell nothing of the secret. Nothing is allocated for what a
//! stranger sends. Cost: four messages.

use crate::config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MAGIC: [u8; 8] = *b"SBELLNET";
const VERSION: u16 = 1;
const NONCE: usize = 32;
const MAC: usize = 32;
const HELLO: usize = 8 + 2 + NONCE + 4 + 4 + 4 + 1 + 8 + 8;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// Between a member and the head.
    Link,
    /// Of the dataflow, between any two.
    Mesh,
}

/// What a caller says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) processes: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) purpose: Purpose,
    /// The generation it belongs to; 0 where it does not know yet.
    pub(super) generation: u64,
    /// The life of the dataflow within it.
    pub(super) life: u64,
}

/// What a callee says in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Come in.
    Welcome,
    /// The job has another number of processes.
    OtherNumber,
    /// This is another process than the one called.
    OtherProcess,
    /// The caller belongs to another generation or life.
    Stale,
    /// Not now: such a connection is there, or not waited for yet.
    NotNow,
}

impl Verdict {
    const ALL: [Verdict; 5] =
        [Verdict::Welcome, Verdict::OtherNumber, Verdict::OtherProcess, Verdict::Stale, Verdict::NotNow];

    /// In words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Verdict::Welcome => "welcome",
            Verdict::OtherNumber => "it belongs to a job with another number of processes",
            Verdict::OtherProcess => "it is another process than its line says",
            Verdict::Stale => "it is of another generation",
            Verdict::NotNow => "it does not wait for this process now",
        }
    }
}

/// Why a conversation ended without one of them being let in.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection.
    Io(io::Error),
    /// The other end talks of something else.
    Stranger,
    /// It does not know the secret.
    Secret,
    /// No random numbers.
    Random(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

impl Hello {
    fn bytes(&self, nonce: &[u8; NONCE]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HELLO);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(nonce);
        for number in [self.processes, self.from, self.to] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.push(match self.purpose {
            Purpose::Link => 0,
            Purpose::Mesh => 1,
        });
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(self.life.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; HELLO]) -> Option<Hello> {
        let mut rest = bytes.as_slice();
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at_checked(count)?;
            rest = left;
            Some(taken)
        };
        if take(8)? != MAGIC || take(2)? != VERSION.to_le_bytes() {
            return None;
        }
        take(NONCE)?;
        let mut number = || take(4)?.try_into().map(u32::from_le_bytes).ok();
        let (processes, from, to) = (number()?, number()?, number()?);
        let purpose = match take(1)? {
            [0] => Purpose::Link,
            [1] => Purpose::Mesh,
            _ => return None,
        };
        let mut number = || take(8)?.try_into().map(u64::from_le_bytes).ok();
        Some(Hello { processes, from, to, purpose, generation: number()?, life: number()? })
    }
}

fn nonce() -> Result<[u8; NONCE], Broken> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| Broken::Random(error.to_string()))?;
    Ok(nonce)
}

/// The proof of one role, over what was said.
fn proof(secret: &Secret, role: &[u8], said: &[u8]) -> Result<Hmac<Sha256>, Broken> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.reveal().as_bytes());
    let mut mac = mac.map_err(|_| Broken::Secret)?;
    mac.update(role);
    mac.update(said);
    Ok(mac)
}

const CALLEE: &[u8] = b"shopbell callee";
const CALLER: &[u8] = b"shopbell caller";

/// The caller's part: says who it is; gives what the other end said of it.
pub(super) async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    hello: &Hello,
    secret: &Secret,
) -> Result<Verdict, Broken> {
    let mut said = hello.bytes(&nonce()?);
    stream.write_all(&said).await?;
    let mut head = [0; 8 + 2 + NONCE];
    stream.read_exact(&mut head).await?;
    if !head.starts_with(&MAGIC) || head.get(8..10) != Some(&VERSION.to_le_bytes()) {
        return Err(Broken::Stranger);
    }
    said.extend(head);
    let mut theirs = [0; MAC];
    stream.read_exact(&mut theirs).await?;
    proof(secret, CALLEE, &said)?.verify_slice(&theirs).map_err(|_| Broken::Secret)?;
    said.extend(theirs);
    stream.write_all(&proof(secret, CALLER, &said)?.finalize().into_bytes()).await?;
    let verdict = usize::from(stream.read_u8().await?);
    Verdict::ALL.get(verdict).copied().ok_or(Broken::Stranger)
}

/// The callee's part: hears who calls, and lets `judge` say what becomes of it. The judge is asked only when the
/// caller has shown that it knows the secret.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    secret: &Secret,
    judge: impl FnOnce(&Hello) -> Verdict,
) -> Result<(Hello, Verdict), Broken> {
    let mut bytes = [0; HELLO];
    stream.read_exact(&mut bytes).await?;
    let hello = Hello::read(&bytes).ok_or(Broken::Stranger)?;
    let mut said = bytes.to_vec();
    said.extend(MAGIC);
    said.extend(VERSION.to_le_bytes());
    said.extend(nonce()?);
    let ours = proof(secret, CALLEE, &said)?.finalize().into_bytes();
    said.extend(ours);
    stream.write_all(said.get(HELLO..).unwrap_or_default()).await?;
    let mut theirs = [0; MAC];
    stream.read_exact(&mut theirs).await?;
    proof(secret, CALLER, &said)?.verify_slice(&theirs).map_err(|_| Broken::Secret)?;
    let verdict = judge(&hello);
    let place = Verdict::ALL.iter().position(|known| *known == verdict).unwrap_or_default();
    stream.write_u8(place as u8).await?;
    Ok((hello, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    const HELLO_1: Hello =
        Hello { processes: 3, from: 2, to: 1, purpose: Purpose::Mesh, generation: 77, life: 5 };

    async fn both(ours: &str, theirs: &str) -> (Result<Verdict, Broken>, Result<(Hello, Verdict), Broken>) {
        let (mut caller, mut callee) = duplex(1024);
        let (ours, theirs) = (Secret::new(ours), Secret::new(theirs));
        let calling = async {
            let called = call(&mut caller, &HELLO_1, &ours).await;
            drop(caller);
            called
        };
        let answering = async {
            let answered = answer(&mut callee, &theirs, |_| Verdict::Stale).await;
            drop(callee);
            answered
        };
        tokio::join!(calling, answering)
    }

    #[tokio::test]
    async fn who_knows_the_secret_is_heard() {
        let (called, answered) = both("a secret of some length", "a secret of some length").await;
        assert_eq!(called.unwrap(), Verdict::Stale);
        assert_eq!(answered.unwrap(), (HELLO_1, Verdict::Stale));
    }

    #[tokio::test]
    async fn who_does_not_is_not() {
        let (called, answered) = both("a secret of some length", "another one").await;
        assert!(matches!(called, Err(Broken::Secret)), "{called:?}");
        assert!(matches!(answered, Err(Broken::Io(_))), "{answered:?}");
    }

    /// A caller that has heard a whole conversation, and says it again.
    #[tokio::test]
    async fn what_was_overheard_does_not_help() {
        let secret = Secret::new("a secret of some length");
        let (mut caller, mut middle) = duplex(1024);
        let (mut wire, mut callee) = duplex(1024);
        let heard = async {
            let (mut there, mut back) = (vec![0; HELLO], vec![0; 8 + 2 + NONCE + MAC]);
            middle.read_exact(&mut there).await.unwrap();
            wire.write_all(&there).await.unwrap();
            wire.read_exact(&mut back).await.unwrap();
            middle.write_all(&back).await.unwrap();
            let mut proof = vec![0; MAC];
            middle.read_exact(&mut proof).await.unwrap();
            wire.write_all(&proof).await.unwrap();
            middle.write_u8(wire.read_u8().await.unwrap()).await.unwrap();
            (there, proof)
        };
        let (called, answered, (there, proof)) = tokio::join!(
            call(&mut caller, &HELLO_1, &secret),
            answer(&mut callee, &secret, |_| Verdict::Welcome),
            heard
        );
        assert!(called.is_ok() && answered.is_ok());
        let (mut again, mut callee) = duplex(1024);
        let said = async {
            again.write_all(&there).await.unwrap();
            let mut back = vec![0; 8 + 2 + NONCE + MAC];
            again.read_exact(&mut back).await.unwrap();
            again.write_all(&proof).await.unwrap();
        };
        let judged = |_: &Hello| panic!("a stranger is not judged");
        let (answered, ()) = tokio::join!(answer(&mut callee, &secret, judged), said);
        assert!(matches!(answered, Err(Broken::Secret)));
    }

    #[tokio::test]
    async fn noise_is_a_stranger_and_every_byte_of_the_hello_counts() {
        let secret = Secret::new("a secret of some length");
        let (mut noise, mut callee) = duplex(1024);
        noise.write_all(&[b'G'; HELLO]).await.unwrap();
        let answered = answer(&mut callee, &secret, |_| panic!("not judged")).await;
        assert!(matches!(answered, Err(Broken::Stranger)), "{answered:?}");
        let bytes: [u8; HELLO] = HELLO_1.bytes(&[7; NONCE]).try_into().unwrap();
        assert_eq!(Hello::read(&bytes), Some(HELLO_1));
        for place in (0..10).chain(42..HELLO) {
            let mut other = bytes;
            other[place] ^= 2;
            assert_ne!(Hello::read(&other), Some(HELLO_1), "byte {place}");
        }
    }
}
