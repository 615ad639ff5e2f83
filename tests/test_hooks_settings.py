"""Our hooks in other programs' settings: in and out again, whatever the file looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.hooks.jsontext import JsonTextError, parse
from tmuxmeter.hooks.settings import SettingsError, added, complete, ours_in, removed
from tmuxmeter.hooks.wanted import EVENTS, Program, is_ours, script_of, wrapped

PROGRAM = Program(
    Path("/opt/it's here/shell/hook.sh"), Path("/opt/python"), Path("/run/user/7/tmuxmeter")
)
OTHER = '{"hooks": [{"type": "command", "command": "lint"}]}'

ODD = {
    "empty object": "{}",
    "empty object, newline": "{}\n",
    "empty object, space": "{ }",
    "empty object, lines": "{\n}\n",
    "empty hooks": '{"hooks": {}}',
    "empty event": '{\n  "hooks": {\n    "PreToolUse": []\n  }\n}\n',
    "one line": '{"model": "x", "permissions": {"allow": ["Bash"]}}',
    "one line, tight": '{"model":"x","permissions":{"allow":["Bash"]}}',
    "tabs": '{\n\t"model": "x",\n\t"permissions": {\n\t\t"allow": ["Bash"]\n\t}\n}\n',
    "four spaces": '{\n    "model": "x",\n    "env": {\n        "A": "1"\n    }\n}',
    "CRLF": '{\r\n  "model": "x",\r\n  "env": {\r\n    "A": "1"\r\n  }\r\n}\r\n',
    "byte order mark": '\ufeff{\n  "model": "x"\n}\n',
    "no newline at the end": '{\n  "model": "x"\n}',
    "space behind lines": '{  \n  "model": "x",   \n  "b": 1  \n}  \n\n',
    "hooks of the same event": '{\n  "hooks": {\n    "PreToolUse": [\n      '
    + OTHER
    + "\n    ]\n  }\n}\n",
    "hooks of the same event, one line": '{"hooks": {"PreToolUse": [' + OTHER + "]}}\n",
    "hooks of another event": '{\n  "hooks": {\n    "Stop": [' + OTHER + "]\n  }\n}\n",
    "status line": '{\n  "statusLine": {\n    "type": "command",\n    "command": "~/s.sh",\n'
    '    "padding": 0\n  }\n}\n',
    "status line with escapes": '{"statusLine": {"command":'
    ' "printf \\"\\u00e9\\\\n\\"; echo \'a b\'", "type": "command"}}',
    "status line of another kind": '{"statusLine": {"type": "text", "text": "hi"}}',
    "status line switched off": '{"statusLine": null}',
    "unicode escapes": '{\n  "a": "\\u00fc\\ud83d\\ude00",\n  "ü": "\\/"\n}\n',
    "numbers as they were": '{"a": 1.0, "b": 1e5, "c": -0, "d": 12345678901234567890123}\n',
    "repeated keys": '{\n  "model": "x",\n  "model": "y",\n'
    '  "hooks": {},\n  "hooks": {"Stop": []}\n}\n',
    "array of one line": '{\n  "a": [1, 2, 3], "b": [\n    1\n  ]\n}\n',
    "braces in texts": '{\n  "a": "}{][",\n  "b": "// no comment",\n  "c": "/*"\n}\n',
    "large": json.dumps({"a": [{"b": "x" * 50, "c": n} for n in range(800)]}, indent=2) + "\n",
}


def odd(agent: str) -> list[Any]:
    return [pytest.param(agent, text, id=f"{agent}: {name}") for name, text in ODD.items()]


@pytest.mark.parametrize(("agent", "text"), [case for agent in EVENTS for case in odd(agent)])
def test_in_and_out_leaves_everything_else(agent: str, text: str) -> None:
    before = json.loads(text.removeprefix("\ufeff"))
    change = added(text, agent, PROGRAM)
    with_ours = json.loads(change.text.removeprefix("\ufeff"))
    assert complete(change.text, agent, PROGRAM)
    for event in EVENTS[agent]:
        kept = before.get("hooks", {}).get(event, [])
        assert with_ours["hooks"][event] == [*kept, PROGRAM.entry(agent, event)]
    others = {"hooks", "statusLine", "version"}
    assert {k: v for k, v in with_ours.items() if k not in others} == {
        k: v for k, v in before.items() if k not in others
    }
    assert "\r\n" not in text or "\n" not in change.text.replace("\r\n", "")
    assert change.text.startswith("\ufeff") == text.startswith("\ufeff")

    after = removed(change.text, agent, change.made, change.status_line)
    assert json.loads(after.removeprefix("\ufeff")) == before
    if text not in (ODD["empty object, space"], ODD["empty object, lines"]):
        assert after == text


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
@pytest.mark.parametrize("agent", EVENTS)
def test_a_file_without_anything_is_as_good_as_none(agent: str, text: str) -> None:
    change = added(text, agent, PROGRAM)
    assert complete(change.text, agent, PROGRAM)
    assert not complete(text, agent, PROGRAM)
    assert removed(change.text, agent, change.made, change.status_line) == ""


def test_new_parts_look_like_the_rest() -> None:
    tabs = added(ODD["tabs"], "codex", PROGRAM).text
    assert '\n\t"hooks": {\n\t\t"PreToolUse": [\n\t\t\t{\n\t\t\t\t"hooks": [' in tabs
    tight = added(ODD["one line, tight"], "codex", PROGRAM).text
    assert tight.startswith(
        ODD["one line, tight"][:-1] + ',"hooks":{"PreToolUse":[{"hooks":[{"type"'
    )
    assert "\n" not in tight


def test_the_user_s_status_line_is_wrapped_and_comes_back_as_it_stood() -> None:
    text = ODD["status line with escapes"]
    change = added(text, "claude", PROGRAM)
    command = json.loads(change.text)["statusLine"]["command"]
    assert is_ours(command)
    assert wrapped(command) == json.loads(text)["statusLine"]["command"]
    # the escape in the text is the user's own way of writing; without the record it is lost
    assert removed(change.text, "claude", change.made, change.status_line) == text
    bare = removed(change.text, "claude", change.made)
    assert json.loads(bare) == json.loads(text)


def test_what_changed_meanwhile_stays() -> None:
    change = added('{\n  "model": "x"\n}\n', "claude", PROGRAM)
    # an agent writes its settings anew, and so does its user
    value = json.loads(change.text)
    value["permissions"] = {"allow": ["Bash(ls:*)"]}
    value["hooks"]["PreToolUse"].insert(0, json.loads(OTHER))
    value["hooks"]["Stop"] = [json.loads(OTHER)]
    text = json.dumps(value, indent=2, ensure_ascii=False)
    assert complete(text, "claude", PROGRAM)
    after = json.loads(removed(text, "claude", change.made, change.status_line))
    assert after == {
        "model": "x",
        "hooks": {"PreToolUse": [json.loads(OTHER)], "Stop": [json.loads(OTHER)]},
        "permissions": {"allow": ["Bash(ls:*)"]},
    }


def test_our_hook_is_found_where_somebody_put_it_beside_another() -> None:
    ours = PROGRAM.entry("claude", "PreToolUse")["hooks"][0]
    other = {"type": "command", "command": "lint"}
    text = json.dumps({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [other, ours]}]}})
    after = json.loads(removed(text, "claude", ("hooks",)))
    assert after == {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [other]}]}}


def test_hooks_of_an_older_version_are_found_and_told_apart() -> None:
    old = Program(Path("/old/shell/hook.sh"), Path("/old/python"), PROGRAM.runtime)
    change = added("{}", "claude", old)
    assert not complete(change.text, "claude", PROGRAM)
    commands = ours_in(change.text, "claude")
    assert len(commands) == len(EVENTS["claude"]) + 1
    assert {script_of(command) for command in commands} == {"/old/shell/hook.sh"}
    assert removed(change.text, "claude", change.made) == "{}"


def test_a_quoted_path_is_understood() -> None:
    command = PROGRAM.command("claude", "PreToolUse")
    assert is_ours(command)
    assert script_of(command) == str(PROGRAM.script)
    assert wrapped(PROGRAM.status_line("it's | mine")) == "it's | mine"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n  "a": 1,\n}', 3),
        ('{\n  "a": 1\n  "b": 2\n}', 3),
        ('{\n  // a comment\n  "a": 1\n}', 2),
        ("{\"a\": 'x'}", 1),
        ('{"a": "x', 1),
        ('{"a": "\\q"}', 1),
        ('{"a": 01}', 1),
        ("{\n}\n}", 3),
        ("[1]", 1),
        ("null", 1),
        ('{"hooks": []}', 1),
        ('{"hooks": {\n"PreToolUse": {}}}', 2),
        ("[" * 5000, 1),
        ('{"a": NaN}', 1),
    ],
)
def test_what_can_t_be_understood_is_left_alone(text: str, line: int) -> None:
    with pytest.raises(SettingsError, match=f"^line {line}: "):
        added(text, "claude", PROGRAM)


@pytest.mark.parametrize("text", ["{\n  // mine\n}", '{\n  "a": 1 /* mine */\n}', "{}\n// mine"])
def test_a_comment_is_called_one_where_it_isn_t_allowed(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^line 2: there is a comment"):
        added(text, "codex", PROGRAM)


COMMENTED = """{
  // my settings
  "theme": "dark", // in the evening
  "tools": { /* none */ },
  "hooks": {
    // mine
    "BeforeTool": [ {"hooks": []} /* last */ ]
  } // end
}
"""


def test_comments_stay_where_an_agent_allows_them() -> None:
    change = added(COMMENTED, "gemini", PROGRAM)
    for comment in ("// my settings", "// in the evening", "/* none */", "// mine", "/* last */"):
        assert change.text.count(comment) == 1
    assert '{"hooks": []} /* last */' in change.text
    assert complete(change.text, "gemini", PROGRAM)
    assert removed(change.text, "gemini", change.made) == COMMENTED


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "a": 1 // one\n}\n',
        '{\n  "a": 1, // one\n  "b": {} /* two */\n}\n',
        "{ // one\n}",
        "{ /* one */ }",
        '// one\n{"a": 1 /* two */}\n// three',
    ],
)
def test_a_comment_stays_with_its_line(text: str) -> None:
    change = added(text, "gemini", PROGRAM)
    assert complete(change.text, "gemini", PROGRAM)
    for line in text.splitlines():
        assert line.strip("{} ") in change.text
    assert removed(change.text, "gemini", change.made) == text


NAMES = st.sampled_from(["hooks", "statusLine", "PreToolUse", "a", "version", 'k"ü\\', "", "type"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
HOOKS = st.dictionaries(
    st.sampled_from(["PreToolUse", "preToolUse", "BeforeTool", "Stop", "SessionStart"]),
    st.lists(st.dictionaries(NAMES, VALUES, max_size=2) | st.just(json.loads(OTHER)), max_size=2),
    max_size=3,
)
STATUS = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(min_size=1)})
SETTINGS = st.builds(
    lambda rest, some: {**rest, **some},
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.fixed_dictionaries({}, optional={"hooks": HOOKS, "statusLine": STATUS}),
)
LAYOUTS = st.sampled_from(
    [
        {"indent": 2},
        {"indent": 4},
        {"indent": "\t"},
        {"indent": None},
        {"separators": (",", ":")},
        {"indent": 2, "ensure_ascii": False},
        {"indent": 0},
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    agent=st.sampled_from(sorted(EVENTS)),
    value=SETTINGS,
    layout=LAYOUTS,
    tail=st.sampled_from(["", "\n", " \n\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_settings_go_in_and_come_out(
    agent: str, value: dict[str, Any], layout: dict[str, Any], tail: str, newline: str
) -> None:
    text = (json.dumps(value, **layout) + tail).replace("\n", newline)
    try:
        change = added(text, agent, PROGRAM)
    except SettingsError:
        return  # hooks of another shape
    assert complete(change.text, agent, PROGRAM)
    after = removed(change.text, agent, change.made, change.status_line)
    assert json.loads(after) == value
    assert after == text


@given(VALUES, LAYOUTS)
def test_the_parser_reads_what_json_reads(value: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout)
    node = parse(text)
    assert node.plain() == json.loads(text)
    assert (node.start, node.end) == (0, len(text))


@given(st.text(alphabet='{}[]",:0123 \n\\utrefalsn/*', max_size=30))
def test_the_parser_refuses_what_json_refuses(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        with pytest.raises(JsonTextError):
            parse(text)
    else:
        assert parse(text).plain() == value
