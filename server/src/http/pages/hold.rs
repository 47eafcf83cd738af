//! Charge first, pay after: where that is offered, and on to the platform that sets the money aside.

use app::pages::rider::hold::{self, HoldPage};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::language::Language;
use super::{answer, checkout};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::orders::{Checkout, PayVia, Platforms};
use crate::payments::environment::Environment;

/// The platform that sets money aside for a page that runs here; none where no app could ask the
/// rider for it.
pub(super) fn channel(platforms: &Platforms, headers: &HeaderMap) -> Option<Channel> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let channel = match Environment::of(agent.unwrap_or_default()) {
        Environment::Alipay | Environment::AlipayMiniProgram => Channel::Alipay,
        Environment::WeChat | Environment::WeChatMiniProgram => Channel::Wechat,
        Environment::Browser => return None,
    };
    let holds = platforms.at(channel).is_ok_and(|platform| platform.holds.is_some());
    holds.then_some(channel)
}

/// Opens the hold and answers with the way there. Where there are none, the order is paid as ever.
pub(super) async fn go(
    app: &App,
    language: Language,
    rider: &Rider,
    headers: &HeaderMap,
    order: &OrderId,
) -> Response {
    let Some(channel) = channel(app.orders.platforms(), headers) else {
        return checkout::go(app, language, rider, headers, order).await;
    };
    let path = checkout::order_path(order);
    match open(app, rider, channel, order, &path).await {
        Ok((Checkout::Redirect(address), _)) => answer::see(&address),
        Ok((Checkout::OrderString(order_string), amount_fen)) => {
            let page = HoldPage { order_string, amount_fen, order_path: path };
            answer::html(language, StatusCode::OK, hold::html(language.lang, page))
        }
        Ok((Checkout::TradeNo(_) | Checkout::Bridge(_) | Checkout::Code(_), _)) => {
            answer::see(&path)
        }
        Err(problem) => answer::problem(language, &problem, &path),
    }
}

async fn open(
    app: &App,
    rider: &Rider,
    channel: Channel,
    order: &OrderId,
    path: &str,
) -> Result<(Checkout, Fen), Problem> {
    let amount_fen = app.orders.get(order, &rider.id).await?.terms.prepaid_fen;
    let return_url = format!("{}{path}", app.settings.public_url);
    let via = PayVia::hold(channel, buyer(rider, channel));
    let checkout = app.orders.pay(order, &rider.id, via, return_url).await?;
    Ok((checkout, amount_fen))
}

/// Who the rider is at the platform, as far as we know.
fn buyer(rider: &Rider, channel: Channel) -> Option<String> {
    rider.alipay_open_id.clone().filter(|_| channel == Channel::Alipay)
}
