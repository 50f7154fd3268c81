//! Listens to the engine's offers and tells how long each took.

use crate::connection::Target;
use crate::error::LoadError;
use crate::event;
use crate::schedule::Ledger;
use crate::send::{histogram, microseconds};
use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What was heard.
pub(crate) struct Heard {
    pub(crate) made: u64,
    pub(crate) withdrawn: u64,
    /// Offers none of whose causes was sent from here.
    pub(crate) foreign: u64,
    /// Messages that are no CloudEvent.
    pub(crate) unreadable: u64,
    /// Whether the stream ended before the measurement did.
    pub(crate) cut_off: bool,
    /// From when the latest cause was due to when the offer was here.
    pub(crate) made_after: Histogram<u64>,
    /// The same for withdrawals that name their causes.
    pub(crate) withdrawn_after: Histogram<u64>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Data<'a>,
}

#[derive(Deserialize, Default)]
struct Data<'a> {
    #[serde(borrow, default)]
    because: Because<'a>,
}

#[derive(Deserialize, Default)]
struct Because<'a> {
    #[serde(borrow, default)]
    events: Vec<Cause<'a>>,
}

#[derive(Deserialize)]
struct Cause<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// A listener at work.
pub(crate) struct Listener {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Heard>,
}

impl Listener {
    pub(crate) async fn stop(self) -> Result<Heard, LoadError> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

/// Opens the stream, and returns when the engine has answered.
pub(crate) async fn listen(
    target: &Target,
    channel: Option<&str>,
    ledger: Arc<Ledger>,
) -> Result<Listener, LoadError> {
    let mut connection = target.connect().await?;
    let headers = [("accept", "text/event-stream")];
    let path = channel.map_or("/v1/offers".to_owned(), |channel| format!("/v1/offers?channel={channel}"));
    let request = target.request(Method::GET, &path, &headers, Vec::new())?;
    let response = connection
        .send_request(request)
        .await
        .map_err(|error| LoadError::Http { address: "GET /v1/offers".to_owned(), error })?;
    if !response.status().is_success() {
        return Err(LoadError::Offers { status: response.status() });
    }
    let heard = Heard::new()?;
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        // The connection lives as long as its handle.
        let _connection = connection;
        hear(response.into_body(), stopped, &ledger, heard).await
    });
    Ok(Listener { stop, task })
}

async fn hear(
    mut body: Incoming,
    mut stopped: oneshot::Receiver<()>,
    ledger: &Ledger,
    mut heard: Heard,
) -> Heard {
    let mut stream = EventStream::default();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = &mut stopped => return heard,
        };
        let received = Instant::now();
        match frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(&[][..], |bytes| bytes);
                stream.feed(bytes, &mut |message| heard.take(message, received, ledger));
            }
            Some(Err(_)) | None => {
                heard.cut_off = true;
                return heard;
            }
        }
    }
}

impl Heard {
    fn new() -> Result<Self, LoadError> {
        Ok(Heard {
            made: 0,
            withdrawn: 0,
            foreign: 0,
            unreadable: 0,
            cut_off: false,
            made_after: histogram()?,
            withdrawn_after: histogram()?,
        })
    }

    fn take(&mut self, message: &[u8], received: Instant, ledger: &Ledger) {
        let Ok(message) = serde_json::from_slice::<Message<'_>>(message) else {
            self.unreadable += 1;
            return;
        };
        let causes = message.data.because.events;
        let due = ledger.latest_due(causes.iter().map(|cause| event::key(&cause.source, &cause.id)));
        let after = due.map(|due| microseconds(received.saturating_duration_since(due)));
        match (message.kind.as_ref(), after) {
            ("offer.made", Some(after)) => {
                self.made += 1;
                self.made_after.saturating_record(after);
            }
            ("offer.made", None) => {
                self.made += 1;
                self.foreign += 1;
            }
            ("offer.withdrawn", after) => {
                self.withdrawn += 1;
                // A withdrawal need not name its causes.
                if let Some(after) = after {
                    self.withdrawn_after.saturating_record(after);
                }
            }
            _ => {}
        }
    }
}

/// Server-sent events from pieces of any size: the `data` of each, lines joined.
#[derive(Default)]
struct EventStream {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl EventStream {
    fn feed(&mut self, bytes: &[u8], message: &mut dyn FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.pop_if(|byte| *byte == b'\n').is_none() {
                continue;
            }
            self.line.pop_if(|byte| *byte == b'\r');
            if self.line.is_empty() {
                if let Some(data) = self.data.take() {
                    message(&data);
                }
            } else if let Some(text) = self.line.strip_prefix(b"data:") {
                let text = text.strip_prefix(b" ").unwrap_or(text);
                match &mut self.data {
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(text);
                    }
                    None => self.data = Some(text.to_vec()),
                }
            }
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let stream =
            b": hello\r\nid: 1\nevent: offer\ndata: {\"a\":\ndata:1}\n\nretry: 5\n\ndata: two\r\n\r\n";
        for size in 1..stream.len() {
            let mut events = EventStream::default();
            let mut messages = Vec::new();
            for piece in stream.chunks(size) {
                events.feed(piece, &mut |message| messages.push(message.to_vec()));
            }
            assert_eq!(messages, [b"{\"a\":\n1}".to_vec(), b"two".to_vec()], "pieces of {size}");
        }
    }
}
