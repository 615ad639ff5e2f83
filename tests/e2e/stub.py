"""What both stub API servers share: a loopback server, a script, and the truth about every request.

A prompt carries its marker and its script: ``[left] run echo hi then fail then say so``. The steps
between the ``then`` are the answers the model gives, one a request; after the last there is a text.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MARKER = re.compile(rb"\[([a-z][a-z0-9-]*)\] ")
MARKED = re.compile(r"\[(?P<marker>[a-z][a-z0-9-]*)\] (?P<script>[^\n]*)")


@dataclass(frozen=True)
class Tokens:
    """Tokens in disjoint kinds; ``output`` contains ``reasoning``."""

    fresh: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def input(self) -> int:
        return self.fresh + self.cache_read + self.cache_write_5m + self.cache_write_1h

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )


@dataclass(frozen=True)
class Served:
    """One request that was answered, and what it cost.

    ``logged`` is False for a request that the agent bills and never writes to a log.
    """

    number: int
    marker: str
    session: str
    thread: str
    model: str
    purpose: str
    logged: bool
    tokens: Tokens
    headers: dict[str, str] = field(repr=False)


def add_up(served: Iterable[Served]) -> Tokens:
    """Return the sum of all tokens, kind by kind."""
    return sum((one.tokens for one in served), Tokens())


def marked(text: str) -> tuple[str, str] | None:
    """Return the marker and the script of a prompt, None if it isn't one of ours."""
    match = MARKED.search(text)
    return (match["marker"], match["script"].strip()) if match else None


def step(script: str, index: int) -> str:
    """Return the script's step of this number, "say" after the last."""
    steps = [part.strip() for part in script.split(" then ")]
    return steps[index] if index < len(steps) else "say"


class Stub:
    """A loopback API server in a thread. ``served`` is the truth, in order."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.unknown: list[str] = []
        self.heard: Counter[str] = Counter()
        """How many requests, answered or not yet, had each marker in them."""
        self.bodies: list[dict[str, Any]] = []
        self.kept_back = 0
        """How many requests came to a step that is kept back."""
        self._changed = threading.Condition()
        self._gate = threading.Event()
        self._gate.set()
        stub = self

        class Handler(_Handler):
            owner = stub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        stub = cls()
        stub._thread.start()
        try:
            yield stub
        finally:
            stub._gate.set()
            stub._server.shutdown()
            stub._server.server_close()

    def hold(self) -> None:
        """Keep steps that begin with ``hold`` back until :meth:`release`."""
        self.kept_back = 0
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def of(self, *markers: str, logged: bool = True) -> list[Served]:
        """Return what was served to these markers."""
        with self._changed:
            return [s for s in self.served if s.marker in markers and s.logged == logged]

    def wait_for(self, holds: Callable[[list[Served]], bool], seconds: float = 60) -> None:
        """Wait until the served requests satisfy ``holds``."""
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self.served), seconds):
                seen = "\n".join(map(str, self.served))
                msg = f"the stub waited {seconds} s in vain, it served:\n{seen}"
                raise AssertionError(msg)

    def book(self, served: Served) -> Served:
        """Number a request, keep it, and return it with its own unique tokens."""
        with self._changed:
            number = len(self.served) + 1
            served = replace(served, number=number, tokens=self.tokens(number))
            self.served.append(served)
            self._changed.notify_all()
        return served

    def pause(self, action: str) -> str:
        """Return ``action`` without its ``hold``, after :meth:`release` if it has one."""
        if action.split()[0] == "hold":
            self.kept_back += 1
            self._gate.wait(120)
        return action.removeprefix("hold").strip()

    def tokens(self, number: int) -> Tokens:
        """Return what request ``number`` costs."""
        raise NotImplementedError

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Return content type and content for a request, None for 404."""
        raise NotImplementedError


def event_stream(events: Iterable[dict[str, Any]]) -> tuple[str, str]:
    """Return server-sent events as a response."""
    text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return "text/event-stream", text


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[Stub]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        return

    def _respond(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw) if raw[:1] == b"{" else {}
        self.owner.heard.update({marker.decode() for marker in MARKER.findall(raw)})
        path = self.path.split("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.owner.answer(path, headers, body)
        if answer is None:
            self.owner.unknown.append(f"{self.command} {path}")
        kind, text = answer or ("application/json", "{}")
        content = b"" if self.command == "HEAD" else text.encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
