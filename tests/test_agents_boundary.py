"""Adding an agent touches its module, the registry, its fixtures and the README's table."""

from __future__ import annotations

import ast
from pathlib import Path

from tmuxmeter.agents import NAMES, agent_named

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tmuxmeter"

OF_ONE_AGENT = {
    "cli/hooks.py",  # what to do after an installation
    "cli/imports.py",  # `import cursor`
    "config/settings.py",  # the name in the examples
    "pause/flow.py",  # what was measured to stand still
    "pause/interrupt.py",  # the keys that were seen to end a turn
    "prices/catalog.py",  # a family of models
    "watcher/reported.py",  # spend that only a hook tells
}
"""What goes beyond reading logs; an agent of which nobody wrote any of that needs none."""
ROOMS_OF_AGENTS = ("agents", "demo", "hooks")


def test_rooms_that_serve_every_agent_name_none() -> None:
    named = {
        f"{file.relative_to(PACKAGE)}: {node.value}"
        for file in PACKAGE.rglob("*.py")
        if file.relative_to(PACKAGE).parts[0] not in ROOMS_OF_AGENTS
        and str(file.relative_to(PACKAGE)) not in OF_ONE_AGENT
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in NAMES
    }
    assert named == set()


def test_every_agent_has_its_row_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    table = text.partition("\n## Agents\n")[2].partition("\n\nAny other")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[3:]]
    assert sorted(rows) == sorted(agent_named(name).title for name in NAMES)


def test_every_agent_has_tests_of_its_own() -> None:
    tests = {path.stem for path in (ROOT / "tests").glob("test_agents_*.py")}
    assert {name for name in NAMES if f"test_agents_{name}" not in tests} == set()
