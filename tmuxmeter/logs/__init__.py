"""Following agents' log files and reading them cold, whatever is in them."""
