//! Section 5: fragments of messages [RFC 6455 §5.4].

use super::build::{case, close_after, continuation, echoed, fail_after, ping, pong, ponged};
use super::build::{script, text, wait};
use crate::case::{Case, Frame, Step};

type Writing = fn(Frame) -> Frame;

/// How frames are written to TCP, in words and in fact.
const WRITTEN: [(&str, Writing); 3] = [
    ("", |frame| frame),
    (", frame by frame", Frame::sync),
    (", octet by octet", |frame| frame.chop(1)),
];

const CONTROL: &str = "Fails the connection: control frames are not fragmented.";
const ECHO: &str = "Echoes the message.";
const NOTHING_TO_CONTINUE: &str = "Fails the connection: there is no message to continue.";
const NO_CONTINUATION: &str = "Fails the connection: the message before has to end first.";
const PONG_FIRST: &str = "Sends the pong, and echoes the message when it is complete.";
const PONGS_FIRST: &str = "Sends each pong at once, and echoes the message when it is complete.";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case((5, 1), "Sends a ping in two fragments.", in_two(ping)).violates(CONTROL, vec![]),
        case((5, 2), "Sends a pong in two fragments.", in_two(pong)).violates(CONTROL, vec![]),
    ];
    cases.extend((3..).zip(WRITTEN).map(|(id, (how, written))| {
        let frames = [text("fragment1").more(), continuation("fragment2")];
        case(
            (5, id),
            format!("Sends a text in two fragments{how}."),
            ending(frames.map(written), close_after(1)),
        )
        .answered(ECHO, vec![echoed("fragment1fragment2")])
    }));
    cases.extend((6..).zip(WRITTEN).map(|(id, (how, written))| {
        let frames = [text("fragment1").more(), ping("ping payload"), continuation("fragment2")];
        case(
            (5, id),
            format!("Sends a text in two fragments and a ping between them{how}."),
            ending(frames.map(written), close_after(1)),
        )
        .answered(PONG_FIRST, vec![ponged("ping payload"), echoed("fragment1fragment2")])
    }));
    cases.extend((9..).zip(WRITTEN).map(|(id, (how, written))| {
        let frames = [continuation("non-continuation payload"), text("Hello, world!")];
        case(
            (5, id),
            format!("Sends a continuation frame with FIN at the start, and a text{how}."),
            ending(frames.map(written), fail_after(1)),
        )
        .violates(NOTHING_TO_CONTINUE, vec![])
    }));
    cases.extend((12..).zip(WRITTEN).map(|(id, (how, written))| {
        let frames = [continuation("non-continuation payload").more(), text("Hello, world!")];
        case(
            (5, id),
            format!("Sends a continuation frame without FIN at the start, and a text{how}."),
            ending(frames.map(written), fail_after(1)),
        )
        .violates(NOTHING_TO_CONTINUE, vec![])
    }));
    cases.extend([
        case(
            (5, 15),
            "Sends a text in two fragments, a continuation frame without FIN, and another text.",
            script![
                text("fragment1").more(),
                continuation("fragment2"),
                continuation("fragment3").more(),
                text("fragment4"),
                fail_after(1),
            ],
        )
        .violates(
            "Echoes the first text, and fails the connection: there is nothing more to continue.",
            vec![echoed("fragment1fragment2")],
        ),
        case(
            (5, 16),
            "Twice: sends a continuation frame without FIN, and a text in two fragments.",
            twice(|| continuation("fragment1").more()),
        )
        .violates(NOTHING_TO_CONTINUE, vec![]),
        case(
            (5, 17),
            "Twice: sends a continuation frame with FIN, and a text in two fragments.",
            twice(|| continuation("fragment1")),
        )
        .violates(NOTHING_TO_CONTINUE, vec![]),
        case(
            (5, 18),
            "Sends a text in two fragments that both have the opcode of a text.",
            script![text("fragment1").more(), text("fragment2"), fail_after(1)],
        )
        .violates(NO_CONTINUATION, vec![]),
        in_five(19, WRITTEN[0]),
        in_five(20, WRITTEN[1]),
    ]);
    cases
}

/// A control frame that goes on in a continuation frame.
fn in_two(control: fn(&'static str) -> Frame) -> Vec<Step> {
    script![control("fragment1").more(), continuation("fragment2"), fail_after(1)]
}

/// A continuation frame that continues nothing and a text in two fragments, and all this again.
fn twice(continuation_of_nothing: fn() -> Frame) -> Vec<Step> {
    let frames = (0..2).flat_map(|_| {
        [continuation_of_nothing(), text("fragment2").more(), continuation("fragment3")]
    });
    ending(frames, fail_after(1))
}

/// A text in five fragments, with pings behind the second and the fourth, and a pause.
fn in_five(id: u8, (how, written): (&str, Writing)) -> Case {
    let before = [text("fragment1").more(), continuation("fragment2").more(), ping("pongme 1!")];
    let after = [
        continuation("fragment3").more(),
        continuation("fragment4").more(),
        ping("pongme 2!"),
        continuation("fragment5"),
    ];
    let mut script = ending(before.map(written), wait(1, None));
    script.extend(ending(after.map(written), close_after(1)));
    case(
        (5, id),
        format!(
            "Sends a text in five fragments{how}: two and a ping, after a second two, another \
             ping, and the last."
        ),
        script,
    )
    .answered(
        PONGS_FIRST,
        vec![
            ponged("pongme 1!"),
            ponged("pongme 2!"),
            echoed("fragment1fragment2fragment3fragment4fragment5"),
        ],
    )
}

fn ending(frames: impl IntoIterator<Item = Frame>, last: Step) -> Vec<Step> {
    frames.into_iter().map(Step::from).chain([last]).collect()
}
