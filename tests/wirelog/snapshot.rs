//! The text of a log, word for word: a server's text in five fragments with two pings between,
//! each frame a chop, which the client answers.

use super::common::wire::{self, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use super::*;

fn exchange() -> Vec<(Direction, Vec<u8>)> {
    let client = |first, payload: &[u8]| (Sent, wire::frame(true, first, payload));
    let server = |first, payload: &[u8]| (Received, wire::frame(false, first, payload));
    vec![
        (Sent, REQUEST.to_vec()),
        (Received, RESPONSE.to_vec()),
        server(TEXT, b"one"),
        server(CONTINUATION, b"two"),
        server(FIN | PING, b"ping 1"),
        client(FIN | PONG, b"ping 1"),
        server(CONTINUATION, b"three"),
        server(CONTINUATION, b"four"),
        server(FIN | PING, b"ping 2"),
        client(FIN | PONG, b"ping 2"),
        server(FIN | CONTINUATION, "fünf".as_bytes()),
        client(FIN | TEXT, "onetwothreefourfünf".as_bytes()),
        server(FIN | CLOSE, &wire::close_payload(1000, "done")),
        client(FIN | CLOSE, &wire::close_payload(1000, "done")),
    ]
}

const LOG: &str = r#"> 41 octets: 47 45 54 20 2f 63 68 61 74 20 48 54 54 50 2f 31 …
> head at 0: 41 octets, GET /chat HTTP/1.1
< 56 octets: 48 54 54 50 2f 31 2e 31 20 31 30 31 20 53 77 69 …
< head at 0: 56 octets, HTTP/1.1 101 Switching Protocols
< 5 octets: 01 03 6f 6e 65
< frame at 56: text, 3 octets: "one"
< 5 octets: 00 03 74 77 6f
< frame at 61: continuation, 3 octets: "two"
< 8 octets: 89 06 70 69 6e 67 20 31
< frame at 66: ping FIN, 6 octets: "ping 1"
> 12 octets: 8a 86 37 fa 21 3d 47 93 4f 5a 17 cb
> frame at 41: pong FIN, key 37fa213d, 6 octets: "ping 1"
< 7 octets: 00 05 74 68 72 65 65
< frame at 74: continuation, 5 octets: "three"
< 6 octets: 00 04 66 6f 75 72
< frame at 81: continuation, 4 octets: "four"
< 8 octets: 89 06 70 69 6e 67 20 32
< frame at 87: ping FIN, 6 octets: "ping 2"
> 12 octets: 8a 86 37 fa 21 3d 47 93 4f 5a 17 c8
> frame at 53: pong FIN, key 37fa213d, 6 octets: "ping 2"
< 7 octets: 80 05 66 c3 bc 6e 66
< frame at 95: continuation FIN, 5 octets: "fünf"
> 26 octets: 81 94 37 fa 21 3d 58 94 44 49 40 95 55 55 45 9f …
> frame at 65: text FIN, key 37fa213d, 20 octets: "onetwothreefourf"…
< 8 octets: 88 06 03 e8 64 6f 6e 65
< frame at 102: close FIN, 6 octets: 1000 "done"
> 12 octets: 88 86 37 fa 21 3d 34 12 45 52 59 9f
> frame at 91: close FIN, key 37fa213d, 6 octets: 1000 "done"
"#;

const STATISTICS: &str = "                      sent        octets    received        octets
chops of 5               0             0           2            10
chops of 6               0             0           1             6
chops of 7               0             0           2            14
chops of 8               0             0           3            24
chops of 12              3            36           0             0
chops of 26              1            26           0             0
chops of 41              1            41           0             0
chops of 56              0             0           1            56
all chops                5           103           9           110
continuation             0             0           4            17
text                     1            20           1             3
close                    1             6           1             6
ping                     0             0           2            12
pong                     2            12           0             0
all frames               4            38           8            38
";

#[test]
fn five_fragments_with_two_pings_between() {
    let mut log = WireLog::new().preview(16);
    let mut text = String::new();
    for (direction, chop) in exchange() {
        for line in lines(&mut log, direction, &chop) {
            text += &line;
            text += "\n";
        }
    }
    assert_eq!(text, LOG, "{text}");
    let statistics = log.statistics().to_string();
    assert_eq!(statistics, STATISTICS, "{statistics}");
}
