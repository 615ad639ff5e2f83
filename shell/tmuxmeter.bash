# tmuxmeter for the bash prompt. Source it in ~/.bashrc, then use what it sets in PS1:
#   PS1='${TMUXMETER_PROMPT:+$TMUXMETER_PROMPT }'"$PS1"
# Sets TMUXMETER_TOTAL (today), TMUXMETER_PANE (this tmux pane, where it spent anything) and
# TMUXMETER_PROMPT (both); all are empty when the meter is not running. Reads one small file with
# builtins, starts no process. Needs bash 4.2 or newer.
# shellcheck shell=bash
# The variables are for the user's PS1:
# shellcheck disable=SC2034

__tmuxmeter_read() {
    local now lease total line key='' rest
    TMUXMETER_TOTAL='' TMUXMETER_PANE='' TMUXMETER_PROMPT=''
    [[ -r $1 ]] || return 1
    printf -v now '%(%s)T' -1 2>/dev/null || return 1
    if [[ -n ${TMUX:-} && -n ${TMUX_PANE:-} ]]; then
        rest=${TMUX%,*}
        key="${rest##*,},$TMUX_PANE"$'\t'
    fi
    {
        IFS= read -r lease && IFS= read -r total || return 1
        [[ $lease =~ ^[0-9]{1,12}$ ]] && ((lease > now)) || return 1
        while [[ -n $key ]] && IFS= read -r line; do
            if [[ $line == "$key"* ]]; then
                TMUXMETER_PANE=${line#"$key"}
                break
            fi
        done
    } <"$1"
    TMUXMETER_TOTAL=$total
    TMUXMETER_PROMPT=${TMUXMETER_PANE:+$TMUXMETER_PANE of }$total
}

tmuxmeter_prompt() {
    local status=$? file
    for file in "${TMUXMETER_PROMPT_FILE:-}" \
        "${XDG_STATE_HOME:-${HOME:-}/.local/state}/tmuxmeter/run/prompt" \
        "${HOME:-}/Library/Application Support/tmuxmeter/run/prompt"; do
        __tmuxmeter_read "$file" && break
    done
    # What runs after this in PROMPT_COMMAND still sees how the user's command ended.
    return "$status"
}

if [[ ";${PROMPT_COMMAND[*]:-};" != *tmuxmeter_prompt* ]]; then
    PROMPT_COMMAND="tmuxmeter_prompt${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
fi
