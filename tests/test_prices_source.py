"""Prices come from the package's own data only where that says what the installed library says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import genai_prices
import pytest

from tmuxmeter.prices.library import library
from tmuxmeter.prices.stored import is_installed, stored

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = genai_prices.__version__
JULY = 1_782_864_000_000


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., Path]:
    """Return what installs a copy of genai-prices under other versions, in a folder of its own."""

    def install(*versions: str, added: str = "") -> Path:
        package = Path(genai_prices.__path__[0])
        site = tmp_path / "site"
        shutil.copytree(package, site / package.name)
        for version in versions:
            facts = site / f"genai_prices-{version}.dist-info"
            facts.mkdir()
            head = f"Metadata-Version: 2.1\nName: genai-prices\nVersion: {version}\n"
            (facts / "METADATA").write_text(head)
        if added:
            with (site / package.name / "data.py").open("a") as data:
                data.write(added)
        return site

    return install


def run(code: str, site: Path | None = None) -> str:
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if site is not None:
        env["PYTHONPATH"] = str(site)
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


ASK = """
import sys
from tmuxmeter.prices import PriceBook
book = PriceBook((), {"claude": "anthropic", "codex": "openai"})
"""
LOADED = "print(any(name.startswith('genai_prices') for name in sys.modules))\n"


def test_known_and_unknown_models_are_priced_without_the_library() -> None:
    code = ASK + (
        "models = 'claude-opus-4-6[1m]', 'gpt-5.5-20260423', 'us.anthropic.claude-opus-4-6-v1:0', "
        "'openai/gpt-5.5', 'deepseek-chat', 'gpt-7', 'codex-auto-review', '<synthetic>'\n"
        "for agent in ('claude', 'codex', 'never-heard-of'):\n"
        "    for model in models:\n"
        "        for tier in ('', 'fast', 'batch', 'turbo'):\n"
        f"            book.cost(agent, model, tier, 'us', {JULY}, fresh=1)\n"
        f"            book.explain(model, {JULY}, agent=agent, tier=tier)\n"
        f"print(book.cost('claude', 'claude-opus-4-6', '', '', {JULY}, fresh=1000))\n"
        f"print(book.explain('claude-opus-4-6', {JULY}).whence[0])\n"
    )
    assert run(code + LOADED).splitlines() == [
        "5000",
        f"genai-prices {INSTALLED}: anthropic/claude-opus-4-6",
        "False",
    ]


def test_an_agent_of_a_provider_that_the_file_leaves_out_asks_the_library() -> None:
    code = ASK + f"print(book.cost('groq', 'gemma-7b-it', '', '', {JULY}, fresh=100_000))\n"
    assert run(code + LOADED) == "7000\nTrue\n"


def test_a_newer_library_is_asked_itself(elsewhere: Callable[..., Path]) -> None:
    site = elsewhere(
        "99.0",
        added=(
            "\nfor model in providers[0].models:\n"
            "    if model.id == 'claude-sonnet-4-6':\n"
            "        model.prices = ModelPrice(input_mtok=Decimal('7'), output_mtok=Decimal('9'))\n"
        ),
    )
    code = ASK + (
        f"print(book.cost('claude', 'claude-sonnet-4-6', '', '', {JULY}, fresh=1000))\n"
        f"print(book.explain('claude-sonnet-4-6', {JULY}).whence[0])\n"
        f"print(book.explain('claude-opus-99', {JULY}).whence[0])\n"
    )
    assert run(code + LOADED, site).splitlines() == [
        "7000",
        "genai-prices 99.0: anthropic/claude-sonnet-4-6",
        "genai-prices 99.0 has no model of exactly this name",
        "True",
    ]


@pytest.mark.parametrize(
    ("versions", "sure"),
    [
        ([INSTALLED], True),
        (["99.0"], False),
        # remains of an interrupted upgrade, and a copy that no installer wrote down
        ([INSTALLED, "99.0"], False),
        ([], False),
    ],
)
def test_the_file_speaks_only_for_the_very_version_installed(
    elsewhere: Callable[..., Path], versions: list[str], sure: bool
) -> None:
    code = f"from tmuxmeter.prices.stored import is_installed\nprint(is_installed({INSTALLED!r}))"
    assert run(code, elsewhere(*versions)) == f"{sure}\n"


def test_the_installed_version_is_known_without_doubt() -> None:
    assert is_installed(INSTALLED)
    assert not is_installed(f"{INSTALLED}1")


EVERYTHING = """
import sys
from tmuxmeter.prices import PriceBook, catalog, tables
from tmuxmeter.prices.stored import stored
from tmuxmeter.prices.names import reference

def texts(rule):
    for what in rule.values():
        yield from [what] if isinstance(what, str) else (t for part in what for t in texts(part))

def leads_to(name, provider, model):
    found = catalog.find(reference(name), provider)
    return found is not None and found.model.id == model.id

book = PriceBook()
kinds = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output", "web_searches")
lists = catalog.source()
for provider in stored().providers:
    for model in lists.models(provider):
        entry = catalog.Entry(provider, model)
        starts, clocks = catalog.starts(entry)
        times = [JULY, *(edge for start in starts for edge in (start - 1, start))]
        times += [JULY + clock + step for clock in clocks for step in (-1, 0)]
        brackets = {0, *(b.above for t in times for b in catalog.brackets(entry, "", t) or ())}
        sizes = sorted({edge + step for edge in brackets for step in (0, 1)} - {-1})
        # Bedrock's rules leave the region out
        names = [*texts(model.match), model.id.replace("regional.", "us.")]
        name = next((n for n in names if leads_to(n, provider, model)), model.id)
        costs = []
        for tier in tables.TIERS:
            for geo in ("", "us", "mars"):
                for time_ms in times:
                    for size in sizes:
                        for kind in kinds:
                            counts = {"fresh": size, kind: size or 1}
                            costs.append(book.cost(provider, name, tier, geo, time_ms, **counts))
        said = book.explain(name, JULY, agent=provider)
        said = said.provider, said.priced_as, said.valid_from, said.valid_until, said.tiers
        print(provider, model.id, name, said, sizes, times, costs)
print(type(lists).__name__)
"""


def test_every_answer_is_the_same_from_the_file_and_from_the_library(
    elsewhere: Callable[..., Path],
) -> None:
    """All models, tiers and places, at every change of price and every bracket, all kinds."""
    code = EVERYTHING.replace("JULY", str(JULY))
    fast = run(code).splitlines()
    slow = run(code, elsewhere("99.0")).splitlines()
    assert (fast.pop(), slow.pop()) == ("Stored", "Library")
    assert len(fast) == len(slow) == sum(len(library().models(p)) for p in stored().providers)
    for ours, theirs in zip(fast, slow, strict=True):
        assert ours == theirs
    assert sum("'standard'" in line for line in fast) > 400
