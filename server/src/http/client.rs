//! Where a request comes from. Only a proxy that the operator trusts may say that it speaks for
//! somebody else.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// Addresses in CIDR form: `10.0.0.0/8`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not an address or network: {text}");
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let base: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let prefix = if prefix.is_empty() { Ok(most) } else { prefix.trim().parse() };
        match prefix {
            Ok(prefix) if prefix <= most => Ok(Self { base, prefix }),
            _ => Err(wrong()),
        }
    }
}

impl Network {
    /// Whether the address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differ = u32::from(base) ^ u32::from(address);
                differ.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differ = u128::from(base) ^ u128::from(address);
                differ.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The client behind a request: the peer, or what the nearest trusted proxies say of it. Of
/// `X-Forwarded-For` only the part that trusted proxies wrote counts, which is read from the
/// right.
pub(super) fn client_ip(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted: &[Network],
) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    Some(client)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &'static str, trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        let peer: SocketAddr = peer.parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_ip(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_speak_for_another() {
        assert_eq!(client("1.2.3.4:1", "9.9.9.9", &[]), "1.2.3.4");
        assert_eq!(client("10.1.0.1:1", "9.9.9.9", &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(client("[::ffff:10.1.0.1]:1", "9.9.9.9", &["10.0.0.0/8"]), "9.9.9.9");
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(client("10.0.0.1:1", "6.6.6.6, 9.9.9.9, 10.0.0.2", &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(client("10.0.0.1:1", "6.6.6.6, rubbish", &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(client("11.0.0.1:1", "9.9.9.9", &["10.0.0.0/8"]), "11.0.0.1");
    }

    #[test]
    fn networks_are_read_strictly() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::1/129", "a/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.1.2.3".parse().unwrap()));
    }
}
