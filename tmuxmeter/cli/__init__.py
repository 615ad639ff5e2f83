"""The command line: thin commands, each group of them in a file that is loaded when used."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys

from tmuxmeter.errors import FolderError, TmuxmeterError

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a disk answers that takes no more."""


def main() -> None:
    """Run the command line; every foreseen failure is one line and a fitting exit code."""
    # a stream that the caller closed (tmuxmeter days >&-) is None: nobody hears or says anything
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        # a terminal that can't show a character shows its code; it is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
        # all that is left goes with the process: nothing of it need be looked through
        gc.freeze()
        sys.exit(code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        drop_output()
        sys.exit(0)
    except TmuxmeterError as error:
        print(f"tmuxmeter: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except PermissionError as error:
        where = f"{error.filename}: " if error.filename else ""
        hint = "`tmuxmeter doctor` says what to do"
        print(f"tmuxmeter: {where}{error.strerror}; {hint}", file=sys.stderr)
        sys.exit(FolderError.exit_code)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        drop_output()
        where = error.filename or "standard output"
        print(f"tmuxmeter: {where}: can't be written: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def drop_output() -> None:
    """Print into nothing from now on: the reader of a pipe left (``tmuxmeter days | head``)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    """Run what was called and return its exit code."""
    if words[:1] == ["today"]:
        from tmuxmeter.cli.plain import today_call

        call = today_call(words[1:])
        if call is not None:
            call.run()
            return 0
    from tmuxmeter.cli.group import run

    return run()
