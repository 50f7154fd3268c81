//! One event as JSON, written by hand into a buffer that is used again.
//!
//! Invariant: only text that needs no escaping is ever written.
//! Cost: no allocation after the first few lines.

use crate::rfc3339::{Rfc3339, digits};

/// Under which handle something is seen.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// Nobody: stock and catalogue.
    None,
    /// A customer's member card.
    Card(u32),
    /// A customer's phone, as sensed in shops.
    Device(u32),
    /// One of a customer's browsers.
    Cookie(u32, u8),
}

/// Which event it is, and when it happened.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) sequence: u64,
    pub(super) time: u64,
}

/// The line being written.
#[derive(Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    moments: Rfc3339,
}

impl Line {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Starts an event anew, up to and with the brace that opens `data`.
    pub(super) fn open(&mut self, source: &str, kind: &str, stamp: Stamp, subject: Subject) {
        self.bytes.clear();
        self.text("{\"specversion\":\"1.0\",\"id\":\"").number(stamp.sequence);
        self.text("\",\"source\":\"mall/").text(source).text("\",\"type\":\"").text(kind);
        if !matches!(subject, Subject::None) {
            self.text("\",\"subject\":\"").handle(subject);
        }
        self.text("\",\"time\":\"");
        self.moments.write(stamp.time, &mut self.bytes);
        self.text("\",\"data\":{");
    }

    /// Ends the event and the line.
    pub(super) fn close(&mut self) {
        self.text("}}\n");
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.padded(number, 1)
    }

    /// A number with zeros in front, to at least `width` digits.
    pub(super) fn padded(&mut self, number: u64, width: usize) -> &mut Self {
        digits(&mut self.bytes, number, width);
        self
    }

    /// Cents as a decimal.
    pub(super) fn cents(&mut self, cents: u64) -> &mut Self {
        self.number(cents / 100).text(".").padded(cents % 100, 2)
    }

    pub(super) fn handle(&mut self, subject: Subject) -> &mut Self {
        match subject {
            Subject::None => self,
            Subject::Card(customer) => self.text("card:m").number(customer.into()),
            Subject::Device(customer) => self.text("device:d").number(customer.into()),
            Subject::Cookie(customer, browser) => {
                self.text("cookie:k").number(customer.into()).text("-").number(browser.into())
            }
        }
    }

    /// `"location":"shop-7"`.
    pub(super) fn location(&mut self, shop: u32) -> &mut Self {
        self.text("\"location\":\"shop-").number(u64::from(shop) + 1).text("\"")
    }

    /// The id of a beacon, as a locally administered MAC address.
    pub(super) fn beacon(&mut self, shop: u32, zone: u32, beacon: u32) -> &mut Self {
        self.text("02:5b:").hex(shop >> 8).text(":").hex(shop).text(":");
        self.hex(zone).text(":").hex(beacon)
    }

    fn hex(&mut self, byte: u32) -> &mut Self {
        for digit in [byte >> 4 & 15, byte & 15] {
            self.bytes.push(char::from_digit(digit, 16).map_or(b'0', |digit| digit as u8));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_event() {
        let mut line = Line::default();
        line.open("web", "web.search", Stamp { sequence: 7, time: 1_767_603_600_045 }, Subject::Cookie(3, 1));
        line.text("\"price\":").cents(1905).close();
        assert_eq!(
            String::from_utf8_lossy(line.bytes()),
            "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"mall/web\",\"type\":\"web.search\",\
             \"subject\":\"cookie:k3-1\",\"time\":\"2026-01-05T09:00:00.045Z\",\"data\":{\"price\":19.05}}\n"
        );
        line.open("web", "x", Stamp { sequence: 0, time: 0 }, Subject::None);
        line.beacon(300, 29, 3).close();
        assert!(String::from_utf8_lossy(line.bytes()).ends_with("{02:5b:01:2c:1d:03}}\n"));
    }
}
