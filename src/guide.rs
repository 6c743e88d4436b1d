//! A guide in short chapters, each with a program that compiles.
//!
//! Start with [`the_loop`]. The other chapters can be read in any order.

#[doc = include_str!("../docs/guide/the_loop.md")]
pub mod the_loop {}

#[doc = include_str!("../docs/guide/in_your_own_type.md")]
pub mod in_your_own_type {}

#[doc = include_str!("../docs/guide/back_pressure.md")]
pub mod back_pressure {}

#[doc = include_str!("../docs/guide/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("../docs/guide/closing.md")]
pub mod closing {}

#[doc = include_str!("../docs/guide/compression.md")]
pub mod compression {}

#[doc = include_str!("../docs/guide/without_an_allocator.md")]
pub mod without_an_allocator {}

#[doc = include_str!("../docs/guide/handshake_elsewhere.md")]
pub mod handshake_elsewhere {}

#[doc = include_str!("../docs/guide/fan_out.md")]
pub mod fan_out {}

#[doc = include_str!("../docs/guide/randomness.md")]
pub mod randomness {}
