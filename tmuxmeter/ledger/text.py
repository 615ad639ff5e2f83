"""Text from logs as SQLite can hold it: a lone surrogate can't be bound as text."""

from __future__ import annotations


def storable(text: str) -> str:
    r"""Return the text with lone surrogates written as ``\udcXX``.

    >>> storable("caf\xe9")
    'café'
    >>> storable("a\udc80b")
    'a\\udc80b'
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def exact(text: str) -> str | bytes:
    """Return what to bind so that :func:`text_of` gives back the very same text.

    Names of files are identities, so they must survive; those with lone surrogates become blobs.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_of(value: str | bytes) -> str:
    """Return the text that :func:`exact` stored."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def shown(value: str | bytes) -> str:
    """Return what :func:`exact` stored as text that can be printed."""
    return storable(text_of(value))
