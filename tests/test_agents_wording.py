from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.agents.wording import asks, corrects, fingerprint

CORRECTIONS = [
    "No, use the other file",
    "no - I meant the client",
    "No that's the server",
    "nope, same error",
    "Wrong file.",
    "That's not what I asked for",
    "that is wrong",
    "This isn't right",
    "it didn't work",
    "it still fails with the same error",
    "still broken",
    "Still not working",
    "You forgot the tests",
    "you didn't run the linter",
    "You've ignored the config",
    "I said tabs, not spaces",
    "I told you not to touch main.py",
    "I already asked for that",
    "why did you delete the test?",
    "Please revert that",
    "undo your last change",
    "Actually, keep the old name",
    "wait, don't push",
    "stop, that's the wrong branch",
    "Stop changing the tests",
    "stop",
    "try again",
    "As I said before: no new dependencies",
    "Please, as I told you, keep it small",
    "You’ve missed the second one",
]
PLAIN = [
    "Add a retry to the client",
    "no problem, go on",
    "No worries, next: the docs",
    "no tests exist yet, add some",
    "continue",
    "yes",
    "ok, looks good, now commit",
    "Not all users have a name: handle that",
    "Stop the server when the test ends",
    "Stop words are filtered in search.py, explain how",
    "That's great, thanks",
    "What does still_alive() do?",
    "Still life with parser: rename the module",
    "You can now deploy",
    "Actually the best way is a queue; build one",
    "Write a function that undoes a migration",
    "The notes are wrong in README, but first list the files",
    "",
    "   ",
]


@pytest.mark.parametrize("prompt", CORRECTIONS)
def test_corrections(prompt: str) -> None:
    assert corrects(prompt)


@pytest.mark.parametrize("prompt", PLAIN)
def test_no_corrections(prompt: str) -> None:
    assert not corrects(prompt)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("make the parser accept tabs", "Make the parser accept TABS!!", True),
        ("make the parser accept tabs", "make the printer accept tabs", False),
        ("continue", "continue", False),
        ("yes, go on", "yes, go on", False),
        ("", "", False),
    ],
)
def test_a_repeated_prompt_corrects_unless_it_is_a_short_one(
    first: str, second: str, same: bool
) -> None:
    assert corrects(second, fingerprint(second), fingerprint(first)) is same


@given(st.text(max_size=2000))
def test_any_text_has_a_64_bit_fingerprint_and_an_answer(prompt: str) -> None:
    value = fingerprint(prompt)
    assert 0 <= value < 2**64
    assert isinstance(corrects(prompt, value, 0), bool)


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("Shall I?", True),
        ("Shall I change **both?**\n", True),
        ("Is it (the old one?)", True),
        ("どちらですか？", True),
        ("Why? Because.", False),
        ("Done.", False),
        ("", False),
    ],
)
def test_questions(words: str, question: bool) -> None:
    assert asks(words) is question
