//! Calls everything that a connection without an allocator has, in every form: for
//! `tests/panics`, which looks for panics in it.
#![no_std]
#![no_main]

use core::hint::black_box;

use bare::{N, Output, Random, now};
use sansocket::{Accept, Buffer, Chunk, CloseCode, CloseFrame, Compression, Config, Connection, DeflateConfig, Delivery, Event, Fixed, FixedDeflate, MessageKind, Negotiated, Reply, Request, Response, Role, Server, SliceBuffer, Storage};
use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::frame::{FrameHeader, Opcode, Rsv};
use sansocket::handshake::{RequestHead, ResponseHead};

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let deflate = FixedDeflate::<N, 9, 9>::new();
    loop {
        frames(black_box(&mut [0; N]));
        servers(Fixed::<N>);
        servers(deflate);
        clients(Fixed::<N>);
        clients(deflate);
        let mut memory = [0; N];
        let mut out = SliceBuffer::new(black_box(&mut memory));
        established(Fixed::<N>, &mut out);
        established(deflate, &mut out);
        black_box(out.written());
    }
}

/// Text from outside.
fn text() -> &'static str {
    black_box("text")
}

/// Any number.
fn number() -> usize {
    black_box(0)
}

/// Settings that the optimizer does not know.
fn config() -> Config {
    black_box(Config::new())
        .max_frame(number() as u64)
        .max_message(number() as u64)
        .delivery(black_box(Delivery::Streaming))
        .auto_pong(black_box(true))
        .auto_close(black_box(true))
        .deflate(black_box(DeflateConfig::new()))
        .closing_timeout(now())
        .keep_alive(now(), now())
}

fn frames(bytes: &mut [u8]) {
    if let Ok(Some((header, length))) = FrameHeader::parse(bytes) {
        if let (Some(key), Some(payload)) = (header.mask, bytes.get_mut(length..)) {
            key.advanced(number()).apply(payload);
            black_box(key.copy(payload, &mut [0; N]));
        }
        black_box(header.encode().as_ref());
    }
    let header = FrameHeader {
        fin: black_box(true),
        rsv: Rsv::from_bits(black_box(0)),
        opcode: Opcode::from_bits(black_box(1)).unwrap_or(Opcode::Text),
        mask: black_box(None),
        payload_len: number() as u64,
    };
    black_box(header.encode().as_ref());
}

fn servers<S: Storage>(storage: S) {
    let mut connection = Connection::<Server, S>::server_in(storage, config());
    let mut out = Output::new();
    loop {
        serve(&mut connection, black_box(&mut [0; N][..]), &mut out);
        serve(&mut connection, black_box(&[0; N][..]), &mut out);
        request(connection.request().as_ref());
        let _ = black_box(connection.accept(accept(), &mut out));
        let _ = black_box(connection.respond(&response(), &mut out));
        if all(&mut connection, &mut out) {
            return;
        }
    }
}

fn accept() -> Accept<'static> {
    black_box(Accept::new()).protocol(text()).headers(black_box(&[("name", "value")]))
}

fn response() -> Response<'static> {
    black_box(Response::new(black_box(404)))
        .headers(black_box(&[("name", "value")]))
        .body(black_box(b"body"))
}

fn request(head: Option<&RequestHead<'_>>) {
    if let Some(head) = head {
        black_box((head.method(), head.target(), head.host(), head.origin()));
        black_box(head.header(text()));
        head.protocols().for_each(|protocol| {
            black_box(protocol);
        });
        head.headers().for_each(|header| {
            black_box(header);
        });
    }
}

fn serve<S: Storage, C: Chunk>(connection: &mut Connection<Server, S>, chunk: C, out: &mut Output) {
    let mut events = connection.receive(chunk, out);
    loop {
        match events.next() {
            Ok(Some((Event::Request(head), mut reply))) => {
                request(Some(&head));
                let _ = black_box(reply.accept(accept()));
                let _ = black_box(reply.respond(&response()));
            }
            Ok(Some((Event::Http(head), mut reply))) => {
                request(Some(&head));
                reply.defer();
                let _ = black_box(reply.respond(&response()));
            }
            Ok(Some((event, reply))) => answer(event, reply),
            Ok(None) => break,
            Err(error) => {
                black_box((error.close_code(), error));
                break;
            }
        }
    }
    black_box((events.remaining(), events.consumed(), events.state(), events.transport()));
    events.out().consume(number());
}

fn clients<S: Storage>(storage: S) {
    let mut out = Output::new();
    let request = black_box(Request::new(text(), text()))
        .origin(text())
        .protocols(black_box(&["protocol"]))
        .headers(black_box(&[("name", "value")]));
    let Ok(mut connection) = Connection::client_in(storage, &request, Random, config(), &mut out)
    else {
        return;
    };
    loop {
        listen(&mut connection, black_box(&mut [0; N][..]), &mut out);
        listen(&mut connection, black_box(&[0; N][..]), &mut out);
        if all(&mut connection, &mut out) {
            return;
        }
    }
}

fn listen<R: Role, S: Storage, C: Chunk>(
    connection: &mut Connection<R, S>,
    chunk: C,
    out: &mut impl Buffer,
) {
    let mut events = connection.receive(chunk, out);
    loop {
        match events.next() {
            Ok(Some((Event::Open(head) | Event::Refused(head), reply))) => {
                response_head(&head);
                answer(Event::Ping(&[]), reply);
            }
            Ok(Some((event, reply))) => answer(event, reply),
            Ok(None) => break,
            Err(error) => {
                black_box((error.close_code(), error));
                break;
            }
        }
    }
    black_box((events.remaining(), events.consumed(), events.state(), events.transport()));
}

fn response_head(head: &ResponseHead<'_>) {
    black_box((head.status(), head.header(text()), head.protocol()));
}

/// Answers an event in every way there is.
fn answer<R: Role, S: Storage, B: Buffer>(event: Event<'_>, mut reply: Reply<'_, R, S, B>) {
    let _ = match event {
        Event::Message(message) => {
            let _ = black_box(reply.send(message));
            reply.send_with(message, black_box(Compression::Always))
        }
        Event::Piece(piece) => {
            let (kind, fin, compression) = (piece.kind, piece.message_end, Compression::Always);
            let _ = black_box(reply.send_fragment(kind, piece.data, fin));
            reply.send_fragment_with(kind, piece.data, fin, black_box(compression))
        }
        Event::Ping(payload) => reply.ping(payload),
        Event::Pong(payload) => reply.pong(payload),
        Event::Close(frame) => reply.close(frame),
        _ => Ok(()),
    };
    if let Ok(mut mask) = reply.begin_frame(MessageKind::Binary, number() as u64, black_box(true)) {
        mask.apply(black_box(&mut [0; N]));
    }
    black_box((reply.state(), reply.transport(), reply.out().room()));
}

/// What both roles can do outside of events; whether the connection is over.
fn all<R: Role, S: Storage>(connection: &mut Connection<R, S>, out: &mut impl Buffer) -> bool {
    let _ = black_box(connection.send(text(), out));
    let bytes = black_box(&[0; N][..]);
    let _ = black_box(connection.send_with(bytes, black_box(Compression::Always), out));
    let (kind, fin, compression) = (MessageKind::Text, black_box(true), Compression::Always);
    let _ = black_box(connection.send_fragment(kind, bytes, fin, out));
    let _ = black_box(connection.send_fragment_with(kind, bytes, fin, black_box(compression), out));
    if let Ok(mut mask) = connection.begin_frame(MessageKind::Text, number() as u64, false, out) {
        mask.apply(black_box(&mut [0; N]));
        black_box(mask.key());
    }
    let _ = black_box(connection.ping(bytes, out));
    let _ = black_box(connection.pong(bytes, out));
    let frame = CloseFrame::new(CloseCode::NORMAL, text());
    let _ = black_box(connection.close(black_box(frame), out));
    let _ = black_box(connection.tick(now(), out));
    black_box((connection.next_timeout(), connection.deflate_params()));
    connection.release();
    let _ = black_box(connection.end_of_stream());
    black_box((connection.state(), connection.transport()));
    black_box(connection.close_report()).was_clean
}

fn established<S: Storage>(storage: S, out: &mut SliceBuffer<'_>) {
    let params = DeflateParams {
        client_max_window_bits: WindowBits::new(black_box(9)).unwrap_or(WindowBits::MIN),
        ..black_box(DeflateParams::default())
    };
    let negotiated = Negotiated::new().deflate(params);
    let mut connection = Connection::established_in(storage, Server, negotiated, config());
    listen(&mut connection, black_box(&mut [0; N][..]), out);
    all(&mut connection, out);
}
