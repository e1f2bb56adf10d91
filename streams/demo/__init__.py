"""The demo: a seeded story, the simulator that publishes it, the daemon as a child process."""
