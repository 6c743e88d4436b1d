//! One WebSocket connection after the other on a socket.
//!
//! ```text
//! Listening ── TCP is connected ──► Open ── transport() says Close ──► Lingering ──► Listening
//! ```

use core::time::Duration;

use cortex_m3::network::{self, SEGMENT, Transmit};
use sansocket::{
    Accept, Buffer, Config, Connection, Delivery, Error, Event, Fragment, Full, Sender, Server,
    TransportAction,
};
use smoltcp::socket::tcp::{Socket, State};

use crate::page;

/// The port of the server.
pub(crate) const PORT: u16 = 9001;

/// The longest head of a request. A browser's has some 700 bytes.
const MAX_HEAD: usize = 1024;

/// Where a connection keeps what it has to keep.
#[cfg(not(feature = "deflate"))]
type Storage = sansocket::Fixed<MAX_HEAD>;
/// The same, with windows of 512 bytes for compression. Clients that cannot limit theirs to that
/// are served uncompressed.
#[cfg(feature = "deflate")]
type Storage = sansocket::FixedDeflate<MAX_HEAD, 9, 9>;

/// The longest answer is a frame with the longest piece, which is a chunk. An event is taken only if
/// there is room for it, since a piece that was taken has to be answered at once. Before a request
/// there is all the room.
const LONGEST_ANSWER: usize = SEGMENT + 64;

/// How long the last bytes and then the peer's end of TCP may take.
const LINGER: Duration = Duration::from_secs(5);

/// For how long an acknowledgement waits for an answer to go with.
const ACK_DELAY: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(10);

#[cfg(not(feature = "deflate"))]
const CONFIG: Config = PLAIN;
#[cfg(feature = "deflate")]
const CONFIG: Config = PLAIN.deflate(sansocket::DeflateConfig::new());

/// Messages are streamed, so they may be longer than all memory.
const PLAIN: Config = Config::new()
    .plain_http(true)
    .delivery(Delivery::Streaming)
    .max_frame(32 << 20)
    .max_message(32 << 20)
    .opening_timeout(Duration::from_secs(10))
    .closing_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(30), Duration::from_secs(20));

/// What happens on a socket.
pub(crate) struct Session {
    stage: Stage,
}

// There is nobody else that the memory of the largest could be for.
#[allow(clippy::large_enum_variant)]
// The first stage is number 0: what begins with it as a static is all zeros, and takes no flash.
#[repr(u8)]
enum Stage {
    /// There is no TCP connection yet.
    Listening,
    Open(Connection<Server, Storage>),
    /// All is said. What still comes is thrown away until this time.
    Lingering {
        until: Duration,
    },
}

impl Session {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::Listening }
    }

    /// Does what can be done now.
    #[inline(never)]
    pub(crate) fn turn(&mut self, socket: &mut Socket<'static>, chunk: &mut [u8], now: Duration) {
        if let Stage::Listening = self.stage {
            self.listen(socket, now);
        } else if !socket.is_active() {
            // It is over, in good order or not. What TIME-WAIT is for is to answer the peer's FIN
            // again if the answer was lost, but there are too few sockets to wait that long.
            self.stage = Stage::Listening;
            self.listen(socket, now);
        }
        if let Stage::Open(connection) = &mut self.stage {
            serve(connection, socket, chunk, now);
            if connection.transport() == TransportAction::Close {
                defmt::info!("closed: {}", connection.close_report());
                socket.close();
                // The acknowledgement of the peer's FIN has to be sent before it listens again.
                socket.set_ack_delay(None);
                self.stage = Stage::Lingering { until: now + LINGER };
            }
        }
        if let Stage::Lingering { until } = self.stage {
            network::consume(socket, socket.recv_queue());
            if now >= until {
                socket.abort();
            }
        }
    }

    /// When to give it a turn at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Listening => None,
            Stage::Open(connection) => connection.next_timeout(),
            Stage::Lingering { until } => Some(*until),
        }
    }

    fn listen(&mut self, socket: &mut Socket<'static>, now: Duration) {
        match socket.state() {
            State::Listen | State::SynReceived => {}
            State::Closed | State::TimeWait => {
                socket.set_ack_delay(Some(ACK_DELAY));
                socket.listen(PORT).expect("the socket is closed, and the port is not 0");
            }
            _ => {
                self.open();
                if let Stage::Open(connection) = &mut self.stage {
                    // From now on its time runs, with nothing due yet.
                    let _ = connection.tick(now, &mut Transmit(socket));
                }
            }
        }
    }

    /// Begins a connection. Should it be made on the stack first, with compression that takes
    /// 15 KB, so this is not to be part of a function that calls others: then it is not.
    #[inline(never)]
    fn open(&mut self) {
        self.stage = Stage::Open(Connection::server_in(Storage::default(), CONFIG));
    }
}

/// Receives as long as there is something to receive, and room for the answers.
fn serve(
    connection: &mut Connection<Server, Storage>,
    socket: &mut Socket<'static>,
    chunk: &mut [u8],
    now: Duration,
) {
    // A deadline that has passed shows in `transport`, as does a ping that there is no room for.
    let _ = connection.tick(now, &mut Transmit(socket));
    while matches!(connection.transport(), TransportAction::Read | TransportAction::AwaitClose) {
        // Without a byte there can still be events, of a compressed piece that was consumed when
        // there was no room for all its answers.
        let received = network::peek(socket, chunk);
        let length = received.len();
        let (consumed, drained) = echo(connection, received, Transmit(socket));
        network::consume(socket, consumed);
        if !drained || consumed < length {
            return;
        }
        if length == 0 {
            if !socket.may_recv() {
                // Whether that was too early is in the report.
                let _ = connection.end_of_stream();
            }
            return;
        }
    }
}

/// Takes the events in a chunk as long as there is room for the answers; returns how much of it is
/// consumed, and whether there is no further event in it.
fn echo(
    connection: &mut Connection<Server, Storage>,
    chunk: &mut [u8],
    mut out: Transmit<'_>,
) -> (usize, bool) {
    let mut events = connection.receive(chunk, &mut out);
    while events.out().room() >= LONGEST_ANSWER {
        // A failure is reported at the end.
        let Ok(Some((event, mut reply))) = events.next() else {
            return (events.consumed(), true);
        };
        defmt::debug!("{}", event);
        match answer(event, &mut reply) {
            Ok(Ok(())) => {}
            Ok(Err(full)) => defmt::warn!("no room for an answer: {}", full),
            Err(error) => defmt::warn!("an answer was not sent: {}", error),
        }
    }
    (events.consumed(), false)
}

/// What an echo server does.
fn answer(
    event: Event<'_>,
    reply: &mut Sender<'_, Server, Storage, Transmit<'_>>,
) -> Result<Result<(), Full>, Error> {
    Ok(match event {
        Event::Request(_) => reply.accept(Accept::new())?,
        Event::Http(request) => page::answer(&request, reply)?,
        // A message that is one piece goes back as one frame, others as a fragment for each.
        Event::Piece(piece) => match (piece.fragment(), piece.data) {
            // The message goes on without it.
            (Fragment::Middle, []) => Ok(()),
            (fragment, data) => reply.send_fragment(fragment, data)?,
        },
        // Pings and close frames are answered by the connection itself.
        _ => Ok(()),
    })
}
