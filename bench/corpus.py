"""Write a seeded corpus of Claude Code and Codex logs shaped like real ones, with the truth beside.

    python bench/corpus.py DIR --megabytes 500 [--seed 1] [--end 2026-11-20] [--days 60]
    python bench/corpus.py DIR --megabytes 1000 --one-file
    python bench/corpus.py DIR --shape            what an existing one looks like

The shape follows 279 real sessions (710 MB): about 40 % of the lines and 18 % of the bytes carry
usage, 2.2 lines a reply, half of the usage lines repeat a message, one repeat in seven with a
larger output; tool results of 1 to 100 KB make most of the bytes. Sub-agent files, copies of their
replies in the parent's progress records, forks that repeat a parent's lines, aside replays with
another request id, ``<synthetic>`` errors, Codex snapshots emitted again, empty ones, spawned
threads that replay their parent, archived rollouts and cut last lines are all in it.

``truth.json`` holds, per UTC day, agent and model: requests and every kind of token; and how many
tool results, prompts of a human and compactions there are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

KINDS = ("requests", "fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")
DAY_MS = 86_400_000
CLAUDE_MODELS = ("claude-sonnet-4-6", "claude-opus-4-6", "claude-haiku-4-5")
CODEX_MODELS = ("gpt-5.5", "gpt-5.4")
CLAUDE_SHARE = 0.7
VERSION = 2
"""Of the generator: a corpus made by another one is made anew."""


class Truth:
    """What a right meter must count."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * len(KINDS))
        self.events: Counter[str] = Counter()

    def add(self, time_ms: int, agent: str, model: str, *tokens: int) -> None:
        """Count one request: fresh, cache read, 5 m write, 1 h write, output."""
        day = datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
        row = self.rows[day, agent, model]
        for index, count in enumerate((1, *tokens)):
            row[index] += count

    def data(self) -> dict[str, Any]:
        """Return it as plain data, the rows sorted."""
        rows = [
            {"date": d, "agent": a, "model": m, **dict(zip(KINDS, row, strict=True))}
            for (d, a, m), row in sorted(self.rows.items())
        ]
        return {"usage": rows, "events": dict(self.events)}


def stamp(time_ms: int) -> str:
    """Return epoch milliseconds as ISO text."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


class Corpus:
    """Writes sessions until the size is reached."""

    def __init__(self, home: Path, seed: int, end_ms: int, days: int) -> None:
        self.home = home
        self.rng = Random(seed)
        self.end_ms = end_ms
        self.days = days
        self.truth = Truth()
        self.bytes = 0
        self.files = 0
        alphabet = 'abcdefghijklmnopqrstuvwxyz     {}()=.,;:_\\n\\t\\"/0123456789'
        # JSON-escaped filler, cut at will: escapes are whole because each is replaced as one token
        tokens = list(alphabet.replace("\\n", "\x01").replace("\\t", "\x02").replace('\\"', "\x03"))
        text = "".join(self.rng.choices(tokens, k=400_000))
        self.filler = text.replace("\x01", " \\n").replace("\x02", " \\t").replace("\x03", ' \\"')

    def text(self, size: int) -> str:
        """Return JSON-safe filler of about this many bytes."""
        start = self.rng.randrange(len(self.filler) - size - 2)
        piece = self.filler[start : start + size]
        # never begin or end inside an escape
        return piece.lstrip('\\"').rstrip("\\")

    def write(self, path: str, lines: list[str], mtime_ms: int, *, cut: bool = False) -> None:
        """Write a log file, its last line cut short where asked."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = ("\n".join(lines) + "\n").encode()
        if cut:
            data += b'{"type":"assistant","message":{"id":"msg_cut","usage":{"input_tok'
        file.write_bytes(data)
        os.utime(file, (mtime_ms / 1000, mtime_ms / 1000))
        self.bytes += len(data)
        self.files += 1

    def identity(self) -> str:
        """Return a random UUID."""
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def start_ms(self) -> int:
        """Return a moment inside the corpus' days."""
        return self.end_ms - self.rng.randrange(DAY_MS // 2, self.days * DAY_MS)

    def tool_result_size(self) -> int:
        """Return a tool result's size: most are small, the tail reaches 100 KB."""
        return min(100_000, max(300, int(self.rng.lognormvariate(7.6, 1.5))))


class ClaudeWriter:
    """Writes one Claude Code session, its sub-agents and, at times, a fork and an aside."""

    def __init__(self, corpus: Corpus) -> None:
        self.c = corpus
        self.rng = corpus.rng
        self.project = f"/home/dev/project{self.rng.randrange(40)}"
        self.slug = self.project.replace("/", "-")
        self.session = corpus.identity()
        self.now = corpus.start_ms()
        self.model = self.rng.choice(CLAUDE_MODELS)
        self.context = self.rng.randint(15_000, 30_000)
        self.cached = 0

    @property
    def path(self) -> str:
        return f".claude/projects/{self.slug}/{self.session}.jsonl"

    def head(self, kind: str, *, session: str = "", side: str = "false", now: int = 0) -> str:
        return (
            f'{{"parentUuid":"{self.c.identity()}","isSidechain":{side},"userType":"external",'
            f'"cwd":"{self.project}","sessionId":"{session or self.session}","version":"2.1.42",'
            f'"gitBranch":"main","type":"{kind}","uuid":"{self.c.identity()}",'
            f'"timestamp":"{stamp(now or self.now)}",'
        )

    def reply(self, *, side: str = "false", stop: str) -> tuple[list[str], str]:
        """Return the lines of one reply and its last message body."""
        rng = self.rng
        added = rng.randint(200, 3_000)
        writes = self.context - self.cached + added
        hour = writes if rng.random() < 0.58 else 0
        usage = (rng.randint(1, 60), self.cached, writes - hour, hour)
        self.context += added
        self.cached = 0 if rng.random() < 0.04 else self.context
        if self.context > 160_000:
            self.context, self.cached = 20_000, 0
        self.final = final = rng.randint(30, 1_500)
        message = f"msg_{rng.getrandbits(80):020x}"
        request = f"req_{rng.getrandbits(80):020x}"
        count = rng.choices((1, 2, 3, 4), (17, 56, 22, 6))[0]
        grows = count > 1 and rng.random() < 0.15
        lines = []
        body = ""
        for index in range(count):
            self.now += rng.randint(20, 4_000)
            last = index == count - 1
            output = final if last or not grows else rng.randint(1, final)
            if last and stop == "tool_use":
                self.call = f"toolu_{rng.getrandbits(80):020x}"
                content = (
                    f'{{"type":"tool_use","id":"{self.call}","name":"{rng.choice(("Read", "Edit", "Bash"))}",'
                    f'"input":{{"file_path":"{self.project}/src/f{rng.randrange(90)}.py",'
                    f'"text":"{self.c.text(rng.randint(50, 900))}"}}}}'
                )
            elif index == 0 and count > 1:
                content = f'{{"type":"thinking","thinking":"","signature":"{self.c.text(700)}"}}'
            else:
                content = f'{{"type":"text","text":"{self.c.text(rng.randint(40, 500))}"}}'
            body = (
                f'{{"id":"{message}","type":"message","role":"assistant","model":"{self.model}",'
                f'"content":[{content}],"stop_reason":{json.dumps(stop if last else None)},'
                f'"usage":{{"input_tokens":{usage[0]},"cache_creation_input_tokens":{usage[2] + usage[3]},'
                f'"cache_read_input_tokens":{usage[1]},"cache_creation":{{"ephemeral_5m_input_tokens":{usage[2]},'
                f'"ephemeral_1h_input_tokens":{usage[3]}}},"output_tokens":{output},"service_tier":"standard",'
                f'"inference_geo":"not_available"}}}}'
            )
            lines.append(
                self.head("assistant", side=side) + f'"requestId":"{request}","message":{body}}}'
            )
        self.c.truth.add(self.now, "claude", self.model, *usage, final)
        return lines, body

    def result(self, side: str = "false") -> str:
        self.c.truth.events["tool_results"] += 1
        if self.rng.random() < 0.01:
            return self.agent_result(side)
        text = self.c.text(self.c.tool_result_size())
        failed = "true" if self.rng.random() < 0.05 else "false"
        return self.head("user", side=side) + (
            f'"message":{{"role":"user","content":[{{"tool_use_id":"{self.call}","type":"tool_result",'
            f'"content":"{text}","is_error":{failed}}}]}},"toolUseResult":{{"stdout":"{text}","stderr":""}}}}'
        )

    def agent_result(self, side: str) -> str:
        """Tell a sub-agent's tokens once more in its result: no request of its own."""
        return self.head("user", side=side) + (
            f'"message":{{"role":"user","content":[{{"tool_use_id":"{self.call}","type":"tool_result",'
            f'"content":"{self.c.text(900)}"}}]}},"toolUseResult":{{"status":"completed","totalTokens":4242,'
            f'"usage":{{"input_tokens":4,"cache_creation_input_tokens":900,"cache_read_input_tokens":3000,'
            f'"output_tokens":338,"service_tier":"standard"}}}}}}'
        )

    def subagent(self, parent: list[str]) -> None:
        """Write a sub-agent's file; older builds repeat its replies in the parent."""
        rng = self.rng
        name = f"agent-{self.rng.getrandbits(28):07x}"
        copies = self.rng.random() < 0.5
        saved = self.context, self.cached
        self.context, self.cached = 12_000, 0
        lines = [self.head("user", side="true") + '"message":{"role":"user","content":"look"}}']
        steps = self.rng.randint(2, 8)
        for step in range(steps):
            stop = "end_turn" if step == steps - 1 else "tool_use"
            reply, body = self.reply(side="true", stop=stop)
            lines += reply
            if copies:
                # most copies were made while the reply was still streaming
                if rng.random() < 0.6:
                    body = body.replace(
                        f'"output_tokens":{self.final}',
                        f'"output_tokens":{rng.randint(1, self.final)}',
                    )
                parent.append(
                    self.head("progress")
                    + (
                        f'"data":{{"type":"agent_progress","agentId":"{name}","message":{{"type":"assistant",'
                        f'"timestamp":"{stamp(self.now)}","message":{body}}}}}}}'
                    )
                )
            if stop == "tool_use":
                lines.append(self.result("true"))
        self.context, self.cached = saved
        path = f".claude/projects/{self.slug}/{self.session}/subagents/{name}.jsonl"
        self.c.write(path, lines, self.now)

    def turn(self, number: int) -> list[str]:
        """Return the lines of one turn of the session's own file."""
        rng = self.rng
        self.c.truth.events["prompts"] += 1
        lines = [
            self.head("user")
            + f'"promptSource":"typed","message":{{"role":"user","content":"{self.c.text(rng.randint(20, 900))}"}}}}'
        ]
        begun = self.now
        steps = rng.randint(2, 14)
        for step in range(steps):
            stop = "end_turn" if step == steps - 1 else "tool_use"
            reply, _ = self.reply(stop=stop)
            lines += reply
            for _ in range(rng.choice((0, 1, 2, 3, 4))):
                lines.append(
                    self.head("progress")
                    + f'"data":{{"type":"bash_progress","output":"{self.c.text(rng.randint(100, 1_600))}","elapsed":2}}}}'
                )
            if stop == "tool_use":
                lines.append(self.result())
        if rng.random() < 0.12:
            self.subagent(lines)
        if rng.random() < 0.05:
            lines.append(
                self.head("assistant")
                + f'"isApiErrorMessage":true,"message":{{"id":"{self.c.identity()}","model":"<synthetic>","role":"assistant",'
                '"content":[{"type":"text","text":"API Error: 529"}],"usage":{"input_tokens":0,"output_tokens":0}}}'
            )
        lines.append(self.head("file-history-snapshot") + f'"snapshot":{{"turn":{number}}}}}')
        lines.append(
            self.head("system") + f'"subtype":"turn_duration","durationMs":{self.now - begun}}}'
        )
        self.now += rng.randint(5_000, 400_000)
        return lines

    def run(self) -> None:
        """Write the session."""
        rng = self.rng
        lines: list[str] = []
        for turn in range(rng.randint(3, 22)):
            lines += self.turn(turn)
        self.c.write(
            self.path,
            lines,
            self.now,
            cut=rng.random() < 0.05,
        )
        if rng.random() < 0.06:
            fork = self.c.identity()
            half = [line.replace(self.session, fork) for line in lines[: len(lines) // 2]]
            self.c.write(f".claude/projects/{self.slug}/{fork}.jsonl", half, self.now + 1_000)
        if rng.random() < 0.06:
            # an aside repeats what it was asked about, under request ids of its own
            aside = [
                line.replace('"isSidechain":false', '"isSidechain":true').replace(
                    '"requestId":"req_', '"requestId":"req_b'
                )
                for line in lines[: len(lines) // 3]
            ]
            name = f"agent-aside_question-{rng.getrandbits(28):07x}"
            self.c.write(
                f".claude/projects/{self.slug}/{self.session}/subagents/{name}.jsonl",
                aside,
                self.now + 2_000,
            )


class CodexWriter:
    """Writes one Codex rollout and, at times, a spawned thread that replays it."""

    def __init__(self, corpus: Corpus) -> None:
        self.c = corpus
        self.rng = corpus.rng
        self.now = corpus.start_ms()
        self.project = f"/home/dev/project{self.rng.randrange(40)}"
        self.model = self.rng.choice(CODEX_MODELS)

    def timed_id(self) -> str:
        h = f"{self.now:012x}7{self.rng.getrandbits(12):03x}8{self.rng.getrandbits(60):015x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:32]}"

    def line(self, kind: str, payload: str, now: int = 0) -> str:
        return f'{{"timestamp":"{stamp(now or self.now)}","type":"{kind}","payload":{payload}}}'

    def meta(self, thread: str, extra: str = "") -> str:
        return self.line(
            "session_meta",
            (
                f'{{"id":"{thread}","timestamp":"{stamp(self.now)}","cwd":"{self.project}","originator":"codex_cli_rs",'
                f'"cli_version":"0.142.0",{extra}"model_provider":"openai","git":{{"branch":"main"}},'
                f'"base_instructions":{{"text":"{self.c.text(12_000)}","provenance":{{"model":"other"}}}}}}'
            ),
        )

    def count(self, totals: dict[str, int], last: dict[str, int], now: int = 0) -> str:
        info = {
            "total_token_usage": totals,
            "last_token_usage": last,
            "model_context_window": 258_400,
        }
        limits = '{"limit_id":"codex","primary":{"used_percent":12.0,"window_minutes":10080,"resets_at":1800000000},"secondary":null}'
        return self.line(
            "event_msg",
            f'{{"type":"token_count","info":{json.dumps(info, separators=(",", ":"))},"rate_limits":{limits}}}',
            now,
        )

    def context_line(self) -> str:
        return self.line(
            "turn_context",
            f'{{"turn_id":"{self.timed_id()}","cwd":"{self.project}","model":"{self.model}","effort":"medium"}}',
        )

    def run(self) -> None:
        """Write the rollout."""
        rng = self.rng
        thread = self.timed_id()
        begun = self.now
        lines = [self.meta(thread)]
        totals: dict[str, int] = {}
        context, cached = 12_000, 0
        counts: list[tuple[dict[str, int], dict[str, int]]] = []
        for _ in range(rng.randint(2, 14)):
            self.now += rng.randint(2_000, 300_000)
            self.c.truth.events["prompts"] += 1
            lines.append(self.context_line())
            lines.append(
                self.line(
                    "event_msg",
                    f'{{"type":"user_message","message":"{self.c.text(rng.randint(20, 600))}"}}',
                )
            )
            for _ in range(rng.randint(2, 12)):
                call = f"call_{rng.getrandbits(80):020x}"
                self.now += rng.randint(500, 9_000)
                lines.append(
                    self.line(
                        "response_item",
                        f'{{"type":"reasoning","summary":[],"encrypted_content":"{self.c.text(rng.randint(1_000, 8_000))}"}}',
                    )
                )
                lines.append(
                    self.line(
                        "response_item",
                        f'{{"type":"function_call","name":"exec_command","arguments":"{{}}","call_id":"{call}"}}',
                    )
                )
                code = 1 if rng.random() < 0.06 else 0
                self.c.truth.events["tool_results"] += 1
                lines.append(
                    self.line(
                        "response_item",
                        (
                            f'{{"type":"function_call_output","call_id":"{call}","output":"Process exited with code {code}\\n'
                            f'{self.c.text(min(20_000, self.c.tool_result_size()))}"}}'
                        ),
                    )
                )
                context += rng.randint(150, 2_500)
                last = {
                    "input_tokens": context,
                    "cached_input_tokens": cached,
                    "output_tokens": rng.randint(20, 900),
                    "reasoning_output_tokens": rng.randint(0, 20),
                }
                last["total_tokens"] = last["input_tokens"] + last["output_tokens"]
                cached = context // 128 * 128
                totals = {k: totals.get(k, 0) + v for k, v in last.items()}
                counts.append((totals, last))
                lines.append(self.count(totals, last))
                self.c.truth.add(
                    self.now,
                    "codex",
                    self.model,
                    last["input_tokens"] - last["cached_input_tokens"],
                    last["cached_input_tokens"],
                    0,
                    0,
                    last["output_tokens"],
                )
                if rng.random() < 0.12:
                    self.now += rng.randint(10, 900)
                    lines.append(self.count(totals, last))
                if rng.random() < 0.03:
                    lines.append(
                        self.line(
                            "event_msg", '{"type":"token_count","info":null,"rate_limits":null}'
                        )
                    )
            lines.append(
                self.line(
                    "event_msg",
                    f'{{"type":"task_complete","turn_id":"{self.timed_id()}","duration_ms":5000,"last_agent_message":"done"}}',
                )
            )
        moment = datetime.fromtimestamp(begun / 1000, UTC)
        name = f"rollout-{moment:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl"
        folder = (
            ".codex/archived_sessions"
            if rng.random() < 0.15
            else f".codex/sessions/{moment:%Y/%m/%d}"
        )
        self.c.write(f"{folder}/{name}", lines, self.now)
        if rng.random() < 0.08:
            self.spawned(thread, counts, totals)

    def spawned(
        self,
        parent: str,
        counts: list[tuple[dict[str, int], dict[str, int]]],
        totals: dict[str, int],
    ) -> None:
        """Write a sub-agent's thread: the parent's counts in one second, then its own."""
        self.now += 5_000
        self.now -= self.now % 1_000
        thread = self.timed_id()
        born = self.now
        spawn = f'"source":{{"subagent":{{"thread_spawn":{{"parent_thread_id":"{parent}","depth":1}}}}}},'
        lines = [
            self.meta(thread, spawn),
            self.line("session_meta", f'{{"id":"{parent}","cwd":"{self.project}"}}'),
        ]
        for seen, last in counts[-6:]:
            lines.append(self.count(seen, last, born + 200))
        self.now += 3_000
        lines.append(self.context_line())
        for _ in range(self.rng.randint(2, 6)):
            self.now += self.rng.randint(2_000, 9_000)
            last = {
                "input_tokens": self.rng.randint(9_000, 30_000),
                "cached_input_tokens": 8_960,
                "output_tokens": self.rng.randint(20, 600),
                "reasoning_output_tokens": 0,
            }
            last["total_tokens"] = last["input_tokens"] + last["output_tokens"]
            totals = {k: totals.get(k, 0) + v for k, v in last.items()}
            lines.append(self.count(totals, last))
            self.c.truth.add(
                self.now,
                "codex",
                self.model,
                last["input_tokens"] - 8_960,
                8_960,
                0,
                0,
                last["output_tokens"],
            )
        moment = datetime.fromtimestamp(born / 1000, UTC)
        self.c.write(
            f".codex/sessions/{moment:%Y/%m/%d}/rollout-{moment:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl",
            lines,
            self.now,
        )


def generate(home: Path, megabytes: float, seed: int, end_ms: int, days: int = 60) -> Corpus:
    """Fill ``home`` with about this many megabytes of logs and write ``truth.json`` beside them."""
    corpus = Corpus(home, seed, end_ms, days)
    target = int(megabytes * 1_000_000)
    claude = 0
    while corpus.bytes < target:
        before = corpus.bytes
        if claude <= CLAUDE_SHARE * corpus.bytes:
            ClaudeWriter(corpus).run()
            claude += corpus.bytes - before
        else:
            CodexWriter(corpus).run()
    (home / "truth.json").write_text(json.dumps(corpus.truth.data(), indent=1))
    return corpus


def generate_one_file(
    home: Path, megabytes: float, seed: int, end_ms: int, days: int = 60
) -> Corpus:
    """Like :func:`generate`, all of it in one transcript (and its few sub-agents' files)."""
    corpus = Corpus(home, seed, end_ms, days)
    target = int(megabytes * 1_000_000)
    writer = ClaudeWriter(corpus)
    writer.now = end_ms - days * DAY_MS
    file = home / writer.path
    file.parent.mkdir(parents=True)
    turn = 0
    with file.open("wb") as log:
        while corpus.bytes < target:
            data = ("\n".join(writer.turn(turn)) + "\n").encode()
            # a session of a gigabyte lasts for weeks: its turns are spread over them
            writer.now = end_ms - days * DAY_MS + int(corpus.bytes / target * (days - 1) * DAY_MS)
            log.write(data)
            corpus.bytes += len(data)
            turn += 1
    os.utime(file, (end_ms / 1000, end_ms / 1000))
    corpus.files += 1
    (home / "truth.json").write_text(json.dumps(corpus.truth.data(), indent=1))
    return corpus


def ready(
    home: Path, megabytes: float, *, days: int, end_ms: int, one_file: bool = False, seed: int = 1
) -> Path:
    """Return a corpus' home, made where it isn't there yet.

    Raises
    ------
    SystemExit
        There is too little room for it.
    """
    facts = {"version": VERSION, "megabytes": megabytes, "days": days, "end_ms": end_ms}
    facts |= {"one_file": one_file, "seed": seed}
    label = home / "corpus.json"
    if label.exists() and json.loads(label.read_text()) == facts:
        return home
    if home.exists() and not label.exists():
        msg = f"{home} is in the way: it is not a corpus of this bench"
        raise SystemExit(msg)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    free = shutil.disk_usage(home).free
    if free < megabytes * 1_500_000:
        msg = f"{home}: {free / 1e9:.1f} GB free is too little for {megabytes} MB"
        raise SystemExit(msg)
    make = generate_one_file if one_file else generate
    # the label first: what an interrupted run left is known as ours
    label.write_text("{}")
    make(home, megabytes, seed, end_ms, days)
    label.write_text(json.dumps(facts))
    return home


def at(values: list[int], share: float) -> int:
    """Return the value below which this share of the sorted values lies."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def print_shape(home: Path) -> None:
    """Say how the Claude Code part of a corpus looks, in the figures that real logs were measured in."""
    lengths: list[int] = []
    sizes: list[int] = []
    lines: Counter[str] = Counter()
    usage_bytes = changed = 0
    messages: Counter[tuple[str, str]] = Counter()
    outputs: dict[tuple[str, str], int] = {}
    for file in sorted(home.glob(".claude/projects/**/*.jsonl")):
        data = file.read_bytes()
        sizes.append(len(data))
        for line in data.splitlines(keepends=True):
            lengths.append(len(line))
            try:
                record = json.loads(line)
            except ValueError:
                continue
            lines[record["type"]] += 1
            message = record.get("message", {})
            if "usage" not in message:
                continue
            usage_bytes += len(line)
            key = (str(file), message["id"])
            output = message["usage"]["output_tokens"]
            changed += outputs.get(key, output) != output
            outputs[key] = output
            messages[key] += 1
    lengths.sort()
    sizes.sort()
    usage = sum(messages.values())
    repeats = usage - len(messages)
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB, {len(lengths):,} lines")
    print("bytes per file p25/50/75/90/99:", *(at(sizes, p) for p in (0.25, 0.5, 0.75, 0.9, 0.99)))
    print("bytes per line p5/50/90/99/max:", *(at(lengths, p) for p in (0.05, 0.5, 0.9, 0.99, 1)))
    print(
        f"lines with usage: {usage / len(lengths):.1%}, of bytes: {usage_bytes / sum(lengths):.1%}"
    )
    print(f"usage lines per message: {usage / len(messages):.2f}; repeats: {repeats / usage:.1%}")
    print(f"repeats whose tokens differ: {changed / max(1, repeats):.1%}")
    print("kinds:", ", ".join(f"{k} {n / len(lengths):.1%}" for k, n in lines.most_common()))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--end", default="2026-11-20", help="end of the last day, UTC")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--one-file", action="store_true")
    parser.add_argument("--shape", action="store_true")
    arguments = parser.parse_args()
    if arguments.shape:
        print_shape(arguments.home)
        return
    end_ms = int(datetime.fromisoformat(arguments.end).replace(tzinfo=UTC).timestamp() * 1000)
    make = generate_one_file if arguments.one_file else generate
    corpus = make(arguments.home, arguments.megabytes, arguments.seed, end_ms, arguments.days)
    print(f"{corpus.bytes / 1e6:.1f} MB in {corpus.files} files below {arguments.home}")


if __name__ == "__main__":
    main()
