"""Report data as short strings for tmux and shell prompts."""
