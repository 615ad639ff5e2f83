"""What was spent, where and when: one SQLite file, one writer, readers that never wait."""
