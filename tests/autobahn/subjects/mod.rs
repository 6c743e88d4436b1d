//! The implementations that are tested.

mod connection;
mod tungstenite;

pub(crate) use connection::{Variant, subject};
pub(crate) use tungstenite::tungstenite;
