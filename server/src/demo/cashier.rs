//! The simulated cashier that all simulated platforms share: one sheet, phone first, in Chinese
//! and English, light and dark; plain forms, no script.

use std::fmt::Write;

use axum::response::Html;

const STYLE: &str = include_str!("cashier.css");

/// The platform whose cashier it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Alipay.
    Alipay,
    /// `WeChat` Pay.
    Wechat,
}

/// What the rider is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The amount, now.
    Payment,
    /// A promise of the amount at most; the bill is taken later.
    Hold,
}

/// What is paid.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What the rider is asked for.
    pub asks: Asks,
    /// With its currency.
    pub amount: String,
    /// What for.
    pub item: String,
    /// The merchant's number.
    pub number: String,
    /// Where the buttons go.
    pub action: String,
    /// What goes with them: name and value.
    pub hidden: Vec<(&'static str, String)>,
    /// Where it stands.
    pub standing: Standing,
    /// Where the rider came from; empty if nowhere.
    pub back: String,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Can be paid.
    Waiting,
    /// Can no more be paid: why, in Chinese and in English.
    Over(&'static str, &'static str),
}

impl Brand {
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Alipay => ("alipay", "支付宝", "Alipay"),
            Self::Wechat => ("wechat", "微信支付", "WeChat Pay"),
        }
    }
}

/// The cashier's page.
pub fn html(brand: Brand, sheet: &Sheet) -> String {
    let lead = match sheet.asks {
        Asks::Payment => "",
        Asks::Hold => {
            "<p class=\"note\">现在不扣款，用完按账单扣，最多\
             <span lang=\"en\">Nothing is taken now; later the bill, at most</span></p>"
        }
    };
    let figures = format!(
        "{lead}<h1 class=\"amount\">{}</h1><dl>\
         <div><dt>商品 <span lang=\"en\">Item</span></dt><dd>{}</dd></div>\
         <div><dt>订单号 <span lang=\"en\">Order</span></dt><dd class=\"number\">{}</dd></div></dl>",
        escape(&sheet.amount),
        escape(&sheet.item),
        escape(&sheet.number),
    );
    let rest = match sheet.standing {
        Standing::Waiting => buttons(sheet),
        Standing::Over(chinese, english) => closing(chinese, english, &sheet.back),
    };
    branded(brand, &format!("{figures}{rest}"))
}

/// A page that says one thing.
pub fn notice(brand: Brand, chinese: &str, english: &str) -> Html<String> {
    let english = escape(english);
    let content = format!("<h1>{}<span lang=\"en\">{english}</span></h1>", escape(chinese));
    Html(branded(brand, &content))
}

fn buttons(sheet: &Sheet) -> String {
    let button = |action: &str, class: &str, chinese: &str, english: &str| {
        format!(
            "<button name=\"action\" value=\"{action}\" class=\"{class}\">{chinese}\
             <span lang=\"en\">{english}</span></button>"
        )
    };
    let [main, late, lost] = match sheet.asks {
        Asks::Payment => [
            ("确认支付", "Pay"),
            ("支付，但通知迟到 30 秒", "Pay, notify 30 s late"),
            ("支付，但通知丢失", "Pay, notify lost: only a query tells"),
        ],
        Asks::Hold => [
            ("确认授权", "Agree"),
            ("授权，但通知迟到 30 秒", "Agree, notify 30 s late"),
            ("授权，但通知丢失", "Agree, notify lost: only a query tells"),
        ],
    };
    let hidden = sheet.hidden.iter().fold(String::new(), |mut all, (name, value)| {
        let _ = write!(all, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
        all
    });
    format!(
        "<form method=\"post\" action=\"{}\">{hidden}{}{}<fieldset><legend>试一试出错的时候\
         <span lang=\"en\">Try what goes wrong</span></legend>{}{}</fieldset></form>",
        escape(&sheet.action),
        button("pay", "main", main.0, main.1),
        button("cancel", "quiet", "取消", "Cancel"),
        button("pay_late", "", late.0, late.1),
        button("pay_lost", "", lost.0, lost.1),
    )
}

fn closing(chinese: &str, english: &str, back: &str) -> String {
    let link = if back.is_empty() {
        String::new()
    } else {
        format!(
            "<a class=\"main\" href=\"{}\">返回商家<span lang=\"en\">Back to the merchant</span></a>",
            escape(back)
        )
    };
    format!("<h2 role=\"status\">{chinese}<span lang=\"en\">{english}</span></h2>{link}")
}

fn branded(brand: Brand, content: &str) -> String {
    let (class, chinese, english) = brand.names();
    let title = (format!("模拟收银台 · {chinese}"), format!("Simulated {english}"));
    document(class, (&title.0, &title.1), content)
}

/// A page of the simulated platforms; `class` gives it a platform's colour.
pub(super) fn document(class: &str, (chinese, english): (&str, &str), content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\">\
         <title>{chinese} · {english}</title>\
         <link rel=\"stylesheet\" href=\"/demo/cashier.css\"></head><body class=\"{class}\">\
         <header>{chinese} <span lang=\"en\">{english}</span>\
         <small>不会真的扣款 <span lang=\"en\">No real money moves</span></small></header>\
         <main>{content}</main></body></html>"
    )
}

/// The style sheet of every cashier.
pub async fn style() -> ([(axum::http::HeaderName, &'static str); 1], &'static str) {
    ([(axum::http::header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
