"""Holding an agent where it is, and letting it go on without losing anything."""
