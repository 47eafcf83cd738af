//! The server under test as a process that is started again whenever it dies, and what is
//! outside of it: stations and a payment platform, which live on.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use serde_json::json;
use server::clock::Clock;
use server::demo::alipay::{Faults, Platform};
use server::demo::fleet::{self, SimulatedStation};
use server::orders::{Orders, Platforms};
use server::random;
use server::store::Store;
use server::store::sites::{NewSite, Operator};
use server::store::splits::{NewRule, ShareRow, ShareStatus};
use server::store::stations::{NewStation, SOCKET_MAX_W, new_codes};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use wasm_core::ids::OrderId;
use wasm_core::link::ScanCode;
use wasm_core::money::Fen;
use wasm_core::order::Order;
use wasm_core::share::SplitRule;

use crate::audit::watch;
use crate::books::Tables;

/// The only price list.
pub const TARIFF: &str = "t1";
/// Its plan without an end.
pub const PLAN: &str = "full";
/// Another, at the same price, that ends by itself after [`BRIEF_MS`].
pub const BRIEF: &str = "brief";
/// What the plans cost in advance.
pub const PREPAID_FEN: i64 = 1_000;
/// What a watt-hour costs: so much that seconds of current show on the bill.
pub const FEN_PER_WH: i64 = 100;

/// Where the partner's part goes.
const PARTNER: &str = "2088001122334455";
/// How long a brief charge lasts, milliseconds.
const BRIEF_MS: i64 = 4_000;
const POSTGRES: &str = "SAOCHONG_TEST_POSTGRES";
const IDENTITY: &str = "BOX1";
const PASSWORD: &str = "0123456789abcdef";
/// The registers' highest speed; no battery gets full while a test runs.
const SPEED: u32 = 8;
/// The platform tells again this soon while nobody takes a notify.
const TELL_AGAIN: &[Duration] = &[Duration::from_millis(500); 100];

/// The payment platform of all worlds of a test.
pub struct Bank {
    /// Its book.
    pub store: Store,
    url: String,
    app_id: String,
    seller_id: String,
    hold_category: String,
    merchant_key: String,
    platform_key: String,
}

impl Bank {
    /// Opens on a free port.
    pub async fn open() -> Self {
        let store = Store::open("sqlite::memory:").await.expect("a database");
        store.migrate().await.expect("migrations");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let opened = Platform::open(store.clone(), Clock::System, &url, &url).await;
        let (platform, config) = opened.expect("a platform");
        platform.set_faults(Faults { retry_after: TELL_AGAIN, ..Faults::default() });
        // A caller that dies stops nothing here: each call is carried out to its end.
        let whole = middleware::from_fn(async |request: Request, next: Next| {
            tokio::spawn(next.run(request)).await.expect("no panic")
        });
        let router = platform.router().layer(whole);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            store,
            url: config.gateway_url,
            app_id: config.app_id,
            seller_id: config.seller_id,
            hold_category: config.hold.category.expect("holds are offered"),
            merchant_key: config.private_key.to_pkcs8_base64().expect("a key"),
            platform_key: config.alipay_public_key.to_base64(),
        }
    }
}

/// Where a world keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A schema of its own on the server named by `SAOCHONG_TEST_POSTGRES`.
    Postgres,
}

impl Database {
    /// Those to test on; CI tests on both.
    pub fn to_test() -> &'static [Self] {
        if std::env::var(POSTGRES).is_ok() {
            return &[Self::Sqlite, Self::Postgres];
        }
        assert!(std::env::var("CI").is_err(), "CI tests on PostgreSQL as well");
        &[Self::Sqlite]
    }

    async fn fresh(self, folder: &Path) -> String {
        if self == Self::Sqlite {
            return format!("sqlite://{}", folder.join("t.db").display());
        }
        let url = std::env::var(POSTGRES).expect("only then it is tested");
        let schema = format!("k{}", random::base32::<12>().to_lowercase());
        let admin = Store::open(&url).await.expect("postgres");
        admin.create_schema(&schema).await.expect("a schema");
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}options=-c%20search_path%3D{schema}")
    }
}

/// A server with one station.
pub struct World {
    /// Where the server is reached, in each of its lives.
    pub url: String,
    /// A scan code for each socket.
    pub codes: Vec<ScanCode>,
    /// Its database's address.
    pub database: String,
    /// Where the payment platform is reached.
    pub bank: String,
    _folder: TempDir,
    server: Arc<Server>,
    keeper: Option<JoinHandle<()>>,
    _fleet: DropGuard,
}

impl World {
    /// Starts a server that dies at `deaths`, one in each life, and a station for it.
    pub async fn open(bank: &Bank, database: Database, sockets: usize, deaths: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("merchant.key"), &bank.merchant_key).expect("a file");
        fs::write(folder.path().join("platform.key"), &bank.platform_key).expect("a file");
        let codes = new_codes(sockets);
        let database = database.fresh(folder.path()).await;
        seed(&database, codes.clone()).await;
        let server = Arc::new(Server::new(bank, folder.path(), &database, deaths));
        let (listens, address) = mpsc::channel();
        let keeper = thread::spawn({
            let server = Arc::clone(&server);
            move || server.keep_alive(&listens)
        });
        let address = tokio::task::spawn_blocking(move || address.recv()).await.expect("no panic");
        let url = format!("http://{}", address.expect("the server listens"));
        let fleet = run_fleet(url.clone(), sockets);
        let keeper = Some(keeper);
        let bank = bank.url.clone();
        Self { url, codes, database, bank, _folder: folder, server, keeper, _fleet: fleet }
    }

    /// `kill -9`, and waits until the process has ended.
    pub async fn kill(&self) {
        let before = self.deaths();
        while self.deaths() == before {
            self.server.kill(before);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How often the server died.
    pub fn deaths(&self) -> usize {
        self.server.deaths.load(Ordering::SeqCst)
    }

    /// The points at which it could have died so far, as `step.subject`.
    pub fn passed(&self) -> Vec<String> {
        let points = fs::read_to_string(&self.server.points).expect("the points passed");
        points.lines().map(str::to_owned).collect()
    }

    /// Ends the server for good.
    pub fn end(&self) {
        self.server.end();
    }

    /// Waits until partners have their parts of an order.
    pub async fn parts_arrived(&self, order: &OrderId) {
        let store = self.beside().await;
        let look = async || {
            let found = store.split(order).await.map_err(|error| error.to_string())?;
            let (_, shares) = found.ok_or("not split yet")?;
            let open =
                |share: &&ShareRow| !matches!(share.status, ShareStatus::Done | ShareStatus::Kept);
            shares.iter().find(open).map_or(Ok(()), |share| Err(format!("{share:?}")))
        };
        crate::rider::until("the parts arrived", look).await;
    }

    /// The operator gives part of a bill back, at a desk of its own.
    pub async fn give_back(&self, order: &Order, amount_fen: Fen) {
        let desk = Orders::new(self.beside().await, Clock::System, Platforms::default());
        let (operator, id, key) = (&order.operator_id, &order.id, order.id.as_str());
        let asked = desk.refund_for_operator(operator, id, amount_fen, "慢", key);
        asked.await.expect("given back");
    }

    /// The database, beside the server.
    async fn beside(&self) -> Store {
        Store::open(&self.database).await.expect("the database")
    }

    /// Waits until the station has started and ended a charge that was cancelled before.
    pub async fn free_energy_ended(&self, order: &OrderId) {
        let tables = Tables::open(self).await;
        let ended = async || {
            let charge = tables.charge_of(order).await;
            charge.and_then(|charge| charge.stopped_wh).ok_or_else(|| format!("{charge:?}"))
        };
        crate::rider::until("the cancelled charge ended", ended).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.end();
        let ended = self.keeper.take().map(JoinHandle::join);
        if thread::panicking() {
            let log = fs::read_to_string(&self.server.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("deaths {:?}:\n{tail}\n", self.server.crash_at);
        } else {
            assert!(ended.is_none_or(|ended| ended.is_ok()), "the keeper panicked");
        }
    }
}

/// The server's process, of which there is at most one.
struct Server {
    arguments: Vec<String>,
    crash_at: Vec<String>,
    log: PathBuf,
    points: PathBuf,
    deaths: AtomicUsize,
    process: Mutex<Process>,
}

#[derive(Default)]
struct Process {
    child: Option<Child>,
    is_over: bool,
}

impl Server {
    fn new(bank: &Bank, folder: &Path, database: &str, deaths: &[&str]) -> Self {
        let file = |name: &str| folder.join(name).display().to_string();
        let flags = [
            ("--database-url", database.to_owned()),
            ("--assets", folder.display().to_string()),
            ("--address-rate", "0".to_owned()),
            ("--alipay-gateway-url", bank.url.clone()),
            ("--alipay-app-id", bank.app_id.clone()),
            ("--alipay-seller-id", bank.seller_id.clone()),
            ("--alipay-hold-category", bank.hold_category.clone()),
            ("--alipay-private-key-file", file("merchant.key")),
            ("--alipay-public-key-file", file("platform.key")),
        ];
        let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        Self {
            arguments: ["serve".to_owned()].into_iter().chain(flags).collect(),
            crash_at: deaths.iter().map(|death| (*death).to_owned()).collect(),
            log: folder.join("server.log"),
            points: folder.join("points"),
            deaths: AtomicUsize::new(0),
            process: Mutex::default(),
        }
    }

    /// Starts the server again whenever it dies, always at the same address. Says where as soon
    /// as it listens.
    fn keep_alive(&self, listens: &mpsc::Sender<String>) {
        let mut address = "127.0.0.1:0".to_owned();
        while let Some(mut output) = self.start(&address) {
            // The output ends with the process.
            let mut line = String::new();
            while output.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(rest) = line.strip_prefix("listening on ") {
                    rest.split(',').next().unwrap_or_default().clone_into(&mut address);
                    drop(listens.send(address.clone()));
                }
                line.clear();
            }
            let mut process = self.lock();
            let status = process.child.as_mut().map(Child::wait);
            if process.is_over {
                return;
            }
            let status = status.expect("a child").expect("its status");
            assert_eq!(status.code(), None, "the server ended by itself");
            self.deaths.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn start(&self, address: &str) -> Option<BufReader<std::process::ChildStdout>> {
        let mut process = self.lock();
        if process.is_over {
            return None;
        }
        let log = File::options().create(true).append(true).open(&self.log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_saochong"));
        command.args(&self.arguments).args(["--listen", address]).env_clear();
        if let Some(place) = self.crash_at.get(self.deaths.load(Ordering::SeqCst)) {
            command.env("SAOCHONG_CRASH_AT", place);
        }
        command.env("SAOCHONG_CRASH_POINTS", &self.points);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command.current_dir(self.log.parent().expect("a folder"));
        let mut child = command.spawn().expect("a process");
        let output = child.stdout.take().expect("a pipe");
        process.child = Some(child);
        Some(BufReader::new(output))
    }

    /// Kills the process after so many deaths; a later one lives on.
    fn kill(&self, after_deaths: usize) {
        let mut process = self.lock();
        if self.deaths.load(Ordering::SeqCst) == after_deaths
            && let Some(child) = &mut process.child
        {
            drop(child.kill());
        }
    }

    fn end(&self) {
        let mut process = self.lock();
        process.is_over = true;
        if let Some(child) = &mut process.child {
            drop(child.kill());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operator with one site and one station.
async fn seed(database: &str, codes: Vec<ScanCode>) {
    let store = Store::open(database).await.expect("a database");
    store.migrate().await.expect("migrations");
    watch(&store).await;
    let now_ms = Clock::System.now_ms();
    let tariff = json!({
        "id": TARIFF,
        "electricity": [{"from_minute": 0, "price_mfen_per_kwh": FEN_PER_WH * 1_000_000}],
        "service": {"by": "none"},
        "plans": [{
            "id": PLAN,
            "limit": {"by": "full"},
            "price": {"by": "metered", "prepaid_fen": PREPAID_FEN},
        }, {
            "id": BRIEF,
            "limit": {"by": "time", "duration_ms": BRIEF_MS},
            "price": {"by": "metered", "prepaid_fen": PREPAID_FEN},
        }],
        "longest_ms": 36_000_000,
    });
    let operator =
        Operator { id: "op".into(), name: "清源".to_owned(), service_phone: "1".to_owned() };
    let site = NewSite {
        operator_id: "op".into(),
        id: "site".into(),
        name: "一号院".to_owned(),
        address: "一号路 1 号".to_owned(),
        tariff: serde_json::from_value(tariff).expect("a tariff"),
    };
    let mut tx = store.begin().await.expect("begin");
    tx.add_operator(&operator, now_ms).await.expect("an operator");
    tx.add_site(&site, now_ms).await.expect("a site");
    let rule = NewRule {
        operator_id: &site.operator_id,
        id: "rule",
        site_id: &site.id,
        rule: &rule(),
        created_by: "test",
    };
    tx.insert_split_rule(&rule, now_ms).await.expect("a rule");
    tx.commit().await.expect("commit");
    let station = NewStation {
        operator_id: "op".into(),
        site_id: "site".into(),
        identity: IDENTITY.to_owned(),
        name: "1号箱".to_owned(),
        password: PASSWORD.to_owned(),
        socket_max_w: SOCKET_MAX_W,
        codes,
    };
    store.add_station(&station, now_ms).await.expect("a station");
}

/// A fifth of each bill goes to whoever manages the site.
fn rule() -> SplitRule {
    let account = json!({"channel": "alipay", "kind": "merchant", "account": PARTNER, "name": ""});
    let rule = json!({
        "parties": [
            {"id": "own", "name": "清源", "role": "operator",
             "basis": {"by": "percent", "basis_points": 8_000}},
            {"id": "wuye", "name": "物业", "role": "property", "accounts": [account],
             "basis": {"by": "percent", "basis_points": 2_000}},
        ],
        "electricity": "inside",
        "rest_to": "own",
        "valid_from_ms": 0,
    });
    serde_json::from_value(rule).expect("a rule")
}

/// A station without faults, until the guard is dropped.
fn run_fleet(url: String, sockets: usize) -> DropGuard {
    let stop = CancellationToken::new();
    let station =
        SimulatedStation { identity: IDENTITY.to_owned(), password: PASSWORD.to_owned(), sockets };
    let running = stop.clone();
    tokio::spawn(async move { fleet::run(&url, vec![station], 1, SPEED, running).await });
    stop.drop_guard()
}
