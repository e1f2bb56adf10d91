"""Where coins and money lie: positions, the groups that move them together, client money."""
