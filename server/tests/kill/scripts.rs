//! What riders do, each to an end that must be the same whether the server dies or not.

use wasm_core::money::Fen;
use wasm_core::order::{CancelReason, StartFailure, State};

use crate::rider::{Rider, until};
use crate::world::{BRIEF, World};

/// Starts that may flow before a rider gets round to cancelling.
const TRIES: usize = 5;

/// What a rider does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Pays, charges, stops.
    Charge,
    /// The same, but the platform never tells of the payment.
    NotifyLost,
    /// Goes to the cashier and leaves.
    LeaveUnpaid,
    /// Pays for some seconds, and lets them pass.
    TimeUp,
    /// Pays, charges, stops; and complains when partners have their parts.
    Complain,
    /// Sets the price aside, charges, stops; the bill is taken of it.
    Hold,
    /// Pays, and cancels when the station has already accepted.
    CancelStarting,
}

impl Script {
    /// Each.
    pub const ALL: [Self; 7] = [
        Self::Charge,
        Self::NotifyLost,
        Self::CancelStarting,
        Self::TimeUp,
        Self::LeaveUnpaid,
        Self::Complain,
        Self::Hold,
    ];

    /// Plays it at a socket of its own.
    pub async fn play(self, world: &World, socket: usize) {
        let rider = Rider::new(world).await;
        match self {
            Self::Charge => charge(world, &rider, socket, "pay").await,
            Self::NotifyLost => charge(world, &rider, socket, "pay_lost").await,
            Self::TimeUp => time_up(world, &rider, socket).await,
            Self::Hold => hold(world, &rider, socket).await,
            Self::Complain => complain(world, &rider, socket).await,
            Self::LeaveUnpaid => leave_unpaid(world, &rider, socket).await,
            Self::CancelStarting => cancel_starting(world, &rider, socket).await,
        }
        rider.cancel_what_waits().await;
    }
}

async fn charge(world: &World, rider: &Rider, socket: usize, press: &str) {
    let order = rider.order(world, socket).await;
    rider.pay(&order, press).await;
    let order = rider.charge(&order).await;
    let State::Closed(settlement) = &order.state else { panic!("{:?}", order.state) };
    assert!(settlement.usage.energy_wh > 0, "{settlement:?}");
}

async fn hold(world: &World, rider: &Rider, socket: usize) {
    let order = rider.order(world, socket).await;
    rider.hold(world, &order).await;
    let order = rider.charge(&order).await;
    assert_eq!(order.captures.len(), 1, "{order:?}");
}

async fn complain(world: &World, rider: &Rider, socket: usize) {
    let order = rider.order(world, socket).await;
    rider.pay(&order, "pay").await;
    let charged = rider.charge(&order).await;
    let kept_fen = charged.kept_fen().expect("a bill");
    world.parts_arrived(&order).await;
    world.give_back(&charged, kept_fen).await;
    let over = rider.over(&order).await;
    assert_eq!(over.kept_fen(), Some(Fen::ZERO));
}

async fn time_up(world: &World, rider: &Rider, socket: usize) {
    let order = rider.order_plan(world, socket, BRIEF).await;
    rider.pay(&order, "pay").await;
    let order = rider.over(&order).await;
    assert!(matches!(order.state, State::Closed(_)), "{:?}", order.state);
}

async fn leave_unpaid(world: &World, rider: &Rider, socket: usize) {
    let order = rider.order(world, socket).await;
    rider.open_cashier(&order).await;
    rider.cancel(&order).await;
    let order = rider.over(&order).await;
    let State::Cancelled { reason, .. } = order.state else { panic!("{:?}", order.state) };
    assert_eq!((reason, order.payments.len()), (CancelReason::Rider, 0));
}

async fn cancel_starting(world: &World, rider: &Rider, socket: usize) {
    for _ in 0..TRIES {
        let order = rider.order(world, socket).await;
        rider.pay(&order, "pay").await;
        until("accepted", async || {
            let state = rider.see(&order).await.state;
            let waits = match state {
                State::AwaitingPayment { .. } => true,
                State::Starting { accepted, .. } => !accepted,
                _ => false,
            };
            if waits { Err(format!("{state:?}")) } else { Ok(()) }
        })
        .await;
        rider.cancel(&order).await;
        let over = rider.charge(&order).await;
        if let State::StartFailed { reason, .. } = over.state {
            assert_eq!(reason, StartFailure::Rider);
            // The station starts all the same; that must end, and cost nothing.
            return world.free_energy_ended(&order).await;
        }
    }
    panic!("current always flowed first");
}
