"""Which session runs in which pane: evidence, confidence, history."""
