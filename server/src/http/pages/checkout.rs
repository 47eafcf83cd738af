//! On to the payment platform.

use std::net::{IpAddr, Ipv4Addr};

use app::pages::rider::pay::{self, PayPage};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use wasm_core::ids::OrderId;
use wasm_core::order::Channel;

use super::language::Language;
use super::{answer, login};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::orders::{Checkout, OrderError, PayVia, Product};
use crate::payments::environment::Environment;

/// How this rider gets to the platform from here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// First find out who the rider is at the platform.
    Login,
    /// Pay.
    Pay(PayVia),
}

/// Opens the payment and answers with the way there. The rider has just pressed Pay.
pub(super) async fn go(
    app: &App,
    language: Language,
    rider: &Rider,
    headers: &HeaderMap,
    order: &OrderId,
) -> Response {
    match (way(rider, headers), &app.logins) {
        (Way::Login, Some(logins)) => match app.orders.get(order, &rider.id).await {
            Ok(order) => answer::see(&login::address(app, logins.as_ref(), rider, &order.id)),
            Err(error) => answer::problem(language, &error.into(), &order_path(order)),
        },
        (Way::Login, None) => {
            pay(
                app,
                language,
                rider,
                PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)),
                order,
            )
            .await
        }
        (Way::Pay(via), _) => pay(app, language, rider, via, order).await,
    }
}

/// Opens the payment in a certain way. The browser's way stands in for the app's: whichever of the
/// two is paid first starts the charge, and a second one goes back.
pub(super) async fn pay(
    app: &App,
    language: Language,
    rider: &Rider,
    via: PayVia,
    order: &OrderId,
) -> Response {
    let path = order_path(order);
    let open = async |via| {
        let return_url = format!("{}{path}", app.settings.public_url);
        app.orders.pay(order, &rider.id, via, return_url).await
    };
    let in_app = matches!(via, PayVia { product: Product::App { .. }, .. });
    let mut opened = open(via).await;
    if in_app && let Err(OrderError::Platform(unsure)) = &opened {
        tracing::warn!(%order, %unsure, "not payable in the app, on the browser's way");
        opened = open(PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST))).await;
    }
    match opened {
        Ok(Checkout::Redirect(address)) => answer::see(&address),
        Ok(Checkout::OrderString(_) | Checkout::Bridge(_) | Checkout::Code(_)) => {
            answer::see(&path)
        }
        Ok(Checkout::TradeNo(trade_no)) => {
            let page = PayPage { trade_no, order_path: path };
            answer::html(language, StatusCode::OK, pay::html(language.lang, page))
        }
        Err(error) => answer::problem(language, &Problem::from(error), &path),
    }
}

/// The page of an order.
pub(super) fn order_path(order: &OrderId) -> String {
    format!("/orders/{order}")
}

/// Inside Alipay's app its own cashier opens, once the platform has told who the rider is there. A
/// mini-program's shell hands that over itself; its web-view cannot go to the login.
fn way(rider: &Rider, headers: &HeaderMap) -> Way {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let environment = Environment::of(agent.unwrap_or_default());
    match &rider.alipay_open_id {
        Some(buyer_open_id) if environment.in_alipay() => {
            Way::Pay(PayVia::app(Channel::Alipay, buyer_open_id.clone()))
        }
        None if environment == Environment::Alipay => Way::Login,
        _ => Way::Pay(PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST))),
    }
}

#[cfg(test)]
mod tests {
    use wasm_core::ids::RiderId;

    use super::*;
    use crate::http::rider::Secret;

    #[test]
    fn the_apps_cashier_opens_only_inside_the_app_for_a_known_rider() {
        let rider = |open_id: Option<&str>| Rider {
            id: RiderId::from("r"),
            alipay_open_id: open_id.map(str::to_owned),
            secret: Secret::of("s"),
        };
        let headers =
            |agent: &str| HeaderMap::from_iter([(header::USER_AGENT, agent.parse().unwrap())]);
        let alipay = headers("Mozilla/5.0 AlipayClient/10.8.36");
        let mini_program = headers("Mozilla/5.0 AlipayClient/10.8.36 MiniProgram");
        let app = Way::Pay(PayVia::app(Channel::Alipay, "o".to_owned()));
        let browser = Way::Pay(PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(way(&rider(Some("o")), &alipay), app);
        assert_eq!(way(&rider(Some("o")), &mini_program), app);
        assert_eq!(way(&rider(None), &alipay), Way::Login);
        assert_eq!(way(&rider(None), &mini_program), browser);
        assert_eq!(way(&rider(Some("o")), &headers("AliApp(DingTalk/7)")), browser);
        assert_eq!(way(&rider(None), &HeaderMap::new()), browser);
    }
}
