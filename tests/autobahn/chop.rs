//! How the octets for the implementation are cut into chunks.

use std::fmt;

use crate::random::Random;

/// A way to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Chop {
    /// As the case says.
    Case,
    /// Chunks of this size.
    Size(usize),
    /// Everything that there is at a time in one chunk.
    Whole,
    /// Sizes by chance, from this seed.
    Random(u64),
}

/// Octets that wait for TCP, and where the case has them cut.
#[derive(Debug, Default)]
pub(crate) struct Output {
    octets: Vec<u8>,
    /// Ends of chunks, but for the last.
    cuts: Vec<usize>,
    /// What was written last goes with what is written next, where that is not on its own.
    open: bool,
}

/// Cuts the output of one conversation.
#[derive(Debug)]
pub(crate) struct Chopper {
    chop: Chop,
    random: Random,
}

impl fmt::Display for Chop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Case => f.write_str("as the case says"),
            Self::Size(size) => write!(f, "chops of {size}"),
            Self::Whole => f.write_str("whole"),
            Self::Random(seed) => write!(f, "random chops (seed {seed:#x})"),
        }
    }
}

impl Output {
    /// Appends octets that go with others before and behind them.
    pub(crate) fn write(&mut self, octets: &[u8]) {
        if !self.open {
            self.cut();
        }
        self.octets.extend_from_slice(octets);
        self.open = true;
    }

    /// Appends octets that go on their own.
    pub(crate) fn write_alone(&mut self, octets: &[u8]) {
        self.cut();
        self.octets.extend_from_slice(octets);
        self.open = false;
    }

    /// Appends octets in chops of this size.
    pub(crate) fn write_chopped(&mut self, octets: &[u8], size: usize) {
        for chunk in octets.chunks(size) {
            self.write_alone(chunk);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn cut(&mut self) {
        let end = self.octets.len();
        if end > 0 && self.cuts.last() != Some(&end) {
            self.cuts.push(end);
        }
    }
}

impl Chopper {
    pub(crate) fn new(chop: Chop) -> Self {
        let seed = if let Chop::Random(seed) = chop { seed } else { 0 };
        Self { chop, random: Random::new(seed) }
    }

    /// Calls with chunk after chunk of the output, until that returns false.
    pub(crate) fn cut(&mut self, mut output: Output, mut each: impl FnMut(&mut [u8]) -> bool) {
        let mut cuts = output.cuts.iter().copied().chain([output.octets.len()]);
        let mut start = 0;
        while start < output.octets.len() {
            let rest = output.octets.len() - start;
            let length = match self.chop {
                Chop::Case => cuts.next().expect("a cut at the end") - start,
                Chop::Size(size) => size.min(rest),
                Chop::Whole => rest,
                Chop::Random(_) => self.random.size().min(rest),
            };
            if !each(&mut output.octets[start..start + length]) {
                return;
            }
            start += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(chop: Chop, output: Output) -> Vec<Vec<u8>> {
        let mut chunks = vec![];
        Chopper::new(chop).cut(output, |chunk| {
            chunks.push(chunk.to_vec());
            true
        });
        chunks
    }

    fn output() -> Output {
        let mut output = Output::default();
        output.write(b"ab");
        output.write(b"c");
        output.write_alone(b"de");
        output.write(b"f");
        output.write_chopped(b"ghi", 2);
        output.write(b"j");
        output
    }

    #[test]
    fn the_case_has_its_own_cuts() {
        assert_eq!(chunks(Chop::Case, output()), ["abc", "de", "f", "gh", "i", "j"].map(Vec::from));
    }

    #[test]
    fn other_cuts_take_no_notice_of_them() {
        assert_eq!(chunks(Chop::Size(4), output()), ["abcd", "efgh", "ij"].map(Vec::from));
        assert_eq!(chunks(Chop::Whole, output()), ["abcdefghij"].map(Vec::from));
        assert_eq!(chunks(Chop::Random(1), output()).concat(), b"abcdefghij");
    }
}
