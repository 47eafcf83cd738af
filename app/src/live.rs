//! The live order as it travels to the page: small, whole, and sent anew at each change.

use serde::{Deserialize, Serialize};
use wasm_core::order::{CaptureStatus, Order, RefundStatus, State};
use wasm_core::tariff::{Bill, Usage};

use crate::parts::curve;

/// What a live page needs of an order. Each SSE event of `/api/v1/orders/{id}/events` is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveView {
    /// Names what the page is about; when it changes, the page is another one and is loaded anew.
    pub phase: String,
    /// The server's time, milliseconds UTC.
    pub now_ms: i64,
    /// How long current has flowed, in seconds.
    pub elapsed_s: i64,
    /// Power at the last reading, watts.
    pub power_w: i64,
    /// Energy so far, watt-hours.
    pub energy_wh: i64,
    /// Electricity so far, fen.
    pub electricity_fen: i64,
    /// Service fee so far, fen.
    pub service_fen: i64,
    /// What it costs if it ended now, fen.
    pub total_fen: i64,
    /// What would come back if it ended now, fen.
    pub refund_fen: i64,
    /// The power curve, as SVG path data within [`curve::WIDTH`] × [`curve::HEIGHT`].
    pub curve: String,
    /// Power at the curve's upper edge, watts.
    pub curve_top_w: i64,
}

impl LiveView {
    /// The view of an order and what is metered so far.
    pub fn of(order: &Order, progress: Option<(&Usage, &Bill)>, now_ms: i64) -> Self {
        let mut view = Self { phase: phase(order), now_ms, ..Self::default() };
        if let Some(session) = order.session() {
            view.elapsed_s = (now_ms - session.started_ms).max(0) / 1_000;
        }
        if let Some((usage, bill)) = progress {
            let powers = curve::powers(usage);
            view.power_w = powers.last().map_or(0, |(_, power_w)| *power_w);
            view.energy_wh = usage.energy_wh;
            view.electricity_fen = bill.electricity_fen.0;
            view.service_fen = bill.service_fen.0;
            view.total_fen = bill.total_fen.0;
            view.refund_fen = bill.refund_fen.0;
            view.curve_top_w = curve::top_w(&powers);
            view.curve = curve::path(&powers, view.curve_top_w);
        }
        view
    }
}

/// The order's state and whatever else changes the page: the device's answer, refunds and captures on
/// their way.
fn phase(order: &Order) -> String {
    let mut phase = order.state.name().to_owned();
    if let State::Starting { accepted: true, .. } = order.state {
        phase.push_str("+accepted");
    }
    for refund in &order.refunds {
        phase.push_str(match refund.status {
            RefundStatus::Pending => "+pending",
            RefundStatus::Done { .. } => "+done",
            RefundStatus::Parked => "+parked",
        });
    }
    for capture in &order.captures {
        phase.push_str(match capture.status {
            CaptureStatus::Pending => "+taking",
            CaptureStatus::Done { .. } => "+taken",
            CaptureStatus::Parked => "+untaken",
        });
    }
    phase
}
