//! The operator's pages. Like the rider's: a view model in, a whole document out, no script.

pub mod books;
pub mod cases;
pub mod codes;
pub mod frame;
pub mod ledger;
pub mod login;
pub mod order;
mod orders;
pub mod overview;
pub mod sites;
pub mod splits;
pub mod trouble;
