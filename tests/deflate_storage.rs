//! Compression and where its memory is: of constant size, or shared by many connections.
#![cfg(feature = "deflate")]

extern crate alloc;

mod common;

use common::heap::{CountingHeap, measure};
use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::{
    Buffer, Chunk, Client, Config, Connection, DeflateConfig, Delivery, Entropy, EntropyError,
    Event, Fixed, FixedBuffer, FixedDeflate, Fragment, Input, MessageKind, Role, Server, Storage,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// Keys that are good enough for a test.
struct Keys(u8);

impl Entropy for Keys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(7);
            *byte = self.0;
        }
        Ok(())
    }
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("from 8 to 15")
}

/// Takes the messages on a wire that is valid.
fn receive<R: Role, S: Storage>(
    connection: &mut Connection<R, S>,
    wire: impl Chunk,
    out: &mut impl Buffer,
    mut message: impl FnMut(&[u8]),
) {
    let mut events = connection.receive(wire, out);
    while let Some((event, _)) = events.next().expect("the wire is valid") {
        if let Event::Message(received) = event {
            message(received.as_bytes());
        }
    }
}

/// A message of up to about 300 bytes that looks like the others.
fn sample(index: usize) -> FixedBuffer<400> {
    let mut text = FixedBuffer::new();
    for field in 0..index % 40 {
        text.append(b"{\"id\":");
        let digit = |number: usize| b"0123456789"[number % 10];
        text.append(&[digit(index / 10), digit(field), b'}']);
    }
    text
}

/// Without an allocator, both ways, over messages many windows long; never with a window larger
/// than was agreed on. The server receives slices, the client through an input.
fn exchange<S: Storage + Copy>(storage: S, params: DeflateParams) {
    let negotiated = Some(params);
    let ((), usage) = measure(|| {
        let config = Config::new().deflate(DeflateConfig::new());
        let mut server = Connection::established_in(storage, Server, negotiated, config);
        let client = Client::new(Keys(1));
        let mut client = Connection::established_in(storage, client, negotiated, config);
        let (mut plain, mut sent) = (0, 0);
        let mut input = Input::with([0; 420]);
        for index in 0..500 {
            let message = sample(index);
            let mut wire = FixedBuffer::<420>::new();
            assert_eq!(client.sender(&mut wire).send(message.as_slice()), Ok(Ok(())));
            let mut bytes = [0; 420];
            let count = wire.as_slice().len();
            bytes[..count].copy_from_slice(wire.as_slice());
            plain += message.as_slice().len();
            sent += count;

            let mut back = FixedBuffer::<420>::new();
            let mut echo = FixedBuffer::<420>::new();
            receive(&mut server, &mut bytes[..count], &mut back, |received| {
                assert_eq!(received, message.as_slice());
                echo.append(received);
            });
            assert_eq!(server.sender(&mut back).send(echo.as_slice()), Ok(Ok(())));
            assert_eq!(input.push(back.as_slice()), back.as_slice().len());
            let mut echoed = 0;
            receive(&mut client, &mut input, &mut wire, |received| {
                assert_eq!(received, message.as_slice());
                echoed += 1;
            });
            assert_eq!((echoed, input.unread()), (1, &[][..]));
        }
        assert!(sent * 2 < plain, "{sent} bytes for {plain}");
    });
    assert_eq!(usage.calls, 0, "memory was allocated");
}

#[test]
fn constant_memory_compresses_both_ways_without_an_allocator() {
    let largest = DeflateParams {
        server_max_window_bits: bits(10),
        client_max_window_bits: bits(10),
        ..DeflateParams::default()
    };
    let storage = FixedDeflate::<400, 10, 10>::new();
    exchange(storage, largest);
    exchange(storage, DeflateParams { server_no_context_takeover: true, ..largest });
    exchange(storage, DeflateParams { client_no_context_takeover: true, ..largest });
    // Less was agreed on than there is memory for.
    exchange(storage, DeflateParams { server_max_window_bits: bits(8), ..largest });
    exchange(storage, DeflateParams { client_max_window_bits: bits(9), ..largest });
}

/// A message of 5000 bytes in fragments of 250, with memory for 100.
fn stream<R: Role, P: Role>(sender: R, receiver: P) {
    const LENGTH: usize = 250;
    const COUNT: usize = 20;
    let storage = FixedDeflate::<100, 9, 9>::new();
    let params = DeflateParams {
        server_max_window_bits: bits(9),
        client_max_window_bits: bits(9),
        ..DeflateParams::default()
    };
    let negotiated = Some(params);
    let config = Config::new().delivery(Delivery::Streaming);
    let mut sender = Connection::established_in(storage, sender, negotiated, config);
    let mut receiver = Connection::established_in(storage, receiver, negotiated, config);
    let byte_at = |index: usize| b"{\"id\":0},{\"id\":1},"[index % 18] ^ u8::from(index % 101 == 0);
    let (mut sent, mut received, mut ended) = (0, 0, false);
    let ((), usage) = measure(|| {
        for index in 0..COUNT {
            let fragment: [u8; LENGTH] = core::array::from_fn(|at| byte_at(index * LENGTH + at));
            let mut wire = FixedBuffer::<300>::new();
            let place = match index {
                0 => Fragment::First(MessageKind::Binary),
                _ if index < COUNT - 1 => Fragment::Middle,
                _ => Fragment::Last,
            };
            let sent_now = sender.sender(&mut wire).send_fragment(place, &fragment);
            assert_eq!(sent_now, Ok(Ok(())));
            sent += wire.as_slice().len();
            let mut chunk = [0; 300];
            let (chunk, _) = chunk.split_at_mut(wire.as_slice().len());
            chunk.copy_from_slice(wire.as_slice());
            let mut events = receiver.receive(chunk, &mut wire);
            while let Some((event, _)) = events.next().expect("the wire is valid") {
                let Event::Piece(piece) = event else { panic!("{event:?}") };
                let expected = (received..).map(byte_at);
                assert!(piece.data.iter().copied().eq(expected.take(piece.data.len())));
                received += piece.data.len();
                ended |= piece.message_end;
            }
            assert_eq!(received, (index + 1) * LENGTH, "each fragment is there when it has come");
        }
    });
    assert!(ended);
    assert!(sent * 2 < received, "{sent} bytes for {received}");
    assert_eq!(usage.calls, 0, "memory was allocated");
}

#[test]
fn long_messages_are_compressed_in_fragments_without_an_allocator() {
    stream(Server, Client::new(Keys(1)));
    stream(Client::new(Keys(1)), Server);
}

#[test]
fn nothing_is_agreed_on_that_the_storage_cannot_hold() {
    fn agreed<S: Storage>(storage: S, offer: &str) -> Option<DeflateParams> {
        let mut server =
            Connection::server_in(storage, Config::new().deflate(DeflateConfig::new()));
        let mut head =
            *b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Extensions: ";
        let mut out = FixedBuffer::<300>::new();
        let mut tail = FixedBuffer::<200>::new();
        tail.append(offer.as_bytes());
        tail.append(b"\r\n\r\n");
        for chunk in [&mut head[..], &mut tail.as_slice().to_vec()] {
            let mut events = server.receive(chunk, &mut out);
            while let Some((event, mut reply)) = events.next().expect("a valid request") {
                if let Event::Request(_) = event {
                    assert_eq!(reply.accept(sansocket::Accept::new()), Ok(Ok(())));
                }
            }
        }
        server.deflate_params()
    }

    let open = "permessage-deflate; client_max_window_bits";
    let small = || FixedDeflate::<512, 9, 12>::new();
    let params = agreed(small(), open).expect("the client lets its window be limited");
    assert_eq!(params.client_max_window_bits, bits(9));
    assert_eq!(params.server_max_window_bits, bits(12));
    assert_eq!(agreed(small(), "permessage-deflate"), None);
    let fixed = "permessage-deflate; server_max_window_bits=8; client_max_window_bits=15";
    let params = agreed(small(), fixed).expect("smaller windows fit");
    assert_eq!(params.client_max_window_bits, bits(9));
    assert_eq!(params.server_max_window_bits, bits(8));
    assert_eq!(agreed(Fixed::<512>, open), None, "there is no codec");
}

/// RAM of a server connection with messages of up to 512 bytes, by what it can decompress and
/// compress: `cargo test --test deflate_storage ram -- --nocapture`.
#[test]
fn ram_of_each_configuration() {
    fn server<S: Storage>() -> usize {
        size_of::<Connection<Server, S>>()
    }
    let plain = server::<Fixed<512>>();
    println!("| incoming window | outgoing window | RAM in bytes |");
    println!("|---|---|---|");
    println!("| none | none | {plain} |");
    macro_rules! rows {
        ($($incoming:literal $outgoing:literal),*) => { $(
            let ram = server::<FixedDeflate<512, $incoming, $outgoing>>();
            println!("| 2^{} | 2^{} | {ram} |", $incoming, $outgoing);
            // The decompressor and its window, the compressor with its table, a message.
            assert!(ram < plain + 2304 + (1 << $incoming) + 768 + (3 << $outgoing) + 512);
        )* };
    }
    rows!(8 8, 9 9, 10 10, 12 9, 12 12, 15 9, 15 15);
    assert!(server::<FixedDeflate<512, 9, 9>>() < 7000);
}

#[cfg(feature = "alloc")]
mod shared {
    use alloc::rc::Rc;
    use core::cell::RefCell;

    use super::*;
    use sansocket::Shared;
    use sansocket::deflate::Codecs;

    /// `cargo test --test deflate_storage idle -- --nocapture`
    #[test]
    fn idle_connections_without_takeover_hold_no_codec() {
        const CONNECTIONS: usize = 10_000;
        let params = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..DeflateParams::default()
        };
        let negotiated = Some(params);
        let config = Config::new().deflate(DeflateConfig::new());
        let codecs = Rc::new(RefCell::new(Codecs::new(2)));

        // One message for all, compressed by a client.
        let message = "so compressible ".repeat(100);
        let mut client = Connection::established_in(
            Shared::new(codecs.clone()),
            Client::new(Keys(1)),
            negotiated,
            config,
        );
        let mut wire = Vec::new();
        client.sender(&mut wire).send(&message[..]).expect("the connection is open");
        assert!(wire.len() * 10 < message.len());

        let mut out = Vec::new();
        let mut connections = Vec::with_capacity(CONNECTIONS);
        let (first, first_usage) = measure(|| echo(&codecs, negotiated, config, &wire, &mut out));
        connections.push(first);
        let ((), usage) = measure(|| {
            for _ in 1..CONNECTIONS {
                connections.push(echo(&codecs, negotiated, config, &wire, &mut out));
            }
        });
        let each = usage.held / (CONNECTIONS as i64 - 1);
        println!("heap of each idle connection: {each} bytes; of the codecs: {}", first_usage.held);
        assert!(each < 512, "{each} bytes");
        // A codec is some tens of kilobytes, and none was made for a message.
        let asked = usage.asked / (CONNECTIONS as u64 - 1);
        assert!(asked < 8 * 1024, "{asked} bytes asked for a connection with its message");
        drop(connections);
    }

    /// A connection that has echoed one message and is idle now.
    fn echo(
        codecs: &Rc<RefCell<Codecs>>,
        negotiated: Option<DeflateParams>,
        config: Config,
        wire: &[u8],
        out: &mut Vec<u8>,
    ) -> Connection<Server, Shared<Rc<RefCell<Codecs>>>> {
        out.clear();
        let storage = Shared::new(codecs.clone());
        let mut server = Connection::established_in(storage, Server, negotiated, config);
        let mut echoed = 0;
        let mut events = server.receive(wire, out);
        while let Some((event, mut reply)) = events.next().expect("the wire is valid") {
            if let Event::Message(message) = event {
                reply.send(message).expect("the connection is open");
                echoed += 1;
            }
        }
        assert_eq!(echoed, 1);
        assert!(out.len() < 200, "the echo is compressed");
        server.release();
        server
    }

    /// One connection's messages never show in another's, whatever these ask for.
    #[test]
    fn a_codec_forgets_between_connections() {
        let params = DeflateParams { client_no_context_takeover: true, ..DeflateParams::default() };
        let negotiated = Some(params);
        let codecs = Rc::new(RefCell::new(Codecs::new(2)));
        let connection = || {
            let storage = Shared::new(codecs.clone());
            Connection::established_in(storage, Server, negotiated, Config::new())
        };
        // A stored block with a secret, then in another connection a copy from 8 bytes back.
        let secret =
            [b"\xC2\x8D\0\0\0\0\x00\x08\x00\xF7\xFF".as_slice(), b"password", b"\x00"].concat();
        let mut out = Vec::new();
        let mut seen = Vec::new();
        let mut wire = secret;
        // The header says 13 bytes, the mask is zeros, so the payload stands as it is.
        let length = wire.len() - 6;
        wire[1] = 0x80 | u8::try_from(length).unwrap();
        receive(&mut connection(), &mut wire, &mut out, |message| seen.push(message.to_vec()));
        assert_eq!(seen, [b"password"]);

        // BFINAL 0, fixed codes: a match of length 8 (code 0000110), distance 8 (code 00101 1).
        let mut thief = [0xC2, 0x80 | 4, 0, 0, 0, 0, 0x82, 0xD1, 0x00, 0x00];
        let mut other = connection();
        let mut stolen = other.receive(&mut thief[..], &mut out);
        let reason = sansocket::deflate::DeflateError::DistanceTooFar;
        assert!(matches!(stolen.next(), Ok(None)), "the close frame comes first");
        let error = sansocket::Error::InvalidDeflate { reason, offset: 0 };
        assert_eq!(stolen.next().map(drop), Err(error));
    }
}
