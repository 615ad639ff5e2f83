"""The prompt snippets in the real shells: what they show, and that they start no process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_status_segments import LIVE, PANE

from tmuxmeter.paths import places
from tmuxmeter.status.prompt import PROMPT_FILE, prompt_file

SHELL = Path(__file__).parents[1] / "shell"

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-c"],
    "zsh": ["zsh", "-f", "-c"],
    "fish": ["fish", "--no-config", "-c"],
}
SHOW = {
    "bash": 'tmuxmeter_prompt; printf "%s" "$TMUXMETER_PROMPT"',
    "zsh": 'tmuxmeter_prompt; print -nr -- "$TMUXMETER_PROMPT"',
    "fish": "tmuxmeter_prompt",
}

pytestmark = pytest.mark.parametrize("shell", SHELLS)


def run(shell: str, script: str, **environment: str) -> str:
    """Run a script after the snippet, in an environment where no program can be found."""
    program, *options = SHELLS[shell]
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{shell} is not installed")
    text = f"source '{SHELL}/tmuxmeter.{shell}'; {script}"
    result = subprocess.run(
        [found, *options, text],
        env={"HOME": os.environ["HOME"], "PATH": "/nonexistent", "LC_ALL": "C.UTF-8"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert result.stderr == ""
    return result.stdout


def write(path: Path, lease: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    here = replace(LIVE, panes=(PANE, replace(PANE, pane="%31", cost_microdollars=9_000_000)))
    path.write_text(prompt_file({77: here}, int(time.time() + lease)))
    return path


IN_TMUX = {"TMUX": "/tmp/odd,folder/s,77,0", "TMUX_PANE": "%3"}


def test_total_and_pane_are_shown(shell: str, tmp_path: Path) -> None:
    file = str(write(tmp_path / "p", 60))
    where = {"TMUXMETER_PROMPT_FILE": file}
    assert run(shell, SHOW[shell], **where) == "$12.34"
    assert run(shell, SHOW[shell], **where, **IN_TMUX) == "$1.20 of $12.34"
    other = {**IN_TMUX, "TMUX_PANE": "%31"}
    assert run(shell, SHOW[shell], **where, **other) == "$9.00 of $12.34"


def test_another_servers_pane_of_the_same_id_is_not_this_one(shell: str, tmp_path: Path) -> None:
    file = str(write(tmp_path / "p", 60))
    other = {"TMUX": "/tmp/s,78,0", "TMUX_PANE": "%3", "TMUXMETER_PROMPT_FILE": file}
    assert run(shell, SHOW[shell], **other) == "$12.34"
    unknown = {**IN_TMUX, "TMUX_PANE": "%", "TMUXMETER_PROMPT_FILE": file}
    assert run(shell, SHOW[shell], **unknown) == "$12.34"


def test_nothing_is_shown_when_stale_missing_or_broken(shell: str, tmp_path: Path) -> None:
    file = write(tmp_path / "p", -1)
    where = {"TMUXMETER_PROMPT_FILE": str(file), **IN_TMUX}
    assert run(shell, SHOW[shell], **where) == ""
    for content in (
        "",
        "x\n$1\n",
        "99999999999",
        "$(echo 1)\n$1\n",
        "a[$(echo 1)]\n$1\n",
        "-1\n$1\n",
    ):
        file.write_text(content)
        assert run(shell, SHOW[shell], **where) == ""
    file.unlink()
    assert run(shell, SHOW[shell], **where) == ""


def test_an_old_file_is_stale_whatever_its_own_age_says(shell: str, tmp_path: Path) -> None:
    file = write(tmp_path / "p", -3600)
    os.utime(file, (time.time() - 7200, time.time() - 7200))
    assert run(shell, SHOW[shell], TMUXMETER_PROMPT_FILE=str(file)) == ""
    file = write(tmp_path / "p", 3600)
    os.utime(file, (time.time() - 7200, time.time() - 7200))
    assert run(shell, SHOW[shell], TMUXMETER_PROMPT_FILE=str(file)) == "$12.34"


@pytest.mark.parametrize("environment", [{}, {"XDG_STATE_HOME": "/state-d"}])
def test_the_file_is_found_where_the_watcher_writes_it(
    shell: str, tmp_path: Path, home: Path, environment: dict[str, str]
) -> None:
    given = {name: f"{tmp_path}{value}" for name, value in environment.items()}
    for platform in ("linux", "darwin"):
        runtime = places(None, {"HOME": str(home), **given}, platform).runtime
        file = write(runtime / PROMPT_FILE, 60)
        assert run(shell, SHOW[shell], **given) == "$12.34"
        file.unlink()
        assert run(shell, SHOW[shell], **given) == ""


def test_the_text_is_shown_literally_in_a_prompt(shell: str, tmp_path: Path) -> None:
    file, mark = tmp_path / "p", tmp_path / "m"
    words = f"$(touch {mark}) `touch {mark}` %n %% \\w \\$ !! {{a,b}} * ~"
    file.write_text(f"{int(time.time()) + 60}\n{words}\n")
    prompt = {
        "bash": "PS1='${TMUXMETER_PROMPT}'; tmuxmeter_prompt; printf %s \"${PS1@P}\"",
        "zsh": "setopt prompt_subst; PROMPT='${TMUXMETER_PROMPT}'; tmuxmeter_prompt; "
        'print -nr -- "${(%%)PROMPT}"',
        "fish": "function fish_prompt; tmuxmeter_prompt; end; fish_prompt",
    }
    assert run(shell, prompt[shell], TMUXMETER_PROMPT_FILE=str(file)) == words
    assert not mark.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_is_started(shell: str, tmp_path: Path) -> None:
    file = str(write(tmp_path / "p", 60))
    # Field 11 of stat: page faults of children that were waited for; no child leaves it 0.
    read = {
        "bash": "read -r line < /proc/$$/stat; printf '%s' \"$line\"",
        "zsh": "read -r line < /proc/$$/stat; print -nr -- $line",
        "fish": "read -l line < /proc/$fish_pid/stat; printf '%s' $line",
    }
    fork = {"bash": "(:)", "zsh": "(:)", "fish": f"{sys.executable} -S -c ''"}

    def faults(script: str) -> int:
        stat = run(shell, f"{script}; {read[shell]}", TMUXMETER_PROMPT_FILE=file, **IN_TMUX)
        return int(stat.rpartition(")")[2].split()[8])

    assert faults("tmuxmeter_prompt >/dev/null; tmuxmeter_prompt >/dev/null") == 0
    # The measure itself works.
    assert faults(fork[shell]) > 0


def test_sourcing_twice_and_other_hooks_are_kept(shell: str, tmp_path: Path) -> None:
    again = f"source '{SHELL}/tmuxmeter.{shell}'"
    if shell == "bash":
        script = f"PROMPT_COMMAND='echo mine $?'; {again}; {again}; echo \"$PROMPT_COMMAND\"; "
        script += '(exit 3); eval "$PROMPT_COMMAND"'
        assert run(shell, script) == "tmuxmeter_prompt;echo mine $?\nmine 3\n"
    elif shell == "zsh":
        script = f"precmd_functions=(mine); {again}; {again}; print -r -- $precmd_functions"
        assert run(shell, script) == "mine tmuxmeter_prompt\n"
    else:
        file = str(write(tmp_path / "p", 60))
        assert run(shell, f"{again}; tmuxmeter_prompt", TMUXMETER_PROMPT_FILE=file) == "$12.34"
