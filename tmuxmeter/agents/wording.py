"""Whether a human's prompt corrects the agent, or says again what was said before.

A rough reader of English openings that would rather miss a correction than invent one. It never
keeps text: between two prompts only a 64-bit fingerprint is remembered.
"""

from __future__ import annotations

import re
from zlib import crc32

_REPEAT_WORDS = 4
"""Shorter prompts ("continue", "yes, go on") are said often without correcting anything."""

_COMPARE = 240
"""Characters of a prompt that are compared with the prompt before."""

_LOOK_AT = 400
"""Characters of a prompt that are looked at for a correction: people correct first."""

_WORD = re.compile(rb"[\w\x80-\xff]+")

_OPENING = re.compile(
    r"""
    (?: no (?: \s* [,.!;:—–-] (?!\s*(?:problem|worries|rush|need)\b)
         | \s+ (?: that | this | it | you | not | i | don'?t | stop | wait ) \b )
      | nope\b | wrong\b | incorrect\b
      | not \s+ (?: what | like | that | quite | right ) \b
      | stop \s* (?: [,.!;:—–-] | $ | \s (?: it | that | this | \w+ing ) \b )
      | (?: please \s+ )? (?: revert | undo ) \b
      | actually\b \s* , | wait\b \s* [,.!—–-]
      | try \s+ again\b | again\b \s* [,.:!]
      | (?: (?: it | that | this ) \s+ )? still \b \s* (?: not\b | no\b | doesn | isn
          | fail | broken | wrong | get | the \s+ same | does \s+ not | is \s+ not )
      | (?: that | this | it ) (?: '?s | \s+ is | \s+ was )
        \s* (?: n't | not | wrong | incorrect | still )
      | (?: that | this | it ) \s+ (?: isn'?t | wasn'?t | didn'?t \s+ work | doesn'?t \s+ work )
      | you (?: 've | \s+ have )? \s+ (?: forgot | missed | ignored | broke | misunderstood
          | didn'?t | did \s+ not | haven'?t | deleted | removed | were \s+ supposed
          | should \s+ have | shouldn'?t | still )
      | why \s+ (?: did | would | didn'?t | are | have ) \s+ you
      | i \s+ (?: said | told | asked | meant | already | never \s+ asked | didn'?t \s+ ask )
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)

_MAY_COMPLAIN = (
    "said",
    "told",
    "asked",
    "what i",
    "misunder",
    "ignored",
    "forgot",
    "revert",
    "undo",
)
"""One of these is in whatever ``_ANYWHERE`` matches; looking for them first is much faster."""

_ANYWHERE = re.compile(
    r"""
    \b (?: as \s+ i \s+ (?: said | told | asked ) | like \s+ i \s+ said
      | i \s+ (?: already \s+ )?
        (?: told \s+ you | said \s+ not | asked \s+ you \s+ (?: not | to ) )
      | not \s+ what \s+ i \s+ (?: asked | meant | wanted | said )
      | you \s+ (?: misunderstood | ignored \s+ my | forgot \s+ (?: to | the ) )
      | (?: revert | undo ) \s+ (?: that | this | your | the \s+ last )
      ) \b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def fingerprint(prompt: str) -> int:
    """Return 64 bits that are equal for prompts that say nearly the same, 0 where too short.

    The four smallest hashes of its pairs of words (a bottom-k sketch): a long prompt keeps them
    when a word is changed, and the prompt can't be read back from them.
    """
    text = prompt[:_COMPARE].casefold().encode("utf-8", "surrogatepass")
    words = _WORD.findall(text)
    if len(words) < _REPEAT_WORDS:
        return 0
    # without a loop in Python: the check sum of each word goes on from the word before it
    pairs = set(map(crc32, words[1:], map(crc32, words)))
    sketch = 0
    for least in sorted(pairs)[:4]:
        sketch = sketch << 16 | least >> 16
    return sketch or 1


def corrects(prompt: str, current: int = 0, previous: int = 0) -> bool:
    """Tell whether a prompt corrects the agent, or repeats the prompt before it.

    Parameters
    ----------
    prompt : str
        The human's words.
    current, previous : int
        Fingerprints of this prompt and of the human prompt before it; 0: not to be compared.
    """
    if current and current == previous:
        return True
    head = prompt[:_LOOK_AT].strip().replace("’", "'")
    if _OPENING.match(head):
        return True
    lower = head.lower()
    return any(word in lower for word in _MAY_COMPLAIN) and bool(_ANYWHERE.search(head))


def asks(text: str) -> bool:
    """Tell whether an agent's closing words end in a question."""
    return text.rstrip(" \t\r\n*_`\"')]”’»").endswith(("?", "？", "؟"))
