//! Identities. Each kind has its own type, so that a rider's id never passes for an order's.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A company that runs sites; the tenant.
    OperatorId
);
id!(
    /// A place with stations, one tariff and one address.
    SiteId
);
id!(
    /// A device with one link and one or more sockets; OCPP's charge point identity.
    StationId
);
id!(
    /// One socket of a station.
    SocketId
);
id!(
    /// A rider, anonymous until a platform's id joins.
    RiderId
);
id!(
    /// An order: 20 characters of Crockford base32, so that it also serves as OCPP's `idTag`
    /// (at most 20 characters) and as the stem of the platforms' order numbers.
    OrderId
);
id!(
    /// One attempt to pay an order; the platforms' `out_trade_no`.
    PaymentId
);
id!(
    /// One refund of a payment; the platforms' `out_request_no`.
    RefundId
);
id!(
    /// What becomes of a hold: taken in part or let go; the platforms' idempotency key for it.
    CaptureId
);
id!(
    /// One immutable version of a site's tariff.
    TariffId
);
id!(
    /// A plan within a tariff.
    PlanId
);
id!(
    /// A partner that gets parts of what an operator's sites bring.
    PartyId
);
