"""The settings as text: the example file, and what is in force."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmuxmeter.config.entries import CustomAgent, PriceOverride
from tmuxmeter.config.settings import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# tmuxmeter's settings, each with its default.
# Copy this file to ~/.config/tmuxmeter/config.toml ($XDG_CONFIG_HOME counts, and TMUXMETER_CONFIG
# names another file) and change what you like; what you leave out keeps its default.
# `tmuxmeter config` shows what is in force and where it comes from.
"""


@dataclass(frozen=True)
class Effective:
    """One setting in force.

    ``value`` is written as in the file; ``origin`` is ``default`` or ``FILE:LINE``.
    """

    key: str
    value: str
    origin: str
    doc: str


def example() -> str:
    """Return the text of ``config.example.toml``."""
    return _HEAD + "".join(_example(Config, ""))


def effective(config: Config) -> list[Effective]:
    """Return every setting in force, in the order of the example."""
    return list(_effective(config, config, ""))


def _example(kind: type, prefix: str) -> Iterator[str]:
    for field in dataclasses.fields(kind):
        meta = field.metadata
        if "check" in meta:
            yield f"# {meta['doc']}\n# {_capital(meta['check'].allowed)}.\n"
            yield f"{field.name} = {_toml(field.default)}\n"
        elif "section" in meta:
            yield f"\n# {meta['doc']}\n[{prefix}{field.name}]\n"
            yield from _example(meta["section"], f"{prefix}{field.name}.")
        elif "each" in meta:
            yield f"\n# {meta['doc']}\n[{prefix}{meta['example']}]\n"
            yield from _example(meta["each"], f"{prefix}{meta['example']}.")
        elif field.name == "custom":
            yield f"\n# {meta['doc']}\n# The keys:\n"
            yield from _keys(CustomAgent)
            yield "".join(f"# {line}\n" for line in meta["example"].split("\n"))
        elif field.name == "accounts":
            yield f"\n# {meta['doc']}\n[accounts]\n# {meta['example']}\n"
        elif field.name == "prices":
            yield f"\n# {meta['doc']}\n# One entry for each day on which they change. The keys:\n"
            yield from _keys(PriceOverride)
            yield "".join(f"# {line}\n" for line in meta["example"].split("\n"))


def _keys(kind: type[CustomAgent | PriceOverride]) -> Iterator[str]:
    for field in dataclasses.fields(kind):
        if "check" in field.metadata:
            name = field.name.rstrip("_")
            needed = " Required." if name in kind.required() else ""
            yield f"#   {name}: {field.metadata['doc']}{needed}\n"


def _effective(config: Config, section: Any, prefix: str) -> Iterator[Effective]:
    for field in dataclasses.fields(section):
        meta, value = field.metadata, getattr(section, field.name)
        key = f"{prefix}{field.name}"
        if "check" in meta:
            yield Effective(key, _toml(value), config.sources.get(key, "default"), meta["doc"])
        elif "section" in meta:
            yield from _effective(config, value, f"{key}.")
        elif "each" in meta:
            for name, settings in ({meta["example"]: meta["each"]()} | dict(value)).items():
                yield from _effective(config, settings, f"{prefix}{name}.")
        elif field.name == "accounts":
            for folder, name in value.items():
                key = f"accounts.{_toml(folder)}"
                yield Effective(key, _toml(name), config.sources.get(key, ""), meta["doc"])
        elif field.name == "prices":
            for override in value:
                yield _effective_entry(f"prices.{_toml(override.model)}", override, meta["doc"])
        elif field.name == "custom":
            for agent in value:
                yield _effective_entry(f"{key}.{agent.name}", agent, meta["doc"])


def _effective_entry(key: str, entry: CustomAgent | PriceOverride, doc: str) -> Effective:
    parts = [
        f"{field.name.rstrip('_')} = {_toml(getattr(entry, field.name))}"
        for field in dataclasses.fields(entry)
        if "check" in field.metadata and getattr(entry, field.name) not in {None, ""}
    ]
    return Effective(key, "{ " + ", ".join(parts) + " }", entry.where, doc)


def _toml(value: object) -> str:
    """Return a value of the settings as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
