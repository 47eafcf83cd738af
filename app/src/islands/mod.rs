//! What comes alive in the browser. An island is plain HTML that the server wrote whole, and a
//! function of the same file that `/static/boot.js` calls with it. The two agree by the names in
//! `data-say` (a figure), `data-when` (shown at times) and `data-draw` (a path of the curve).
//! Words stay in the HTML, so the bundle carries neither language, and no machinery but the domain.

pub mod check;
pub mod choose;
pub mod follow;

#[cfg(feature = "browser")]
mod browser;
