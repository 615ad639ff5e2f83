"""A full-screen program in raw mode that counts on its screen and reads keys, as agents do.

``counter.py FOLDER [--child] [--deaf]``: writes what it counted and what it read to
``FOLDER/count`` and ``FOLDER/keys``. ``--child`` keeps a tool process below it that counts as
well. Ctrl-z gives the terminal back and suspends it, unless it is ``--deaf``; on SIGCONT it takes
the terminal again. ``q`` ends it with exit code 7.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import tty
from pathlib import Path
from typing import Any

CHILD = """
import os, sys, time
number, parent = 0, os.getppid()
while os.getppid() == parent:
    number += 1
    with open(sys.argv[1], "w") as file:
        file.write(str(number))
    time.sleep(0.01)
"""


def main() -> int:
    folder = Path(sys.argv[1])
    cooked = termios.tcgetattr(0)

    def take(*_: Any) -> None:
        tty.setraw(0)
        os.write(1, b"\x1b[?1049h\x1b[2J")

    def give() -> None:
        os.write(1, b"\x1b[?1049l")
        termios.tcsetattr(0, termios.TCSANOW, cooked)

    def ended(*_: Any) -> None:
        give()
        raise SystemExit(9)

    signal.signal(signal.SIGTERM, ended)
    take()
    child = None
    if "--child" in sys.argv:
        child = subprocess.Popen([sys.executable, "-S", "-c", CHILD, str(folder / "child.count")])
    (folder / "pid").write_text(str(os.getpid()))
    keys, number = b"", 0
    try:
        while True:
            number += 1
            os.write(1, b"\x1b[H%d " % number)
            (folder / "count").write_text(str(number))
            ready, _, _ = select.select([0], [], [], 0.01)
            if not ready:
                continue
            read = os.read(0, 64)
            if b"\x1a" in read and "--deaf" not in sys.argv:
                give()
                os.kill(0, signal.SIGTSTP)
                take()
                continue
            keys += read
            (folder / "keys").write_bytes(keys)
            if b"q" in read:
                return 7
    finally:
        if child is not None:
            child.kill()
            child.wait()
        give()


if __name__ == "__main__":
    sys.exit(main())
