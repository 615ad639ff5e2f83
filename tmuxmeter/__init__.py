"""Dollars, tokens and a breakeven light for the coding agents in your tmux panes."""

__version__ = "0.1.0"
