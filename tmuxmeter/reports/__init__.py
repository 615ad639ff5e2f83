"""Today, days, sessions, panes as plain data: what `--json` prints."""
