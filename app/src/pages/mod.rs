//! Whole pages: from a view model to an HTML document.

pub mod admin;
pub mod home;
pub mod rider;
