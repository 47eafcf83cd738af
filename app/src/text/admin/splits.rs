//! All that is said about partners' parts.

use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::share::{Finding, FindingCode, Role, RuleError, Severity};

use crate::text::With1;

/// Partners' parts.
pub struct Splits {
    /// Title of the page, and the link to it.
    pub title: &'static str,
    /// What is shown.
    pub lead: &'static str,
    /// Heading: partners.
    pub partners: &'static str,
    /// No partner yet.
    pub partners_none: &'static str,
    /// Their parts of all orders.
    pub shares: &'static str,
    /// What they have.
    pub paid: &'static str,
    /// What is owed to them.
    pub owed: &'static str,
    /// What they owe after refunds.
    pub owes: &'static str,
    /// Heading: what waits for a person.
    pub waiting: &'static str,
    /// Nothing does.
    pub waiting_none: &'static str,
    /// What waiting means for the money.
    pub waiting_note: &'static str,
    /// Why a part waits, by the status it is stored with.
    pub status: fn(&str) -> &'static str,
    /// Heading: rules by site.
    pub rules: &'static str,
    /// A site without partners.
    pub rule_none: &'static str,
    /// Link to the editor.
    pub edit: &'static str,
    /// What saving does.
    pub edit_lead: &'static str,
    /// Label: a party, by its number.
    pub party: With1,
    /// Label: a party's id.
    pub id: &'static str,
    /// Label: its name.
    pub name: &'static str,
    /// Label: its role.
    pub role: &'static str,
    /// A role in words.
    pub role_name: fn(Role) -> &'static str,
    /// Label: how its part is computed.
    pub basis: &'static str,
    /// By percent.
    pub percent: &'static str,
    /// By kWh.
    pub per_kwh: &'static str,
    /// Label: the figure.
    pub value: &'static str,
    /// Label: the account at a platform.
    pub account: fn(Channel) -> &'static str,
    /// Label: what the account is.
    pub kind: &'static str,
    /// A merchant's.
    pub merchant: &'static str,
    /// A person's.
    pub person: &'static str,
    /// Label: the owner's real name.
    pub real_name: &'static str,
    /// Label: whether electricity is shared.
    pub electricity: &'static str,
    /// It is.
    pub inside: &'static str,
    /// It is not.
    pub outside: &'static str,
    /// Label: who gets the rest.
    pub rest_to: &'static str,
    /// Label: from when.
    pub from: &'static str,
    /// Label: until when.
    pub until: &'static str,
    /// Button.
    pub save: &'static str,
    /// Confirms warnings.
    pub confirm: &'static str,
    /// A field that cannot be read, by its name.
    pub unreadable: With1,
    /// How grave a finding is.
    pub severity: fn(Severity) -> &'static str,
    /// A finding in words; the party's name where it has one.
    pub finding: fn(&Finding, &str) -> String,
}

/// A count or figure of a finding.
fn figure(value: Option<i64>) -> i64 {
    value.unwrap_or_default()
}

fn yuan(value: Option<i64>) -> String {
    Fen(figure(value)).to_string()
}

fn percent(value: Option<i64>) -> String {
    format!("{}%", Fen(figure(value)).to_yuan())
}

pub(super) const ZH: Splits = Splits {
    title: "分账",
    lead: "订单完结、退款到账后，按站点规则把钱分给合作方。用户付的价格不变。",
    partners: "合作方",
    partners_none: "还没有分过账。",
    shares: "应得",
    paid: "已到账",
    owed: "待付",
    owes: "应退回",
    waiting: "等人处理",
    waiting_none: "没有卡住的分账。",
    waiting_note: "钱还在账上，没有丢。处理好原因后再试一次；换了账号先改规则。",
    status: |status| match status {
        "refused" => "平台拒绝",
        "failed" => "平台处理失败",
        "parked" => "平台没有答复",
        _ => "退款后没有退回",
    },
    rules: "各站点规则",
    rule_none: "这个站点不分账。",
    edit: "修改规则",
    edit_lead: "保存后生成新版本，只影响之后的订单。空白行会被忽略。",
    party: |nth| format!("第 {nth} 方"),
    id: "代号（小写字母、数字、-，以后不要改）",
    name: "名称",
    role: "角色",
    role_name: |role| match role {
        Role::Operator => "运营方",
        Role::Property => "物业",
        Role::Investor => "投资方",
        Role::Installer => "安装方",
        Role::Platform => "平台服务费",
    },
    basis: "计算方式",
    percent: "按比例（%）",
    per_kwh: "按电量（元/度）",
    value: "数值",
    account: |channel| match channel {
        Channel::Alipay => "支付宝账号",
        Channel::Wechat => "微信账号",
    },
    kind: "账号类型",
    merchant: "商户",
    person: "个人",
    real_name: "实名（个人必填）",
    electricity: "电费",
    inside: "电费也参与分账",
    outside: "电费归运营方，只分其余部分",
    rest_to: "余数归谁（代号）",
    from: "开始日期（空：立即）",
    until: "结束日期（空：长期）",
    save: "保存规则",
    confirm: "我已看过上面的提醒，确认保存",
    unreadable: |field| format!("“{field}”填得不对。"),
    severity: |severity| match severity {
        Severity::Error => "不能保存",
        Severity::Warning => "请确认",
        Severity::Note => "说明",
    },
    finding: finding_zh,
};

fn finding_zh(finding: &Finding, party: &str) -> String {
    let at = match finding.channel {
        Some(Channel::Alipay) => "支付宝",
        Some(Channel::Wechat) => "微信",
        None => "平台",
    };
    let (found, limit) = (finding.found, finding.limit);
    match finding.code {
        FindingCode::Invalid(error) => invalid_zh(error).to_owned(),
        FindingCode::OverChannelCap => format!(
            "{at}：分出 {}，超过上限 {}。请降低比例，或向平台申请提高上限。",
            percent(found),
            percent(limit)
        ),
        FindingCode::NearChannelCap => format!(
            "{at}：电费很少的订单会分出 {}，超过上限 {}，那样的分账会被拒绝。",
            percent(found),
            percent(limit)
        ),
        FindingCode::TooManyReceivers => {
            format!("{at}：接收方 {} 个，最多 {} 个。", figure(found), figure(limit))
        }
        FindingCode::PartByPart => format!(
            "{at}：接收方 {} 个，超过 {} 个后可能有人到账、有人失败。",
            figure(found),
            figure(limit)
        ),
        FindingCode::NoAccountHere => format!("{party}在{at}没有账号，钱分不出去。请补上账号。"),
        FindingCode::PaidByHand => format!("{party}没有任何账号：只记账，请自行付款。"),
        FindingCode::BelowPerKwh => {
            format!("{party}按电量应得 {}，典型订单只够付 {}。", yuan(limit), yuan(found))
        }
        FindingCode::FeeNotCovered => {
            format!("{at}：典型订单运营方只剩 {}，不够付手续费 {}。", yuan(found), yuan(limit))
        }
        FindingCode::GetsNothing => format!("典型订单里{party}分不到钱。"),
        FindingCode::NoGivingBack => format!(
            "{at}不能从个人账号收回：分账后再退款，{party}最多欠 {}，由运营方先垫。",
            yuan(found)
        ),
        FindingCode::RefundTakesBack => {
            format!("分账后退款 {}，会从{party}收回 {}。", yuan(limit), yuan(found))
        }
        FindingCode::RestGoesTo => format!("其余 {} 和零头归{party}。", percent(found)),
        FindingCode::AlreadyOver => "规则已经过了结束日期。".to_owned(),
        FindingCode::PriceUnaffected => {
            format!("典型订单用户付 {}，有没有这个规则都一样。", yuan(found))
        }
    }
}

fn invalid_zh(error: RuleError) -> &'static str {
    match error {
        RuleError::BadPartyCount => "至少 1 方，最多 16 方。",
        RuleError::BadParty => "代号只能用小写字母、数字和 -，最多 24 位；名称不能空。",
        RuleError::SamePartyTwice => "有两方用了同一个代号。",
        RuleError::NotOneOperator => "运营方必须正好一个。",
        RuleError::BadPercent => "比例要在 0 到 100 之间。",
        RuleError::OverHundredPercent => "比例加起来超过 100%。",
        RuleError::BadPrice => "每度电的价格不合理。",
        RuleError::NoSuchRest => "余数要归其中一方：请填它的代号。",
        RuleError::BadValidity => "结束日期要晚于开始日期。",
        RuleError::BadAccount => "账号不能空；个人账号要填实名。",
        RuleError::SameChannelTwice => "同一方在一个平台只能有一个账号。",
    }
}

pub(super) const EN: Splits = Splits {
    title: "Splits",
    lead: "Once an order is closed and refunds are done, partners get their parts by the site's \
           rule. Riders pay the same.",
    partners: "Partners",
    partners_none: "Nothing was split yet.",
    shares: "Due",
    paid: "Paid",
    owed: "Still owed",
    owes: "Owes back",
    waiting: "Needs a person",
    waiting_none: "No part is stuck.",
    waiting_note: "The money is still on the books. Mend the cause, then try again; if an account \
                   changed, change the rule first.",
    status: |status| match status {
        "refused" => "Refused by the platform",
        "failed" => "Failed at the platform",
        "parked" => "No answer from the platform",
        _ => "Not given back after a refund",
    },
    rules: "Rules by site",
    rule_none: "Nothing is split at this site.",
    edit: "Change the rule",
    edit_lead: "Saving makes a new version, for orders made from then on. Empty rows are ignored.",
    party: |nth| format!("Party {nth}"),
    id: "Id (lower case letters, digits, -; never change it)",
    name: "Name",
    role: "Role",
    role_name: |role| match role {
        Role::Operator => "Operator",
        Role::Property => "Property",
        Role::Investor => "Investor",
        Role::Installer => "Installer",
        Role::Platform => "Platform fee",
    },
    basis: "Basis",
    percent: "Percent",
    per_kwh: "Yuan per kWh",
    value: "Figure",
    account: |channel| match channel {
        Channel::Alipay => "Alipay account",
        Channel::Wechat => "WeChat account",
    },
    kind: "Kind of account",
    merchant: "Merchant",
    person: "Person",
    real_name: "Real name (persons)",
    electricity: "Electricity",
    inside: "Shared as well",
    outside: "Stays with the operator; only the rest is shared",
    rest_to: "Who gets the rest (id)",
    from: "From (empty: now)",
    until: "Until (empty: until further notice)",
    save: "Save the rule",
    confirm: "I have read the warnings above and mean it",
    unreadable: |field| format!("\"{field}\" cannot be read."),
    severity: |severity| match severity {
        Severity::Error => "Refused",
        Severity::Warning => "Please confirm",
        Severity::Note => "Note",
    },
    finding: finding_en,
};

fn finding_en(finding: &Finding, party: &str) -> String {
    let at = match finding.channel {
        Some(Channel::Alipay) => "Alipay",
        Some(Channel::Wechat) => "WeChat",
        None => "The platform",
    };
    let (found, limit) = (finding.found, finding.limit);
    match finding.code {
        FindingCode::Invalid(error) => invalid_en(error).to_owned(),
        FindingCode::OverChannelCap => format!(
            "{at}: {} leaves, the limit is {}. Lower the parts, or ask the platform for more.",
            percent(found),
            percent(limit)
        ),
        FindingCode::NearChannelCap => format!(
            "{at}: of orders with little electricity {} leaves, above the limit of {}; such \
             splits are refused.",
            percent(found),
            percent(limit)
        ),
        FindingCode::TooManyReceivers => {
            format!("{at}: {} receivers, at most {}.", figure(found), figure(limit))
        }
        FindingCode::PartByPart => format!(
            "{at}: {} receivers; above {} some may be paid while others fail.",
            figure(found),
            figure(limit)
        ),
        FindingCode::NoAccountHere => {
            format!("{party} has no account at {at}: its part cannot leave. Add one.")
        }
        FindingCode::PaidByHand => {
            format!("{party} has no account at all: its part is booked, you pay it.")
        }
        FindingCode::BelowPerKwh => format!(
            "{party} is due {} by kWh; a typical order leaves {}.",
            yuan(limit),
            yuan(found)
        ),
        FindingCode::FeeNotCovered => format!(
            "{at}: a typical order leaves the operator {}, less than the fee of {}.",
            yuan(found),
            yuan(limit)
        ),
        FindingCode::GetsNothing => format!("{party} gets nothing of a typical order."),
        FindingCode::NoGivingBack => format!(
            "{at} takes nothing back from persons: after a late refund {party} owes up to {}, \
             which the operator lays out.",
            yuan(found)
        ),
        FindingCode::RefundTakesBack => format!(
            "A refund of {} after the split takes {} back from {party}.",
            yuan(limit),
            yuan(found)
        ),
        FindingCode::RestGoesTo => {
            format!("The other {} and odd fen go to {party}.", percent(found))
        }
        FindingCode::AlreadyOver => "The rule has ended already.".to_owned(),
        FindingCode::PriceUnaffected => {
            format!("Riders pay {} for a typical order, with this rule or without.", yuan(found))
        }
    }
}

fn invalid_en(error: RuleError) -> &'static str {
    match error {
        RuleError::BadPartyCount => "At least 1 party, at most 16.",
        RuleError::BadParty => {
            "An id has lower case letters, digits and -, at most 24; a name is needed."
        }
        RuleError::SamePartyTwice => "Two parties have the same id.",
        RuleError::NotOneOperator => "Exactly one party is the operator.",
        RuleError::BadPercent => "A percent is between 0 and 100.",
        RuleError::OverHundredPercent => "The percents add to more than 100.",
        RuleError::BadPrice => "A price per kWh is out of reason.",
        RuleError::NoSuchRest => "The rest goes to one of the parties: give its id.",
        RuleError::BadValidity => "The rule must end after it begins.",
        RuleError::BadAccount => "An account is empty, or a person's real name is missing.",
        RuleError::SameChannelTwice => "A party has one account at each platform.",
    }
}
