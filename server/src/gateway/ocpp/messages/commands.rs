//! What we ask of stations.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A question to a station and its answer.
pub trait Command: Serialize + Send + Sync {
    /// OCPP's name for it.
    const ACTION: &'static str;
    /// What comes back.
    type Answer: DeserializeOwned + Send;
}

macro_rules! command {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? } -> $answer:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Command for $name {
            const ACTION: &'static str = stringify!($name);
            type Answer = $answer;
        }
    };
}

command!(
    /// Start a charge.
    RemoteStartTransaction {
        /// Which socket, from 1.
        connector_id: i64,
        /// For whom: the order's id.
        id_tag: String,
    } -> Status<Accepted>
);
command!(
    /// End a charge.
    RemoteStopTransaction {
        /// Which.
        transaction_id: i64,
    } -> Status<Accepted>
);
command!(
    /// Restart.
    Reset {
        /// At once or in good order.
        r#type: ResetType,
    } -> Status<Accepted>
);
command!(
    /// Set a configuration key.
    ChangeConfiguration {
        /// Which key.
        key: String,
        /// Its value.
        value: String,
    } -> Status<ConfigurationStatus>
);
command!(
    /// Read configuration keys; none means all.
    GetConfiguration {
        /// Which keys.
        key: Vec<String>,
    } -> Configuration
);
command!(
    /// Ask for a message now.
    TriggerMessage {
        /// Which message.
        requested_message: String,
    } -> Status<TriggerStatus>
);
command!(
    /// Put a socket, or with 0 the station, into or out of use.
    ChangeAvailability {
        /// Which socket.
        connector_id: i64,
        /// Into or out of use.
        r#type: AvailabilityType,
    } -> Status<AvailabilityStatus>
);
command!(
    /// Open a socket's lock.
    UnlockConnector {
        /// Which socket.
        connector_id: i64,
    } -> Status<UnlockStatus>
);

/// An answer that is one word.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Status<S> {
    /// The word.
    pub status: S,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Accepted {
    /// It will try.
    Accepted,
    /// It will not.
    Rejected,
}

/// How to restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ResetType {
    /// At once.
    Hard,
    /// After ending its transactions.
    Soft,
}

/// What became of a configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ConfigurationStatus {
    /// Set.
    Accepted,
    /// Refused.
    Rejected,
    /// Set, from the next restart on.
    RebootRequired,
    /// The station has no such key.
    NotSupported,
}

/// What became of a wish for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TriggerStatus {
    /// It will come.
    Accepted,
    /// Not now.
    Rejected,
    /// Not this one.
    NotImplemented,
}

/// Into or out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AvailabilityType {
    /// Out of use.
    Inoperative,
    /// Into use.
    Operative,
}

/// What became of a change of availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AvailabilityStatus {
    /// Done.
    Accepted,
    /// Refused.
    Rejected,
    /// After the running charge.
    Scheduled,
}

/// What became of an unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum UnlockStatus {
    /// Open.
    Unlocked,
    /// Stuck.
    UnlockFailed,
    /// It has no lock.
    NotSupported,
}

/// A station's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// The keys asked for.
    #[serde(default)]
    pub configuration_key: Vec<ConfigurationKey>,
    /// Keys the station does not have.
    #[serde(default)]
    pub unknown_key: Vec<String>,
}

/// One configuration key.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigurationKey {
    /// Its name.
    pub key: String,
    /// Whether it cannot be set.
    pub readonly: bool,
    /// Its value.
    #[serde(default)]
    pub value: Option<String>,
}
