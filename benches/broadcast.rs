//! What it costs to send one message to many connections: `cargo bench --bench broadcast`.
//!
//! A message of 1 KiB of JSON goes to 10,000 connections of a server, each with an output of its
//! own, and another message in the next round. `send` sends it on each, `send_prepared` prepares it
//! once in each round, and `lend_prepared` lends it for a vectored write.
//!
//! Compression is measured with two agreements: windows of 32 KiB without context takeover, where the
//! connections share their compressor, and windows of 1 KiB with takeover, where each connection that
//! sends messages of its own has a compressor.

extern crate alloc;

use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt::Write as _;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sansocket::deflate::{Codecs, DeflateParams, WindowBits};
use sansocket::{Config, Connection, Heap, Prepared, Server, Shared, Storage};

const CONNECTIONS: usize = 10_000;

/// The length of a message, in bytes.
const LENGTH: usize = 1024;

const LEVEL: u8 = 6;

fn main() {
    divan::main();
}

/// How a message is sent to all connections.
#[derive(Clone, Copy, Debug)]
enum Way {
    Send,
    SendPrepared,
    LendPrepared,
}

const WAYS: [Way; 3] = [Way::Send, Way::SendPrepared, Way::LendPrepared];

/// Connections with their outputs.
struct Broadcaster<S: Storage> {
    connections: Vec<(Connection<Server, S>, Vec<u8>)>,
    window: Option<WindowBits>,
    round: u32,
}

impl<S: Storage> Broadcaster<S> {
    fn new(storage: impl Fn() -> S, params: Option<DeflateParams>) -> Self {
        let connection =
            || Connection::established_in(storage(), Server, params, Config::new().retain(0));
        let connections = (0..CONNECTIONS).map(|_| (connection(), Vec::with_capacity(2 * LENGTH)));
        let window = params.map(|params| params.server_max_window_bits);
        Self { connections: connections.collect(), window, round: 0 }
    }

    /// Sends the next message, and returns how many bytes are to be written.
    fn broadcast(&mut self, way: Way) -> usize {
        self.round += 1;
        let message = message(self.round);
        let prepared = match way {
            Way::Send => None,
            Way::SendPrepared | Way::LendPrepared => {
                let plain = Prepared::new(&message);
                Some(match self.window {
                    Some(window) => plain.compress(window, LEVEL),
                    None => plain,
                })
            }
        };
        let mut total = 0;
        for (connection, out) in &mut self.connections {
            out.clear();
            let mut sender = connection.sender(out);
            match (way, &prepared) {
                (Way::LendPrepared, Some(prepared)) => {
                    let bytes = sender.lend_prepared(prepared).expect("the connection is open");
                    total += black_box(bytes).len();
                }
                (_, Some(prepared)) => {
                    sender.send_prepared(prepared).expect("the connection is open");
                }
                (_, None) => sender.send(&message).expect("the connection is open"),
            }
            total += black_box(out).len();
        }
        total
    }

    fn bench(mut self, bencher: Bencher<'_, '_>, way: Way) {
        let counter = ItemsCount::new(CONNECTIONS);
        bencher.counter(counter).bench_local(|| {
            let total = self.broadcast(way);
            let is_compressed = total < CONNECTIONS * LENGTH * 2 / 3;
            assert_eq!(is_compressed, self.window.is_some(), "{total} bytes");
        });
    }
}

/// A message of JSON whose values depend on the round.
fn message(round: u32) -> String {
    let mut text = String::with_capacity(LENGTH + 100);
    let mut random = u64::from(round);
    text.push_str(r#"{"channel":"trades","trades":["#);
    while text.len() < LENGTH - 1 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
        let (id, price, amount) = (random >> 34, random >> 20 & 0xFFFF, random >> 50);
        let side = if random >> 33 & 1 == 0 { "buy" } else { "sell" };
        let trade = r#""symbol":"BTC-EUR","side":"#;
        write!(text, r#"{{"id":{id},{trade}"{side}","price":{price}.25,"amount":{amount}}},"#)
            .expect("a string takes it");
    }
    text.truncate(LENGTH);
    text
}

#[divan::bench(args = WAYS, sample_count = 50, sample_size = 1)]
fn plain(bencher: Bencher<'_, '_>, way: Way) {
    Broadcaster::new(|| Heap, None).bench(bencher, way);
}

#[divan::bench(args = WAYS, sample_count = 20, sample_size = 1)]
fn compressed_without_takeover(bencher: Bencher<'_, '_>, way: Way) {
    let params = DeflateParams { server_no_context_takeover: true, ..DeflateParams::default() };
    let codecs = Rc::new(RefCell::new(Codecs::new(1)));
    Broadcaster::new(|| Shared::new(codecs.clone()), Some(params)).bench(bencher, way);
}

#[divan::bench(args = WAYS, sample_count = 20, sample_size = 1)]
fn compressed_with_takeover(bencher: Bencher<'_, '_>, way: Way) {
    let window = WindowBits::new(10).expect("from 8 to 15");
    let params = DeflateParams { server_max_window_bits: window, ..DeflateParams::default() };
    Broadcaster::new(|| Heap, Some(params)).bench(bencher, way);
}
