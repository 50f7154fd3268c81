//! One event as JSON, written by hand into a buffer that is used again.
//!
//! Invariant: only text that needs no escaping is ever written.
//! Cost: no allocation after the first few lines; the date is worked out once a day of event time.

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
    /// Days since 1970 that `date` shows.
    day: Option<u64>,
    date: Vec<u8>,
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
        self.text("\",\"time\":\"").time(stamp.time);
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

    /// A number with zeros in front, to at least `width` digits (20 at most).
    pub(super) fn padded(&mut self, mut number: u64, width: usize) -> &mut Self {
        let mut digits = [b'0'; 20];
        let mut count = 0;
        for digit in digits.iter_mut().rev() {
            if number == 0 && count >= width {
                break;
            }
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            count += 1;
        }
        self.bytes.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
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

    fn time(&mut self, time: u64) {
        let day = time / 86_400_000;
        if self.day != Some(day) {
            let kept = self.bytes.len();
            let (year, month, day_of_month) = civil(day);
            self.padded(year, 4).text("-").padded(month, 2).text("-").padded(day_of_month, 2);
            self.date = self.bytes.split_off(kept);
            self.day = Some(day);
        }
        self.bytes.extend_from_slice(&self.date);
        let ms = time % 86_400_000;
        self.text("T").padded(ms / 3_600_000, 2).text(":").padded(ms / 60_000 % 60, 2);
        self.text(":").padded(ms / 1000 % 60, 2).text(".").padded(ms % 1000, 3).text("Z");
    }
}

/// Year, month and day of a day since 1970.
fn civil(day: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, day);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_458), (2026, 1, 5));
        assert_eq!(civil(20_453), (2025, 12, 31));
    }

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
