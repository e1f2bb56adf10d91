"""What was published, why, and how outsiders check it."""
