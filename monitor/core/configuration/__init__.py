"""What outputs depend on, as the journal carries it (JOURNAL 5)."""
