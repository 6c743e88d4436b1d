"""Tests an example against another implementation: who is the client sends random
messages, who is the server echoes them, and the client compares.

The other implementation is a program with two forms, both of which end when they
get a SIGTERM:

    PEER server [OPTION...]                 prints `listening on ws://127.0.0.1:PORT/`
    PEER client URL COUNT SEED [OPTION...]  prints what `examples/client --exchange` does

    --server-window BITS, --client-window BITS, --server-no-takeover,
    --client-no-takeover, --no-deflate      what to negotiate
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target"))
WORK = TARGET / "interop"

START_SECONDS = 30
EXCHANGE_SECONDS = 300
STOP_SECONDS = 5


class Failure(Exception):
    exit_code = 1


class SetupFailure(Failure):
    exit_code = 3


# Who is the server, the options of both, and what they should agree on.
Case = namedtuple("Case", "server ours theirs agreed")


# --- What is tested ----------------------------------------------------------


def agreement(server_window=15, client_window=15, server_takeover=True, client_takeover=True):
    """What was negotiated, in the words of `examples/client --exchange`."""
    words = [
        "permessage-deflate",
        f"server_max_window_bits={server_window}",
        f"client_max_window_bits={client_window}",
    ]
    if not server_takeover:
        words.append("server_no_context_takeover")
    if not client_takeover:
        words.append("client_no_context_takeover")
    return "; ".join(words)


def cases(their_smallest_window):
    """All cases with either side as the server.

    `their_smallest_window` is the smallest one the other implementation compresses
    with. Ours has all that there are. Only one side limits the windows in each
    case, as some servers take no limit but their own.
    """
    neither = agreement(server_takeover=False, client_takeover=False)
    for server in ("ours", "theirs"):

        def windows(our_sending, their_sending):
            by_role = (our_sending, their_sending)
            return by_role if server == "ours" else by_role[::-1]

        yield Case(server, [], [], agreement())
        yield Case(server, ["--no-deflate"], [], "no compression")
        yield Case(server, [], ["--no-deflate"], "no compression")
        yield Case(server, ["--no-takeover"], [], neither)
        yield Case(server, [], ["--server-no-takeover"], agreement(server_takeover=False))
        yield Case(server, [], ["--client-no-takeover"], agreement(client_takeover=False))
        yield Case(server, ["--chop", "7"], [], agreement())
        for bits in range(their_smallest_window, 16):
            yield Case(server, ["--window", str(bits)], [], agreement(bits, bits))
        for bits in range(8, 16):
            ours_theirs = windows(bits, max(their_smallest_window, 23 - bits))
            yield Case(server, [], window_options(*ours_theirs), agreement(*ours_theirs))
        yield Case(
            server,
            ["--no-takeover"],
            window_options(*windows(8, their_smallest_window)),
            agreement(*windows(8, their_smallest_window), False, False),
        )


def window_options(server_window, client_window):
    return ["--server-window", str(server_window), "--client-window", str(client_window)]


# --- Running it --------------------------------------------------------------


def run(case, peer, count, seed):
    """Returns what is wrong with the case, or None."""
    if case.server == "ours":
        server = [example("echo"), "--port", "0", *case.ours]
    else:
        server = [*peer, "server", *case.theirs]
    with listening(server) as url:
        if case.server == "ours":
            client = [*peer, "client", url, str(count), str(seed), *case.theirs]
        else:
            client = [example("client"), "--exchange", str(count), "--seed", str(seed)]
            client += [*case.ours, url]
        return problem_of(client, case.agreed, count)


def problem_of(client, agreed, count):
    try:
        done = subprocess.run(
            client,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=EXCHANGE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {EXCHANGE_SECONDS} s"
    if done.returncode != 0:
        return "the client failed: " + done.stderr.strip()
    negotiated, _, result = done.stdout.strip().partition("\n")
    if negotiated != agreed:
        return f"negotiated {negotiated!r} instead of {agreed!r}"
    if not re.fullmatch(rf"{count} messages, \d+ bytes, all equal", result):
        return f"the client says: {result}"
    return None


@contextmanager
def listening(server):
    """Runs a server; gives its URL."""
    process = subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    # If it does not start to listen, its end ends the reading.
    alarm = threading.Timer(START_SECONDS, process.kill)
    alarm.start()
    try:
        line = process.stdout.readline()
        alarm.cancel()
        found = re.fullmatch(r"listening on (ws://127\.0\.0\.1:\d+/)\n", line)
        if not found:
            raise Failure(f"{server[0]} does not listen; it says: {line.strip()!r}")
        yield found[1]
    finally:
        alarm.cancel()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


# --- Preparations ------------------------------------------------------------


def example(name):
    return str(TARGET / "release" / "examples" / name)


def build_examples():
    require("cargo", "see https://rustup.rs/")
    argv = ["cargo", "build", "--release", "--example", "echo", "--example", "client"]
    env = dict(os.environ, CARGO_TARGET_DIR=str(TARGET))
    if subprocess.run([*argv, "--quiet"], cwd=ROOT, env=env).returncode != 0:
        raise Failure("the examples do not build")


def require(program, hint):
    if not shutil.which(program):
        raise SetupFailure(f"{program} is not on PATH; {hint}")


def set_up(directory, *steps):
    """Runs the commands that fill a directory, unless they did so before."""
    complete = directory / "complete"
    if complete.exists():
        return
    # An earlier attempt may have been cut short.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for argv in steps:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise SetupFailure(f"this failed: {' '.join(map(str, argv))}\n{done.stdout}")
    complete.touch()


# --- The command line --------------------------------------------------------


def main(name, get_peer, their_smallest_window):
    """Runs all cases against the program that `get_peer` gets; the exit code."""
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument(
        "--messages",
        metavar="N",
        type=positive,
        default=1000,
        help="how many to exchange in each case (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=int, help="what makes them the same again (default: random)"
    )
    options = parser.parse_args()
    # So that no server outlives the script.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    seed = random.getrandbits(32) if options.seed is None else options.seed
    print(f"{name}: seed {seed}", flush=True)
    try:
        peer = get_peer()
        build_examples()
        counts = {True: 0, False: 0}
        for case in cases(their_smallest_window):
            problem = run(case, peer, options.messages, seed)
            counts[problem is None] += 1
            if problem is not None:
                print(f"{describe(case)}: {problem}", flush=True)
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return failure.exit_code
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 0 if counts[False] == 0 else 1


def positive(text):
    if not re.fullmatch(r"0*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"not a positive whole number: '{text}'")
    return int(text)


def describe(case):
    ours = " ".join(["echo" if case.server == "ours" else "client", *case.ours])
    theirs = " ".join(["their client" if case.server == "ours" else "their server", *case.theirs])
    return f"{ours}, {theirs}"
