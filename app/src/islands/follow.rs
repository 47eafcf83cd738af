//! The running order: follows the server's events and shows each as it comes.

use wasm_core::money::Fen;

use crate::figures::{clock, kwh_exact};
use crate::live::LiveView;

#[cfg(feature = "ssr")]
pub use on_server::{meter, wait};

/// The meter's figures by name.
fn figures(view: &LiveView) -> [(&'static str, String); 7] {
    let fen = |amount_fen: i64| Fen(amount_fen).to_string();
    [
        ("power", view.power_w.to_string()),
        ("top", view.curve_top_w.to_string()),
        ("energy", kwh_exact(view.energy_wh)),
        ("cost", fen(view.total_fen)),
        ("back", fen(view.refund_fen)),
        ("electricity", fen(view.electricity_fen)),
        ("service", fen(view.service_fen)),
    ]
}

/// Parts of the meter by name, and whether each is shown.
fn parts(view: &LiveView) -> [(&'static str, bool); 4] {
    let is_tiny = view.energy_wh > 0 && view.electricity_fen + view.service_fen == 0;
    let is_drawn = !view.curve.is_empty();
    [("cost", !is_tiny), ("tiny", is_tiny), ("drawn", is_drawn), ("undrawn", !is_drawn)]
}

/// How long it has run, as the meter shows it.
fn elapsed(elapsed_s: i64) -> (&'static str, String) {
    ("elapsed", clock(elapsed_s))
}

#[cfg(feature = "ssr")]
mod on_server {
    use leptos::prelude::*;

    use super::{elapsed, figures, parts};
    use crate::live::LiveView;
    use crate::parts::curve;
    use crate::text::Text;

    /// The meter of a running charge; `events` is where its news come from, `back` what the money is
    /// called that it would not use.
    pub fn meter(
        text: &'static Text,
        events: String,
        view: &LiveView,
        back_name: &'static str,
    ) -> impl IntoView + use<> {
        let words = &text.order;
        let [power, top, energy, cost, back, electricity, service] =
            figures(view).map(|(name, text)| {
                view! { <span class="figure" data-say=name>{text}</span> }
            });
        let [no_cost, no_tiny, no_drawn, no_undrawn] = parts(view).map(|(_, shown)| !shown);
        view! {
            <section
                class="meter"
                data-island="follow"
                data-events=events
                data-phase=view.phase.clone()
                data-elapsed=view.elapsed_s
            >
                <p class="power">
                    <span class="big">{power}</span>
                    <span class="unit">" W"</span>
                    <span class="label">{words.power}</span>
                </p>
                <figure class="curve">
                    <svg viewBox="0 -4 320 104" preserveAspectRatio="none" role="img" aria-label=words.curve_label>
                        <path class="grid" d="M0 0H320M0 48H320M0 96H320"/>
                        <path class="area" data-draw="area" d=curve::area(&view.curve)/>
                        <path class="line" data-draw="line" d=view.curve.clone()/>
                    </svg>
                    <figcaption>
                        <span data-when="drawn" hidden=no_drawn>{top} " W"</span>
                        <span data-when="undrawn" hidden=no_undrawn>{words.no_reading}</span>
                    </figcaption>
                </figure>
                <dl class="tiles">
                    <div><dt>{words.elapsed}</dt><dd class="figure" data-say="elapsed">{elapsed(view.elapsed_s).1}</dd></div>
                    <div><dt>{words.energy}</dt><dd>{energy} <small>" kWh"</small></dd></div>
                    <div>
                        <dt>{words.cost}</dt>
                        <dd>
                            <span data-when="cost" hidden=no_cost>{cost}</span>
                            <span data-when="tiny" hidden=no_tiny>{words.tiny}</span>
                        </dd>
                    </div>
                    <div class="back"><dt>{back_name}</dt><dd>{back}</dd></div>
                </dl>
                <p class="hint split">
                    {text.price.electricity} " " {electricity} " · " {text.price.service} " " {service}
                </p>
                <p class="stale" role="status" data-when="stale" hidden>{words.stale}</p>
            </section>
        }
    }

    /// A state that passes by itself: counts down to when the rider knows more, and follows along.
    /// `left_s` is in seconds; none = no countdown.
    pub fn wait(
        text: &'static Text,
        events: String,
        view: &LiveView,
        left_s: Option<i64>,
    ) -> impl IntoView + use<> {
        let left = left_s.map(|left_s| {
            view! {
                <p class="countdown">
                    <span class="figure big" data-say="left">{left_s}</span>
                    <span class="unit">" " {text.order.seconds_left}</span>
                </p>
            }
        });
        view! {
            <div
                data-island="follow"
                data-events=events
                data-phase=view.phase.clone()
                data-left=left_s
            >
                {left}
            </div>
        }
    }
}

#[cfg(feature = "browser")]
mod in_browser {
    use std::cell::Cell;
    use std::rc::Rc;

    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
    use web_sys::HtmlElement;

    use super::{elapsed, figures, parts};
    use crate::islands::browser::{self, each_second, find, now_ms, reload, say, show};
    use crate::json;
    use crate::live::LiveView;
    use crate::parts::curve;

    /// The phase in which time runs on the meter.
    const CHARGING: &str = "charging";

    /// Follows the order's events. When the page's subject changes, the page is loaded anew.
    ///
    /// # Errors
    /// The browser knows no server-sent events.
    #[wasm_bindgen]
    pub fn follow(island: HtmlElement) -> Result<(), JsValue> {
        let data = island.dataset();
        let seconds = |name| data.get(name).and_then(|text| text.parse::<i64>().ok());
        let phase = data.get("phase").unwrap_or_default();
        let events = data.get("events").unwrap_or_default();
        let loaded_ms = now_ms();
        let began_ms = Rc::new(Cell::new(loaded_ms - seconds("elapsed").unwrap_or(0) * 1_000));

        if phase == CHARGING {
            let (island, began_ms) = (island.clone(), Rc::clone(&began_ms));
            each_second(move || say(&island, &[elapsed((now_ms() - began_ms.get()) / 1_000)]))?;
        } else if let Some(left_s) = seconds("left") {
            let island = island.clone();
            each_second(move || {
                let left_s = (left_s - (now_ms() - loaded_ms) / 1_000).max(0);
                say(&island, &[("left", left_s.to_string())]);
            })?;
        }

        let lost = island.clone();
        let on_event = move |text: &str| {
            let Ok(view) = json::read::<LiveView>(text) else { return };
            if view.phase != phase {
                return reload();
            }
            began_ms.set(now_ms() - view.elapsed_s * 1_000);
            update(&island, &view);
        };
        browser::follow(&events, on_event, move || show(&lost, "stale", true))
    }

    fn update(island: &HtmlElement, view: &LiveView) {
        say(island, &figures(view));
        for (part, shown) in parts(view) {
            show(island, part, shown);
        }
        show(island, "stale", false);
        for (name, path) in [("line", &view.curve), ("area", &curve::area(&view.curve))] {
            if let Some(drawn) = find(island, &["[data-draw=", name, "]"].concat()) {
                // A path may have any text as its data.
                let _ = drawn.set_attribute("d", path);
            }
        }
    }
}
