"""One process of the cold scan: takes tickets from a pipe, reads those files, sends chunks back.

Tickets are 4-byte numbers of jobs, taken by whichever worker is free. Results are a header and a
msgpack body. A worker ends when the tickets end, or when nobody reads its results any more.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import struct
import sys
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.errors import LogError
from tmuxmeter.events import Event, Position  # noqa: TC001 - msgspec reads the annotations
from tmuxmeter.logs.reading import read_log
from tmuxmeter.logs.tail import BLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import LogFile

HEADER = struct.Struct("<IIB")
TICKET = struct.Struct("<I")

BEGUN, CHUNK, FAILED, DONE = range(4)
"""Kinds of results: a job was begun, gave a chunk, failed with a reason, is over."""


class Body(msgspec.Struct, array_like=True):
    """A chunk without its file, which the other side knows."""

    events: list[Event]
    position: Position
    restart: bool


def serve(
    agents: Mapping[str, Agent],
    jobs: Sequence[tuple[LogFile, Position]],
    tickets: int,
    results: int,
    now_ns: int,
) -> None:
    """Read the files whose tickets come until there are no more."""
    gc.disable()
    encoder = msgspec.msgpack.Encoder()
    buffer = bytearray(BLOCK)

    def send(kind: int, index: int, content: bytes = b"") -> None:
        message = memoryview(HEADER.pack(len(content), index, kind) + content)
        while message:
            message = message[os.write(results, message) :]

    while ticket := os.read(tickets, TICKET.size):
        (index,) = TICKET.unpack(ticket)
        log, position = jobs[index]
        send(BEGUN, index)
        try:
            agent = agents[log.agent]
            for chunk in read_log(agent, log, position, now_ns=now_ns, buffer=buffer):
                body = Body(chunk.events, chunk.position, chunk.restart)
                send(CHUNK, index, encoder.encode(body))
        except LogError as error:
            send(FAILED, index, str(error).encode("utf-8", "replace"))
        except (ValueError, TypeError, MemoryError) as error:
            text = f"{log.path}: can't be passed on: {error!r}"
            send(FAILED, index, text.encode("utf-8", "replace"))
        send(DONE, index)


def leave_parent(*keep: int) -> None:
    """Let go of everything a forked process got from its parent, but for these descriptors."""
    # A terminal's Ctrl-C reaches the parent too, which then ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        if int(name) > 2 and int(name) not in keep:
            with contextlib.suppress(OSError):
                os.close(int(name))


def main() -> None:
    """Serve as a fresh process: everything needed comes pickled on standard input."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    agents, jobs, tickets, results, now_ns = pickle.load(sys.stdin.buffer)  # noqa: S301
    serve(agents, jobs, tickets, results, now_ns)
