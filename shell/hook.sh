#!/bin/sh
# What a coding agent runs where `tmuxmeter hooks install` was told to:
#
#   hook.sh AGENT EVENT --runtime DIR [--python FILE] [--timeout SECONDS] [--grace SECONDS]
#   hook.sh claude statusLine --runtime DIR [--then COMMAND]
#
# A tool call while nobody is held passes with builtins of the shell alone; Python is started only
# for a session that is held. It never ends with 2, which agents take for a refusal: whatever goes
# wrong here, the agent goes on.

agent=${1-} event=${2-}
runtime='' python='' timeout=86400 grace=15 command=''
while [ $# -gt 3 ]; do
    case $3 in
    --runtime) runtime=$4 ;;
    --python) python=$4 ;;
    --timeout) timeout=$4 ;;
    --grace) grace=$4 ;;
    --then) command=$4 ;;
    esac
    first=$1 second=$2
    shift 4
    set -- "$first" "$second" "$@"
done

# Is there any flag? Drafts of flags begin with a dot.
any_flag() {
    set -- "$runtime/hold/"*
    [ -e "$1" ] || [ -L "$1" ]
}

# Can one of the flags be for this call? Only if the session it names stands in what the agent tells.
# A flag that is unusual in any way is the waiting program's business.
may_be_held() {
    for flag in "$runtime/hold/"*; do
        { [ -f "$flag" ] && [ ! -L "$flag" ]; } || return 0
        session=''
        while IFS= read -r line; do
            case $line in
            *'"session": "'*)
                session=${line#*'"session": "'}
                session=${session%%'"'*}
                ;;
            esac
        done 2>/dev/null <"$flag"
        case $session in
        '' | *[!A-Za-z0-9_.-]*) return 0 ;;
        esac
        case $payload in
        *"$session"*) return 0 ;;
        esac
    done
    return 1
}

# Sets pids to "PID:START PID:START ..." of the process above this one and its ancestors.
find_pids() {
    pids='' pid=$PPID steps=0
    if [ ! -r /proc/self/stat ]; then
        pids=$(ps -A -o pid= -o ppid= | awk -v pid="$PPID" '
            { above[$1] = $2 }
            END { while (pid > 1 && steps++ < 24) { printf " %d:", pid; pid = above[pid] } }')
        return
    fi
    while [ "$pid" -gt 1 ] && [ "$steps" -lt 24 ]; do
        read_stat "$pid" || return
        pids="$pids $pid:$start" pid=$above steps=$((steps + 1))
    done
}

# Sets above and start to a process's parent and start mark. A program's name may hold anything.
read_stat() {
    stat=''
    while IFS= read -r line || [ -n "$line" ]; do
        stat="$stat $line"
    done 2>/dev/null <"/proc/$1/stat"
    set -f
    # shellcheck disable=SC2086 # to be split
    set -- ${stat##*) }
    set +f
    [ $# -ge 20 ] || return 1
    above=$2
    shift 19
    start=$1
}

# Leaves its input for the watcher, under a name made of numbers; fails if the disk refuses.
drop() { # drop NAME EVENT
    inbox=$runtime/inbox
    { [ -d "$inbox" ] && [ ! -L "$inbox" ]; } || return 0
    name=$1 what=$2
    set -- "$inbox/"*
    [ $# -lt 1000 ] || return 0
    umask 077
    draft=$inbox/.$$.draft
    if {
        printf 'tmuxmeter-hook 1\nagent %s\nevent %s\npids%s\n' "$agent" "$what" "$pids" &&
            one_line tmux "${TMUX-}" && one_line pane "${TMUX_PANE-}" &&
            printf '\n' && head -c 65536
    } 2>/dev/null >"$draft" && mv -f "$draft" "$inbox/$name" 2>/dev/null; then
        return 0
    fi
    rm -f "$draft" 2>/dev/null
    return 1
}

one_line() {
    case $2 in
    *'
'*) return 0 ;;
    esac
    printf '%s %s\n' "$1" "$2"
}

# Tells the watcher that nothing can be held. One file, however often.
cannot_hold() {
    find_pids
    printf '{"hold":"unusable","text":"%s"}' "$1" | drop 1 Hold
    pass
}

# Lets the agent go on. Its input is read to the end: some agents take a closed pipe for a failure.
pass() {
    case $agent in
    cursor | gemini) printf '{}\n' ;;
    esac
    if command -v cat >/dev/null; then
        exec cat >/dev/null
    fi
    exit 0
}

# Runs the user's own status line with the same input, ended when this is.
status_line() {
    printf '%s' "$payload" | /bin/sh -c "$command" &
    child=$!
    trap 'kill "$child" 2>/dev/null; exit 1' TERM HUP INT
    wait "$child"
    exit
}

[ -n "$runtime" ] || pass

case $event in
PreToolUse | BeforeTool | preToolUse | PreCompact | UserPromptSubmit | BeforeAgent | \
    beforeSubmitPrompt)
    if [ -L "$runtime/hold" ]; then
        cannot_hold 'the folder of hold flags is a link'
    fi
    if [ -d "$runtime/hold" ] && { [ ! -r "$runtime/hold" ] || [ ! -x "$runtime/hold" ]; }; then
        cannot_hold 'the folder of hold flags cannot be read'
    fi
    any_flag || pass
    payload=$(cat)
    may_be_held || pass
    here=${0%/*}
    for program in "$here/../tmuxmeter/hooks/waiting.py" "$here/../../hooks/waiting.py"; do
        [ -r "$program" ] && break
    done
    [ -r "$program" ] || cannot_hold 'the program that waits is missing: install tmuxmeter again'
    command -v "$python" >/dev/null || cannot_hold 'Python is gone: run tmuxmeter hooks install again'
    find_pids
    # neither the folder the agent works in nor its environment has a say in what is run
    exec "$python" -I -S "$program" "$agent" "$event" "$runtime" "$timeout" "$grace" "$pids" <<END
$payload
END
    ;;
SessionStart | SessionEnd | sessionStart | sessionEnd | stop)
    find_pids
    name=$$
    if [ -r /proc/self/stat ] && read_stat $$; then
        name=$$.$start
    fi
    if ! drop "$name" "$event"; then
        echo "tmuxmeter: can't write to $runtime/inbox; this session may be booked to no pane" >&2
        exit 1
    fi
    pass
    ;;
statusLine)
    payload=$(cat && printf x)
    payload=${payload%x}
    find_pids
    first=${pids# }
    first=${first%% *}
    # one file per agent process: the newest counts
    printf '%s' "$payload" | drop "0.${first%:*}.0${first#*:}" statusLine
    [ -n "$command" ] || exit 0
    status_line
    ;;
esac
pass
