//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, version `v1`.
//!
//! Invariant: keys are never shown. Several secrets, separated by white space, sign side by side, so
//! that a receiver's secret can be changed without losing a message.

use crate::config::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write as _;

/// Signs messages to one receiver.
#[derive(Clone)]
pub(super) struct Signer(Vec<Hmac<Sha256>>);

impl Signer {
    /// From `whsec_` texts; `None` where there is none or one is not of that form, or shorter than 24
    /// or longer than 64 bytes, the bounds of the specification.
    pub(super) fn new(secret: &Secret) -> Option<Self> {
        let key = |text: &str| {
            let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
            (24..=64).contains(&bytes.len()).then(|| Hmac::new_from_slice(&bytes).ok()).flatten()
        };
        let keys: Option<Vec<_>> = secret.reveal().split_ascii_whitespace().map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(Signer)
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let mut signature = String::new();
        for key in &self.0 {
            let mut mac = key.clone();
            mac.update(format!("{id}.{unix_seconds}.").as_bytes());
            mac.update(body);
            let separator = if signature.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(signature, "{separator}v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        }
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own test suites, computed again with Python's `hmac`.
    #[test]
    fn the_known_signature_comes_out() {
        let signer = Signer::new(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature =
            signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let two = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = Signer::new(&Secret::new(format!("{one} {two}"))).unwrap().sign("a", 1, b"{}");
        let each = [one, &two].map(|text| Signer::new(&Secret::new(text)).unwrap().sign("a", 1, b"{}"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_?"] {
            assert!(Signer::new(&Secret::new(text)).is_none(), "{text}");
        }
    }
}
