"""A played week: marked, realistic logs of three agents, for people who have none yet."""

MARK = ".tmuxmeter-demo"
"""A file of this name in a home tells that everything below it is played."""
