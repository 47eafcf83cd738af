//! The simulated platform against a small merchant, over loopback HTTP.

mod delivery;
mod doors;
mod merchant;
mod money;
mod protocol;
mod score;
