# tmuxmeter for the zsh prompt. Source it in ~/.zshrc, then use what it sets in the prompt:
#   setopt prompt_subst
#   PROMPT='${TMUXMETER_PROMPT:+$TMUXMETER_PROMPT }'"$PROMPT"
# Sets TMUXMETER_TOTAL (today), TMUXMETER_PANE (this tmux pane, where it spent anything) and
# TMUXMETER_PROMPT (both); all are empty when the meter is not running. Reads one small file with
# builtins, starts no process.

zmodload zsh/datetime

__tmuxmeter_read() {
    emulate -L zsh
    local lease total line key='' rest
    TMUXMETER_TOTAL='' TMUXMETER_PANE='' TMUXMETER_PROMPT=''
    [[ -r $1 ]] || return 1
    if [[ -n ${TMUX:-} && -n ${TMUX_PANE:-} ]]; then
        rest=${TMUX%,*}
        key="${rest##*,},$TMUX_PANE"$'\t'
    fi
    {
        IFS= read -r lease && IFS= read -r total || return 1
        [[ $lease == <1-> && $#lease -lt 13 ]] && ((lease > EPOCHSECONDS)) || return 1
        while [[ -n $key ]] && IFS= read -r line; do
            if [[ $line == "$key"* ]]; then
                TMUXMETER_PANE=${line#"$key"}
                break
            fi
        done
    } <$1
    # A prompt takes % for an escape of its own.
    TMUXMETER_PANE=${TMUXMETER_PANE//\%/%%}
    TMUXMETER_TOTAL=${total//\%/%%}
    TMUXMETER_PROMPT=${TMUXMETER_PANE:+$TMUXMETER_PANE of }$TMUXMETER_TOTAL
}

tmuxmeter_prompt() {
    local file
    for file in "${TMUXMETER_PROMPT_FILE:-}" \
        "${XDG_STATE_HOME:-$HOME/.local/state}/tmuxmeter/run/prompt" \
        "$HOME/Library/Application Support/tmuxmeter/run/prompt"; do
        __tmuxmeter_read "$file" && break
    done
    return 0
}

typeset -ga precmd_functions
(( ${precmd_functions[(Ie)tmuxmeter_prompt]} )) || precmd_functions+=(tmuxmeter_prompt)
