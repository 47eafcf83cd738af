//! Sites, stations and sockets of the operator, as the pages show them.

use app::pages::admin::codes::{self, CodesPage};
use app::pages::admin::overview::Spot;
use app::pages::admin::sites as view;
use app::pages::admin::trouble::Trouble;
use app::parts::code_card::SocketCode;
use app::parts::place::{Operator, Place};
use axum::extract::{Path, State};
use axum::response::Response;
use std::collections::{HashMap, HashSet};
use wasm_core::ids::{SiteId, SocketId};
use wasm_core::link::ScanCode;

use super::answer;
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::qr;
use crate::store::sites::Site;
use crate::store::{StationSocket, StoreError};

/// Sockets shown at most.
pub(super) const SOCKETS_MAX: i64 = 2_000;

/// `/admin/sites/{id}/codes`.
pub(super) async fn codes(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<SiteId>,
) -> Response {
    match codes_page(&app, &staff, &id).await {
        Ok(Some(page)) => answer::page(language, codes::html(language.lang, page)),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn codes_page(
    app: &App,
    staff: &Staff,
    id: &SiteId,
) -> Result<Option<CodesPage>, StoreError> {
    let operator = &staff.operator_id;
    let Some(site) = app.store.site(Some(operator), id).await?.pop() else { return Ok(None) };
    let Some(owner) = app.store.operator(operator).await? else { return Ok(None) };
    let owner = Operator { name: owner.name, service_phone: owner.service_phone };
    let rows = app.store.sockets_of_operator(operator, SOCKETS_MAX).await?;
    let here = rows.into_iter().filter(|row| row.site_id == *id);
    let codes = here.map(|row| {
        let code = scan_code(&row)?;
        let qr_svg = qr::svg(&format!("{}/s/{}", app.settings.public_url, code.as_str()));
        let place = Place {
            code,
            station_name: row.station_name,
            connector: row.connector,
            site_name: site.name.clone(),
            address: site.address.clone(),
            operator: owner.clone(),
        };
        Ok(SocketCode { place, qr_svg })
    });
    Ok(Some(CodesPage {
        staff: staff.view(),
        site_id: id.0.clone(),
        codes: codes.collect::<Result<_, StoreError>>()?,
        site_name: site.name,
        address: site.address,
    }))
}

/// All sites with what stands there; `held` are the sockets that an order has to itself.
pub(super) fn all(
    sites: &[Site],
    rows: &[StationSocket],
    held: &HashSet<&SocketId>,
) -> Result<Vec<view::Site>, StoreError> {
    let of_site = |site: &Site| {
        let here: Vec<_> = rows.iter().filter(|row| row.site_id == site.id).collect();
        let boxes = here.chunk_by(|left, right| left.station_id == right.station_id);
        Ok(view::Site {
            id: site.id.0.clone(),
            name: site.name.clone(),
            address: site.address.clone(),
            stations: boxes.map(|rows| station(rows, held)).collect::<Result<_, StoreError>>()?,
        })
    };
    sites.iter().map(of_site).collect()
}

fn station(
    rows: &[&StationSocket],
    held: &HashSet<&SocketId>,
) -> Result<view::Station, StoreError> {
    let first = rows[0];
    let socket = |row: &&StationSocket| {
        Ok(view::Socket {
            connector: row.connector,
            code: scan_code(row)?,
            condition: condition(row, held.contains(&row.socket_id)),
        })
    };
    Ok(view::Station {
        name: first.station_name.clone(),
        online: first.online,
        last_seen_ms: (first.last_seen_ms > 0).then_some(first.last_seen_ms),
        sockets: rows.iter().map(socket).collect::<Result<_, StoreError>>()?,
    })
}

/// How a socket is, from what the station says and whether an order has it.
fn condition(row: &StationSocket, held: bool) -> view::Condition {
    if held {
        return view::Condition::Busy;
    }
    if !row.online {
        return view::Condition::Unreachable;
    }
    match row.status.as_str() {
        "" => view::Condition::Silent,
        "Faulted" => view::Condition::Faulted(row.error_code.clone()),
        "Unavailable" | "Reserved" => view::Condition::Closed,
        "Charging" | "SuspendedEV" | "SuspendedEVSE" => view::Condition::Busy,
        "Preparing" | "Finishing" => view::Condition::Plugged,
        _ => view::Condition::Free,
    }
}

/// The sockets by name.
pub(super) fn spots(sites: &[Site], rows: &[StationSocket]) -> HashMap<SocketId, Spot> {
    let names: HashMap<_, _> = sites.iter().map(|site| (&site.id, &site.name)).collect();
    let spot = |row: &StationSocket| {
        let site_name = (*names.get(&row.site_id)?).clone();
        let station_name = row.station_name.clone();
        Some((row.socket_id.clone(), Spot { site_name, station_name, connector: row.connector }))
    };
    rows.iter().filter_map(spot).collect()
}

fn scan_code(row: &StationSocket) -> Result<ScanCode, StoreError> {
    let read = ScanCode::parse(&row.code);
    read.map_err(|_| StoreError::Unreadable(format!("scan code {}", row.code)))
}
