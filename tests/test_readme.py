"""Whatever the README names exists and works as written; whatever exists is in the README."""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from tmux_fixtures import wait_until

from tmuxmeter.cli.group import COMMANDS, cli
from tmuxmeter.demo.play import write_week
from tmuxmeter.status.options import OPTION_NAMES, StatusOptions
from tmuxmeter.tmux.formats import PLACEHOLDERS, STALE_TEXT
from tmuxmeter.tmux.keys import KEY_OPTIONS
from tmuxmeter.tmux.snapshot import EXEMPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmux_fixtures import TmuxServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNS_NOTHING_HERE = {"pipx install .", "uv tool install ."}
"""Installers: what they do is tests/test_packaging.py's business."""

EXPECTED_CODES = {"tmuxmeter status": 3, "tmuxmeter doctor": (0, 1)}
"""Without a watcher; doctor also minds what is missing on the machine."""


def blocks(language: str) -> list[str]:
    """Return the fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def lines(language: str) -> list[str]:
    """Return the commands in the blocks of a language, without comments."""
    found = []
    for line in "".join(blocks(language)).splitlines():
        command = line.partition("  #")[0].partition("   #")[0].strip()
        if command and not command.startswith("#"):
            found.append(command)
    return found


def rows(start: str, text: str = README) -> dict[str, list[str]]:
    """Return the table rows whose first cell begins so, by that cell."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith(f"| {start}"):
            found[cells[0]] = cells[1:]
    return found


COMMAND_LINES = [line for line in lines("sh") if line.startswith("tmuxmeter ")]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a played week in it."""
    home = tmp_path_factory.mktemp("played")
    write_week(home, time.time_ns() // 1_000_000)
    return home


def make_tool(folder: Path, *options: str) -> Path:
    """Write a tmuxmeter of this checkout, which is always called with ``options``, to a folder."""
    script = folder / "tmuxmeter"
    words = shlex.join([sys.executable, "-m", "tmuxmeter", *options])
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on the PATH, with the tmuxmeter of this checkout."""
    return make_tool(tmp_path_factory.mktemp("bin"))


def environment(tool: Path, home: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{tool}:{os.environ['PATH']}", "HOME": str(home)}


def shell(line: str, tool: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line],
        env=environment(tool, home),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_commands_run_as_written(line: str, tool: Path, played: Path) -> None:
    answer = shell(line, tool, played)
    expected = EXPECTED_CODES.get(line, 0)
    assert answer.returncode in (expected if isinstance(expected, tuple) else (expected,))
    assert (answer.stdout, answer.stderr) != ("", "")
    assert "Traceback" not in answer.stderr
    if "--json" in line:
        json.loads(answer.stdout)


@pytest.mark.parametrize("line", [line for line in lines("sh") if line.startswith("make")])
def test_make_knows_its_targets(line: str, tool: Path, home: Path) -> None:
    answer = shell(f"{line} --dry-run", tool, home)
    assert answer.returncode == 0, answer.stderr


def test_make_targets_in_the_text_exist(tool: Path, home: Path) -> None:
    for line in set(re.findall(r"`(make [a-z0-9 ]+)`", README)):
        answer = shell(f"{line} --dry-run", tool, home)
        assert answer.returncode == 0, answer.stderr


def test_every_other_line_is_known() -> None:
    """A new kind of command in the README needs a test of its own."""
    known = ("tmuxmeter ", "make", "tmux source-file ~/.tmux.conf")
    prompts = ("source ", "PS1=", "PROMPT=", "setopt ")
    strange = {line for line in lines("sh") if not line.startswith((*known, *prompts))}
    assert strange == RUNS_NOTHING_HERE


@functools.cache
def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in COMMANDS}
    return {name: command for name, command in found.items() if command}


def options(name: str) -> set[str]:
    """Return the long options that a command's help shows, and that of its own commands."""
    command = commands()[name]
    parts = list(command.commands.values()) if isinstance(command, click.Group) else []
    found = set()
    for part in [command, *parts]:
        shown = part.get_help(click.Context(part, info_name=name))
        found |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown.partition("Options:")[2]))
    return found


def test_the_table_names_every_command_and_every_option() -> None:
    table = rows("`tmuxmeter ")
    named = {cell.strip("`").split()[1]: cells for cell, cells in table.items()}
    assert list(named) == [name for name in COMMANDS if name in named]
    assert set(named) == set(COMMANDS)
    for name, (_, told) in named.items():
        everywhere = {"--help", "--home"} if name not in ("files", "run") else {"--help"}
        assert set(re.findall(r"`(--[a-z-]+)", told)) == options(name) - everywhere, name
    assert "`--home DIR` on every command" in README


def test_choices_are_named() -> None:
    by = next(param for param in commands()["days"].params if param.name == "by")
    assert isinstance(by.type, click.Choice)
    told = rows("`tmuxmeter days`")["`tmuxmeter days`"][1].partition("`--by`")[2]
    assert re.findall(r"`([a-z]+)`", told) == list(by.type.choices)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_calls_in_the_text_make_sense(document: Path) -> None:
    """`tmuxmeter …` anywhere, in any document, names a command and options that it has."""
    for call in re.findall(r"`(tmuxmeter [^`]+)`", document.read_text("utf-8")):
        name, *words = call.split()[1:]
        if name.startswith("--"):
            assert name in {"--version", "--home"}, call
            continue
        assert name in COMMANDS, call
        # what comes after -- is another program's
        for word in itertools.takewhile(lambda word: word != "--", words):
            assert not word.startswith("--") or word in options(name), call


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text("utf-8")):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


def test_files_named_in_the_text_exist() -> None:
    for name in re.findall(r"`((?:docs|scripts|shell|tests|\.ci|bench)/[\w./-]+)`", README):
        assert (ROOT / name).exists(), name


def test_pictures_need_nothing_from_elsewhere() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for name in pictures:
        text = (ROOT / name).read_text("utf-8")
        assert set(re.findall(r"https?://[^\"' )]+", text)) == {"http://www.w3.org/2000/svg"}
        assert "demo" in text


# tmux


def test_placeholders_are_those_that_exist() -> None:
    named = set(re.findall(r"#\{(tmuxmeter\w*)\}", README))
    assert named == set(PLACEHOLDERS)


def test_options_are_those_that_are_read() -> None:
    read = set(re.findall(r"@tmuxmeter_\w+", "".join(PLACEHOLDERS.values()))) | set(OPTION_NAMES)
    read |= {*KEY_OPTIONS, EXEMPT}
    table = " ".join(rows("`@tmuxmeter"))
    assert set(re.findall(r"`(@tmuxmeter_\w+)`", table)) == read
    assert set(re.findall(r"@tmuxmeter_\w+", README)) == read


def test_options_defaults_are_true() -> None:
    told = {re.findall(r"@\w+", cell)[0]: cells[0] for cell, cells in rows("`@tmuxmeter").items()}
    default = StatusOptions()
    assert told["@tmuxmeter_icons"] == ("`on`" if default.icons else "`off`")
    assert told["@tmuxmeter_segment"] == f"`{' '.join(default.segment)}`"
    assert told["@tmuxmeter_window_segment"] == f"`{' '.join(default.window_segment)}`"
    assert told["@tmuxmeter_pane_segment"] == f"`{' '.join(default.pane_segment)}`"
    assert told["@tmuxmeter_stale"] == f"`{STALE_TEXT}`"


@pytest.mark.parametrize("start", ["`#{tmuxmeter", "`@tmuxmeter"])
def test_readme_and_tmux_document_say_the_same(start: str) -> None:
    document = (ROOT / "docs" / "tmux.md").read_text("utf-8")
    assert rows(start) == rows(start, document)


def test_the_line_without_tpm_turns_the_meter_on_and_down_turns_it_off(
    tmux_servers: Callable[..., TmuxServer], home: Path, tmp_path: Path
) -> None:
    """As a user does it: the block in tmux.conf, then commands typed in a pane."""
    # with --home, the agents and stopped servers of tests that run beside this one don't matter
    tool = make_tool(tmp_path, "--home", str(home))
    write_week(home, time.time_ns() // 1_000_000)
    block = next(block for block in blocks("tmux") if "run-shell" in block)
    config = home / ".tmux.conf"
    config.write_text(block.replace("/path/to/tmuxmeter/", f"{ROOT}/"))
    server = tmux_servers(140, 40)
    server.environment |= environment(tool, home)
    server.command[-1] = str(config)
    written = re.findall(r"set -g status-right '(.*)'", block)[0]
    try:
        pane = server.start("sh")  # a login shell might put another PATH in place
        client = server.attach(140, 40)
        client.wait_for("demo $")
        reload = next(line for line in lines("sh") if line.startswith("tmux source-file"))
        server.send(pane, f"{reload} && echo reloaded")
        wait_until(lambda: "\nreloaded" in server.capture(pane))
        # the plugin's line works in the background
        wait_until(lambda: "TMUXMETER" in server.run("show-options", "-gv", "status-right"))
        server.send(pane, "clear; tmuxmeter down")
        wait_until(lambda: "The watcher has ended." in server.capture(pane))
        assert server.run("show-options", "-gv", "status-right").strip() == written
    finally:
        shell("tmuxmeter down --all", tool, home)


@pytest.mark.parametrize("block", blocks("tmux"))
def test_tmux_blocks_are_understood(block: str, tmux_server: TmuxServer, tmp_path: Path) -> None:
    file = tmp_path / "block.conf"
    file.write_text(re.sub(r"^run-shell .*$", "", block, flags=re.MULTILINE))
    assert tmux_server.run("source-file", str(file)) == ""
    for name, value in re.findall(r"^set -g (\S+) '(.*?)'", block, re.MULTILINE):
        if name != "@plugin":
            assert tmux_server.run("show-options", "-gv", name).strip() == value.strip()


def test_keys_show_what_they_say(
    tmux_servers: Callable[..., TmuxServer], tool: Path, played: Path, tmp_path: Path
) -> None:
    """The popups, in a client inside another server, so that what they show can be read."""
    block = next(block for block in blocks("tmux") if "display-popup" in block)
    file = tmp_path / "keys.conf"
    file.write_text(block)
    inner, outer = tmux_servers(120, 38), tmux_servers(120, 38)
    inner.environment |= environment(tool, played)
    inner.start("cat")
    inner.run("source-file", str(file))
    outer.start()
    pane = inner.show_in(outer, "main:")
    wait_until(lambda: "main" in outer.capture(pane))
    signs = {
        "T": ("these logs are played", "q"),
        "W": ("these logs are played", "q"),
        "A": ("No tmux server is metered", "Enter"),
    }
    assert set(re.findall(r"bind-key (\w)", block)) == set(signs)
    for key, (sign, end) in signs.items():
        outer.run("send-keys", "-t", pane, "C-b", key)
        wait_until(lambda sign=sign: sign in outer.capture(pane))
        outer.run("send-keys", "-t", pane, end)
        # the popup may be there a moment longer than what it shows
        wait_until(lambda: "┌" not in outer.capture(pane))


# shells


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_prompts_show_the_day(
    name: str, tmux_servers: Callable[..., TmuxServer], tool: Path, home: Path, tmp_path: Path
) -> None:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    block = next(b for b in [*blocks("sh"), *blocks("fish")] if f"tmuxmeter files {name}" in b)
    start = {
        "bash": (".bashrc", "--noprofile"),
        "zsh": (".zshrc", "-d"),
        "fish": (".config/fish/config.fish", ""),
    }
    file, argument = start[name]
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(block)
    prompt = tmp_path / "prompt"
    prompt.write_text(f"{int(time.time()) + 600}\n$12.34\n")
    server = tmux_servers()
    server.environment |= environment(tool, home)
    server.environment |= {"TMUXMETER_PROMPT_FILE": str(prompt), "ZDOTDIR": str(home)}
    pane = server.start(f"{program} {argument} -i")
    wait_until(lambda: "$12.34" in server.capture(pane))


# settings


def settings(tool: Path, home: Path) -> dict[str, str]:
    answer = shell("tmuxmeter config --json", tool, home)
    assert answer.returncode == 0, answer.stderr
    return {row["key"]: row["value"] for row in json.loads(answer.stdout)}


def test_settings_are_those_that_exist_with_their_defaults(tool: Path, home: Path) -> None:
    table = next(part for part in README.split("## ") if part.startswith("Configuration"))
    told = rows("`", table)
    known = settings(tool, home)
    assert {key.strip("`") for key in told} == {*known, "accounts", 'prices."MODEL"'}
    for key, value in known.items():
        written = value if isinstance(value, str) else json.dumps(value)
        assert told[f"`{key}`"][0] == f"`{written}`", key


def test_the_example_of_settings_is_accepted(tool: Path, home: Path) -> None:
    (block,) = blocks("toml")
    file = home / ".config/tmuxmeter/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(block)
    assert settings(tool, home)["day.start"] == f'"{tomllib.loads(block)["day"]["start"]}"'
    answer = shell("tmuxmeter prices my-model --json", tool, home)
    assert json.loads(answer.stdout)[0]["priced"]
