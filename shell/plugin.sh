# Helpers of tmuxmeter.tmux. Sourced by bash, 3.2 or newer (macOS).
# shellcheck shell=bash

# Prints the tmuxmeter command to use: on the PATH, in ~/.local/bin (which tmux servers often don't
# have on theirs), or in the plugin's own environment.
tmuxmeter_command() {
    local candidate
    if command -v tmuxmeter; then
        return 0
    fi
    for candidate in "${HOME:-}/.local/bin/tmuxmeter" "$1/.venv/bin/tmuxmeter"; do
        if [ -x "$candidate" ]; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# Shows one line on an attached client; waits for one, because plugins start before any is there.
# tmux would expand #{…}, #(…) and %H in it.
tmuxmeter_say() {
    local text="tmuxmeter: ${1#tmuxmeter: }" attempt
    text="${text//#/##}"
    text="${text//%/%%}"
    for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if [ -n "$(tmux list-clients -F x 2>/dev/null)" ]; then
            tmux display-message -d 10000 "$text"
            return
        fi
        sleep "$((attempt < 5 ? 1 : 3))"
    done
}

# Starts the meter for the server in $TMUX and tells what went wrong.
tmuxmeter_up() {
    local command socket answer
    if ! command="$(tmuxmeter_command "$1")"; then
        tmuxmeter_say "the tmuxmeter command is missing: pipx install '$1' (or run make in that folder)"
        return 1
    fi
    socket="${TMUX%,*}"
    socket="${socket%,*}"
    if ! answer="$("$command" up --socket "$socket" --quiet 2>&1 </dev/null)"; then
        answer="${answer##*$'\n'}"
        tmuxmeter_say "${answer:-$command up failed without a word}"
        return 1
    fi
    # quiet, it only says what is wrong with the options
    if [ -n "$answer" ]; then
        tmuxmeter_say "${answer##*$'\n'}"
    fi
}

# Goes to the background, so that tmux's start waits for nothing.
tmuxmeter_start() {
    if [ -z "${TMUX:-}" ]; then
        echo "tmuxmeter: run this from tmux (run-shell), or use: tmuxmeter up" >&2
        return 1
    fi
    tmuxmeter_up "$1" >/dev/null 2>&1 &
}
