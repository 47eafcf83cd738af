//! The simulated world of the demo: sites, stations over real links, two payment platforms with
//! their cashiers, and what goes wrong with them on request.

pub mod alipay;
pub mod cashier;
pub mod faults;
pub mod fleet;
pub mod home;
pub mod seed;
pub mod wechat;
