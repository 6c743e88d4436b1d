//! The choice of what to compress, message by message [RFC 7692 §6]: whatever it is, the messages
//! arrive, and compression never makes one longer.

use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::{
    Client, Compression, Config, Connection, DeflateConfig, Fragment, Heap, MessageKind, Server,
};

use crate::common::output::Output;
use crate::common::side::{Script, Side};
use crate::common::{self, wire};
use crate::peer::{Content, RSV1, Terms, connection, place, read};
use crate::zlib::Inflate;

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/deflate_choice.txt");

/// What a caller sends.
#[derive(Clone, Debug)]
enum Sent {
    Message {
        content: Content,
        length: usize,
        seed: u64,
        compression: Compression,
    },
    /// A message in fragments of these lengths and an empty one.
    Fragments {
        content: Content,
        lengths: Vec<usize>,
        compression: Compression,
    },
    Ping,
    Release,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let content = || prop::sample::select(&Content::ALL[..]);
    let length = prop_oneof![
        1 => Just(0usize),
        4 => 0..130usize,
        4 => 0..3000usize,
        1 => 60_000..70_000usize,
    ];
    let compression = || {
        prop::sample::select(&[Compression::Automatic, Compression::Always, Compression::Never][..])
    };
    prop_oneof![
        // Few seeds, so that messages are alike.
        12 => (content(), length, 0..4u64, compression()).prop_map(
            |(content, length, seed, compression)| Sent::Message {
                content,
                length,
                seed,
                compression,
            }
        ),
        4 => (content(), vec(0..200usize, 1..4), compression()).prop_map(
            |(content, lengths, compression)| Sent::Fragments { content, lengths, compression }
        ),
        1 => Just(Sent::Ping),
        1 => Just(Sent::Release),
    ]
}

impl Sent {
    /// Sends it, and gives the message that the peer has to read.
    fn send<R: Side>(
        &self,
        connection: &mut Connection<R, Heap>,
        out: &mut Output,
    ) -> Option<Vec<u8>> {
        match self {
            Self::Message { content, length, seed, compression } => {
                let bytes = content.bytes(*length, *seed);
                connection
                    .sender(out)
                    .compression(*compression)
                    .send(&bytes[..])
                    .expect("room without end");
                return Some(bytes);
            }
            Self::Fragments { content, lengths, compression } => {
                let bytes = content.bytes(lengths.iter().sum(), 0);
                let mut rest = &bytes[..];
                let mut sender = connection.sender(out).compression(*compression);
                for (index, length) in lengths.iter().enumerate() {
                    let (fragment, behind) = rest.split_at(*length);
                    rest = behind;
                    let place = place(MessageKind::Binary, index, false);
                    sender.send_fragment(place, fragment).expect("room without end");
                }
                sender.send_fragment(Fragment::Last, b"").expect("room without end");
                return Some(bytes);
            }
            Self::Ping => connection.sender(out).ping(b"between").expect("room without end"),
            Self::Release => connection.release(),
        }
        None
    }

    /// Whether a message is to be compressed, which its first fragment decides; a whole one that
    /// would not get shorter is not.
    fn asks_for_compression(&self, threshold: usize) -> bool {
        let (first, compression) = match *self {
            Self::Message { length, compression, .. } => (length, compression),
            Self::Fragments { ref lengths, compression, .. } => (lengths[0], compression),
            _ => return false,
        };
        match compression {
            Compression::Automatic => first >= threshold,
            Compression::Always => true,
            Compression::Never => false,
        }
    }
}

fn arrives<R: Side>(terms: Terms, threshold: u16, sent: &[Sent]) -> Result<(), TestCaseError> {
    let config = Config::new().deflate(DeflateConfig::new().threshold(threshold));
    let mut connection = connection::<R>(terms, config);
    let mut inflate = Inflate::new(terms.bits);
    for sent in sent {
        let mut out = Output::unbounded();
        let message = sent.send(&mut connection, &mut out);
        let mut frames = wire::read_frames(&out.bytes);
        for (index, frame) in frames.iter().enumerate() {
            prop_assert_eq!(frame.first & 0x30, 0, "RSV2, RSV3");
            let compressed = frame.first & RSV1 != 0;
            let asked = sent.asks_for_compression(threshold.into());
            prop_assert!(!compressed || (asked && index == 0));
            prop_assert!(compressed || !asked || frames.len() == 1 || index > 0, "{sent:?}");
        }
        let Some(message) = message else { continue };
        if let [frame] = &mut frames[..] {
            let compressed = frame.first & RSV1 != 0;
            let length = frame.payload.len();
            let limit = if compressed { message.len().saturating_sub(1) } else { message.len() };
            prop_assert!(length <= limit, "{} bytes became {}", message.len(), length);
        }
        prop_assert!(read(&mut inflate, terms.takeover, &out.bytes) == [message]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn any_choices_arrive(
        bits in 8..=15u8,
        takeover in prop::bool::weighted(0.8),
        threshold in prop::sample::select(&[0u16, 1, 64, 1000][..]),
        sent in vec(any_sent(), 0..12),
    ) {
        let terms = Terms { bits, takeover };
        arrives::<Server>(terms, threshold, &sent)?;
        arrives::<Client<Script>>(terms, threshold, &sent)?;
    }
}

/// The first byte of a message sent with each choice.
fn first_byte(config: Config, message: &[u8], compression: Compression) -> u8 {
    let mut connection = connection::<Server>(Terms::DEFAULT, config);
    let mut out = Output::unbounded();
    connection.sender(&mut out).compression(compression).send(message).expect("room without end");
    out.bytes[0]
}

#[test]
fn each_choice_is_what_it_says() {
    use Compression::{Always, Automatic, Never};
    const PLAIN: u8 = 0x82;
    const COMPRESSED: u8 = PLAIN | RSV1;
    let run = [b'a'; 64];
    let random = Content::Random.bytes(64, 0);
    let config = Config::new();
    for (message, compression, first) in [
        (&run[..], Automatic, COMPRESSED),
        (&run[..63], Automatic, PLAIN),
        (&run[..63], Always, COMPRESSED),
        (&run, Never, PLAIN),
        (&random, Automatic, PLAIN),
        (&random, Always, PLAIN),
        (b"", Always, PLAIN),
        (b"a", Always, PLAIN),
    ] {
        assert_eq!(first_byte(config, message, compression), first, "{message:?} {compression:?}");
    }
    let config = Config::new().deflate(DeflateConfig::new().threshold(40));
    assert_eq!(first_byte(config, &run[..40], Automatic), COMPRESSED);
    assert_eq!(first_byte(config, &run[..39], Automatic), PLAIN);
    let config = Config::new().deflate(DeflateConfig::new().threshold(0));
    assert_eq!(first_byte(config, &run[..20], Automatic), COMPRESSED);
    assert_eq!(first_byte(config, b"", Automatic), PLAIN);
}

/// What the first fragment is decides, and how it is sent: the first bytes of it and of the last.
#[test]
fn the_first_fragment_decides() {
    use Compression::{Always, Automatic, Never};
    const PLAIN: u8 = 0x02;
    const COMPRESSED: u8 = PLAIN | RSV1;
    let run = [b'a'; 64];
    for (threshold, first, compression, then, byte) in [
        (64, &run[..], Automatic, Automatic, COMPRESSED),
        (64, &run[..63], Automatic, Always, PLAIN),
        (64, b"", Automatic, Automatic, PLAIN),
        (0, b"", Automatic, Automatic, COMPRESSED),
        (64, b"", Always, Automatic, COMPRESSED),
        (64, b"a", Always, Always, COMPRESSED),
        (64, &run, Never, Automatic, PLAIN),
        (64, &run, Never, Never, PLAIN),
    ] {
        let config = Config::new().deflate(DeflateConfig::new().threshold(threshold));
        let mut connection = connection::<Server>(Terms::DEFAULT, config);
        let mut out = Output::unbounded();
        let mut send = |place, fragment: &[u8], compression| {
            connection
                .sender(&mut out)
                .compression(compression)
                .send_fragment(place, fragment)
                .expect("room without end");
        };
        send(Fragment::First(MessageKind::Binary), first, compression);
        send(Fragment::Last, &run, then);
        let firsts: Vec<_> = wire::read_frames(&out.bytes).iter().map(|f| f.first).collect();
        assert_eq!(firsts, [byte, 0x80], "{} bytes, {compression:?}", first.len());
        assert!(read(&mut Inflate::new(15), true, &out.bytes) == [[first, &run].concat()]);
    }
}

/// A first fragment that is the last is a whole message, and goes plain if that is shorter.
#[test]
fn a_message_of_one_fragment_is_sent_whole() {
    for (content, length) in [(Content::Json, 300), (Content::Random, 300), (Content::Runs, 9)] {
        let message = content.bytes(length, 0);
        let sent = [false, true].map(|fragment| {
            let mut connection = connection::<Server>(Terms::DEFAULT, Config::new());
            let mut out = Output::unbounded();
            let only = Fragment::Only(MessageKind::Binary);
            let done = match fragment {
                true => connection.sender(&mut out).send_fragment(only, &message),
                false => connection.sender(&mut out).send(&message),
            };
            done.expect("room without end");
            out.bytes
        });
        assert_eq!(sent[0], sent[1], "{content:?}");
    }
}
