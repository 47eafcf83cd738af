//! A secret never appears in a log, an error or a page.
//!
//! The real binary logs all there is to log while riders pay, platforms call back, people mistype
//! and the database breaks. Every secret has a text that is found again; whatever the server wrote
//! or answered is searched for all of them.

mod outside;
mod setup;
mod stage;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use server::payments::keys::SigningKey;
use tokio::time::sleep;

use crate::outside::{STRANGE_SHAPES, signed_by_wechat};
use crate::stage::{
    ADMIN_PASSWORD, ALIPAY_OPEN_ID, IN_ALIPAY, IN_BROWSER, IN_WECHAT, MISTYPED, PHONE, Phone,
    Stage, WECHAT_CODE,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_logged_or_shown() {
    for database in stage::databases() {
        let mut stage = Stage::open(database).await;
        riders_pay_and_charge(&mut stage).await;
        riders_in_apps(&mut stage).await;
        people_and_stations_mistype(&mut stage).await;
        platforms_call_back(&mut stage).await;
        staff_work(&mut stage).await;
        the_database_breaks(&mut stage).await;
        stage.stop();
        stage.nothing_is_told();
    }
}

#[test]
fn no_secret_is_told_by_a_configuration_that_is_wrong() {
    let key = SigningKey::generate().unwrap().to_pkcs8_base64().unwrap();
    let cut = key[..key.len() / 2].to_owned();
    let v3 = "v3KeyOf31Characters123456789012";
    let alipay = |private: &str| {
        format!(
            "[alipay]\napp_id = 'a'\nseller_id = 's'\nprivate_key_file = '{private}'\n\
             public_key_file = 'public'"
        )
    };
    let wechat = |private: &str| {
        format!(
            "[wechat]\nmchid = 'm'\nappid = 'a'\nserial_no = 's'\nprivate_key_file = '{private}'\n\
             api_v3_key_file = 'v3'"
        )
    };
    let files = [alipay("cut"), alipay("swapped"), wechat("cut"), wechat("whole")];
    let inline = [
        // People paste keys where a file's name belongs, or under a name that is not there.
        format!("[alipay]\nprivate_key = '{key}'"),
        format!("alipay = '{key}'"),
        format!("[wechat]\nprofit_sharing = '{v3}'"),
        format!("[wechat]\napi_v3_key_file = '{v3}"),
        format!("address_rate = '{key}'"),
        alipay(&key[..100]),
        alipay(&key),
        format!("database_url = 'postgres://u:{MISTYPED}@127.0.0.1:1/x?sslmode=x'"),
        format!("database_url = 'postgres://u:{MISTYPED}@127.0.0.1:port/x'"),
        format!("database_url = 'postgress://u:{MISTYPED}@127.0.0.1:1/x'"),
        format!("database_url = 'postgress://u:{MISTYPED}'"),
        format!("database_url = 'sqlite:/u:{MISTYPED}@x/'\nlisten = '{MISTYPED}"),
        format!("public_url = 'http://u:{MISTYPED}@host/path'"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("cut", &cut), ("swapped", &v3.to_owned()), ("whole", &key), ("v3", &v3.to_owned())]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let secrets = [
        ("key", &key[60..100]),
        ("half a key", &key[100..140]),
        ("v3", v3),
        ("password", MISTYPED),
    ];
    for config in files.iter().chain(&inline) {
        std::fs::write(folder.path().join("c.toml"), config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_saochong"));
        command.args(["serve", "--config", "c.toml", "--log", "trace"]);
        let output = command.env_clear().current_dir(folder.path()).output().unwrap();
        assert!(!output.status.success(), "{config}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("saochong: "), "it says why: {said}");
        for (name, secret) in secrets {
            assert!(!said.contains(secret), "the {name} of\n{config}\nis in\n{said}");
        }
    }
}

/// An order paid in a browser, charged, stopped, billed and paid back, by API and by page.
async fn riders_pay_and_charge(stage: &mut Stage) {
    let rider = stage.rider().await;
    let order = stage.order_by_api(&rider, 0).await;
    let path = format!("/api/v1/orders/{order}");
    let pay = json!({"via": "browser", "channel": "alipay"});
    let answer = stage.api(&rider, Method::POST, &format!("{path}/pay"), Some(pay)).await;
    stage.pay_at_alipay(answer["redirect_url"].as_str().unwrap()).await;
    stage.until(&rider, &path, "charging").await;
    stage.api(&rider, Method::POST, &format!("{path}/stop"), None).await;
    stage.until(&rider, &path, "closed").await;
    for page in ["", "/receipt"] {
        stage.api(&rider, Method::GET, &format!("{path}{page}"), None).await;
        stage.page(IN_BROWSER, &rider.cookie(), &format!("/orders/{order}{page}")).await;
    }
    stage
        .page(IN_BROWSER, &rider.cookie(), &format!("/me?phone={PHONE}&token={}", rider.token))
        .await;
    // What a rider sends in the wrong place, and secrets that are not right.
    for body in [
        json!({"code": &rider.token}),
        json!({"prepaid_fen": &rider.token}),
        json!([PHONE]),
        json!({"code": PHONE.parse::<i64>().unwrap()}),
    ] {
        let answer = stage.api(&rider, Method::POST, "/api/v1/orders", Some(body)).await;
        assert!(answer["code"].is_string(), "{answer}");
    }
    let stranger = stage.rider().await;
    stage.api(&stranger, Method::GET, &path, None).await;
    stage.page(IN_BROWSER, &stranger.cookie(), &format!("/orders/{order}")).await;
}

/// Logins in both apps, payments there, and a platform that answers nonsense.
async fn riders_in_apps(stage: &mut Stage) {
    let mut phone = Phone::new(IN_ALIPAY);
    let authorize = phone.order(stage, 1).await;
    let back = phone.follow(stage, &format!("{authorize}&buyer={ALIPAY_OPEN_ID}")).await;
    stage.keep("auth code", back.split("auth_code=").nth(1).unwrap().split('&').next().unwrap());
    let cashier = phone.get(stage, &back).await;
    let trade_no = cashier.split("data-trade-no=\"").nth(1).expect("the app's cashier");
    let trade_no = trade_no.split('"').next().unwrap();
    stage.pay_in_alipay(trade_no).await;
    sleep(Duration::from_secs(1)).await;
    phone.get(stage, "/me").await;
    let again = phone.get(stage, &back).await;
    assert!(!again.is_empty());

    for (nth, shape) in STRANGE_SHAPES.iter().enumerate() {
        stage.wechat_answers(shape);
        let mut phone = Phone::new(IN_WECHAT);
        let authorize = phone.order(stage, 2).await;
        let begun = authorize.split("state=").nth(1).expect("a state");
        let begun = begun.split(['&', '#']).next().unwrap();
        let back = format!("/login/wechat?code={WECHAT_CODE}&state={begun}");
        phone.get(stage, &back).await;
        phone.get(stage, "/me").await;
        let ticket = json!({"channel": "wechat", "code": WECHAT_CODE});
        stage.post_json(&format!("/api/v1/tickets?nth={nth}"), &ticket).await;
    }
    stage.post_json("/api/v1/tickets", &json!({"channel": WECHAT_CODE, "code": PHONE})).await;
}

/// Passwords in the wrong field, tokens with a typo, stations that guess.
async fn people_and_stations_mistype(stage: &mut Stage) {
    for (login, password) in [("mei", MISTYPED), ("nobody", ADMIN_PASSWORD)] {
        stage.admin_login(login, password).await;
    }
    stage.page(IN_BROWSER, &format!("sc_staff={MISTYPED}"), "/admin").await;
    stage.page(IN_BROWSER, &format!("sc_rider={MISTYPED}"), "/me").await;
    stage.page(IN_BROWSER, "", &format!("/enter?ticket={MISTYPED}&to=/me")).await;
    stage.knock_as_station(MISTYPED).await;
}

/// Callbacks that are true, false and strange.
async fn platforms_call_back(stage: &mut Stage) {
    for (content, is_ours) in outside::wechat_callbacks() {
        let (headers, body) = signed_by_wechat(&stage.wechat, &content, is_ours);
        stage.post("/notify/wechat", headers, body).await;
    }
    for body in [
        format!("app_id=x&buyer_open_id={ALIPAY_OPEN_ID}&buyer_logon_id={PHONE}&sign=AAAA"),
        format!("buyer_open_id={ALIPAY_OPEN_ID}&buyer_open_id={PHONE}"),
        format!("{PHONE}%zz"),
    ] {
        let form =
            vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        stage.post("/notify/alipay", form, body.into_bytes()).await;
    }
}

/// What an operator sees.
async fn staff_work(stage: &mut Stage) {
    let cookie = stage.admin_login("mei", ADMIN_PASSWORD).await.expect("let in");
    let pages =
        ["/admin", "/admin/books", "/admin/books/days", "/admin/books/cases", "/admin/none"];
    for page in pages {
        let shown = stage.page(IN_BROWSER, &format!("sc_staff={cookie}"), page).await;
        assert!(page == "/admin/none" || !shown.is_empty());
    }
}

/// The same once more while tables are missing: every error of the store.
async fn the_database_breaks(stage: &mut Stage) {
    let rider = stage.rider().await;
    let tables = ["riders", "sessions", "users", "notifies", "orders", "stations", "tickets"];
    for table in tables {
        stage.hide_table(table).await;
    }
    stage.api(&rider, Method::GET, "/api/v1/orders", None).await;
    stage.page(IN_BROWSER, &rider.cookie(), "/me").await;
    stage.admin_login("mei", ADMIN_PASSWORD).await;
    stage.knock_as_station(MISTYPED).await;
    platforms_call_back(stage).await;
    stage.wechat_answers(STRANGE_SHAPES[0]);
    stage.post_json("/api/v1/tickets", &json!({"channel": "wechat", "code": WECHAT_CODE})).await;
    let made = stage.post_json("/api/v1/riders", &Value::Null).await;
    assert!(!made.contains(MISTYPED));
}
