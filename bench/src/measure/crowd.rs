//! Customers who each have one article in the cart, and a rule about them.
//!
//! Prices go from 0 to 99, so that a threshold that moves by 20 moves the answers of a fifth of all.

use super::error::MeasureError;
use crate::rfc3339::Rfc3339;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Everybody.
pub struct Crowd {
    /// How many they are.
    pub customers: u64,
}

impl Crowd {
    /// Writes what they did an hour ago.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), MeasureError> {
        let then = SystemTime::now() - Duration::from_secs(3600);
        let since = then.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut time = Vec::new();
        Rfc3339::default().write(u64::try_from(since.as_millis()).unwrap_or_default(), &mut time);
        let time = String::from_utf8_lossy(&time).into_owned();
        let write = || -> std::io::Result<()> {
            let mut out = BufWriter::new(std::fs::File::create(path)?);
            let envelope = |kind: &str, id: u64, rest: &str| {
                format!(
                    r#"{{"specversion":"1.0","id":"{id}","source":"crowd/{kind}","type":"{kind}","time":"{time}",{rest}}}"#
                )
            };
            for price in 0..100 {
                let rest = format!(
                    r#""data":{{"item_id":"article-{price}","name":"Article {price}","price":{price}}}"#
                );
                writeln!(out, "{}", envelope("catalog.item", price, &rest))?;
            }
            for customer in 0..self.customers {
                // Neighbours do not want the same.
                let article = customer.wrapping_mul(37) % 100;
                let rest = format!(
                    r#""subject":"card:{customer}","data":{{"items":[{{"item_id":"article-{article}"}}]}}"#
                );
                writeln!(out, "{}", envelope("web.add_to_cart", customer, &rest))?;
            }
            out.flush()
        };
        write().map_err(MeasureError::io("write", path))
    }
}

/// The rule that speaks to those whose article costs at least so much.
pub fn rule(threshold: u64) -> String {
    format!(
        "[rule.dear]\nwhen = \"cart_abandoned\"\nidle = \"1m\"\nper = \"item\"\nwhere = \"item.price >= {threshold}\"\n\
         score = \"item.price\"\nbackfill = \"send\"\n[rule.dear.offer]\ntitle = \"{{{{ item.name }}}} is still in your cart\"\n\
         valid = \"7d\"\n"
    )
}
