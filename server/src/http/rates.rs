//! How often one may ask. Numbers are high enough for a whole estate behind one address, and low
//! enough that guessing codes or flooding the database leads nowhere.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;
use super::rider;
use crate::client_ip::ClientIp;

/// How often, per second and at once; 0 per second = without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run, per second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// The rates of the rider's side. Device links and notifies are not counted here: they prove who
/// they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one address.
    pub address: Rate,
    /// Changing requests (POST, logins) of one rider, or of one address without a rider.
    pub changes: Rate,
    /// New riders from one address, however they are made.
    pub new_riders: Rate,
    /// Addresses of one client that lead nowhere (404): guesses.
    pub misses: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            address: Rate { per_second: 500, burst: 1_000 },
            changes: Rate { per_second: 2, burst: 30 },
            new_riders: Rate { per_second: 5, burst: 100 },
            misses: Rate { per_second: 1, burst: 60 },
        }
    }
}

/// Counters beyond which old ones are swept.
const KEYS_MAX: usize = 100_000;

/// The counters behind [`Rates`]. Cheap to clone.
#[derive(Clone)]
pub(super) struct Limiter {
    address: Counter<IpAddr>,
    changes: Counter<String>,
    new_riders: Counter<IpAddr>,
    misses: Counter<IpAddr>,
}

/// A counter for each key; none = without limit.
type Counter<K> = Option<Arc<DefaultKeyedRateLimiter<K>>>;

impl Limiter {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            address: counter(rates.address),
            changes: counter(rates.changes),
            new_riders: counter(rates.new_riders),
            misses: counter(rates.misses),
        }
    }
}

fn counter<K: Hash + Eq + Clone>(rate: Rate) -> Counter<K> {
    let per_second = NonZeroU32::new(rate.per_second)?;
    let burst = NonZeroU32::new(rate.burst).unwrap_or(per_second);
    Some(Arc::new(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))))
}

/// Counts one more of `key`; too many is a problem that says when to come back.
fn count<K: Hash + Eq + Clone>(
    counter: Option<&Arc<DefaultKeyedRateLimiter<K>>>,
    key: &K,
) -> Result<(), Problem> {
    let Some(counter) = counter else { return Ok(()) };
    if counter.len() > KEYS_MAX {
        counter.retain_recent();
    }
    counter.check_key(key).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        Problem::too_many(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    })
}

/// Leave to make a rider, counted by the address that asks. Pages make riders too, and only they
/// know when; so the middleware hands this on and the maker asks.
#[derive(Clone, Default)]
pub(super) struct Newcomers(Option<(Limiter, IpAddr)>);

impl Newcomers {
    /// Counts one more rider.
    ///
    /// # Errors
    /// Too many lately.
    pub(super) fn admit(&self) -> Result<(), Problem> {
        let Some((limiter, address)) = &self.0 else { return Ok(()) };
        count(limiter.new_riders.as_ref(), address)
            .inspect_err(|_| metrics::counter!("http_requests_limited_total").increment(1))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Newcomers {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Who counts as one: an IPv4 address, or the IPv6 network of one household, which has more
/// addresses than could ever be counted.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

/// Middleware of the rider's side.
pub(super) async fn limit(
    State(limiter): State<Limiter>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(&ClientIp(address)) = request.extensions().get::<ClientIp>() else {
        return next.run(request).await;
    };
    let address = household(address);
    if let Err(problem) = admit(&limiter, &request, address) {
        metrics::counter!("http_requests_limited_total").increment(1);
        return problem.into_response();
    }
    request.extensions_mut().insert(Newcomers(Some((limiter.clone(), address))));
    let response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND
        && let Err(problem) = count(limiter.misses.as_ref(), &address)
    {
        return problem.into_response();
    }
    response
}

fn admit(limiter: &Limiter, request: &Request, address: IpAddr) -> Result<(), Problem> {
    count(limiter.address.as_ref(), &address)?;
    // Coming back from a login asks the platform, as a POST may.
    let changes = request.method() == Method::POST || request.uri().path().starts_with("/login/");
    if !changes {
        return Ok(());
    }
    // Counted where the rider is made.
    if request.uri().path() == "/api/v1/riders" {
        return Ok(());
    }
    let who = rider::rate_key(request.headers()).unwrap_or_else(|| address.to_string());
    count(limiter.changes.as_ref(), &who)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_counts_as_one() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::4"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
