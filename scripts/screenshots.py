"""Make the pictures in docs/img from a real tmux: the demo, as a terminal of 120×34 shows it.

The demo's tmux client runs in a pane of another tmux server; what that pane holds, colours
included, is the client's whole screen. Rich draws it as SVG, without fonts from anywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import TerminalTheme

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 120, 34
REPORT_HEIGHT = 50
"""A terminal so high shows a whole report."""
PATIENCE_S = 90.0
CLEAN_UP_S = 20.0
PALETTE = "282c34 e06c75 98c379 d19a66 61afef c678dd 56b6c2 abb2bf"
BRIGHT = "5c6370 e06c75 98c379 e5c07b 61afef c678dd 56b6c2 ffffff"
# Rich's own template loads fonts from elsewhere; this one takes what the reader's system has
SVG = """\
<svg viewBox="BOX" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; white-space: pre;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect fill="#181a1f" x="-14" y="-10" width="100%" height="100%" rx="8"/>
<g clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""
CHARACTER, LINE = 12.2, 24.4
"""Width and height of a character in these pictures, as Rich lays them out."""


class Screen:
    """A terminal: the one pane of a tmux server of our own."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-u", "-S", str(folder / "outer"), "-f", "/dev/null"]
        hidden = ("CLAUDE", "CODEX", "TMUX", "XDG_")
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        self._env |= {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}

    def run(self, *arguments: str) -> str:
        """Run one tmux command and return what it prints."""
        command = [*self._tmux, *arguments]
        return subprocess.run(
            command, env=self._env, check=True, capture_output=True, text=True
        ).stdout

    def start(self, command: str) -> None:
        """Show ``command`` in the terminal."""
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self.run("new-session", "-d", *size, "cat")
        self.run("set-option", "-g", "status", "off")
        self.run("set-option", "-g", "default-terminal", "tmux-256color")
        self.run("set-option", "-g", "remain-on-exit", "on")
        self.run("respawn-pane", "-k", command)

    def keys(self, *keys: str) -> None:
        """Type keys by their tmux names."""
        self.run("send-keys", *keys)

    def text(self) -> str:
        """Return what is on the screen, without colours."""
        return self.run("capture-pane", "-p")

    def coloured(self) -> str:
        """Return what is on the screen, with colours."""
        return self.run("capture-pane", "-e", "-p", "-N")

    def wait_for(self, *patterns: str) -> None:
        """Wait until something like each of ``patterns`` is on the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(re.search(pattern, self.text(), re.DOTALL) for pattern in patterns):
            if time.monotonic() > deadline or "Pane is dead" in self.text():
                sys.exit(f"screenshots: {patterns} never came; the screen:\n{self.text()}")
            time.sleep(0.2)

    def close(self) -> None:
        """End the server and wait until what ran in it has cleaned up."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.keys("C-q")
            deadline = time.monotonic() + CLEAN_UP_S
            while self.run("display-message", "-p", "#{pane_dead}") != "1\n":
                if time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            self.run("kill-server")


def colours(text: str) -> list[tuple[int, int, int]]:
    """Return the colours that words of six hexadecimal digits name."""
    return [(red, green, blue) for red, green, blue in map(bytes.fromhex, text.split())]


def draw(coloured: str, path: Path, rows: slice) -> None:
    """Draw some rows of a screen as SVG."""
    # a style goes on into the next line, so all of them are read
    lines = list(AnsiDecoder().decode(coloured.rstrip("\n")))[rows]
    box = f"-14 -10 {WIDTH * CHARACTER + 28:.0f} {len(lines) * LINE + 20:.0f}"
    theme = TerminalTheme((24, 26, 31), (205, 209, 216), colours(PALETTE), colours(BRIGHT))
    # recorded, and shown nowhere
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop", soft_wrap=False)
        svg = console.export_svg(
            theme=theme,
            code_format=SVG.replace("BOX", box),
            unique_id=path.stem,
            font_aspect_ratio=0.61,
        )
    path.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
    print(path)


def main() -> None:
    """Play the demo and draw its windows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "img", help="the folder")
    target: Path = parser.parse_args().to
    target.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="tms-", dir="/tmp"))
    screen = Screen(folder)
    try:
        screen.start(f"exec {shlex.quote(sys.executable)} -m tmuxmeter demo")
        screen.wait_for(r"⏳permission prompt.*demo \$", r"▶ .*─", r"(Bash.*){3}")
        agents = screen.coloured()
        draw(agents, target / "panes.svg", slice(None))
        draw(agents, target / "status.svg", slice(-1, None))
        screen.run("resize-window", "-x", str(WIDTH), "-y", str(REPORT_HEIGHT))
        screen.keys("C-n")
        screen.wait_for(r"unattributed .*demo\$")
        for command, sign in (
            ("today", "unattributed "),
            ("week", "Not calibrated"),
            ("days", "total  "),
        ):
            screen.keys("C-l", f"tmuxmeter {command}", "Enter")
            screen.wait_for(rf"^[^\n]*\n[^\n]*tmuxmeter {command}\n.*{sign}.*demo\$")
            name = command.split()[0]
            prompt = screen.text().split("\n").index("demo$")
            draw(screen.coloured(), target / f"{name}.svg", slice(1, prompt + 1))
    finally:
        screen.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
