//! Cutting slices at places that are known to be inside them.
//!
//! Indexing would link a panic at each place, which firmware pays for and a proof has to exclude.
//! These functions assert the place in debug builds; in release builds a wrong place would give an
//! empty slice, which is safe.

/// The first `length` elements.
#[inline]
pub(crate) fn head<T>(slice: &[T], length: usize) -> &[T] {
    debug_assert!(length <= slice.len(), "{length} of {}", slice.len());
    slice.get(..length).unwrap_or_default()
}

/// The first `length` elements, to be changed.
#[inline]
pub(crate) fn head_mut<T>(slice: &mut [T], length: usize) -> &mut [T] {
    debug_assert!(length <= slice.len(), "{length} of {}", slice.len());
    slice.get_mut(..length).unwrap_or_default()
}

/// The elements from `start` on.
#[inline]
pub(crate) fn tail<T>(slice: &[T], start: usize) -> &[T] {
    debug_assert!(start <= slice.len(), "from {start} of {}", slice.len());
    slice.get(start..).unwrap_or_default()
}

/// The elements from `start` on, to be changed.
#[inline]
pub(crate) fn tail_mut<T>(slice: &mut [T], start: usize) -> &mut [T] {
    debug_assert!(start <= slice.len(), "from {start} of {}", slice.len());
    slice.get_mut(start..).unwrap_or_default()
}

/// Copies all of `from` to the front of `to`.
// A call, in which compilers see that the slices do not overlap, and make one copy of the loop.
#[inline(never)]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    debug_assert!(from.len() <= to.len(), "{} to {}", from.len(), to.len());
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Moves the bytes from `start` to `end` to the front.
pub(crate) fn move_to_front(bytes: &mut [u8], start: usize, end: usize) {
    debug_assert!(start <= end && end <= bytes.len(), "{start} to {end} of {}", bytes.len());
    let mut rest = bytes.get_mut(..end).unwrap_or_default();
    // As much as does not overlap at a time.
    while let Some((front, behind)) = rest.split_at_mut_checked(start) {
        if start == 0 || behind.is_empty() {
            break;
        }
        copy(head(behind, start.min(behind.len())), front);
        rest = behind;
    }
}

/// `length` elements from `start` on.
#[inline]
pub(crate) fn part<T>(slice: &[T], start: usize, length: usize) -> &[T] {
    head(tail(slice, start), length)
}

/// `length` elements from `start` on, to be changed.
#[inline]
pub(crate) fn part_mut<T>(slice: &mut [T], start: usize, length: usize) -> &mut [T] {
    head_mut(tail_mut(slice, start), length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_moved_is_what_was_there(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            places in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let end = places.0.index(bytes.len() + 1);
            let start = places.1.index(end + 1);
            let mut moved = bytes.clone();
            move_to_front(&mut moved, start, end);
            prop_assert_eq!(&moved[..end - start], &bytes[start..end]);
            prop_assert_eq!(&moved[end..], &bytes[end..]);
        }
    }
}
