//! The server under test with a secret in every place that has one, and all that it says.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read};
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method, RequestBuilder, Response, header, redirect};
use serde_json::{Value, json};
use server::random;
use server::store::Store;
use sqlx::AnyPool;
use tempfile::TempDir;
use tokio_util::sync::DropGuard;

use crate::outside::{self, KEY_ID, Wechat};
use crate::setup::{
    APP_SECRET, MINI_SECRET, STATION, TARIFF, V2_KEY, address, pieces, run_fleet, seed, start,
    texts,
};

pub const ADMIN_PASSWORD: &str = "adminPasswordOfMei1";
pub const ALIPAY_OPEN_ID: &str = "alipayOpenIdOfRider1";
pub const WECHAT_OPEN_ID: &str = "wechatOpenIdOfRider1";
pub const WECHAT_CODE: &str = "wechatLoginCode1";
pub const SESSION_KEY: &str = "wechatSessionKey1";
pub const MISTYPED: &str = "MistypedSecret123456";
pub const PHONE: &str = "13812345678";
/// The `APIv3` key: 32 characters.
pub const V3_KEY: &str = "wechatApiV3KeyIsThirtyTwoLong123";

pub const IN_ALIPAY: &str =
    "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.8.36) AlipayClient/10.8.36";
pub const IN_WECHAT: &str = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49";
pub const IN_BROWSER: &str = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile";

const WITHIN: Duration = Duration::from_mins(1);

/// What to test on: none is a file.
pub fn databases() -> Vec<Option<String>> {
    let postgres = std::env::var("SAOCHONG_TEST_POSTGRES").ok();
    assert!(postgres.is_some() || std::env::var("CI").is_err(), "CI tests on PostgreSQL as well");
    [None].into_iter().chain(postgres.map(Some)).collect()
}

/// A server, what is around it, and what it must not tell.
pub struct Stage {
    pub wechat: Wechat,
    url: String,
    cashier: String,
    database: String,
    codes: Vec<String>,
    client: Client,
    server: Child,
    stdout: BufReader<ChildStdout>,
    /// All that it said, by where.
    said: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    tariff: Value,
    folder: TempDir,
    _alipay: Store,
    _fleet: DropGuard,
}

/// A rider of the API.
pub struct Rider {
    pub token: String,
}

impl Rider {
    /// The same session in a browser.
    pub fn cookie(&self) -> String {
        format!("sc_rider={}", self.token)
    }
}

impl Stage {
    /// A server with both platforms and one station with three sockets.
    pub async fn open(postgres: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The platform knows its shop by the address, so that is chosen first.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (cashier, config, alipay) = outside::alipay(&format!("http://{free}")).await;
        let wechat = Wechat::open().await;
        let merchant = config.private_key.to_pkcs8_base64().unwrap();
        let ours =
            server::payments::keys::SigningKey::generate().unwrap().to_pkcs8_base64().unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name).display().to_string()
        };
        let database = address(postgres, &folder).await;
        let mut flags = vec![
            ("--alipay-gateway-url", config.gateway_url.clone()),
            ("--alipay-authorize-url", config.authorize_url.clone()),
            ("--alipay-app-id", config.app_id.clone()),
            ("--alipay-seller-id", config.seller_id.clone()),
            ("--alipay-private-key-file", file("alipay.key", &merchant)),
            ("--alipay-public-key-file", file("alipay.pub", &config.alipay_public_key.to_base64())),
        ];
        flags.extend([
            ("--wechat-base-url", wechat.url.clone()),
            ("--wechat-api-url", wechat.url.clone()),
            ("--wechat-authorize-url", format!("{}/authorize", wechat.url)),
            ("--wechat-mchid", "1900000001".to_owned()),
            ("--wechat-appid", "wx0000000000000001".to_owned()),
            ("--wechat-app-secret-file", file("app", APP_SECRET)),
            ("--wechat-mini-appid", "wx0000000000000002".to_owned()),
            ("--wechat-mini-secret-file", file("mini", MINI_SECRET)),
            ("--wechat-serial-no", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned()),
            ("--wechat-private-key-file", file("wechat.key", &ours)),
            ("--wechat-api-v3-key-file", file("v3", V3_KEY)),
            ("--wechat-public-key-id", KEY_ID.to_owned()),
            (
                "--wechat-public-key-file",
                file("wechat.pub", &wechat.key.public().unwrap().to_base64()),
            ),
            ("--wechat-score-service-id", "00004000000000000000000000000001".to_owned()),
            ("--wechat-api-v2-key-file", file("v2", V2_KEY)),
            ("--assets", folder.path().display().to_string()),
            ("--address-rate", "0".to_owned()),
            ("--listen", free.to_string()),
        ]);
        let mut secrets = texts();
        secrets.extend(pieces("alipay's key", &merchant));
        secrets.extend(pieces("wechat's key", &ours));
        let (codes, mut said) = seed(&folder, &database);
        let (server, stdout, url) = start(&folder, &database, &flags, &mut said);
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.build().unwrap();
        let fleet = run_fleet(url.clone(), codes.len());
        let tariff = serde_json::from_str(TARIFF).unwrap();
        Self {
            wechat,
            url,
            cashier,
            database,
            codes,
            client,
            server,
            stdout,
            said,
            secrets,
            tariff,
            folder,
            _alipay: alipay,
            _fleet: fleet,
        }
    }

    /// A new rider; the answer that hands the token over is the one place for it.
    pub async fn rider(&mut self) -> Rider {
        let made = self.client.post(format!("{}/api/v1/riders", self.url)).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let token = made["token"].as_str().unwrap().to_owned();
        self.keep("a rider's token", &token);
        Rider { token }
    }

    /// Another secret.
    pub fn keep(&mut self, name: &str, secret: &str) {
        self.secrets.push((name.to_owned(), secret.to_owned()));
    }

    /// What `WeChat`'s logins are answered from now on.
    pub fn wechat_answers(&self, shape: &str) {
        self.wechat.answers(shape);
    }

    fn plan(&self) -> (&str, i64) {
        let plan: wasm_core::tariff::Tariff = serde_json::from_value(self.tariff.clone()).unwrap();
        let name = self.tariff["plans"][0]["id"].as_str().unwrap();
        (name, plan.plans[0].prepaid_fen().0)
    }

    /// An order, as soon as the station is there.
    pub async fn order_by_api(&mut self, rider: &Rider, socket: usize) -> String {
        let (plan, prepaid_fen) = self.plan();
        let wanted = json!({
            "code": self.codes[socket], "plan_id": plan,
            "tariff_id": self.tariff["id"], "prepaid_fen": prepaid_fen,
        });
        let began = Instant::now();
        loop {
            let answer =
                self.api(rider, Method::POST, "/api/v1/orders", Some(wanted.clone())).await;
            if let Some(id) = answer["id"].as_str() {
                return id.to_owned();
            }
            assert!(began.elapsed() < WITHIN, "{answer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks the API.
    pub async fn api(
        &mut self,
        rider: &Rider,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let mut request = request.bearer_auth(&rider.token);
        if path == "/api/v1/orders" && body.is_some() {
            request = request.header("idempotency-key", random::base32::<16>());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let text = self.answered(path, request).await;
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Waits for an order's state.
    pub async fn until(&mut self, rider: &Rider, path: &str, state: &str) {
        let began = Instant::now();
        loop {
            let order = self.api(rider, Method::GET, path, None).await;
            if order["state"]["is"] == state {
                return;
            }
            assert!(began.elapsed() < WITHIN, "{order}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Follows a cashier's address and pays.
    pub async fn pay_at_alipay(&self, page: &str) {
        self.press_pay(&self.at_alipay(page)).await;
    }

    /// Pays in the app's cashier.
    pub async fn pay_in_alipay(&self, trade_no: &str) {
        self.press_pay(&self.at_alipay(&format!("/demo/alipay/tradepay?tradeNO={trade_no}"))).await;
    }

    /// An address of the simulated platform, which is beside the server and not in it.
    fn at_alipay(&self, address: &str) -> String {
        format!("{}{}", self.cashier, &address[address.find("/demo/").unwrap()..])
    }

    async fn press_pay(&self, page: &str) {
        let cashier = leads_to(self.client.get(page).send().await.unwrap()).await;
        let pressed = self.client.post(self.at_alipay(&cashier)).form(&[("action", "pay")]);
        assert!(pressed.send().await.unwrap().status().is_redirection());
    }

    /// Looks at a page.
    pub async fn page(&mut self, agent: &str, cookie: &str, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.url));
        let request = request.header(header::USER_AGENT, agent).header(header::COOKIE, cookie);
        self.answered(path, request).await
    }

    /// Posts JSON without a session.
    pub async fn post_json(&mut self, path: &str, body: &Value) -> String {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        let answer = request.send().await.unwrap();
        let text = answer.text().await.unwrap();
        let read: Value = serde_json::from_str(&text).unwrap_or_default();
        // A ticket and a token are handed over here; they are looked for everywhere else.
        match read["ticket"].as_str().or_else(|| read["token"].as_str()) {
            Some(handed) => self.keep("a ticket or token", handed),
            None => self.said.push((path.to_owned(), text.clone())),
        }
        text
    }

    /// Posts what a platform posts.
    pub async fn post(&mut self, path: &str, headers: Vec<(String, String)>, body: Vec<u8>) {
        let mut request = self.client.post(format!("{}{path}", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.answered(path, request).await;
    }

    /// The session's secret, if somebody is let in.
    pub async fn admin_login(&mut self, login: &str, password: &str) -> Option<String> {
        let form = [("login", login), ("password", password)];
        let request = self.client.post(format!("{}/admin/login", self.url)).form(&form);
        let response = request.send().await.unwrap();
        let cookie = response.headers().get(header::SET_COOKIE).map(|to| to.to_str().unwrap());
        let secret = cookie.and_then(|cookie| cookie.split(['=', ';']).nth(1)).map(str::to_owned);
        self.said.push(("/admin/login".to_owned(), response.text().await.unwrap()));
        if let Some(secret) = &secret {
            self.keep("a session of staff", secret);
        }
        secret
    }

    /// A station's login with another password.
    pub async fn knock_as_station(&mut self, password: &str) {
        let request = self.client.get(format!("{}/ocpp/{STATION}", self.url));
        let request = request
            .basic_auth(STATION, Some(password))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "ocpp1.6")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        self.keep("a station's login", &STANDARD.encode(format!("{STATION}:{password}")));
        self.answered("/ocpp", request).await;
    }

    /// The server no longer finds a table.
    pub async fn hide_table(&self, table: &str) {
        sqlx::any::install_default_drivers();
        let pool = AnyPool::connect(&self.database).await.unwrap();
        let rename = format!("ALTER TABLE {table} RENAME TO hidden_{table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(rename)).execute(&pool).await.unwrap();
    }

    async fn answered(&mut self, path: &str, request: RequestBuilder) -> String {
        let answer = request.send().await.unwrap();
        let mut headers = answer.headers().clone();
        // A session is handed over here; it is looked for everywhere else.
        headers.remove(header::SET_COOKIE);
        let text = answer.text().await.unwrap();
        self.said.push((path.to_owned(), format!("{headers:?}\n{text}")));
        text
    }

    /// Ends the server, and takes what it wrote.
    pub fn stop(&mut self) {
        let id = self.server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        self.server.wait().unwrap();
        self.said.push(("standard output".to_owned(), rest));
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(log.contains("TRACE"), "it logged all there is");
        self.said.extend(log.lines().map(|line| ("the log".to_owned(), line.to_owned())));
    }

    /// No secret in anything that was said.
    pub fn nothing_is_told(&self) {
        let mut told = Vec::new();
        for (place, said) in &self.said {
            for (name, secret) in &self.secrets {
                if said.contains(secret.as_str()) {
                    let at = said.find(secret.as_str()).unwrap();
                    let around: String = said
                        .chars()
                        .skip(said[..at].chars().count().saturating_sub(160))
                        .take(300)
                        .collect();
                    told.push(format!("{name} in {place}: …{around}…"));
                }
            }
        }
        told.dedup();
        assert!(
            told.is_empty(),
            "{} places:\n{}",
            told.len(),
            told[..told.len().min(40)].join("\n")
        );
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// A phone: an agent and its cookies.
pub struct Phone {
    agent: &'static str,
    cookies: BTreeMap<String, String>,
}

impl Phone {
    /// One with a program's user agent.
    pub fn new(agent: &'static str) -> Self {
        Self { agent, cookies: BTreeMap::new() }
    }

    /// A page's text.
    pub async fn get(&mut self, stage: &mut Stage, address: &str) -> String {
        let request = stage.client.get(absolute(stage, address));
        let response = self.send(stage, request).await;
        let text = response.text().await.unwrap();
        stage.said.push((address.split('?').next().unwrap().to_owned(), text.clone()));
        text
    }

    /// Where an address of the platform leads.
    pub async fn follow(&mut self, stage: &mut Stage, address: &str) -> String {
        let request = stage.client.get(stage.at_alipay(address));
        let response = self.send(stage, request).await;
        leads_to(response).await
    }

    /// Presses Pay on a socket's page; where that leads.
    pub async fn order(&mut self, stage: &mut Stage, socket: usize) -> String {
        let path = format!("/s/{}", stage.codes[socket]);
        self.get(stage, &format!("{path}?phone={PHONE}")).await;
        let (plan, prepaid_fen) = stage.plan();
        let form = [
            ("plan", format!("{plan}:{prepaid_fen}")),
            ("tariff_id", stage.tariff["id"].as_str().unwrap().to_owned()),
            ("idempotency_key", random::base32::<16>()),
        ];
        let request = stage.client.post(absolute(stage, &format!("{path}/order"))).form(&form);
        let response = self.send(stage, request).await;
        leads_to(response).await
    }

    async fn send(&mut self, stage: &mut Stage, request: RequestBuilder) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header(header::USER_AGENT, self.agent)
            .header(header::COOKIE, cookies.join("; "));
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if name.starts_with("sc_") && !value.is_empty() {
                stage.keep("a session", value);
            }
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

async fn leads_to(response: Response) -> String {
    let location = response.headers().get(header::LOCATION);
    let location = location.map(|location| location.to_str().unwrap().to_owned());
    match location {
        Some(location) => location,
        None => panic!("{}: {}", response.status(), response.text().await.unwrap()),
    }
}

fn absolute(stage: &Stage, address: &str) -> String {
    let base = if address.starts_with('/') { stage.url.as_str() } else { "" };
    format!("{base}{address}")
}
