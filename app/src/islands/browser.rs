//! The few things asked of the browser itself.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, EventSource, HtmlElement, MessageEvent, Window, XmlHttpRequest};

/// The name of the order's events.
const EVENT: &str = "order";

/// One second, in milliseconds.
const SECOND_MS: i32 = 1_000;

/// The browser's clock, milliseconds.
pub(super) fn now_ms() -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit 53 bits")]
    let now_ms = js_sys::Date::now() as i64;
    now_ms
}

/// The first element within `island` that `selector` finds.
pub(super) fn find(island: &Element, selector: &str) -> Option<HtmlElement> {
    island.query_selector(selector).ok().flatten().map(JsCast::unchecked_into)
}

/// Writes each text into the figure of its name.
pub(super) fn say(island: &Element, figures: &[(&str, String)]) {
    for (name, text) in figures {
        if let Some(figure) = find(island, &["[data-say=", name, "]"].concat()) {
            figure.set_text_content(Some(text));
        }
    }
}

/// Shows or hides what is meant for some times only.
pub(super) fn show(island: &Element, when: &str, shown: bool) {
    if let Some(part) = find(island, &["[data-when=", when, "]"].concat()) {
        part.set_hidden(!shown);
    }
}

fn window() -> Result<Window, JsValue> {
    web_sys::window().ok_or(JsValue::UNDEFINED)
}

/// Loads the page anew.
pub(super) fn reload() {
    // A refusal leaves the page as it is, which is all that can be done here.
    let _ = window().and_then(|window| window.location().reload());
}

/// Calls `what` when something within `island` was chosen or typed.
pub(super) fn on_change(island: &Element, what: impl Fn() + 'static) -> Result<(), JsValue> {
    let what = Closure::<dyn Fn()>::new(what).into_js_value();
    island.add_event_listener_with_callback("change", what.unchecked_ref())
}

/// Calls `what` each second.
pub(super) fn each_second(what: impl Fn() + 'static) -> Result<(), JsValue> {
    let what = Closure::<dyn Fn()>::new(what).into_js_value();
    let what = what.unchecked_ref();
    window()?.set_interval_with_callback_and_timeout_and_arguments_0(what, SECOND_MS).map(drop)
}

/// Listens to server-sent events as long as the page lives; the browser connects again by itself.
pub(super) fn follow(
    url: &str,
    on_event: impl Fn(&str) + 'static,
    on_lost: impl Fn() + 'static,
) -> Result<(), JsValue> {
    let source = EventSource::new(url)?;
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            on_event(&text);
        }
    });
    let on_message = on_message.into_js_value();
    source.add_event_listener_with_callback(EVENT, on_message.unchecked_ref())?;
    let on_lost = Closure::<dyn Fn()>::new(on_lost).into_js_value();
    source.set_onerror(Some(on_lost.unchecked_ref()));
    Ok(())
}

/// Fetches a text; `None` when it cannot be had.
pub(super) fn fetch(url: &str, then: impl Fn(Option<String>) + 'static) -> Result<(), JsValue> {
    const OK: u16 = 200;
    let request = XmlHttpRequest::new()?;
    request.open("GET", url)?;
    let answer = request.clone();
    let on_end = Closure::<dyn Fn()>::new(move || {
        let has_text = answer.status().is_ok_and(|status| status == OK);
        then(if has_text { answer.response_text().ok().flatten() } else { None });
    });
    request.set_onloadend(Some(on_end.into_js_value().unchecked_ref()));
    request.send()
}
