"""Placeholders: what is replaced, where, and that it comes back exactly."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watching import tmuxmeter

from tmuxmeter.status.options import OPTION_NAMES
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.formats import (
    ALARM_STYLE,
    PLACEHOLDERS,
    VERDICT_STYLES,
    interpolate,
    restore,
    unknown_names,
)
from tmuxmeter.tmux.install import install_formats, look_at_formats, read_options, remove_formats
from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from tmux_fixtures import TmuxServer

TOTAL = PLACEHOLDERS["tmuxmeter_total"]
HOSTILE = 'it\'s \\ $HOME ${HOME} ~ "q" `id` $(id) #(id) %if %H ; } { , é ⏳'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#{tmuxmeter_total}", TOTAL),
        ("a #{tmuxmeter_total} b#{tmuxmeter_total}", f"a {TOTAL} b{TOTAL}"),
        ("#{=9:#{tmuxmeter_total}}", "#{=9:" + TOTAL + "}"),
        ("#{?pane_active,#{tmuxmeter_total},#,}", "#{?pane_active," + TOTAL + ",#,}"),
        ("#[fg=red]#{tmuxmeter_total}#[default]", f"#[fg=red]{TOTAL}#[default]"),
        ("#S#{tmuxmeter_total}#", f"#S{TOTAL}#"),
        ("###{tmuxmeter_total}", f"##{TOTAL}"),
        ("#{?tmuxmeter_total,a,#{tmuxmeter_total}}", "#{?" + TOTAL + ",a," + TOTAL + "}"),
        ("#{=9:tmuxmeter_total}", "#{=9:" + TOTAL + "}"),
        ("#{p-9;s/a:/b/:tmuxmeter_total}", "#{p-9;s/a:/b/:" + TOTAL + "}"),
    ],
)
def test_placeholders_are_replaced(text: str, expected: str) -> None:
    assert interpolate(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "#{",
        "#{tmuxmeter_total",
        "#{pane_id} #(date) %H:%M #[fg=red]",
        "#{l:#{tmuxmeter_total}}",
        "##{tmuxmeter_total}",
        "#(echo #{tmuxmeter_pane_model} (x) #{tmuxmeter})",
        "#{E:#{tmuxmeter_pane_model}}",
        "#{T;=9:#{tmuxmeter_pane_model}}",
        "#{E:tmuxmeter_pane_model}",
        "#{l:tmuxmeter_total}",
        "#{W:tmuxmeter_total}",
        "#{==:tmuxmeter_total,x}",
        "#{?pane_active,tmuxmeter_total,}",
        "#{?tmuxmeter_total}",
        "#{tmuxmeter_nonsense}",
        "#{tmuxmeter_total }",
        "#{@tmuxmeter_total}",
        "#{tmux_cpu}",
    ],
)
def test_everything_else_is_left_alone(text: str) -> None:
    assert interpolate(text) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("#{tmuxmeter_totl} #{tmuxmeter_total}", ["tmuxmeter_totl"]),
        (
            "#{?tmuxmeter_wait,#{=3:tmuxmeter_pane_kost},}",
            ["tmuxmeter_wait", "tmuxmeter_pane_kost"],
        ),
        ("##{tmuxmeter_x} #{@tmuxmeter_x} tmuxmeter_x #{tmuxmeters", []),
        *((format_, []) for format_ in PLACEHOLDERS.values()),
    ],
)
def test_a_placeholder_that_there_is_not_is_told(text: str, names: list[str]) -> None:
    assert unknown_names(text) == names


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_each_placeholder_comes_back(name: str) -> None:
    text = "#{" + name + "}"
    assert interpolate(text) == PLACEHOLDERS[name] != text
    assert restore(interpolate(text)) == text


PIECES = st.sampled_from(
    [
        *("#{" + name + "}" for name in PLACEHOLDERS),
        *("#", "##", "{", "}", "#{", "#}", "#,", ",", ":", "#(", ")", "#[", "]", "#{?a,", "#{l:"),
        *("#{E:", "#{=3:", "x", "%H", "'", "\\", "é"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_restore_is_the_inverse_of_interpolate(text: str) -> None:
    assert restore(interpolate(text)) == text
    assert interpolate(interpolate(text)) == interpolate(text)


def test_no_format_expands_a_value_again() -> None:
    for format_ in PLACEHOLDERS.values():
        assert "T:" not in format_
        # The only thing expanded is a name: a prefix of ours and tmux's own id.
        for behind in format_.split("#{E:")[1:]:
            name, _, rest = behind.partition("_#{s/^.//:")
            assert name.startswith("##{TMUXMETER_")
            assert rest.startswith(("pane_id}#}}", "window_id}#}}"))
        assert format_.count("%") == format_.count("%s") == 1


def test_quoted_words_come_back_from_tmux_as_they_were(tmux_server: TmuxServer) -> None:
    texts = [HOSTILE, "", "-gh", "~", "%if 1", "a\nb\tc\x1b\x7f\x01'9", "'", "\\'", "#{pane_id}"]
    lines = [f"set-option -g @t{i} {quoted(text)}" for i, text in enumerate(texts)]
    Tmux(tmux_server.socket).source(lines)
    for i, text in enumerate(texts):
        assert tmux_server.run("show-options", "-gv", f"@t{i}") == text + "\n"


def option(server: TmuxServer, *scope_and_name: str) -> str:
    return server.run("show-options", "-qv", *scope_and_name).removesuffix("\n")


SCOPES = (
    ("-g", "status-right"),
    ("-t", "$0", "status-left"),
    ("-g", "status-format[1]"),
    ("-gw", "window-status-format"),
    ("-w", "-t", "@0", "window-status-current-format"),
    ("-gw", "pane-border-format"),
    ("-p", "-t", "%0", "pane-border-format"),
)


def test_every_scope_is_rewritten_and_given_back(tmux_server: TmuxServer) -> None:
    text = HOSTILE.replace("#(id)", "") + "\n\t#{l:#{tmuxmeter}} #{tmuxmeter_total}"
    for scope in SCOPES:
        tmux_server.run("set-option", *scope, text)
    tmux_server.run("set-option", "-gw", "window-status-current-format", "mine")
    before = tmux_server.run("show-options", "-gw")
    tmux = Tmux(tmux_server.socket)
    holding = {scope[-1] for scope in SCOPES}
    assert set(install_formats(tmux)) == holding
    for scope in SCOPES:
        assert option(tmux_server, *scope) == text.replace("#{tmuxmeter_total}", TOTAL)
    assert option(tmux_server, "-gw", "window-status-current-format") == "mine"
    assert set(remove_formats(tmux)) == holding
    for scope in SCOPES:
        assert option(tmux_server, *scope) == text
    assert tmux_server.run("show-options", "-gw") == before
    assert "tmuxmeter_kept" not in tmux_server.run("show-options", "-g")
    assert "tmuxmeter_kept" not in tmux_server.run("show-options", "-t", "$0")
    assert "tmuxmeter_kept" not in tmux_server.run("show-options", "-p", "-t", "%0")
    assert remove_formats(tmux) == ()


def test_installing_twice_changes_nothing_and_draws_nothing(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set-option", "-g", "status-right", "#{tmuxmeter}")
    assert install_formats(tmux) == ("status-right",)
    tmux_server.run("respawn-pane", "-k", "-t", "%0", "cat")
    client = tmux_server.attach()
    client.settle()
    options, count = tmux_server.run("show-options", "-g"), client.count
    assert install_formats(tmux) == ("status-right",)
    assert tmux_server.run("show-options", "-g") == options
    assert client.settle() == count


def test_a_server_without_placeholders_is_not_touched(tmux_server: TmuxServer) -> None:
    before = tmux_server.run("show-options", "-g"), tmux_server.run("show-options", "-gw")
    assert install_formats(Tmux(tmux_server.socket)) == ()
    assert (tmux_server.run("show-options", "-g"), tmux_server.run("show-options", "-gw")) == before


def test_a_users_later_change_is_kept(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set-option", "-g", "status-right", "old #{tmuxmeter_total}")
    install_formats(tmux)
    # Appended by hand, by another plugin: ours is inside.
    tmux_server.run("set-option", "-ag", "status-right", " new #{tmuxmeter_hit}")
    install_formats(tmux)
    assert option(tmux_server, "-g", "status-right").startswith(f"old {TOTAL} new #{{?")
    tmux_server.run("set-option", "-ag", "status-right", "!")
    remove_formats(tmux)
    text = option(tmux_server, "-g", "status-right")
    assert text == "old #{tmuxmeter_total} new #{tmuxmeter_hit}!"


def test_a_configuration_read_again_is_installed_again(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    for text in ("one #{tmuxmeter_total}", "two #{tmuxmeter_total}", "three"):
        tmux_server.run("set-option", "-g", "status-right", text)
        install_formats(tmux)
        expected = text.replace("#{tmuxmeter_total}", TOTAL)
        assert option(tmux_server, "-g", "status-right") == expected
    assert option(tmux_server, "-g", "@tmuxmeter_kept_status-right") == ""


def test_a_format_of_an_older_version_is_brought_up_to_date(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set-option", "-g", "status-right", "#{tmuxmeter_total}")
    install_formats(tmux)
    kept = option(tmux_server, "-g", "@tmuxmeter_kept_status-right").split(" ", 1)[1]
    from tmuxmeter.tmux.install import _digest

    old = "#{what an older version wrote}"
    tmux_server.run("set-option", "-g", "status-right", old)
    tmux_server.run("set-option", "-g", "@tmuxmeter_kept_status-right", f"{_digest(old)} {kept}")
    install_formats(tmux)
    assert option(tmux_server, "-g", "status-right") == TOTAL


def test_an_option_unset_by_the_user_stays_unset(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set-option", "-t", "$0", "status-right", "#{tmuxmeter}")
    install_formats(tmux)
    tmux_server.run("set-option", "-u", "-t", "$0", "status-right")
    remove_formats(tmux)
    assert "status-right" not in tmux_server.run("show-options", "-t", "$0")


def test_user_options_are_read(tmux_server: TmuxServer) -> None:
    tmux_server.run("set-option", "-g", "@tmuxmeter_icons", "off")
    tmux_server.run("set-option", "-g", "@tmuxmeter_segment", "cost\nagents")
    names = ("@tmuxmeter_icons", "@tmuxmeter_none", "@tmuxmeter_segment")
    assert read_options(Tmux(tmux_server.socket), names) == {
        "@tmuxmeter_icons": "off",
        "@tmuxmeter_none": "",
        "@tmuxmeter_segment": "cost\nagents",
    }


def test_values_appear_by_pane_window_and_server_until_the_lease(tmux_server: TmuxServer) -> None:
    second = tmux_server.split()
    third = tmux_server.window()
    until = int(time.time()) + 1000
    tmux = Tmux(tmux_server.socket)
    tmux.source(
        [
            f"set-environment -gh TMUXMETER_LEASE {until}",
            "set-environment -gh TMUXMETER_TOTAL '$9'",
            "set-environment -gh TMUXMETER_PANE_COST_0 '$1'",
            f"set-environment -gh TMUXMETER_PANE_COST_{second[1:]} '$2'",
            "set-environment -gh TMUXMETER_WINDOW_COST_0 '$3'",
        ]
    )
    text = interpolate("#{tmuxmeter_total}|#{tmuxmeter_pane_cost}|#{tmuxmeter_window_cost}|")
    assert tmux_server.format(text, "%0") == "$9|$1|$3|"
    assert tmux_server.format(text, second) == "$9|$2|$3|"
    assert tmux_server.format(text, third) == "$9|||"
    tmux.source([f"set-environment -gh TMUXMETER_LEASE {int(time.time()) - 1}"])
    assert tmux_server.format(text, "%0") == "|||"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SEGMENT": "$1"}, "$1"),
        ({"SEGMENT": "$1", "WAITING": "1"}, "<w>$1#[default]"),
        ({"SEGMENT": "$1", "WAITING": "0"}, "$1"),
        ({"SEGMENT": "$1", "WAITING": "1", "PROBLEM": "x"}, "<p>$1#[default]"),
        ({"WAITING": "1"}, ""),
        ({"SEGMENT": "$1 ", "SEGMENT_LIGHT": "▲", "VERDICT": "green"}, "$1 <g>▲#[default]"),
        (
            {"SEGMENT_LIGHT": "◆", "VERDICT": "amber"},
            "#[fg=black]#[bg=yellow]◆#[default]",
        ),
        ({"SEGMENT_LIGHT": "▼", "VERDICT": "red"}, "#[fg=white]#[bg=red]▼#[default]"),
        ({"SEGMENT_LIGHT": "–", "VERDICT": "neutral"}, "–"),
        (
            {"SEGMENT_LIGHT": "▲", "SEGMENT_REST": " 1", "VERDICT": "green", "WAITING": "1"},
            "<w><g>▲#[default]<w> 1#[default]",
        ),
    ],
)
def test_styles_come_from_options(
    tmux_server: TmuxServer, variables: dict[str, str], expected: str
) -> None:
    lines = [f"set-environment -gh TMUXMETER_{n} '{value}'" for n, value in variables.items()]
    lines += [
        f"set-environment -gh TMUXMETER_LEASE {int(time.time()) + 1000}",
        "set-option -g @tmuxmeter_style_waiting '<w>'",
        "set-option -g @tmuxmeter_style_problem '<p>'",
        "set-option -g @tmuxmeter_style_green '<g>'",
    ]
    Tmux(tmux_server.socket).source(lines)
    assert tmux_server.format(PLACEHOLDERS["tmuxmeter"]) == expected


@pytest.mark.parametrize("state", ["working", "waiting", "paused", "idle", "gone", ""])
def test_states_have_styles_in_panes_and_windows(tmux_server: TmuxServer, state: str) -> None:
    lines = [
        f"set-environment -gh TMUXMETER_LEASE {int(time.time()) + 1000}",
        "set-environment -gh TMUXMETER_PANE_0 pane",
        "set-environment -gh TMUXMETER_WINDOW_0 window",
        f"set-environment -gh TMUXMETER_PANE_STATE_0 '{state}'",
        f"set-environment -gh TMUXMETER_WINDOW_STATE_0 '{state}'",
        "set-option -g @tmuxmeter_style_waiting '<waiting>'",
        "set-option -g @tmuxmeter_style_working '<working>'",
        "set-option -g @tmuxmeter_style_paused '<paused>'",
    ]
    Tmux(tmux_server.socket).source(lines)
    text = tmux_server.format(interpolate("#{tmuxmeter_pane} #{tmuxmeter_window}"))
    if state in {"working", "waiting", "paused"}:
        assert text == f"<{state}>pane#[default] <{state}>window#[default]"
    else:
        assert text == "pane window"


def test_what_spends_in_a_pause_is_red_unless_told_otherwise(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux.source(
        [
            f"set-environment -gh TMUXMETER_LEASE {int(time.time()) + 1000}",
            "set-environment -gh TMUXMETER_PANE_0 pane",
            "set-environment -gh TMUXMETER_PANE_STATE_0 paused",
            "set-environment -gh TMUXMETER_PANE_FLAGS_0 'spending loop'",
            "set-option -g @tmuxmeter_style_paused '<paused>'",
        ]
    )
    text = interpolate("#{tmuxmeter_pane}")
    assert tmux_server.format(text) == f"{ALARM_STYLE}pane#[default]"
    tmux.source(["set-option -g @tmuxmeter_style_spending '<alarm>'"])
    assert tmux_server.format(text) == "<alarm>pane#[default]"


def test_every_placeholder_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "tmux.md").read_text("utf-8")
    assert [name for name in PLACEHOLDERS if "#{" + name + "}" not in text] == []
    assert [name for name in OPTION_NAMES if f"`{name}`" not in text] == []
    for verdict, style in VERDICT_STYLES.items():
        assert f"| `@tmuxmeter_style_{verdict}` | `{style}` |" in text


def test_bare_names_are_looked_up_as_tmux_s_own(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux.run(["set-environment", "-gh", "TMUXMETER_LEASE", str(int(time.time()) + 60)])
    for waiting, word in (("2", "some"), ("0", "none")):
        tmux.run(["set-environment", "-gh", "TMUXMETER_WAITING", waiting])
        text = interpolate("#{?tmuxmeter_waiting,some,none} #{p3:tmuxmeter_waiting}|")
        assert tmux_server.format(text) == f"{word} {waiting}  |"


def test_where_an_unknown_placeholder_stands_is_told(home: Path, tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set", "-g", "status-left", "#{tmuxmeter_totl}#{tmuxmeter_pane}")
    tmux_server.run("set", "-g", "status-right", "#{?tmuxmeter_qqqqqqqqqqqq,a,b}")
    told = (
        "status-left: there is no #{tmuxmeter_totl}; did you mean #{tmuxmeter_total}?",
        "status-right: there is no #{tmuxmeter_qqqqqqqqqqqq}",
    )
    assert look_at_formats(tmux).unknown == told
    here = ("--socket", tmux_server.socket, "--home", home)
    try:
        assert tmuxmeter("up", "--quiet", *here).stderr == "".join(
            f"tmuxmeter: {t}\n" for t in told
        )
    finally:
        tmuxmeter("down", *here)
    assert look_at_formats(tmux).unknown == told
