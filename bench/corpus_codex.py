"""The Codex part of a corpus."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from corpus_parts import stamp

if TYPE_CHECKING:
    from corpus_parts import Corpus

CODEX_MODELS = ("gpt-5.5", "gpt-5.4")


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
