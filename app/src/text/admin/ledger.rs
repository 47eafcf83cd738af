//! Closed days, statements and cases, in both languages.

use crate::lang::Lang;
use crate::text::With1;

/// Closed days, statements and cases.
pub struct Ledger {
    /// Title and link: closed days.
    pub days: &'static str,
    /// What closing means.
    pub days_lead: &'static str,
    /// No day is closed yet.
    pub days_none: &'static str,
    /// Column: the day.
    pub day: &'static str,
    /// Column: how many transactions.
    pub transactions: &'static str,
    /// Column: debits.
    pub debits: &'static str,
    /// Column: credits.
    pub credits: &'static str,
    /// Column: the hash.
    pub hash: &'static str,
    /// Link: the day book as a file.
    pub day_book: &'static str,
    /// Heading: the trial balance of a day.
    pub trial_balance: With1,
    /// Column: the account.
    pub account: &'static str,
    /// Column: where it stands.
    pub balance: &'static str,
    /// Title and link: the statement.
    pub statement: &'static str,
    /// Whose statement: the operator's own.
    pub own: &'static str,
    /// Label: whose.
    pub party: &'static str,
    /// Label: from which day.
    pub from: &'static str,
    /// Label: to which day.
    pub to: &'static str,
    /// Button: show it.
    pub show: &'static str,
    /// Nothing was posted in that time.
    pub nothing: &'static str,
    /// What is owed to the partner now.
    pub owed: With1,
    /// Column: what happened.
    pub kind: &'static str,
    /// A transaction's kind in words, by its name.
    pub kind_of: fn(&str) -> &'static str,
    /// Link: by day, as a file.
    pub csv_by_day: &'static str,
    /// Link: by order, as a file.
    pub csv_by_order: &'static str,
    /// Title and link: differences with the platforms.
    pub cases: &'static str,
    /// What a case is.
    pub cases_lead: &'static str,
    /// No difference is open.
    pub cases_none: &'static str,
    /// Heading: decided cases.
    pub decided: &'static str,
    /// Heading: comparisons of bills.
    pub runs: &'static str,
    /// No bill was compared yet.
    pub runs_none: &'static str,
    /// How a comparison went: lines of the bill, those that agree, differences.
    pub run: fn(i64, i64, i64) -> String,
    /// A platform's name, by its channel.
    pub channel: fn(&str) -> &'static str,
    /// What differs, by the kind's name.
    pub differs: fn(&str) -> &'static str,
    /// How far a case or a comparison is, by the status's name.
    pub status: fn(&str) -> &'static str,
    /// Our side.
    pub ours: &'static str,
    /// Their side.
    pub theirs: &'static str,
    /// The platform's fee.
    pub fee: &'static str,
    /// Our number.
    pub number: &'static str,
    /// The order.
    pub order: &'static str,
    /// Heading: the evidence.
    pub evidence: &'static str,
    /// Heading: what to do.
    pub decide: &'static str,
    /// The repair that is proposed.
    pub proposed: &'static str,
    /// A repair: button and what it does, by its name.
    pub repair: fn(&str) -> (&'static str, &'static str),
    /// Button: dismiss.
    pub dismiss: &'static str,
    /// What dismissing does.
    pub dismiss_note: &'static str,
    /// Label: why.
    pub reason: &'static str,
    /// Who decided: who, when.
    pub decided_by: fn(&str, &str) -> String,
    /// Why a decision was not carried out, by the refusal's name.
    pub refused: fn(&str) -> &'static str,
}

impl Ledger {
    /// The texts of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }
}

static ZH: Ledger = Ledger {
    days: "日结",
    days_lead: "每天零点半以后自动结账。结账后那一天不能再记账；每天的校验码连着前一天，\
                抄下最新一行，以后就能证明账没有被改过。",
    days_none: "还没有结过账。",
    day: "日期",
    transactions: "笔数",
    debits: "借方",
    credits: "贷方",
    hash: "校验码",
    day_book: "流水 CSV",
    trial_balance: |day| format!("{day} 试算平衡表"),
    account: "科目",
    balance: "余额",
    statement: "对账单",
    own: "本公司",
    party: "对象",
    from: "从",
    to: "到",
    show: "查看",
    nothing: "这段时间没有记账。",
    owed: |amount| format!("现在应付 {amount}"),
    kind: "事项",
    kind_of: |kind| match kind {
        "paid" => "收款",
        "held" => "预授权冻结",
        "captured" => "预授权扣款",
        "settled" => "充电结算",
        "refund_owed" => "应退款",
        "refunded" => "已退款",
        "split" => "应分账",
        "share_paid" => "已分账",
        "share_returned" => "合作方已退回",
        "pull_back" => "分账回退",
        "fee" => "平台手续费",
        "correction" => "人工更正",
        _ => "其他",
    },
    csv_by_day: "按天 CSV",
    csv_by_order: "按订单 CSV",
    cases: "平台差异",
    cases_lead: "平台每天的账单和我们的账逐笔核对，不一样的都列在这里。没有人确认，什么都不会改。",
    cases_none: "没有要处理的差异。",
    decided: "已处理",
    runs: "账单核对",
    runs_none: "还没有核对过账单。",
    run: |lines, matched, differences| {
        format!("账单 {lines} 行，一致 {matched}，差异 {differences}")
    },
    channel: |channel| match channel {
        "alipay" => "支付宝",
        "wechat" => "微信支付",
        _ => "其他平台",
    },
    differs: |kind| match kind {
        "theirs_only" => "平台有，我们没有",
        "ours_only" => "我们有，平台没有",
        "other_amount" => "金额不同",
        "other_fee" => "手续费不同",
        "duplicate" => "账单重复",
        _ => "其他",
    },
    status: |status| match status {
        "open" => "待处理",
        "waiting" => "等下一天的账单",
        "accepted" => "已确认",
        "dismissed" => "不处理",
        "explained" => "已说明",
        "running" => "核对中",
        "done" => "完成",
        "failed" => "未完成",
        _ => "其他",
    },
    ours: "我们",
    theirs: "平台",
    fee: "手续费",
    number: "单号",
    order: "订单",
    evidence: "证据",
    decide: "怎么处理",
    proposed: "建议",
    repair: |repair| match repair {
        "ask_platform" => ("向平台查询", "平台确认后照常入账；平台不确认就什么都不改。"),
        "book_fee" => ("按账单记手续费", "把账单上的手续费记入账目。"),
        _ => ("记入待查", "差额记入待查科目，等查明后再更正。要写明原因。"),
    },
    dismiss: "不处理",
    dismiss_note: "不记任何账，只关闭这条差异。要写明原因。",
    reason: "原因",
    decided_by: |who, when| format!("{who} 于 {when} 处理"),
    refused: |code| match code {
        "not_confirmed" => "平台没有确认，什么都没有改。",
        "no_reason" => "请写明原因。",
        "waits" => "下一天的账单里可能还会有，请等账单或向平台查询。什么都没有改。",
        "outdated" => "账上或别的账单里已经有了，请向平台查询，或不处理。什么都没有改。",
        "decided" => "这条差异已经有人处理了。",
        _ => "没有执行，什么都没有改。",
    },
};

static EN: Ledger = Ledger {
    days: "Closed days",
    days_lead: "Each day is closed by itself after half past midnight, and nothing is posted into \
                it any more. Each hash stands on the day before: note down the latest, and nobody \
                can change the books unnoticed.",
    days_none: "No day has been closed yet.",
    day: "Day",
    transactions: "Entries",
    debits: "Debits",
    credits: "Credits",
    hash: "Hash",
    day_book: "Day book CSV",
    trial_balance: |day| format!("Trial balance of {day}"),
    account: "Account",
    balance: "Balance",
    statement: "Statement",
    own: "Our own",
    party: "Whose",
    from: "From",
    to: "To",
    show: "Show",
    nothing: "Nothing was posted in this time.",
    owed: |amount| format!("{amount} owed now"),
    kind: "What",
    kind_of: |kind| match kind {
        "paid" => "Paid",
        "held" => "Set aside",
        "captured" => "Taken of a hold",
        "settled" => "Charge billed",
        "refund_owed" => "Refund owed",
        "refunded" => "Refunded",
        "split" => "Share owed",
        "share_paid" => "Share paid",
        "share_returned" => "Returned by the partner",
        "pull_back" => "Share taken back",
        "fee" => "Platform's fee",
        "correction" => "Correction",
        _ => "Other",
    },
    csv_by_day: "CSV by day",
    csv_by_order: "CSV by order",
    cases: "Differences",
    cases_lead: "Each day's bill of a platform is compared with our ledger, line by line. What \
                 differs is listed here, and nothing is changed before somebody says so.",
    cases_none: "No difference waits.",
    decided: "Decided",
    runs: "Bills compared",
    runs_none: "No bill has been compared yet.",
    run: |lines, matched, differences| {
        format!("{lines} lines of the bill, {matched} agree, {differences} differences")
    },
    channel: |channel| match channel {
        "alipay" => "Alipay",
        "wechat" => "WeChat Pay",
        _ => "Another platform",
    },
    differs: |kind| match kind {
        "theirs_only" => "Theirs only",
        "ours_only" => "Ours only",
        "other_amount" => "Different amount",
        "other_fee" => "Different fee",
        "duplicate" => "Twice in the bill",
        _ => "Other",
    },
    status: |status| match status {
        "open" => "open",
        "waiting" => "waits for the next bill",
        "accepted" => "accepted",
        "dismissed" => "dismissed",
        "explained" => "explained",
        "running" => "running",
        "done" => "done",
        "failed" => "not done",
        _ => "other",
    },
    ours: "Ours",
    theirs: "Theirs",
    fee: "Fee",
    number: "Number",
    order: "Order",
    evidence: "Evidence",
    decide: "What to do",
    proposed: "proposed",
    repair: |repair| match repair {
        "ask_platform" => (
            "Ask the platform",
            "What it confirms is booked as usual; what it does not confirm changes nothing.",
        ),
        "book_fee" => ("Post the fee as billed", "The bill's fee is posted."),
        _ => (
            "Post to suspense",
            "The difference is posted to the suspense account until it is explained. Say why.",
        ),
    },
    dismiss: "Dismiss",
    dismiss_note: "Posts nothing and closes this difference. Say why.",
    reason: "Why",
    decided_by: |who, when| format!("{who}, {when}"),
    refused: |code| match code {
        "not_confirmed" => "The platform does not confirm it. Nothing was changed.",
        "no_reason" => "Say why.",
        "waits" => {
            "The next bill may still have it: wait for it, or ask the platform. Nothing was changed."
        }
        "outdated" => {
            "The books or another bill have it by now: ask the platform, or dismiss it. Nothing was changed."
        }
        "decided" => "Somebody has decided this one.",
        _ => "Not done. Nothing was changed.",
    },
};
