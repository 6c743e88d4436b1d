"""Opens a page in a headless Chromium and asks it for the value of an expression.

Chromium is told what to do over its debugging pipe, in the DevTools protocol: JSON
messages that end with a zero byte.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import tempfile
import time

NAMES = ["chromium", "chromium-browser", "google-chrome"]
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--remote-debugging-pipe",
]
# The descriptors that the pipe has in Chromium.
COMMANDS, EVENTS = 3, 4

POLL_SECONDS = 0.1
STOP_SECONDS = 5


class Trouble(Exception):
    """Chromium does not do what it is asked for."""


class Page:
    """A page in a Chromium of its own, which ends with the `with`."""

    def __init__(self, program, url, log, patience):
        self.deadline = time.monotonic() + patience
        self.calls = 0
        self.pending = b""
        self.cleanup = contextlib.ExitStack()
        try:
            self.start(program, log)
            target = self.call("Target.createTarget", url=url)["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self.session = attached["sessionId"]
        except BaseException:
            self.cleanup.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup.close()

    def start(self, program, log):
        profile = self.cleanup.enter_context(tempfile.TemporaryDirectory(prefix="chromium-"))
        (its_commands, self.commands), (self.events, its_events) = high_pipe(), high_pipe()
        for end in (self.commands, self.events):
            self.cleanup.callback(os.close, end)
        redirect = f'exec "$@" {COMMANDS}<&{its_commands} {EVENTS}>&{its_events}'
        argv = ["bash", "-c", redirect, "bash", program, *OPTIONS, f"--user-data-dir={profile}"]
        with open(log, "ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(its_commands, its_events),
                start_new_session=True,
            )
        self.cleanup.callback(stop, process)
        os.close(its_commands)
        os.close(its_events)

    def wait_for(self, expression):
        """The value of a JavaScript expression, once it is true in JavaScript's sense."""
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > self.deadline:
                raise Trouble(f"in the page this has not become true: {expression}")
            time.sleep(POLL_SECONDS)

    def evaluate(self, expression):
        settings = {"expression": expression, "returnByValue": True}
        result = self.call("Runtime.evaluate", self.session, **settings)
        if "exceptionDetails" in result:
            raise Trouble(f"the page cannot evaluate {expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def call(self, method, session=None, **params):
        self.calls += 1
        message = {"id": self.calls, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self.commands, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise Trouble("Chromium has ended") from None
        while True:
            answer = json.loads(self.read_message())
            if answer.get("id") == self.calls:
                break
        if "error" in answer:
            raise Trouble(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def read_message(self):
        while b"\0" not in self.pending:
            rest = self.deadline - time.monotonic()
            if not select.select([self.events], [], [], max(rest, 0))[0]:
                raise Trouble("Chromium does not answer")
            received = os.read(self.events, 1 << 16)
            if not received:
                raise Trouble("Chromium has ended")
            self.pending += received
        message, self.pending = self.pending.split(b"\0", 1)
        return message


def high_pipe():
    """A pipe whose ends are none of the descriptors that Chromium gets them as."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


def stop(process):
    """Ends Chromium and the processes that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            pass
