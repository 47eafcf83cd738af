//! Money set aside: the button for it, and what becomes of it, so much taken and the rest let go.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::{Capture, CaptureStatus, Order, Payment};

use crate::parts::place::Tone;
use crate::parts::time;
use crate::text::Text;

/// The button that sets `amounts` aside in place of paying them.
pub fn button(text: &'static Text, amounts: impl IntoView) -> impl IntoView {
    view! {
        <button class="button hold" name="pay" value="hold">
            {text.hold.button}
            <small>{text.hold.button_before} " " {amounts} {text.hold.button_after}</small>
        </button>
    }
}

/// Each hold that is over or about to be, with what is taken and its stage.
pub fn list(text: &'static Text, order: &Order, now_ms: i64) -> impl IntoView + use<> {
    let rows: Vec<_> =
        order.captures.iter().map(|capture| row(text, order, capture, now_ms)).collect();
    (!rows.is_empty()).then(|| view! { <ul class="refunds">{rows}</ul> })
}

fn row(
    text: &'static Text,
    order: &Order,
    capture: &Capture,
    now_ms: i64,
) -> impl IntoView + use<> {
    let of = |payment: &&Payment| payment.id == capture.payment_id;
    let held_fen = order.payments.iter().find(of).map_or(Fen::ZERO, |hold| hold.amount_fen);
    let (stage, tone) = match capture.status {
        CaptureStatus::Pending => (text.hold.pending.to_owned(), Tone::Quiet),
        CaptureStatus::Done { at_ms } => {
            let offset = order.terms.tariff.utc_offset_minutes;
            ((text.hold.done)(&time::when(text, at_ms, now_ms, offset)), Tone::Good)
        }
        CaptureStatus::Parked => (text.hold.parked.to_owned(), Tone::Caution),
    };
    view! {
        <li>
            <span>{sentence(text, held_fen, capture.amount_fen)}</span>
            <b class="figure">{capture.amount_fen.to_string()}</b>
            <span class=format!("stage {}", tone.class())>{stage}</span>
        </li>
    }
}

/// What becomes of a hold, in one sentence.
pub fn sentence(text: &Text, held_fen: Fen, taken_fen: Fen) -> String {
    let held = held_fen.to_string();
    if taken_fen == Fen::ZERO {
        return (text.hold.all_released)(&held);
    }
    (text.hold.sum)(&held, &taken_fen.to_string(), &(held_fen - taken_fen).to_string())
}
