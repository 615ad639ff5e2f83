"""Write tmuxmeter/prices/data.jsonl: what the installed genai-prices says, as plain data."""

from __future__ import annotations

from tmuxmeter.prices.library import stored_lines
from tmuxmeter.prices.stored import PATH

PATH.write_text("".join(f"{line}\n" for line in stored_lines()), "utf-8")
