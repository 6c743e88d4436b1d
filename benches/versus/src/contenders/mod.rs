//! The contenders, a file each.

mod embedded_websocket;
mod fastwebsockets;
mod floor;
mod sansocket;
mod shiguredo_websocket;
mod sockudo_ws;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod ws_framer;
mod wtx;
mod yawc;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::entrant::Entrant;
use crate::machine;
use crate::works::Work;

/// What a contender is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Peer,
    /// What the hardware allows: the least that any library has to do.
    Floor,
}

/// One column of the table.
pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether its driver here checks that texts are UTF-8, as it does not.
    pub needs_utf8_check: bool,
    pub enter: Enter,
}

impl Contender {
    /// The version of its package, if it has one.
    pub fn version(&self) -> &'static str {
        // Every build of sansocket is of the same source.
        let package = if self.kind == Kind::Ours { "sansocket" } else { self.name };
        machine::version(package).unwrap_or("—")
    }
}

/// Gives a contender a work, if it can do it.
pub type Enter = fn(&Arc<Work>) -> Option<Box<dyn Entrant>>;

/// All contenders, in the order of the table.
pub const ALL: &[Contender] = &[
    ours("sansocket", sansocket::with_simd),
    ours("sansocket-plain", sansocket::without_simd),
    ours("sansocket-zlib-rs", sansocket::with_zlib_rs),
    peer("tungstenite", tungstenite::enter),
    peer("fastwebsockets", fastwebsockets::enter),
    peer("tokio-websockets", tokio_websockets::enter),
    Contender { needs_utf8_check: true, ..peer("soketto", soketto::enter) },
    peer("wtx", wtx::enter),
    peer("yawc", yawc::enter),
    Contender { needs_utf8_check: true, ..peer("web-socket", web_socket::enter) },
    peer("sockudo-ws", sockudo_ws::enter),
    peer("ws-framer", ws_framer::enter),
    Contender { needs_utf8_check: true, ..peer("embedded-websocket", embedded_websocket::enter) },
    peer("shiguredo_websocket", shiguredo_websocket::enter),
    Contender { kind: Kind::Floor, ..peer("floor", floor::enter) },
];

const fn ours(name: &'static str, enter: Enter) -> Contender {
    Contender { name, kind: Kind::Ours, needs_utf8_check: false, enter }
}

const fn peer(name: &'static str, enter: Enter) -> Contender {
    Contender { name, kind: Kind::Peer, needs_utf8_check: false, enter }
}

/// Runs a future whose transport never makes it wait, without the cost of a runtime.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // Some yield now and then to let others run, though there are none.
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// The contender with this name.
pub fn named(name: &str) -> Option<&'static Contender> {
    ALL.iter().find(|contender| contender.name == name)
}
