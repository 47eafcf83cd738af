//! From what orders know to the view models of `app`.

use app::pages::rider::order::OrderPage;
use app::pages::rider::receipt::ReceiptPage;
use app::pages::rider::trouble::Blocked;
use app::parts::place::{Operator, Place};
use wasm_core::ids::RiderId;
use wasm_core::order::{Channel, State};

use crate::orders::{LiveOrder, OrderError, SocketView};

/// Where a socket is.
pub(super) fn place(socket: &SocketView) -> Place {
    Place {
        code: socket.code.clone(),
        station_name: socket.station_name.clone(),
        connector: socket.connector,
        site_name: socket.site_name.clone(),
        address: socket.address.clone(),
        operator: Operator {
            name: socket.operator_name.clone(),
            service_phone: socket.service_phone.clone(),
        },
    }
}

/// What keeps this rider from charging here; none if nothing does.
pub(super) fn blocked(socket: &SocketView, rider: Option<&RiderId>) -> Option<Blocked> {
    if let (Some(order), Some(holder)) = (&socket.held_by, &socket.held_by_rider)
        && Some(holder) == rider
    {
        return Some(Blocked::Own(order.clone()));
    }
    match socket.can_start() {
        Ok(()) => None,
        Err(OrderError::SocketBusy) if socket.status == "Reserved" => Some(Blocked::Unavailable),
        Err(OrderError::SocketBusy) => Some(Blocked::Busy),
        Err(OrderError::SocketFaulted) if socket.status == "Unavailable" => {
            Some(Blocked::Unavailable)
        }
        Err(OrderError::SocketFaulted) => Some(Blocked::Faulted),
        Err(_) => Some(Blocked::Offline),
    }
}

/// The page of an order.
pub(super) fn order(live: LiveOrder, now_ms: i64, channels: Vec<Channel>) -> OrderPage {
    OrderPage {
        place: place(&live.place),
        progress: live.progress.map(|progress| (progress.usage, progress.bill)),
        order: live.order,
        holds: false,
        now_ms,
        channels,
    }
}

/// The page of a receipt; none before the charge is settled.
pub(super) fn receipt(live: LiveOrder, now_ms: i64) -> Option<ReceiptPage> {
    let (State::Settled(settlement) | State::Closed(settlement)) = &live.order.state else {
        return None;
    };
    Some(ReceiptPage {
        settlement: settlement.clone(),
        place: place(&live.place),
        order: live.order,
        now_ms,
    })
}
