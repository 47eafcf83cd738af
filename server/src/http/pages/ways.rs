//! Which payment works where the rider is. It only routes: who the rider is follows from a login
//! code, and money counts when the platform says so.
//!
//! | Where | Payment |
//! |---|---|
//! | the platform's own app, rider known there | its cashier |
//! | the platform's own app, rider unknown | its silent login, then its cashier |
//! | its mini-program, rider unknown | the browser's way: the shell logs riders in, not the web-view |
//! | the other platform's app | a code to scan: each app shuts the other's pages out |
//! | a phone's browser | the chosen platform's page |
//! | a desk or a kiosk | a code of each platform to scan |

use std::net::IpAddr;

use wasm_core::order::Channel;

use crate::orders::{PayVia, Platforms};
use crate::payments::environment::Environment;
use crate::store::OpenIds;

/// How a rider gets to a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// First find out who the rider is there.
    Login(Channel),
    /// Pay.
    Pay(PayVia),
    /// Codes for another phone.
    Codes,
    /// No platform is set up.
    Nowhere,
}

/// Where a rider is and who.
pub(super) struct Here<'a> {
    /// The program around the page.
    pub environment: Environment,
    /// The platforms that are set up.
    pub platforms: &'a Platforms,
    /// Who the rider is there.
    pub open_ids: &'a OpenIds,
    /// The rider's address.
    pub client_ip: IpAddr,
}

impl Here<'_> {
    /// The way to pay; `wanted` is what the rider chose, where there is a choice.
    pub(super) fn way(&self, wanted: Option<Channel>) -> Way {
        let Some(first) = self.platforms.channels().next() else { return Way::Nowhere };
        match self.environment.app_of() {
            Some(channel) if self.platforms.has(channel) => self.in_app(channel),
            Some(_) => Way::Codes,
            None if self.environment == Environment::Desktop => Way::Codes,
            None => {
                let wanted = wanted.filter(|channel| self.platforms.has(*channel));
                Way::Pay(PayVia::browser(wanted.unwrap_or(first), self.client_ip))
            }
        }
    }

    fn in_app(&self, channel: Channel) -> Way {
        if let Some(open_id) = self.open_ids.at(channel) {
            return Way::Pay(PayVia::app(channel, open_id));
        }
        let platform = self.platforms.at(channel);
        let logs_in = platform.is_ok_and(|platform| platform.logins.is_some());
        if logs_in && !self.environment.is_mini_program() {
            return Way::Login(channel);
        }
        Way::Pay(PayVia::browser(channel, self.client_ip))
    }
}

/// The platforms a rider may choose among; none where the place decides.
pub(super) fn choices(environment: Environment, platforms: &Platforms) -> Vec<Channel> {
    match environment {
        Environment::Browser => platforms.channels().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::orders::{
        Answer, Checkout, Logins, NewPayment, Payments, Platform, RefundRequest, TradeState,
    };

    const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A platform nobody asks.
    struct Mute;

    impl Payments for Mute {
        fn create<'a>(&'a self, _: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
            unreachable!()
        }
        fn query<'a>(
            &'a self,
            _: &'a wasm_core::ids::PaymentId,
        ) -> BoxFuture<'a, Answer<TradeState>> {
            unreachable!()
        }
        fn close<'a>(&'a self, _: &'a wasm_core::ids::PaymentId) -> BoxFuture<'a, Answer<()>> {
            unreachable!()
        }
        fn refund<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
            unreachable!()
        }
        fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
            unreachable!()
        }
    }

    impl Logins for Mute {
        fn authorize_url(&self, _: &str, _: &str) -> String {
            unreachable!()
        }
        fn login<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Answer<String>> {
            unreachable!()
        }
    }

    fn with(channels: &[Channel]) -> Platforms {
        channels.iter().fold(Platforms::default(), |platforms, channel| {
            let platform =
                Platform { logins: Some(Arc::new(Mute)), ..Platform::of(Arc::new(Mute)) };
            platforms.with(*channel, platform)
        })
    }

    fn way(environment: Environment, channels: &[Channel], known: &[Channel]) -> Way {
        let known = known.iter().fold(OpenIds::default(), |ids, channel| ids.with(*channel, "o"));
        let platforms = with(channels);
        let here = Here { environment, platforms: &platforms, open_ids: &known, client_ip: IP };
        here.way(None)
    }

    #[test]
    fn each_place_gets_what_works_there() {
        use Channel::{Alipay, Wechat};
        let both: &[Channel] = &[Alipay, Wechat];
        let browser = |channel| Way::Pay(PayVia::browser(channel, IP));
        let app = |channel| Way::Pay(PayVia::app(channel, "o"));
        let cases = [
            (Environment::Alipay, both, both, app(Alipay)),
            (Environment::Alipay, both, &[Wechat][..], Way::Login(Alipay)),
            (Environment::AlipayMiniProgram, both, both, app(Alipay)),
            (Environment::AlipayMiniProgram, both, &[], browser(Alipay)),
            (Environment::WeChat, both, both, app(Wechat)),
            (Environment::WeChat, both, &[Alipay], Way::Login(Wechat)),
            (Environment::WeChatMiniProgram, both, both, app(Wechat)),
            (Environment::WeChat, &[Alipay], both, Way::Codes),
            (Environment::Alipay, &[Wechat], both, Way::Codes),
            (Environment::Browser, both, both, browser(Alipay)),
            (Environment::Browser, &[Wechat], &[], browser(Wechat)),
            (Environment::Desktop, both, both, Way::Codes),
            (Environment::Desktop, &[], &[], Way::Nowhere),
        ];
        for (environment, channels, known, expected) in cases {
            let found = way(environment, channels, known);
            assert_eq!(found, expected, "{environment:?} {channels:?} {known:?}");
        }
    }

    #[test]
    fn a_phones_browser_has_the_choice_and_nobody_else() {
        let (platforms, open_ids) = (with(&Channel::ALL), OpenIds::default());
        let here = |environment| Here {
            environment,
            platforms: &platforms,
            open_ids: &open_ids,
            client_ip: IP,
        };
        assert_eq!(choices(Environment::Browser, &platforms), Channel::ALL);
        assert_eq!(choices(Environment::WeChat, &platforms), []);
        let chosen = here(Environment::Browser).way(Some(Channel::Wechat));
        assert_eq!(chosen, Way::Pay(PayVia::browser(Channel::Wechat, IP)));
        let not_set_up =
            Here { platforms: &with(&[Channel::Alipay]), ..here(Environment::Browser) };
        let chosen = not_set_up.way(Some(Channel::Wechat));
        assert_eq!(chosen, Way::Pay(PayVia::browser(Channel::Alipay, IP)));
    }
}
