//! One message to many connections: framed once, and compressed once for each window.

use alloc::vec::Vec;
use core::fmt;

use super::core::Core;
use super::send::FrameTicket;
use super::sender::Sender;
use crate::buffer::{Buffer, check_room};
use crate::deflate::{Compression, WindowBits};
use crate::frame::{FrameHeader, Rsv};
use crate::message::{AsMessage, MessageKind};
use crate::misuse::{SendError, Unsent};
use crate::role::{Role, Server};
use crate::slice;
use crate::storage::Storage;

/// A message that is made once and sent to many connections.
///
/// It is framed once, as servers send it, and compressed once for each window that was asked for,
/// without a context. [`Sender::send_prepared`] sends it to one connection, in the form that was
/// agreed on there. So the work for each connection is a copy, and with
/// [`Sender::lend_prepared`] not even that.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sansocket::{Config, Connection, Prepared, Server};
///
/// let tick = Prepared::new("tick");
/// let mut out = Vec::new();
/// for _ in 0..2 {
///     let mut connection = Connection::established(Server, None, Config::new());
///     connection.sender(&mut out).send_prepared(&tick)?;
/// }
/// assert_eq!(out, b"\x81\x04tick\x81\x04tick");
/// # }
/// # Ok::<(), sansocket::SendError>(())
/// ```
pub struct Prepared {
    kind: MessageKind,
    plain: Frame,
    /// From the smallest window to the largest.
    compressed: Vec<(WindowBits, Frame)>,
}

/// A frame as a server sends it.
struct Frame {
    bytes: Vec<u8>,
    /// The length of its header.
    header: usize,
}

impl Frame {
    fn new(kind: MessageKind, rsv: Rsv, payload: &[u8]) -> Self {
        let opcode = kind.opcode();
        let payload_len = payload.len() as u64;
        let header = FrameHeader { fin: true, rsv, opcode, mask: None, payload_len }.encode();
        let header = header.as_ref();
        let mut bytes = Vec::with_capacity(header.len() + payload.len());
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(payload);
        Self { bytes, header: header.len() }
    }

    fn payload(&self) -> &[u8] {
        slice::tail(&self.bytes, self.header)
    }
}

/// What is sent of a prepared message to one connection.
struct Form<'a> {
    frame: &'a Frame,
    rsv: Rsv,
    /// Later messages may refer to it.
    takeover: bool,
}

impl Prepared {
    /// A message that is sent plain.
    #[must_use]
    pub fn new(message: impl AsMessage) -> Self {
        let message = message.as_message();
        let plain = Frame::new(message.kind(), Rsv::NONE, message.as_bytes());
        Self { kind: message.kind(), plain, compressed: Vec::new() }
    }

    /// Compresses the message as well, for connections with this window or a larger one.
    ///
    /// Connections that agreed on smaller windows get it plain, so call this once for each window
    /// that is in use; most clients agree on [`WindowBits::MAX`]. `level` is from 1 to 9, as for
    /// [`DeflateConfig::level`](crate::DeflateConfig::level). A message that does not get shorter is
    /// sent plain.
    ///
    /// ```
    /// use sansocket::Prepared;
    /// use sansocket::deflate::WindowBits;
    ///
    /// let news = Prepared::new("[1,1,1,1,1,1,1,1,1,1,1,1]").compress(WindowBits::MAX, 6);
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compress(mut self, window: WindowBits, level: u8) -> Self {
        let payload = self.plain.payload();
        if let Some(payload) = crate::deflate::compress_alone(payload, window, level) {
            self.compressed.retain(|(other, _)| *other != window);
            self.compressed.push((window, Frame::new(self.kind, Rsv::RSV1, &payload)));
            self.compressed.sort_by_key(|(window, _)| *window);
        }
        self
    }

    /// The kind of the message.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload, not compressed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.plain.payload()
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    pub(super) fn send_prepared(
        &mut self,
        prepared: &Prepared,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        let Form { frame, rsv, takeover } = self.choose_form(prepared, compression)?;
        if R::SERVER {
            check_room(out, frame.bytes.len())?;
            out.append(&frame.bytes);
        } else {
            let ticket: FrameTicket<R> = self.reserve_frame(frame.payload().len(), out)?;
            ticket.write_with(prepared.kind.opcode(), true, rsv, frame.payload(), out);
        }
        self.sent_prepared(takeover);
        Ok(())
    }

    /// The form that this connection can read.
    fn choose_form<'p>(
        &self,
        prepared: &'p Prepared,
        compression: Compression,
    ) -> Result<Form<'p>, SendError> {
        self.check_open()?;
        if !self.outgoing.is_between_messages() {
            return Err(SendError::Fragmented);
        }
        let plain = Form { frame: &prepared.plain, rsv: Rsv::NONE, takeover: false };
        let Some(params) = self.deflate.filter(|_| compression != Compression::Never) else {
            return Ok(plain);
        };
        let (window, takeover) = self.outgoing_window(params);
        let mut forms = prepared.compressed.iter().rev();
        Ok(forms.find(|(bits, _)| *bits <= window).map_or(plain, |(_, frame)| Form {
            frame,
            rsv: Rsv::RSV1,
            takeover,
        }))
    }

    fn sent_prepared(&mut self, takeover: bool) {
        if takeover {
            self.outgoing.leave_compressor_behind();
        }
        self.timers.touch_data();
    }
}

impl<S: Storage, B: Buffer> Sender<'_, Server, S, B> {
    /// Returns the bytes of a prepared message for the caller to write, for example with a vectored
    /// write, instead of appending them to the output.
    ///
    /// They have to be written behind the output, and nothing may be appended to it before.
    ///
    /// # Errors
    ///
    /// As [`send_prepared`](Sender::send_prepared), and [`SendError::Closed`] also with an event.
    pub fn lend_prepared<'p>(&mut self, prepared: &'p Prepared) -> Result<&'p [u8], SendError> {
        let (core, compression) = self.parts();
        let Form { frame, takeover, .. } = core.choose_form(prepared, compression)?;
        core.sent_prepared(takeover);
        Ok(&frame.bytes)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = self.compressed.iter().map(|(window, frame)| (window, frame.bytes.len()));
        f.debug_struct("Prepared")
            .field("kind", &self.kind)
            .field("length", &self.plain.payload().len())
            .field("compressed", &Vec::from_iter(windows))
            .finish()
    }
}
