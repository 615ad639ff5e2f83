"""Figures and foreign words as short strings."""

from __future__ import annotations

import unicodedata

from tmuxmeter.breakeven.light import ASCII_GLYPHS, GLYPHS, NEUTRAL, UNCALIBRATED_MARK

UNKNOWN = "?"
MODEL_LENGTH = 40
AGENT_LENGTH = 20
REASON_LENGTH = 30
PROBLEM_LENGTH = 60
LIGHT_LENGTH = 100

# Cc Cf Cs Co Cn: controls, invisible and bidirectional marks, surrogates, private use, unassigned;
# Zl Zp: line and paragraph separators.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me", "Mc"})
_MICRO = 1_000_000


def clean(text: str, length: int, *, ascii_only: bool = False) -> str:
    """Return foreign text as one short printable line.

    Controls, line ends, bidirectional and invisible characters become a space, runs of spaces one;
    of combining marks in a row the first stays. What is longer than ``length`` characters ends in
    an ellipsis. With ``ascii_only`` any other character becomes ``?``.
    """
    out: list[str] = []
    marked = False
    # A bounded look at unbounded input: cleaning can only shorten it.
    for character in text[: 8 * length]:
        category = unicodedata.category(character)
        if category in _MARKS:
            if not marked:
                out.append(character)
            marked = True
            continue
        marked = False
        out.append(" " if category in _UNWANTED else character)
    short = " ".join("".join(out).split())
    ellipsis = "..." if ascii_only else "…"
    if len(short) > length:
        short = short[: length - len(ellipsis)].rstrip() + ellipsis
    return short.encode("ascii", "replace").decode("ascii") if ascii_only else short


def for_tmux(text: str) -> str:
    """Escape text for a tmux status line or border, where ``#[…]`` would be a style."""
    return text.replace("#", "##")


def money(microdollars: int | None, unknown: int = 0) -> str:
    """Return dollars in at most seven characters: ``$0.004``, ``$1.20``, ``$123.4``, ``$12.3k``.

    ``?`` where nothing is known, ``+?`` at the end where more was spent: ``unknown`` tokens that
    have no price, or sessions that tell none.
    """
    if microdollars is None:
        return UNKNOWN
    sign = "-" if microdollars < 0 else ""
    return sign + _dollars(abs(microdollars)) + ("+?" if unknown > 0 else "")


def _dollars(micro: int) -> str:
    if 0 < micro < 500:
        return "<$0.001"
    if 0 < micro < 9_500:
        return "$" + _decimal(micro, _MICRO, 3)
    for below, unit, digits, suffix in (
        (100, 1, 2, ""),
        (1_000, 1, 1, ""),
        (10_000, 1, 0, ""),
        (1_000_000, 1_000, 1, "k"),
    ):
        # The limit counts after rounding, so $99.996 is $100.0 and never $100.00.
        if 2 * micro * 10**digits < (2 * below * 10**digits - unit) * _MICRO:
            return "$" + _decimal(micro, unit * _MICRO, digits) + suffix
    return "$" + _decimal(micro, 1_000_000 * _MICRO, 1) + "M"


def tokens(count: int) -> str:
    """Return a count in at most five characters: ``999``, ``1.2k``, ``212k``, ``1.2M``."""
    sign, count = ("-", -count) if count < 0 else ("", count)
    if count < 1_000:
        return f"{sign}{count}"
    for unit, suffix in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        if 20 * count < 199 * unit:
            return sign + _decimal(count, unit, 1) + suffix
        if 2 * count < 1999 * unit:
            return sign + _decimal(count, unit, 0) + suffix
    return sign + _decimal(count, 1_000_000_000_000, 1) + "T"


def factor(value: float | None) -> str:
    """Return a factor in at most five characters: ``0.87``, ``1.2``, ``13``; never across 1.

    >>> factor(0.996), factor(1.6), factor(12.34)
    ('0.99', '1.6', '12')
    """
    if value is None or value != value:  # NaN
        return UNKNOWN
    if value < 1:
        return f"{max(0, min(99, int(value * 100 + 0.5))) / 100:g}"
    if value >= 9.95:
        return tokens(int(min(value, 1e15) + 0.5))
    return f"{max(1.1 if value > 1 else 1, int(value * 10 + 0.5) / 10):g}"


def line(value: float | None, *, ascii_only: bool = False) -> str:
    """Return the tokens of the line: ``331k``, ``∞`` where parallel work always pays."""
    if value is None or value != value:  # NaN
        return UNKNOWN
    if value == float("inf"):
        return "inf" if ascii_only else "∞"
    return tokens(int(value + 0.5))


def verdict_sign(verdict: str, *, calibrated: bool, ascii_only: bool = False) -> str:
    """Return a verdict as a sign, with a mark where it isn't on the user's own scale; "" unknown.

    >>> verdict_sign("green", calibrated=False), verdict_sign("red", calibrated=True)
    ('▲?', '▼')
    """
    glyph = (ASCII_GLYPHS if ascii_only else GLYPHS).get(verdict, "")
    unsure = glyph and verdict != NEUTRAL and not calibrated
    return glyph + UNCALIBRATED_MARK if unsure else glyph


def share(value: float | None) -> str:
    """Return a share as whole per cent; ``100%`` and ``0%`` only where it is exactly that."""
    if value is None or value != value:  # NaN
        return UNKNOWN
    percent = int(value * 100 + 0.5) if value < 1e6 else 10**8
    if 0 < value < 1:
        percent = min(99, max(1, percent))
    return f"{percent}%"


def _decimal(value: int, unit: int, digits: int) -> str:
    """Return ``value / unit`` with so many digits, halves rounded up, in integers throughout."""
    scaled = (2 * value * 10**digits + unit) // (2 * unit)
    if not digits:
        return str(scaled)
    whole, rest = divmod(scaled, 10**digits)
    return f"{whole}.{rest:0{digits}d}"
