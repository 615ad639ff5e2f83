"""Agents from npm that are content with the Chat Completions API: which, and how each is used."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from stub_chat import ChatStub

MODEL = "gpt-5.5"
URL = "STUB_URL"
"""Stands for the stub's address in what a program is told."""


class QwenStub(ChatStub):
    """Qwen Code's tools, and the one request that it never logs."""

    def is_logged(self, body: dict[str, Any]) -> bool:
        return "Reply with ONLY the suggestion" not in json.dumps(body["messages"][-1])

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("run_shell_command", {"command": rest, "is_background": False}),
            "read": ("read_file", {"file_path": rest}),
        }
        return calls.get(verb)


class KimiStub(ChatStub):
    """Kimi Code's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("Bash", {"command": rest}),
            "read": ("Read", {"path": rest}),
        }
        return calls.get(verb)


class PiStub(ChatStub):
    """Pi's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("bash", {"command": rest}),
            "read": ("read", {"path": rest}),
        }
        return calls.get(verb)


class CopilotStub(ChatStub):
    """Copilot CLI's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("bash", {"command": rest, "description": "runs it"}),
            "read": ("view", {"path": rest}),
        }
        return calls.get(verb)


class GooseStub(ChatStub):
    """Goose's tools: it reads files with its shell."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("shell", {"command": rest}),
            "read": ("shell", {"command": f"cat {rest}"}),
        }
        return calls.get(verb)


class DroidStub(ChatStub):
    """Droid's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        told = {"summary": "runs it", "riskLevel": "low", "riskLevelReason": "it only says so"}
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("Execute", {"command": rest} | told),
            "read": ("Read", {"file_path": rest}),
        }
        return calls.get(verb)


@dataclass(frozen=True)
class Program:
    """An agent from npm, and how it is used.

    ``environment`` and ``files``, which lie in the home, may name the stub by :data:`URL`.
    """

    name: str
    package: str
    version: str
    script: str
    stub: type[ChatStub]
    start: str
    ready: str
    model: str = MODEL
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


OPENAI = {"OPENAI_API_KEY": "anything", "OPENAI_BASE_URL": f"{URL}/v1", "OPENAI_MODEL": MODEL}

QWEN_SETTINGS = {
    "security": {"auth": {"selectedType": "openai"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
}
QWEN = Program(
    "qwen",
    "@qwen-code/qwen-code",
    "0.24.4",
    "cli-entry.js",
    QwenStub,
    f"qwen -y -m {MODEL}",
    "Type your message",
    environment=OPENAI,
    files={".qwen/settings.json": json.dumps(QWEN_SETTINGS)},
)

KIMI_CONFIG = f"""\
default_model = "stub/k2"
telemetry = false
[providers."stub"]
type = "kimi"
base_url = "{URL}/v1"
api_key = "x"
[models."stub/k2"]
provider = "stub"
model = "{MODEL}"
max_context_size = 262144
capabilities = ["tool_use"]
"""
KIMI = Program(
    "kimi",
    "@moonshot-ai/kimi-code",
    "2.1.0",
    "dist/main.mjs",
    KimiStub,
    "kimi --yolo",
    "context:",
    files={".kimi-code/config.toml": KIMI_CONFIG},
)

PI_PROVIDER = {
    "baseUrl": f"{URL}/v1",
    "api": "openai-completions",
    "apiKey": "x",
    "models": [{"id": MODEL, "name": MODEL, "input": ["text"], "contextWindow": 200_000}],
}
PI = Program(
    "pi",
    "@earendil-works/pi-coding-agent",
    "0.87.1",
    "dist/cli.js",
    PiStub,
    f"pi --provider stub --model {MODEL}",
    "0.0%/200k",
    environment={"PI_OFFLINE": "1"},
    files={".pi/agent/models.json": json.dumps({"providers": {"stub": PI_PROVIDER}})},
)

COPILOT = Program(
    "copilot",
    "@github/copilot",
    "1.0.102",
    "npm-loader.js",
    CopilotStub,
    "copilot",
    "/ commands",
    environment={
        "COPILOT_PROVIDER_BASE_URL": f"{URL}/v1",
        "COPILOT_MODEL": MODEL,
        "COPILOT_OFFLINE": "true",
        "COPILOT_AUTO_UPDATE": "false",
        # Also trusts the folder.
        "COPILOT_ALLOW_ALL": "true",
    },
)

# It asks the Responses API for newer models of OpenAI's.
GOOSE_MODEL = "gpt-4.1"
GOOSE_CONFIG = f"""\
GOOSE_PROVIDER: openai
GOOSE_MODEL: {GOOSE_MODEL}
GOOSE_MODE: auto
GOOSE_TELEMETRY_ENABLED: false
"""
GOOSE = Program(
    "goose",
    "@aaif/goose-binary-linux-x64",
    "1.52.0",
    "bin/goose",
    GooseStub,
    "goose",
    "goose is ready",
    model=GOOSE_MODEL,
    environment={"OPENAI_HOST": URL, "OPENAI_API_KEY": "x", "GOOSE_DISABLE_KEYRING": "1"},
    files={".config/goose/config.yaml": GOOSE_CONFIG},
)

# It takes a model with a vendor's name for a mistake, and tells the agent so.
DROID_MODEL = "ones-own"
DROID_NAME = "custom:Stub-0"
DROID_SETTINGS = {
    "customModels": [
        {
            "model": DROID_MODEL,
            "displayName": "Stub",
            "baseUrl": f"{URL}/v1",
            "apiKey": "x",
            "provider": "generic-chat-completion-api",
            "maxOutputTokens": 10_000,
        }
    ]
}
DROID_PRICES = f"""\
[[prices."{DROID_NAME}"]]
input = 1.00
cache_read = 0.10
output = 4.00
"""
DROID = Program(
    "droid",
    "droid",
    "0.215.0",
    "bin/droid",
    DroidStub,
    f"droid exec --auto low -m {DROID_NAME}",
    "",
    model=DROID_NAME,
    files={
        ".factory/settings.json": json.dumps(DROID_SETTINGS),
        ".config/tmuxmeter/config.toml": DROID_PRICES,
    },
)
"""Only its one-shot command works without an account: it is in none of the tables."""

PROGRAMS = (QWEN, KIMI, PI, COPILOT, GOOSE)
