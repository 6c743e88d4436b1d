//! How much of the stack was ever used: `cortex-m-rt` paints it before the program starts, and
//! what has kept its colour was never written to.

use cortex_m_rt::STACK_PAINT_VALUE;

/// The stack and the most that was used of it, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    /// The most that was used at any time.
    pub used: usize,
    /// What there is: the memory that is left beside the statics.
    pub size: usize,
}

// The addresses of these symbols of the linker are the bounds of the stack.
unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

impl Stack {
    /// Looks how much of the stack has lost its paint.
    #[must_use]
    pub fn measure() -> Self {
        let top = &raw const _stack_start;
        let bottom = &raw const _stack_end;
        let words = (top as usize - bottom as usize) / size_of::<u32>();
        let untouched = (0..words)
            // SAFETY: the word is aligned and in RAM, all of which can be read; the paint has
            // initialised it. No reference to it exists where nothing but the paint was written,
            // and the search ends at the first word where something was.
            .take_while(|&word| unsafe { bottom.add(word).read_volatile() } == STACK_PAINT_VALUE)
            .count();
        Self { used: (words - untouched) * size_of::<u32>(), size: words * size_of::<u32>() }
    }
}
