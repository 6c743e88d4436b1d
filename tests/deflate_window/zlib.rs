//! zlib, behind a safe and small interface: raw deflate streams that are flushed after every
//! message, without the 00 00 FF FF at its end [RFC 7692 §7.2].

use core::ffi::{c_int, c_uint, c_void};
use core::ptr;

use libz_sys as sys;

const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

extern "C" fn allocate(_: *mut c_void, count: c_uint, size: c_uint) -> *mut c_void {
    // SAFETY: calloc may be called with any numbers.
    unsafe { calloc(count as usize, size as usize) }
}

extern "C" fn release(_: *mut c_void, memory: *mut c_void) {
    // SAFETY: zlib gives back what it got from `allocate`, once.
    unsafe { free(memory) }
}

/// A stream before it is initialised, in a place where it can stay: zlib points back to it.
fn new_stream() -> Box<sys::z_stream> {
    Box::new(sys::z_stream {
        next_in: ptr::null_mut(),
        avail_in: 0,
        total_in: 0,
        next_out: ptr::null_mut(),
        avail_out: 0,
        total_out: 0,
        msg: ptr::null_mut(),
        state: ptr::null_mut(),
        zalloc: allocate,
        zfree: release,
        opaque: ptr::null_mut(),
        data_type: 0,
        adler: 0,
        reserved: 0,
    })
}

/// zlib's `inflate` with a window of a given size.
pub(crate) struct Inflate(Box<sys::z_stream>);

impl Inflate {
    /// With a window of 2^`bits` bytes, for 8 to 15.
    pub(crate) fn new(bits: u8) -> Self {
        let mut stream = new_stream();
        // SAFETY: the stream is complete, and its size is said.
        let result = unsafe {
            let size = size_of::<sys::z_stream>() as c_int;
            sys::inflateInit2_(&mut *stream, -c_int::from(bits), sys::zlibVersion(), size)
        };
        assert_eq!(result, sys::Z_OK);
        Self(stream)
    }

    /// Decompresses a message, or gives what zlib says is wrong with it.
    ///
    /// zlib is asked for one byte after the other. With more room it would take what is there
    /// as well as the window, and let a distance pass that is too far.
    pub(crate) fn message(&mut self, compressed: &[u8]) -> Result<Vec<u8>, c_int> {
        let mut input = [compressed, &TAIL].concat();
        let mut message = Vec::new();
        self.0.next_in = input.as_mut_ptr();
        self.0.avail_in = input.len().try_into().expect("tests are small");
        loop {
            let mut byte = 0;
            self.0.next_out = &mut byte;
            self.0.avail_out = 1;
            // SAFETY: `input` and `byte` live, and have the lengths that were said.
            let result = unsafe { sys::inflate(&mut *self.0, sys::Z_SYNC_FLUSH) };
            match (result, self.0.avail_out) {
                (sys::Z_OK, 0) => message.push(byte),
                (sys::Z_OK | sys::Z_BUF_ERROR, _) if self.0.avail_in == 0 => return Ok(message),
                (error, _) => return Err(error),
            }
        }
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        // SAFETY: the stream was initialised by inflateInit2_.
        unsafe { sys::inflateEnd(&mut *self.0) };
    }
}

/// zlib's `deflate`, to compare with.
pub(crate) struct Deflate(Box<sys::z_stream>);

impl Deflate {
    /// With a window of 2^`bits` bytes, for 9 to 15, and the default `memLevel`.
    pub(crate) fn new(level: c_int, bits: u8) -> Self {
        let mut stream = new_stream();
        // SAFETY: the stream is complete, and its size is said.
        let result = unsafe {
            let size = size_of::<sys::z_stream>() as c_int;
            let (version, bits) = (sys::zlibVersion(), -c_int::from(bits));
            sys::deflateInit2_(&mut *stream, level, 8, bits, 8, 0, version, size)
        };
        assert_eq!(result, sys::Z_OK);
        Self(stream)
    }

    /// Compresses a message.
    pub(crate) fn message(&mut self, message: &[u8]) -> Vec<u8> {
        let mut input = message.to_vec();
        let mut compressed = vec![0; message.len() * 2 + 64];
        self.0.next_in = input.as_mut_ptr();
        self.0.avail_in = input.len().try_into().expect("tests are small");
        self.0.next_out = compressed.as_mut_ptr();
        self.0.avail_out = compressed.len().try_into().expect("tests are small");
        // SAFETY: `input` and `compressed` live, and have the lengths that were said.
        let result = unsafe { sys::deflate(&mut *self.0, sys::Z_SYNC_FLUSH) };
        assert!(result == sys::Z_OK && self.0.avail_in == 0 && self.0.avail_out > 0);
        compressed.truncate(compressed.len() - self.0.avail_out as usize);
        assert!(compressed.ends_with(&TAIL));
        compressed.truncate(compressed.len() - TAIL.len());
        compressed
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        // SAFETY: the stream was initialised by deflateInit2_.
        unsafe { sys::deflateEnd(&mut *self.0) };
    }
}
