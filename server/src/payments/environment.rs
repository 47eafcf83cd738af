//! Where a page runs, by its user agent: which way to pay is offered. Never more than a hint,
//! because a browser says what it likes; who the rider is follows from a login code.

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
    /// Any other browser.
    Browser,
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
            (false, false, _) => Self::Browser,
        }
    }

    /// Whether Alipay's own cashier (`tradePay`) can be called from the page.
    pub fn in_alipay(self) -> bool {
        matches!(self, Self::Alipay | Self::AlipayMiniProgram)
    }
}

#[cfg(test)]
mod tests {
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
        assert!(Environment::AlipayMiniProgram.in_alipay());
        assert!(!Environment::WeChat.in_alipay());
    }
}
