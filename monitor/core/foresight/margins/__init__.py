"""What the tightest rule had to spare over time, and what that says of buffers and of a shortfall to come."""
