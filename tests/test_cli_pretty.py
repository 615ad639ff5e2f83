"""JSON as the standard library indents it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.cli.pretty import pretty

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(
    st.recursive(
        SIMPLE,
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    )
)
def test_it_is_what_the_standard_library_prints(value: Any) -> None:
    assert pretty(value) == json.dumps(value, indent=2)
