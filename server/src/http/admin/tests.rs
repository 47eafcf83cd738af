//! Who is let in, what they see, and that it is theirs.

use std::net::SocketAddr;
use std::sync::Arc;

use app::lang::Lang;
use app::text::admin::Admin;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use wasm_core::day::Day;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Event, Order, Payment, Session, State, StopReason, Terms};
use wasm_core::posting::Transaction;
use wasm_core::tariff::{Limits, Usage};

use super::staff::SESSION_MS;
use crate::clock::Clock;
use crate::http::{App, Options, Parts, Settings, router};
use crate::ledger::closing::close_due;
use crate::orders::{Orders, Platforms};
use crate::store::Store;
use crate::store::recon::CaseRow;
use crate::store::sites::Operator;
use crate::store::users::User;
use crate::{demo, ledger, password};

const PASSWORD: &str = "correct horse battery";

struct Service {
    router: Router,
    app: App,
    _folder: TempDir,
}

/// The demo's operator with its sites, and another operator; a user of each role at the first.
async fn service() -> Service {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let clock = Clock::manual(1_795_351_200_000);
    demo::seed::seed(&store, clock.now_ms()).await.unwrap();
    let other = Operator {
        id: "other".into(),
        name: "别家充电".to_owned(),
        service_phone: "400-000-0000".to_owned(),
    };
    let mut tx = store.begin().await.unwrap();
    tx.add_operator(&other, 1).await.unwrap();
    tx.commit().await.unwrap();
    let hash = password::hash(PASSWORD);
    for (login, operator, role) in [
        ("owner", "qingyuan", "owner"),
        ("finance", "qingyuan", "finance"),
        ("technician", "qingyuan", "technician"),
        ("stranger", "other", "owner"),
    ] {
        let user = User {
            id: format!("id-{login}"),
            operator_id: operator.into(),
            login: login.to_owned(),
            role: role.to_owned(),
            password_hash: hash.clone(),
        };
        store.add_user(&user, 1).await.unwrap();
    }
    let orders = Orders::new(store.clone(), clock.clone(), Platforms::default());
    let public_url = "https://charge.example".to_owned();
    let settings = Arc::new(Settings { public_url, demo: false });
    let app = App { orders, store, clock, settings };
    let options = Options { site: folder.path().to_owned(), ..Options::default() };
    let parts = Parts { people: vec![super::router()], ..Parts::default() };
    Service { router: router(app.clone(), options, parts), app, _folder: folder }
}

fn ask(method: &str, path: &str, cookie: &str) -> axum::http::request::Builder {
    let peer: SocketAddr = "198.51.100.7:4242".parse().unwrap();
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "charge.example")
        .header(header::COOKIE, cookie)
        .extension(ConnectInfo(peer))
}

impl Service {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, cookie: &str) -> Response<Body> {
        self.send(ask("GET", path, cookie).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str) -> Response<Body> {
        let own = ask("POST", path, cookie).header("sec-fetch-site", "same-origin");
        self.send(own.body(Body::empty()).unwrap()).await
    }

    async fn send_form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response<Body> {
        let form = ask("POST", path, cookie)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(form.body(Body::from(body)).unwrap()).await
    }

    async fn try_login(&self, login: &str, password: &str) -> Response<Body> {
        let form = ask("POST", "/admin/login", "sc_lang=zh")
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("login", login), ("password", password)])
            .finish();
        self.send(form.body(Body::from(body)).unwrap()).await
    }

    /// The cookie of a user who is logged in, as a browser sends it back.
    async fn cookie(&self, login: &str) -> String {
        let response = self.try_login(login, PASSWORD).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{login}");
        assert_eq!(response.headers()[header::LOCATION], "/admin");
        let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(
            set.ends_with("; Path=/admin; HttpOnly; SameSite=Lax; Max-Age=43200; Secure"),
            "{set}"
        );
        set.split(';').next().unwrap().to_owned()
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn is_to_login(response: &Response<Body>) -> bool {
    response.status() == StatusCode::SEE_OTHER
        && response.headers()[header::LOCATION] == "/admin/login"
}

#[tokio::test]
async fn without_a_session_every_way_leads_to_the_login() {
    let service = service().await;
    let made_up = format!("sc_staff={}", "A".repeat(40));
    for cookie in ["", "sc_staff=x", &made_up] {
        for path in ["/admin", "/admin/books", "/admin/books/days", "/admin/sites/jinxiu/codes"] {
            assert!(is_to_login(&service.get(path, cookie).await), "{path}");
        }
        for path in ["/admin/orders/O/stop", "/admin/jobs/J/retry"] {
            assert!(is_to_login(&service.post(path, cookie).await), "{path}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_login_are_answered_alike() {
    let service = service().await;
    let wrong = service.try_login("owner", "incorrect horse").await;
    let unknown = service.try_login("nobody", "incorrect horse").await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    assert!(!wrong.headers().contains_key(header::SET_COOKIE));
    let (wrong, unknown) = (text(wrong).await, text(unknown).await);
    assert!(wrong.contains(Admin::of(Lang::Zh).login.wrong), "{wrong}");
    assert_eq!(wrong.replace("owner", "nobody"), unknown);
    assert!(!wrong.contains("incorrect horse"), "the password is not shown back");
}

#[tokio::test]
async fn tries_run_out_for_one_login_and_not_for_another() {
    let service = service().await;
    for _ in 0..10 {
        let refused = service.try_login("nobody", "incorrect horse").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    let refused = service.try_login("nobody", "incorrect horse").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    service.cookie("owner").await;
}

#[tokio::test]
async fn a_session_ends_by_time_by_logging_out_and_with_the_password() {
    let service = service().await;
    let cookie = service.cookie("owner").await;
    service.app.clock.advance_ms(SESSION_MS - 1);
    assert_eq!(service.get("/admin", &cookie).await.status(), StatusCode::OK);
    service.app.clock.advance_ms(1);
    assert!(is_to_login(&service.get("/admin", &cookie).await), "over");

    let cookie = service.cookie("owner").await;
    let left = service.post("/admin/logout", &cookie).await;
    assert!(is_to_login(&left));
    assert!(left.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(is_to_login(&service.get("/admin", &cookie).await), "logged out");

    let cookie = service.cookie("owner").await;
    service.app.store.set_password("owner", &password::hash("another one")).await.unwrap();
    assert!(is_to_login(&service.get("/admin", &cookie).await), "another password");
}

#[tokio::test]
async fn a_user_sees_its_own_operator_only() {
    let service = service().await;
    let (owner, stranger) = (service.cookie("owner").await, service.cookie("stranger").await);
    let own = text(service.get("/admin", &owner).await).await;
    for shown in ["清源充电", "锦绣家园", "东门车棚 1", "/admin/sites/jinxiu/codes"] {
        assert!(own.contains(shown), "{shown}");
    }
    let strange = text(service.get("/admin", &stranger).await).await;
    assert!(strange.contains("别家充电"), "{strange}");
    for hidden in ["清源充电", "锦绣家园", "东门车棚 1", "/s/"] {
        assert!(!strange.contains(hidden), "{hidden}");
    }
    let path = "/admin/sites/jinxiu/codes";
    assert_eq!(service.get(path, &stranger).await.status(), StatusCode::NOT_FOUND);
    let codes = text(service.get(path, &owner).await).await;
    assert_eq!(codes.matches("class=\"code-card\"").count(), 38, "one for each socket");
}

#[tokio::test]
async fn a_role_without_the_right_is_told_so() {
    let service = service().await;
    let (finance, technician) =
        (service.cookie("finance").await, service.cookie("technician").await);
    for (path, cookie, status) in [
        ("/admin/orders/O/stop", &finance, StatusCode::FORBIDDEN),
        ("/admin/orders/O/stop", &technician, StatusCode::NOT_FOUND),
        ("/admin/jobs/J/retry", &technician, StatusCode::FORBIDDEN),
        ("/admin/jobs/J/retry", &finance, StatusCode::NOT_FOUND),
    ] {
        assert_eq!(service.post(path, cookie).await.status(), status, "{path}");
    }
    assert_eq!(service.get("/admin/books", &technician).await.status(), StatusCode::FORBIDDEN);
    let books = service.get("/admin/books", &finance).await;
    assert_eq!(books.status(), StatusCode::OK);
    assert!(text(books).await.contains(Admin::of(Lang::Zh).books.whole));
}

#[tokio::test]
async fn a_split_rule_is_linted_before_it_is_stored_and_only_the_owner_writes_it() {
    let service = service().await;
    let (owner, finance) = (service.cookie("owner").await, service.cookie("finance").await);
    let (technician, stranger) =
        (service.cookie("technician").await, service.cookie("stranger").await);
    let path = "/admin/splits/sites/jinxiu";
    assert_eq!(service.get("/admin/splits", &technician).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.get("/admin/splits", &finance).await.status(), StatusCode::OK);
    assert_eq!(service.get(path, &finance).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.get(path, &stranger).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(service.get(path, &owner).await.status(), StatusCode::OK);
    let mut fields = vec![
        ("p0_id", "own"),
        ("p0_name", "清源充电"),
        ("p0_role", "operator"),
        ("p0_basis", "percent"),
        ("p0_value", "0"),
        ("p1_id", "wuye"),
        ("p1_name", "锦绣物业"),
        ("p1_role", "property"),
        ("p1_basis", "percent"),
        ("p1_value", "101"),
        ("electricity", "outside"),
        ("rest_to", "own"),
    ];
    for cookie in [&finance, &technician] {
        let refused = service.send_form(path, cookie, &fields).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
    let strange = service.send_form(path, &stranger, &fields).await;
    assert_eq!(strange.status(), StatusCode::NOT_FOUND);
    let rules = async || service.app.store.split_rules(None).await.unwrap();

    let refused = service.send_form(path, &owner, &fields).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "101 %");
    assert!(rules().await.is_empty());
    fields[9] = ("p1_value", "20");
    let warned = service.send_form(path, &owner, &fields).await;
    assert_eq!(warned.status(), StatusCode::UNPROCESSABLE_ENTITY, "no account: paid by hand");
    let warned = text(warned).await;
    assert!(warned.contains("name=\"confirmed\"") && warned.contains("锦绣物业"), "{warned}");
    assert!(rules().await.is_empty());
    fields.push(("confirmed", "yes"));
    let stored = service.send_form(path, &owner, &fields).await;
    assert_eq!(stored.status(), StatusCode::SEE_OTHER);
    let rules = rules().await;
    assert_eq!((rules.len(), rules[0].created_by.as_str()), (1, "id-owner"));
    let shown = text(service.get("/admin/splits", &owner).await).await;
    assert!(shown.contains("锦绣物业") && shown.contains("20.00%"), "{shown}");
    let strange = text(service.get("/admin/splits", &stranger).await).await;
    assert!(!strange.contains("锦绣物业"), "{strange}");

    for path in ["shares/wuye", "returns/OB1"] {
        let path = format!("/admin/splits/orders/O/{path}/retry");
        assert_eq!(service.post(&path, &technician).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(service.post(&path, &finance).await.status(), StatusCode::NOT_FOUND);
    }
}

/// An order of ¥5.00 that charged 1.5 kWh at the demo's first site.
async fn charged_order(service: &Service) -> Order {
    let app = &service.app;
    let site = app.store.sites(Some(&"qingyuan".into())).await.unwrap().remove(0);
    let rows = app.store.sockets_of_operator(&"qingyuan".into(), 1_000).await.unwrap();
    let socket = rows.iter().find(|row| row.site_id == site.id).unwrap();
    let (tariff, now_ms) = (site.tariff, app.clock.now_ms());
    let plan = tariff.plans[0].clone();
    let session = Session { transaction_id: 1, started_ms: now_ms - 3_600_000 };
    let payment = Payment {
        id: "OP1".into(),
        channel: Channel::Alipay,
        amount_fen: Fen(500),
        trade_no: "2026112422001".to_owned(),
        paid_ms: now_ms - 3_700_000,
        held: false,
        buyer_open_id: None,
    };
    let order = Order {
        id: "7K3M9QX2T4B8N6WZ0HVC".into(),
        operator_id: "qingyuan".into(),
        site_id: site.id,
        socket_id: socket.socket_id.clone(),
        rider_id: "rider".into(),
        created_ms: now_ms - 3_800_000,
        terms: Terms { prepaid_fen: Fen(500), limits: Limits::of(&tariff, &plan), tariff, plan },
        payments: vec![payment],
        refunds: vec![],
        captures: vec![],
        state: State::Charging(session.clone()),
    };
    let mut tx = app.store.begin().await.unwrap();
    tx.insert_order(&order).await.unwrap();
    tx.commit().await.unwrap();
    let usage = Usage {
        started_ms: session.started_ms,
        ended_ms: now_ms,
        energy_wh: 1_500,
        samples: vec![],
    };
    let (transaction_id, reason) = (session.transaction_id, StopReason::Full);
    let ended = Event::Stopped { transaction_id, reason, usage, final_reading_missing: false };
    app.orders.handle(&order.id, ended).await.unwrap()
}

#[tokio::test]
async fn money_is_given_back_once_a_form_and_only_by_those_who_may() {
    let service = service().await;
    let order = charged_order(&service).await;
    let kept_fen = order.kept_fen().unwrap();
    assert!(kept_fen > Fen(20), "{kept_fen}");
    let page = format!("/admin/orders/{}", order.id);
    let path = format!("{page}/refund");
    let owner = service.cookie("owner").await;
    let found = service.get(&format!("/admin/orders?number={}P1", order.id), &owner).await;
    assert_eq!(found.headers()[header::LOCATION], page.as_str(), "by a payment's number too");
    for (login, status) in
        [("technician", StatusCode::FORBIDDEN), ("stranger", StatusCode::NOT_FOUND)]
    {
        let cookie = service.cookie(login).await;
        let fields = [("key", "k"), ("amount", "0.10"), ("reason", "充电慢")];
        assert_eq!(service.send_form(&path, &cookie, &fields).await.status(), status, "{login}");
    }
    let strange = service.get(&page, &service.cookie("stranger").await).await;
    assert_eq!(strange.status(), StatusCode::NOT_FOUND);
    let given = async || {
        let order = service.app.store.order(&order.id).await.unwrap().unwrap();
        kept_fen - order.kept_fen().unwrap()
    };
    let too_much = (kept_fen + Fen(1)).to_yuan();
    for (amount, reason) in
        [("0", "x"), ("-1", "x"), ("0.001", "x"), ("0.10", " "), (too_much.as_str(), "x")]
    {
        let fields = [("key", "k"), ("amount", amount), ("reason", reason)];
        let refused = service.send_form(&path, &owner, &fields).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{amount}");
        assert!(
            text(refused).await.contains(&format!("value=\"{amount}\"")),
            "what was typed stays"
        );
    }
    assert_eq!(given().await, Fen::ZERO);
    for (key, amount, sum) in [("k", "0.10", 10), ("k", "0.10", 10), ("l", "0.05", 15)] {
        let fields = [("key", key), ("amount", amount), ("reason", "充电慢")];
        let done = service.send_form(&path, &owner, &fields).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        assert_eq!(given().await, Fen(sum), "a form that is sent twice gives back once");
    }
    let shown = text(service.get(&page, &owner).await).await;
    assert!(shown.contains("商家退款") && shown.contains("allowance:qingyuan"), "{shown}");
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let service = service().await;
    let cookie = service.cookie("owner").await;
    for (name, value) in [("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
        let foreign = ask("POST", "/admin/logout", &cookie).header(name, value);
        let response = service.send(foreign.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(service.get("/admin", &cookie).await.status(), StatusCode::OK, "still logged in");
}

#[tokio::test]
async fn the_books_are_read_and_decided_by_those_who_may() {
    let service = service().await;
    let (store, now_ms) = (&service.app.store, service.app.clock.now_ms());
    let day = Day::of(now_ms);
    let mut tx = store.begin().await.unwrap();
    let fee = Transaction::fee(Channel::Alipay, "x", Fen(3));
    ledger::post_entry(&mut tx, &"qingyuan".into(), &fee, now_ms).await.unwrap();
    tx.commit().await.unwrap();
    service.app.clock.advance_ms(24 * 3_600_000);
    let never = CancellationToken::new();
    let later_ms = service.app.clock.now_ms();
    let closed = close_due(store, later_ms, None, &never).await.unwrap();
    // Sessions do not last that long.
    let (finance, technician, stranger) = (
        service.cookie("finance").await,
        service.cookie("technician").await,
        service.cookie("stranger").await,
    );

    let days = text(service.get("/admin/books/days", &finance).await).await;
    assert!(days.contains(&closed[0].hash), "{days}");
    assert!(!text(service.get("/admin/books/days", &stranger).await).await.contains("<td"));
    let book = service.get(&format!("/admin/books/days/{day}"), &finance).await;
    assert!(book.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"));
    let book = text(book).await;
    assert!(
        book.contains("fee:alipay,0.03,,") && book.contains("clearing:alipay,,0.03,"),
        "{book}"
    );
    let others = text(service.get(&format!("/admin/books/days/{day}"), &stranger).await).await;
    assert_eq!(others.lines().count(), 1, "the heads only");
    assert_eq!(service.get("/admin/books/days/x", &finance).await.status(), StatusCode::NOT_FOUND);
    let span = format!("from={day}&to={day}");
    let page = text(service.get(&format!("/admin/books/statement?{span}"), &finance).await).await;
    assert!(page.contains("fee:alipay"), "{page}");
    let csv = service.get(&format!("/admin/books/statement.csv?by=day&{span}"), &finance).await;
    assert!(text(csv).await.contains(&format!("{day},fee:alipay,fee,0.03,0.00")));

    for path in ["/admin/books/days", "/admin/books/statement", "/admin/books/cases"] {
        assert_eq!(service.get(path, &technician).await.status(), StatusCode::FORBIDDEN, "{path}");
        assert_eq!(service.get(path, &finance).await.status(), StatusCode::OK, "{path}");
    }
    let case = case_of("qingyuan");
    let mut tx = store.begin().await.unwrap();
    tx.insert_case(&case).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/admin/books/cases/{}", case.id);
    assert_eq!(service.get(&path, &stranger).await.status(), StatusCode::NOT_FOUND);
    let shown = text(service.get(&path, &finance).await).await;
    assert!(shown.contains("RAW-LINE") && shown.contains("value=\"suspense\""), "{shown}");
    let decide = async |verb: &str, cookie: &str, body: &'static str| {
        let form = ask("POST", &format!("{path}/{verb}"), cookie)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        service.send(form.body(Body::from(body)).unwrap()).await.status()
    };
    let why = "repair=suspense&reason=asked";
    assert_eq!(decide("accept", &technician, why).await, StatusCode::FORBIDDEN);
    assert_eq!(decide("accept", &stranger, why).await, StatusCode::NOT_FOUND);
    assert_eq!(decide("accept", &finance, "repair=suspense").await, StatusCode::CONFLICT);
    assert_eq!(decide("accept", &finance, why).await, StatusCode::SEE_OTHER);
    assert_eq!(decide("dismiss", &finance, why).await, StatusCode::CONFLICT);
    let decided = store.case(&case.id).await.unwrap().unwrap();
    assert_eq!((decided.status.as_str(), decided.decided_by.as_str()), ("accepted", "finance"));
    assert!(ledger::check(store).await.unwrap().is_clean());
}

fn case_of(operator: &str) -> CaseRow {
    CaseRow {
        id: "c0ffee".to_owned(),
        operator_id: operator.into(),
        channel: Channel::Alipay,
        day: Day { number: 20_000 },
        kind: "theirs_only".to_owned(),
        number: "in:NOBODYS".to_owned(),
        order_id: "".into(),
        payment_id: "NOBODYS".into(),
        ours_fen: Fen::ZERO,
        theirs_fen: Fen(700),
        fee_fen: Fen(4),
        evidence_json: "{\"bill\":{\"line\":\"RAW-LINE\"}}".to_owned(),
        repair: "suspense".to_owned(),
        status: "open".to_owned(),
        decided_by: String::new(),
        decided_ms: 0,
        note: String::new(),
        created_ms: 1,
    }
}
