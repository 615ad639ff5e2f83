from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.config import Config, PriceOverride, effective, example, load, parse, read, try_load
from tmuxmeter.errors import ConfigError
from tmuxmeter.ledger.activity import WINDOW_MS

FILE = Path("/etc/config.toml")
EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(FILE, text)
    return str(caught.value).split("\n")


def test_no_file_gives_defaults() -> None:
    assert parse(FILE, None) == Config()
    assert parse(FILE, "") == Config()
    assert Config().day.start_minutes == 0


def test_the_overlap_s_default_is_what_the_ledger_reads_unless_told() -> None:
    assert Config().breakeven.overlap_ms == WINDOW_MS


def test_example_file_is_the_generated_one() -> None:
    assert EXAMPLE.read_text() == example()


def test_example_parses_to_the_defaults_and_names_every_key() -> None:
    config = parse(FILE, example())
    assert config == Config()
    given_keys = {setting.key for setting in effective(config) if setting.origin != "default"}
    assert given_keys == {setting.key for setting in effective(Config())}


def test_the_commented_examples_are_valid_too() -> None:
    lines = example().split("\n")
    start = lines.index('# [[prices."my-model"]]')
    entry = "\n".join(line.removeprefix("# ") for line in lines[start:])
    account = next(line for line in lines if "claude-work" in line).removeprefix("# ")
    config = parse(FILE, f"[accounts]\n{account}\n{entry}")
    assert config.accounts == {"~/.claude-work": "work"}
    assert config.prices[0].cache_write_1h == Decimal(6)


def test_values_are_typed() -> None:
    config = parse(
        FILE,
        """
        day = { start = "04:30", timezone = "Europe/Vienna" }
        [agents]
        disabled = ["codex"]
        claude.roots = ["~/.claude-work"]
        [accounts]
        "~/.claude-work" = "work"
        [watch]
        poll = "always"
        look_seconds = 4
        [status]
        icons = false
        [breakeven]
        hourly_rate = 85
        k_high = 2.75
        """,
    )
    assert (config.breakeven.hourly_rate, config.breakeven.k_high) == (85.0, 2.75)
    assert config.breakeven.k_low == 1.1
    assert config.day.start_minutes == 4 * 60 + 30
    assert config.day.timezone == "Europe/Vienna"
    assert config.agents.disabled == ("codex",)
    assert config.agents.roots("claude") == ("~/.claude-work",)
    assert config.agents.roots("codex") == ()
    assert config.accounts == {"~/.claude-work": "work"}
    assert config.watch.poll == "always"
    assert config.watch.look_seconds == 4
    assert config.status.icons is False


def test_prices_are_exact_and_dated() -> None:
    config = parse(
        FILE,
        """
        [[prices."my.model"]]
        input = 0.1
        output = 3
        [[prices."my.model"]]
        from = 2026-07-01
        tier = "fast"
        input = 0.3
        cache_read = 0.03
        cache_write_5m = 0.375
        cache_write_1h = 0.6
        output = 1.5
        [prices.other]
        input = 1
        output = 2
        """,
    )
    first, second, other = config.prices
    assert first == PriceOverride(
        model="my.model", input=Decimal("0.1"), output=Decimal(3), where="/etc/config.toml:2"
    )
    assert second.from_ == date(2026, 7, 1)
    assert (second.tier, second.input, second.cache_write_1h) == (
        "fast",
        Decimal("0.3"),
        Decimal("0.6"),
    )
    assert other.model == "other"
    assert other.where == "/etc/config.toml:13"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[day]\nstrat = 1", "/etc/config.toml:2: unknown key day.strat; did you mean day.start?"),
        ("[dya]\n", "/etc/config.toml:1: unknown key dya; did you mean day?"),
        ("poll = 1", "/etc/config.toml:1: unknown key poll; did you mean watch.poll?"),
        ("zzz = 1", "/etc/config.toml:1: unknown key zzz"),
        ("\n\nday.x.y = 1", "/etc/config.toml:3: unknown key day.x"),
        ("[agents.cluade]", "/etc/config.toml:1: unknown key agents.cluade; did you mean "),
        (
            "[[prices.m]]\ninput = 1\noutput = 1\ncache_reed = 1",
            (
                "/etc/config.toml:4: unknown key prices.m.cache_reed; did you mean "
                "prices.m.cache_read?"
            ),
        ),
    ],
)
def test_unknown_keys_are_told_with_a_suggestion(text: str, problem: str) -> None:
    (only,) = problems(text)
    assert only.startswith(problem)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[day]\nstart = "24:00"', (":2: day.start must be", '"23:59"', 'not "24:00"')),
        ('[day]\nstart = "٠٤:٣٠"', (":2: day.start must be",)),
        ("[day]\nstart = 4", ("day.start must be a time", "not 4")),
        ('[day]\ntimezone = "Mars/Base"', ("day.timezone must be a time zone", "Mars/Base")),
        ('[day]\ntimezone = "../etc/passwd"', ("day.timezone must be",)),
        ("[day]\ntimezone = 1", ("day.timezone must be",)),
        ("[status]\nicons = 1", ("status.icons must be true or false, not 1",)),
        (
            "[watch]\nlook_seconds = 61",
            ("watch.look_seconds must be a whole number from 1 to 60, not 61",),
        ),
        ("[watch]\nlook_seconds = true", ("from 1 to 60, not true",)),
        ("[watch]\nlook_seconds = 2.0", ("from 1 to 60, not 2.0",)),
        ('[watch]\npoll = "never"', ('one of "auto", "always", not "never"',)),
        ('[agents]\ndisabled = ["nobody"]', ("agents.disabled must be a list of agents' names",)),
        ('[agents]\ndisabled = "codex"', ('not "codex"',)),
        ("[agents.claude]\nroots = [1]", ("agents.claude.roots must be a list of strings",)),
        (
            "[breakeven]\nhourly_rate = 0",
            (":2: breakeven.hourly_rate must be a number of dollars from 0.01 to 10000, not 0",),
        ),
        ("[breakeven]\nknee = inf", ("breakeven.knee must be a number of tokens from 1000 to",)),
        ("[breakeven]\nknee = nan", ("breakeven.knee must be a number",)),
        (f"[breakeven]\nknee = 1{'0' * 400}", ("breakeven.knee must be a number",)),
        ('[breakeven]\nk_high = "2"', ("breakeven.k_high must be a number from 0.1 to 50",)),
        ("[breakeven]\nk_high = true", ("breakeven.k_high must be a number", "not true")),
        ('[breakeven]\ninput_counts = "some"', ('one of "all", "uncached"',)),
        (
            "[breakeven]\nk_low = 3",
            (":2: breakeven.k_low must be a number from 0 to breakeven.k_high (2.55), not 3",),
        ),
        (
            "\n[breakeven]\nk_high = 1",
            (":3: breakeven.k_low must be a number from 0 to breakeven.k_high (1), not 1.1",),
        ),
        ('[agents]\ndisabled = ["cluade"]', ('lists them, not ["cluade"]',)),
        ('[budget]\ncommand = ["a", 1]', ('must be a list of strings, not ["a", 1]',)),
        (f"[budget]\ncommand = {['x' * 50, 2, 3]!r}", (f'not ["{"x" * 50}", 2, 3]',)),
        (f"[budget]\ncommand = {['x' * 59, 2, 3]!r}", ("…]",)),
        ("day = 1", (":1: day must be a table, not a number",)),
        ("accounts = []", ("accounts must be a table, not a list",)),
        ('[accounts]\n"~/x" = 1', (':2: accounts."~/x" must be a folder and its name',)),
        ("prices = 1", ("prices must be a table",)),
        ("[prices]\nm = 1", (":2: prices.m must be a table of prices",)),
        ("[prices]\nm = [1]", (":2: prices.m must be a table of prices, not 1",)),
        ("[[prices.m]]\ninput = 1", (":1: prices.m lacks 'output'",)),
        ("[prices.m]\ninput = -1\noutput = 1", (":2: prices.m.input must be dollars", "not -1")),
        ("[prices.m]\ninput = nan\noutput = 1", ("prices.m.input must be dollars",)),
        ("[prices.m]\ninput = inf\noutput = 1", ("prices.m.input must be dollars",)),
        ("[prices.m]\ninput = 1e9\noutput = 1", ("prices.m.input must be dollars",)),
        ('[prices.m]\ninput = "1"\noutput = 1', ("prices.m.input must be dollars",)),
        ("[prices.m]\ninput = true\noutput = 1", ("prices.m.input must be dollars",)),
        ('[prices.m]\ninput = 1\noutput = 1\nfrom = "2026-07-01"', (":4: prices.m.from must be",)),
        ("[prices.m]\ninput = 1\noutput = 1\nfrom = 2026-07-01T10:00:00Z", ("must be a date",)),
        ('[prices.m]\ninput = 1\noutput = 1\ntier = "turbo"', ("prices.m.tier must be one of",)),
    ],
)
def test_wrong_values_name_the_key_and_the_range(text: str, parts: tuple[str, ...]) -> None:
    (only,) = problems(text)
    assert only.startswith("/etc/config.toml:")
    for part in parts:
        assert part in only


def test_second_price_for_a_day_is_a_problem() -> None:
    entry = "[[prices.m]]\nfrom = 2026-07-01\ninput = 1\noutput = 1\n"
    (only,) = problems(entry + entry)
    assert only.startswith("/etc/config.toml:5: prices.m gives a second price")
    assert only.endswith("/etc/config.toml:1")


def test_all_problems_are_told_at_once() -> None:
    assert len(problems("[day]\nstart = 1\nfoo = 2\n[watch]\nlook_seconds = 99")) == 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[day]\nstart = = 1", "/etc/config.toml:2:9: not valid TOML: "),
        ('[day]\nstart = "04', "/etc/config.toml:2"),
        ("[day\n", "/etc/config.toml:1"),
        ("a = 1\na = 2", "/etc/config.toml:2"),
        (f"a = {'9' * 5000}", "/etc/config.toml:1"),
        (f"a = {'[' * 5000}", "/etc/config.toml"),
    ],
)
def test_syntax_errors_name_file_and_line(text: str, place: str) -> None:
    (only,) = problems(text)
    assert only.startswith(place)
    assert "not valid TOML" in only


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    config, found = Config(), []
    try:
        config = parse(FILE, text)
    except ConfigError as error:
        found = str(error).split("\n")
    assert found or config.sources or config == Config()


def test_missing_file_is_no_problem_unless_it_was_named(tmp_path: Path) -> None:
    assert read(tmp_path / "none.toml") is None
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file"):
        read(tmp_path / "none.toml", must_exist=True)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        read(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read(broken)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_forbidden_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    file.chmod(0)
    with pytest.raises(ConfigError, match="can't be read"):
        read(file)


def test_byte_order_mark_is_forgiven(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf[watch]\nlook_seconds = 3\n")
    assert load(file).watch.look_seconds == 3


def test_try_load_keeps_the_old_settings_where_anything_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[watch]\nlook_seconds = 3\n")
    old, told = try_load(file, Config())
    assert (old.watch.look_seconds, told) == (3, [])
    file.write_text('[watch]\nlook_seconds = 4\n[status]\nicons = "yes"\n')
    new, told = try_load(file, old)
    assert new is old
    assert told == [f'{file}:4: status.icons must be true or false, not "yes"']
    file.unlink()
    assert try_load(file, old) == (Config(), [])
    assert try_load(file, old, must_exist=True)[0] is old


def test_effective_tells_where_each_value_comes_from() -> None:
    text = (
        '[watch]\n\nlook_seconds = 3\n[accounts]\n"~/w" = "wo\\"rk"\n[prices.m]\ninput=1\noutput=2'
    )
    rows = {row.key: row for row in effective(parse(FILE, text))}
    assert (rows["watch.look_seconds"].value, rows["watch.look_seconds"].origin) == (
        "3",
        "/etc/config.toml:3",
    )
    assert (rows["status.icons"].value, rows["status.icons"].origin) == ("true", "default")
    assert rows["day.start"].value == '"00:00"'
    assert rows['accounts."~/w"'].value == '"wo\\"rk"'
    assert rows['accounts."~/w"'].origin == "/etc/config.toml:5"
    assert rows['prices."m"'].value == '{ input = 1, output = 2, tier = "standard" }'
    assert rows['prices."m"'].origin == "/etc/config.toml:6"
    assert all(row.doc for row in rows.values())


def test_lines_are_found_behind_arrays_and_odd_spelling() -> None:
    text = """
    ["day"]
    'start' = 1
    [[ prices . "a.b" ]]
    input = 1
    output = 1
    [[ prices . "a.b" ]]
    input = "x"
    output = 1
    """
    assert [line.split(": ")[0] for line in problems(text)] == [
        "/etc/config.toml:3",
        "/etc/config.toml:8",
    ]


def test_loading_defaults_imports_nothing_heavy() -> None:
    code = (
        "import sys, pathlib\n"
        "from tmuxmeter.config import load\n"
        "load(pathlib.Path('x'))\n"
        "heavy = {'genai_prices', 'msgspec', 'pydantic', 'tomllib', 'zoneinfo', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
