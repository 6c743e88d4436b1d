//! The contract of `Input`: the same events as from slices, nothing is lost whatever the caller does
//! with the events, long binary messages are lent from its memory, and memory and work are bounded
//! by the bytes that have arrived.

// Nothing here may depend on whether `Events` have a destructor.
#![allow(clippy::drop_non_drop, clippy::forget_non_drop)]

mod common;

use core::time::Duration;

use common::conversation::{Conversation, any_config, any_conversation};
use common::heap::CountingHeap;
use common::output::Output;
use common::record::{Driver, Manners, Seen, Transcript};
use common::side::{Script, Side, established, opened};
use common::wire::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use proptest::collection::vec;
use proptest::prelude::*;
#[cfg(feature = "alloc")]
use sansocket::Heap;
use sansocket::{
    Client, Config, Connection, Delivery, Error, Event, Fixed, Input, InputMemory, Message,
    MessageKind, Server, State, Storage, TransportAction,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/input.txt");

/// The length from which a binary message waits in an input.
const LONG: usize = 4096;

/// Runs a test with an input over each kind of memory of this length.
macro_rules! each_memory {
    ($length:expr, $test:expr) => {{
        #[cfg(feature = "alloc")]
        ($test)(&mut Input::with(vec![0; $length]));
        ($test)(&mut Input::with(&mut vec![0; $length][..]));
        ($test)(&mut Input::with([0; $length]));
    }};
}

/// Reads as a socket is read: up to `most` bytes into the space. Returns how many there were.
fn read<M: InputMemory>(input: &mut Input<M>, bytes: &mut &[u8], most: usize) -> usize {
    let space = input.space();
    let (now, later) = bytes.split_at(most.min(space.len()).min(bytes.len()));
    space[..now.len()].copy_from_slice(now);
    input.fill(now.len());
    *bytes = later;
    now.len()
}

/// What the caller does with the events between two reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Takes all of them.
    All,
    /// Takes this many, then drops what lends them.
    Drop(usize),
    /// Takes this many, and what lends them is never dropped.
    Forget(usize),
    /// Takes this many one by one, with `next_event`.
    OneByOne(usize),
}

impl Way {
    fn take<R: Side, S: Storage, M: InputMemory>(
        self,
        driver: &mut Driver<R, S>,
        input: &mut Input<M>,
    ) {
        match self {
            Self::All => driver.take_from(input, usize::MAX),
            Self::Drop(count) => driver.take_from(input, count),
            Self::Forget(count) => {
                driver.forgets = true;
                driver.take_from(input, count);
                driver.forgets = false;
            }
            Self::OneByOne(count) => {
                for _ in 0..count {
                    if !driver.next_from(input) {
                        break;
                    }
                }
            }
        }
    }
}

/// Reads and takes events in turn, then takes all that are left.
///
/// The turns are repeated; some of them must read and take all.
fn run<R: Side, S: Storage, M: InputMemory>(
    driver: &mut Driver<R, S>,
    input: &mut Input<M>,
    mut bytes: &[u8],
    turns: &[(usize, Way)],
) {
    for &(most, way) in turns.iter().cycle() {
        if bytes.is_empty() || driver.error.is_some() {
            break;
        }
        let count = read(input, &mut bytes, most);
        let unread = input.unread().len();
        way.take(driver, input);
        let is_stuck = count == 0 && input.unread().len() == unread;
        if most > 0 && way == Way::All && is_stuck {
            break;
        }
    }
    if driver.error.is_none() {
        Way::All.take(driver, input);
    }
}

fn any_way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::All),
        (0..4usize).prop_map(Way::Drop),
        (0..4usize).prop_map(Way::Forget),
        (0..4usize).prop_map(Way::OneByOne),
    ]
}

fn any_turns() -> impl Strategy<Value = Vec<(usize, Way)>> {
    let length = prop_oneof![0..4usize, 0..300usize, 0..10_000usize];
    let turns = vec((length.clone(), any_way()), 0..6);
    (turns, 1..10_000usize).prop_map(|(mut turns, length)| {
        turns.push((length, Way::All));
        turns
    })
}

/// A conversation with one side, which starts over for each memory.
struct Setup<'a, S> {
    storage: S,
    config: Config,
    conversation: &'a Conversation,
    manners: Manners,
    turns: &'a [(usize, Way)],
}

impl<S: Storage + Copy> Setup<'_, S> {
    fn driver<R: Side>(&self) -> Driver<R, S> {
        let mut out = Output::unbounded();
        let connection = match self.conversation.head {
            Some(_) => R::connect(self.storage, self.config, &mut out),
            None => established(self.storage, self.config),
        };
        Driver::new(connection, out).with_manners(self.manners)
    }

    /// The record, without what was not consumed: a part of it may not even be read.
    fn finish<R: Side>(driver: Driver<R, S>) -> Transcript {
        Transcript { unread: vec![], ..driver.finish() }
    }

    fn check<R: Side>(&self, memory: usize) -> Result<(), TestCaseError> {
        let bytes = self.conversation.bytes::<R>();
        let mut whole = self.driver::<R>();
        whole.feed(&bytes, true);
        let consumed = whole.consumed;
        let whole = Self::finish(whole);

        #[cfg(feature = "alloc")]
        self.compare::<R, _>(Input::new(), &bytes, &whole, consumed)?;
        #[cfg(feature = "alloc")]
        self.compare::<R, _>(
            Input::with(vec![0; memory]).retain(memory),
            &bytes,
            &whole,
            consumed,
        )?;
        self.compare::<R, _>(Input::with(&mut vec![0; memory][..]), &bytes, &whole, consumed)?;
        self.compare::<R, _>(Input::with([0; 5]), &bytes, &whole, consumed)?;
        self.compare::<R, _>(Input::with([0; 6000]), &bytes, &whole, consumed)
    }

    fn compare<R: Side, M: InputMemory>(
        &self,
        mut input: Input<M>,
        bytes: &[u8],
        whole: &Transcript,
        consumed: usize,
    ) -> Result<(), TestCaseError> {
        let mut driver = self.driver::<R>();
        run(&mut driver, &mut input, bytes, self.turns);
        if whole.error.is_none() && input.unread().is_empty() {
            // Nothing waits, so as much is consumed as in one chunk.
            prop_assert_eq!(driver.consumed, consumed, "{:?}", input);
        }
        prop_assert_eq!(&Self::finish(driver), whole, "{:?}", input);
        Ok(())
    }
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    /// Whatever is read at a time and however the events are taken.
    #[test]
    fn the_events_are_the_same_as_from_a_slice(
        conversation in any_conversation(),
        config in any_config(),
        echo in any::<bool>(),
        turns in any_turns(),
        memory in prop_oneof![1..40usize, 40..400usize, LONG..10_000usize, Just(80_000)],
    ) {
        let manners = Manners { echo, answer_controls: false };
        let (conversation, turns) = (&conversation, &turns[..]);
        #[cfg(feature = "alloc")]
        {
            let setup = Setup { storage: Heap, config, conversation, manners, turns };
            setup.check::<Server>(memory)?;
            setup.check::<Client<Script>>(memory)?;
        }
        let setup = Setup { storage: Fixed::<6000>, config, conversation, manners, turns };
        setup.check::<Server>(memory)?;
        setup.check::<Client<Script>>(memory)?;
    }
}

// What is not consumed stays.

/// Frames of which each is one event.
fn one_event_each(masks: bool) -> Vec<Vec<u8>> {
    vec![
        wire::frame(masks, FIN | TEXT, b"short"),
        wire::frame(masks, FIN | PING, b"ping"),
        wire::frame(masks, FIN | BINARY, &[7; LONG]),
        wire::frame(masks, FIN | TEXT, "é".repeat(300).as_bytes()),
        wire::frame(masks, FIN | wire::PONG, b""),
        wire::frame(masks, FIN | BINARY, b""),
        wire::frame(masks, FIN | TEXT, &[b'a'; LONG]),
    ]
}

/// After each event, exactly the frames behind it are unread, as they came.
#[test]
fn an_early_exit_leaves_all_frames_behind_the_event() {
    fn check<R: Side>(way: Way) {
        let frames = one_event_each(R::PEER_MASKS);
        let wire = frames.concat();
        each_memory!(20_000, |input: &mut Input<_>| {
            let connection = established::<R, _>(Fixed::<5000>, Config::new());
            let mut driver = Driver::new(connection, Output::unbounded());
            assert_eq!(input.push(&wire), wire.len());
            let mut consumed = 0;
            for (index, frame) in frames.iter().enumerate() {
                way.take(&mut driver, input);
                consumed += frame.len();
                assert_eq!(driver.seen.len(), index + 1);
                assert_eq!(input.unread(), &wire[consumed..], "{way:?} {index}");
                // A read in between changes nothing about that.
                input.space();
                input.fill(0);
                assert_eq!(input.unread(), &wire[consumed..], "{way:?} {index}");
            }
            Way::All.take(&mut driver, input);
            assert_eq!((driver.seen.len(), driver.consumed), (frames.len(), wire.len()));
        });
    }
    for way in [Way::Drop(1), Way::Forget(1), Way::OneByOne(1)] {
        check::<Server>(way);
        check::<Client<Script>>(way);
    }
}

/// Nor does a caller lose what it has not looked at.
#[test]
fn a_call_that_takes_nothing_consumes_nothing() {
    let wire = one_event_each(true).concat();
    each_memory!(20_000, |input: &mut Input<_>| {
        let mut connection = established::<Server, _>(Fixed::<5000>, Config::new());
        let mut out = Output::unbounded();
        input.push(&wire);
        for _ in 0..3 {
            let events = connection.receive(&mut *input, &mut out);
            assert_eq!((events.remaining(), events.consumed()), (&wire[..], 0));
            drop(events);
            core::mem::forget(connection.receive(&mut *input, &mut out));
            assert_eq!(input.unread(), wire);
        }
        assert_eq!(input.push(b"more"), 4);
        assert_eq!(input.unread(), [&wire[..], b"more"].concat());
    });
}

/// What waits for an answer stays in the input, in the loop and out of it.
#[test]
fn what_is_behind_a_request_stays_until_the_answer() {
    let behind = wire::frame(true, FIN | TEXT, b"early");
    each_memory!(1000, |input: &mut Input<_>| {
        let mut connection = Connection::server_in(Fixed::<400>, Config::new());
        let mut out = Output::unbounded();
        input.push(Server::HEADS[0].as_bytes());
        input.push(&behind);
        assert!(matches!(connection.next_event(input, &mut out), Ok(Some((Event::Request(_), _)))));
        for _ in 0..3 {
            assert!(matches!(connection.next_event(input, &mut out), Ok(None)));
            assert!(connection.receive(&mut *input, &mut out).next().unwrap().is_none());
            assert_eq!(input.unread(), behind);
        }
        connection.sender(&mut out).accept(sansocket::Accept::new()).unwrap();
        let (event, _) = connection.next_event(input, &mut out).unwrap().expect("the message");
        assert_eq!(Seen::new(&event), Seen::Message(MessageKind::Text, b"early".to_vec()));
        assert!(input.unread().is_empty());
    });
}

/// The body of a plain request is not the connection's.
#[test]
fn a_body_stays() {
    const BODY: &[u8] = b"user=me\x81\x00\r\n\r\n";
    each_memory!(1000, |input: &mut Input<_>| {
        let mut connection = Connection::server_in(Fixed::<400>, Config::new());
        let mut out = Output::unbounded();
        input.push(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
        input.push(BODY);
        while connection.next_event(input, &mut out).unwrap().is_some() {}
        assert_eq!((input.unread(), connection.state()), (BODY, State::Closed));
    });
}

// Lent without a copy.

/// The place of a message in memory: its first byte and the one behind its last.
fn place(bytes: &[u8]) -> (usize, usize) {
    let range = bytes.as_ptr_range();
    (range.start.addr(), range.end.addr())
}

/// Reads a frame, this many bytes at a time, and returns whether its message was lent from the place
/// in the input where its bytes were read to.
fn lent<R: Side, S: Storage, M: InputMemory>(
    connection: &mut Connection<R, S>,
    input: &mut Input<M>,
    frame: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    payload: &[u8],
) -> bool {
    let mut out = Output::unbounded();
    let mut rest = frame;
    let mut cuts = cuts.into_iter();
    while !rest.is_empty() {
        let most = cuts.next().unwrap_or(usize::MAX);
        let count = read(input, &mut rest, most);
        assert!(count > 0 || most == 0, "no space");
        let memory = place(input.unread());
        match connection.next_event(input, &mut out).expect("a valid frame") {
            Some((Event::Message(message), _)) => {
                assert!(rest.is_empty(), "a message before its last byte");
                assert_eq!(message.as_bytes(), payload);
                let (start, end) = place(message.as_bytes());
                let is_inside = memory.0 <= start && end <= memory.1;
                assert!(!is_inside || end == memory.1, "the frame ends with the payload");
                return is_inside;
            }
            Some((event, _)) => panic!("{event:?}"),
            None => {}
        }
    }
    panic!("no message");
}

#[test]
fn a_long_binary_message_is_lent_from_the_input_however_it_arrives() {
    fn check<R: Side>() {
        for length in [LONG, LONG + 1, 9000] {
            let payload: Vec<u8> = (0..=250).cycle().take(length).collect();
            let frame = wire::frame(R::PEER_MASKS, FIN | BINARY, &payload);
            for step in [1, 2, 7, 1000, length, frame.len()] {
                each_memory!(20_000, |input: &mut Input<_>| {
                    let mut connection = established::<R, _>(Fixed::<9000>, Config::new());
                    for _ in 0..3 {
                        let cuts = core::iter::repeat(step);
                        assert!(lent(&mut connection, input, &frame, cuts, &payload), "{step}");
                    }
                });
                // As little memory as the payload takes.
                let mut memory = vec![0; length];
                let mut input = Input::with(&mut memory[..]);
                let mut connection = established::<R, _>(Fixed::<9000>, Config::new());
                for _ in 0..3 {
                    let cuts = core::iter::repeat(step);
                    assert!(lent(&mut connection, &mut input, &frame, cuts, &payload), "{step}");
                }
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// One of 1 MiB, in an input that has to grow for it.
#[cfg(feature = "alloc")]
#[test]
fn a_message_that_the_input_has_to_grow_for_is_lent_from_it() {
    let payload: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let frame = wire::frame(true, FIN | BINARY, &payload);
    let mut connection = established::<Server, _>(Heap, Config::new());
    let mut input = Input::new();
    for step in [700, 70_000, usize::MAX] {
        let cuts = core::iter::repeat(step);
        assert!(lent(&mut connection, &mut input, &frame, cuts, &payload), "{step}");
        assert_eq!(connection.buffered(), 0, "the connection has no memory of its own");
    }
}

/// Any message that is whole in the read is lent from there.
#[test]
fn a_message_that_is_whole_in_the_read_is_lent_from_it() {
    fn check<R: Side>() {
        let text = "é€ 😀".repeat(500);
        for payload in ["", "é", &text[..10], &text] {
            for kind in [TEXT, BINARY] {
                let payload = payload.as_bytes();
                let frame = wire::frame(R::PEER_MASKS, FIN | kind, payload);
                each_memory!(20_000, |input: &mut Input<_>| {
                    let mut connection = established::<R, _>(Fixed::<9000>, Config::new());
                    for _ in 0..3 {
                        assert!(lent(&mut connection, input, &frame, [], payload));
                    }
                });
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

// Memory of constant size.

/// Frames longer than the memory of the input go through it all the same.
#[test]
fn an_input_that_is_too_small_for_a_frame_still_delivers_it() {
    fn check<R: Side>() {
        let payload = "é€ 😀".repeat(500);
        for kind in [TEXT, BINARY] {
            let frame = wire::frame(R::PEER_MASKS, FIN | kind, payload.as_bytes());
            assert!(payload.len() > LONG);
            for length in [1, 2, 13, 14, 15, 100, LONG, payload.len() - 1] {
                let mut memory = vec![0; length];
                let mut input = Input::with(&mut memory[..]);
                let connection = established::<R, _>(Fixed::<6000>, Config::new());
                let mut driver = Driver::new(connection, Output::unbounded());
                for _ in 0..2 {
                    run(&mut driver, &mut input, &frame, &[(usize::MAX, Way::All)]);
                }
                let kind = if kind == TEXT { MessageKind::Text } else { MessageKind::Binary };
                let message = Seen::Message(kind, payload.clone().into_bytes());
                assert_eq!(driver.seen, [message.clone(), message], "{length} bytes");
                assert_eq!(input.capacity(), length);
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// No space is no failure, and all of it comes back.
#[test]
fn memory_that_is_full_of_unread_bytes_has_no_space_until_they_are_consumed() {
    let frame = wire::frame(true, FIN | TEXT, b"0123456789");
    let mut input = Input::with([0; 40]);
    let mut connection = established::<Server, _>(Fixed::<16>, Config::new());
    let mut out = Output::unbounded();
    assert_eq!(input.push(&frame.repeat(3)), 40);
    assert_eq!((input.space().len(), input.push(b"x")), (0, 0));
    assert!(connection.next_event(&mut input, &mut out).unwrap().is_some());
    assert_eq!((input.space().len(), input.unread().len()), (frame.len(), 40 - frame.len()));
    assert_eq!(input.push(&frame.repeat(3)[40..]), 8);
    for _ in 0..2 {
        assert!(connection.next_event(&mut input, &mut out).unwrap().is_some());
    }
    assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
    assert_eq!((input.unread().len(), input.space().len()), (0, 40));
}

/// An input without any memory is of no use, and of no harm.
#[test]
fn an_input_without_memory_has_no_space() {
    let mut input = Input::with([]);
    let mut connection = established::<Server, _>(Fixed::<16>, Config::new());
    assert_eq!((input.space().len(), input.push(b"x"), input.capacity()), (0, 0, 0));
    input.fill(0);
    input.release();
    let mut out = Output::unbounded();
    assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
}

#[cfg(feature = "std")]
#[test]
fn reading_from_a_source_loses_nothing_and_tells_a_full_memory_from_the_end() {
    use std::io::{Error, ErrorKind, Read, Result};

    /// A source that is interrupted before each read, and reads little.
    struct Source<'a> {
        bytes: &'a [u8],
        interrupted: bool,
    }

    impl Read for Source<'_> {
        fn read(&mut self, space: &mut [u8]) -> Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(Error::from(ErrorKind::WouldBlock));
            }
            let most = space.len().min(3);
            self.bytes.read(&mut space[..most])
        }
    }

    let frame = wire::frame(true, FIN | TEXT, b"Hello");
    let mut source = Source { bytes: &frame, interrupted: false };
    let mut input = Input::with([0; 8]);
    for count in [3, 3, 2] {
        let interrupted = input.read_from(&mut source).map_err(|error| error.kind());
        assert_eq!(interrupted, Err(ErrorKind::WouldBlock));
        assert_eq!(input.read_from(&mut source).unwrap(), count);
    }
    for _ in 0..2 {
        let full = input.read_from(&mut source).map_err(|error| error.kind());
        assert_eq!(full, Err(ErrorKind::StorageFull));
    }
    assert_eq!(input.unread(), &frame[..8]);

    let mut connection = established::<Server, _>(Fixed::<16>, Config::new());
    let mut out = Output::unbounded();
    assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
    let mut read = || loop {
        match input.read_from(&mut source) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            result => break result.unwrap(),
        }
    };
    assert_eq!((read(), read()), (3, 0), "the end of the stream");
    let (event, _) = connection.next_event(&mut input, &mut out).unwrap().expect("a message");
    assert_eq!(Seen::new(&event), Seen::Message(MessageKind::Text, b"Hello".to_vec()));
}

// Work.

/// Reads through `space`, and counts how many unread bytes it moves.
struct Counted<'a, M> {
    input: &'a mut Input<M>,
    moved: usize,
}

impl<M: InputMemory> Counted<'_, M> {
    fn read(&mut self, bytes: &mut &[u8], most: usize) -> usize {
        let before = place(self.input.unread());
        self.input.space();
        if place(self.input.unread()) != before {
            self.moved += self.input.unread().len();
        }
        // Asked again it moves nothing.
        let before = place(self.input.unread());
        let count = read(self.input, bytes, most);
        assert_eq!(place(self.input.unread()).0, before.0);
        count
    }

    /// Receives everything and returns how many messages there were.
    fn receive<R: Side, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        mut bytes: &[u8],
        step: usize,
    ) -> usize {
        let mut out = Output::unbounded();
        let mut messages = 0;
        while !bytes.is_empty() {
            assert!(self.read(&mut bytes, step) > 0, "no space");
            let mut events = connection.receive(&mut *self.input, &mut out);
            while let Some((event, _)) = events.next().expect("a valid stream") {
                messages += usize::from(matches!(event, Event::Message(_)));
            }
        }
        messages
    }
}

/// However much is read at a time, each byte is moved about once at most: twice where memory has to
/// double for it.
#[test]
fn work_is_linear_at_every_read_size() {
    let masks = true;
    let long = |length| wire::frame(masks, FIN | BINARY, &vec![7; length]);
    let streams = [
        wire::frame(masks, FIN | TEXT, b"short").repeat(3000),
        long(LONG).repeat(30),
        long(9000).repeat(20),
        [long(9000), wire::frame(masks, FIN | TEXT, b"short").repeat(1500)].concat().repeat(5),
        wire::frame(masks, FIN | TEXT, &[b'a'; 9000]).repeat(20),
    ];
    for bytes in streams {
        for step in [1, 6, 1000, 4095, 4096, 5000, 9014, 16_384, usize::MAX] {
            let limit = |moved| {
                assert!(moved <= bytes.len(), "{moved} of {} bytes, {step}", bytes.len());
            };
            each_memory!(9000, |input: &mut Input<_>| {
                let mut connection = established::<Server, _>(Fixed::<9000>, Config::new());
                let mut counted = Counted { input, moved: 0 };
                counted.receive(&mut connection, &bytes, step);
                limit(counted.moved);
            });
            each_memory!(20_000, |input: &mut Input<_>| {
                let mut connection = established::<Server, _>(Fixed::<9000>, Config::new());
                let mut counted = Counted { input, moved: 0 };
                counted.receive(&mut connection, &bytes, step);
                limit(counted.moved);
            });
        }
    }
}

/// A frame that fits where it is stays there, unless more than its length is consumed before it.
#[test]
fn a_frame_that_waits_is_not_moved_without_need() {
    let short = wire::frame(true, FIN | TEXT, &[b'a'; 94]);
    let long = wire::frame(true, FIN | BINARY, &[7; 15_000]);
    let bytes = [&short.repeat(30)[..], &long].concat();
    each_memory!(20_000, |input: &mut Input<_>| {
        let mut connection = established::<Server, _>(Fixed::<15_000>, Config::new());
        let mut counted = Counted { input, moved: 0 };
        let (first, rest) = bytes.split_at(10_000);
        assert_eq!(counted.receive(&mut connection, first, usize::MAX), 30);
        assert_eq!(counted.receive(&mut connection, rest, 500), 1);
        assert_eq!(counted.moved, 0);
    });
}

/// Work is linear for a caller that leaves some frames unread at each read, too.
#[test]
fn work_is_linear_for_a_caller_that_lags_behind() {
    fn check<M: InputMemory>(input: &mut Input<M>, behind: usize, step: usize) {
        let bytes = wire::frame(true, FIN | TEXT, &[b'a'; 94]).repeat(2000);
        let mut connection = established::<Server, _>(Fixed::<200>, Config::new());
        let mut out = Output::unbounded();
        let mut counted = Counted { input, moved: 0 };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            assert!(counted.read(&mut rest, step) > 0);
            while counted.input.unread().len() > behind {
                assert!(connection.next_event(counted.input, &mut out).unwrap().is_some());
            }
        }
        // Those that were there before count as well.
        let limit = bytes.len() + behind;
        assert!(counted.moved <= limit, "{} of {limit} bytes moved, {step}", counted.moved);
    }
    for step in [100, 400, 1000] {
        each_memory!(20_000, |input: &mut Input<_>| check(input, 5000, step));
        // Less than there is at least where memory grows.
        let mut memory = vec![0; 3000];
        check(&mut Input::with(&mut memory[..]), 1000, step);
        #[cfg(feature = "alloc")]
        for behind in [4200, 7000, 9000, 20_000] {
            check(&mut Input::new(), behind, step);
            // From memory without any space.
            let mut released = Input::new();
            released.push(&wire::frame(true, FIN | TEXT, &[b'a'; 94]).repeat(behind / 100));
            released.release();
            check(&mut released, behind, step);
        }
    }
}

// Time.

/// All bytes count as a sign of life when they are received, whatever takes the events.
#[test]
fn deadlines_are_counted_from_the_last_byte() {
    let ms = Duration::from_millis;
    for length in [5, 200, LONG, 5000] {
        for kind in [TEXT, BINARY] {
            let frame = wire::frame(true, FIN | kind, &vec![b'a'; length]);
            let middle = frame.len() / 2;
            let parts = [&frame[..1], &frame[1..2], &frame[2..middle], &frame[middle..]];
            for way in [Way::All, Way::Forget(usize::MAX), Way::OneByOne(1)] {
                each_memory!(6000, |input: &mut Input<_>| {
                    let config = Config::new().keep_alive(ms(100), ms(10));
                    let connection = established::<Server, _>(Fixed::<5000>, config);
                    let mut driver = Driver::new(connection, Output::unbounded());
                    let mut now = 0;
                    for part in parts.into_iter().chain([&frame[..1]]) {
                        driver.connection.tick(ms(now), &mut driver.out).unwrap();
                        input.push(part);
                        way.take(&mut driver, input);
                        let next = Some(ms(now + 100));
                        assert_eq!(driver.connection.next_timeout(), next, "{way:?}");
                        // To ask again without a byte is no sign of life, also while a frame waits.
                        driver.connection.tick(ms(now + 50), &mut driver.out).unwrap();
                        way.take(&mut driver, input);
                        assert_eq!(driver.connection.next_timeout(), next, "{way:?}");
                        now += 90;
                    }
                    assert_eq!((driver.seen.len(), &driver.out.bytes[..]), (1, &b""[..]));
                });
            }
        }
    }
}

/// So do those that keep a connection from being idle.
#[test]
fn bytes_that_wait_are_activity_once() {
    let ms = Duration::from_millis;
    let frame = wire::frame(true, FIN | BINARY, &[7; 5000]);
    each_memory!(6000, |input: &mut Input<_>| {
        let config = Config::new().idle_timeout(ms(100));
        let connection = established::<Server, _>(Fixed::<5000>, config);
        let mut driver = Driver::new(connection, Output::unbounded());
        for (part, now) in [(&frame[..20], 0), (&frame[20..4000], 60), (b"", 120)] {
            driver.connection.tick(ms(now), &mut driver.out).unwrap();
            input.push(part);
            Way::All.take(&mut driver, input);
        }
        assert_eq!(driver.connection.next_timeout(), Some(ms(160)));
        assert_eq!(input.unread().len(), 4000 - 8);
    });
}

// Another kind of chunk.

/// A frame that waits, the first bytes of it unread in the input.
fn waiting<R: Side, S: Storage, M: InputMemory>(
    connection: &mut Connection<R, S>,
    input: &mut Input<M>,
    bytes: &[u8],
) {
    assert_eq!(input.push(bytes), bytes.len());
    let mut out = Output::unbounded();
    assert!(connection.next_event(input, &mut out).unwrap().is_none());
    assert!(input.unread().len() > 3000, "{} bytes wait", input.unread().len());
}

/// What waits can be passed on in a slice: it is unmasked already, as far as it has arrived.
#[test]
fn a_frame_that_waits_can_be_received_from_a_slice_instead() {
    fn check<R: Side>(cut: usize, in_place: bool) {
        let payload: Vec<u8> = (0..=250).cycle().take(5000).collect();
        let frame = wire::frame(R::PEER_MASKS, FIN | BINARY, &payload);
        let mut connection = established::<R, _>(Fixed::<5000>, Config::new());
        let mut input = Input::with([0; 6000]);
        waiting(&mut connection, &mut input, &frame[..cut]);
        let chunk = [input.unread(), &frame[cut..], b"\x89"].concat();
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed(&chunk, in_place);
        let message = Seen::Message(MessageKind::Binary, payload);
        assert_eq!((&driver.seen[..], driver.consumed), (&[message][..], chunk.len()));
    }
    for cut in [4000, 4500, 5003] {
        for in_place in [true, false] {
            check::<Server>(cut, in_place);
            check::<Client<Script>>(cut, in_place);
        }
    }
}

/// A smaller input takes it over, and so do the bytes of a slice that ends with those that waited.
#[test]
fn a_frame_that_waits_can_be_received_in_parts_instead() {
    let payload: Vec<u8> = (0..=250).cycle().take(5000).collect();
    let frame = wire::frame(true, FIN | BINARY, &payload);
    let mut connection = established::<Server, _>(Fixed::<5000>, Config::new());
    let mut input = Input::with([0; 6000]);
    waiting(&mut connection, &mut input, &frame[..4500]);
    let mut smaller = Input::with([0; 4990]);
    assert_eq!(smaller.push(input.unread()), 4500 - 8);
    let mut driver = Driver::new(connection, Output::unbounded());
    run(&mut driver, &mut smaller, &frame[4500..], &[(usize::MAX, Way::All)]);
    assert_eq!(driver.seen, [Seen::Message(MessageKind::Binary, payload)]);
}

/// A chunk without the bytes that wait changes nothing: an empty one can be passed at any time.
#[test]
fn fewer_bytes_than_wait_change_nothing() {
    fn check<R: Side>(fewer: usize) {
        let payload: Vec<u8> = (0..=250).cycle().take(5000).collect();
        let frame = wire::frame(R::PEER_MASKS, FIN | BINARY, &payload);
        let mut connection = established::<R, _>(Fixed::<5000>, Config::new());
        let mut input = Input::with([0; 6000]);
        waiting(&mut connection, &mut input, &frame[..4500]);
        let mut out = Output::unbounded();
        let mut part = input.unread()[..fewer].to_vec();
        let mut events = connection.receive(&part[..], &mut out);
        assert!(events.next().unwrap().is_none());
        assert_eq!((events.consumed(), events.remaining().len()), (0, fewer));
        let mut events = connection.receive(&mut part[..], &mut out);
        assert!(events.next().unwrap().is_none());
        assert_eq!((events.consumed(), events.remaining().len()), (0, fewer));
        let mut smaller = Input::with([0; 4990]);
        smaller.push(&part);
        assert!(connection.next_event(&mut smaller, &mut out).unwrap().is_none());
        assert_eq!(smaller.unread(), part);

        input.push(&frame[4500..]);
        let (event, _) = connection.next_event(&mut input, &mut out).unwrap().expect("a message");
        assert_eq!(Seen::new(&event), Seen::Message(MessageKind::Binary, payload));
    }
    for fewer in [0, 1, 2, 3, 4000, 4491] {
        check::<Server>(fewer);
        check::<Client<Script>>(fewer);
    }
}

#[cfg(feature = "alloc")]
mod on_the_heap {
    use sansocket::OwnedMessage;

    use super::common::heap::measure;
    use super::*;

    /// `next_message` finds the same messages and sends the same.
    fn check_messages<R: Side>(
        conversation: &Conversation,
        config: Config,
        turns: &[(usize, Way)],
        memory: usize,
    ) -> Result<(), TestCaseError> {
        let bytes = conversation.bytes::<R>();
        let connection = || established::<R, _>(Heap, config);
        let mut whole = Driver::new(connection(), Output::unbounded());
        whole.feed(&bytes, true);
        let expected = whole.seen.iter().filter(|seen| matches!(seen, Seen::Message(..)));

        let mut input = Input::with(vec![0; memory]).retain(memory);
        let (mut connection, mut out) = (connection(), Output::unbounded());
        let (mut messages, mut rest, mut error) = (vec![], &bytes[..], None);
        let mut keep = |message: OwnedMessage| {
            let kind = message.as_message().kind();
            messages.push(Seen::Message(kind, message.into_bytes()));
        };
        'turns: for (most, way) in turns.iter().copied().cycle() {
            let was_all = rest.is_empty();
            read(&mut input, &mut rest, most);
            let (in_events, most) = match way {
                Way::All => (true, usize::MAX),
                Way::Drop(count) | Way::Forget(count) => (true, count),
                Way::OneByOne(count) => (false, count),
            };
            let mut events = connection.receive(&mut input, &mut out);
            let mut asked_again = false;
            if in_events {
                for _ in 0..most {
                    match events.next_message() {
                        Ok(Some(message)) => keep(message),
                        Ok(None) if asked_again => break,
                        Ok(None) => asked_again = true,
                        Err(failure) => {
                            error = Some(failure);
                            break 'turns;
                        }
                    }
                }
                if let Way::Forget(_) = way {
                    core::mem::forget(events);
                }
            } else {
                for _ in 0..most {
                    match connection.next_message(&mut input, &mut out) {
                        Ok(Some(message)) => keep(message),
                        Ok(None) => break,
                        Err(failure) => {
                            error = Some(failure);
                            break 'turns;
                        }
                    }
                }
            }
            if was_all && way == Way::All {
                break;
            }
        }
        prop_assert_eq!(messages, expected.cloned().collect::<Vec<_>>());
        prop_assert_eq!((error, out.bytes), (whole.error, whole.out.bytes));
        Ok(())
    }

    proptest! {
        #![proptest_config(common::settings(REGRESSIONS))]

        #[test]
        fn the_messages_are_the_same_when_they_are_owned(
            conversation in any_conversation(),
            config in any_config(),
            turns in any_turns(),
            memory in prop_oneof![0..40usize, LONG..20_000usize],
        ) {
            let config = config.delivery(Delivery::Whole);
            check_messages::<Server>(&conversation, config, &turns, memory)?;
            check_messages::<Client<Script>>(&conversation, config, &turns, memory)?;
        }
    }

    #[test]
    fn a_header_that_declares_16_mib_reserves_nothing() {
        for length in [16 << 20, 1 << 40, i64::MAX.unsigned_abs()] {
            let config = Config::new().max_frame(u64::MAX).max_message(u64::MAX);
            let mut connection = established::<Server, _>(Heap, config);
            let mut out = Output::unbounded();
            let mut input = Input::new();
            input.push(&wire::header(true, FIN | BINARY, length));
            let first = input.capacity();
            assert_eq!(first, 16 << 10);
            let (_, usage) = measure(|| {
                assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
                assert!(input.space().len() >= LONG);
                // A part of the payload that fits as well.
                input.fill(LONG);
                assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
                assert!(input.space().len() >= LONG);
            });
            assert_eq!((usage.calls, input.capacity()), (0, first), "{length} bytes declared");
        }
    }

    /// At most twice the bytes that have arrived, however long the frame is.
    #[test]
    fn memory_grows_with_the_bytes_that_arrived() {
        for step in [100, 5000, usize::MAX] {
            let mut connection = established::<Server, _>(Heap, Config::new());
            let mut out = Output::unbounded();
            let mut input = Input::new();
            let mut arrived = input.push(&wire::header(true, FIN | BINARY, 16 << 20));
            let (_, usage) = measure(|| {
                while arrived < 1 << 20 {
                    assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
                    let space = input.space().len();
                    let capacity = input.capacity();
                    assert!(capacity <= (2 * arrived).max(16 << 10), "{capacity} for {arrived}");
                    let count = space.min(step);
                    input.fill(count);
                    arrived += count;
                }
            });
            // While it grows, the old memory is there as well.
            assert!(usage.peak <= 3 << 20, "{usage:?}");
            assert!(usage.asked <= 6 << 20, "{usage:?}");
            assert_eq!(connection.buffered(), 0);
        }
    }

    /// Bytes that nobody consumes are kept, at a cost that is linear: memory doubles for them.
    #[test]
    fn bytes_that_pile_up_are_kept_at_a_linear_cost() {
        const TOTAL: usize = 2 << 20;
        let bytes: Vec<u8> = (0..=250).cycle().take(TOTAL).collect();
        for step in [1000, LONG, 70_000, TOTAL] {
            let mut input = Input::new();
            let (_, usage) = measure(|| {
                for part in bytes.chunks(step) {
                    assert_eq!(input.push(part), part.len());
                }
            });
            assert!(input.unread() == bytes);
            assert!(usage.asked <= 5 * TOTAL as u64, "{usage:?}, parts of {step}");
            assert!(input.capacity() <= 2 * TOTAL + LONG, "{}", input.capacity());

            // Behind a frame that lacked only one byte.
            let mut connection = established::<Server, _>(Heap, Config::new());
            let mut out = Output::unbounded();
            let frame = wire::frame(true, FIN | BINARY, &[7; 5000]);
            let mut input = Input::new();
            input.push(&frame[..frame.len() - 1]);
            assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
            let (_, usage) = measure(|| {
                for part in bytes.chunks(step) {
                    assert_eq!(input.push(part), part.len());
                }
            });
            assert!(usage.asked <= 5 * TOTAL as u64, "{usage:?}, parts of {step}");

            // As while a request waits for its answer, and the caller reads on.
            let mut connection = Connection::server(Config::new());
            let mut out = Output::unbounded();
            let mut input = Input::new();
            input.push(Server::HEADS[0].as_bytes());
            assert!(connection.next_event(&mut input, &mut out).unwrap().is_some());
            let mut counted = Counted { input: &mut input, moved: 0 };
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                assert!(counted.read(&mut rest, step) > 0);
                assert!(connection.next_event(counted.input, &mut out).unwrap().is_none());
            }
            assert!(counted.moved <= 2 * TOTAL, "{} bytes moved, parts of {step}", counted.moved);
            assert!(input.unread() == bytes);
        }
    }

    /// A long message is moved only as memory doubles for it.
    #[test]
    fn work_is_linear_where_memory_grows() {
        let frame = wire::frame(true, FIN | BINARY, &[7; 1 << 20]);
        let bytes = [&frame[..], &wire::frame(true, FIN | TEXT, b"short").repeat(1000)].concat();
        let bytes = bytes.repeat(2);
        for step in [100, LONG, 70_000, usize::MAX] {
            let mut connection = established::<Server, _>(Heap, Config::new());
            let mut input = Input::new();
            let mut counted = Counted { input: &mut input, moved: 0 };
            let (messages, usage) = measure(|| counted.receive(&mut connection, &bytes, step));
            assert_eq!(messages, 2002);
            assert!(counted.moved <= 2 * bytes.len(), "{} bytes moved, {step}", counted.moved);
            assert!(usage.asked <= 5 * bytes.len() as u64, "{usage:?}, {step}");
        }
    }

    #[test]
    fn what_is_kept_after_a_long_message_is_what_was_asked_for() {
        for retain in [0, 20_000, 64 << 10, 4 << 20] {
            let frame = wire::frame(true, FIN | BINARY, &[7; 1 << 20]);
            let mut connection = established::<Server, _>(Heap, Config::new());
            let mut input = Input::new().retain(retain);
            let mut counted = Counted { input: &mut input, moved: 0 };
            assert_eq!(counted.receive(&mut connection, &frame, usize::MAX), 1);
            let longest = input.capacity();
            assert!(longest >= 1 << 20);
            let (_, usage) = measure(|| input.space().len());
            let kept = if longest > 2 * retain { retain.max(16 << 10) } else { longest };
            assert_eq!((input.capacity(), input.space().len()), (kept, kept), "{retain}");
            let given_back = i64::try_from(longest - kept).expect("a length in a test");
            assert_eq!(usage.held, -given_back, "{retain}");
            // It does not shrink and grow in turn.
            let (_, usage) = measure(|| {
                for _ in 0..10 {
                    input.space();
                    input.fill(0);
                }
            });
            assert_eq!(usage.calls, 0);
        }
    }

    #[test]
    fn release_gives_everything_back_that_holds_no_unread_byte() {
        let mut connection = established::<Server, _>(Heap, Config::new());
        let frame = wire::frame(true, FIN | BINARY, &[7; 1 << 20]);
        let (mut input, usage) = measure(|| {
            let mut input = Input::new();
            let mut counted = Counted { input: &mut input, moved: 0 };
            counted.receive(&mut connection, &frame, usize::MAX);
            input
        });
        let ((), released) = measure(|| input.release());
        assert_eq!((usage.held + released.held, input.capacity()), (0, 0));

        // A part of a frame stays, and goes on.
        let mut out = Output::unbounded();
        input.push(&frame[..500_000]);
        assert!(connection.next_event(&mut input, &mut out).unwrap().is_none());
        input.release();
        assert_eq!((input.capacity(), input.unread().len()), (500_000 - 14, 500_000 - 14));
        input.push(&frame[500_000..]);
        let message = connection.next_message(&mut input, &mut out).unwrap();
        assert_eq!(message, Some(OwnedMessage::Binary(vec![7; 1 << 20])));
        assert_eq!((input.unread(), connection.transport()), (&b""[..], TransportAction::Read));
    }

    /// An input that is not used holds nothing.
    #[test]
    fn a_new_input_holds_nothing() {
        let (input, usage) = measure(Input::new);
        assert_eq!((usage.calls, input.capacity()), (0, 0));
    }
}

/// What an input shows of itself is not what is in it.
#[test]
fn an_input_does_not_show_its_bytes() {
    let mut input = Input::with([0; 10]);
    input.push(b"secret");
    assert_eq!(format!("{input:?}"), "Input { unread: 6, capacity: 10 }");
}

/// Text whose first bad byte arrives late is refused there, as from slices, though a binary message
/// would wait.
#[test]
fn bad_text_is_refused_at_its_first_byte() {
    let mut text = vec![b'a'; 5000];
    text[4500] = 0xFF;
    let frame = wire::frame(true, FIN | TEXT, &text);
    each_memory!(6000, |input: &mut Input<_>| {
        let mut connection = established::<Server, _>(Fixed::<5000>, Config::new());
        let mut out = Output::unbounded();
        input.push(&frame[..4508]);
        assert!(connection.next_event(input, &mut out).unwrap().is_none());
        assert_eq!(connection.transport(), TransportAction::Read);
        input.push(&frame[4508..4509]);
        assert!(connection.next_event(input, &mut out).unwrap().is_none());
        assert_eq!(connection.transport(), TransportAction::Close);
        let error = connection.next_event(input, &mut out).map(|_| ()).unwrap_err();
        assert_eq!(error, Error::InvalidUtf8 { offset: 4500 });
    });
}

/// Fragments are collected, with control frames between them.
#[test]
fn fragments_are_joined() {
    let frames = [
        wire::frame(true, BINARY, &[1; LONG]),
        wire::frame(true, FIN | PING, b"?"),
        wire::frame(true, CONTINUATION, &[2; LONG]),
        wire::frame(true, FIN | CONTINUATION, &[3; LONG]),
    ];
    let payload = [[1; LONG], [2; LONG], [3; LONG]].concat();
    for step in [1, 1000, usize::MAX] {
        each_memory!(5000, |input: &mut Input<_>| {
            let connection = established::<Server, _>(Fixed::<{ 3 * LONG }>, Config::new());
            let mut driver = Driver::new(connection, Output::unbounded());
            run(&mut driver, input, &frames.concat(), &[(step, Way::All)]);
            let message = Seen::Message(MessageKind::Binary, payload.clone());
            assert_eq!(driver.seen, [Seen::Ping(b"?".to_vec()), message]);
        });
    }
}

/// In pieces nothing waits, and each piece is lent.
#[test]
fn pieces_are_lent_from_the_input() {
    let payload: Vec<u8> = (0..=250).cycle().take(9000).collect();
    let frame = wire::frame(true, FIN | BINARY, &payload);
    let config = Config::new().delivery(Delivery::Streaming);
    for step in [1, 1000, usize::MAX] {
        each_memory!(5000, |input: &mut Input<_>| {
            let mut connection = opened::<Server, _>(Fixed::<400>, config);
            let mut out = Output::unbounded();
            let (mut rest, mut joined) = (&frame[..], vec![]);
            while !rest.is_empty() {
                read(input, &mut rest, step);
                let memory = place(input.unread());
                let mut events = connection.receive(&mut *input, &mut out);
                while let Some((event, _)) = events.next().unwrap() {
                    let Event::Piece(piece) = event else { panic!("{event:?}") };
                    let (start, end) = place(piece.data);
                    assert!(memory.0 <= start && end == memory.1);
                    joined.extend_from_slice(piece.data);
                }
                assert_eq!(events.remaining(), b"");
            }
            assert_eq!(joined, payload);
        });
    }
}

/// An echo is sent while the message is lent.
#[test]
fn a_message_is_sent_back_from_where_it_is() {
    let frame = wire::frame(true, FIN | BINARY, &[7; 5000]);
    let mut connection = established::<Server, _>(Fixed::<5000>, Config::new());
    let mut out = Output::unbounded();
    each_memory!(6000, |input: &mut Input<_>| {
        input.push(&frame[..3000]);
        assert!(connection.next_event(input, &mut out).unwrap().is_none());
        input.push(&frame[3000..]);
        let Some((Event::Message(message @ Message::Binary(_)), mut reply)) =
            connection.next_event(input, &mut out).unwrap()
        else {
            panic!("no message");
        };
        reply.send(message).unwrap();
        assert_eq!(out.take(), wire::frame(false, FIN | BINARY, &[7; 5000]));
    });
}
