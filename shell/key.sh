#!/bin/sh
# What a key that `tmuxmeter up` bound runs: a command of tmuxmeter, whose answer is shown in the
# status line of the client that pressed it.
#
#   key.sh CLIENT COMMAND...          as it is
#   key.sh --typed PANE CLIENT COMMAND...   with the words that were typed for this pane, and why

typed='' why=''
if [ "$1" = --typed ]; then
    pane=$2
    shift 2
    # what was typed never comes through a shell: tmux keeps it in options of the pane
    typed=$(tmux show-options -pqv -t "$pane" @tmuxmeter_typed)
    why=$(tmux show-options -pqv -t "$pane" @tmuxmeter_why)
    tmux set-option -pqu -t "$pane" @tmuxmeter_typed \; set-option -pqu -t "$pane" @tmuxmeter_why
fi
client=$1
shift
set -f
# shellcheck disable=SC2086 # words are to be split, and nothing else
answer=$("$@" ${typed:+$typed} ${why:+--why "$why"} 2>&1 </dev/null)
set +f
# tmux would expand #{...}, #(...) and %H in it
answer=$(printf '%s\n' "$answer" | sed -n '$ { s/^tmuxmeter: //; s/#/##/g; s/%/%%/g; p; }')
if [ -n "$client" ]; then
    tmux display-message -c "$client" -d 6000 "tmuxmeter: ${answer:-done}"
else
    tmux display-message -d 6000 "tmuxmeter: ${answer:-done}"
fi
