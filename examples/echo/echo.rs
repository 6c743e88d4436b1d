//! What is said on a connection: every message goes back to where it came from.
//!
//! This is where input costs time, so it is taken in steps, and the clock is read after each. What
//! a step can cost:
//!
//! - Bytes that are not compressed take about the same time each, a nanosecond of a long message
//!   to 15 ns of a frame without payload. A step is all that was read at once.
//! - A compressed byte can become 1,032 bytes of a message, or take a microsecond to say nothing.
//!   A step is [`SLICE`] bytes.
//! - Compressing takes longer than all else. A step is one message, of [`MAX_COMPRESSED`] bytes at
//!   most.
//! - A message is copied to the output in one step, whatever its length.

use std::time::Instant;

use sansocket::{
    Accept, Compression, Connection, Error, Event, Fragment, Heap, Sender, Server, State,
    TransportAction,
};

use crate::backlog::Backlog;
use crate::budget::Budget;
use crate::page;

/// How much of the input is received in one step where it can be compressed, in bytes.
const SLICE: usize = 1 << 10;

/// A longer message goes back uncompressed, in bytes.
const MAX_COMPRESSED: usize = 32 << 10;

/// How many bytes may wait to be written before receiving stops. The echo of one more message can
/// come on top of that.
pub(crate) const HIGH_WATER: usize = 1 << 20;

/// Receives `input` and answers what is in it, until the budget is spent, the output is too long
/// or TCP is to be closed. Returns how many bytes are consumed; pass the others again.
pub(crate) fn receive<C: Fn() -> Instant>(
    connection: &mut Connection<Server, Heap>,
    input: &mut [u8],
    output: &mut Backlog,
    budget: &Budget<C>,
) -> Result<usize, Error> {
    let mut consumed = 0;
    while consumed < input.len() && connection.transport() != TransportAction::Close {
        let rest = &mut input[consumed..];
        let length = rest.len().min(step_length(connection));
        let taken = step(connection, &mut rest[..length], output, budget)?;
        consumed += taken;
        if taken < length || output.len() >= HIGH_WATER || budget.is_spent() {
            break;
        }
    }
    Ok(consumed)
}

/// How many bytes of input one step may take.
fn step_length(connection: &Connection<Server, Heap>) -> usize {
    match connection.deflate_params() {
        None if connection.state() == State::Open => usize::MAX,
        // Before the opening handshake is done, it is not known what follows it in the same input.
        _ => SLICE,
    }
}

/// Receives `input` and answers what is in it; returns how many bytes are consumed.
fn step<C: Fn() -> Instant>(
    connection: &mut Connection<Server, Heap>,
    input: &mut [u8],
    output: &mut Backlog,
    budget: &Budget<C>,
) -> Result<usize, Error> {
    let compresses = connection.deflate_params().is_some();
    let mut events = connection.receive(input, output);
    while let Some((event, mut reply)) = events.next()? {
        answer(event, &mut reply)?;
        // The clock is not read for messages that take less time than that.
        let is_enough = events.out().len() >= HIGH_WATER || compresses && budget.is_spent();
        // Not at the end of the input, where little can still be to come, or an error.
        if is_enough && !events.remaining().is_empty() {
            break;
        }
    }
    Ok(events.consumed())
}

/// What an echo server does.
fn answer(event: Event<'_>, reply: &mut Sender<'_, Server, Heap, Backlog>) -> Result<(), Error> {
    match event {
        Event::Request(_) => reply.accept(Accept::new())?,
        Event::Http(request) => reply.respond(&page::response(&request))?,
        Event::Message(message) if message.as_bytes().len() > MAX_COMPRESSED => {
            reply.by_ref().compression(Compression::Never).send(message)?;
        }
        Event::Message(message) => reply.send(message)?,
        Event::Piece(piece) => match (piece.fragment(), piece.data) {
            // The message goes on without it.
            (Fragment::Middle, []) => {}
            (fragment, data) => reply.send_fragment(fragment, data)?,
        },
        // Pings and close frames are answered by the connection itself.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use sansocket::deflate::DeflateParams;
    use sansocket::{Config, DeflateConfig};

    use super::*;

    /// An hour passes whenever the clock is read, so each turn is one step.
    fn hours() -> impl Fn() -> Instant {
        let (start, count) = (Instant::now(), Cell::new(0));
        move || {
            count.set(count.get() + 1);
            start + Duration::from_secs(3600) * count.get()
        }
    }

    fn stopped() -> impl Fn() -> Instant {
        let now = Instant::now();
        move || now
    }

    fn connection(deflate: bool) -> Connection<Server, Heap> {
        let params = deflate.then(DeflateParams::default);
        Connection::established(Server, params, Config::new().deflate(DeflateConfig::new()))
    }

    /// A frame with the mask 0.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(length @ 0..126), _) => frame.push(0x80 | length),
            (_, Ok(length)) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    /// Receives turn by turn, and returns the output and how many turns it took.
    fn turns<C: Fn() -> Instant>(
        connection: &mut Connection<Server, Heap>,
        mut input: &mut [u8],
        clock: impl Fn() -> C,
        mut each: impl FnMut(&Connection<Server, Heap>, usize),
    ) -> (Vec<u8>, usize) {
        let (mut output, mut turns) = (Backlog::default(), 0);
        while !input.is_empty() {
            let budget = Budget::by(clock());
            let consumed = receive(connection, input, &mut output, &budget).expect("valid");
            assert!(consumed > 0, "a turn in which nothing happens");
            each(connection, consumed);
            input = &mut input[consumed..];
            turns += 1;
        }
        (output.as_slice().to_vec(), turns)
    }

    #[test]
    fn compressed_input_is_taken_in_slices() {
        let blocks = crate::tests::nearly_empty_blocks(25);
        let mut input = frame(0x42, &blocks);
        let (output, turns) = turns(&mut connection(true), &mut input, hours, |_, consumed| {
            assert!(consumed <= SLICE, "{consumed} bytes in a step");
        });
        assert!(output.is_empty());
        assert_eq!(turns, input.len().div_ceil(SLICE));
    }

    #[test]
    fn a_slice_grows_a_message_by_a_bounded_length() {
        // A block of fixed codes without end: a literal 0, then matches of 258 bytes, 13 bits each.
        let mut bits = vec![0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
        for _ in 0..10_000 {
            bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
        }
        let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
        let bomb: Vec<u8> = bits.chunks(8).map(byte).collect();
        let mut input = frame(0x42, &bomb);
        let mut last = 0;
        let mut connection = connection(true);
        turns(&mut connection, &mut input, hours, |connection, _| {
            let buffered = connection.buffered();
            assert!(buffered <= 2 * (last + SLICE * 1032), "{last} bytes become {buffered}");
            last = buffered;
        });
        assert!(last > 10_000 * 258, "{last} bytes");
    }

    #[test]
    fn a_turn_ends_behind_a_message_that_was_compressed() {
        let mut input = frame(0x82, &[b'a'; 100]).repeat(15);
        let (_, with) = turns(&mut connection(true), &mut input.clone(), hours, |_, _| {});
        let (_, without) = turns(&mut connection(false), &mut input, hours, |_, _| {});
        assert_eq!((with, without), (15, 1));
    }

    #[test]
    fn nothing_is_lost_between_turns() {
        let mut input = Vec::new();
        for length in [0, 1, 70, 125, 126, 1000, 5000, 70_000, 200_000] {
            input.extend(frame(0x82, &vec![b'x'; length]));
            input.extend(frame(0x89, b"ping"));
        }
        for deflate in [false, true] {
            let at_once = turns(&mut connection(deflate), &mut input.clone(), stopped, |_, _| {});
            let one_by_one = turns(&mut connection(deflate), &mut input.clone(), hours, |_, _| {});
            assert!(at_once.0 == one_by_one.0, "the outputs differ");
            assert_eq!(at_once.1, 1);
        }
    }

    #[test]
    fn a_long_message_goes_back_uncompressed() {
        for (length, first) in [(MAX_COMPRESSED, 0xC2), (MAX_COMPRESSED + 1, 0x82)] {
            let mut input = frame(0x82, &vec![0; length]);
            let (output, _) = turns(&mut connection(true), &mut input, stopped, |_, _| {});
            assert_eq!(output[0], first, "{length} bytes");
        }
    }

    #[test]
    fn no_more_is_received_while_much_waits_to_be_written() {
        for deflate in [false, true] {
            let mut input = frame(0x82, &vec![7; 600_000]).repeat(3);
            let length = input.len() / 3;
            let mut output = Backlog::default();
            let budget = Budget::by(stopped());
            let consumed = receive(&mut connection(deflate), &mut input, &mut output, &budget);
            assert!((2 * length..2 * length + SLICE).contains(&consumed.expect("valid")));
            assert!((HIGH_WATER..2 * length).contains(&output.len()));
        }
    }
}
