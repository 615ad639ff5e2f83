"""What tmux says, and what we tell it."""
