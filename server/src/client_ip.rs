//! Who is asking, below HTTP: `http` finds it out, and whoever counts tries reads it.

use std::net::IpAddr;

/// The address a request is counted by; in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);
