//! Choosing a plan, with the price to expect computed by the very code that settles the bill.

use wasm_core::ids::PlanId;
use wasm_core::tariff::{Bill, Expectation, Tariff, quote};

use crate::figures::kwh_short;

#[cfg(feature = "ssr")]
pub use on_server::{Offer, Shop, choose};

/// What a battery takes of a preset's power, hours.
const HOURS: i64 = 4;

/// The bill to expect of a plan at `power_w` watts; none if the tariff cannot say.
fn expected(tariff: &Tariff, plan_id: &PlanId, power_w: i64, start_ms: i64) -> Option<Bill> {
    let expect = Expectation { start_ms, power_w, energy_wh: Some(power_w * HOURS) };
    quote(tariff, plan_id, &expect).ok().map(|quote| quote.expected)
}

/// What is said of the bill to expect, by name.
fn figures(bill: &Bill) -> [(&'static str, String); 7] {
    [
        ("hours", (bill.duration_s / 3_600).to_string()),
        ("minutes", (bill.duration_s / 60 % 60).to_string()),
        ("energy", kwh_short(bill.energy_wh)),
        ("electricity", bill.electricity_fen.to_string()),
        ("service", bill.service_fen.to_string()),
        ("discount", bill.discount_fen.to_string()),
        ("back", bill.refund_fen.to_string()),
    ]
}

#[cfg(feature = "ssr")]
mod on_server {
    use leptos::prelude::*;
    use wasm_core::ids::PlanId;
    use wasm_core::money::Fen;
    use wasm_core::order::Channel;
    use wasm_core::tariff::Tariff;

    use super::{expected, figures};
    use crate::parts::hold;
    use crate::text::Text;

    /// Power presets, watts: a small e-bike, a common one, a strong one.
    const PRESETS_W: [i64; 3] = [150, 250, 400];
    /// The preset chosen at first.
    const COMMON: usize = 1;

    /// All the choice needs.
    #[derive(Clone, Debug)]
    pub struct Shop {
        /// Where the form goes.
        pub action: String,
        /// The price list.
        pub tariff: Tariff,
        /// When the page was made, milliseconds UTC.
        pub now_ms: i64,
        /// Makes one order of a form sent twice.
        pub key: String,
        /// The platforms to choose among; fewer than two are no choice.
        pub channels: Vec<Channel>,
        /// The plans, ready to be shown.
        pub offers: Vec<Offer>,
        /// Whether money can be set aside instead of being paid.
        pub holds: bool,
    }

    /// A plan, ready to be shown.
    #[derive(Clone, Debug)]
    pub struct Offer {
        /// The plan.
        pub plan_id: PlanId,
        /// What is paid, fen.
        pub prepaid_fen: Fen,
        /// What it buys.
        pub title: String,
        /// How the money is used.
        pub note: &'static str,
        /// What its price is.
        pub price_note: &'static str,
    }

    impl Offer {
        /// What the form says of a chosen plan: `plan:price in fen`.
        fn form_value(&self) -> String {
            format!("{}:{}", self.plan_id.as_str(), self.prepaid_fen.0)
        }
    }

    /// The form: plans as cards, what to expect, and the one button. Without script it is a plain
    /// form; the style sheet alone shows the chosen plan's price on the button.
    pub fn choose(text: &'static Text, shop: &Shop) -> impl IntoView + use<> {
        let amounts = || {
            let of = |offer: &Offer| offer.prepaid_fen.to_string();
            let each = shop.offers.iter().map(of);
            each.map(|amount| view! { <b class="amount figure">{amount}</b> }).collect_view()
        };
        let instead = shop.holds.then(|| hold::button(text, amounts()));
        let hidden = [("tariff_id", shop.tariff.id.as_str()), ("idempotency_key", &shop.key)].map(
            |(name, value)| {
                view! { <input type="hidden" name=name value=value.to_owned()/> }
            },
        );
        view! {
            <form
                class="choose"
                method="post"
                action=shop.action.clone()
                aria-labelledby="choose"
                data-island="choose"
                data-tariff=serde_json::to_string(&shop.tariff).unwrap_or_default()
                data-start=shop.now_ms
            >
                <h2 id="choose">{text.scan.choose}</h2>
                {cards(shop)}
                {estimate(text, shop)}
                {channels(text, &shop.channels)}
                <div class="bar">
                    {hidden}
                    <p class="hint">{text.scan.plug_first}</p>
                    <button class="button main">
                        {text.scan.pay} " " {amounts()}
                    </button>
                    {instead}
                </div>
            </form>
        }
    }

    fn cards(shop: &Shop) -> Vec<impl IntoView + use<>> {
        shop.offers
            .iter()
            .enumerate()
            .map(|(index, offer)| {
                let (id, first) = (format!("plan-{index}"), index == 0);
                view! {
                    <input
                        class="pick"
                        type="radio"
                        name="plan"
                        id=id.clone()
                        value=offer.form_value()
                        checked=first
                        autocomplete="off"
                    />
                    <label class="offer" for=id>
                        <span class="title">{offer.title.clone()}</span>
                        <span class="figure price">{offer.prepaid_fen.to_string()}</span>
                        <span class="note">{offer.note}</span>
                        <span class="note kind">{offer.price_note}</span>
                    </label>
                }
            })
            .collect()
    }

    /// At which platform to pay, where there is a choice; the first unless the rider says otherwise.
    fn channels(text: &'static Text, channels: &[Channel]) -> Option<impl IntoView + use<>> {
        let choice = |(index, channel): (usize, &Channel)| {
            let id = format!("channel-{index}");
            view! {
                <input
                    class="pick"
                    type="radio"
                    name="channel"
                    id=id.clone()
                    value=channel.as_str()
                    checked=index == 0
                    autocomplete="off"
                />
                <label class="preset" for=id>{(text.pay.channel)(*channel)}</label>
            }
        };
        let choices: Vec<_> = channels.iter().enumerate().map(choice).collect();
        (choices.len() > 1).then(|| {
            view! {
                <fieldset class="channels">
                    <legend>{text.pay.choose_channel}</legend>
                    <div class="choices">{choices}</div>
                </fieldset>
            }
        })
    }

    /// What to expect. It changes with the choice only where code runs; elsewhere the style sheet
    /// hides it once another plan than the first is chosen.
    fn estimate(text: &'static Text, shop: &Shop) -> impl IntoView + use<> {
        let (scan, price) = (&text.scan, &text.price);
        let first = shop.offers.first();
        let bill = first.and_then(|offer| {
            expected(&shop.tariff, &offer.plan_id, PRESETS_W[COMMON], shop.now_ms)
        })?;
        let no_discount = bill.discount_fen == Fen::ZERO;
        let [hours, minutes, energy, electricity, service, discount, back] =
            figures(&bill).map(|(name, text)| view! { <span data-say=name>{text}</span> });
        Some(view! {
            <section class="card estimate" aria-live="polite">
                <h3>{scan.estimate} " " <small>{scan.estimate_basis}</small></h3>
                <div class="presets" role="group" aria-label=scan.power>{presets(text)}</div>
                <dl class="figures">
                    <div>
                        <dt>{scan.expected_time} " · " {scan.expected_energy}</dt>
                        <dd class="figure">
                            {hours} " " {scan.hours} " " {minutes} " " {scan.minutes} " · " {energy} " kWh"
                        </dd>
                    </div>
                    <div><dt>{price.electricity}</dt><dd class="figure">{electricity}</dd></div>
                    <div><dt>{price.service}</dt><dd class="figure">{service}</dd></div>
                    <div data-when="discount" hidden=no_discount>
                        <dt>{scan.expected_discount}</dt><dd class="figure">"−" {discount}</dd>
                    </div>
                    <div class="back">
                        <dt>{scan.expected_refund} " " <small>{scan.refund_note}</small></dt>
                        <dd class="figure">{back}</dd>
                    </div>
                </dl>
            </section>
        })
    }

    fn presets(text: &'static Text) -> Vec<impl IntoView + use<>> {
        let names = [text.scan.power_small, text.scan.power_common, text.scan.power_strong];
        names
            .into_iter()
            .zip(PRESETS_W)
            .enumerate()
            .map(|(index, (name, power_w))| {
                let (id, common) = (format!("power-{index}"), index == COMMON);
                view! {
                    <input
                        class="pick"
                        type="radio"
                        name="power"
                        id=id.clone()
                        value=power_w
                        checked=common
                        autocomplete="off"
                    />
                    <label class="preset" for=id>
                        {name} " " <small class="figure">{power_w} " W"</small>
                    </label>
                }
            })
            .collect()
    }
}

#[cfg(feature = "browser")]
mod in_browser {
    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
    use wasm_core::ids::PlanId;
    use wasm_core::money::Fen;
    use wasm_core::tariff::{Bill, Tariff};
    use web_sys::{Element, HtmlElement};

    use super::{expected, figures};
    use crate::islands::browser::{find, on_change, say, show};
    use crate::json;

    /// Keeps the estimate true to what is chosen, also to what was chosen before it came alive.
    ///
    /// # Errors
    /// The page is not as the server makes it.
    #[wasm_bindgen]
    pub fn choose(island: HtmlElement) -> Result<(), JsValue> {
        let data = island.dataset();
        let tariff = data.get("tariff").and_then(|json| json::read(&json).ok());
        let start_ms = data.get("start").and_then(|text| text.parse().ok());
        let (Some(tariff), Some(start_ms)) = (tariff, start_ms) else {
            return Err(JsValue::UNDEFINED);
        };
        let form: Element = island.into();
        let heard = form.clone();
        let update = move || {
            if let Some(bill) = chosen(&form, &tariff, start_ms) {
                say(&form, &figures(&bill));
                show(&form, "discount", bill.discount_fen > Fen::ZERO);
            }
        };
        update();
        on_change(&heard, update)
    }

    fn chosen(form: &Element, tariff: &Tariff, start_ms: i64) -> Option<Bill> {
        let plan = find(form, "[name=plan]:checked")?.get_attribute("value")?;
        let power = find(form, "[name=power]:checked")?.get_attribute("value")?;
        let (plan_id, _price) = plan.rsplit_once(':')?;
        expected(tariff, &PlanId::from(plan_id), power.parse().ok()?, start_ms)
    }
}
