//! sansocket, once a build: with `simd`, without it, and with zlib-rs for compression.

use std::sync::Arc;

use crate::entrant::Entrant;
use crate::works::Work;

/// The driver over each build, which the compiler takes for different libraries.
#[path = "."]
mod simd {
    use ::sansocket as library;
    #[path = "driver.rs"]
    pub(super) mod driver;
}

#[path = "."]
mod plain {
    use ::sansocket_plain as library;
    #[allow(clippy::duplicate_mod, reason = "the same driver over another build")]
    #[path = "driver.rs"]
    pub(super) mod driver;
}

#[path = "."]
mod zlib_rs {
    use ::sansocket_zlib_rs as library;
    #[allow(clippy::duplicate_mod, reason = "the same driver over another build")]
    #[path = "driver.rs"]
    pub(super) mod driver;
}

pub(super) fn with_simd(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    simd::driver::enter(work)
}

pub(super) fn without_simd(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    plain::driver::enter(work)
}

/// Only for compressed messages, as it differs in nothing else.
pub(super) fn with_zlib_rs(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    work.row.deflate.and_then(|_| zlib_rs::driver::enter(work))
}
