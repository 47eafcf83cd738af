//! What stations tell and ask us: one function an action, chosen by the action's name.

mod device;
mod station;
mod transactions;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

pub(super) use self::device::Device;
use super::frame::{Call, ErrorCode, Refusal};

/// What a handler decided.
pub(super) enum Outcome {
    /// Answer with this.
    Answer(Value),
    /// Answer with the protocol's error.
    Refuse(Refusal),
    /// Our own trouble: close the link, so that the station keeps its message and comes again. A
    /// refusal would count as a try, and after some tries the station drops a bill for good.
    Trouble(String),
}

/// A handled call.
pub(super) struct Done {
    /// The call's id.
    pub id: String,
    /// What to answer.
    pub outcome: Outcome,
    /// What to do once the answer is sent.
    pub then: Option<BoxFuture<'static, ()>>,
}

/// Actions that carry a bill: once parked they are confirmed, or they would block the queue of
/// the station for ever.
const BILL_ACTIONS: [&str; 2] = ["StopTransaction", "MeterValues"];

/// Actions of the protocol that only we may send, or that we have no use for.
const NOT_FOR_US: [&str; 19] = [
    "CancelReservation",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLocalListVersion",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
    "SecurityEventNotification",
];

/// Handles a call. A handler that panics costs neither the link nor the process: the message is
/// parked.
pub(super) async fn handle(device: Arc<Device>, call: Call) -> Done {
    let Call { id, action, payload } = call;
    let mut then = None;
    let work = AssertUnwindSafe(dispatch(&device, &action, &payload, &mut then)).catch_unwind();
    let outcome = match work.await {
        Ok(outcome) => outcome,
        Err(panic) => park(&device, &action, &payload, &panic_words(&*panic)).await,
    };
    Done { id, outcome, then }
}

async fn dispatch(
    device: &Arc<Device>,
    action: &str,
    payload: &Value,
    then: &mut Option<BoxFuture<'static, ()>>,
) -> Outcome {
    if action != "BootNotification" && !device.booted() {
        let refusal = Refusal::new(ErrorCode::SecurityError, "BootNotification comes first");
        return Outcome::Refuse(refusal);
    }
    let done = match action {
        "BootNotification" => station::boot(device, payload).await,
        "Heartbeat" => Ok(station::heartbeat(device).await),
        "StatusNotification" => station::status(device, payload).await,
        "Authorize" => station::authorize(device, payload).await,
        "DataTransfer" => Ok(json!({"status": "UnknownVendorId"})),
        "DiagnosticsStatusNotification" | "FirmwareStatusNotification" => Ok(json!({})),
        "StartTransaction" => transactions::start(device, payload).await,
        "StopTransaction" => transactions::stop(device, payload).await,
        "MeterValues" => transactions::meter_values(device, payload, then).await,
        _ if NOT_FOR_US.contains(&action) => Err(refused(ErrorCode::NotSupported, action)),
        _ => Err(refused(ErrorCode::NotImplemented, action)),
    };
    done.map_or_else(std::convert::identity, Outcome::Answer)
}

/// What a handler returns: the answer's payload, or another outcome.
type Handled = Result<Value, Outcome>;

fn refused(code: ErrorCode, action: &str) -> Outcome {
    let action: String = action.chars().take(50).collect();
    Outcome::Refuse(Refusal::new(code, format!("{action} is not handled here")))
}

/// Keeps a message that broke its handler. The bills that are safe with us are confirmed.
async fn park(device: &Device, action: &str, payload: &Value, panic: &str) -> Outcome {
    tracing::error!(identity = device.identity(), action, panic, "handler panicked; parked");
    metrics::counter!("ocpp_parked_total").increment(1);
    if let Err(trouble) = device.keep(action, payload, &format!("panic: {panic}")).await {
        return trouble;
    }
    if BILL_ACTIONS.contains(&action) {
        return Outcome::Answer(json!({}));
    }
    Outcome::Refuse(Refusal::new(ErrorCode::InternalError, "kept for a person to look at"))
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "?".to_owned())
}
