//! Whether a login and a password are somebody's. Wrong ones and unknown ones cost the same time,
//! and nobody may try for long.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use crate::http::App;
use crate::http::rates::household;
use crate::password;
use crate::store::StoreError;
use crate::store::users::User;

/// Tries at once for one login from one address.
const TRIES_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");
/// After those, one more in this time.
const TRY_EVERY: Duration = Duration::from_secs(20);
/// Tries of one address at once, whatever the login: each costs a slow hash, for which everybody
/// else waits.
const ADDRESS_AT_ONCE: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// After those, in a second.
const ADDRESS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN;

/// Counters beyond which idle ones are dropped.
const REMEMBERED: usize = 20_000;
/// Passwords checked at one time: each takes 19 MiB and a core.
const CHECKS_AT_ONCE: usize = 2;
/// Longest login and password, in bytes; longer ones are nobody's.
const TYPED_MAX: usize = 1_024;

/// The hash of no password: what an unknown login is checked against.
static NOBODY: LazyLock<String> = LazyLock::new(|| password::hash(&crate::random::base32::<32>()));

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) enum Refused {
    /// The login or the password is wrong.
    Wrong,
    /// Too many tries.
    TooMany,
    /// The database does not answer.
    Store(StoreError),
}

/// Passwords and how often they may be tried. A limit is for a login *and* an address, and a wider
/// one for an address: nobody elsewhere can lock somebody out.
pub(super) struct Passwords {
    tries: DefaultKeyedRateLimiter<(String, Option<IpAddr>)>,
    addresses: DefaultKeyedRateLimiter<Option<IpAddr>>,
    checks: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        let quota = Quota::with_period(TRY_EVERY).expect("not zero").allow_burst(TRIES_AT_ONCE);
        let wide = Quota::per_second(ADDRESS_PER_SECOND).allow_burst(ADDRESS_AT_ONCE);
        Self {
            tries: RateLimiter::keyed(quota),
            addresses: RateLimiter::keyed(wide),
            checks: Semaphore::new(CHECKS_AT_ONCE),
        }
    }
}

impl Passwords {
    /// The user with this login and password.
    pub async fn check(
        &self,
        app: &App,
        address: Option<IpAddr>,
        login: &str,
        typed: String,
    ) -> Result<User, Refused> {
        if login.len().max(typed.len()) > TYPED_MAX {
            return Err(Refused::Wrong);
        }
        if self.tries.len() > REMEMBERED {
            self.tries.retain_recent();
        }
        if self.addresses.len() > REMEMBERED {
            self.addresses.retain_recent();
        }
        let address = address.map(household);
        if self.addresses.check_key(&address).is_err() {
            return Err(Refused::TooMany);
        }
        if self.tries.check_key(&(login.to_owned(), address)).is_err() {
            return Err(Refused::TooMany);
        }
        let user = app.store.user_by_login(login).await.map_err(Refused::Store)?;
        let hash = user.as_ref().map_or_else(|| NOBODY.clone(), |user| user.password_hash.clone());
        if self.fits(typed, hash).await { user.ok_or(Refused::Wrong) } else { Err(Refused::Wrong) }
    }

    /// Off the threads that serve everybody else.
    async fn fits(&self, typed: String, hash: String) -> bool {
        let _turn = self.checks.acquire().await.expect("never closed");
        let checked = tokio::task::spawn_blocking(move || password::verify(&typed, &hash));
        checked.await.unwrap_or(false)
    }
}
