//! Events that say nothing but what time it is: by the clock of events nothing else lets time go on, and a checkpoint is
//! whole only when it did.

use crate::error::MeasureError;
use shopbell_bench::generator::Mall;
use shopbell_bench::rfc3339::Rfc3339;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

/// Tells the job at an address that so many seconds have gone by since the end of its mall. The answer comes with the next
/// one, which ends this one's tick: until then the connection must stay.
pub(crate) fn beat(address: &str, seconds: u64) -> Result<TcpStream, MeasureError> {
    let (mall, mut time) = (Mall::default(), Vec::new());
    Rfc3339::default().write(mall.start_ms + mall.span_ms + 1000 * seconds, &mut time);
    let event = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"beat-{seconds}\",\"source\":\"recovery\",\"type\":\"sensor.beacon\",\
         \"subject\":\"device:beat\",\"time\":\"{}\",\"data\":{{\"beacon\":\"nowhere\",\"rssi\":-80}}}}",
        String::from_utf8_lossy(&time)
    );
    let post = || -> std::io::Result<TcpStream> {
        let mut connection = TcpStream::connect(address.trim_start_matches("http://"))?;
        write!(
            connection,
            "POST /v1/events HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/cloudevents+json\r\n\
             Content-Length: {}\r\n\r\n{event}",
            event.len()
        )?;
        Ok(connection)
    };
    post().map_err(MeasureError::io("talk to", Path::new(address)))
}
