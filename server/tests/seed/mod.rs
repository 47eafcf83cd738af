//! What stands before a world begins: an operator, a site, its stations, online.

use server::store::Store;
use server::store::sites::{NewSite, Operator};
use server::store::stations::{NewStation, Presence, new_codes};
use wasm_core::ids::StationId;
use wasm_core::link::ScanCode;
use wasm_core::tariff::Tariff;

/// A station, and the code of each of its sockets.
pub struct Seeded {
    pub station_id: StationId,
    pub codes: Vec<ScanCode>,
}

/// One site of the operator `op`, with a station of so many sockets each.
pub async fn seed(store: &Store, tariff: &Tariff, stations: &[usize], now_ms: i64) -> Vec<Seeded> {
    let operator = Operator {
        id: "op".into(),
        name: "测试运营".to_owned(),
        service_phone: "400-000-0000".to_owned(),
    };
    let site = NewSite {
        operator_id: "op".into(),
        id: "site".into(),
        name: "一号院".to_owned(),
        address: "一号路 1 号".to_owned(),
        tariff: tariff.clone(),
    };
    let mut tx = store.begin().await.expect("begin");
    tx.add_operator(&operator, now_ms).await.expect("operator");
    tx.add_site(&site, now_ms).await.expect("site");
    tx.commit().await.expect("commit");
    let mut seeded = Vec::new();
    for (nth, sockets) in (1..).zip(stations) {
        seeded.push(station(store, nth, *sockets, now_ms).await);
    }
    seeded
}

async fn station(store: &Store, nth: usize, sockets: usize, now_ms: i64) -> Seeded {
    let codes = new_codes(sockets);
    let station = NewStation {
        operator_id: "op".into(),
        site_id: "site".into(),
        identity: format!("BOX{nth}"),
        name: format!("{nth}号箱"),
        password: "0123456789abcdef".to_owned(),
        socket_max_w: 10_000,
        codes: codes.clone(),
    };
    let station_id = store.add_station(&station, now_ms).await.expect("station").station_id;
    let presence = Presence {
        operator_id: "op".into(),
        station_id: station_id.clone(),
        online: true,
        seen_ms: now_ms,
        boot: None,
        sockets: vec![],
    };
    store.write_presence(&[presence]).await.expect("presence");
    Seeded { station_id, codes }
}
