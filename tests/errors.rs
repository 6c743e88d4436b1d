//! Errors as a program meets them: `?` passes all of them on, whatever the function returns; what
//! they say has the value and the limit; and no error is returned before the close frame about it
//! could be written.

mod common;

use core::error::Error as StdError;
use core::time::Duration;

use common::conversation::any_conversation;
use common::output::Output;
use common::record::{Driver, Manners};
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CLOSE, FIN, PING, TEXT};
use proptest::prelude::*;
use sansocket::deflate::DeflateError;
use sansocket::frame::{FrameError, Opcode, Rsv};
use sansocket::handshake::HandshakeError;
use sansocket::{
    Accept, Buffer, Client, CloseCode, Config, Connection, Error, Event, Fixed, FixedBuffer,
    Fragment, Full, Input, MessageKind, ProtocolError, Request, RequestError, ResponseError,
    SendError, Server, Timeout, TransportAction,
};

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/errors.txt");

// `?` in functions of all kinds.

/// Where a program goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Client,
    Tick,
    Accept,
    Send,
    Next,
    End,
}

impl Fault {
    const ALL: [Self; 7] =
        [Self::None, Self::Client, Self::Tick, Self::Accept, Self::Send, Self::Next, Self::End];

    fn error(self) -> Option<Error> {
        Some(match self {
            Self::None => return None,
            Self::Client => Error::Request(RequestError::InvalidHost),
            Self::Tick => Error::Timeout(Timeout::Opening),
            Self::Accept => Error::Response(ResponseError::ProtocolNotOffered),
            Self::Send => Error::Send(SendError::Fragmented),
            Self::Next => Error::Protocol(ProtocolError::UnexpectedContinuation),
            Self::End => Error::UnexpectedEnd,
        })
    }
}

/// A whole life of a client and of a server, in a function that returns this error.
macro_rules! program {
    ($(#[$meta:meta])* $name:ident, $error:ty) => {
        $(#[$meta])*
        fn $name(fault: Fault) -> Result<usize, $error> {
            let mut wire = Output::unbounded();
            let host = if fault == Fault::Client { "" } else { "a" };
            let request = Request::new(host, "/");
            let config = Config::new();
            let client =
                Connection::client_in(Fixed::<99>, &request, Script::default(), config, &mut wire)?;
            drop(client);

            let mut out = Output::unbounded();
            let config = Config::new().opening_timeout(Duration::from_secs(1));
            let mut server = Connection::server_in(Fixed::<400>, config);
            server.tick(Duration::ZERO, &mut out)?;
            server.tick(Duration::from_secs(u64::from(fault == Fault::Tick)), &mut out)?;

            wire.append(&wire::frame(true, FIN | TEXT, b"Hello"));
            if fault == Fault::Next {
                wire.append(&wire::frame(true, FIN, b""));
            }
            if fault != Fault::End {
                wire.append(&wire::frame(true, FIN | CLOSE, b""));
            }
            let mut input = Input::with([0; 400]);
            assert_eq!(input.push(&wire.bytes), wire.bytes.len());
            let mut events = 0;
            for _ in 0..2 {
                while let Some((event, mut reply)) = server.next_event(&mut input, &mut out)? {
                    events += 1;
                    match event {
                        Event::Request(_) if fault == Fault::Accept => {
                            reply.accept(Accept::new().protocol("none"))?;
                        }
                        Event::Request(_) => reply.accept(Accept::new())?,
                        Event::Message(message) => {
                            if fault == Fault::Send {
                                let first = Fragment::First(MessageKind::Text);
                                reply.send_fragment(first, b"under way")?;
                            }
                            reply.send(message)?;
                        }
                        _ => {}
                    }
                }
            }
            server.end_of_stream()?;
            Ok(events)
        }
    };
}

program!(into_error, Error);
program!(into_box, Box<dyn StdError>);
program!(into_send_box, Box<dyn StdError + Send + Sync>);
program!(
    #[cfg(feature = "std")]
    into_io,
    std::io::Error
);

#[test]
fn all_errors_pass_on_into_the_error_of_this_crate() {
    for fault in Fault::ALL {
        assert_eq!(into_error(fault).err(), fault.error(), "{fault:?}");
    }
    assert_eq!(into_error(Fault::None), Ok(3));
}

/// In a box an error is what the call returned: a `SendError` of `send`, an `Error` of `next`.
#[test]
fn all_errors_pass_on_into_a_box() {
    fn check(fault: Fault, boxed: &(dyn StdError + 'static)) {
        let expected = fault.error().expect("a fault");
        let same = match expected {
            Error::Send(error) => boxed.downcast_ref() == Some(&error),
            Error::Response(error) => boxed.downcast_ref() == Some(&error),
            Error::Request(error) => boxed.downcast_ref() == Some(&error),
            error => boxed.downcast_ref() == Some(&error),
        };
        assert!(same, "{boxed:?} for {fault:?}");
        assert_eq!(boxed.to_string(), expected.to_string());
    }
    for fault in &Fault::ALL[1..] {
        check(*fault, &*into_box(*fault).unwrap_err());
        check(*fault, &*into_send_box(*fault).unwrap_err());
    }
    assert_eq!(into_box(Fault::None).unwrap(), 3);
}

#[cfg(feature = "std")]
mod io {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn all_errors_pass_on_into_those_of_input_and_output() {
        let kinds = [
            (Fault::Client, ErrorKind::InvalidInput),
            (Fault::Tick, ErrorKind::TimedOut),
            (Fault::Accept, ErrorKind::InvalidInput),
            (Fault::Send, ErrorKind::InvalidInput),
            (Fault::Next, ErrorKind::InvalidData),
            (Fault::End, ErrorKind::UnexpectedEof),
        ];
        for (fault, kind) in kinds {
            let error = into_io(fault).unwrap_err();
            assert_eq!(error.kind(), kind, "{fault:?}");
            let expected = fault.error().expect("a fault");
            assert_eq!(error.to_string(), expected.to_string());
            // What it was made of is still there.
            let inner = error.into_inner().expect("an error inside");
            let same = match expected {
                Error::Send(error) => inner.downcast_ref() == Some(&error),
                Error::Response(error) => inner.downcast_ref() == Some(&error),
                Error::Request(error) => inner.downcast_ref() == Some(&error),
                error => inner.downcast_ref() == Some(&error),
            };
            assert!(same, "{inner:?} for {fault:?}");
        }
        assert_eq!(into_io(Fault::None).unwrap(), 3);
    }

    /// The kinds that a program decides by.
    #[test]
    fn an_error_of_input_and_output_has_the_kind_that_fits() {
        fn kind(error: impl Into<std::io::Error>) -> ErrorKind {
            error.into().kind()
        }
        assert_eq!(kind(SendError::Closed), ErrorKind::BrokenPipe);
        assert_eq!(kind(SendError::NotOpen), ErrorKind::NotConnected);
        assert_eq!(kind(SendError::Entropy), ErrorKind::Other);
        assert_eq!(kind(SendError::CannotGrow(9)), ErrorKind::OutOfMemory);
        assert_eq!(kind(SendError::ControlTooLong { length: 126 }), ErrorKind::InvalidInput);
        assert_eq!(kind(ResponseError::Closed), ErrorKind::BrokenPipe);
        assert_eq!(kind(ResponseError::CannotGrow(9)), ErrorKind::OutOfMemory);
        assert_eq!(kind(ResponseError::NoRequest), ErrorKind::InvalidInput);
        assert_eq!(kind(RequestError::Entropy), ErrorKind::Other);
        assert_eq!(kind(RequestError::CannotGrow(9)), ErrorKind::OutOfMemory);
        assert_eq!(kind(Error::OutOfMemory { length: 9 }), ErrorKind::OutOfMemory);
        assert_eq!(kind(Error::Handshake(HandshakeError::Host)), ErrorKind::InvalidData);
        // A mistake of the caller has the same kind on the way through `Error`.
        assert_eq!(kind(Error::from(SendError::Closed)), ErrorKind::BrokenPipe);
        assert_eq!(kind(Error::from(ResponseError::Closed)), ErrorKind::BrokenPipe);
        assert_eq!(kind(Error::from(RequestError::Entropy)), ErrorKind::Other);
    }
}

// What they say.

/// Each error says what is wrong, with the value, and with the limit if there is one.
#[test]
fn each_error_says_the_value_and_the_limit() {
    let frame = |error: FrameError| Error::Frame(error).to_string();
    let protocol = |error: ProtocolError| Error::Protocol(error).to_string();
    let handshake = |error: HandshakeError| Error::Handshake(error).to_string();
    let rows = [
        (frame(FrameError::ReservedOpcode(11)), "opcode 0xb is reserved"),
        (frame(FrameError::FragmentedControl(Opcode::Ping)), "Ping frame is fragmented"),
        (frame(FrameError::ControlLength(Opcode::Close)), "Close frame is longer than 125 bytes"),
        (frame(FrameError::LengthNotMinimal(125)), "length 125 is not in its shortest form"),
        (frame(FrameError::LengthTopBit(1 << 63)), "length 0x8000000000000000 has the top bit set"),
        (protocol(ProtocolError::ReservedBits(Rsv::RSV1)), "reserved bits 0b100 are set"),
        (protocol(ProtocolError::Unmasked), "frame from a client is not masked"),
        (protocol(ProtocolError::Masked), "frame from a server is masked"),
        (protocol(ProtocolError::UnexpectedContinuation), "continuation without a message"),
        (
            protocol(ProtocolError::ExpectedContinuation(Opcode::Text)),
            "Text frame inside a fragmented message",
        ),
        (protocol(ProtocolError::CloseLength), "close frame with a payload of 1 byte"),
        (protocol(ProtocolError::CloseCode(1005)), "close code 1005 is not allowed on the wire"),
        (Error::InvalidUtf8 { offset: 70_000 }.to_string(), "text is not UTF-8 at byte 70000"),
        (
            Error::InvalidCloseReason { offset: 122 }.to_string(),
            "close reason is not UTF-8 at byte 122",
        ),
        (
            Error::InvalidDeflate { reason: DeflateError::BlockType, offset: 7 }.to_string(),
            "compressed message is invalid at byte 7: reserved block type",
        ),
        (
            Error::EmptyBlocks { limit: 4096 }.to_string(),
            "more than 4096 bytes of empty blocks in a row in a compressed message",
        ),
        (
            Error::FrameTooLong { length: 1001, limit: 1000 }.to_string(),
            "frame of 1001 bytes, the limit is 1000",
        ),
        (
            Error::MessageTooLong { length: 1501, limit: 1500 }.to_string(),
            "message of 1501 bytes or more, the limit is 1500",
        ),
        (Error::OutOfMemory { length: 4096 }.to_string(), "no memory for 4096 bytes"),
        (
            handshake(HandshakeError::HeadTooLong { limit: 8192 }),
            "opening handshake: head longer than 8192 bytes, which is the limit",
        ),
        (
            handshake(HandshakeError::TooManyHeaders { limit: 64 }),
            "opening handshake: more than 64 headers, which is the limit",
        ),
        (
            SendError::ControlTooLong { length: 126 }.to_string(),
            "control frame of 126 bytes, the limit is 125",
        ),
        (
            SendError::ReasonTooLong { length: 124 }.to_string(),
            "close reason of 124 bytes, the limit is 123",
        ),
        (
            SendError::FrameTooLong { length: 1 << 63 }.to_string(),
            "frame of 9223372036854775808 bytes, the limit is 2^63 - 1",
        ),
        (SendError::CannotGrow(7).to_string(), "the output cannot grow by 7 bytes"),
        (
            ResponseError::InvalidHeader { index: 2 }.to_string(),
            "header 2 has an invalid name or value, or belongs to the handshake",
        ),
        (
            ResponseError::InvalidStatus(101).to_string(),
            "HTTP status 101 is not between 200 and 599",
        ),
        (
            RequestError::InvalidProtocol { index: 1 }.to_string(),
            "subprotocol 1 is not an HTTP token, or repeated",
        ),
        (
            RequestError::ProtocolsTooLong { length: 300, limit: 256 }.to_string(),
            "subprotocols of 300 bytes, the storage holds 256",
        ),
        (Full { needed: 7, room: 1 }.to_string(), "7 bytes to write, the output has room for 1"),
    ];
    for (says, expected) in rows {
        assert_eq!(says, expected);
    }
}

/// On its way through `Error`, and into a box, an error says the same.
#[test]
fn an_error_says_the_same_in_every_wrapping() {
    let length = 126;
    let send = SendError::ControlTooLong { length };
    assert_eq!(Error::from(send).to_string(), send.to_string());
    let response = ResponseError::InvalidStatus(99);
    assert_eq!(Error::from(response).to_string(), response.to_string());
    let request = RequestError::InvalidHost;
    assert_eq!(Error::from(request).to_string(), request.to_string());
    let boxed: Box<dyn StdError> = Error::from(send).into();
    assert_eq!(boxed.to_string(), send.to_string());
}

// The close frame first, then the error.

/// A transport that writes up to `takes` bytes at a time, and reads up to `gives`.
struct Link {
    incoming: Vec<u8>,
    at: usize,
    written: Vec<u8>,
    takes: usize,
    gives: usize,
}

impl Link {
    fn new(incoming: Vec<u8>, takes: usize, gives: usize) -> Self {
        Self { incoming, at: 0, written: vec![], takes, gives }
    }

    fn read(&mut self, space: &mut [u8]) -> usize {
        let rest = &self.incoming[self.at..];
        let count = rest.len().min(space.len()).min(self.gives);
        space[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        count
    }

    /// Takes some bytes of an output.
    fn write<const N: usize>(&mut self, out: &mut FixedBuffer<N>) {
        let count = out.as_slice().len().min(self.takes);
        self.written.extend_from_slice(&out.as_slice()[..count]);
        out.consume(count);
    }
}

/// The loop for an output that grows: write, read, take the events, all errors by `?`.
fn grow<R: Side>(mut connection: Connection<R, Fixed<6000>>, link: &mut Link) -> Result<(), Error> {
    let mut input = Input::with([0; 7000]);
    let mut out = Output::unbounded();
    while connection.transport() != TransportAction::Close {
        let count = link.read(input.space());
        input.fill(count);
        if count == 0 {
            break;
        }
        while let Some((event, mut reply)) = connection.next_event(&mut input, &mut out)? {
            R::open(&event, &mut reply);
            if let Event::Message(message) = event {
                reply.send(message)?;
            }
        }
        link.written.append(&mut out.bytes);
        connection.tick(Duration::ZERO, &mut out)?;
    }
    connection.end_of_stream()
}

/// The loop for an output that can be full.
fn bounded<R: Side, const N: usize>(
    mut connection: Connection<R, Fixed<6000>>,
    link: &mut Link,
) -> Result<(), Error> {
    let mut input = Input::with([0; 7000]);
    let mut out = FixedBuffer::<N>::new();
    loop {
        connection.tick(Duration::ZERO, &mut out)?;
        while let Some((event, mut reply)) = connection.next_event(&mut input, &mut out)? {
            if let Event::Message(message) = event {
                while let Err(Full { .. }) = reply.send(message)? {
                    link.write(reply.out());
                }
            }
        }
        link.write(&mut out);
        match connection.transport() {
            TransportAction::Write => {}
            TransportAction::Close => break,
            _ => {
                let count = link.read(input.space());
                input.fill(count);
                if count == 0 {
                    break;
                }
            }
        }
    }
    while !out.as_slice().is_empty() {
        link.write(&mut out);
    }
    connection.end_of_stream()
}

/// A connection for either loop; an echo of the longest message fits the output.
fn connection<R: Side>() -> Connection<R, Fixed<6000>> {
    established(Fixed, Config::new().max_message(5000))
}

/// What a driver that keeps to the rules writes and ends with.
fn model<R: Side>(bytes: &[u8]) -> (Vec<u8>, Result<(), Error>) {
    let manners = Manners { echo: true, answer_controls: false };
    let mut driver = Driver::new(connection::<R>(), Output::unbounded()).with_manners(manners);
    driver.feed(bytes, true);
    let transcript = driver.finish();
    (transcript.out, transcript.end)
}

/// Violations behind other traffic: at the end of each of them the close frame is written.
#[test]
fn the_close_frame_is_written_before_the_error_ends_the_loop() {
    fn check<R: Side>() {
        let masks = R::PEER_MASKS;
        let violations = [
            wire::frame(masks, FIN, b"no message"),
            wire::frame(masks, FIN | TEXT, b"\xFF"),
            wire::frame(masks, FIN | BINARY, &[7; 5001]),
            wire::frame(masks, FIN | CLOSE, b"x"),
            vec![0xFF],
        ];
        for violation in violations {
            let bytes = [
                wire::frame(masks, FIN | PING, b"first"),
                wire::frame(masks, FIN | TEXT, b"second"),
                violation,
            ]
            .concat();
            let (expected, end) = model::<R>(&bytes);
            assert!(end.is_err());
            let frames = wire::read_frames(&expected);
            assert_eq!((frames.len(), frames[2].first), (3, FIN | CLOSE));
            for gives in [1, 10, usize::MAX] {
                let mut link = Link::new(bytes.clone(), 0, gives);
                assert_eq!(grow(connection::<R>(), &mut link), end);
                assert_eq!(link.written, expected, "{gives} bytes at a time");
                for takes in [1, 10, usize::MAX] {
                    let mut link = Link::new(bytes.clone(), takes, gives);
                    assert_eq!(bounded::<R, 5014>(connection(), &mut link), end);
                    assert_eq!(link.written, expected, "{gives} and {takes} bytes at a time");
                }
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// A violation behind a message that is answered with a close frame, in one read: that close frame
/// is written, and no other.
#[test]
fn a_close_frame_before_a_violation_is_written_before_the_error_ends_the_loop() {
    fn serve<R: Side>(chunk: &[u8], written: &mut Vec<u8>) -> Result<(), Error> {
        let mut connection = connection::<R>();
        let mut input = Input::with([0; 100]);
        let mut out = Output::unbounded();
        input.push(chunk);
        for _ in 0..2 {
            while let Some((event, mut reply)) = connection.next_event(&mut input, &mut out)? {
                if let Event::Message(_) = event {
                    reply.close(CloseCode::NORMAL)?;
                }
            }
            written.append(&mut out.bytes);
        }
        panic!("no error");
    }
    fn check<R: Side>() {
        let masks = R::PEER_MASKS;
        let violation = Error::Protocol(ProtocolError::UnexpectedContinuation);
        let chunk = [wire::frame(masks, FIN | TEXT, b"bye"), wire::frame(masks, FIN, b"")];
        let mut written = vec![];
        assert_eq!(serve::<R>(&chunk.concat(), &mut written), Err(violation));
        let frames = wire::read_frames(&written);
        let close = wire::Frame { first: FIN | CLOSE, payload: wire::close_payload(1000, "") };
        assert_eq!(frames, [close]);
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// The loop may set the time before it takes the events, or behind that, and look at nothing: what
/// one of the calls has appended is written before the other one returns the error.
#[test]
fn the_close_frame_is_written_whichever_call_finds_the_failure() {
    const SECOND: Duration = Duration::from_secs(1);
    fn serve<R: Side>(
        violation: &[u8],
        ticks_first: bool,
        written: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let config = Config::new().keep_alive(SECOND, SECOND);
        let mut connection = established::<R, _>(Fixed::<8>, config);
        let mut input = Input::with([0; 100]);
        let mut out = Output::unbounded();
        for turn in 0..9 {
            if turn == 5 {
                input.push(violation);
            }
            if ticks_first {
                connection.tick(turn * SECOND, &mut out)?;
            }
            while connection.next_event(&mut input, &mut out)?.is_some() {}
            if !ticks_first {
                connection.tick(turn * SECOND, &mut out)?;
            }
            written.append(&mut out.bytes);
            // The peer answers pings, up to the violation or without one for ever.
            if turn < 4 {
                input.push(&wire::frame(R::PEER_MASKS, FIN | wire::PONG, b""));
            }
        }
        panic!("no error");
    }
    fn check<R: Side>() {
        let timeout = Error::Timeout(Timeout::Pong);
        let violation = Error::Protocol(ProtocolError::UnexpectedContinuation);
        let bytes = wire::frame(R::PEER_MASKS, FIN, b"");
        for (bytes, error) in [(&bytes[..], violation), (b"", timeout)] {
            for ticks_first in [true, false] {
                let mut written = vec![];
                assert_eq!(serve::<R>(bytes, ticks_first, &mut written), Err(error));
                let frames = wire::read_frames(&written);
                let closes: Vec<_> = frames.iter().filter(|f| f.first == FIN | CLOSE).collect();
                let code = error.close_code().expect("a code").get();
                assert_eq!((closes.len(), &closes[0].payload[..2]), (1, &code.to_be_bytes()[..]));
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// A deadline that ends with a close frame, in a loop that passes the error of `tick` on.
#[test]
fn the_close_frame_of_a_deadline_is_written_before_the_error_ends_the_loop() {
    fn serve<R: Side>(written: &mut Vec<u8>) -> Result<(), Error> {
        let second = Duration::from_secs(1);
        let config = Config::new().keep_alive(second, second);
        let mut connection = established::<R, _>(Fixed::<8>, config);
        let mut out = Output::unbounded();
        for seconds in 0..10 {
            connection.tick(seconds * second, &mut out)?;
            written.append(&mut out.bytes);
            if connection.transport() == TransportAction::Close {
                break;
            }
        }
        connection.end_of_stream()
    }
    fn check<R: Side>() {
        let mut written = vec![];
        assert_eq!(serve::<R>(&mut written), Err(Error::Timeout(Timeout::Pong)));
        let firsts: Vec<_> = wire::read_frames(&written).iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [FIN | PING, FIN | CLOSE]);
    }
    check::<Server>();
    check::<Client<Script>>();
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    /// However little the transport writes and reads at a time: the result is the same, and only
    /// what ends the connection ends the loop.
    #[test]
    fn a_full_output_never_drops_a_connection(
        conversation in any_conversation(),
        takes in prop_oneof![1..10usize, 1..1000usize],
        gives in prop_oneof![1..10usize, 1..1000usize],
    ) {
        let mut conversation = conversation;
        conversation.head = None;
        fn check<R: Side>(bytes: Vec<u8>, takes: usize, gives: usize) -> Result<(), TestCaseError> {
            let (written, end) = model::<R>(&bytes);
            let mut link = Link::new(bytes.clone(), takes, gives);
            prop_assert_eq!(grow(connection::<R>(), &mut link), end);
            prop_assert_eq!(&link.written, &written);
            let mut link = Link::new(bytes, takes, gives);
            prop_assert_eq!(bounded::<R, 5014>(connection(), &mut link), end);
            prop_assert_eq!(&link.written, &written);
            Ok(())
        }
        check::<Server>(conversation.bytes::<Server>(), takes, gives)?;
        check::<Client<Script>>(conversation.bytes::<Client<Script>>(), takes, gives)?;
    }
}
