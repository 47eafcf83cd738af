//! A plain message: what is the matter, what it means for the money, what to do.

use leptos::prelude::*;

use crate::parts::place::Tone;
use crate::text::{Notice, Text};

/// A notice with its heading at level 1.
pub fn notice(tone: Tone, notice: &'static Notice, detail: Option<String>) -> impl IntoView {
    view! {
        <section class=format!("card notice {}", tone.class())>
            <h1>{notice.title}</h1>
            {detail.map(|detail| view! { <p><b>{detail}</b></p> })}
            <p>{notice.body}</p>
            <p>{notice.advice}</p>
        </section>
    }
}

/// A field to type a scan code, which works without script.
pub fn code_form(text: &'static Text, typed: &str) -> impl IntoView + use<> {
    view! {
        <form class="card code" method="get" action="/s">
            <label for="code">{text.trouble.code_label}</label>
            <input
                id="code"
                name="code"
                value=typed.to_owned()
                required
                minlength="12"
                maxlength="20"
                autocomplete="off"
                autocapitalize="characters"
                spellcheck="false"
                inputmode="text"
                placeholder="XXXX-XXXX-XXXX"
            />
            <button class="button main">{text.trouble.code_go}</button>
        </form>
    }
}
