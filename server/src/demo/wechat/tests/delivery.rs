//! Notifies: repeated, probed and spoilt as told.

use super::super::*;
use super::merchant::Merchant;

#[tokio::test]
async fn notifies_are_repeated_and_spoilt_as_told() {
    let mut merchant = Merchant::new().await;
    *merchant.refuse.lock().unwrap() = 2;
    let prepay_id = merchant.opened("ORDER1").await;
    merchant.faults(|faults| faults.probes = true);
    merchant.press(&prepay_id, "pay").await;
    let first = merchant.heard().await.1;
    assert_eq!(merchant.heard().await.1, first);
    assert_eq!(merchant.heard().await.1, first);
    assert_eq!(merchant.platform.probes(), (3, 0));
    for (nth, fault) in [
        NotifyFault::BadSignature,
        NotifyFault::OtherKey,
        NotifyFault::UnknownSerial,
        NotifyFault::Altered,
        NotifyFault::Old,
    ]
    .into_iter()
    .enumerate()
    {
        merchant.faults(|faults| faults.notify = fault);
        let prepay_id = merchant.opened(&format!("FORGED{nth}")).await;
        merchant.press(&prepay_id, "pay").await;
        let (headers, body) = merchant.heard().await;
        assert!(!merchant.is_signed(&headers, body.as_bytes()), "{fault:?}");
    }
    merchant.faults(|faults| faults.notify = NotifyFault::WrongAmount);
    let prepay_id = merchant.opened("WRONG1").await;
    merchant.press(&prepay_id, "pay").await;
    assert_eq!(merchant.told().await["amount"]["total"], 501);
    merchant.faults(|faults| faults.notify = NotifyFault::Copies(3));
    let prepay_id = merchant.opened("COPIES").await;
    merchant.press(&prepay_id, "pay").await;
    let first = merchant.heard().await.1;
    assert!(merchant.heard().await.1 == first && merchant.heard().await.1 == first);
    let prepay_id = merchant.opened("LOST01").await;
    merchant.press(&prepay_id, "pay_lost").await;
    let told =
        merchant.get("/v3/pay/transactions/out-trade-no/LOST01?mchid=1900000001").await.json();
    assert_eq!(told["trade_state"], "SUCCESS");
    assert!(merchant.heard.try_recv().is_err());
}
