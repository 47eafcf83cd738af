//! Where a page runs, by its user agent: which way to pay is offered. Never more than a hint,
//! because a browser says what it likes; who the rider is follows from a login code.

use wasm_core::order::Channel;

/// The program around a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Alipay's app, outside a mini-program.
    Alipay,
    /// The web-view of an Alipay mini-program.
    AlipayMiniProgram,
    /// `WeChat`'s app, outside a mini-program.
    WeChat,
    /// The web-view of a `WeChat` mini-program.
    WeChatMiniProgram,
    /// A phone's browser.
    Browser,
    /// A browser on a desk or a kiosk, on which no wallet lives.
    Desktop,
}

impl Environment {
    /// Reads a `User-Agent` header.
    pub fn of(user_agent: &str) -> Self {
        // A bare `AliApp(` is no proof: DingTalk and other apps of the same house write it too.
        let alipay = user_agent.contains("AliApp(AP/") || user_agent.contains("AlipayClient/");
        let mini_program = user_agent.contains("MiniProgram")
            || user_agent.contains("miniProgram/")
            || user_agent.contains("APXWebView");
        match (alipay, user_agent.contains("MicroMessenger/"), mini_program) {
            (true, _, true) => Self::AlipayMiniProgram,
            (true, _, false) => Self::Alipay,
            (false, true, true) => Self::WeChatMiniProgram,
            (false, true, false) => Self::WeChat,
            (false, false, _) if is_handheld(user_agent) => Self::Browser,
            (false, false, _) => Self::Desktop,
        }
    }

    /// The platform whose app this is; none in a browser.
    pub fn app_of(self) -> Option<Channel> {
        match self {
            Self::Alipay | Self::AlipayMiniProgram => Some(Channel::Alipay),
            Self::WeChat | Self::WeChatMiniProgram => Some(Channel::Wechat),
            Self::Browser | Self::Desktop => None,
        }
    }

    /// Whether it is a mini-program's web-view, which cannot go to a platform's own pages.
    pub fn is_mini_program(self) -> bool {
        matches!(self, Self::AlipayMiniProgram | Self::WeChatMiniProgram)
    }
}

/// Browsers of phones and tablets say so in one of these words; who says nothing at all may be a
/// phone that hides it.
fn is_handheld(user_agent: &str) -> bool {
    let words = ["Mobile", "Android", "iPhone", "iPad", "HarmonyOS"];
    words.iter().any(|word| user_agent.contains(word)) || !user_agent.contains("Mozilla/")
}

#[cfg(test)]
mod tests {
    use wasm_core::order::Channel;

    use super::Environment;

    #[test]
    fn user_agents_are_told_apart() {
        let android = "Mozilla/5.0 (Linux; U; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile";
        let cases = [
            ("AliApp(AP/10.8.36) AlipayClient/10.8.36", Environment::Alipay),
            ("AliApp(AP/10.5.26) AlipayClient/10.5.26 MiniProgram", Environment::AlipayMiniProgram),
            ("APXWebView AlipayClient/10.8.36", Environment::AlipayMiniProgram),
            ("AliApp(DingTalk/7.0)", Environment::Browser),
            ("MicroMessenger/8.0.49 NetType/4G", Environment::WeChat),
            ("MicroMessenger/8.0.49 miniProgram/wx1234", Environment::WeChatMiniProgram),
            ("", Environment::Browser),
        ];
        for (tokens, expected) in cases {
            assert_eq!(Environment::of(&format!("{android} {tokens}")), expected, "{tokens}");
        }
        let desktop = "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0 Safari/537.36";
        assert_eq!(Environment::of(desktop), Environment::Desktop);
        assert_eq!(Environment::of(""), Environment::Browser);
        assert_eq!(Environment::AlipayMiniProgram.app_of(), Some(Channel::Alipay));
        assert_eq!(Environment::WeChat.app_of(), Some(Channel::Wechat));
        assert_eq!(Environment::Desktop.app_of(), None);
    }
}
