//! Who may ask for what is personal and change what is in force: whoever shows the token of `[http] admin_token`.
//!
//! Invariant: where a token is set, a guarded route does nothing before the request has shown it; how far a wrong one
//! agrees cannot be told from the time it takes. Several tokens, separated by white space, count side by side, so that
//! one can be changed for another. Cost: two hashes a request and token.

use super::error::ApiError;
use crate::config::Secret;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Lets a request through that shows the token; every one where there is none.
pub(super) async fn guard(State(token): State<Option<Secret>>, request: Request, next: Next) -> Response {
    let allowed = token.as_ref().map_or(Ok(()), |token| check(token, request.headers()));
    match allowed {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let mut response = error.into_response();
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
    }
}

fn check(token: &Secret, headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |code, message: &str| {
        let hint = "send `Authorization: Bearer TOKEN` with the token of `[http] admin_token`";
        Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message, hint))
    };
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let shown = match (shown.next(), shown.next()) {
        (Some(one), None) => bearer(one.as_bytes()),
        _ => None,
    };
    match shown {
        None => refused("token-needed", "this route asks for a token"),
        Some(shown) if is_same(token, shown) => Ok(()),
        Some(_) => refused("token-wrong", "the token is not the one of this job"),
    }
}

/// What stands behind `Bearer `, in whatever case that is written.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether it is one of the tokens, in a time that does not depend on where they differ.
fn is_same(token: &Secret, shown: &[u8]) -> bool {
    let digest = |text: &[u8]| {
        // A key of any length is one.
        let mac = Hmac::<Sha256>::new_from_slice(b"shopbell admin token").ok()?;
        Some(mac.chain_update(text))
    };
    let agrees = |token: &str| {
        let (Some(ours), Some(theirs)) = (digest(token.as_bytes()), digest(shown)) else { return false };
        theirs.verify_slice(&ours.finalize().into_bytes()).is_ok()
    };
    token.reveal().split_ascii_whitespace().fold(false, |same, token| agrees(token) | same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Secret::new("s3cret-token\nnewer-token");
        for (shown, same) in [
            ("s3cret-token", true),
            ("newer-token", true),
            ("s3cret-token\nnewer-token", false),
            ("s3cret-toke", false),
            ("s3cret-token1", false),
            ("S3cret-token", false),
            ("", false),
        ] {
            assert_eq!(is_same(&token, shown.as_bytes()), same, "{shown}");
        }
    }

    #[test]
    fn a_bearer_is_read_and_nothing_else() {
        for (value, token) in [
            ("Bearer a", Some("a")),
            ("bearer  a ", Some("a")),
            ("Bearer ", Some("")),
            ("Bearer", None),
            ("Basic a", None),
            ("Bearer\ta", None),
            ("a", None),
        ] {
            assert_eq!(bearer(value.as_bytes()), token.map(str::as_bytes), "{value}");
        }
    }
}
