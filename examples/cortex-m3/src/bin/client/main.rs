#![no_std]
#![no_main]
use cortex_m3 as _;
#[cortex_m_rt::entry]
fn main() -> ! { loop {} }
