//! `/admin/login`.

use leptos::prelude::*;

use super::frame::outer_page;
use crate::lang::Lang;
use crate::text::admin::Admin;

/// What became of the last try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The login or the password is wrong; the page does not say which.
    Wrong,
    /// Too many tries.
    TooMany,
}

/// The page; `refused` after a try that failed, `typed` is the login of that try.
pub fn html(lang: Lang, refused: Option<Refused>, typed: String) -> String {
    let words = &Admin::of(lang).login;
    outer_page(lang, words.title.to_owned(), "/admin/login", move || {
        let why = refused.map(|refused| {
            let why = match refused {
                Refused::Wrong => words.wrong,
                Refused::TooMany => words.too_many,
            };
            view! {
                <p id="why" class="stale" role="alert">
                    {why}
                </p>
            }
        });
        let described = refused.map(|_| "why");
        view! {
            <section class="headline">
                <h1>{words.title}</h1>
            </section>
            <form class="card login" method="post" action="/admin/login">
                {why}
                <label for="login">{words.login}</label>
                <input
                    id="login"
                    name="login"
                    value=typed
                    required
                    maxlength="64"
                    autocomplete="username"
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby=described
                />
                <label for="password">{words.password}</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    required
                    maxlength="256"
                    autocomplete="current-password"
                    aria-describedby=described
                />
                <button class="button main">{words.go}</button>
                <p class="hint">{words.help}</p>
            </form>
        }
    })
}
