//! A connection, its input and its output as fields of a program's own type: three ways to take the
//! events there. That they compile is the point; that they do the same is checked as well.

mod common;

use common::output::Output;
use common::side::established;
use common::wire::{self, BINARY, CLOSE, FIN, PING, TEXT};
#[cfg(feature = "alloc")]
use sansocket::OwnedMessage;
use sansocket::{
    Config, Connection, Error, Event, Fixed, Input, Message, Sender, Server, State, TransportAction,
};

type Storage = Fixed<5000>;

/// The handle that answers an event.
type Reply<'a> = Sender<'a, Server, Storage, Output>;

/// A program's own type with everything in it.
struct Session {
    connection: Connection<Server, Storage>,
    input: Input<[u8; 6000]>,
    out: Output,
    shouted: usize,
}

impl Session {
    fn new() -> Self {
        Self {
            connection: established(Fixed, Config::new()),
            input: Input::with([0; 6000]),
            out: Output::unbounded(),
            shouted: 0,
        }
    }

    /// Messages that are owned borrow nothing, so a method of the whole type can handle them.
    #[cfg(feature = "alloc")]
    fn take_messages(&mut self) -> Result<(), Error> {
        while let Some(message) = self.connection.next_message(&mut self.input, &mut self.out)? {
            self.handle(message)?;
        }
        Ok(())
    }

    #[cfg(feature = "alloc")]
    fn handle(&mut self, message: OwnedMessage) -> Result<(), Error> {
        let mut sender = self.connection.sender(&mut self.out);
        match message {
            OwnedMessage::Text(text) => {
                self.shouted += 1;
                sender.send(text.to_uppercase())?;
            }
            OwnedMessage::Binary(bytes) => sender.send(bytes)?,
        }
        Ok(())
    }

    /// The fields are borrowed apart, for a loop in one function.
    fn take_events(&mut self) -> Result<(), Error> {
        let Self { connection, input, out, shouted } = self;
        let mut events = connection.receive(input, out);
        while let Some((event, mut reply)) = events.next()? {
            match event {
                Event::Message(Message::Text(text)) => {
                    *shouted += 1;
                    reply.send(text.to_uppercase().as_str())?;
                }
                Event::Message(message) => reply.send(message)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The part of a type that is the way to one peer.
struct Peer {
    connection: Connection<Server, Storage>,
    input: Input<[u8; 6000]>,
    out: Output,
}

/// A type with that part.
struct Nested {
    peer: Peer,
    shouted: usize,
}

impl Peer {
    /// A method returns the event, with the handle that answers it.
    fn next(&mut self) -> Result<Option<(Event<'_>, Reply<'_>)>, Error> {
        self.connection.next_event(&mut self.input, &mut self.out)
    }
}

impl Nested {
    fn new() -> Self {
        let Session { connection, input, out, shouted } = Session::new();
        Self { peer: Peer { connection, input, out }, shouted }
    }

    /// The other fields are free while the event and its handle borrow the peer.
    fn take_events(&mut self) -> Result<(), Error> {
        while let Some((event, mut reply)) = self.peer.next()? {
            match event {
                Event::Message(Message::Text(text)) => {
                    self.shouted += 1;
                    reply.send(text.to_uppercase().as_str())?;
                }
                Event::Message(message) => reply.send(message)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// What one of the types is driven by.
trait Driven {
    fn parts(&mut self) -> (&mut Connection<Server, Storage>, &mut Input<[u8; 6000]>, &mut Output);

    fn shouted(&self) -> usize;
}

impl Driven for Session {
    fn parts(&mut self) -> (&mut Connection<Server, Storage>, &mut Input<[u8; 6000]>, &mut Output) {
        (&mut self.connection, &mut self.input, &mut self.out)
    }

    fn shouted(&self) -> usize {
        self.shouted
    }
}

impl Driven for Nested {
    fn parts(&mut self) -> (&mut Connection<Server, Storage>, &mut Input<[u8; 6000]>, &mut Output) {
        let Peer { connection, input, out } = &mut self.peer;
        (connection, input, out)
    }

    fn shouted(&self) -> usize {
        self.shouted
    }
}

/// Drives a type from the first message to the end of TCP, with reads of any size.
fn drive<T: Driven>(new: impl Fn() -> T, take: impl Fn(&mut T) -> Result<(), Error>) {
    let stream = [
        wire::frame(true, FIN | TEXT, "grüße".as_bytes()),
        wire::frame(true, FIN | PING, b"?"),
        wire::frame(true, FIN | BINARY, &[7; 5000]),
        wire::frame(true, FIN | TEXT, b"bye"),
        wire::frame(true, FIN | CLOSE, b""),
    ]
    .concat();
    let expected = [
        wire::frame(false, FIN | TEXT, "GRÜSSE".as_bytes()),
        wire::frame(false, FIN | wire::PONG, b"?"),
        wire::frame(false, FIN | BINARY, &[7; 5000]),
        wire::frame(false, FIN | TEXT, b"BYE"),
        wire::frame(false, FIN | CLOSE, b""),
    ]
    .concat();
    for step in [1, 700, stream.len()] {
        let mut session = new();
        let mut written = vec![];
        for bytes in stream.chunks(step) {
            assert_eq!(session.parts().1.push(bytes), bytes.len());
            take(&mut session).expect("a valid stream");
            written.append(&mut session.parts().2.bytes);
        }
        assert!(written == expected, "{step} bytes at a time");
        assert_eq!(session.shouted(), 2);
        let (connection, ..) = session.parts();
        let now = (connection.state(), connection.transport(), connection.end_of_stream());
        assert_eq!(now, (State::Closed, TransportAction::Close, Ok(())));

        // A violation ends the loop by `?`, when the close frame is written.
        let mut session = new();
        session.parts().1.push(&wire::frame(true, FIN, b""));
        assert_eq!(take(&mut session), Ok(()));
        assert_eq!(session.parts().2.take()[0], FIN | CLOSE);
        assert!(take(&mut session).is_err());
    }
}

#[test]
fn a_method_of_an_inner_type_returns_the_event() {
    drive(Nested::new, Nested::take_events);
}

#[cfg(feature = "alloc")]
#[test]
fn a_method_of_the_whole_type_handles_an_owned_message() {
    drive(Session::new, Session::take_messages);
}

#[test]
fn the_fields_are_borrowed_apart() {
    drive(Session::new, Session::take_events);
}
