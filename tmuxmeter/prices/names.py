"""Forms of model names that vendors document, reduced to the names price lists use.

Only exact forms: nothing here turns an unknown model into a known relative.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DATE = r"20[2-9]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_CLAUDE_DATE = re.compile(rf"-(?:{_DATE}|latest)$")
_COMPACT_DATE = re.compile(r"-(20[2-9]\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
_VERTEX = re.compile(rf"(claude-[a-z0-9.-]+)@(?:({_DATE})|default|latest)")
_BEDROCK = re.compile(
    r"(?:arn:aws[a-z-]*:bedrock:[^/]*/)?(?:([a-z-]+)\.)?anthropic\.(claude-[a-z0-9.-]+?)"
    r"(-v\d+(?::\d+)?)?"
)
_CURSOR_CLAUDE = re.compile(
    r"claude-(\d+(?:\.\d+)?)-(haiku|opus|sonnet)(?:-(?:low|medium|high|xhigh))?(?:-thinking)?"
)
_CURSOR_OPENAI = re.compile(r"(gpt-\d.*?)-(?:minimal|low|medium|high|xhigh)")

_VENDORS = ("anthropic", "google", "openai")
"""Vendors that OpenRouter puts before the names of models it sells at the vendor's list price."""


class Reference(NamedTuple):
    """What a logged model name may stand for in a price list.

    Attributes
    ----------
    provider : str
        The provider that the name itself tells, or "".
    names : tuple of str
        Names to look for, the most exact first.
    anywhere : str
        A name that counts only where a price list takes it whatever stands before it.
    """

    provider: str
    names: tuple[str, ...]
    anywhere: str = ""


def reference(model: str) -> Reference:
    """Return what a model name from a log stands for.

    Known forms: Claude Code's ``[1m]`` after a name (its mark for the long context window),
    OpenRouter's vendor and a slash before it, the Gemini API's ``models/``, Vertex AI's ``@date``,
    Amazon Bedrock's ``us.anthropic.NAME-v1:0`` also inside an inference profile's ARN, Anthropic's
    dated snapshots (``-20250929``) and ``-latest``, OpenAI's snapshots with the date written
    without dashes, Cursor's ``claude-4.5-sonnet-thinking`` and ``gpt-5.5-high``, whose effort
    changes no price.
    """
    name = model.strip().lower().removesuffix("[1m]")
    if found := _BEDROCK.fullmatch(name):
        region, base, version = found[1], found[2], found[3] or ""
        prefix = f"{region}.anthropic." if region else "anthropic."
        names = [prefix + base + version, prefix + base, prefix + _CLAUDE_DATE.sub("", base)]
        return Reference("aws", _unique(names), base)
    provider = ""
    name = name.removeprefix("models/")
    for vendor in _VENDORS:
        if name.startswith(f"{vendor}/"):
            provider, name = vendor, name.removeprefix(f"{vendor}/")
    if found := _VERTEX.fullmatch(name):
        # Google sells these at Anthropic's list price on the global endpoint
        name = f"{found[1]}-{found[2]}" if found[2] else found[1]
        provider = "anthropic"
    if name.startswith("claude-"):
        names = [name, _CLAUDE_DATE.sub("", name)]
        if found := _CURSOR_CLAUDE.fullmatch(name):
            version, family = found.groups()
            names += [f"claude-{version}-{family}", f"claude-{family}-{version}"]
        return Reference(provider, _unique(names))
    if found := _CURSOR_OPENAI.fullmatch(name):
        return Reference(provider, _unique([name, found[1]]))
    return Reference(provider, _unique([name, _COMPACT_DATE.sub(r"-\1-\2-\3", name)]))


def _unique(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
