//! The memory of all connections together, and its limit.

/// What all connections hold: messages that have not arrived whole, and bytes that wait.
pub(crate) struct Memory {
    /// In bytes, as the following.
    limit: usize,
    held: usize,
}

/// What one connection holds, in bytes, as it is counted in [`Memory`].
#[derive(Default)]
pub(crate) struct Share(usize);

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: 0 }
    }

    /// Counts what a connection holds now instead of what it held before.
    pub(crate) fn count(&mut self, share: &mut Share, bytes: usize) {
        self.held = self.held - share.0 + bytes;
        share.0 = bytes;
    }

    /// Whether connections hold more than the limit allows.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.held > self.limit
    }
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_together_and_are_given_back() {
        let mut memory = Memory::new(100);
        let (mut first, mut second) = (Share::default(), Share::default());
        memory.count(&mut first, 60);
        memory.count(&mut second, 40);
        assert!(!memory.is_exceeded());
        memory.count(&mut first, 61);
        assert!(memory.is_exceeded());
        memory.count(&mut second, 0);
        assert!(!memory.is_exceeded());
        assert_eq!((first.bytes(), second.bytes(), memory.held), (61, 0, 61));
    }
}
