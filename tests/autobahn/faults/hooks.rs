//! Faults from closures: one hook of [`Inject`] each.

use super::inject::{Fate, Inject};
use super::parts::{Frame, Header};
use crate::case::Kind;
use crate::subject::{Answer, Application};

pub(super) type Injection = Box<dyn Inject>;

/// Rewrites the opening handshake's head that the implementation gets.
pub(super) fn on_head_in(rewrite: impl FnMut(&mut String) + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(&mut String)> Inject for Hook<F> {
        fn head_in(&mut self, head: &mut String) {
            (self.0)(head);
        }
    }
    Box::new(Hook(rewrite))
}

/// Rewrites the opening handshake's head that the implementation writes.
pub(super) fn on_head_out(rewrite: impl FnMut(&mut String) + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(&mut String)> Inject for Hook<F> {
        fn head_out(&mut self, head: &mut String) {
            (self.0)(head);
        }
    }
    Box::new(Hook(rewrite))
}

/// Rewrites headers of frames on their way in, and says what becomes of the frames.
pub(super) fn on_fate(rewrite: impl FnMut(&mut Header) -> Fate + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(&mut Header) -> Fate> Inject for Hook<F> {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            (self.0)(header)
        }
    }
    Box::new(Hook(rewrite))
}

/// Rewrites headers of frames on their way in.
pub(super) fn on_header(mut rewrite: impl FnMut(&mut Header) + 'static) -> Injection {
    on_fate(move |header| {
        rewrite(header);
        Fate::Passes
    })
}

/// Drops frames on their way in.
pub(super) fn drops(mut is_dropped: impl FnMut(&Header) -> bool + 'static) -> Injection {
    on_fate(move |header| if is_dropped(header) { Fate::Dropped } else { Fate::Passes })
}

/// Rewrites pieces of payloads on their way in: gets the header and the position of the piece.
pub(super) fn on_payload(rewrite: impl FnMut(&Header, usize, &mut Vec<u8>) + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(&Header, usize, &mut Vec<u8>)> Inject for Hook<F> {
        fn payload_in(&mut self, header: &Header, at: usize, octets: &mut Vec<u8>) {
            (self.0)(header, at, octets);
        }
    }
    Box::new(Hook(rewrite))
}

/// Rewrites texts on their way in, octet by octet, each in the light of the one before it.
pub(super) fn on_text(mut rewrite: impl FnMut(u8, u8) -> u8 + 'static) -> Injection {
    let mut before = 0;
    on_payload(move |header, at, octets| {
        if !header.is_plain_text() {
            return;
        }
        if !header.is_inside && at == 0 {
            before = 0;
        }
        for octet in octets {
            let original = *octet;
            *octet = rewrite(before, original);
            before = original;
        }
    })
}

/// Holds frames back on their way in until they are complete, and rewrites them.
pub(super) fn on_frame_in(
    is_held: impl FnMut(&Header) -> bool + 'static,
    rewrite: impl FnMut(Frame, &mut Vec<u8>) + 'static,
) -> Injection {
    struct Hook<H, F>(H, F);
    impl<H: FnMut(&Header) -> bool, F: FnMut(Frame, &mut Vec<u8>)> Inject for Hook<H, F> {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            if (self.0)(header) { Fate::Held } else { Fate::Passes }
        }

        fn frame_in(&mut self, frame: Frame, to: &mut Vec<u8>) {
            (self.1)(frame, to);
        }
    }
    Box::new(Hook(is_held, rewrite))
}

/// Rewrites chunks on their way in.
pub(super) fn on_chunk(rewrite: impl FnMut(&mut Vec<u8>) + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(&mut Vec<u8>)> Inject for Hook<F> {
        fn chunk_in(&mut self, chunk: &mut Vec<u8>) {
            (self.0)(chunk);
        }
    }
    Box::new(Hook(rewrite))
}

/// Rewrites frames on their way out.
pub(super) fn on_frame_out(rewrite: impl FnMut(Frame, &mut Vec<u8>) + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(Frame, &mut Vec<u8>)> Inject for Hook<F> {
        fn frame_out(&mut self, frame: Frame, out: &mut Vec<u8>) {
            (self.0)(frame, out);
        }
    }
    Box::new(Hook(rewrite))
}

/// Answers messages instead of the application.
pub(super) fn on_message(answer: impl FnMut(Kind, &[u8]) -> Answer + 'static) -> Injection {
    struct Hook<F>(F);
    impl<F: FnMut(Kind, &[u8]) -> Answer> Inject for Hook<F> {
        fn answer(&mut self, kind: Kind, payload: &[u8], _: &mut dyn Application) -> Answer {
            (self.0)(kind, payload)
        }
    }
    Box::new(Hook(answer))
}
