"""A played week: marked, realistic logs of three agents, for people who have none yet."""
