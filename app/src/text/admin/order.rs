//! All that is said about one order to whoever keeps the operator's books.

use crate::lang::Lang;
use crate::text::With1;

/// One order.
pub struct OneOrder {
    /// Title of the page.
    pub title: &'static str,
    /// Label: an order's number.
    pub number: &'static str,
    /// Button: look an order up.
    pub find: &'static str,
    /// What the charge cost and is still kept.
    pub kept: &'static str,
    /// Heading: payments.
    pub payments: &'static str,
    /// Nothing was paid.
    pub payments_none: &'static str,
    /// A payment that only sets money aside.
    pub aside: &'static str,
    /// Heading: what went back or is to go back.
    pub refunds: &'static str,
    /// Nothing was.
    pub refunds_none: &'static str,
    /// Heading: partners' parts.
    pub shares: &'static str,
    /// How far a part is, by the status it is stored with.
    pub share_status: fn(&str) -> &'static str,
    /// What refunds took off a part.
    pub taken_off: With1,
    /// Heading: what the ledger says.
    pub ledger: &'static str,
    /// Heading: give money back.
    pub give_back: &'static str,
    /// What giving back does; the most that can be.
    pub give_back_note: With1,
    /// Label: how much, yuan.
    pub amount: &'static str,
    /// Label: why.
    pub why: &'static str,
    /// Button.
    pub give_back_do: &'static str,
    /// Why it was not done, by the refusal's name.
    pub refused: fn(&str) -> &'static str,
}

impl OneOrder {
    /// The texts of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }
}

static ZH: OneOrder = OneOrder {
    title: "订单",
    number: "订单号",
    find: "查找",
    kept: "实收",
    payments: "收款",
    payments_none: "没有收到款。",
    aside: "预留，未收",
    refunds: "退款",
    refunds_none: "没有退款。",
    shares: "分账",
    share_status: |status| match status {
        "kept" => "留在本账户",
        "by_hand" => "线下支付",
        "owed" => "待分账",
        "asked" | "taken" => "平台处理中",
        "done" => "已到账",
        "pulled_back" => "已退回",
        "failed" => "平台处理失败",
        "refused" => "平台拒绝",
        _ => "平台没有答复",
    },
    taken_off: |amount| format!("退款扣减 {amount}"),
    ledger: "记账",
    give_back: "退款给用户",
    give_back_note: |most| {
        format!("最多 {most}。已分账的部分先按比例从合作方收回，再原路退给付款人。")
    },
    amount: "金额（元）",
    why: "原因",
    give_back_do: "退款",
    refused: |code| match code {
        "amount" => "金额要写成 1.20 这样，并且大于零。",
        "reason" => "请写明原因。",
        "too_much" => "超过了还能退的金额，或者还没有账单。",
        _ => "没有退成，请再试一次。",
    },
};

static EN: OneOrder = OneOrder {
    title: "Order",
    number: "Order number",
    find: "Find",
    kept: "Kept",
    payments: "Payments",
    payments_none: "Nothing was paid.",
    aside: "set aside, not taken",
    refunds: "Refunds",
    refunds_none: "Nothing went back.",
    shares: "Partners' parts",
    share_status: |status| match status {
        "kept" => "stays here",
        "by_hand" => "paid by hand",
        "owed" => "to be split",
        "asked" | "taken" => "under way",
        "done" => "arrived",
        "pulled_back" => "taken back",
        "failed" => "failed at the platform",
        "refused" => "refused by the platform",
        _ => "no answer from the platform",
    },
    taken_off: |amount| format!("{amount} taken off by refunds"),
    ledger: "Ledger",
    give_back: "Give money back",
    give_back_note: |most| {
        format!(
            "At most {most}. What was split is taken back from partners first, pro rata; \
             then it goes the way it came."
        )
    },
    amount: "Amount (yuan)",
    why: "Why",
    give_back_do: "Give back",
    refused: |code| match code {
        "amount" => "Write the amount as 1.20, above zero.",
        "reason" => "Say why.",
        "too_much" => "That is more than can go back, or there is no bill yet.",
        _ => "It was not given back. Try again.",
    },
};
