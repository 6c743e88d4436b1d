//! The C zlib as the other side: raw DEFLATE as RFC 7692 §7.2 wants it, with a window of exactly
//! the size that was agreed on.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

use libz_sys as z;

/// What a sync flush ends with, and a message does not.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// The compressor of a peer, for the windows of 2^9 bytes and more that zlib can keep to.
pub(crate) struct Deflate(Box<z::z_stream>);

/// The decompressor of a peer: a distance that goes beyond the window is an error.
pub(crate) struct Inflate(Box<z::z_stream>);

/// What was sent is not what this peer can decompress; the code of zlib.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) c_int);

/// The judge of what a peer sends: as strict as the window, and it continues after the last block
/// of a stream, with the window kept [RFC 7692 §7.2.3.4].
pub(crate) struct Judge {
    inflate: Inflate,
    /// Whether the input so far ends between two blocks, at a byte boundary.
    between_blocks: bool,
    /// Whether it ends with the last block of a stream.
    after_last: bool,
}

/// What the judge finds in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The message, or what comes before the mistake.
    pub(crate) message: Vec<u8>,
    /// How many bytes it takes to see the mistake, if there is one. The four that are not sent
    /// count as well.
    pub(crate) refused_after: Option<usize>,
}

impl Deflate {
    pub(crate) fn new(bits: u8, level: u8) -> Self {
        Self::with(bits, level, 8, z::Z_DEFAULT_STRATEGY)
    }

    /// With zlib's own settings for memory, 1 to 9, and strategy.
    pub(crate) fn with(bits: u8, level: u8, memory: u8, strategy: c_int) -> Self {
        let mut stream = new_stream();
        // SAFETY: the stream is initialized, and is not moved, as it is boxed.
        let code = unsafe {
            z::deflateInit2_(
                &mut *stream,
                level.into(),
                z::Z_DEFLATED,
                -c_int::from(bits),
                memory.into(),
                strategy,
                z::zlibVersion(),
                STREAM_SIZE,
            )
        };
        assert_eq!(code, z::Z_OK, "a window of {bits} bits, level {level}");
        Self(stream)
    }

    /// A message, compressed: without the end of its flush.
    pub(crate) fn message(&mut self, message: &[u8]) -> Vec<u8> {
        let mut output = vec![];
        self.run(message, z::Z_SYNC_FLUSH, &mut output);
        if output.is_empty() {
            // A flush right after another one gives nothing [RFC 7692 §7.2.3.6].
            output.push(0);
            return output;
        }
        let length = output.strip_suffix(&TAIL).expect("the end of a sync flush").len();
        output.truncate(length);
        output
    }

    /// A message, compressed, with a flush behind each of its parts.
    pub(crate) fn message_in_parts<'p>(
        &mut self,
        parts: impl IntoIterator<Item = &'p [u8]>,
    ) -> Vec<u8> {
        let mut parts = parts.into_iter();
        let mut output = self.message(parts.next().unwrap_or_default());
        for part in parts {
            output.extend(TAIL);
            output.extend(self.message(part));
        }
        output
    }

    /// Forgets the messages so far.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the stream was initialized for deflate.
        assert_eq!(unsafe { z::deflateReset(&mut *self.0) }, z::Z_OK);
    }

    /// Appends what zlib gives for this input and this way to flush.
    pub(crate) fn run(&mut self, input: &[u8], flush: c_int, output: &mut Vec<u8>) {
        let stream = &mut *self.0;
        let mut block = [0; 16 << 10];
        lend_input(stream, input);
        loop {
            lend_output(stream, &mut block);
            // SAFETY: input and output are alive, and as long as the stream was told.
            let code = unsafe { z::deflate(stream, flush) };
            assert!(code == z::Z_OK || code == z::Z_BUF_ERROR, "zlib: {code}");
            output.extend_from_slice(&block[..block.len() - stream.avail_out as usize]);
            if stream.avail_out > 0 {
                return;
            }
        }
    }
}

impl Inflate {
    pub(crate) fn new(bits: u8) -> Self {
        let mut stream = new_stream();
        let bits = -c_int::from(bits);
        // SAFETY: the stream is initialized, and is not moved, as it is boxed.
        let code = unsafe { z::inflateInit2_(&mut *stream, bits, z::zlibVersion(), STREAM_SIZE) };
        assert_eq!(code, z::Z_OK, "a window of {bits} bits");
        Self(stream)
    }

    /// The message of a payload.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut message = vec![];
        self.part(payload, &mut message)?;
        self.end(&mut message)?;
        Ok(message)
    }

    /// Appends what is known of a message with this part of its payload.
    pub(crate) fn part(&mut self, payload: &[u8], message: &mut Vec<u8>) -> Result<(), Refused> {
        self.run(payload, message)
    }

    /// Ends a message, with what was not sent of its last flush.
    ///
    /// That must be the whole of a block: behind it zlib is not in the middle of one.
    pub(crate) fn end(&mut self, message: &mut Vec<u8>) -> Result<(), Refused> {
        self.run(&TAIL, message)?;
        // Bit 7: between two blocks.
        if self.0.data_type & 0x80 == 0 { Err(Refused(z::Z_DATA_ERROR)) } else { Ok(()) }
    }

    /// Forgets the messages so far.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the stream was initialized for inflate.
        assert_eq!(unsafe { z::inflateReset(&mut *self.0) }, z::Z_OK);
    }

    /// One byte at a time: zlib also copies from what it has written in the same call, however far
    /// back that is.
    fn run(&mut self, input: &[u8], message: &mut Vec<u8>) -> Result<(), Refused> {
        let stream = &mut *self.0;
        let mut byte = [0];
        lend_input(stream, input);
        loop {
            lend_output(stream, &mut byte);
            // SAFETY: input and output are alive, and as long as the stream was told.
            let code = unsafe { z::inflate(stream, z::Z_SYNC_FLUSH) };
            let full = stream.avail_out == 0;
            if full {
                message.extend(byte);
            }
            if code != z::Z_OK && code != z::Z_BUF_ERROR {
                return Err(Refused(code));
            }
            if !full {
                return Ok(());
            }
        }
    }
}

impl Judge {
    /// A window of exactly 2^`bits` bytes.
    pub(crate) fn new(bits: u8) -> Self {
        Self { inflate: Inflate::new(bits), between_blocks: true, after_last: false }
    }

    /// Forgets the messages so far.
    pub(crate) fn reset(&mut self) {
        self.inflate.reset();
    }

    /// Judges the payload of a message, `step` bytes at a time, up to more than `limit` bytes of
    /// output.
    pub(crate) fn message(&mut self, payload: &[u8], step: usize, limit: usize) -> Verdict {
        let mut message = vec![];
        let refused_after = self.refused_after(payload, step, limit, &mut message);
        Verdict { message, refused_after }
    }

    fn refused_after(
        &mut self,
        payload: &[u8],
        step: usize,
        limit: usize,
        message: &mut Vec<u8>,
    ) -> Option<usize> {
        (self.between_blocks, self.after_last) = (true, false);
        let mut taken = 0;
        for part in [payload, &TAIL] {
            // A message may be empty, or end with the last block of a stream.
            if taken == payload.len() && (payload.is_empty() || self.after_last) {
                return None;
            }
            for chunk in part.chunks(step) {
                taken += chunk.len();
                let result = self.chunk(chunk, limit, message);
                // zlib may see a mistake behind the last byte of output with that.
                if message.len() > limit {
                    return None;
                }
                if result.is_err() {
                    return Some(taken);
                }
            }
        }
        if self.between_blocks { None } else { Some(taken) }
    }

    /// One byte of output at a time, as in [`Inflate::run`].
    fn chunk(&mut self, input: &[u8], limit: usize, message: &mut Vec<u8>) -> Result<(), Refused> {
        let stream = &mut *self.inflate.0;
        let mut byte = [0];
        lend_input(stream, input);
        while message.len() <= limit {
            lend_output(stream, &mut byte);
            let before = stream.avail_in;
            // SAFETY: input and output are alive, and as long as the stream was told.
            let code = unsafe { z::inflate(stream, z::Z_SYNC_FLUSH) };
            let full = stream.avail_out == 0;
            if full {
                message.extend(byte);
            }
            let moved = full || stream.avail_in != before;
            // Bit 7: it has just come to the end of a block. Below bit 6: how many bits are left.
            let at_end = stream.data_type & 0xBF == 0x80;
            self.between_blocks = at_end || self.between_blocks && !moved;
            self.after_last &= !moved;
            match code {
                z::Z_STREAM_END => {
                    // SAFETY: the stream is initialized for inflate.
                    assert_eq!(unsafe { inflateResetKeep(stream) }, z::Z_OK);
                    (self.between_blocks, self.after_last) = (true, true);
                    if stream.avail_in == 0 {
                        break;
                    }
                }
                z::Z_OK | z::Z_BUF_ERROR if moved => {}
                z::Z_OK | z::Z_BUF_ERROR => break,
                code => return Err(Refused(code)),
            }
        }
        Ok(())
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        // SAFETY: the stream was initialized for deflate, and is not used any more.
        unsafe { z::deflateEnd(&mut *self.0) };
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        // SAFETY: the stream was initialized for inflate, and is not used any more.
        unsafe { z::inflateEnd(&mut *self.0) };
    }
}

/// What zlib checks its callers' idea of the stream against.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
const STREAM_SIZE: c_int = size_of::<z::z_stream>() as c_int;

/// A stream as zlib wants it: zeros, and no allocator but zlib's own.
fn new_stream() -> Box<z::z_stream> {
    let mut stream = Box::new(MaybeUninit::<z::z_stream>::zeroed());
    let fields = stream.as_mut_ptr();
    // SAFETY: the fields are written in place, the functions with those of this module; zeros are
    // valid for all the others, which are pointers and numbers.
    unsafe {
        ptr::addr_of_mut!((*fields).zalloc).write(allocate);
        ptr::addr_of_mut!((*fields).zfree).write(free);
        stream.assume_init()
    }
}

/// Memory for zlib, which is none of the memory that the tests count.
extern "C" fn allocate(_: z::voidpf, count: z::uInt, size: z::uInt) -> z::voidpf {
    // SAFETY: any sizes may be asked for; what zlib does not get it refuses to work without.
    unsafe { calloc(count as usize, size as usize) }
}

extern "C" fn free(_: z::voidpf, memory: z::voidpf) {
    // SAFETY: zlib gives back what it got from `allocate`, once.
    unsafe { libc_free(memory) }
}

unsafe extern "C" {
    /// Starts a new stream that may refer to the window of the last one.
    fn inflateResetKeep(stream: *mut z::z_stream) -> c_int;
    fn calloc(count: usize, size: usize) -> z::voidpf;
    #[link_name = "free"]
    fn libc_free(memory: z::voidpf);
}

fn lend_input(stream: &mut z::z_stream, input: &[u8]) {
    stream.next_in = input.as_ptr().cast_mut();
    stream.avail_in = z::uInt::try_from(input.len()).expect("a short input");
}

fn lend_output(stream: &mut z::z_stream, output: &mut [u8]) {
    stream.next_out = output.as_mut_ptr();
    stream.avail_out = z::uInt::try_from(output.len()).expect("a short output");
}
