//! What we ask of stations, as typed calls, each with three results: yes, no, unknown.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;
use wasm_core::ids::{OrderId, StationId};

use super::messages::commands::{
    Accepted, AvailabilityStatus, AvailabilityType, ChangeAvailability, ChangeConfiguration,
    Command, Configuration, ConfigurationStatus, GetConfiguration, RemoteStartTransaction,
    RemoteStopTransaction, Reset, ResetType, TriggerMessage, TriggerStatus, UnlockConnector,
    UnlockStatus,
};
use crate::gateway::Stations;
use crate::gateway::stations::{Outgoing, Reply};
use crate::orders::{Answer, Chargers, CommandAnswer, Unsure};

/// The code of a refusal of our own: the station has no link, and nothing was sent.
pub const OFFLINE: &str = "Offline";

/// The code of a refusal of our own: too many commands wait for the station.
pub const BUSY: &str = "Busy";

impl Stations {
    /// Asks a station.
    ///
    /// # Errors
    /// `No`: it refused as a whole, or nothing was sent ([`OFFLINE`], [`BUSY`]). `Unknown`: it was
    /// sent and no readable answer came.
    pub async fn ask<C: Command>(&self, station: &StationId, command: &C) -> Answer<C::Answer> {
        let payload =
            serde_json::to_value(command).map_err(|error| no("Unwritable", error.to_string()))?;
        let commands = self.inner.links.commands(station).ok_or_else(offline)?;
        let (reply, answer) = oneshot::channel();
        let outgoing = Outgoing { action: C::ACTION, payload, reply };
        commands
            .try_send(Box::new(outgoing))
            .map_err(|_| no(BUSY, "too many commands wait for the station"))?;
        // A command may first wait for another one's answer.
        let patience = 2 * self.inner.timing.answer_within;
        match timeout(patience, answer).await {
            Ok(Ok(Reply::Result(payload))) => read_answer::<C>(&payload),
            Ok(Ok(Reply::Error { code, description })) => Err(error_answer(code, description)),
            Ok(Ok(Reply::Silence)) | Err(_) => Err(Unsure::Unknown("no answer".to_owned())),
            Ok(Err(_)) => Err(offline()),
        }
    }

    /// Restarts a station.
    ///
    /// # Errors
    /// See [`Self::ask`]; so for all that follow.
    pub async fn reset(&self, station: &StationId, how: ResetType) -> Answer<Accepted> {
        Ok(self.ask(station, &Reset { r#type: how }).await?.status)
    }

    /// Sets a configuration key.
    pub async fn change_configuration(
        &self,
        station: &StationId,
        key: &str,
        value: &str,
    ) -> Answer<ConfigurationStatus> {
        let command = ChangeConfiguration { key: key.to_owned(), value: value.to_owned() };
        Ok(self.ask(station, &command).await?.status)
    }

    /// Reads configuration keys; none means all.
    pub async fn configuration(
        &self,
        station: &StationId,
        keys: Vec<String>,
    ) -> Answer<Configuration> {
        self.ask(station, &GetConfiguration { key: keys }).await
    }

    /// Asks for a message now.
    pub async fn trigger(&self, station: &StationId, message: &str) -> Answer<TriggerStatus> {
        let command = TriggerMessage { requested_message: message.to_owned() };
        Ok(self.ask(station, &command).await?.status)
    }

    /// Puts a socket, or with 0 the station, into or out of use.
    pub async fn change_availability(
        &self,
        station: &StationId,
        connector: i64,
        to: AvailabilityType,
    ) -> Answer<AvailabilityStatus> {
        let command = ChangeAvailability { connector_id: connector, r#type: to };
        Ok(self.ask(station, &command).await?.status)
    }

    /// Opens a socket's lock.
    pub async fn unlock(&self, station: &StationId, connector: i64) -> Answer<UnlockStatus> {
        Ok(self.ask(station, &UnlockConnector { connector_id: connector }).await?.status)
    }
}

impl Chargers for Stations {
    fn is_online(&self, station: &StationId) -> bool {
        self.online(station)
    }

    fn start<'a>(
        &'a self,
        station: &'a StationId,
        connector: i64,
        order: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        let command =
            RemoteStartTransaction { connector_id: connector, id_tag: order.as_str().to_owned() };
        Box::pin(async move {
            if !self.online(station) {
                return Ok(CommandAnswer::Offline);
            }
            command_answer(self.ask(station, &command).await.map(|answer| answer.status))
        })
    }

    fn stop<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        Box::pin(async move {
            let answer = self.ask(station, &RemoteStopTransaction { transaction_id }).await;
            command_answer(answer.map(|answer| answer.status))
        })
    }
}

fn command_answer(answer: Answer<Accepted>) -> Answer<CommandAnswer> {
    match answer {
        Ok(Accepted::Accepted) => Ok(CommandAnswer::Accepted),
        Ok(Accepted::Rejected) => Ok(CommandAnswer::Rejected),
        Err(Unsure::No { code, .. }) if code == OFFLINE => Ok(CommandAnswer::Offline),
        Err(unsure) => Err(unsure),
    }
}

fn read_answer<C: Command>(payload: &Value) -> Answer<C::Answer> {
    C::Answer::deserialize(payload)
        .map_err(|error| Unsure::Unknown(format!("{} answered oddly: {error}", C::ACTION)))
}

/// A station that says what is wrong with our words did nothing; one that broke may have.
fn error_answer(code: String, description: String) -> Unsure {
    match code.as_str() {
        "InternalError" | "GenericError" => Unsure::Unknown(format!("{code} {description}")),
        _ => Unsure::No { code, message: description },
    }
}

fn no(code: &str, message: impl Into<String>) -> Unsure {
    Unsure::No { code: code.to_owned(), message: message.into() }
}

fn offline() -> Unsure {
    no(OFFLINE, "the station has no link")
}
