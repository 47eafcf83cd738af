//! Certificate mode.

use super::*;
use crate::payments::alipay::Certificates;

fn issued(pem: &str, key: SigningKey) -> Issued {
    Issued { pem: pem.to_owned(), key }
}

impl Fixture {
    /// In certificate mode, on both sides.
    async fn certified(app: &str) -> Self {
        let now_ms = Clock::System.now_ms();
        let held = Certificates::new(app, testing::ROOTS_PEM, testing::ALIPAY_PEM, now_ms);
        let held = Arc::new(held.unwrap());
        let change = |config: &mut AlipayConfig| config.certificates = Some(held);
        let fixture = Self::set_up(Clock::System, change).await;
        fixture.certify(testing::ALIPAY_PEM, testing::key());
        fixture
    }

    fn certify(&self, pem: &str, key: SigningKey) {
        let issued = issued(pem, key);
        self.platform.certify(testing::APP_PEM, testing::ROOTS_PEM, issued).unwrap();
    }
}

#[tokio::test]
async fn requests_name_our_certificates_and_answers_theirs() {
    let mut fixture = Fixture::certified(testing::APP_PEM).await;
    fixture.paid("P1").await;
    fixture.held("H1").await;
    assert_eq!(fixture.platform.certificate_downloads(), 0);
    let payment = fixture.payment("P2", PayVia::hold(Channel::Alipay, None));
    let Ok(Checkout::OrderString(text)) = fixture.alipay.create(&payment).await else { panic!() };
    let params = sign::decode(&text).unwrap();
    assert_eq!(params["app_cert_sn"], testing::APP_SN);
    assert_eq!(params["alipay_root_cert_sn"], testing::ROOT_SN);
    let other = Fixture::certified(testing::OTHER_PEM).await;
    assert_no(other.query("P1").await, "isv.invalid-app-cert-sn");
}

#[tokio::test]
async fn f17_the_platform_renews_its_certificate() {
    let mut fixture = Fixture::certified(testing::APP_PEM).await;
    let first = trade_no(&fixture.open("P1").await.unwrap());
    fixture.certify(testing::ALIPAY_NEXT_PEM, testing::next_key());
    fixture.press(&first, "pay").await;
    assert_eq!(fixture.answered().await, "failure", "signed with what we do not know yet");
    assert!(matches!(fixture.query("P1").await, Ok(TradeState::Paid(_))));
    assert_eq!(fixture.platform.certificate_downloads(), 1);
    fixture.paid("P2").await;
    assert!(matches!(fixture.query("P1").await, Ok(TradeState::Paid(_))));
    assert_eq!(fixture.platform.certificate_downloads(), 1, "once");
    assert!(fixture.told().iter().any(|trade| trade.payment_id.as_str() == "P2"));
}

#[tokio::test]
async fn f17_only_alipays_own_certificate_is_taken() {
    for pem in [testing::OTHER_PEM, testing::FORGED_PEM] {
        let mut fixture = Fixture::certified(testing::APP_PEM).await;
        let first = trade_no(&fixture.open("P1").await.unwrap());
        fixture.certify(pem, testing::strange_key());
        fixture.press(&first, "pay").await;
        for _ in 0..2 {
            assert_unknown(&fixture.query("P1").await, "signed by somebody else");
        }
        assert_eq!(fixture.platform.certificate_downloads(), 1, "not again so soon");
        assert_eq!(fixture.answered().await, "failure");
        assert!(fixture.told().is_empty());
        fixture.certify(testing::ALIPAY_PEM, testing::key());
        assert!(matches!(fixture.query("P1").await, Ok(TradeState::Paid(_))));
    }
}

#[tokio::test]
async fn f17_a_download_that_fails_leaves_the_answer_unknown() {
    let fixture = Fixture::certified(testing::APP_PEM).await;
    let first = trade_no(&fixture.open("P1").await.unwrap());
    fixture.press(&first, "pay").await;
    fixture.certify(testing::ALIPAY_NEXT_PEM, testing::next_key());
    fixture.platform.set_faults(Faults { answer: AnswerFault::Forged, ..Faults::default() });
    assert_unknown(&fixture.query("P1").await, "the right number, another key");
}
