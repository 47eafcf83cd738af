//! What riders see.

pub mod hold;
pub mod mine;
pub mod order;
pub mod pay;
pub mod receipt;
pub mod scan;
pub mod trouble;
