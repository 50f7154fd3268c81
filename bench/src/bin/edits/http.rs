//! One request at a time, over a connection of its own.

use crate::error::MeasureError;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Sends a request without a body, and wants this status.
pub(crate) fn expect(address: &str, head: &str, status: u16) -> Result<(), MeasureError> {
    let host = address.trim_start_matches("http://").trim_end_matches('/');
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        write!(stream, "{head} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| MeasureError::Void(format!("{head}: {error}")))?;
    if answer.split(' ').nth(1) == Some(status.to_string().as_str()) {
        Ok(())
    } else {
        Err(MeasureError::Void(format!("{head} was answered with {answer}")))
    }
}
