//! The API's description, made from the handlers.

use axum::Json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{events, orders, riders, sockets, tickets};
use crate::http::problem::Problem;
use crate::http::rider;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Saochong 扫充",
        description = "Scan, see the price, pay, charge, get the rest back. Amounts are fen, \
            energies watt-hours, times milliseconds UTC. Errors are RFC 9457 problems with a \
            stable `code`. Shapes of the domain (Tariff, Quote, Order, Receipt) are described in \
            wasm-core/README.md, which is also the package that computes them.",
    ),
    paths(
        show,
        riders::create, tickets::create,
        sockets::show, sockets::quote,
        orders::create, orders::list, orders::show, orders::pay, orders::cancel, orders::stop,
        orders::receipt,
        events::follow,
    ),
    components(schemas(
        Problem, riders::RiderMade, tickets::TicketRequest, tickets::TicketMade, sockets::Socket, sockets::SocketState, sockets::Place,
        sockets::Contact, sockets::QuoteRequest, orders::OrderView, orders::OrderRequest,
        orders::PayRequest, orders::Via, orders::PayAnswer, events::LiveViewSchema,
    )),
    modifiers(&Security),
)]
struct Api;

/// The two ways a rider is known.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let schemes = document.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::new(rider::COOKIE));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        schemes.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        schemes.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "description",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub async fn show() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// What the router's own text says: `.route("/path", method(…))`.
    fn routed() -> BTreeSet<String> {
        include_str!("mod.rs")
            .split(".route(\"")
            .skip(1)
            .map(|rest| {
                let (path, rest) = rest.split_once("\", ").expect("a path and a method");
                let (method, _) = rest.split_once('(').expect("a method");
                format!("{method} {path}")
            })
            .collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = serde_json::to_value(document()).unwrap();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{method} {path}"))
            })
            .collect();
        assert_eq!(described, routed());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 10);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        assert_eq!(document["openapi"], "3.1.0");
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.push(reference.clone());
                }
                members.values().for_each(|member| collect(member, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
