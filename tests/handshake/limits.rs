//! The limits of the peer's head at their exact edge.

use sansocket::handshake::HandshakeError;
use sansocket::{Config, Connection, Error, Fixed, Storage, TransportAction};

use super::wire::{Out, Seen, feed};
use super::{REQUEST, RESPONSE, client, fed};

/// A request with as many headers as given, of which six are the handshake's.
fn request_of(headers: usize) -> String {
    let more: String = (7..=headers).map(|index| format!("X-{index}: a\r\n")).collect();
    REQUEST.replace("Sec-WebSocket-Protocol: chat, superchat\r\n", &more)
}

#[test]
fn a_head_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let length = u32::try_from(REQUEST.len()).unwrap();
    let (_, taken, _) = fed(Config::new().max_head(length), REQUEST);
    assert_eq!(taken.all(), [Seen::Request("/chat".into())]);

    let limit = length - 1;
    let (server, refused, answer) = fed(Config::new().max_head(limit), REQUEST);
    let error = Error::Handshake(HandshakeError::HeadTooLong { limit });
    assert_eq!((refused.seen, refused.result), (vec![], Err(error)));
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    assert_eq!(server.transport(), TransportAction::Close);

    // As early as the bytes allow: a head as long as the limit that goes on.
    let start = &REQUEST[..REQUEST.len() - 2];
    let (_, refused, _) = fed(Config::new().max_head(length - 2), start);
    assert!(matches!(refused.result, Err(Error::Handshake(HandshakeError::HeadTooLong { .. }))));
    let (_, unfinished, _) = fed(Config::new().max_head(limit), start);
    assert_eq!(unfinished.all(), []);
}

#[test]
fn the_memory_is_a_limit_of_the_head_too() {
    fn fed<S: Storage>(storage: S) -> Result<(), Error> {
        let mut server = Connection::server_in(storage, Config::new().max_head(u32::MAX));
        feed(&mut server, REQUEST.as_bytes(), &mut Out::default()).result
    }
    const LENGTH: usize = REQUEST.len();
    assert_eq!(fed(Fixed::<LENGTH>), Ok(()));
    let limit = u32::try_from(LENGTH - 1).unwrap();
    let error = Error::Handshake(HandshakeError::HeadTooLong { limit });
    assert_eq!(fed(Fixed::<{ LENGTH - 1 }>), Err(error));
    assert!(fed(Fixed::<0>).is_err());
}

#[test]
fn no_head_at_all_fits_a_limit_of_nothing() {
    let (_, refused, answer) = fed(Config::new().max_head(0), "G");
    let error = Error::Handshake(HandshakeError::HeadTooLong { limit: 0 });
    assert_eq!(refused.result, Err(error));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let (_, refused, _) = fed(Config::new().max_headers(0), REQUEST);
    let error = Error::Handshake(HandshakeError::TooManyHeaders { limit: 0 });
    assert_eq!(refused.result, Err(error));
}

#[test]
fn as_many_headers_as_the_limit_are_taken_and_one_more_is_not() {
    for limit in [64, 6, 256, 300] {
        let config = Config::new().max_headers(limit);
        let (_, taken, _) = fed(config, &request_of(limit.into()));
        assert_eq!(taken.all(), [Seen::Request("/chat".into())], "{limit} headers");
        let (_, refused, answer) = fed(config, &request_of(usize::from(limit) + 1));
        let error = Error::Handshake(HandshakeError::TooManyHeaders { limit });
        assert_eq!(refused.result, Err(error));
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[cfg(feature = "alloc")]
#[test]
fn any_number_of_headers_can_be_the_limit() {
    use sansocket::Heap;

    for limit in [u16::MAX - 1, u16::MAX] {
        for (more, result) in [(0, Ok(())), (1, Err(HandshakeError::TooManyHeaders { limit }))] {
            let config = Config::new().max_headers(limit).max_head(1 << 20);
            let mut server = Connection::server_in(Heap, config);
            let short = "X:\r\n".repeat(usize::from(limit) + more - 6);
            let request = request_of(6).replace("\r\n\r\n", &format!("\r\n{short}\r\n"));
            let fed = feed(&mut server, request.as_bytes(), &mut Out::default());
            assert_eq!(fed.result, result.map_err(Error::Handshake), "{limit} and {more} more");
        }
    }
}

#[test]
fn an_empty_line_before_the_request_is_no_header() {
    // RFC 9112 §2.2: at least one such line should be ignored.
    let (_, taken, answer) = fed(Config::new(), &format!("\r\n{}", request_of(64)));
    assert_eq!(taken.seen, [Seen::Request("/chat".into())], "{answer}");
}

#[test]
fn the_limit_of_a_response_does_not_count_the_subprotocols_asked_for() {
    let length = u32::try_from(RESPONSE.len()).unwrap();
    for (limit, fits) in [(length, true), (length - 1, false)] {
        let mut client = client(Config::new().max_head(limit), &mut Out::default());
        let mut out = Out::default();
        let fed = feed(&mut client, RESPONSE.as_bytes(), &mut out);
        let error = Error::Handshake(HandshakeError::HeadTooLong { limit });
        assert_eq!(fed.result, if fits { Ok(()) } else { Err(error) });
        assert!(out.take().is_empty());
    }
}
