//! What riders see.

pub mod codes;
pub mod mine;
pub mod order;
pub mod pay;
pub mod receipt;
pub mod scan;
pub mod trouble;
