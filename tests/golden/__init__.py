"""The bytes of a seeded run, kept as digests: whatever changes one of them is seen, and renewed on purpose (make golden)."""
