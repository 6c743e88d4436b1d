"""The Python library websockets as an echo server, and as a client of one.

`exchange.py` beside this file tells what the command line is.
"""

import argparse
import asyncio
import random
import signal
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import WebSocketException
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.headers import parse_extension

MAX_LENGTH = 100_000
WORDS = ["Rhein", "Düssel", "αβγδ", "水", "🌊", "echo", "echo echo", " ", "{", '"id":', "0"]


def extensions(factory, options, **more):
    if options.no_deflate:
        return []
    settings = {
        "server_no_context_takeover": options.server_no_takeover,
        "client_no_context_takeover": options.client_no_takeover,
        "server_max_window_bits": options.server_window,
    }
    return [factory(**settings, **more)]


async def run_server(options):
    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    # Clients that do not let their window be limited go without a limit.
    deflate = extensions(
        ServerPerMessageDeflateFactory, options, client_max_window_bits=options.client_window
    )
    async with serve(echo, "127.0.0.1", 0, compression=None, extensions=deflate) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://127.0.0.1:{port}/", flush=True)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


async def run_client(options):
    generator = random.Random(options.seed)
    messages = [random_message(generator) for _ in range(options.count)]
    window = options.client_window or True
    deflate = extensions(ClientPerMessageDeflateFactory, options, client_max_window_bits=window)
    async with connect(options.url, compression=None, extensions=deflate) as connection:
        sending = asyncio.create_task(send_all(connection, messages))
        for number, message in enumerate(messages, 1):
            # Text differs from bytes in type.
            if await connection.recv() != message:
                raise ValueError(f"message {number} came back changed")
        await sending
    if connection.close_code != 1000:
        raise ValueError(f"not closed cleanly: code {connection.close_code}")
    print(agreement(connection.response.headers))
    size = sum(len(m.encode() if isinstance(m, str) else m) for m in messages)
    print(f"{len(messages)} messages, {size} bytes, all equal")


async def send_all(connection, messages):
    for message in messages:
        await connection.send(message)


def random_message(generator):
    """Text or binary, one that compresses well or not at all, mostly short."""
    length = min(generator.randrange(1 << generator.randrange(18)), MAX_LENGTH)
    kind = generator.randrange(4)
    if kind == 0:
        return words(generator, length)
    if kind == 1:
        # Without the surrogates, which are not characters.
        numbers = [generator.randrange(0x10F800) for _ in range(length // 4)]
        return "".join(chr(n if n < 0xD800 else n + 0x800) for n in numbers)
    if kind == 2:
        return words(generator, length).encode()
    return generator.randbytes(length)


def words(generator, length):
    return "".join(generator.choices(WORDS, k=length // 5))


def agreement(headers):
    """What the response says, with all that goes without saying."""
    value = headers.get("Sec-WebSocket-Extensions")
    if value is None:
        return "no compression"
    [(name, parameters)] = parse_extension(value)
    parameters = dict(parameters)
    told = [name]
    for window in ("server_max_window_bits", "client_max_window_bits"):
        told.append(f"{window}={parameters.pop(window, 15)}")
    return "; ".join(told + sorted(parameters, reverse=True))


def parse_arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    forms = parser.add_subparsers(dest="form", required=True)
    server = forms.add_parser("server")
    client = forms.add_parser("client")
    client.add_argument("url")
    client.add_argument("count", type=int)
    client.add_argument("seed", type=int)
    for form in (server, client):
        form.add_argument("--server-window", type=int)
        form.add_argument("--client-window", type=int)
        form.add_argument("--server-no-takeover", action="store_true")
        form.add_argument("--client-no-takeover", action="store_true")
        form.add_argument("--no-deflate", action="store_true")
    return parser.parse_args()


def main():
    options = parse_arguments()
    run = run_server if options.form == "server" else run_client
    try:
        asyncio.run(run(options))
    except (OSError, ValueError, WebSocketException) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
