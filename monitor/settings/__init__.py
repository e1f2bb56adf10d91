"""The configuration: its sections, how it is loaded, and the part of it that goes into the journal."""
