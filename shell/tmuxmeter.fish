# tmuxmeter for the fish prompt. Source it in config.fish, then call it in your prompt:
#   function fish_right_prompt
#       tmuxmeter_prompt
#   end
# Prints what this tmux pane (where it spent anything) and the day have cost, nothing when the meter
# is not running. Reads one small file with builtins, starts no process. Needs fish 3.5 or newer.

function __tmuxmeter_read --argument-names file
    test -r "$file"; or return 1
    # fish has no clock of its own: the file's time plus its age is now.
    set -l now (math (builtin path mtime -- $file) + (builtin path mtime --relative -- $file))
    or return 1
    set -l key
    if set -q TMUX; and set -q TMUX_PANE
        set key (string split , -- $TMUX)[-2],$TMUX_PANE
    end
    set -l lease
    set -l total
    set -l pane
    begin
        read lease; and read total; or return 1
        string match --quiet --regex '^[0-9]{1,12}$' -- $lease; or return 1
        test $lease -gt $now; or return 1
        set -q key[1]; and while read -l --delimiter \t id text
            if test "$id" = "$key"
                set pane $text
                break
            end
        end
    end <$file
    if test -n "$pane"
        printf '%s of %s' $pane $total
    else
        printf '%s' $total
    end
end

function tmuxmeter_prompt --description 'What agents have spent in this tmux pane and today'
    set -l state $HOME/.local/state
    test -n "$XDG_STATE_HOME"; and set state $XDG_STATE_HOME
    for file in "$TMUXMETER_PROMPT_FILE" \
        $state/tmuxmeter/run/prompt "$HOME/Library/Application Support/tmuxmeter/run/prompt"
        __tmuxmeter_read $file; and break
    end
end
