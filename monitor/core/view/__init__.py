"""The read-only sight of a book at an instant: what methods may read, and the gaps that reading leaves."""
