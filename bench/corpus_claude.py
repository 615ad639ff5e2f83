"""The Claude Code part of a corpus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from corpus_parts import stamp

if TYPE_CHECKING:
    from corpus_parts import Corpus

CLAUDE_MODELS = ("claude-sonnet-4-6", "claude-opus-4-6", "claude-haiku-4-5")


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
