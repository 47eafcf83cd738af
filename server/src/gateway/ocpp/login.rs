//! HTTP Basic login of stations. The user name is the identity in the address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::extract::ConnectInfo;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::client_ip::ClientIp;
use crate::gateway::Stations;
use crate::store::stations::StationAccount;

/// Tries a second for one identity from one address, after [`TRIES_AT_ONCE`].
const TRIES_PER_SECOND: NonZeroU32 = NonZeroU32::MIN;

/// Tries at once for one identity from one address.
const TRIES_AT_ONCE: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

/// Identities whose tries are remembered before idle ones are dropped.
const REMEMBERED: usize = 20_000;

/// Longest identity, in characters.
pub(super) const MAX_IDENTITY: usize = 48;

/// Why a station is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// No credentials, wrong ones, or nobody of that name.
    Unknown,
    /// Too many tries.
    TooOften,
    /// The database does not answer.
    OwnTrouble,
}

/// The logins and their rate limit. The limit is for an identity *and* an address: nobody can
/// lock another's station out, and a site behind one address is not one station.
pub(super) struct StationLogins {
    tries: DefaultKeyedRateLimiter<(IpAddr, String)>,
}

impl Default for StationLogins {
    fn default() -> Self {
        let quota = Quota::per_second(TRIES_PER_SECOND).allow_burst(TRIES_AT_ONCE);
        Self { tries: RateLimiter::keyed(quota) }
    }
}

impl StationLogins {
    /// Who wants to connect.
    pub async fn check(
        &self,
        stations: &Stations,
        identity: &str,
        request: &Parts,
    ) -> Result<StationAccount, Refused> {
        if identity.is_empty() || identity.chars().count() > MAX_IDENTITY {
            return Err(Refused::Unknown);
        }
        self.count_try(identity, request)?;
        let (user, password) = credentials(request).ok_or(Refused::Unknown)?;
        let found = stations.inner.store.station_by_identity(identity).await.map_err(|error| {
            tracing::error!(%error, "login not checked");
            Refused::OwnTrouble
        })?;
        let known = found.is_some();
        let account = found.unwrap_or_else(StationAccount::nobody);
        let right = account.accepts(&password);
        if known && right && user == identity.as_bytes() {
            Ok(account)
        } else {
            Err(Refused::Unknown)
        }
    }

    fn count_try(&self, identity: &str, request: &Parts) -> Result<(), Refused> {
        if self.tries.len() > REMEMBERED {
            self.tries.retain_recent();
        }
        // Behind a proxy all peers are one: what the proxy says of them tells them apart.
        let client = request.extensions.get::<ClientIp>().map(|ClientIp(address)| *address);
        let peer = || Some(request.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip());
        let address = client.or_else(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.tries.check_key(&(address, identity.to_owned())).map_err(|_| Refused::TooOften)
    }
}

/// User name and password of HTTP Basic.
fn credentials(request: &Parts) -> Option<(Vec<u8>, Vec<u8>)> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64.decode(encoded.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some((pair[..colon].to_vec(), pair[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn behind_a_proxy_nobody_locks_anothers_station_out() {
        let logins = StationLogins::default();
        let from = |client: [u8; 4]| {
            let mut request = Request::new(());
            let proxy = SocketAddr::from(([10, 0, 0, 1], 1));
            request.extensions_mut().insert(ConnectInfo(proxy));
            request.extensions_mut().insert(ClientIp(IpAddr::from(client)));
            request.into_parts().0
        };
        let guesser = from([198, 51, 100, 1]);
        let refused = (0..=TRIES_AT_ONCE.get()).map(|_| logins.count_try("CP1", &guesser)).last();
        assert_eq!(refused, Some(Err(Refused::TooOften)));
        assert_eq!(logins.count_try("CP1", &from([203, 0, 113, 7])), Ok(()));
    }
}
