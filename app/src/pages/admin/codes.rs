//! `/admin/sites/{id}/codes`: a site's scan codes, to print.

use leptos::prelude::*;

use super::frame::{Staff, staff_page};
use crate::lang::Lang;
use crate::parts::code_card::{SocketCode, code_card};
use crate::text::Text;
use crate::text::admin::Admin;

/// A site and its codes.
#[derive(Clone, Debug)]
pub struct CodesPage {
    /// Who looks.
    pub staff: Staff,
    /// The site's id.
    pub site_id: String,
    /// Its name.
    pub site_name: String,
    /// Its address.
    pub address: String,
    /// A code for each socket.
    pub codes: Vec<SocketCode>,
}

/// The page.
pub fn html(lang: Lang, site: CodesPage) -> String {
    let (text, words) = (Text::of(lang), &Admin::of(lang).sites);
    let path = format!("/admin/sites/{}/codes", site.site_id);
    let title = (site.site_name.clone(), path);
    staff_page(lang, site.staff, title, None, move || {
        let empty = site.codes.is_empty().then(|| view! { <p>{words.no_stations}</p> });
        let codes: Vec<_> = site.codes.into_iter().map(|code| code_card(text, code)).collect();
        view! {
            <section class="headline">
                <h1>{site.site_name}</h1>
                <p class="address">{site.address}</p>
                <p class="hint">{words.codes_note}</p>
            </section>
            {empty}
            <ul class="codes">{codes}</ul>
        }
    })
}
