//! The choice of what to compress, message by message [RFC 7692 §6]: whatever it is, the messages
//! arrive, and compression never makes one longer.

use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::{Client, Compression, Config, Connection, Deflate, Heap, MessageKind, Server};

use crate::common::output::Output;
use crate::common::side::{Script, Side};
use crate::common::{self, wire};
use crate::peer::{Content, RSV1, Terms, connection, read};
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
    /// A message in fragments of these lengths, which go plain.
    Fragments {
        content: Content,
        lengths: Vec<usize>,
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
    let compression = prop::sample::select(
        &[Compression::Automatic, Compression::Always, Compression::Never][..],
    );
    prop_oneof![
        // Few seeds, so that messages are alike.
        12 => (content(), length, 0..4u64, compression).prop_map(
            |(content, length, seed, compression)| Sent::Message {
                content,
                length,
                seed,
                compression,
            }
        ),
        2 => (content(), vec(0..200usize, 1..4))
            .prop_map(|(content, lengths)| Sent::Fragments { content, lengths }),
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
                connection.send_with(&bytes[..], *compression, out).expect("room without end");
                return Some(bytes);
            }
            Self::Fragments { content, lengths } => {
                let bytes = content.bytes(lengths.iter().sum(), 0);
                let mut rest = &bytes[..];
                for length in lengths {
                    let (fragment, behind) = rest.split_at(*length);
                    rest = behind;
                    connection
                        .send_fragment(MessageKind::Binary, fragment, false, out)
                        .expect("room without end");
                }
                connection.send_fragment(MessageKind::Binary, b"", true, out).expect("room");
                return Some(bytes);
            }
            Self::Ping => connection.ping(b"between", out).expect("room without end"),
            Self::Release => connection.release(),
        }
        None
    }

    /// Whether a message is to be compressed; one that would not get shorter is not.
    fn asks_for_compression(&self, threshold: usize) -> bool {
        match *self {
            Self::Message { compression: Compression::Always, .. } => true,
            Self::Message { compression: Compression::Automatic, length, .. } => {
                length >= threshold
            }
            _ => false,
        }
    }
}

fn arrives<R: Side>(terms: Terms, threshold: u16, sent: &[Sent]) -> Result<(), TestCaseError> {
    let config = Config::new().deflate(Deflate::new().threshold(threshold));
    let mut connection = connection::<R>(terms, config);
    let mut inflate = Inflate::new(terms.bits);
    for sent in sent {
        let mut out = Output::unbounded();
        let message = sent.send(&mut connection, &mut out);
        let mut frames = wire::read_frames(&out.bytes);
        for frame in &frames {
            prop_assert_eq!(frame.first & 0x30, 0, "RSV2, RSV3");
            let compressed = frame.first & RSV1 != 0;
            prop_assert!(!compressed || sent.asks_for_compression(threshold.into()));
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
    connection.send_with(message, compression, &mut out).expect("room without end");
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
    let config = Config::new().deflate(Deflate::new().threshold(40));
    assert_eq!(first_byte(config, &run[..40], Automatic), COMPRESSED);
    assert_eq!(first_byte(config, &run[..39], Automatic), PLAIN);
    let config = Config::new().deflate(Deflate::new().threshold(0));
    assert_eq!(first_byte(config, &run[..20], Automatic), COMPRESSED);
    assert_eq!(first_byte(config, b"", Automatic), PLAIN);
}
