//! A connection of the client, from the connected socket to the end of TCP.

use core::num::NonZeroU16;
use core::time::Duration;

use cortex_m3::host::HostEntropy;
use cortex_m3::network::{self, GATEWAY, Transmit};
use cortex_m3::text::Text;
use sansocket::{
    Client, CloseCode, Config, Connection, Delivery, Event, Fixed, Full, Request, RequestError,
    SendError, State, TransportAction,
};
use smoltcp::socket::tcp::{self, Socket};

use crate::exchange::Exchange;

/// The room that messages leave in the output, for pongs and the close frame. So a ping never has
/// to wait behind messages, and neither does what the server sends after it.
const RESERVE: usize = 256;

const CONFIG: Config = Config::new()
    .delivery(Delivery::Streaming)
    .opening_timeout(Duration::from_secs(10))
    .closing_timeout(Duration::from_secs(5))
    .server_drop_timeout(Duration::from_secs(5))
    .idle_timeout(Duration::from_secs(10));

type ClientConnection = Connection<Client<HostEntropy>, Fixed<512>>;

/// What happens on the socket.
pub(crate) struct Session {
    stage: Stage,
    exchange: Exchange,
}

// There is nobody else that the memory of the largest could be for.
#[allow(clippy::large_enum_variant)]
// The first stage is number 0: what begins with it as a static is all zeros, and takes no flash.
#[repr(u8)]
enum Stage {
    /// Nothing is begun.
    Idle,
    /// TCP is being connected; the source of masking keys waits for the connection.
    Connecting {
        port: NonZeroU16,
        entropy: Option<HostEntropy>,
    },
    Open(ClientConnection),
    /// All is said; the end of TCP is still to be exchanged.
    Ending {
        success: bool,
    },
}

impl Session {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::Idle, exchange: Exchange::new() }
    }

    /// Says that the socket is being connected to this port.
    pub(crate) fn connect(&mut self, port: NonZeroU16, entropy: HostEntropy) {
        self.stage = Stage::Connecting { port, entropy: Some(entropy) };
    }

    /// Does what can be done now; says in the end whether all went well.
    #[inline(never)]
    pub(crate) fn turn(
        &mut self,
        socket: &mut Socket<'static>,
        chunk: &mut [u8],
        now: Duration,
    ) -> Option<bool> {
        if let Stage::Connecting { port, entropy } = &mut self.stage {
            match socket.state() {
                tcp::State::SynSent | tcp::State::SynReceived => return None,
                tcp::State::Closed => {
                    defmt::error!("nobody listens on port {=u16} of the host", port.get());
                    return Some(false);
                }
                _ => {}
            }
            let (port, entropy) = (*port, entropy.take()?);
            match self.open(port, entropy, &mut Transmit(socket)) {
                Ok(Ok(())) => {}
                Ok(Err(full)) => {
                    defmt::error!("no room for the request: {}", full);
                    return Some(false);
                }
                Err(error) => {
                    defmt::error!("the request was not written: {}", error);
                    return Some(false);
                }
            }
        }
        if let Stage::Open(connection) = &mut self.stage {
            if let Err(problem) = advance(connection, &mut self.exchange, socket, chunk, now) {
                defmt::error!("{}", problem);
                return Some(false);
            }
            if connection.transport() == TransportAction::Close {
                let report = connection.close_report();
                defmt::info!("closed: {}", report);
                let success = report.was_clean() && self.exchange.is_done();
                socket.close();
                self.stage = Stage::Ending { success };
            }
        }
        match self.stage {
            Stage::Ending { success } if !socket.is_active() || socket.send_queue() == 0 => {
                Some(success)
            }
            _ => None,
        }
    }

    /// When to give it a turn at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Open(connection) => connection.next_timeout(),
            Stage::Idle | Stage::Connecting { .. } | Stage::Ending { .. } => None,
        }
    }

    /// Begins the connection. It is made on the stack first, so this is not to be part of a
    /// function that calls others: then it is not.
    #[inline(never)]
    fn open(
        &mut self,
        port: NonZeroU16,
        entropy: HostEntropy,
        out: &mut Transmit<'_>,
    ) -> Result<Result<(), Full>, RequestError> {
        let host = Text::<24>::format(format_args!("{GATEWAY}:{port}"));
        let request = Request::new(host.as_str(), "/");
        let connection = Connection::client_in(Fixed, &request, entropy, CONFIG, out)?;
        Ok(connection.map(|connection| self.stage = Stage::Open(connection)))
    }
}

/// Why the client gives up.
#[derive(Clone, Copy, Debug, defmt::Format)]
enum Problem {
    /// The server has broken the protocol, or was too slow.
    Connection(sansocket::Error),
    Send(SendError),
    /// What came back is not what was sent; this is the number of the message.
    Echo(usize),
    Refused,
}

impl From<sansocket::Error> for Problem {
    fn from(error: sansocket::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

/// Receives what there is, then sends what there is room for.
fn advance(
    connection: &mut ClientConnection,
    exchange: &mut Exchange,
    socket: &mut Socket<'static>,
    chunk: &mut [u8],
    now: Duration,
) -> Result<(), Problem> {
    connection.tick(now, &mut Transmit(socket))?;
    while connection.transport() != TransportAction::Close {
        let received = network::peek(socket, chunk);
        let length = received.len();
        // Also without a byte: it answers a ping that there was no room to answer before.
        let consumed = receive(connection, exchange, received, Transmit(socket))?;
        network::consume(socket, consumed);
        if length == 0 && !socket.may_recv() {
            connection.end_of_stream()?;
        }
        if length == 0 || connection.transport() == TransportAction::Write {
            break;
        }
    }
    if connection.state() != State::Open {
        return Ok(());
    }
    let mut out = Transmit(socket);
    exchange.send(connection.sender(&mut out), RESERVE)?;
    if exchange.is_done() {
        // Without room it is sent in a later turn.
        let _ = connection.sender(&mut out).close((CloseCode::NORMAL, "all is well"))?;
    }
    Ok(())
}

/// Takes the events in a chunk as long as there is room for pongs; returns how much of it is
/// consumed.
fn receive(
    connection: &mut ClientConnection,
    exchange: &mut Exchange,
    chunk: &mut [u8],
    mut out: Transmit<'_>,
) -> Result<usize, Problem> {
    let mut events = connection.receive(chunk, &mut out);
    while let Some((event, _)) = events.next()? {
        defmt::debug!("{}", event);
        match event {
            Event::Piece(piece) => exchange.compare(&piece).map_err(Problem::Echo)?,
            Event::Refused(_) => return Err(Problem::Refused),
            _ => {}
        }
    }
    Ok(events.consumed())
}
