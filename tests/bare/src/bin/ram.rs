//! How much memory connections take, in symbols that `tests/sizes` reads.
#![no_std]
#![no_main]

use core::hint::black_box;

use bare::{N, Random};
use sansocket::{Client, Connection, Fixed, FixedDeflate, Server};

macro_rules! sizes {
    ($($symbol:ident: $type:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            static $symbol: usize = size_of::<$type>();
        )*

        /// The linker's default entry point: what this reaches has to be linked.
        #[unsafe(no_mangle)]
        pub extern "C" fn _start() -> ! {
            $(black_box(&$symbol);)*
            loop {}
        }
    };
}

sizes! {
    RAM_MESSAGE: [u8; N];
    RAM_FRAMES: ();
    RAM_SERVER: Connection<Server, Fixed<N>>;
    RAM_CLIENT: Connection<Client<Random>, Fixed<N>>;
    RAM_INFLATE: Connection<Server, FixedDeflate<N, 9, 8>>;
    RAM_DEFLATE: Connection<Server, FixedDeflate<N, 9, 9>>;
}
