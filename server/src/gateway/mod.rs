//! Device links. One protocol so far: OCPP 1.6-J over WebSocket ([`ocpp`]).
//!
//! The way of a message: [`ocpp::router`] lets the station in, its link (one task a station) reads
//! the frame, a handler calls [`DeviceEvents`] and the answer goes back. Readings pass through one
//! batching writer (`samples`), what stations say of themselves through another (`presence`).
//! [`Stations`] knows who is connected and carries commands the other way.

mod events;
pub mod ocpp;
mod presence;
mod samples;
mod stations;

pub use events::DeviceEvents;
pub use stations::{Stations, Timing};
