//! `/enter`: into the pages with a mini-program's ticket.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::{answer, checkout};
use crate::http::problem::Problem;
use crate::http::rates::Newcomers;
use crate::http::rider::{NewRider, Rider};
use crate::http::{App, sha256_hex};
use crate::store::tickets::Ticket;

/// What the shell opens the web-view with.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    to: String,
}

/// Goes on to the wanted page, as the rider of the ticket. Without a good ticket the page is shown
/// all the same: nobody needs to be known to see a price.
pub(super) async fn enter(
    State(app): State<App>,
    newcomers: Newcomers,
    headers: HeaderMap,
    entry: Result<Query<Entry>, QueryRejection>,
) -> Response {
    let Ok(Query(entry)) = entry else { return answer::see("/") };
    let page = answer::see(own_page(&entry.to));
    match admit(&app, &newcomers, &headers, &entry.ticket).await {
        Ok(cookie) => answer::with_cookie(page, cookie),
        Err(problem) => {
            tracing::warn!(code = problem.code, "a ticket did not let in");
            page
        }
    }
}

/// The cookie of the ticket's rider; none if the browser is that rider already or the ticket does
/// not serve here. Only its own platform's mini-program may use a ticket, so that nobody can be
/// led into somebody else's account by a link.
async fn admit(
    app: &App,
    newcomers: &Newcomers,
    headers: &HeaderMap,
    ticket: &str,
) -> Result<Option<String>, Problem> {
    let environment = checkout::environment(headers);
    if ticket.is_empty() || !environment.is_mini_program() {
        return Ok(None);
    }
    let mut tx = app.store.begin().await?;
    let taken = tx.take_ticket(&sha256_hex(ticket.as_bytes()), app.clock.now_ms()).await?;
    tx.commit().await?;
    let is_here = |ticket: &Ticket| environment.app_of() == Some(ticket.channel);
    let Some(Ticket { channel, open_id, .. }) = taken.filter(is_here) else { return Ok(None) };
    let rider = Rider::of(app, headers).await?;
    if rider.is_some_and(|rider| rider.open_ids.at(channel) == Some(&open_id)) {
        return Ok(None);
    }
    let new = NewRider::make(app, newcomers).await?;
    app.orders.known_at(channel, &new.id, &open_id).await?;
    Ok(Some(new.token.cookie(&app.settings.public_url)))
}

/// One of our own pages; never another site.
fn own_page(to: &str) -> &str {
    let is_ours = ["/s/", "/orders/", "/me"].iter().any(|page| to.starts_with(page));
    let is_plain = to.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
    if is_ours && is_plain && !to.contains("//") { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_page;

    #[test]
    fn a_ticket_leads_to_our_own_pages_only() {
        for ours in ["/s/WB9WD901H2YA", "/orders/0123456789ABCDEFGHJK/receipt", "/me"] {
            assert_eq!(own_page(ours), ours);
        }
        for other in ["", "//evil.example", "/s//evil", "https://evil.example", "/admin", "/s/a?b"]
        {
            assert_eq!(own_page(other), "/", "{other}");
        }
    }
}
