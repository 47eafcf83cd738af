//! What is in an operator's way.

use leptos::prelude::*;

use super::frame::outer_page;
use crate::lang::Lang;
use crate::text::admin::Admin;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No such page, order or job, or another operator's.
    NotFound,
    /// The user's role does not allow it.
    NotAllowed,
    /// The form came from elsewhere.
    BadForm,
    /// The order has moved on.
    TooLate,
    /// Our own trouble.
    Internal,
}

/// The page.
pub fn html(lang: Lang, trouble: Trouble) -> String {
    let words = &Admin::of(lang).trouble;
    let (title, advice) = match trouble {
        Trouble::NotFound => words.not_found,
        Trouble::NotAllowed => words.not_allowed,
        Trouble::BadForm => words.bad_form,
        Trouble::TooLate => words.too_late,
        Trouble::Internal => words.internal,
    };
    outer_page(lang, title.to_owned(), "/admin", move || {
        view! {
            <section class="card notice caution">
                <h1>{title}</h1>
                <p>{advice}</p>
            </section>
            <a class="button" href="/admin">
                {words.back}
            </a>
        }
    })
}
