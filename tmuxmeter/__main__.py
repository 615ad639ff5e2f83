"""``python -m tmuxmeter``."""

from tmuxmeter.cli import main

if __name__ == "__main__":
    main()
