"""What stands before anything runs: the configuration, methods, feeds, topics and their schemas."""
