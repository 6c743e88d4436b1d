//! The transport in memory: it gives the bytes of a prepared wire, over and over, in reads of
//! limited length, and takes whatever is written.
//!
//! A read costs the copy that a socket's read would; a write costs nothing, so that what remains
//! is the library's own work.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

/// What was written: counted always, kept only while it is to be compared.
#[derive(Clone, Default)]
pub struct Output(Arc<Written>);

#[derive(Default)]
struct Written {
    length: AtomicUsize,
    keeps: AtomicBool,
    kept: Mutex<Vec<u8>>,
}

impl Output {
    pub fn write(&self, bytes: &[u8]) {
        // Only one thread writes; a plain load and store cost less than an atomic addition.
        self.0.length.store(self.0.length.load(Relaxed) + bytes.len(), Relaxed);
        if self.0.keeps.load(Relaxed) {
            self.0.kept.lock().expect("nothing panics while it is held").extend_from_slice(bytes);
        }
    }

    /// How many bytes were written since this was last asked.
    pub fn take_length(&self) -> usize {
        self.0.length.swap(0, Relaxed)
    }

    /// Keeps from now on what is written.
    pub fn keep(&self) {
        self.0.keeps.store(true, Relaxed);
    }

    /// What was kept; nothing is from now on.
    pub fn take_kept(&self) -> Vec<u8> {
        self.0.keeps.store(false, Relaxed);
        std::mem::take(&mut *self.0.kept.lock().expect("nothing panics while it is held"))
    }
}

/// The transport of one contender.
pub struct Pipe {
    wire: Arc<[u8]>,
    position: usize,
    read: usize,
    output: Output,
}

impl Pipe {
    pub fn new(wire: Arc<[u8]>, read: usize, output: Output) -> Self {
        Self { wire, position: 0, read, output }
    }

    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The next bytes, up to `room` of them. A read ends where the wire does, so that the last
    /// message of a pass is never read together with the first of the next.
    pub fn next(&mut self, room: usize) -> &[u8] {
        let start = self.position;
        let end = self.wire.len().min(start + room.min(self.read));
        self.position = if end == self.wire.len() { 0 } else { end };
        &self.wire[start..end]
    }

    /// Reads as a socket would.
    pub fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let part = self.next(buffer.len());
        buffer[..part.len()].copy_from_slice(part);
        part.len()
    }

    fn write_all_of(&self, parts: &[IoSlice<'_>]) -> usize {
        parts.iter().map(|part| (self.output.write(part), part.len()).1).sum()
    }
}

impl io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.fill(buffer))
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.write_all_of(parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(self.next(buffer.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write_all_of(parts)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_util::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.fill(buffer)))
    }
}

impl futures_util::AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_end_with_the_wire_which_starts_again() {
        let mut pipe = Pipe::new(b"abcdefg"[..].into(), 3, Output::default());
        let mut reads = Vec::new();
        for room in [9, 2, 9, 9, 9] {
            reads.push(pipe.next(room).to_vec());
        }
        assert_eq!(reads, [&b"abc"[..], b"de", b"fg", b"abc", b"def"]);
    }

    #[test]
    fn output_is_counted_and_kept_when_asked() {
        let output = Output::default();
        output.write(b"abc");
        output.keep();
        output.write(b"de");
        assert_eq!(output.take_kept(), b"de");
        output.write(b"f");
        assert_eq!(output.take_length(), 6);
        assert_eq!(output.take_length(), 0);
        assert!(output.take_kept().is_empty());
    }
}
