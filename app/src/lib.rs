//! The pages. On the server (feature `ssr`) a page is a pure function from a view model to a whole
//! HTML document that works without any script. In the browser (feature `browser`) only the
//! islands come alive: the price while choosing, the running charge, the check of the bill.
//!
//! Everything but [`islands`] and what they need stays out of the browser's bundle.

pub mod figures;
#[cfg(any(feature = "ssr", feature = "browser"))]
pub mod islands;
#[cfg(any(feature = "browser", test))]
mod json;
pub mod lang;
pub mod live;
pub mod parts;

#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod render;
#[cfg(feature = "ssr")]
pub mod text;
