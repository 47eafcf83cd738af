//! A rider with a telephone: asks again while nobody answers, as people and browsers do.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use server::random;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, RefundStatus, State};

use crate::world::{PLAN, PREPAID_FEN, TARIFF, World};

/// When nothing has moved for so long, nothing will: longer than the minute that a station has for
/// its final reading.
const STANDSTILL: Duration = Duration::from_secs(90);
/// What has not come about by then never will, however much moves.
const WITHIN: Duration = Duration::from_mins(4);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// One answer may take so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A rider stops after so much energy, in watt-hours.
const ENOUGH_WH: i64 = 1;

/// Looks again until there is something. What is not there yet says how it stands instead: a busy
/// machine may take its time as long as that changes.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    let mut stands = (String::new(), began);
    loop {
        let now = match look().await {
            Ok(found) => return found,
            Err(now) => now,
        };
        if now != stands.0 {
            stands = (now, Instant::now());
        }
        if stands.1.elapsed() >= STANDSTILL || began.elapsed() >= WITHIN {
            let (stood, since) = (stands.1.elapsed().as_secs(), began.elapsed().as_secs());
            panic!("never in {since} s: {what}; for {stood} s it has stood at:\n{}", stands.0);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A rider.
pub struct Rider {
    http: Client,
    url: String,
    token: String,
}

impl Rider {
    /// A new rider.
    pub async fn new(world: &World) -> Self {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let http = http.timeout(ANSWER_WITHIN).build().expect("a client");
        let mut rider = Self { http, url: world.url.clone(), token: String::new() };
        let made = rider.answered(Method::POST, "/api/v1/riders", "", json!({})).await;
        made["token"].as_str().expect("a token").clone_into(&mut rider.token);
        rider
    }

    /// Orders, at the earliest when the station is there.
    pub async fn order(&self, world: &World, socket: usize) -> OrderId {
        self.order_plan(world, socket, PLAN).await
    }

    /// The same, by another plan.
    pub async fn order_plan(&self, world: &World, socket: usize, plan: &str) -> OrderId {
        let wanted = json!({
            "code": world.codes[socket].as_str(),
            "plan_id": plan,
            "tariff_id": TARIFF,
            "prepaid_fen": PREPAID_FEN,
        });
        let key = random::base32::<16>();
        let order = self.answered(Method::POST, "/api/v1/orders", &key, wanted).await;
        OrderId(order["id"].as_str().expect("an id").to_owned())
    }

    /// Pays at the cashier by the button `press`; when this returns the money has left.
    pub async fn pay(&self, order: &OrderId, press: &str) {
        let cashier = self.open_cashier(order).await;
        until("paid", async || {
            let pressed = self.http.post(&cashier).form(&[("action", press)]).send().await;
            let status = pressed.map_err(no_answer)?.status();
            if status.is_redirection() { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// Sets the price aside in Alipay's app, and pays nothing.
    pub async fn hold(&self, world: &World, order: &OrderId) {
        let path = format!("/api/v1/orders/{order}/pay");
        let answer = self.answered(Method::POST, &path, "", json!({"via": "hold"})).await;
        let string = answer["order_string"].as_str().expect("an order string");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("orderStr", string)
            .finish();
        let app = format!("{}/demo/alipay/tradepay?{query}", bank(world));
        until("set aside", async || {
            let opened = self.http.get(&app).send().await;
            let opened = opened.map_err(no_answer)?;
            let page = opened.headers().get("location").and_then(|to| to.to_str().ok());
            let page = page.ok_or_else(|| opened.status().to_string())?;
            let page = format!("{}{page}", bank(world));
            let pressed = self.http.post(page).form(&[("action", "pay")]).send().await;
            let status = pressed.map_err(no_answer)?.status();
            if status.is_success() { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// The cashier's page of an order, looked at.
    pub async fn open_cashier(&self, order: &OrderId) -> String {
        let path = format!("/api/v1/orders/{order}/pay");
        let answer = self.answered(Method::POST, &path, "", json!({"via": "browser"})).await;
        let page = answer["redirect_url"].as_str().expect("an address");
        let cashier = until("the cashier", async || {
            let opened = self.http.get(page).send().await.map_err(no_answer)?;
            let location = opened.headers().get("location").and_then(|to| to.to_str().ok());
            location.map(str::to_owned).ok_or_else(|| opened.status().to_string())
        })
        .await;
        format!("{}{cashier}", &page[..page.find("/demo/").expect("the simulated platform")])
    }

    /// Lets a paid order charge for a while, stops it, and waits for its end.
    pub async fn charge(&self, order: &OrderId) -> Order {
        until("charged enough, or over", async || {
            let now = self.see(order).await;
            match now.state {
                State::Charging(_) => match self.metered_wh(order).await {
                    Some(wh) if wh >= ENOUGH_WH => Ok(()),
                    wh => Err(format!("charging, {wh:?} Wh")),
                },
                _ if now.is_over() => Ok(()),
                state => Err(format!("{state:?}")),
            }
        })
        .await;
        self.ask_until_it_is_so(order, "stop").await;
        self.over(order).await
    }

    /// Waits until an order is over and its money is where it belongs.
    pub async fn over(&self, order: &OrderId) -> Order {
        let done = |status: &RefundStatus| matches!(status, RefundStatus::Done { .. });
        until("over", async || {
            let now = self.see(order).await;
            let is_over = now.is_over() && !matches!(now.state, State::Settled(_));
            let all_done = is_over && now.refunds.iter().all(|refund| done(&refund.status));
            if all_done { Ok(now) } else { Err(format!("{:?} {:?}", now.state, now.refunds)) }
        })
        .await
    }

    /// Cancels; that it is too late is an answer.
    pub async fn cancel(&self, order: &OrderId) {
        self.ask_until_it_is_so(order, "cancel").await;
    }

    /// Posts to an order until it is done or can no longer be done.
    async fn ask_until_it_is_so(&self, order: &OrderId, deed: &str) {
        let path = format!("/api/v1/orders/{order}/{deed}");
        until(deed, async || match self.ask(Method::POST, &path, "", None).await? {
            (200 | 409, _) => Ok(()),
            (status, answer) => Err(format!("{status} {answer}")),
        })
        .await;
    }

    /// Orders whose answer was lost, so that the rider ordered again.
    pub async fn cancel_what_waits(&self) {
        let orders = self.answered(Method::GET, "/api/v1/orders", "", Value::Null).await;
        let orders: Vec<Order> = serde_json::from_value(orders).expect("orders");
        for order in orders {
            if matches!(order.state, State::AwaitingPayment { .. }) {
                assert_eq!(order.paid_fen(), Fen::ZERO);
                self.cancel(&order.id).await;
            }
        }
    }

    /// An order as it stands.
    pub async fn see(&self, order: &OrderId) -> Order {
        let path = format!("/api/v1/orders/{order}");
        let order = self.answered(Method::GET, &path, "", Value::Null).await;
        serde_json::from_value(order).expect("an order")
    }

    /// What the live page shows, in watt-hours: the stream's first event.
    async fn metered_wh(&self, order: &OrderId) -> Option<i64> {
        let url = format!("{}/api/v1/orders/{order}/events", self.url);
        let asked = self.http.get(url).bearer_auth(&self.token).send();
        let chunk = asked.await.ok()?.chunk().await.ok()??;
        let text = String::from_utf8_lossy(&chunk).into_owned();
        let data = text.lines().find_map(|line| line.strip_prefix("data:"))?;
        serde_json::from_str::<Value>(data).ok()?["energy_wh"].as_i64()
    }

    /// Asks until the answer is a yes.
    async fn answered(&self, method: Method, path: &str, key: &str, body: Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null());
        until(path, async || {
            let (status, answer) = self.ask(method.clone(), path, key, body.clone()).await?;
            let may_ask_again = matches!(status, 200..=299 | 409 | 429 | 503);
            assert!(may_ask_again, "{path}: {status} {answer}");
            if status < 300 { Ok(answer) } else { Err(format!("{status} {answer}")) }
        })
        .await
    }

    /// Asks once.
    ///
    /// # Errors
    /// There was no answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), String> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(no_answer)?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.map_err(no_answer)?))
    }
}

/// The payment platform's origin.
fn bank(world: &World) -> &str {
    &world.bank[..world.bank.find("/demo/").expect("the simulated platform")]
}

/// Why there is no answer, without what differs from one time to the next.
fn no_answer(error: reqwest::Error) -> String {
    error.without_url().to_string()
}
