"""The hot path: trades counted once and added up in cells."""
