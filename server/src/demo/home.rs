//! The demo's first page: its sockets as codes to scan off the screen.

use app::pages::home::{DemoPage, DemoSite};
use app::parts::code_card::SocketCode;
use app::parts::place::{Operator, Place};
use wasm_core::link::ScanCode;

use crate::qr;
use crate::store::{SocketRow, Store, StoreError};

/// Sockets shown at most.
const SOCKETS_MAX: i64 = 120;

/// The page, from what is stored.
///
/// # Errors
/// The database does not answer, or a row cannot be read.
pub async fn page(store: &Store, public_url: &str) -> Result<DemoPage, StoreError> {
    let mut sites: Vec<DemoSite> = Vec::new();
    for row in store.sockets(SOCKETS_MAX).await? {
        let (name, address) = (row.site_name.clone(), row.address.clone());
        let socket = socket(row, public_url)?;
        match sites.last_mut() {
            Some(site) if site.name == name && site.address == address => site.sockets.push(socket),
            _ => sites.push(DemoSite { name, address, sockets: vec![socket] }),
        }
    }
    Ok(DemoPage { sites, operator_login: None })
}

fn socket(row: SocketRow, public_url: &str) -> Result<SocketCode, StoreError> {
    let code = ScanCode::parse(&row.code)
        .map_err(|_| StoreError::Unreadable(format!("scan code {}", row.code)))?;
    let qr_svg = qr::svg(&format!("{public_url}/s/{}", code.as_str()));
    let place = Place {
        code,
        station_name: row.station_name,
        connector: row.connector,
        site_name: row.site_name,
        address: row.address,
        operator: Operator { name: row.operator_name, service_phone: row.service_phone },
    };
    Ok(SocketCode { place, qr_svg })
}
