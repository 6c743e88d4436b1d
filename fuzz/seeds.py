#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets to seeds/TARGET/, each named by what it is.

The settings in front of the wire are those of `Settings::split` in src/settings.rs.
"""

import pathlib
import struct
import zlib

KEY = bytes.fromhex("37fa213d")  # RFC 6455 §5.7
STREAMING, NO_AUTO_PONG, NO_AUTO_CLOSE, IN_PLACE, FIXED, HANDSHAKE, TIGHT, EARLY = (
    1 << bit for bit in range(8)
)
DEFAULT_LIMITS = 0xFF
TICKS = 1 | 2 | 4 | 8 | 16 | 32
WAITS = 128


def settings(flags=0, limits=DEFAULT_LIMITS, head=0, timers=0, target=0, chunks=(0, 0, 0)):
    return bytes([flags, limits, head, timers, target, *chunks])


def frame(first, payload=b"", key=None):
    """A frame with this first byte, masked if there is a key."""
    mask = 0x80 if key else 0
    if len(payload) < 126:
        length = bytes([mask | len(payload)])
    elif len(payload) < 1 << 16:
        length = struct.pack(">BH", mask | 126, len(payload))
    else:
        length = struct.pack(">BQ", mask | 127, len(payload))
    if key:
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return bytes([first]) + length + (key or b"") + payload


def head(*lines):
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


REQUEST = head(
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Origin: http://example.com",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Version: 13",
)
PLAIN = head("GET /index.html HTTP/1.1", "Host: server.example.com")
RESPONSE = head(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol: chat",
)
REFUSAL = head("HTTP/1.1 401 Unauthorized", "Content-Length: 2") + b"no"
INTERIM = head("HTTP/1.1 103 Early Hints", "Link: </a>") + RESPONSE


def conversations(key):
    """Streams of frames that a side receives."""
    return {
        "hello": frame(0x81, b"Hello", key),
        "fragments_and_ping": frame(0x01, b"Hel", key)
        + frame(0x89, b"Hello", key)
        + frame(0x80, b"lo", key),
        "character_in_two_fragments": frame(0x01, b"\xe2\x82", key) + frame(0x80, b"\xac", key),
        "invalid_utf8": frame(0x81, b"ok \xed\xa0\x80", key),
        "unfinished_utf8": frame(0x81, b"ok \xf0\x9f", key),
        "empty_frames": frame(0x02, b"", key) + frame(0x00, b"", key) + frame(0x80, b"", key),
        "binary_256": frame(0x82, bytes(range(256)), key),
        "close_with_reason": frame(0x88, b"\x03\xe8bye", key) + frame(0x81, b"late", key),
        "close_empty": frame(0x88, b"", key),
        "close_code_1005": frame(0x88, b"\x03\xed", key),
        "close_by_us_first": frame(0x81, b"close", key) + frame(0x88, b"\x03\xe8", key),
        "pong_unasked": frame(0x8A, b"x", key),
        "wrong_mask_direction": frame(0x81, b"Hello", None if key else KEY),
        "hello_waits": frame(0x81, b"Hello", key) * 2,
        "invalid_utf8_waits": frame(0x81, b"ok \xed\xa0\x80", key),
        "fragments_and_ping_wait": frame(0x01, b"Hel", key)
        + frame(0x89, b"Hello", key)
        + frame(0x80, b"lo", key),
        "length_top_bit": b"\x82" + (b"\xff" if key else b"\x7f") + b"\xff" * 8,
    }


VARIANTS = {
    "hello": settings(TIGHT),
    "fragments_and_ping": settings(IN_PLACE, chunks=(1, 0, 2)),
    "character_in_two_fragments": settings(STREAMING, chunks=(1, 1, 1)),
    "invalid_utf8": settings(STREAMING | IN_PLACE, chunks=(9, 1, 1)),
    "binary_256": settings(STREAMING | FIXED | EARLY, chunks=(100, 0, 0)),
    "close_with_reason": settings(NO_AUTO_CLOSE, chunks=(3, 3, 0)),
    "pong_unasked": settings(NO_AUTO_PONG, timers=TICKS, chunks=(1, 1, 1)),
    "hello_waits": settings(IN_PLACE, target=WAITS, chunks=(3, 5, 1)),
    "invalid_utf8_waits": settings(IN_PLACE, target=WAITS, chunks=(9, 1, 1)),
    "fragments_and_ping_wait": settings(target=WAITS, timers=TICKS, chunks=(1, 1, 1)),
}

HEADER = {
    "text": b"\x81\x05",
    "masked": b"\x81\x85" + KEY,
    "length_16": b"\x82\x7e\x01\x00",
    "length_64": b"\x82\xff" + struct.pack(">Q", 1 << 16) + KEY,
    "not_minimal": b"\x82\x7e\x00\x7d",
    "top_bit": b"\x82\x7f\x80" + bytes(7),
    "fragmented_ping": b"\x09\x00",
    "reserved_opcode": b"\x83\x00",
}


def strings(choice, *parts):
    return choice + b"\xff".join(parts)


SEEDS = {
    "frame_header": HEADER,
    "server": {
        name: VARIANTS.get(name, settings()) + wire for name, wire in conversations(KEY).items()
    }
    | {
        "handshake": settings(HANDSHAKE) + REQUEST + frame(0x81, b"Hello", KEY),
        "handshake_chopped": settings(HANDSHAKE | TIGHT, chunks=(7, 1, 0)) + REQUEST,
        "head_too_long": settings(HANDSHAKE, head=4) + REQUEST,
        "plain_head": settings(HANDSHAKE) + PLAIN.replace(b"GET", b"HEAD"),
        "plain_request": settings(HANDSHAKE | EARLY) + PLAIN + b"body",
        "limits": settings(limits=0x42) + frame(0x02, b"abcd", KEY) + frame(0x80, b"efgh", KEY),
    },
    "client": {
        name: VARIANTS.get(name, settings()) + wire for name, wire in conversations(None).items()
    }
    | {
        "handshake": settings(HANDSHAKE) + RESPONSE + frame(0x81, b"Hello"),
        "handshake_after_interim": settings(HANDSHAKE | FIXED, chunks=(9, 0, 0)) + INTERIM,
        "refused": settings(HANDSHAKE) + REFUSAL,
    },
    "chop": {
        f"server_{name}": VARIANTS.get(name, settings(chunks=(1, 1, 1))) + wire
        for name, wire in conversations(KEY).items()
    }
    | {
        "server_handshake": settings(HANDSHAKE, chunks=(1, 1, 1)) + REQUEST,
        "client_handshake": settings(HANDSHAKE, target=1, chunks=(1, 2, 0)) + INTERIM,
        "client_refused": settings(HANDSHAKE, target=1, chunks=(5, 5, 5)) + REFUSAL,
        "client_streaming": settings(STREAMING, target=1, chunks=(2, 1, 1))
        + frame(0x01, "é".encode())
        + frame(0x8A)
        + frame(0x80, b"!"),
        "client_waits": settings(target=1 | WAITS, chunks=(2, 3, 1)) + frame(0x81, b"Hello") * 2,
    },
    "handshake": {
        "received_request": b"q" + REQUEST,
        "received_plain": b"q" + PLAIN,
        "received_wrong_version": b"q" + REQUEST.replace(b": 13", b": 8"),
        "received_response": b"s" + RESPONSE,
        "received_interim": b"s" + INTERIM,
        "received_phrase_not_utf8": b"s" + RESPONSE.replace(b"Switching", b"\xfcber"),
        "received_refusal": b"s" + REFUSAL,
        "request": strings(b"Q", b"example.com:80", b"/a?b", b"null", b"Cookie", b"a=b", b"chat"),
        "request_injected": strings(b"Q", b"a\r\nb: c", b"/ HTTP/1.1\r\n\r\n", b"x"),
        "accept": strings(b"A", b"chat", b"Set-Cookie", b"a=b", b""),
        "response": strings(b"S", b"404", b"none here", b"Content-Type", b"text/plain", b""),
        "response_no_content": strings(b"S", b"204", b"left out"),
    },
}

def compressed(*payloads, first=0xC1):
    """Compressed messages for `inflate`, each in a frame of up to 127 bytes."""
    return b"".join(bytes([first, len(payload)]) + payload for payload in payloads)


def zlib_message(message, bits=15):
    """A message as zlib compresses it, without the end of the flush."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


HELLO = bytes.fromhex("f248cdc9c90700")  # RFC 7692 §7.2.3
AGAIN = bytes.fromhex("f200110000")
WINDOW_15, NO_TAKEOVER, CLIENT = 7, 8, 16

SEEDS["inflate"] = {
    "hello_twice": settings(target=WINDOW_15, chunks=(1, 1, 1)) + compressed(HELLO, AGAIN),
    "no_takeover": settings(STREAMING, target=NO_TAKEOVER | CLIENT, chunks=(3, 1, 0))
    + compressed(HELLO, HELLO),
    "stored": settings(target=WINDOW_15, chunks=(2, 2, 2))
    + compressed(bytes.fromhex("000500faff48656c6c6f00")),
    "bfinal": settings(IN_PLACE, target=WINDOW_15, chunks=(1, 1, 1))
    + compressed(bytes.fromhex("f348cdc9c9070000"), HELLO),
    "two_blocks": settings(STREAMING | IN_PLACE, target=2, chunks=(1, 1, 1))
    + compressed(bytes.fromhex("f248050000ffffcac9c90700")),
    "empty": settings(STREAMING, target=WINDOW_15, chunks=(1, 1, 1)) + compressed(b"\0", HELLO),
    "fragments": settings(target=WINDOW_15, chunks=(1, 1, 1))
    + compressed(HELLO[:3], first=0x41)
    + compressed(b"ping", first=0x89)
    + compressed(HELLO[3:], first=0x80),
    "waits": settings(IN_PLACE, target=WINDOW_15 | WAITS, chunks=(1, 3, 1))
    + compressed(HELLO)
    + compressed(b"Hello", first=0x81)
    + compressed(AGAIN),
    "zeros": settings(STREAMING, target=CLIENT, chunks=(1, 0, 5))
    + compressed(zlib_message(bytes(100_000), 9), first=0xC2),
    "dynamic": settings(STREAMING, limits=0x7F, target=WINDOW_15, chunks=(9, 1, 1))
    + compressed(zlib_message(b"".join(b"%d;" % (n * n) for n in range(60)))[:127]),
    "too_far_back": settings(target=WINDOW_15, chunks=(2, 1, 1)) + compressed(AGAIN),
    "gave_up_context": settings(target=NO_TAKEOVER, chunks=(1, 2, 1)) + compressed(HELLO, AGAIN),
    "ends_with_its_last_block": settings(STREAMING, target=CLIENT, chunks=(3, 1, 1))
    + compressed(bytes.fromhex("f348cdc9c907"), HELLO, AGAIN),
    "without_a_byte": settings(target=WINDOW_15, chunks=(1, 1, 1)) + compressed(HELLO, b"", AGAIN),
    "beyond_the_window": settings(STREAMING, chunks=(40, 1, 1))
    + compressed(bytes.fromhex("002c01d3fe") + bytes(range(120)), first=0x41)
    + compressed(bytes(range(120)), first=0x00)
    + compressed(bytes(range(60)) + bytes.fromhex("02060000"), first=0x80),
    "not_utf8": settings(STREAMING, target=WINDOW_15, chunks=(2, 1, 1))
    + compressed(zlib_message("né".encode() + b"\xff no")),
}

FRAGMENTS, SMALL_MEMORY = 32, 64

SEEDS["deflate_roundtrip"] = {
    "json": bytes([WINDOW_15, 5])
    + b"".join(b"\xff" + b'{"id":%07d,"name":"somebody"}' % n for n in range(10)),
    "small_window": bytes([CLIENT, 5]) + (b"\x9f" + bytes(range(31)) + b"\x01\x00") * 9,
    "no_takeover": bytes([NO_TAKEOVER | 3, 0]) + (b"\x7f" + b"abcdefghij klmnopqrst uvwxyz!.,") * 4,
    "empty_and_one": bytes([WINDOW_15, 8]) + b"\x00\x01\x03\x00\xe1\x03",
    "fragments": bytes([WINDOW_15 | FRAGMENTS, 5])
    + b"".join(b"\xfe" + b'{"id":%07d,"name":"somebod"}' % n + b"\x9f" for n in range(9)),
    "fragments_in_small_memory": bytes([CLIENT | FRAGMENTS | SMALL_MEMORY | 2, 5])
    + (b"\x9f" + bytes(range(0, 248, 8)) + b"\x01\x00\x00") * 9,
}

ESTABLISHED, PREVIEW = 128, 64


def logged(sent, received, choice=PREVIEW, size=1):
    """Octets of both directions for `wirelog`, at most 255 of them sent."""
    return bytes([choice, size, len(sent)]) + sent + received


SEEDS["wirelog"] = {
    "conversation": logged(
        REQUEST, RESPONSE + conversations(None)["fragments_and_ping"] + frame(0x88, b"\x03\xe8bye")
    ),
    "established": logged(
        conversations(KEY)["binary_256"][:255], HEADER["fragmented_ping"], ESTABLISHED | 2, 7
    ),
    "interim": logged(b"", INTERIM + frame(0x81, b"Hello"), size=30),
    "refused": logged(PLAIN, REFUSAL, size=9),
    "remarks": logged(
        HEADER["not_minimal"] + bytes(125) + HEADER["reserved_opcode"] + frame(0x88, b"\x03"),
        HEADER["top_bit"],
        ESTABLISHED,
    ),
    "unfinished": logged(HEADER["length_64"], HEADER["text"] + b"Hel", ESTABLISHED | 2, 3),
}

for target, seeds in SEEDS.items():
    directory = pathlib.Path(__file__).parent / "seeds" / target
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (directory / name).write_bytes(data)
