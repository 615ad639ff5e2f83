"""Report data as terminal text."""
