//! What a rider goes through: logins, and the app's own cashier.

use serde_json::Value;

use super::super::*;
use super::merchant::Merchant;

#[tokio::test]
async fn a_login_code_serves_once() {
    let merchant = Merchant::new().await;
    let authorize = |uri: &str| {
        format!(
            "{}?appid={}&state=s1&payer=o7&redirect_uri={uri}",
            merchant.config.authorize_url, merchant.config.appid
        )
    };
    let evil = merchant.http.get(authorize("https://evil.example/")).send().await.unwrap();
    assert_eq!(evil.status(), 400);
    let back =
        merchant.http.get(authorize(&format!("{}/login", merchant.url))).send().await.unwrap();
    let location = back.headers()["location"].to_str().unwrap().to_owned();
    let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
    let exchange = |path: &str, name: &str, code: &str, secret: &str| {
        let address = format!(
            "{}/sns/{path}?appid={}&secret={secret}&{name}={code}&grant_type=authorization_code",
            merchant.url, merchant.config.appid
        );
        let http = merchant.http.clone();
        async move { http.get(address).send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let secret = &merchant.config.app_secret;
    assert_eq!(exchange("oauth2/access_token", "code", code, "wrong").await["errcode"], 40125);
    assert_eq!(exchange("oauth2/access_token", "code", code, secret).await["openid"], "o7");
    assert_eq!(exchange("oauth2/access_token", "code", code, secret).await["errcode"], 40163);
    assert_eq!(exchange("jscode2session", "js_code", "guessed", secret).await["errcode"], 40029);
}

#[tokio::test]
async fn the_bridge_opens_only_for_a_right_signature() {
    let merchant = Merchant::new().await;
    let package = format!("prepay_id={}", merchant.opened("ORDER1").await);
    let text = format!("{}\n1795305600\nn1\n{package}\n", merchant.config.appid);
    let pem = &merchant.config.merchant_private_key_pem;
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let sign = keys::Key::parse(&base64).unwrap().sign(text.as_bytes());
    for (nonce, status) in [("n1", 303), ("n2", 400)] {
        let query = [
            ("appId", merchant.config.appid.as_str()),
            ("timeStamp", "1795305600"),
            ("nonceStr", nonce),
            ("package", &package),
            ("signType", "RSA"),
            ("paySign", &sign),
        ];
        let address = cashier::with_query(&merchant.config.bridge_url, &query);
        let answer = merchant.http.get(address).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
