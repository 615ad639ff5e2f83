from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from agent_reading import logs_of
from build_cursor import (
    CHAT,
    COMPOSER,
    CURSOR,
    T0,
    Chat,
    Editor,
    Transcript,
    asked,
    bubble,
    ended,
    said,
    tool,
    workspace,
)
from claude_reading import only
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.readers import DATABASE, DOCUMENT
from tmuxmeter.events import Estimate, Position, Prompt, SessionStart, Skipped, TurnEnd, Usage

if TYPE_CHECKING:
    from build_cursor import Log

    from tmuxmeter.events import Event

NODE = "/home/me/.local/share/cursor-agent/versions/2026.08.11-e8db854/node"
SCRIPT = "/home/me/.local/share/cursor-agent/versions/2026.08.11-e8db854/index.js"
SUB = "7e1b2c3d-1111-4222-8333-444455556666"


def table(events: list[Event]) -> list[tuple[object, ...]]:
    """Return events without their keys, times as milliseconds after T0."""
    rows: list[tuple[object, ...]] = []
    for event in events:
        fields = {f: getattr(event, f) for f in event.__struct_fields__ if f != "key"}
        time_ms = fields.pop("time_ms")
        told = tuple(value for name, value in fields.items() if value and name != "session")
        rows.append((type(event).__name__, time_ms and time_ms - T0, *told))
    return rows


# --- the command line agent ------------------------------------------------------------------


def test_a_session_in_the_terminal(tmp_path: Path) -> None:
    chat, transcript = Chat(tmp_path), Transcript(tmp_path)
    transcript.write(
        asked("Rename the helper in all modules, please"),
        said("assistant", "I look.", tool("Read", path="/home/me/app/a.py")),
        said("assistant", tool("StrReplace", path="/home/me/app/a.py", old_string="x")),
        said("assistant", tool("Shell", command="pytest"), tool("Grep", pattern="x")),
        said("assistant", "Shall I also rename the tests?"),
        ended(),
        at=60_000,
    )
    assert table(chat.read()) == [("SessionStart", -5_000, "/home/me/app")]
    assert table(transcript.read()) == [
        ("SessionStart", -5_000),
        ("Prompt", 60_000, True),
        ("FileTouch", 60_000, "/home/me/app/a.py"),
        ("FileTouch", 60_000, True, "/home/me/app/a.py"),
        ("TurnEnd", 60_000, "done", -1, True),
    ]


def test_what_is_found_later_has_a_later_time_and_what_was_known_keeps_its_own(
    tmp_path: Path,
) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path)
    first = [asked("Fix the parser"), said("assistant", "Fixed.")]
    transcript.write(first[0], at=1_000)
    transcript.read()
    transcript.write(*first, ended(), at=9_000)
    before = transcript.read()
    # the end of the first turn is taken away when the next one begins
    transcript.write(*first, asked("And the lexer"), at=86_400_000)
    after = transcript.read()
    assert [p.time_ms - T0 for p in only(Prompt, before)] == [1_000]
    assert [p.time_ms - T0 for p in only(Prompt, after)] == [1_000, 86_400_000]
    assert {p.key for p in only(Prompt, before)} < {p.key for p in only(Prompt, after)}
    transcript.write(*first, asked("And the lexer"), said("assistant", "Done."), ended("aborted"))
    last = only(TurnEnd, transcript.read())
    assert [(e.reason, e.asked) for e in last] == [("interrupted", False)]
    assert last[0].key != only(TurnEnd, before)[0].key


def test_ends_that_stay_keep_their_times(tmp_path: Path) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path)
    turn = [asked("One"), said("assistant", "1"), ended()]
    transcript.write(*turn, at=1_000)
    first = only(TurnEnd, transcript.read())
    transcript.write(*turn, asked("Two"), said("assistant", "2"), ended("error"), at=5_000)
    both = only(TurnEnd, transcript.read())
    assert [e.time_ms - T0 for e in both] == [1_000, 5_000]
    assert [e.reason for e in both] == ["done", "error"]
    assert both[0].key == first[0].key


def test_a_line_that_is_not_whole_waits(tmp_path: Path) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path)
    transcript.write(asked("One"))
    with transcript.path.open("a") as file:
        file.write('{"role":"assist')
    events = transcript.read()
    assert len(only(Prompt, events)) == 1
    assert not only(Skipped, events)


def test_prompts_of_the_editor_count_once(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, COMPOSER)
    transcript.write(asked("One"), said("assistant", "1"), ended())
    events = transcript.read()
    assert not only(Prompt, events)
    assert len(only(TurnEnd, events)) == 1


def test_a_chat_too_large_to_look_into_is_a_chat(tmp_path: Path) -> None:
    chat = Chat(tmp_path)
    chat.path.with_name("meta.json").unlink()
    chat.connection.execute("INSERT INTO blobs VALUES ('x', ?)", (b"x" * 200_000,))
    chat.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert chat.path.stat().st_size > 1 << 16
    transcript = Transcript(tmp_path)
    transcript.write(asked("One"))
    assert len(only(Prompt, transcript.read())) == 1


def test_a_sub_agent_belongs_to_its_parent(tmp_path: Path) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path, sub=SUB)
    transcript.write(said("user", "List files"), said("assistant", "a b"), at=2_000)
    start, prompt = transcript.read()
    assert isinstance(start, SessionStart)
    assert (start.session, start.parent, start.spawned) == (SUB, CHAT, True)
    assert isinstance(prompt, Prompt)
    assert not prompt.human


def test_unknown_records_and_ends_are_counted(tmp_path: Path) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path)
    transcript.write({"type": "thought_bubble"}, ended("exploded"), b"".hex() or "text")
    told = {s.reason: s.count for s in only(Skipped, transcript.read())}
    assert told == {
        "unknown type thought_bubble": 1,
        "unknown type turn_ended exploded": 1,
        "bad field": 1,
    }


def test_no_record_tells_tokens(tmp_path: Path) -> None:
    Chat(tmp_path)
    transcript = Transcript(tmp_path)
    transcript.write(asked("One"), said("assistant", "1" * 4_000), ended())
    assert not only(Usage, transcript.read())


def estimates(log: Log) -> list[tuple[int, int, int]]:
    found = only(Estimate, log.read(estimates=True))
    return [(event.time_ms - T0, event.input, event.output) for event in found]


def test_what_a_transcript_s_texts_may_have_been_in_tokens(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    records = [said("user", "x" * 9), said("assistant", "y" * 8, tool("Shell", command="ls"))]
    transcript.write(*records, ended(), at=5_000)
    # the editor's sessions have their texts in its database
    assert estimates(transcript) == []
    Chat(tmp_path)
    transcript.position = Position()
    assert estimates(transcript) == [(5_000, 3, 0), (5_000, 0, 6)]
    transcript.write(*records, said("user", "z" * 400), at=9_000)
    assert estimates(transcript) == [(5_000, 3, 0), (5_000, 0, 6), (9_000, 100, 0)]


def test_a_chat_described_in_plain_text_and_a_broken_one(tmp_path: Path) -> None:
    chat = Chat(tmp_path)
    chat.connection.execute("UPDATE meta SET value = ?", (json.dumps({"createdAt": T0}),))
    assert table(chat.read()) == [("SessionStart", 0)]
    chat.connection.execute("UPDATE meta SET value = 'no hex'")
    assert [type(e) for e in chat.read()] == [Skipped]


# --- the editor ------------------------------------------------------------------------------


def test_a_session_in_the_editor(tmp_path: Path) -> None:
    editor = Editor(tmp_path, table=True)
    editor.put(
        f"bubbleId:{COMPOSER}:b0", bubble(1, "Write a test", modelInfo={"modelName": "gpt-5"})
    )
    edit = {
        "name": "edit_file_v2",
        "status": "completed",
        "toolCallId": "call_1",
        "params": '{"relativeWorkspacePath":"src/a.ts"}',
    }
    editor.put(f"bubbleId:{COMPOSER}:b1", bubble(2, at=2_000, toolFormerData=edit))
    failed = {**edit, "status": "error", "toolCallId": "call_2"}
    editor.put(f"bubbleId:{COMPOSER}:b2", bubble(2, at=3_000, toolFormerData=failed))
    counts = {"inputTokens": 12_000, "outputTokens": 340}
    editor.put(f"bubbleId:{COMPOSER}:b3", bubble(2, "Done.", at=4_000, tokenCount=counts))
    editor.put("agentKv:blob:00", b"\x00\xff" * 50)
    editor.composer(workspaceIdentifier={"uri": {"fsPath": "/home/me/app"}})
    assert table(editor.read()) == [
        ("Prompt", 0, True),
        ("ToolResult", 2_000, "edit_file_v2", True),
        ("FileTouch", 2_000, True, "src/a.ts"),
        ("ToolResult", 3_000, "edit_file_v2"),
        ("Usage", 4_000, "gpt-5", 12_000, 340, "standard"),
        ("SessionStart", -1_000, "/home/me/app"),
    ]
    assert not editor.read()


def test_no_tokens_are_not_zero_tokens(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "Hello"))
    editor.put(f"bubbleId:{COMPOSER}:b1", bubble(2, "Hi", at=1_000))
    assert not only(Usage, editor.read())


def test_what_bubbles_texts_may_have_been_in_tokens(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "x" * 9))
    used = {"name": "run", "params": "p" * 4, "result": "r" * 40, "toolCallId": "c"}
    thought = {"text": "t" * 8, "signature": "s" * 99}
    answer = bubble(2, "y" * 4, at=1_000, thinking=thought, toolFormerData=used)
    editor.put(f"bubbleId:{COMPOSER}:b1", answer)
    editor.put(f"bubbleId:{COMPOSER}:b2", bubble(2, at=2_000))
    assert estimates(editor) == [(0, 3, 0), (1_000, 10, 4)]


def test_the_parts_of_tools_are_no_sessions(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    part = "task-call_1\nfc_2"
    counts = {"inputTokens": 9, "outputTokens": 9}
    editor.composer(part)
    editor.put(f"bubbleId:{part}:b0", bubble(1, "Sub", tokenCount=counts))
    assert not editor.read()
    assert not workspace(tmp_path, "file:///home/me/app", [part]).read()


def test_drafts_are_no_sessions(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.composer(bubbles=0)
    assert not editor.read()


def test_what_is_written_in_its_place_is_read_again(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    key = f"bubbleId:{COMPOSER}:b1"
    editor.composer(bubbles=0)
    editor.put(key, bubble(2, "Thin"))
    for number in range(600):
        editor.put(f"agentKv:blob:{number}", b"x")
    assert not editor.read()
    counts = {"inputTokens": 700, "outputTokens": 60}
    editor.change(key, bubble(2, "Thinking", tokenCount=counts))
    editor.change(f"composerData:{COMPOSER}", {"createdAt": T0, "fullConversationHeadersOnly": [1]})
    assert table(editor.read())[:2] == [("SessionStart", 0), ("Usage", 0, 700, 60, "standard")]


def test_rows_deleted_at_the_end_hide_nothing(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    for number in range(3_000):
        editor.put(f"agentKv:blob:{number}", b"x")
    editor.read()
    editor.connection.execute("DELETE FROM cursorDiskKV WHERE rowid > 1000")
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "Hello"))
    assert len(only(Prompt, editor.read())) == 1


def test_rows_that_take_the_numbers_of_deleted_ones_are_read(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    for number in range(10):
        editor.put(f"agentKv:blob:{number}", b"x")
    editor.read()
    editor.connection.execute("DELETE FROM cursorDiskKV WHERE rowid > 8")
    for number in range(3):
        editor.put(f"bubbleId:{COMPOSER}:b{number}", bubble(1, "Hello"))
    assert len({prompt.key for prompt in only(Prompt, editor.read())}) == 3


def test_values_that_are_gone_or_broken(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.put(f"bubbleId:{COMPOSER}:b0", None)
    editor.put(f"bubbleId:{COMPOSER}:b1", b"\xff{")
    bad = bubble(2, tokenCount={"inputTokens": "many", "outputTokens": 1})
    editor.put(f"bubbleId:{COMPOSER}:b2", bad)
    timeless = bubble(1, "When?")
    del timeless["createdAt"]
    editor.put(f"bubbleId:{COMPOSER}:b3", timeless)
    editor.put(f"bubbleId:{COMPOSER}:b4", bubble(1, "Now"))
    events = editor.read()
    assert len(only(Prompt, events)) == 1
    told = {s.reason: s.count for s in only(Skipped, events)}
    assert told == {"broken row in rows": 2, "bubble without a time": 1}
    assert not only(Skipped, editor.read())


@pytest.mark.parametrize("in_table", [True, False])
def test_headers_tell_folders_and_sub_agents(tmp_path: Path, in_table: bool) -> None:
    editor = Editor(tmp_path, table=in_table)
    places = {
        COMPOSER: {"workspaceIdentifier": {"uri": {"fsPath": "/home/me/app"}}},
        SUB: {"subagentInfo": {"parentComposerId": COMPOSER}},
    }
    if in_table:
        for identity, value in places.items():
            editor.header(identity, **value)
    else:
        listed = [{"composerId": i, "lastUpdatedAt": T0, **value} for i, value in places.items()]
        editor.connection.execute(
            "INSERT INTO ItemTable VALUES ('composer.composerHeaders', ?)",
            (json.dumps({"allComposers": listed}),),
        )
    editor.put(f"bubbleId:{SUB}:b0", bubble(1, "Look around"))
    events = editor.read()
    starts = {s.session: (s.cwd, s.parent, s.spawned) for s in only(SessionStart, events)}
    assert starts == {COMPOSER: ("/home/me/app", "", False), SUB: ("", COMPOSER, True)}
    assert [p.human for p in only(Prompt, events)] == [False]


@pytest.mark.parametrize(
    ("folder", "cwd"),
    [
        ("file:///home/me/my%20app", "/home/me/my app"),
        ("vscode-remote://ssh-remote%2Bbox/srv/app", ""),
    ],
)
def test_a_workspace_tells_the_folder_of_its_composers(
    tmp_path: Path, folder: str, cwd: str
) -> None:
    found = only(SessionStart, workspace(tmp_path, folder, [COMPOSER]).read())
    assert [(s.session, s.cwd, s.time_ms) for s in found] == ([(COMPOSER, cwd, 0)] if cwd else [])


def test_the_editor_is_left_alone(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "Hello"))
    before = sorted(editor.path.parent.iterdir())
    editor.connection.execute("BEGIN IMMEDIATE")
    editor.put(f"bubbleId:{COMPOSER}:b1", bubble(1, "Not yet"))
    assert len(only(Prompt, editor.read())) == 1
    editor.connection.execute("COMMIT")
    assert len({prompt.key for prompt in only(Prompt, editor.read())}) == 2
    assert sorted(editor.path.parent.iterdir()) == before


FIELDS = [
    *("type", "role", "status", "message", "content", "text", "createdAt", "input", "uri"),
    *("tokenCount", "inputTokens", "toolFormerData", "name", "params", "fsPath", "path"),
    *("workspaceIdentifier", "subagentInfo", "parentComposerId", "modelInfo"),
    *("fullConversationHeadersOnly", "composerId", "lastUpdatedAt"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "turn_ended", "completed", "edit_file", T0]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


def believable(events: list[Event]) -> bool:
    """Tell whether a ledger could book them."""
    for event in events:
        texts = [event.session, getattr(event, "cwd", ""), getattr(event, "parent", "")]
        texts += [getattr(event, "model", ""), getattr(event, "path", "")]
        if not all(isinstance(text, str) for text in texts) or not isinstance(event.time_ms, int):
            return False
        if isinstance(event, Usage) and not 0 <= event.fresh < 2**40 > event.output >= 0:
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, max_size=4))
def test_a_transcript_of_anything_is_gone_through(records: list[object]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        Chat(root).connection.close()
        transcript = Transcript(root)
        transcript.write(*records)
        assert believable(transcript.read())


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, max_size=4), st.booleans())
def test_a_database_of_anything_is_gone_through(values: list[object], in_table: bool) -> None:
    with TemporaryDirectory() as folder:
        editor = Editor(Path(folder), table=in_table)
        for number, value in enumerate(values):
            editor.put(f"bubbleId:{COMPOSER}:b{number}", value)
            editor.put(f"composerData:c{number}", value)
            content = json.dumps(value)
            if in_table:
                header = (f"c{number}", 0, number, 0, "w", content)
                editor.connection.execute(
                    "INSERT INTO composerHeaders VALUES (?, ?, ?, ?, ?, ?)", header
                )
        listed = json.dumps({"allComposers": values})
        editor.connection.execute(
            "INSERT INTO ItemTable VALUES ('composer.composerHeaders', ?)", (listed,)
        )
        assert believable(editor.read())
        assert believable(editor.read())
        editor.connection.close()


# --- places and processes --------------------------------------------------------------------


def test_logs_are_found_and_nothing_else_is(tmp_path: Path) -> None:
    Chat(tmp_path)
    Transcript(tmp_path).write(asked("One"))
    Transcript(tmp_path, sub=SUB).write(asked("One"))
    Editor(tmp_path)
    workspace(tmp_path, "file:///a", [])
    for other in ("projects/p/terminals/1.txt", "globalStorage/x/state.vscdb", "chats/a/b/c.json"):
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text("{}")
    names = logs_of(CURSOR, tmp_path)
    assert [name.rpartition("/")[2] for name in names] == [
        "store.db",
        "state.vscdb",
        f"{CHAT}.jsonl",
        f"{SUB}.jsonl",
        "state.vscdb",
    ]
    kinds = [CURSOR.log_kind(name) for name in names]
    assert kinds == [DATABASE, DATABASE, DOCUMENT, DOCUMENT, DATABASE]
    assert [CURSOR.session_of_log(name) for name in names] == [CHAT, "", CHAT, CHAT, ""]


def test_roots_follow_the_environment() -> None:
    home = Path("/home/me")
    plain = [str(root.path) for root in CURSOR.roots(home, {})]
    assert plain == [
        "/home/me/.cursor",
        "/home/me/.config/cursor",
        "/home/me/.config/Cursor/User",
        "/home/me/Library/Application Support/Cursor/User",
    ]
    moved = CURSOR.roots(home, {"CURSOR_CONFIG_DIR": "/c", "XDG_CONFIG_HOME": "/x"})
    assert [str(root.path) for root in moved][:4] == [
        *("/c", "/home/me/.cursor", "/x/cursor", "/x/Cursor/User")
    ]


@pytest.mark.parametrize(
    ("line", "role"),
    [
        (["cursor-agent"], "agent"),
        (["/home/me/.local/bin/cursor-agent", SCRIPT, "fix the login"], "agent"),
        (["/home/me/.local/bin/agent", "--use-system-ca", SCRIPT], "agent"),
        ([NODE, SCRIPT, "-p", "status of the build?"], "agent"),
        ([NODE, SCRIPT, "--resume", CHAT], "agent"),
        ([NODE, SCRIPT, "login"], "helper"),
        ([NODE, SCRIPT, "worker-server"], "helper"),
        ([NODE, SCRIPT, "--version"], "helper"),
        (["/usr/share/cursor/cursor", "--type=renderer"], ""),
        (["cursor", "."], ""),
        (["agent"], ""),
        (["node", "/srv/app/index.js"], ""),
        ([], ""),
    ],
)
def test_processes(line: list[str], role: str) -> None:
    name = line[0] if line else "node"
    assert CURSOR.role(Process(1, 0, name, tuple(line), 0)) == role


@pytest.mark.parametrize(
    ("line", "session"),
    [
        ([NODE, SCRIPT, f"--resume={CHAT.upper()}"], CHAT),
        (["cursor-agent", "--resume", CHAT], CHAT),
        (["cursor-agent", "resume", CHAT], CHAT),
        (["cursor-agent", "resume"], ""),
        (["cursor-agent", "--resume", "last"], ""),
        (["vim", "--resume", CHAT], ""),
    ],
)
def test_sessions_in_command_lines(line: list[str], session: str) -> None:
    assert CURSOR.session_in_argv(line) == session


def test_the_folder_in_a_command_line() -> None:
    assert CURSOR.cwd_in_argv(["cursor-agent", "--workspace", "/w"]) == "/w"
    assert not CURSOR.cwd_in_argv(["cursor-agent", "fix it"])
