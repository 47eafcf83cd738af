//! What stands round every page of the operator: who is logged in, the ways, the way out.

use leptos::prelude::*;

use crate::lang::Lang;
use crate::render::{Frame, Manner, PageHead, brand, page_under, switch_language};
use crate::text::Text;
use crate::text::admin::Admin;

/// The style sheet of these pages, beside the common one: riders never load it.
const STYLE: &str = "/static/admin.css";

/// Who is logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// Whom the user works for.
    pub operator_name: String,
    /// The name the user logged in with.
    pub login: String,
    /// What the user may do; buttons without a right are not shown.
    pub rights: Rights,
}

/// What a user may do beyond looking.
#[expect(clippy::struct_excessive_bools, reason = "each right is granted by itself")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// End a running charge.
    pub stop_charges: bool,
    /// Try again what was given up.
    pub retry_jobs: bool,
    /// Read the books.
    pub read_books: bool,
    /// Decide what becomes of differences with the platforms' bills.
    pub decide_cases: bool,
    /// Give riders money back after the bill.
    pub give_back: bool,
    /// Say who gets parts of what a site brings.
    pub share_rules: bool,
}

/// One of the pages that the navigation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The first page.
    Overview,
    /// The books.
    Books,
    /// Partners' parts.
    Splits,
}

/// A page for somebody who is logged in; `path` is the page's own.
pub(super) fn staff_page<V: IntoView + 'static>(
    lang: Lang,
    staff: Staff,
    (title, path): (String, String),
    room: Option<Room>,
    view: impl FnOnce() -> V + 'static,
) -> String {
    let (text, words) = (Text::of(lang), Admin::of(lang));
    let head = head(title, &path, Frame::Wide);
    page_under(lang, head, Some(STYLE), move || top(text, words, &staff, &path, room), view)
}

/// A page for nobody in particular.
pub(super) fn outer_page<V: IntoView + 'static>(
    lang: Lang,
    title: String,
    path: &'static str,
    view: impl FnOnce() -> V + 'static,
) -> String {
    let (text, words) = (Text::of(lang), Admin::of(lang));
    let top = move || {
        view! {
            <header class="top">
                {brand(text, "/admin", words.frame.room)} <nav>{switch_language(text, path)}</nav>
            </header>
        }
    };
    page_under(lang, head(title, path, Frame::Column), Some(STYLE), top, view)
}

fn head(title: String, path: &str, frame: Frame) -> PageHead {
    PageHead { title, path: path.to_owned(), operator: None, manner: Manner::Still, frame }
}

fn top(
    text: &'static Text,
    words: &'static Admin,
    staff: &Staff,
    path: &str,
    room: Option<Room>,
) -> impl IntoView + use<> {
    let here = move |link: Room| (room == Some(link)).then_some("page");
    let books = staff.rights.read_books.then(|| {
        view! {
            <a href="/admin/books" aria-current=here(Room::Books)>
                {words.frame.books}
            </a>
            <a href="/admin/splits" aria-current=here(Room::Splits)>
                {words.splits.title}
            </a>
        }
    });
    view! {
        <header class="top staff">
            {brand(text, "/admin", words.frame.room)}
            <nav aria-label=words.frame.nav>
                <a href="/admin" aria-current=here(Room::Overview)>
                    {words.frame.overview}
                </a>
                {books}
                {switch_language(text, path)}
            </nav>
            <form class="leave" method="post" action="/admin/logout">
                <span class="hint">{staff.login.clone()}</span>
                <button class="link">{words.frame.log_out}</button>
            </form>
        </header>
    }
}
