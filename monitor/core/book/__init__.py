"""The state of one entity, and what a partition's entities share: pure data with upserts, read through the view."""
