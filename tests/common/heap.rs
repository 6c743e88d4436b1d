//! An allocator that counts, thread by thread, as the tests of a program run at the same time.
//!
//! A test declares it: `#[global_allocator] static HEAP: CountingHeap = CountingHeap;`.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

/// The system's allocator, with counts.
pub(crate) struct CountingHeap;

/// What was done to the heap during [`measure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// How often memory was asked for, or a block's size was changed.
    pub(crate) calls: u64,
    /// How many bytes were asked for, over all calls.
    pub(crate) asked: u64,
    /// How many bytes were in blocks whose size was changed, and may have been copied.
    pub(crate) moved: u64,
    /// How many more bytes are held than in the beginning.
    pub(crate) held: i64,
    /// The highest `held` on the way.
    pub(crate) peak: i64,
}

impl Usage {
    const NONE: Self = Self { calls: 0, asked: 0, moved: 0, held: 0, peak: 0 };

    fn hold(&mut self, grown: usize, shrunk: usize) {
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        self.held += signed(grown) - signed(shrunk);
        self.peak = self.peak.max(self.held);
    }
}

thread_local! {
    static USAGE: Cell<Usage> = const { Cell::new(Usage::NONE) };
}

/// Runs `work` and returns what it did to the heap.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let before = USAGE.replace(Usage::NONE);
    let result = work();
    let usage = USAGE.replace(before);
    (result, usage)
}

fn count(change: impl FnOnce(&mut Usage)) {
    // At the end of a thread its counts are gone already.
    let _ = USAGE.try_with(|usage| {
        let mut counts = usage.get();
        change(&mut counts);
        usage.set(counts);
    });
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for CountingHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|usage| {
            usage.calls += 1;
            usage.asked += layout.size() as u64;
            usage.hold(layout.size(), 0);
        });
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(|usage| usage.hold(0, layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(|usage| {
            usage.calls += 1;
            usage.asked += size as u64;
            usage.moved += layout.size().min(size) as u64;
            usage.hold(size, layout.size());
        });
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}
