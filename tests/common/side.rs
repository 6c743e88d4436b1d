//! Both roles behind one trait, so that a test is written once: how to connect, which heads the
//! peer may send, how the application answers a request.

use super::output::{Output, flat};
use sansocket::{
    Accept, Buffer, Client, Config, Connection, Entropy, EntropyError, Event, Request, Role,
    Sender, Server, Storage,
};

/// A role as the tests drive it.
pub(crate) trait Side: Role + Sized {
    /// Whether the peer masks its frames.
    const PEER_MASKS: bool;
    /// Heads that the peer may open with; the first is valid.
    const HEADS: &'static [&'static str];

    /// The role with all its randomness known.
    fn role() -> Self;

    /// A connection before the opening handshake; a client writes its request to `out`.
    fn connect<S: Storage, B: Buffer>(
        storage: S,
        config: Config,
        out: &mut B,
    ) -> Connection<Self, S>;

    /// What the application does about the opening handshake.
    fn open<S: Storage, B: Buffer>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, B>);
}

/// A connection whose opening handshake is done.
pub(crate) fn established<R: Side, S: Storage>(storage: S, config: Config) -> Connection<R, S> {
    Connection::established_in(storage, R::role(), None, config)
}

/// A connection that has done its opening handshake with the first of the heads.
pub(crate) fn opened<R: Side, S: Storage>(storage: S, config: Config) -> Connection<R, S> {
    let mut out = Output::unbounded();
    let mut connection = R::connect(storage, config, &mut out);
    let mut events = connection.receive(R::HEADS[0].as_bytes(), &mut out);
    while let Some((event, mut reply)) = events.next().expect("a valid opening handshake") {
        R::open(&event, &mut reply);
    }
    connection
}

impl Side for Server {
    const PEER_MASKS: bool = true;
    const HEADS: &'static [&'static str] = &[
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        // An empty line in front, lists, subprotocols.
        "\r\nGET /?a=b HTTP/1.1\r\nhost: a\r\nUPGRADE: h2c, WebSocket\r\n\
         Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: one, two\r\n\r\n",
        // No upgrade.
        "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD / HTTP/1.0\r\n\r\n",
        // Method, version, key, Host.
        "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 8\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n",
        "GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ];

    fn role() -> Self {
        Self
    }

    fn connect<S: Storage, B: Buffer>(
        storage: S,
        config: Config,
        _: &mut B,
    ) -> Connection<Self, S> {
        Connection::server_in(storage, config)
    }

    fn open<S: Storage, B: Buffer>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, B>) {
        if let Event::Request(_) = event {
            flat::<B, _, _>(reply.accept(Accept::new())).expect("room enough");
        }
    }
}

impl Side for Client<Script> {
    const PEER_MASKS: bool = false;
    const HEADS: &'static [&'static str] = &[
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        // Interim responses in front, a subprotocol.
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
         HTTP/1.1 101 \r\nupgrade: WebSocket\r\nconnection: upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: two\r\n\r\n",
        // Refused.
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nbody",
        "HTTP/1.0 302 Found\r\nLocation: https://example.org/\r\n\r\n",
        // A wrong accept value, no Upgrade, a subprotocol and an extension not asked for.
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: three\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        // Refused, with a body in chunks.
        "HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n\
         5;a=b\r\nlater\r\n8\r\n, please\r\n0\r\nX: y\r\n\r\n",
    ];

    fn role() -> Self {
        Self::new(Script::default())
    }

    fn connect<S: Storage, B: Buffer>(
        storage: S,
        config: Config,
        out: &mut B,
    ) -> Connection<Self, S> {
        let request = Request::new("example.com", "/chat").protocols(&["one", "two"]);
        let client = Connection::client_in(storage, &request, Script::default(), config, out);
        flat::<B, _, _>(client).expect("room enough")
    }

    fn open<S: Storage, B: Buffer>(_: &Event<'_>, _: &mut Sender<'_, Self, S, B>) {}
}

/// Randomness that is none: the nonce of the example in RFC 6455 §1.3, then keys that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    keys: u32,
}

impl Entropy for Script {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if let Ok(nonce) = <&mut [u8; 16]>::try_from(&mut *bytes) {
            *nonce = *b"the sample nonce";
            return Ok(());
        }
        self.keys += 1;
        let key = self.keys.wrapping_mul(0x9E37_79B9).to_le_bytes();
        for (byte, key) in bytes.iter_mut().zip(key.iter().cycle()) {
            *byte = *key;
        }
        Ok(())
    }
}
