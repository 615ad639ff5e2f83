"""Hooks in the agents themselves: they hold, and they report what logs can't tell."""
