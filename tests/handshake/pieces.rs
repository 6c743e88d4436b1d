//! The checks of the handshake without a connection: they come to the same verdict as a connection
//! that receives the same headers.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sansocket::deflate::{ClientWindow, DeflateOffer, WindowBits};
use sansocket::handshake::{
    AcceptKey, ClientKey, ClientOffer, HandshakeError, check_extended_connect, check_request,
    choose_protocol, is_upgrade, offered_protocols,
};
use sansocket::{Accept, Config, Connection, DeflateConfig, Error, Event, Heap, Request, Server};

use super::wire::{Out, Scripted};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/handshake_pieces.txt");

/// Headers as some HTTP library might keep them.
type List = Vec<(&'static str, &'static str)>;

/// A lookup by name, as the checks ask for it.
fn lookup<'h>(
    headers: &'h [(&'static str, &'static str)],
) -> impl Fn(&'static str) -> Vec<&'h [u8]> {
    move |name| {
        let named = headers.iter().filter(|(this, _)| this.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes()).collect()
    }
}

/// A head with this first line.
fn head(line: &str, headers: &[(&str, &str)]) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{line}\r\n{headers}\r\n")
}

/// The values of a header in a head, found without the library.
fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let start = format!("{name}: ");
    head.split("\r\n").filter_map(|line| line.strip_prefix(&start)).collect()
}

/// A header: mostly the right value, else another one, none, or several.
fn header(
    name: &'static str,
    right: &'static str,
    others: &'static [&'static str],
) -> impl Strategy<Value = List> {
    prop_oneof![
        40 => Just(vec![(name, right)]),
        1 => Just(vec![]),
        1 => Just(vec![(name, right), (name, right)]),
        4 => vec(select(others), 1..3)
            .prop_map(move |values| values.into_iter().map(|value| (name, value)).collect()),
    ]
}

/// A header that most messages do not have.
fn rare(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = List> {
    prop_oneof![
        20 => Just(vec![]),
        1 => vec(select(values), 1..3)
            .prop_map(move |values| values.into_iter().map(|value| (name, value)).collect()),
    ]
}

const EXTENSIONS: &[&str] = &[
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; mystery, permessage-deflate; server_max_window_bits=\"15\"",
    "permessage-deflate; server_max_window_bits=08",
    "x-other; a=\"b, c\", permessage-deflate",
    "",
    ", ,",
    "\"",
];

fn extensions() -> impl Strategy<Value = List> {
    vec(select(EXTENSIONS), 0..3).prop_map(|values| {
        values.into_iter().map(|value| ("Sec-WebSocket-Extensions", value)).collect()
    })
}

fn deflate() -> impl Strategy<Value = Option<DeflateConfig>> {
    let bits = || (8..=15u8).prop_map(|bits| WindowBits::new(bits).unwrap());
    let window = move || prop_oneof![Just(WindowBits::MAX), bits()];
    let config = (window(), window(), any::<[bool; 3]>()).prop_map(|(incoming, outgoing, on)| {
        DeflateConfig::new()
            .incoming_window(incoming)
            .outgoing_window(outgoing)
            .incoming_takeover(on[0])
            .outgoing_takeover(on[1])
            .hints(on[2])
    });
    prop_oneof![1 => Just(None), 4 => config.prop_map(Some)]
}

fn request() -> impl Strategy<Value = List> {
    let protocols = &["chat, superchat", "mqtt", "", "superchat"];
    (
        header("Host", "a", &["b"]),
        header("Upgrade", "websocket", &["WebSocket", "h2c, websocket", "h2c"]),
        header("Connection", "Upgrade", &["keep-alive, upgrade", "close"]),
        header("Sec-WebSocket-Version", "13", &["8", "13, 8", "013"]),
        header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", &["AAAA", "é", ""]),
        header("Sec-WebSocket-Protocol", "chat", protocols),
        rare("Content-Length", &["0", "5", "00"]),
        rare("Transfer-Encoding", &["chunked"]),
        extensions(),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].concat())
}

fn response() -> impl Strategy<Value = List> {
    let protocols = &["chat", "superchat", "mqtt", "chat, superchat", "", "é"];
    (
        header("Upgrade", "websocket", &["WebSocket", "h2c, websocket", "h2c"]),
        header("Connection", "Upgrade", &["keep-alive, upgrade", "close"]),
        header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &["AAAA", ""]),
        rare("Sec-WebSocket-Protocol", protocols),
        extensions(),
    )
        .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].concat())
}

/// What a server makes of a request: an answer, a failure, or that it is a plain request.
#[derive(Debug, PartialEq)]
enum Answer {
    Plain,
    Failed(HandshakeError),
    Accepted {
        accept: Vec<String>,
        protocol: Vec<String>,
        extensions: Vec<String>,
        deflate: Option<sansocket::deflate::DeflateParams>,
    },
}

const OWN: [&str; 2] = ["superchat", "chat"];

fn answer_of_connection(config: Config, request: &str) -> Answer {
    let mut server: Connection<Server, Heap> = Connection::server(config.plain_http(true));
    let mut out = Out::default();
    let mut events = server.receive(request.as_bytes(), &mut out);
    match events.next() {
        Ok(Some((Event::Http(_), _))) => return Answer::Plain,
        Ok(Some((Event::Request(head), mut reply))) => {
            let chosen = OWN.iter().find(|own| head.protocols().any(|one| one == **own));
            let accept = chosen.map_or(Accept::new(), |one| Accept::new().protocol(one));
            reply.accept(accept).unwrap();
        }
        // The status is in the output before the error is returned.
        Ok(None) => match events.next() {
            Err(Error::Handshake(error)) => return Answer::Failed(error),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    let head = String::from_utf8(out.take()).unwrap();
    let owned = |name| values(&head, name).into_iter().map(str::to_owned).collect();
    Answer::Accepted {
        accept: owned("Sec-WebSocket-Accept"),
        protocol: owned("Sec-WebSocket-Protocol"),
        extensions: owned("Sec-WebSocket-Extensions"),
        deflate: server.deflate_params(),
    }
}

fn answer_of_pieces(
    deflate: Option<DeflateConfig>,
    method: &str,
    minor_version: u8,
    headers: &[(&'static str, &'static str)],
) -> Answer {
    let lookup = lookup(headers);
    if !is_upgrade(&lookup) {
        return Answer::Plain;
    }
    let accept = match check_request(method, minor_version, &lookup) {
        Ok(accept) => accept,
        Err(error) => return Answer::Failed(error),
    };
    let protocol = choose_protocol(&OWN, lookup("Sec-WebSocket-Protocol"));
    let answer = deflate.and_then(|config| config.answer(lookup("Sec-WebSocket-Extensions")));
    Answer::Accepted {
        accept: vec![accept.to_string()],
        protocol: protocol.into_iter().map(str::to_owned).collect(),
        extensions: answer.iter().map(ToString::to_string).collect(),
        deflate: answer.map(|answer| answer.params),
    }
}

fn config(deflate: Option<DeflateConfig>) -> Config {
    deflate.map_or(Config::new(), |deflate| Config::new().deflate(deflate))
}

proptest! {
    #![proptest_config(super::settings(REGRESSIONS))]

    #[test]
    fn a_request_is_judged_as_by_a_connection(
        headers in request(),
        method in prop_oneof![9 => Just("GET"), 1 => select(&["POST", "HEAD", "get"][..])],
        minor_version in prop_oneof![9 => Just(1u8), 1 => Just(0u8)],
        deflate in deflate(),
    ) {
        let request = head(&format!("{method} /chat HTTP/1.{minor_version}"), &headers);
        let expected = answer_of_connection(config(deflate), &request);
        let answer = answer_of_pieces(deflate, method, minor_version, &headers);
        prop_assert_eq!(answer, expected, "{}", request);
    }

    #[test]
    fn a_response_is_judged_as_by_a_connection(
        headers in response(),
        with_protocols in any::<bool>(),
        deflate in deflate(),
    ) {
        let protocols: &[&str] = if with_protocols { &["chat", "superchat"] } else { &[] };
        let request = Request::new("a", "/").protocols(protocols);
        let mut client =
            Connection::client(&request, Scripted, config(deflate), &mut Out::default()).unwrap();
        let response = head("HTTP/1.1 101 Switching Protocols", &headers);
        let mut out = Out::default();
        let mut events = client.receive(response.as_bytes(), &mut out);
        let expected = match events.next() {
            Ok(Some((Event::Open(head), _))) => Ok(head.protocol().map(str::to_owned)),
            Err(Error::Handshake(error)) => Err(error),
            other => panic!("{other:?}"),
        };
        let expected = expected.map(|protocol| (protocol, client.deflate_params()));

        let offer = ClientOffer { protocols, deflate: deflate.as_ref() };
        let key = ClientKey::new(&super::wire::NONCE);
        let agreed = offer.check_response(101, lookup(&headers), &key);
        let agreed = agreed.map(|agreed| (agreed.protocol.map(str::to_owned), agreed.deflate));
        prop_assert_eq!(agreed, expected, "{}", response);
    }

    #[test]
    fn the_offer_is_what_a_client_writes(deflate in deflate()) {
        let mut out = Out::default();
        let request = Request::new("a", "/");
        Connection::client(&request, Scripted, config(deflate), &mut out).unwrap();
        let request = String::from_utf8(out.take()).unwrap();
        let offer: Vec<_> = deflate.iter().map(|config| config.offer()).collect();
        let written: Vec<_> = offer.iter().map(|offer| offer.value().as_str().to_owned()).collect();
        prop_assert_eq!(values(&request, "Sec-WebSocket-Extensions"), written.clone());
        // What was written is read again, and allowed by the settings that it came from.
        prop_assert_eq!(DeflateOffer::read(written.iter()).collect::<Vec<_>>(), offer);
    }
}

#[test]
fn a_client_key_is_that_of_the_rfc() {
    let key = ClientKey::new(b"the sample nonce");
    assert_eq!(key.to_string(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(key.accept_key().to_string(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(AcceptKey::answering(b"dGhlIHNhbXBsZSBub25jZQ=="), Ok(key.accept_key()));
    assert_eq!(AcceptKey::answering(b"dGhl"), Err(HandshakeError::Key));
}

#[test]
fn a_status_that_does_not_accept_is_an_error() {
    let offer = ClientOffer::default();
    let key = ClientKey::new(b"the sample nonce");
    for status in [100, 200, 401] {
        let checked = offer.check_response(status, lookup(&[]), &key);
        assert_eq!(checked, Err(HandshakeError::Status(status)));
    }
    for status in [101, 199, 300, 404] {
        let checked = offer.check_connect_response(status, lookup(&[]));
        assert_eq!(checked, Err(HandshakeError::Status(status)));
    }
    let text = HandshakeError::Status(401).to_string();
    assert_eq!(text, "request answered with status 401");
}

#[test]
fn an_extended_connect_has_a_version_and_no_headers_of_a_connection() {
    use HandshakeError as E;
    let version = ("sec-websocket-version", "13");
    let cases: [(&[(&str, &str)], _); 7] = [
        (&[version], Ok(())),
        (&[], Err(E::VersionCount)),
        (&[version, version], Err(E::VersionCount)),
        (&[("sec-websocket-version", "8")], Err(E::Version)),
        (&[version, ("upgrade", "websocket")], Err(E::ConnectionSpecific)),
        (&[version, ("connection", "upgrade")], Err(E::ConnectionSpecific)),
        // It means nothing there [RFC 8441 §5].
        (&[version, ("sec-websocket-key", "x")], Ok(())),
    ];
    for (headers, expected) in cases {
        assert_eq!(check_extended_connect(lookup(headers)), expected, "{headers:?}");
    }
}

#[test]
fn the_response_to_an_extended_connect_chooses_from_the_offer() {
    use HandshakeError as E;
    let config = DeflateConfig::new();
    let offer = ClientOffer { protocols: &["chat"], deflate: Some(&config) };
    let check = |headers: &[(&'static str, &'static str)]| {
        let agreed = offer.check_connect_response(200, lookup(headers));
        agreed.map(|agreed| (agreed.protocol.map(str::to_owned), agreed.deflate.is_some()))
    };
    assert_eq!(check(&[]), Ok((None, false)));
    let both =
        [("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "permessage-deflate")];
    assert_eq!(check(&both), Ok((Some("chat".into()), true)));
    assert_eq!(check(&[("sec-websocket-protocol", "mqtt")]), Err(E::Protocol));
    assert_eq!(check(&[("sec-websocket-extensions", "x-other")]), Err(E::Extension));
    assert_eq!(check(&[("upgrade", "websocket")]), Err(E::ConnectionSpecific));
}

#[test]
fn an_offer_can_be_read() {
    let values = [
        "permessage-deflate; client_max_window_bits, x-other",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
    ];
    let first =
        DeflateOffer { client_max_window_bits: ClientWindow::Present, ..Default::default() };
    let second = DeflateOffer {
        server_no_context_takeover: true,
        server_max_window_bits: WindowBits::new(9),
        ..Default::default()
    };
    assert!(DeflateOffer::read(values).eq([first, second]));
    assert!(offered_protocols(["a, b", "", "c"]).eq(["a", "b", "c"]));
}
