//! The connection between a member and the head.
//!
//! Invariant: messages arrive whole and in order; each end hears something of the other at least once a second, so
//! that silence means a process that stopped, a machine that is gone or a cut line; that is noticed within
//! [`SILENCE`], and told once. What waits to be sent is bounded by what the dataflow has under way. Cost: two
//! threads a link.

use crate::stored::{decode, encode};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest silence.
const SILENCE: Duration = Duration::from_secs(5);
/// Where nothing is said, an empty frame says that one is there.
const BEAT: Duration = Duration::from_secs(1);
/// Messages that may wait to be sent.
const QUEUE: usize = 64;
/// Bytes of one message at most.
const LARGEST: u32 = 1 << 30;
/// Room that is made at once for what is announced but has not come.
const STEP: usize = 1 << 20;

/// Its sending side. Clones share it.
#[derive(Clone)]
pub(crate) struct Link {
    frames: Sender<Vec<u8>>,
    /// Ends when everything was sent.
    sent: Receiver<()>,
    /// No end of the connection is news any more.
    closed: Arc<AtomicBool>,
}

impl Link {
    /// Takes a connection into use. `heard` gets each message, on a thread of its own; `lost` is told, once, if the
    /// other end is gone before this one closed the link.
    pub(crate) fn start<M: DeserializeOwned>(
        stream: TcpStream,
        mut heard: impl FnMut(M) + Send + 'static,
        lost: impl Fn(String) + Send + Sync + 'static,
    ) -> io::Result<Link> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        let (mut reader, mut writer) = (stream.try_clone()?, stream);
        let (frames, queue) = bounded::<Vec<u8>>(QUEUE);
        let closed = Arc::new(AtomicBool::new(false));
        let lost = Arc::new(Told { once: AtomicBool::new(false), closed: Arc::clone(&closed), lost });
        let told = Arc::clone(&lost);
        let (sending, sent) = bounded(0);
        std::thread::Builder::new().name("shopbell-link-out".to_owned()).spawn(move || {
            let _sending: Sender<()> = sending;
            let ended = loop {
                let written = match queue.recv_timeout(BEAT) {
                    Ok(frame) => send(&mut writer, &frame),
                    Err(RecvTimeoutError::Timeout) => send(&mut writer, &[]),
                    Err(RecvTimeoutError::Disconnected) => break None,
                };
                if let Err(error) = written {
                    break Some(error);
                }
            };
            match ended {
                None => {
                    // The other end reads to here; it may be gone already.
                    let _ = writer.shutdown(Shutdown::Write);
                }
                Some(error) => told.tell(&error),
            }
        })?;
        std::thread::Builder::new().name("shopbell-link-in".to_owned()).spawn(move || {
            let error = loop {
                match receive(&mut reader) {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => match decode("a message", &bytes) {
                        Ok(message) => heard(message),
                        Err(error) => break io::Error::new(ErrorKind::InvalidData, error),
                    },
                    Err(error) => break error,
                }
            };
            lost.tell(&error);
        })?;
        Ok(Link { frames, sent, closed })
    }

    /// Sends a message; waits while too many wait. An error where the link is lost, which was told already.
    pub(crate) fn send<M: Serialize>(&self, message: &M) -> Result<(), String> {
        let frame = encode("a message", message).map_err(|error| error.to_string())?;
        self.frames.send(frame).map_err(|_| "the link is lost".to_owned())
    }

    /// From now on the end of the connection is no news.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Sends what waits, as far as that is done in time; at once where this is the last of its clones.
    pub(crate) fn finish(self, within: Duration) {
        let Link { frames, sent, .. } = self;
        drop(frames);
        // Either way nothing more can be done.
        let _ = sent.recv_timeout(within);
    }
}

struct Told<F> {
    once: AtomicBool,
    closed: Arc<AtomicBool>,
    lost: F,
}

impl<F: Fn(String)> Told<F> {
    fn tell(&self, error: &io::Error) {
        if !self.closed.load(Ordering::Acquire) && !self.once.swap(true, Ordering::AcqRel) {
            (self.lost)(match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    format!("nothing was heard of it for {} s", SILENCE.as_secs())
                }
                ErrorKind::UnexpectedEof => "its connection ended".to_owned(),
                _ => error.to_string(),
            });
        }
    }
}

fn send(writer: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).ok().filter(|length| *length <= LARGEST);
    let length =
        length.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a message that is too large"))?;
    let length = length.to_le_bytes();
    if frame.len() <= 4096 {
        return writer.write_all(&[&length, frame].concat());
    }
    writer.write_all(&length)?;
    writer.write_all(frame)
}

fn receive(reader: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LARGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "a message that is too large"));
    }
    let (length, mut bytes) = (length as usize, Vec::new());
    while bytes.len() < length {
        let have = bytes.len();
        bytes.resize(length.min(have + STEP), 0);
        reader.read_exact(bytes.get_mut(have..).unwrap_or_default())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::Instant;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let calling = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (calling, listener.accept().unwrap().0)
    }

    #[test]
    fn messages_come_whole_and_in_order_and_the_end_is_told_once() {
        let (here, there) = pair();
        let ((heard, hears), (lost, loses)) = (mpsc::channel(), mpsc::channel());
        let _listens = Link::start(
            there,
            move |message: Vec<u64>| heard.send(message).unwrap(),
            move |reason| lost.send(reason).unwrap(),
        )
        .unwrap();
        let speaks = Link::start(here, |_: Vec<u64>| (), |_| ()).unwrap();
        for size in [0_usize, 1, 600, 300_000, 2] {
            speaks.send(&vec![size as u64; size]).unwrap();
        }
        for size in [0_usize, 1, 600, 300_000, 2] {
            assert_eq!(hears.recv().unwrap(), vec![size as u64; size]);
        }
        drop(speaks);
        assert_eq!(loses.recv().unwrap(), "its connection ended");
        assert!(loses.recv_timeout(Duration::from_millis(100)).is_err());
    }

    #[test]
    fn silence_is_told_in_time_and_a_beat_breaks_it() {
        let (here, there) = pair();
        let (quiet, silent) = pair();
        let (lost, loses) = mpsc::channel();
        let of_silent = lost.clone();
        let _silent = Link::start(silent, |_: u8| (), move |reason| of_silent.send((1, reason)).unwrap());
        let _idle = Link::start(there, |_: u8| (), move |reason| lost.send((2, reason)).unwrap()).unwrap();
        let _beats = Link::start(here, |_: u8| (), |_| ()).unwrap();
        let began = Instant::now();
        assert_eq!(loses.recv().unwrap(), (1, "nothing was heard of it for 5 s".to_owned()));
        assert!(began.elapsed() > Duration::from_secs(4) && began.elapsed() < Duration::from_secs(9));
        assert!(matches!(loses.try_recv(), Err(mpsc::TryRecvError::Empty)));
        drop(quiet);
    }

    #[test]
    fn a_closed_link_may_end_without_a_word_and_noise_may_not() {
        let (here, there) = pair();
        let (lost, loses) = mpsc::channel();
        let link = Link::start(there, |_: u8| (), move |reason| lost.send(reason).unwrap()).unwrap();
        link.close();
        drop(here);
        assert!(matches!(
            loses.recv_timeout(Duration::from_millis(200)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)
        ));
        for noise in [&[255_u8; 64][..], &[1, 0, 0, 0][..], &[2, 0, 0, 0, 7, 7][..]] {
            let (mut here, there) = pair();
            let (lost, loses) = mpsc::channel();
            let _link =
                Link::start(there, |_: Vec<u8>| (), move |reason| lost.send(reason).unwrap()).unwrap();
            here.write_all(noise).unwrap();
            drop(here);
            loses.recv_timeout(Duration::from_secs(3)).unwrap();
        }
    }
}
