//! How platforms are reached: directly, without a proxy, and redirects are not followed. What they
//! are told is signed for them alone.

use std::time::Duration;

use reqwest::{Client, redirect};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client whose calls take at most `timeout`.
///
/// # Errors
/// The TLS library cannot be set up.
pub(super) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}
