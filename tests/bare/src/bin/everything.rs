//! Calls everything that there is without an allocator, in every form: for `tests/panics`, which
//! looks for panics in it.
#![no_std]
#![no_main]

use core::fmt::{self, Display, Write};
use core::hint::black_box;

use bare::{N, Output, Random, now};
use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::frame::{FrameHeader, MaskKey, Opcode, Rsv};
use sansocket::handshake::{RequestHead, ResponseHead};
use sansocket::{
    Accept, AsMessage, Buffer, Chunk, Client, CloseCode, CloseFrame, CloseReport, Compression,
    Config, Connection, DeflateConfig, Delivery, Error, Event, Fixed, FixedDeflate, Fragment, Full,
    Input, InputMemory, Message, MessageKind, Request, Response, Role, Room, SendError, Sender,
    Sent, Server, SliceBuffer, Storage,
};

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
        black_box((out.written(), out.len(), out.is_empty()));
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

/// Where errors are written as text.
struct Log;

impl Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text);
        Ok(())
    }
}

#[inline(never)]
fn log(error: &dyn Display) {
    let _ = write!(Log, "{error}");
}

// --- frames and settings

fn frames(bytes: &mut [u8]) {
    match FrameHeader::parse(bytes) {
        Ok(Some((header, length))) => {
            if let (Some(key), Some(payload)) = (header.mask, bytes.get_mut(length..)) {
                key.advanced(number()).apply(payload);
                black_box(key.copy(payload, &mut [0; N]));
            }
            black_box(header.encode().as_ref());
        }
        Ok(None) => {}
        Err(error) => log(&error),
    }
    let opcode = Opcode::from_bits(black_box(1)).unwrap_or(Opcode::Text);
    let rsv = Rsv::from_bits(black_box(0));
    black_box((opcode.bits(), opcode.is_control(), rsv.bits()));
    let key = MaskKey::new(black_box([0; 4]));
    black_box(key.bytes());
    let header = FrameHeader {
        fin: black_box(true),
        rsv,
        opcode,
        mask: black_box(Some(key)),
        payload_len: number() as u64,
    };
    black_box(header.encode().as_ref());
    black_box(FrameHeader::encoded_len(number() as u64, black_box(true)));
}

/// Settings that the optimizer does not know.
fn config() -> Config {
    let window = WindowBits::new(black_box(9)).unwrap_or(WindowBits::MIN);
    black_box((window.get(), window.size()));
    let deflate = black_box(DeflateConfig::new())
        .incoming_window(window)
        .outgoing_window(window)
        .incoming_takeover(black_box(true))
        .outgoing_takeover(black_box(true))
        .level(black_box(6))
        .threshold(black_box(100));
    black_box(Config::new())
        .max_frame(number() as u64)
        .max_message(number() as u64)
        .max_head(black_box(400))
        .max_headers(black_box(20))
        .retain(black_box(0))
        .delivery(black_box(Delivery::Streaming))
        .auto_pong(black_box(true))
        .auto_close(black_box(true))
        .deflate(deflate)
        .opening_timeout(now())
        .closing_timeout(now())
        .server_drop_timeout(now())
        .keep_alive(now(), now())
        .idle_timeout(now())
}

// --- servers

fn servers<S: Storage>(storage: S) {
    let mut connection = Connection::<Server, S>::server_in(storage, config());
    let mut out = Output::new();
    let mut memory = [0; N];
    let mut array = Input::with([0; N]);
    let mut slice = Input::with(&mut memory[..]).retain(number());
    loop {
        serve(&mut connection, black_box(&mut [0; N][..]), &mut out);
        serve(&mut connection, black_box(&[0; N][..]), &mut out);
        serve(&mut connection, fill(&mut array), &mut out);
        serve(&mut connection, fill(&mut slice), &mut out);
        while let Ok(Some((event, mut reply))) = connection.next_event(fill(&mut array), &mut out) {
            respond(&event, &mut reply);
            answer(event, reply);
        }
        request(connection.request().as_ref());
        respond(&Event::Ping(b""), &mut connection.sender(&mut out));
        if all(&mut connection, &mut out) {
            return;
        }
        black_box((out.as_slice(), out.room()));
        out.consume(number());
    }
}

/// An input with some bytes more.
fn fill<M: InputMemory>(input: &mut Input<M>) -> &mut Input<M> {
    black_box(input.space());
    input.fill(number());
    black_box(input.push(text().as_bytes()));
    input.release();
    black_box((input.unread(), input.capacity()));
    input
}

fn serve<S: Storage, C: Chunk>(connection: &mut Connection<Server, S>, chunk: C, out: &mut Output) {
    let mut events = connection.receive(chunk, out);
    loop {
        match events.next() {
            Ok(Some((event, mut reply))) => {
                respond(&event, &mut reply);
                answer(event, reply);
            }
            Ok(None) => break,
            Err(error) => {
                report(error);
                break;
            }
        }
    }
    black_box((events.remaining(), events.consumed(), events.state(), events.transport()));
    events.out().clear();
}

/// Answers a request in every way there is.
fn respond<S: Storage, B: Buffer>(event: &Event<'_>, reply: &mut Sender<'_, Server, S, B>) {
    match event {
        Event::Request(head) => request(Some(head)),
        Event::Http(head) => {
            request(Some(head));
        }
        _ => {}
    }
    let accept = black_box(Accept::new()).protocol(text()).headers(black_box(&[("name", "value")]));
    let response = black_box(Response::new(black_box(404)))
        .headers(black_box(&[("name", "value")]))
        .body(black_box(b"body"));
    for answered in [reply.accept(accept), reply.respond(&response)] {
        match answered {
            Ok(sent) => room::<B, _>(sent),
            Err(error) => log(&error),
        }
    }
}

fn request(head: Option<&RequestHead<'_>>) {
    if let Some(head) = head {
        black_box((head.method(), head.target(), head.host(), head.origin()));
        black_box(head.header(text()));
        black_box(head.headers().get(text()));
        head.headers().all(text()).for_each(|value| {
            black_box(value);
        });
        head.protocols().for_each(|protocol| {
            black_box(protocol);
        });
        head.headers().for_each(|header| {
            black_box(header);
        });
    }
}

// --- clients

fn clients<S: Storage>(storage: S) {
    let mut out = Output::new();
    let request = black_box(Request::new(text(), text()))
        .origin(text())
        .protocols(black_box(&["protocol"]))
        .headers(black_box(&[("name", "value")]));
    let connection =
        Connection::<Client<Random>, S>::client_in(storage, &request, Random, config(), &mut out);
    let mut connection = match connection {
        Ok(Ok(connection)) => connection,
        Ok(Err(full)) => return log(&full),
        Err(error) => return log(&error),
    };
    let mut input = Input::with([0; N]);
    loop {
        listen(&mut connection, black_box(&mut [0; N][..]), &mut out);
        listen(&mut connection, black_box(&[0; N][..]), &mut out);
        listen(&mut connection, fill(&mut input), &mut out);
        while let Ok(Some((event, reply))) = connection.next_event(fill(&mut input), &mut out) {
            answer(event, reply);
        }
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
            Ok(Some((event, reply))) => {
                if let Event::Open(head) | Event::Refused(head) = &event {
                    response(head);
                }
                answer(event, reply);
            }
            Ok(None) => break,
            Err(error) => {
                report(error);
                break;
            }
        }
    }
    black_box((events.remaining(), events.consumed(), events.state(), events.transport()));
}

fn response(head: &ResponseHead<'_>) {
    black_box((head.status(), head.header(text()), head.protocol()));
    black_box(head.headers().get(text()));
}

// --- both

/// Looks at an error from every side.
fn report(error: impl Into<Error>) {
    let error = error.into();
    log(&error);
    black_box((error.close_code().map(CloseCode::get), error.reason(), error));
}

/// Looks at what a call has returned that sends.
fn sent<B: Buffer, T>(result: Result<Sent<B, T>, SendError>) {
    match result {
        Ok(sent) => room::<B, T>(sent),
        Err(error) => report(error),
    }
}

fn room<B: Buffer, T>(sent: Sent<B, T>) {
    if let Err(full) = B::Room::result(sent) {
        let Full { needed, room } = full;
        black_box((needed, room));
        log(&full);
    }
}

/// Answers an event in every way there is.
fn answer<R: Role, S: Storage, B: Buffer>(event: Event<'_>, mut reply: Sender<'_, R, S, B>) {
    match event {
        Event::Message(message) => {
            black_box((message.kind(), message.as_bytes()));
            sent::<B, _>(reply.send(message));
        }
        Event::Piece(piece) => sent::<B, _>(reply.send_fragment(piece.fragment(), piece.data)),
        Event::Ping(payload) => sent::<B, _>(reply.pong(payload)),
        Event::Pong(payload) => sent::<B, _>(reply.ping(payload)),
        Event::Close(frame) => {
            black_box((frame.code(), frame.reason()));
            sent::<B, _>(reply.close(frame));
        }
        _ => {}
    }
    send(reply);
}

/// Sends everything there is.
#[inline(never)]
fn send<R: Role, S: Storage, B: Buffer>(mut sender: Sender<'_, R, S, B>) {
    let bytes = black_box(&[0; N][..]);
    let kind = black_box(MessageKind::Text);
    let fragment = black_box(Fragment::First(kind));
    black_box((kind.opcode(), fragment.kind(), fragment.is_last(), Message::from(text())));
    sent::<B, _>(sender.send(text()));
    sent::<B, _>(sender.send(bytes));
    sent::<B, _>(sender.send(black_box(&[0; N])));
    sent::<B, _>(sender.send(Message::from(bytes).as_message()));
    sent::<B, _>(sender.send_fragment(fragment, bytes));
    let compression = black_box(Compression::Always);
    sent::<B, _>(sender.by_ref().compression(compression).send(bytes));
    sent::<B, _>(sender.by_ref().compression(compression).send_fragment(fragment, bytes));
    match sender.begin_frame(black_box(Fragment::Only(kind)), number() as u64) {
        Ok(begun) => match B::Room::result(begun) {
            Ok(mut mask) => {
                mask.apply(black_box(&mut [0; N]));
                black_box(mask.key());
            }
            Err(full) => log(&full),
        },
        Err(error) => report(error),
    }
    sent::<B, _>(sender.ping(bytes));
    sent::<B, _>(sender.pong(bytes));
    let code = CloseCode::new(black_box(1000)).unwrap_or(CloseCode::NORMAL);
    sent::<B, _>(sender.close(black_box(code)));
    sent::<B, _>(sender.close((code, text())));
    sent::<B, _>(sender.close(black_box(CloseFrame::EMPTY)));
    black_box((sender.state(), sender.transport(), sender.out().room()));
}

/// What both roles can do outside of events; whether the connection is over.
fn all<R: Role, S: Storage>(connection: &mut Connection<R, S>, out: &mut impl Buffer) -> bool {
    send(connection.sender(out));
    send(connection.sender(&mut (out as &mut dyn Buffer)));
    if let Err(error) = connection.tick(now(), out) {
        report(error);
    }
    black_box((connection.next_timeout(), connection.deflate_params(), connection.buffered()));
    connection.set_limits(number() as u64, number() as u64);
    connection.release();
    if let Err(error) = connection.end_of_stream() {
        report(error);
    }
    black_box((connection.state(), connection.transport()));
    let report = black_box(connection.close_report());
    let CloseReport { sent, received, closed_first, dropped_by, failure, .. } = report;
    black_box((sent, received, closed_first, dropped_by, failure));
    report.was_clean()
}

fn established<S: Storage>(storage: S, out: &mut SliceBuffer<'_>) {
    let params = DeflateParams {
        client_max_window_bits: WindowBits::new(black_box(9)).unwrap_or(WindowBits::MIN),
        ..black_box(DeflateParams::default())
    };
    let mut connection = Connection::established_in(storage, Server, Some(params), config());
    listen(&mut connection, black_box(&mut [0; N][..]), out);
    all(&mut connection, out);
}
