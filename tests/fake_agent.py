"""Stands in for an agent's program: a real process that leaves the traces real agents leave.

Run by a Python that is linked under the agent's name, so that its command line begins like the real
one. ``--live=FOLDER --session=ID`` writes ``FOLDER/sessions/<pid>.json`` as Claude Code does,
``--open=FILE`` keeps a log open as Codex does, ``--run=COMMAND`` starts a shell command below it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

options = dict(word[2:].partition("=")[::2] for word in sys.argv if word.startswith("--"))
start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
if options.get("live"):
    folder = Path(options["live"]) / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    now = round(time.time() * 1000)
    facts = {
        "pid": os.getpid(),
        "sessionId": options["session"],
        "cwd": str(Path.cwd()),
        "startedAt": now,
        "updatedAt": now,
        "procStart": options.get("proc-start", start),
        "status": options.get("status", "idle"),
        "waitingFor": options.get("waiting-for", ""),
    }
    draft = folder / f".{os.getpid()}.draft"
    draft.write_text(json.dumps(facts))
    draft.replace(folder / f"{os.getpid()}.json")
if options.get("open"):
    log = Path(options["open"]).open("a")  # noqa: SIM115
if options.get("run"):
    subprocess.Popen(["/bin/sh", "-c", options["run"]])
signal.pause()
