//! One HTTP/1 connection, opened by hand.

use crate::error::LoadError;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) type Body = Full<Bytes>;

/// Where the engine is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: String,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, LoadError> {
        let wrong = || LoadError::Address { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") {
            return Err(wrong());
        }
        let host = uri.host().ok_or_else(wrong)?;
        Ok(Target { address: format!("{host}:{}", uri.port_u16().unwrap_or(80)) })
    }

    pub(crate) async fn connect(&self) -> Result<SendRequest<Body>, LoadError> {
        let address = || self.address.clone();
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|error| LoadError::Connect { address: address(), error })?;
        // A batch must leave when it is written, not when the next one comes.
        stream.set_nodelay(true).map_err(|error| LoadError::Connect { address: address(), error })?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| LoadError::Http { address: address(), error })?;
        // Its end is seen by the next request.
        tokio::spawn(connection);
        Ok(sender)
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Request<Body>, LoadError> {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.body(Full::new(Bytes::from(body)))?)
    }
}
