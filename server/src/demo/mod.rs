//! The simulated world of the demo: sites, stations over real links, and a payment platform.
//! What the demo adds to the real thing: simulated stations, a simulated Alipay, seed data.

pub mod alipay;
pub mod cashier;
pub mod fleet;
pub mod home;
pub mod seed;
pub mod wechat;
