//! The bill, computed again on the rider's own phone by the very code that settled it.

#[cfg(feature = "ssr")]
pub use on_server::check;

#[cfg(feature = "ssr")]
mod on_server {
    use leptos::prelude::*;
    use wasm_core::receipt::Receipt;

    use crate::text::Text;

    /// What the check has to say: at first how to check by hand, the rest when it is time.
    pub fn check(text: &'static Text, receipt: &Receipt) -> impl IntoView + use<> {
        let bill = &text.bill;
        let shown = serde_json::to_string(&receipt.bill).unwrap_or_default();
        view! {
            <section
                class="check"
                role="status"
                data-island="check"
                data-receipt=format!("/api/v1/orders/{}/receipt", receipt.order_id)
                data-shown=shown
            >
                <p class="quiet" data-when="plain">{bill.check_plain}</p>
                <p class="quiet" data-when="checking" hidden>{bill.checking}</p>
                <div class="good" data-when="agrees" hidden>
                    <p class="verdict">{bill.agrees} " ✓"</p>
                    <p class="hint">{bill.agrees_note}</p>
                </div>
                <div class="caution" data-when="differs" hidden>
                    <p class="verdict">{bill.differs} " " <span data-say="total"></span></p>
                    <p class="hint">{bill.differs_note}</p>
                </div>
                <p class="quiet" data-when="failed" hidden>{bill.check_failed}</p>
            </section>
        }
    }
}

#[cfg(feature = "browser")]
mod in_browser {
    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
    use wasm_core::receipt::{Receipt, Verdict};
    use wasm_core::tariff::Bill;
    use web_sys::HtmlElement;

    use crate::islands::browser::{fetch, say, show};
    use crate::json;

    /// Fetches the receipt and verifies it, against the bill that the page shows as well.
    #[wasm_bindgen]
    pub fn check(island: HtmlElement) -> Result<(), JsValue> {
        let data = island.dataset();
        let (receipt, shown) = (data.get("receipt"), data.get("shown").unwrap_or_default());
        turn(&island, "plain", "checking");
        fetch(&receipt.unwrap_or_default(), move |text| {
            let verdict = text.and_then(|receipt| verify(&receipt, &shown));
            let found = match verdict {
                Some(Verdict::Agrees) => "agrees",
                Some(Verdict::Differs { computed }) => {
                    say(&island, &[("total", computed.total_fen.to_string())]);
                    "differs"
                }
                Some(Verdict::Invalid { .. }) | None => "failed",
            };
            turn(&island, "checking", found);
        })
    }

    fn turn(island: &HtmlElement, from: &str, to: &str) {
        show(island, from, false);
        show(island, to, true);
    }

    /// The verdict on the bill shown, line by line; none if something cannot be read.
    fn verify(receipt: &str, shown: &str) -> Option<Verdict> {
        let mut receipt: Receipt = json::read(receipt).ok()?;
        let shown: Bill = json::read(shown).ok()?;
        let told = std::mem::replace(&mut receipt.bill, shown);
        match receipt.verify() {
            // Two bills of one charge, and the one told elsewhere is the wrong one.
            Verdict::Agrees if told != receipt.bill => {
                Some(Verdict::Differs { computed: Box::new(receipt.bill) })
            }
            verdict => Some(verdict),
        }
    }
}
