"""The one long-running process: it wires logs, ledger, panes and tmux together."""
