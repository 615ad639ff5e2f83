"""A played week: marked, realistic logs of three agents, for people who have none yet."""

from tmuxmeter.paths import DEMO_MARK as MARK

__all__ = ["MARK"]
