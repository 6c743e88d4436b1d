//! The negotiation over the wire [RFC 7692 §5, §7.1]: what a server answers to each offer, what a
//! client makes of each answer, and what both then do.

use sansocket::deflate::DeflateParams;
use sansocket::handshake::HandshakeError;
use sansocket::{
    Client, Config, Connection, DeflateConfig, Error, Event, Heap, Request, Server, State,
    TransportAction,
};

use crate::common::output::Output;
use crate::common::side::{Script, Side, opened};
use crate::common::wire::{self, FIN, TEXT};
use crate::peer::{RSV1, Terms, bits, connection, params};

const HEADER: &str = "Sec-WebSocket-Extensions: ";

/// A valid head with lines of the header behind it.
fn head<R: Side>(lines: &[&str]) -> String {
    let head = R::HEADS[0].strip_suffix("\r\n").expect("an empty line at the end");
    let lines: String = lines.iter().map(|line| format!("{HEADER}{line}\r\n")).collect();
    format!("{head}{lines}\r\n")
}

/// The lines of the header in a head.
fn extensions(head: &[u8]) -> Vec<String> {
    let head = core::str::from_utf8(head).expect("a head is ASCII");
    head.split("\r\n").filter_map(|line| line.strip_prefix(HEADER)).map(str::to_owned).collect()
}

fn config(terms: Option<DeflateConfig>) -> Config {
    terms.map_or(Config::new(), |terms| Config::new().deflate(terms))
}

/// Feeds a head that has to be accepted.
fn feed<R: Side>(connection: &mut Connection<R, Heap>, head: &[u8], out: &mut Output) {
    let mut events = connection.receive(head, out);
    while let Some((event, mut reply)) = events.next().expect("a valid head") {
        R::open(&event, &mut reply);
    }
    assert_eq!(connection.state(), State::Open);
}

/// A server that was made these offers, and its answer.
fn answer(terms: Option<DeflateConfig>, offers: &[&str]) -> (Option<DeflateParams>, Vec<String>) {
    let (mut server, mut out) = (Connection::server(config(terms)), Output::unbounded());
    feed(&mut server, head::<Server>(offers).as_bytes(), &mut out);
    (server.deflate_params(), extensions(&out.bytes))
}

fn client(terms: Option<DeflateConfig>, out: &mut Output) -> Connection<Client<Script>, Heap> {
    let request = Request::new("example.com", "/chat").protocols(&["one", "two"]);
    Connection::client(&request, Script::default(), config(terms), out).expect("room without end")
}

/// What a client makes of an answer; if it fails, it says nothing to the server.
fn confirm(terms: Option<DeflateConfig>, answer: &[&str]) -> Result<Option<DeflateParams>, Error> {
    let mut out = Output::unbounded();
    let mut client = client(terms, &mut out);
    out.bytes.clear();
    let head = head::<Client<Script>>(answer);
    let mut events = client.receive(head.as_bytes(), &mut out);
    match events.next() {
        Ok(Some((Event::Open(_), _))) => {
            assert_eq!(client.state(), State::Open);
            Ok(client.deflate_params())
        }
        Err(error) => {
            assert_eq!(events.next().err(), Some(error), "asked again");
            assert_eq!(
                (client.state(), client.transport()),
                (State::Closed, TransportAction::Close)
            );
            assert_eq!(client.deflate_params(), None);
            assert!(out.bytes.is_empty(), "neither a close frame nor anything else");
            Err(error)
        }
        _ => panic!("neither an opening nor an error"),
    }
}

/// Parameters with what is not the default.
fn agreed(change: impl FnOnce(&mut DeflateParams)) -> Option<DeflateParams> {
    let mut params = DeflateParams::default();
    change(&mut params);
    Some(params)
}

#[test]
fn nothing_is_agreed_on_unless_both_sides_want_it() {
    let terms = Some(DeflateConfig::new());
    assert_eq!(answer(None, &["permessage-deflate"]), (None, vec![]));
    assert_eq!(answer(terms, &[]), (None, vec![]));
    assert_eq!(answer(terms, &["x-other, permessage-bzip2; a=b"]), (None, vec![]));
    assert_eq!(confirm(terms, &[]), Ok(None));
    assert_eq!(confirm(None, &[]), Ok(None));
    let mut out = Output::unbounded();
    client(None, &mut out);
    assert_eq!(extensions(&out.bytes), Vec::<String>::new());
    // Then a compressed message is a mistake, see the tests of violations; none is sent.
    let mut server = opened::<Server, _>(Heap, Config::new().deflate(DeflateConfig::new()));
    let mut out = Output::unbounded();
    server.sender(&mut out).send(&[b'a'; 1000][..]).unwrap();
    assert_eq!(out.bytes[0] & RSV1, 0);
}

#[test]
fn a_server_answers_each_parameter() {
    let terms = Some(DeflateConfig::new());
    let plain = "permessage-deflate".to_owned();
    for (offer, params, answered) in [
        ("", agreed(|_| {}), ""),
        // A hint alone needs no answer.
        ("; client_max_window_bits", agreed(|_| {}), ""),
        ("; client_max_window_bits=15", agreed(|_| {}), ""),
        (
            "; server_no_context_takeover",
            agreed(|params| params.server_no_context_takeover = true),
            "; server_no_context_takeover",
        ),
        (
            "; client_no_context_takeover",
            agreed(|params| params.client_no_context_takeover = true),
            "; client_no_context_takeover",
        ),
        (
            "; server_max_window_bits=10",
            agreed(|params| params.server_max_window_bits = bits(10)),
            "; server_max_window_bits=10",
        ),
        (
            "; client_max_window_bits=8",
            agreed(|params| params.client_max_window_bits = bits(8)),
            "; client_max_window_bits=8",
        ),
        (
            " ;client_max_window_bits=\"9\"; server_max_window_bits = \"1\\2\" ;\t\
             client_no_context_takeover;server_no_context_takeover , ",
            Some(DeflateParams {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                server_max_window_bits: bits(12),
                client_max_window_bits: bits(9),
            }),
            "; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12; client_max_window_bits=9",
        ),
    ] {
        let answer = answer(terms, &[&format!("{plain}{offer}")]);
        assert_eq!(answer, (params, vec![format!("{plain}{answered}")]), "{offer}");
    }
}

#[test]
fn a_server_sets_its_own_terms() {
    let none = DeflateConfig::new().incoming_takeover(false).outgoing_takeover(false);
    let params = agreed(|params| {
        params.server_no_context_takeover = true;
        params.client_no_context_takeover = true;
    });
    let answered =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover".to_owned();
    assert_eq!(answer(Some(none), &["permessage-deflate"]), (params, vec![answered]));

    let small = DeflateConfig::new().incoming_window(bits(10)).outgoing_window(bits(9));
    let offer = "permessage-deflate; client_max_window_bits=12; server_max_window_bits=14";
    let params = agreed(|params| {
        params.server_max_window_bits = bits(9);
        params.client_max_window_bits = bits(10);
    });
    let answered =
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10".to_owned();
    assert_eq!(answer(Some(small), &[offer]), (params, vec![answered]));
    // A client that does not let its window be limited is not limited.
    assert_eq!(answer(Some(small), &["permessage-deflate"]), (None, vec![]));
}

#[test]
fn a_server_takes_the_first_offer_that_it_can() {
    let small = Some(DeflateConfig::new().incoming_window(bits(10)));
    let (cannot, invalid) = ("permessage-deflate", "permessage-deflate; mystery");
    let (first, second) = (
        "permessage-deflate; client_max_window_bits; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=9",
    );
    let params = agreed(|params| {
        params.server_no_context_takeover = true;
        params.client_max_window_bits = bits(10);
    });
    let other = "x-other; q=\"a, permessage-deflate; b=\\\"\"";
    let in_one = [other, cannot, invalid, first, second].join(", ");
    for offers in [
        &[&in_one[..]][..],
        &[other, cannot, invalid, first, second],
        &[&format!("{other},{cannot}"), "", &format!(",{invalid} , {first},"), second],
    ] {
        assert_eq!(answer(small, offers).0, params, "{offers:?}");
    }
    let params = agreed(|params| params.client_max_window_bits = bits(9));
    assert_eq!(answer(small, &[second, first]).0, params);
}

/// A server that accepts one request on other terms than its settings say.
fn answer_with(
    config: Config,
    terms: Option<DeflateConfig>,
    offer: &str,
) -> (Connection<Server, Heap>, Vec<String>) {
    let (mut server, mut out) = (Connection::server(config), Output::unbounded());
    let head = head::<Server>(&[offer]);
    let mut events = server.receive(head.as_bytes(), &mut out);
    let (_, mut reply) = events.next().unwrap().unwrap();
    reply.accept(sansocket::Accept::new().deflate(terms)).unwrap();
    let answered = extensions(&out.bytes);
    (server, answered)
}

#[test]
fn one_request_can_be_accepted_on_other_terms() {
    let offer = "permessage-deflate; client_max_window_bits";
    let on = Config::new().deflate(DeflateConfig::new());
    let (mut server, answered) = answer_with(on, None, offer);
    assert_eq!((server.deflate_params(), answered), (None, vec![]));
    let mut out = Output::unbounded();
    server.sender(&mut out).send("a".repeat(100)).unwrap();
    assert_eq!(out.bytes[0], FIN | TEXT);

    // The settings may have no compression at all, and other things than the windows count too.
    for config in [on, Config::new()] {
        let terms = DeflateConfig::new().outgoing_window(bits(9)).threshold(200);
        let (mut server, answered) = answer_with(config, Some(terms), offer);
        let params = agreed(|params| params.server_max_window_bits = bits(9));
        assert_eq!(server.deflate_params(), params);
        assert_eq!(answered, ["permessage-deflate; server_max_window_bits=9"]);
        for (length, first) in [(199, FIN | TEXT), (200, FIN | RSV1 | TEXT)] {
            let mut out = Output::unbounded();
            server.sender(&mut out).send("a".repeat(length)).unwrap();
            assert_eq!(out.bytes[0], first, "{length} bytes");
        }
    }

    // A storage without codecs cannot be told to have some.
    let mut server = Connection::server_in(sansocket::Fixed::<4096>, Config::new());
    let mut out = Output::unbounded();
    let head = head::<Server>(&[offer]);
    let mut events = server.receive(head.as_bytes(), &mut out);
    let (_, mut reply) = events.next().unwrap().unwrap();
    reply.accept(sansocket::Accept::new().deflate(Some(DeflateConfig::new()))).unwrap();
    assert_eq!((server.deflate_params(), extensions(&out.bytes)), (None, vec![]));
}

#[test]
fn an_offer_can_do_without_parameters() {
    let bare = DeflateConfig::new().hints(false);
    let mut out = Output::unbounded();
    client(Some(bare), &mut out);
    assert_eq!(extensions(&out.bytes), ["permessage-deflate"]);
    assert_eq!(confirm(Some(bare), &["permessage-deflate"]), Ok(agreed(|_| {})));
    let server_window = "permessage-deflate; server_max_window_bits=9";
    let params = agreed(|params| params.server_max_window_bits = bits(9));
    assert_eq!(confirm(Some(bare), &[server_window]), Ok(params));
    let limited = "permessage-deflate; client_max_window_bits=15";
    let failed = Err(Error::Handshake(HandshakeError::Extension));
    assert_eq!(confirm(Some(bare), &[limited]), failed);
    assert!(confirm(Some(DeflateConfig::new()), &[limited]).is_ok());
}

/// What no offer and no answer may have.
const INVALID: [&str; 22] = [
    "server_no_context_takeover=1",
    "server_no_context_takeover=\"\"",
    "client_no_context_takeover=true",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; client_no_context_takeover",
    "server_max_window_bits",
    "server_max_window_bits=",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=\"010\"",
    "server_max_window_bits=1 0",
    "server_max_window_bits=10; server_max_window_bits=10",
    "client_max_window_bits=0",
    "client_max_window_bits=7",
    "client_max_window_bits=16",
    "client_max_window_bits=+9",
    "client_max_window_bits=\"10",
    "client_max_window_bits=9; client_max_window_bits=9",
    "client_max_window_bits=256",
    "mystery",
    "",
];

#[test]
fn a_server_declines_each_invalid_offer() {
    for parameters in INVALID {
        let offer = format!("permessage-deflate; {parameters}");
        assert_eq!(answer(Some(DeflateConfig::new()), &[&offer]), (None, vec![]), "{offer}");
    }
}

#[test]
fn a_client_fails_with_each_invalid_answer() {
    let failed = Err(Error::Handshake(HandshakeError::Extension));
    let check = |terms, answer: &[&str]| {
        assert_eq!(confirm(terms, answer), failed, "{answer:?}");
    };
    let terms = Some(DeflateConfig::new());
    for parameters in INVALID {
        check(terms, &[&format!("permessage-deflate; {parameters}")]);
    }
    // What only an offer may have.
    check(terms, &["permessage-deflate; client_max_window_bits"]);
    check(terms, &["permessage-deflate", "permessage-deflate"]);
    check(terms, &["permessage-deflate, permessage-deflate"]);
    check(terms, &["permessage-deflate, x-other"]);
    check(terms, &["x-other"]);
    check(None, &["permessage-deflate"]);
    // What does not keep to the offer.
    let small = Some(DeflateConfig::new().incoming_window(bits(10)).outgoing_window(bits(9)));
    check(small, &["permessage-deflate"]);
    check(small, &["permessage-deflate; client_max_window_bits=9"]);
    check(small, &["permessage-deflate; server_max_window_bits=11"]);
    check(small, &["permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"]);
    check(Some(DeflateConfig::new().incoming_takeover(false)), &["permessage-deflate"]);
}

#[test]
fn a_client_confirms_each_parameter() {
    let terms = Some(DeflateConfig::new());
    for (answer, params) in [
        ("permessage-deflate", agreed(|_| {})),
        (
            // Both may come unasked.
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=\"8\"",
            agreed(|params| {
                params.server_no_context_takeover = true;
                params.server_max_window_bits = bits(8);
            }),
        ),
        (
            "permessage-deflate; client_no_context_takeover; client_max_window_bits=10",
            agreed(|params| {
                params.client_no_context_takeover = true;
                params.client_max_window_bits = bits(10);
            }),
        ),
    ] {
        assert_eq!(confirm(terms, &[answer]), Ok(params), "{answer}");
    }
    // What the client has offered for itself it keeps to, whatever is answered.
    let own = DeflateConfig::new().outgoing_window(bits(9)).outgoing_takeover(false);
    let params = agreed(|params| {
        params.client_no_context_takeover = true;
        params.client_max_window_bits = bits(9);
    });
    assert_eq!(confirm(Some(own), &["permessage-deflate"]), Ok(params));
}

#[test]
fn a_client_offers_what_it_wants() {
    let offer = |terms| {
        let mut out = Output::unbounded();
        client(Some(terms), &mut out);
        extensions(&out.bytes)
    };
    let plain = "permessage-deflate; client_max_window_bits";
    assert_eq!(offer(DeflateConfig::new()), [plain]);
    let all = DeflateConfig::new()
        .incoming_window(bits(8))
        .outgoing_window(bits(14))
        .incoming_takeover(false)
        .outgoing_takeover(false);
    assert_eq!(
        offer(all),
        ["permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
          server_max_window_bits=8; client_max_window_bits=14"]
    );
}

/// Both sides with every window, over the wire, and a message each way afterwards.
#[test]
fn both_sides_agree() {
    let every = || (8..=15).flat_map(|a| (8..=15).map(move |b| (bits(a), bits(b))));
    for (server_in, server_out) in every() {
        for (client_in, client_out) in every() {
            let takeover = (server_in.get() + client_in.get()) % 2 == 0;
            let terms = DeflateConfig::new().incoming_window(server_in).outgoing_window(server_out);
            let mut server = Connection::server(config(Some(terms.incoming_takeover(takeover))));
            let terms = DeflateConfig::new().incoming_window(client_in).outgoing_window(client_out);
            let (mut request, mut response) = (Output::unbounded(), Output::unbounded());
            let mut client = client(Some(terms), &mut request);
            feed(&mut server, &request.take(), &mut response);
            feed(&mut client, &response.take(), &mut request);
            let params = DeflateParams {
                server_no_context_takeover: false,
                client_no_context_takeover: !takeover,
                server_max_window_bits: server_out.min(client_in),
                client_max_window_bits: server_in.min(client_out),
            };
            assert_eq!(server.deflate_params(), Some(params));
            assert_eq!(client.deflate_params(), Some(params));
        }
    }
}

#[test]
fn a_handshake_done_elsewhere() {
    let incoming = Terms { bits: 9, takeover: false };
    let outgoing = Terms { bits: 12, takeover: true };
    assert_eq!(connection::<Server>(incoming, Config::new()).deflate_params().unwrap(), {
        params::<Server>(incoming, incoming)
    });
    let negotiated = Some(params::<Server>(incoming, outgoing));
    let mut server = Connection::established(Server, negotiated, Config::new());
    assert_eq!(server.deflate_params(), Some(params::<Server>(incoming, outgoing)));
    let mut out = Output::unbounded();
    server.sender(&mut out).send("a".repeat(100).as_str()).unwrap();
    assert_eq!(out.bytes[0], FIN | RSV1 | TEXT);
    // Without a word about it there is no compression, whatever the settings are.
    let config = Config::new().deflate(DeflateConfig::new());
    let mut plain = Connection::established(Server, None, config);
    assert_eq!(plain.deflate_params(), None);
    out.bytes.clear();
    plain.sender(&mut out).send("a".repeat(100).as_str()).unwrap();
    assert_eq!(out.bytes, wire::frame(false, FIN | TEXT, "a".repeat(100).as_bytes()));
}
