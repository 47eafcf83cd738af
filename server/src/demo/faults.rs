//! `/demo/faults`: what the simulated platforms do wrong on request, told by a plain form, the same
//! for both. It holds for everybody on this server until it is told otherwise.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use serde::Deserialize;

use super::{alipay, cashier, wechat};

const PATH: &str = "/demo/faults";

/// How late a late or reordered notify is.
const LATE: Duration = Duration::from_secs(20);
/// How often a repeated notify is sent at once.
const COPIES: u32 = 3;
/// How far a wrong clock is off, milliseconds: more than `WeChat` Pay's tolerance.
const SKEW_MS: i64 = 10 * 60 * 1_000;

/// A value, and what it is in Chinese and in English.
type Choice<T> = (T, &'static str, &'static str, &'static str);

/// What goes wrong with notifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notify {
    #[default]
    Fine,
    Late,
    Copies,
    Reordered,
    Lost,
    Forged,
    WrongAmount,
    OtherMerchant,
}

/// What goes wrong with answers. The deed is done all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    #[default]
    Fine,
    Silence,
    UnsignedError,
    ServerError,
    Truncated,
    Forged,
}

/// What goes wrong with the platform's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClockFault {
    #[default]
    Right,
    Fast,
    Slow,
}

/// What goes wrong with refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refunds {
    #[default]
    Fine,
    Refused,
}

const NOTIFIES: [Choice<Notify>; 8] = [
    (Notify::Fine, "fine", "正常", "As it should be"),
    (Notify::Late, "late", "迟到 20 秒", "20 s late"),
    (Notify::Copies, "copies", "重复三次", "Three times"),
    (Notify::Reordered, "reordered", "乱序到达", "Out of order"),
    (Notify::Lost, "lost", "丢失", "Lost"),
    (Notify::Forged, "forged", "签名伪造", "Forged signature"),
    (Notify::WrongAmount, "wrong_amount", "金额不符", "Wrong amount"),
    (Notify::OtherMerchant, "other_merchant", "别家商户的", "Another merchant’s"),
];

const ANSWERS: [Choice<Answer>; 6] = [
    (Answer::Fine, "fine", "正常", "As it should be"),
    (Answer::Silence, "silence", "已办理，但不应答", "Done, but no answer"),
    (Answer::UnsignedError, "unsigned_error", "未签名的错误", "An unsigned error"),
    (Answer::ServerError, "server_error", "网关 502", "HTTP 502"),
    (Answer::Truncated, "truncated", "只答一半", "Cut in half"),
    (Answer::Forged, "forged", "签名伪造", "Forged signature"),
];

const CLOCKS: [Choice<ClockFault>; 3] = [
    (ClockFault::Right, "right", "准时", "Right"),
    (ClockFault::Fast, "fast", "快 10 分钟", "10 min fast"),
    (ClockFault::Slow, "slow", "慢 10 分钟", "10 min slow"),
];

const REFUNDS: [Choice<Refunds>; 2] = [
    (Refunds::Fine, "fine", "正常", "As it should be"),
    (Refunds::Refused, "refused", "拒绝：余额不足", "Refused: no balance"),
];

/// What one platform does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trouble {
    notify: Notify,
    answer: Answer,
    clock: ClockFault,
    refunds: Refunds,
}

/// The form, for one platform.
#[derive(Deserialize)]
struct Wanted {
    platform: Whose,
    #[serde(default)]
    notify: Notify,
    #[serde(default)]
    answer: Answer,
    #[serde(default)]
    clock: ClockFault,
    #[serde(default)]
    refunds: Refunds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Alipay,
    Wechat,
}

/// Both platforms, and what they were told last: Alipay, `WeChat` Pay.
#[derive(Clone)]
struct Control {
    alipay: alipay::Platform,
    wechat: wechat::Platform,
    told: Arc<Mutex<[Trouble; 2]>>,
}

/// The form, and the style sheet of every simulated page. From now on `WeChat` Pay sends probes too,
/// as the real one does.
pub fn router(alipay: alipay::Platform, wechat: wechat::Platform) -> Router {
    wechat.set_faults(Trouble::default().at_wechat());
    let control = Control { alipay, wechat, told: Arc::default() };
    Router::new()
        .route("/demo/cashier.css", get(cashier::style))
        .route(PATH, get(show).post(tell))
        .with_state(control)
}

async fn show(State(control): State<Control>) -> Html<String> {
    let told = *control.told.lock().unwrap_or_else(PoisonError::into_inner);
    Html(html(told))
}

async fn tell(State(control): State<Control>, Form(wanted): Form<Wanted>) -> Redirect {
    let Wanted { platform, notify, answer, clock, refunds } = wanted;
    let trouble = Trouble { notify, answer, clock, refunds };
    let mut told = control.told.lock().unwrap_or_else(PoisonError::into_inner);
    match platform {
        Whose::Alipay => {
            told[0] = trouble;
            control.alipay.set_faults(trouble.at_alipay());
        }
        Whose::Wechat => {
            told[1] = trouble;
            control.wechat.set_faults(trouble.at_wechat());
        }
    }
    Redirect::to(PATH)
}

impl Trouble {
    fn skew_ms(self) -> i64 {
        match self.clock {
            ClockFault::Right => 0,
            ClockFault::Fast => SKEW_MS,
            ClockFault::Slow => -SKEW_MS,
        }
    }

    fn at_alipay(self) -> alipay::Faults {
        use alipay::{AnswerFault, NotifyFault};
        alipay::Faults {
            notify: match self.notify {
                Notify::Fine => NotifyFault::None,
                Notify::Late => NotifyFault::Late(LATE),
                Notify::Copies => NotifyFault::Copies(COPIES),
                Notify::Reordered => NotifyFault::Reordered(LATE),
                Notify::Lost => NotifyFault::Lost,
                Notify::Forged => NotifyFault::Forged,
                Notify::WrongAmount => NotifyFault::WrongAmount,
                Notify::OtherMerchant => NotifyFault::OtherApp,
            },
            answer: match self.answer {
                Answer::Fine => AnswerFault::None,
                Answer::Silence => AnswerFault::Silence,
                Answer::UnsignedError => AnswerFault::UnsignedError,
                Answer::ServerError => AnswerFault::ServerError,
                Answer::Truncated => AnswerFault::Truncated,
                Answer::Forged => AnswerFault::Forged,
            },
            skew_ms: self.skew_ms(),
            refuse_refunds: (self.refunds == Refunds::Refused)
                .then_some("ACQ.SELLER_BALANCE_NOT_ENOUGH"),
            ..alipay::Faults::default()
        }
    }

    fn at_wechat(self) -> wechat::Faults {
        use wechat::{AnswerFault, NotifyFault, RefundFault};
        wechat::Faults {
            notify: match self.notify {
                Notify::Fine => NotifyFault::None,
                Notify::Late => NotifyFault::Late(LATE),
                Notify::Copies => NotifyFault::Copies(COPIES),
                Notify::Reordered => NotifyFault::Reordered(LATE),
                Notify::Lost => NotifyFault::Lost,
                Notify::Forged => NotifyFault::OtherKey,
                Notify::WrongAmount => NotifyFault::WrongAmount,
                Notify::OtherMerchant => NotifyFault::OtherMerchant,
            },
            answer: match self.answer {
                Answer::Fine => AnswerFault::None,
                Answer::Silence => AnswerFault::Silence,
                Answer::UnsignedError => AnswerFault::UnsignedError,
                Answer::ServerError => AnswerFault::BadGateway,
                Answer::Truncated => AnswerFault::Truncated,
                Answer::Forged => AnswerFault::OtherKey,
            },
            refund: match self.refunds {
                Refunds::Fine => RefundFault::None,
                Refunds::Refused => RefundFault::NotEnough,
            },
            skew_ms: self.skew_ms(),
            probes: true,
            ..wechat::Faults::default()
        }
    }
}

fn html([alipay, wechat]: [Trouble; 2]) -> String {
    let content = format!(
        "<h1>让平台出错<span lang=\"en\">Make the platforms go wrong</span></h1>\
         <p class=\"note\">对本机所有人生效，直到改回。\
         <span lang=\"en\">For everybody on this server, until it is set back.</span></p>{}{}",
        form("alipay", "支付宝", "Alipay", alipay),
        form("wechat", "微信支付", "WeChat Pay", wechat),
    );
    cashier::document("", ("模拟支付平台", "Simulated platforms"), &content)
}

fn form(platform: &str, chinese: &str, english: &str, told: Trouble) -> String {
    let id = |field: &str| format!("{platform}-{field}");
    format!(
        "<form method=\"post\" class=\"faults {platform}\"><h2>{chinese}\
         <span lang=\"en\">{english}</span></h2>\
         <input type=\"hidden\" name=\"platform\" value=\"{platform}\">{}{}{}{}\
         <button class=\"main\">照此出错<span lang=\"en\">Apply</span></button></form>",
        select(&id("notify"), ("notify", "通知", "Notifies"), &NOTIFIES, told.notify),
        select(&id("answer"), ("answer", "应答", "Answers"), &ANSWERS, told.answer),
        select(&id("clock"), ("clock", "时钟", "Clock"), &CLOCKS, told.clock),
        select(&id("refunds"), ("refunds", "退款", "Refunds"), &REFUNDS, told.refunds),
    )
}

fn select<T: PartialEq>(
    id: &str,
    (name, chinese, english): (&str, &str, &str),
    choices: &[Choice<T>],
    chosen: T,
) -> String {
    let mut options = String::new();
    for (choice, value, chinese, english) in choices {
        let selected = if *choice == chosen { " selected" } else { "" };
        let _ =
            write!(options, "<option value=\"{value}\"{selected}>{chinese} · {english}</option>");
    }
    format!(
        "<label for=\"{id}\">{chinese} <span lang=\"en\">{english}</span></label>\
         <select id=\"{id}\" name=\"{name}\">{options}</select>"
    )
}
