//! How a connection ended, in the terms of Autobahn|Testsuite: as the fuzzing peer knows it, or as
//! this crate reports it.
//!
//! Its "clean" is stricter than that of RFC 6455 §7.1.4: a connection that has failed is not clean,
//! and neither is one whose server did not close TCP in time.

use sansocket::{CloseFrame, CloseReport, Endpoint, Error, Timeout};

/// The table of a connection's end. "Me" is the side whose table it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) was_open: bool,
    pub(crate) closed_by_me: bool,
    pub(crate) failed_by_me: bool,
    pub(crate) dropped_by_me: bool,
    pub(crate) was_clean: bool,
    pub(crate) not_clean_reason: Option<String>,
    pub(crate) opening_timeout: bool,
    pub(crate) closing_timeout: bool,
    pub(crate) server_drop_timeout: bool,
    pub(crate) local_code: Option<u16>,
    pub(crate) local_reason: Option<String>,
    pub(crate) remote_code: Option<u16>,
    pub(crate) remote_reason: Option<String>,
}

impl Ending {
    /// The table of a side that is a connection of this crate.
    pub(crate) fn of(report: &CloseReport<'_>, was_open: bool) -> Self {
        let timeout = match report.failure {
            Some(Error::Timeout(timeout)) => Some(timeout),
            _ => None,
        };
        let (local_code, local_reason) = parts(report.sent);
        let (remote_code, remote_reason) = parts(report.received);
        Self {
            was_open,
            closed_by_me: report.closed_first == Some(Endpoint::Local),
            failed_by_me: report.failure.is_some_and(|error| error != Error::UnexpectedEnd),
            dropped_by_me: report.dropped_by == Some(Endpoint::Local),
            was_clean: report.was_clean() && report.failure.is_none(),
            not_clean_reason: match report.failure {
                Some(error) => Some(error.reason().into()),
                // TCP is closed, and this is no failure: there never was a WebSocket connection.
                None if report.dropped_by.is_some() && !report.was_clean() => {
                    Some("the opening handshake ended without a connection".into())
                }
                None => None,
            },
            opening_timeout: timeout == Some(Timeout::Opening),
            closing_timeout: timeout == Some(Timeout::Closing),
            server_drop_timeout: timeout == Some(Timeout::ServerDrop),
            local_code,
            local_reason,
            remote_code,
            remote_reason,
        }
    }

    /// Where the table of the other side contradicts this one, a sentence each. This is that of the
    /// fuzzing peer, which never fails a connection that the other side has completed.
    pub(crate) fn contradictions(&self, other: &Self) -> Vec<String> {
        let mut contradictions = vec![];
        let mut check = |is_so: bool, sentence: &str| {
            if !is_so {
                contradictions.push(sentence.to_owned());
            }
        };
        let code = |ending: &Self| (ending.local_code, ending.local_reason.clone());
        let seen = |ending: &Self| (ending.remote_code, ending.remote_reason.clone());
        let both_open = self.was_open == other.was_open;
        check(both_open, "One side has completed the opening handshake, and the other has not.");
        if other.was_clean {
            check(seen(other) == code(self), "The frame received is not the one that was sent.");
            check(self.closed_by_me != other.closed_by_me, "Both sides, or none, closed first.");
            check(!other.failed_by_me, "A connection that failed is reported as clean.");
        }
        if self.was_clean {
            check(seen(self) == code(other), "The frame sent is not the one that was received.");
            let is_clean = other.was_clean || other.failed_by_me;
            check(is_clean, "A close frame that was received in time is not reported.");
        }
        let is_dropped = self.dropped_by_me || other.dropped_by_me;
        check(is_dropped, "None of the sides closed TCP.");
        let is_explained = other.was_clean || other.not_clean_reason.is_some();
        check(is_explained, "There is no reason why the end was not clean.");
        contradictions
    }
}

/// The code and the reason of a close frame, if it has them.
fn parts(frame: Option<CloseFrame<'_>>) -> (Option<u16>, Option<String>) {
    let frame = frame.unwrap_or_default();
    let reason = (!frame.reason().is_empty()).then(|| frame.reason().into());
    (frame.code().map(|code| code.get()), reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sansocket::{
        Client, CloseCode, Config, Connection, Event, Request, Role, Server, SystemEntropy,
        TransportAction,
    };

    use super::*;
    use crate::wire;

    const KEY: [u8; 4] = [1, 2, 3, 4];
    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> Config {
        Config::new().opening_timeout(SECOND).closing_timeout(SECOND).server_drop_timeout(SECOND)
    }

    fn server() -> Connection<Server> {
        Connection::established(Server, None, config())
    }

    fn client() -> Connection<Client<SystemEntropy>> {
        Connection::established(Client::new(SystemEntropy::new()), None, config())
    }

    fn ending<R: Role>(connection: &Connection<R>) -> Ending {
        Ending::of(&connection.close_report(), true)
    }

    /// Receives a close frame of the peer.
    fn receive_close<R: Role>(connection: &mut Connection<R>, key: Option<[u8; 4]>, body: &[u8]) {
        let (mut frame, mut out) = (vec![], vec![]);
        wire::write_frame(&mut frame, 0x88, key, body);
        let mut events = connection.receive(&mut frame, &mut out);
        while let Ok(Some(_)) = events.next() {}
    }

    fn text(text: &str) -> Option<String> {
        Some(text.into())
    }

    /// What remains the same in all endings of a connection that was open.
    fn open() -> Ending {
        Ending { was_open: true, ..Ending::default() }
    }

    #[test]
    fn an_open_connection_has_no_end() {
        assert_eq!(ending(&server()), open());
        assert_eq!(ending(&client()), open());
    }

    #[test]
    fn this_side_closes() {
        let mut server = server();
        server.sender(&mut vec![]).close((CloseCode::NORMAL, "bye")).unwrap();
        let closed = Ending {
            closed_by_me: true,
            local_code: Some(1000),
            local_reason: text("bye"),
            ..open()
        };
        assert_eq!(ending(&server), closed);
        receive_close(&mut server, Some(KEY), b"\x03\xE9going");
        let done = Ending {
            was_clean: true,
            dropped_by_me: true,
            remote_code: Some(1001),
            remote_reason: text("going"),
            ..closed
        };
        assert_eq!(ending(&server), done);
        server.end_of_stream().unwrap();
        assert_eq!(ending(&server), done);
    }

    #[test]
    fn the_peer_closes() {
        let mut client = client();
        receive_close(&mut client, None, b"\x03\xE9going");
        let done = Ending {
            was_clean: true,
            // The answer has the same code and no reason.
            local_code: Some(1001),
            remote_code: Some(1001),
            remote_reason: text("going"),
            ..open()
        };
        assert_eq!(ending(&client), done, "it waits for the server to close TCP");
        client.end_of_stream().unwrap();
        assert_eq!(ending(&client), done, "which it did");
    }

    #[test]
    fn a_close_frame_without_a_body_has_neither_code_nor_reason() {
        let mut client = client();
        receive_close(&mut client, None, b"");
        assert_eq!(ending(&client), Ending { was_clean: true, ..open() });
    }

    #[test]
    fn a_failed_connection_is_not_clean() {
        let mut server = server();
        // Not masked.
        receive_close(&mut server, None, b"");
        let failed = Ending {
            closed_by_me: true,
            failed_by_me: true,
            dropped_by_me: true,
            not_clean_reason: text("frame from a client not masked"),
            local_code: Some(1002),
            local_reason: text("frame from a client not masked"),
            ..open()
        };
        assert_eq!(ending(&server), failed);
    }

    #[test]
    fn an_early_end_is_no_failure_of_this_side() {
        let mut server = server();
        server.end_of_stream().unwrap_err();
        let reason = text("stream ended before the closing handshake was done");
        assert_eq!(ending(&server), Ending { not_clean_reason: reason, ..open() });
    }

    #[test]
    fn a_close_frame_that_is_not_answered() {
        let (mut server, mut out) = (server(), vec![]);
        server.tick(Duration::ZERO, &mut out).unwrap();
        server.sender(&mut out).close(CloseCode::NORMAL).unwrap();
        server.tick(SECOND, &mut out).unwrap_err();
        let late = Ending {
            closed_by_me: true,
            failed_by_me: true,
            dropped_by_me: true,
            closing_timeout: true,
            not_clean_reason: text("close frame not answered in time"),
            local_code: Some(1000),
            ..open()
        };
        assert_eq!(ending(&server), late);
    }

    #[test]
    fn a_server_that_does_not_close_tcp() {
        let (mut client, mut out) = (client(), vec![]);
        client.tick(Duration::ZERO, &mut out).unwrap();
        receive_close(&mut client, None, b"\x03\xE8");
        assert!(ending(&client).was_clean);
        client.tick(SECOND, &mut out).unwrap_err();
        assert!(client.close_report().was_clean(), "the closing handshake was completed");
        let late = Ending {
            failed_by_me: true,
            dropped_by_me: true,
            server_drop_timeout: true,
            not_clean_reason: text("TCP not closed by the server in time"),
            local_code: Some(1000),
            remote_code: Some(1000),
            ..open()
        };
        assert_eq!(ending(&client), late);
    }

    #[test]
    fn an_opening_handshake_that_is_not_done() {
        let mut server = Connection::server(config());
        server.tick(Duration::ZERO, &mut vec![]).unwrap();
        server.tick(SECOND, &mut vec![]).unwrap_err();
        let late = Ending {
            failed_by_me: true,
            dropped_by_me: true,
            opening_timeout: true,
            not_clean_reason: text("opening handshake not done in time"),
            ..Ending::default()
        };
        assert_eq!(Ending::of(&server.close_report(), false), late);
    }

    #[test]
    fn an_opening_handshake_that_is_refused() {
        let request = Request::new("example.com", "/");
        let entropy = SystemEntropy::new();
        let mut client = Connection::client(&request, entropy, config(), &mut vec![]).unwrap();
        let mut out = vec![];
        let mut events =
            client.receive(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", &mut out);
        assert!(matches!(events.next(), Ok(Some((Event::Refused(_), _)))));
        assert_eq!(client.transport(), TransportAction::Close);
        let refused = Ending {
            dropped_by_me: true,
            not_clean_reason: text("the opening handshake ended without a connection"),
            ..Ending::default()
        };
        assert_eq!(Ending::of(&client.close_report(), false), refused);
    }

    /// The tables of the two sides of a connection that the fuzzing peer, a client, has closed.
    fn both() -> (Ending, Ending) {
        let fuzzer = Ending {
            closed_by_me: true,
            was_clean: true,
            local_code: Some(1000),
            local_reason: text("bye"),
            remote_code: Some(1000),
            ..open()
        };
        let other = Ending {
            dropped_by_me: true,
            was_clean: true,
            local_code: Some(1000),
            remote_code: Some(1000),
            remote_reason: text("bye"),
            ..open()
        };
        (fuzzer, other)
    }

    #[test]
    fn contradictions_are_found() {
        let (fuzzer, other) = both();
        assert_eq!(fuzzer.contradictions(&other), [""; 0]);
        let changes: [fn(&mut Ending); 9] = [
            |other| other.was_open = false,
            |other| other.closed_by_me = true,
            |other| other.failed_by_me = true,
            |other| other.dropped_by_me = false,
            |other| other.local_code = None,
            |other| other.local_reason = text("bye"),
            |other| other.remote_code = Some(1001),
            |other| other.remote_reason = None,
            |other| {
                other.was_clean = false;
                other.not_clean_reason = text("an early end");
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut other = other.clone();
            change(&mut other);
            assert_eq!(fuzzer.contradictions(&other).len(), 1, "change {index}");
        }
    }
}
