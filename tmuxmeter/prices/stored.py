"""What genai-prices knew when ``data.jsonl`` was written (``scripts/prices_data.py``).

Reading it takes a few ms and hardly any memory (measured); loading the library itself 0.15 to 0.4 s
and 27 MB or more.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.prices.lists import Dated, Model, Variant

if TYPE_CHECKING:
    from tmuxmeter.prices.lists import Rule

PATH = Path(__file__).with_name("data.jsonl")


class Stored:
    """The file's lists.

    Parameters
    ----------
    lines : list of str
        The file's lines: a head, then one per model.

    Attributes
    ----------
    others : frozenset of str
        Providers of the library that aren't in the file.
    """

    def __init__(self, lines: list[str]) -> None:
        head = json.loads(lines[0])
        self.version: str = head["version"]
        self.providers: dict[str, Rule | None] = head["providers"]
        self.others: frozenset[str] = frozenset(head["others"])
        self._lines = lines
        self._models: dict[str, list[Model]] = {}

    def models(self, provider: str) -> list[Model]:
        """Return a provider's models, in the library's order."""
        found = self._models.get(provider)
        if found is None:
            # most providers are never asked for, so their lines are never parsed
            start = f'["{provider}", '
            found = self._models[provider] = [
                Model(
                    name,
                    match,
                    [Dated(*dated) for dated in prices],
                    [Variant(*variant) for variant in variants],
                )
                for _, name, match, prices, variants in (
                    json.loads(line) for line in self._lines if line.startswith(start)
                )
            ]
        return found


@cache
def stored() -> Stored:
    """Return the file's lists, read once."""
    return Stored(PATH.read_text("utf-8").splitlines())


def is_installed(version: str) -> bool:
    """Tell whether genai-prices is installed in this version, without loading it."""
    from importlib.util import find_spec

    spec = find_spec("genai_prices")
    if spec is None or spec.origin is None:
        return False
    try:
        names = [path.name for path in Path(spec.origin).parents[1].iterdir()]
    except OSError:
        return False
    # what an installer writes beside the package; a second one would make the version doubtful
    found = [
        name
        for name in names
        if name.startswith("genai_prices-") and name.endswith((".dist-info", ".egg-info"))
    ]
    return found == [f"genai_prices-{version}.dist-info"]
