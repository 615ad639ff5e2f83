"""From the text of a configuration file to checked settings and all that is wrong with it."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tmuxmeter.config.checks import Refused
from tmuxmeter.config.entries import CustomAgent, PriceOverride
from tmuxmeter.config.lines import KeyPath, key_lines, line_of
from tmuxmeter.config.settings import AgentsSettings, BreakevenSettings, Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tmuxmeter.config.checks import Check


class Parsing:
    """One file's text being parsed; collects every problem instead of stopping at the first."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = key_lines(text)
        self.problems: list[str] = []
        self.sources: dict[str, str] = {}
        self.priced: dict[tuple[object, ...], str] = {}

    def result(self) -> tuple[Config, list[str]]:
        """Return the settings and all problems, ``FILE:LINE: what``."""
        import tomllib

        try:
            # decimals keep prices exact
            data = tomllib.loads(self.text, parse_float=_decimal)
        except ValueError as error:  # TOMLDecodeError, and int()'s own for thousands of digits
            return Config(), [self._syntax(str(error))]
        except RecursionError:
            return Config(), [f"{self.path}: not valid TOML: nested too deeply"]
        values = self._section(Config, data, ())
        return Config(**values, sources=self.sources), self.problems

    def _section(self, kind: type, data: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        fields = {
            field.name: field
            for field in dataclasses.fields(kind)
            if "doc" in field.metadata and "each" not in field.metadata
        }
        # one table for each agent that is named
        each = next((f for f in dataclasses.fields(kind) if "each" in f.metadata), None)
        names = each.metadata["names"] if each else ()
        values: dict[str, Any] = {}
        for name, value in data.items():
            here = (*path, name)
            if each and name in names and isinstance(value, dict):
                one = each.metadata["each"]
                settings = one(**self._section(one, value, here))
                if settings != one():
                    values.setdefault(each.name, {})[name] = settings
                continue
            if name not in fields:
                self._unknown(here, (*fields, *names))
                continue
            meta = fields[name].metadata
            if kind is AgentsSettings and name == "custom":
                values[name] = self._custom(value, here)
            elif "check" in meta:
                self._value(here, name, value, meta["check"], values)
            elif not isinstance(value, dict):
                self._problem(here, f"{_dotted(here)} must be a table, not {_type(value)}")
            elif "section" in meta:
                section = meta["section"](**self._section(meta["section"], value, here))
                self._conflict(section, value, here)
                values[name] = section
            elif name == "accounts":
                values[name] = self._accounts(value, here)
            else:
                values[name] = self._prices(value, here)
        return values

    def _value(
        self, path: KeyPath, name: str, value: object, check: Check, values: dict[str, Any]
    ) -> None:
        try:
            values[name] = check.read(value)
        except Refused:
            self._problem(path, f"{_dotted(path)} must be {check.allowed}, not {_shown(value)}")
        else:
            self.sources[_dotted(path)] = self._where(path)

    def _conflict(self, section: object, data: Mapping[str, Any], path: KeyPath) -> None:
        """Tell of two values that are allowed each, but not together."""
        conflict = section.conflict() if isinstance(section, BreakevenSettings) else None
        if conflict:
            key, allowed = conflict
            given = key if key in data else next(iter(data))
            text = f"{_dotted((*path, key))} must be {allowed}, not {getattr(section, key):g}"
            self._problem((*path, given), text)

    def _accounts(self, data: Mapping[str, object], path: KeyPath) -> dict[str, str]:
        names: dict[str, str] = {}
        for folder, name in data.items():
            here = (*path, folder)
            if isinstance(name, str) and name and folder:
                names[folder] = name
                self.sources[_dotted(here)] = self._where(here)
            else:
                wanted = "a folder and its name, both strings that aren't empty"
                self._problem(here, f"{_dotted(here)} must be {wanted}, not {_shown(name)}")
        return names

    def _custom(self, entries: object, path: KeyPath) -> tuple[CustomAgent, ...]:
        if not isinstance(entries, list):
            self._problem(path, f"{_dotted(path)} must be [[{_dotted(path)}]], a list of tables")
            return ()
        found: dict[str, CustomAgent] = {}
        for index, entry in enumerate(entries):
            here = (*path, index)
            values = self._table(CustomAgent, entry, here, "what every agent needs")
            if values is None:
                continue
            agent = CustomAgent(where=self._where(here), **values)
            if agent.name in found:
                self._problem(here, f"{_dotted(path)} has a second agent {agent.name!r}")
            found[agent.name] = agent
        return tuple(found.values())

    def _table(
        self, kind: type[CustomAgent | PriceOverride], data: object, path: KeyPath, needed: str
    ) -> dict[str, Any] | None:
        """Return the values of one entry of a list, None if there is anything wrong with it."""
        if not isinstance(data, dict):
            self._problem(path, f"{_dotted(path)} must be a table, not {_shown(data)}")
            return None
        fields = {
            field.name.rstrip("_"): field
            for field in dataclasses.fields(kind)
            if "check" in field.metadata
        }
        values: dict[str, Any] = {}
        before = len(self.problems)
        for name, value in data.items():
            here = (*path, name)
            if name in fields:
                field = fields[name]
                self._value(here, field.name, value, field.metadata["check"], values)
            else:
                self._unknown(here, fields)
        for name in kind.required():
            if name not in data:
                self._problem(path, f"{_dotted(path)} lacks {name!r}, {needed}")
        return None if len(self.problems) > before else values

    def _prices(self, data: Mapping[str, object], path: KeyPath) -> tuple[PriceOverride, ...]:
        overrides: list[PriceOverride] = []
        for model, entries in data.items():
            here = (*path, model)
            if isinstance(entries, dict):
                overrides += self._price(model, entries, here)
            elif isinstance(entries, list):
                for index, entry in enumerate(entries):
                    overrides += self._price(model, entry, (*here, index))
            else:
                wanted = f"a table of prices, as in [[{_dotted(here)}]]"
                self._problem(here, f"{_dotted(here)} must be {wanted}, not {_shown(entries)}")
        return tuple(overrides)

    def _price(self, model: str, data: object, path: KeyPath) -> list[PriceOverride]:
        if not isinstance(data, dict):
            self._problem(path, f"{_dotted(path)} must be a table of prices, not {_shown(data)}")
            return []
        values = self._table(PriceOverride, data, path, "its price in dollars")
        if values is None:
            return []
        override = PriceOverride(model=model, where=self._where(path), **values)
        same = (override.model, override.tier, override.from_)
        if same in self.priced:
            earlier = self.priced[same]
            self._problem(
                path, f"{_dotted(path)} gives a second price for the tier and day of {earlier}"
            )
        self.priced[same] = override.where
        return [override]

    def _unknown(self, path: KeyPath, known: Iterable[str]) -> None:
        from difflib import get_close_matches

        name = str(path[-1])
        around = path[:-1]
        near = [_dotted((*around, key)) for key in get_close_matches(name, list(known), 1)]
        # a key in the wrong table: offer it where it belongs
        near = near or [key for key in all_keys() if key.rsplit(".", 1)[-1] == name]
        hint = f"; did you mean {near[0]}?" if near else ""
        self._problem(path, f"unknown key {_dotted(path)}{hint}")

    def _problem(self, path: KeyPath, text: str) -> None:
        self.problems.append(f"{self._where(path)}: {text}")

    def _where(self, path: KeyPath) -> str:
        line = line_of(self.lines, path)
        return f"{self.path}:{line}" if line else f"{self.path}"

    def _syntax(self, message: str) -> str:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        if place:
            return f"{self.path}:{place[1]}:{place[2]}: not valid TOML: {message[: place.start()]}"
        message = message.removesuffix(" (at end of document)")
        last = self.text.rstrip("\n").count("\n") + 1
        return f"{self.path}:{last}: not valid TOML: {message} at the end of the file"


def all_keys() -> list[str]:
    """Return every key with a fixed name, dotted, in the order of the example."""

    def walk(kind: type, prefix: str) -> Iterable[str]:
        for field in dataclasses.fields(kind):
            if "section" in field.metadata:
                yield from walk(field.metadata["section"], f"{prefix}{field.name}.")
            elif "check" in field.metadata:
                yield f"{prefix}{field.name}"
            elif "each" in field.metadata:
                yield from walk(field.metadata["each"], f"{prefix}{field.metadata['example']}.")

    return list(walk(Config, ""))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("nan")


def _dotted(path: KeyPath) -> str:
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else '"' + part.replace('"', '\\"') + '"'
        for part in path
        if isinstance(part, str)
    )


def _type(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), f"a {type(value).__name__.lower()}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + (value if len(value) <= 60 else value[:59] + "…") + '"'
    if isinstance(value, int | Decimal):
        return str(value)[:60]
    if isinstance(value, list) and value:
        items = ", ".join(_shown(item) for item in value)
        return f"[{items if len(items) <= 60 else items[:59] + '…'}]"
    return _type(value)
